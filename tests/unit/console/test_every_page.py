"""What holds for every page: who may see it, that it is well-formed, and that a screen reader can use it."""

from __future__ import annotations

import pytest
from flask import Flask

from connector.bootstrap import Program
from connector.people.roles import Role
from tests.unit.console.conftest import HOSTILE, Reader, signed_in

PAGES = (
    "/",
    "/invoices",
    "/invoices?outcome=mapped&q=PLAIN",
    "/invoices?q=nothing-of-the-name",
    "/invoices/PLAIN",
    "/inbox",
    "/inbox?mine=me",
    "/inbox?reason_code=changed_after_submission",
    "/acts/8",
    "/acts/8/correct",
    "/companies",
    "/companies?suggest=yes",
    "/runs",
    "/runs/2",
    "/runs/2/records?currency=USD&kind=pulled",
    "/deliveries",
    "/deliveries/1",
    "/deliveries/inbox",
    "/deliveries/inbox/1",
    "/audit?check=chain",
    "/connections",
    "/connections/books",
    "/connections/bank",
    "/connections/-/new",
    "/connections/-/new/finexio",
    "/deliveries/repeat",
    "/settings",
    "/settings/tokens",
    "/settings/configuration",
)


def first(page: Reader, address: str) -> str:
    """`/invoices/PLAIN` stands for the life of that invoice."""
    if address == "/invoices/PLAIN":
        return page("/invoices?q=PLAIN").link("PLAIN-1")
    return address


@pytest.mark.parametrize("address", PAGES)
def test_it_is_well_formed_and_labelled(page: Reader, address: str):
    found = page(first(page, address))

    assert not found.crossed
    ids = [e.attributes["id"] for e in found.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids)), [i for i in ids if ids.count(i) > 1]
    assert found.one("html").attributes["lang"] == "en"
    assert found.one("h1").text
    assert found.all("title")[0].text.endswith("· Invoice financing")
    assert len(found.all("main")) == 1
    assert len(found.all("caption")) == len(found.all("table"))
    for heading in found.all("th"):
        assert heading.attributes.get("scope") in ("col", "row", "rowgroup")
    labelled = {e.attributes.get("for") for e in found.all("label")}
    for control in found.all("input") + found.all("select"):
        is_hidden = control.attributes.get("type") == "hidden"
        assert (
            is_hidden
            or "aria-label" in control.attributes
            or control.attributes.get("id") in labelled
        ), control.attributes
    for element in found.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            for target in (element.attributes.get(name) or "").split():
                assert target in ids, f"{name}={target}"


@pytest.mark.parametrize("address", PAGES)
def test_nothing_stands_in_the_page_that_its_policy_forbids(page: Reader, address: str):
    found = page(first(page, address))

    for element in found.elements:
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.name == "script":
            assert (element.attributes.get("src") or "").startswith("/static/")
        for name in ("href", "src", "action"):
            value = element.attributes.get(name) or ""
            assert not value.startswith(("//", "javascript:", "data:"))
            assert element.name == "a" or value.startswith(("/", "#")) or not value


@pytest.mark.parametrize("address", ["/invoices", "/inbox", "/deliveries", "/"])
def test_hostile_text_of_an_invoice_stays_text(page: Reader, address: str):
    source = page(address).source

    assert "<script>alert" not in source
    if address == "/invoices":
        assert HOSTILE in page(address).text


def test_hostile_text_stays_text_in_the_life_of_its_invoice(page: Reader):
    life = page(page("/invoices").link(HOSTILE))

    assert life.one("h1").text == f"Invoice {HOSTILE}"
    assert "<script>alert" not in life.source
    assert not life.all("script")


@pytest.mark.parametrize("address", PAGES)
def test_a_stranger_is_sent_to_sign_in(app: Flask, program: Program, address: str):
    signed_in(app, program, Role.ADMIN)
    answer = app.test_client().get("/invoices" if address == "/invoices/PLAIN" else address)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


def test_the_navigation_marks_the_page_one_is_on(page: Reader):
    marked = [e for e in page("/runs/2").all("a") if e.attributes.get("aria-current") == "page"]

    assert [e.text for e in marked] == ["Runs and totals"]


def test_the_navigation_hides_what_a_role_may_not_do(app: Flask, program: Program):
    viewer = Reader(signed_in(app, program, Role.VIEWER))
    links = [e.text for e in viewer("/").all("a")]

    assert "Invoices" in links
    assert "Settings & people" not in links


@pytest.mark.parametrize("address", ["/invoices/r999999", "/runs/999", "/deliveries/999", "/deliveries/inbox/999", "/nowhere"])  # fmt: skip
def test_what_is_not_there_is_said_on_a_page(page: Reader, address: str):
    assert page(address, 404).one("h1").text


def test_the_colours_are_kept_and_lead_back_to_this_site_only(app: Flask, page: Reader):
    client = app.test_client()
    for back, place in (
        ("/invoices?q=a", "/invoices?q=a"),
        ("https://example.com/", "/"),
        ("//example.com", "/"),
        ("/\\example.com", "/"),
        ("javascript:alert(1)", "/"),
    ):
        answer = client.get("/theme/dark", query_string={"back": back})
        assert answer.headers["Location"] == place
    assert page("/").one("html").attributes.get("data-theme") is None
    page.client.get("/theme/dark")
    assert page("/").one("html").attributes["data-theme"] == "dark"
    page.client.get("/theme/auto")
    assert "data-theme" not in page("/").one("html").attributes
