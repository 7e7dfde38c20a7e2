"""The list of invoices: its filters, its sums, its export; and the life of one."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.console.exporting import FORMULA_STARTS, cell
from tests.unit.console.conftest import ACCOUNT_NUMBER, HOSTILE, Reader

NUMBERS = {"PLAIN-1", HOSTILE, "=1+2", "SECRET-4", "PAID-5", "CHANGED-6"}


def shown(page: Reader, query: str) -> set[str]:
    """The numbers of the invoices that a selection shows."""
    found = page(f"/invoices?{query}")
    return {e.text for e in found.all("a") if e.text in NUMBERS}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", NUMBERS),
        ("q=plain", {"PLAIN-1"}),
        ("q=plain+1", {"PLAIN-1"}),
        ("q=%25", set()),
        ("q=%3D1%2B2", {"=1+2"}),
        ("outcome=excluded", {"PAID-5"}),
        ("outcome=held", {"CHANGED-6"}),
        ("outcome=held&reason_code=changed_after_submission", {"CHANGED-6"}),
        ("currency=usd", NUMBERS),
        ("currency=EUR", set()),
        ("amount_from=44.44&amount_to=55.55", {"SECRET-4", "PAID-5"}),
        ("amount_from=44.441&amount_to=55.549", set()),
        ("amount_from=1,000", {"PLAIN-1", HOSTILE}),
        ("connection=books", NUMBERS),
        ("state=submitted&outcome=mapped", NUMBERS - {"PAID-5", "CHANGED-6"}),
        ("due_to=2026-01-01", set()),
        ("due_from=2026-01-01", NUMBERS),
    ],
)
def test_a_selection_has_an_address(page: Reader, query: str, numbers: set[str]):
    assert shown(page, query) == numbers


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("outcome=nonsense", "There is no outcome"),
        ("due_from=yesterday", "is not a date"),
        ("amount_to=much", "is not an amount"),
        ("currency=XYZ", "is no ISO 4217 currency"),
        ("before=-4", "is not a row number"),
        ("connection=nobody", "There is no connection"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_said(page: Reader, query: str, said: str):
    assert said in page(f"/invoices?{query}").text


def test_the_sums_are_those_of_the_whole_selection(page: Reader):
    sums = [e.text for e in page("/invoices").all("dl")]
    assert sums == ["6 invoices 3,711.10 USD"]
    assert [e.text for e in page("/invoices?q=PLAIN").all("dl")] == ["1 invoice 1,000.01 USD"]


def test_the_export_is_the_selection_and_no_cell_is_a_formula(page: Reader):
    answer = page.client.get("/invoices/export.csv?q=1")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    assert answer.headers["Content-Disposition"] == 'attachment; filename="invoices.csv"'
    numbers = {row["invoice_number"]: row for row in rows}
    assert numbers["'=1+2"]["amount"] == "33.33"
    assert numbers["PLAIN-1"]["currency"] == "USD"
    assert all(not value.startswith(FORMULA_STARTS) for row in rows for value in row.values())


def test_the_export_as_json_keeps_amounts_exact(page: Reader):
    lines = json.loads(page.client.get("/invoices/export.json").text, parse_float=str)

    assert {line["invoice_number"] for line in lines} == NUMBERS
    plain = next(line for line in lines if line["invoice_number"] == "PLAIN-1")
    assert (plain["amount"], plain["amount_minor_units"]) == ("1000.01", 100001)
    assert json.loads(page.client.get("/invoices/export.json?q=no-such").text) == []


@given(st.text())
def test_a_cell_never_begins_a_formula(text: str):
    made = cell(text)

    assert not made.startswith(FORMULA_STARTS)
    assert made.removeprefix("'") == text or made == text


def test_a_life_is_on_one_page(page: Reader):
    life = page(page("/invoices?q=PLAIN").link("PLAIN-1"))

    for said in ("1,000.01 USD", "Status timeline", "Submission", "Documents", "Audit"):
        assert said in life.text
    assert "invoice sent" in life.text
    assert "invoice_due_date" in life.text  # the mapping's explanation names the source's fields


def test_a_life_shows_what_each_version_changed(page: Reader):
    life = page(page("/invoices?q=CHANGED").link("CHANGED-6"))

    assert "6666" in [e.text for e in life.all("del")]
    assert "7777" in [e.text for e in life.all("ins")]
    assert "changed after it was sent" in life.text


def test_secret_fields_are_on_no_page(page: Reader):
    life = page(page("/invoices?q=SECRET").link("SECRET-4"))

    assert "account_number" in life.text
    for address in ("/invoices", "/invoices/export.json", "/deliveries", "/audit"):
        assert ACCOUNT_NUMBER not in page.client.get(address).text
    assert ACCOUNT_NUMBER not in life.source


def test_the_platforms_words_for_a_failed_attempt_are_shown(page: Reader):
    text = "".join(page(page("/invoices").link(number)).text for number in NUMBERS - {"PAID-5"})

    assert "HTTP 500" in text


def test_a_document_is_saved_and_not_shown(page: Reader):
    life = page(page("/invoices?q=PLAIN").link("PLAIN-1"))
    address = next(
        e.attributes["href"] or "" for e in life.all("a") if "/documents/" in (e.attributes.get("href") or "")
    )  # fmt: skip
    answer = page.client.get(address)

    assert answer.data.startswith(b"%PDF")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    stranger = page("/invoices?q=SECRET").link("SECRET-4")
    assert page.client.get(f"{stranger}/documents/{address.rpartition('/')[2]}").status_code == 404


def test_one_invoice_is_found_by_every_name_it_has(page: Reader):
    (line,) = json.loads(page.client.get("/invoices/export.json?q=PLAIN").text)
    life = page(page("/invoices?q=PLAIN").link("PLAIN-1"))
    codes = {e.text for e in life.all("code")} - {line["source_id"]}
    remote = next(code for code in codes if code.startswith("inv_"))

    for word in (line["source_id"], line["client_reference_id"], line["record"], remote):
        assert "PLAIN-1" in shown(page, f"q={word}"), word
        if word != remote:
            assert "PLAIN-1" in page(f"/invoices/{word}").one("h1").text
