"""Runs: every total leads to the records it is made of, and agrees with them."""

from __future__ import annotations

from tests.unit.console.conftest import Reader


def test_every_total_of_every_run_agrees_with_its_records(page: Reader):
    runs = {
        e.attributes["href"] or ""
        for e in page("/runs?changed=only").all("a")
        if (e.attributes.get("href") or "").startswith("/runs/")
    }
    totals = {
        e.attributes["href"] or ""
        for run in runs
        for e in page(run).all("a")
        if "/records?" in (e.attributes.get("href") or "")
    }

    assert len(totals) >= 4
    for total in totals:
        assert "The total of the run and the records behind it agree" in page(total).text, total


def test_a_run_adds_up(page: Reader):
    shown = page("/runs/2").text

    assert "adds up" in shown
    assert "does not add up" not in shown


def test_filters_and_the_plot(page: Reader):
    shown = page("/runs?task=pull&state=succeeded")
    (plot,) = [e for e in shown.all("svg") if e.attributes.get("class") == "plot"]

    assert "Run 1, books pull" in plot.text
    assert len(shown.all("rect")) > 1
    assert "No run is here." in page("/runs?state=failed").text
    assert "There is no state" in page("/runs?state=nonsense").text


def test_a_total_that_is_not_there(page: Reader):
    assert page("/runs/2/records?currency=EUR&kind=held", 404).one("h1").text
