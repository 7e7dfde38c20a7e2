"""What somebody enters becomes a value of the kind that the mapping describes, or is refused in one sentence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.errors import RecordRejected
from connector.inbox_actions.entering import Correctable, entered_text
from connector.system import Stream
from mappings import load_mapping, shipped
from tests.unit.mappings.documents import RECORD, document

EVERY_KIND = document().replace(
    "[record]\n",
    '[record]\nwhole = "integer"\nexact = "decimal"\nday = "date"\nflag = "yes_or_no"\nwords = "text"\n'
    'at = "timestamp"\nopen = "required"\n"parts[].due" = "date"\nparts = "list"\nsecret_code = "text"\n'
    'touched = "text"\n',
    1,
)
MAPPING = load_mapping(EVERY_KIND, name="kinds")
STREAM = Stream("invoices", mapped=True, incremental=True, volatile_fields=("touched",))


def correctable(**record: Any) -> Correctable:
    return Correctable(MAPPING, STREAM, "inv-1", {**RECORD, **record})


@pytest.mark.parametrize(
    ("path", "given", "value"),
    [
        ("whole", " 12 ", 12),
        ("whole", 12, 12),
        ("whole", "-3", -3),
        ("exact", "12.50", "12.50"),
        ("day", "2026-11-30", "2026-11-30"),
        ("flag", "Yes", True),
        ("flag", False, False),
        ("words", " text ", "text"),
        ("words", "ä€ 名", "ä€ 名"),
        ("at", "2026-11-30T10:00:00Z", "2026-11-30T10:00:00Z"),
        ("open", "anything", "anything"),
        ("whole", "", None),
        ("day", None, None),
        ("words", "  ", None),
    ],
)
def test_values_are_of_the_kind_described(path: str, given: Any, value: Any):
    found = correctable().entered(path, given)
    assert (found.path, found.was, found.now) == (path, None, value)
    assert type(found.now) is type(value)


@pytest.mark.parametrize(
    ("source", "given", "value"),
    [
        (Decimal("1.10"), "2.20", Decimal("2.20")),
        (7, "8", 8),
        (True, "no", False),
        ("text", "12", "12"),
    ],
)
def test_where_the_kind_is_left_open_it_is_that_of_the_source(source: Any, given: Any, value: Any):
    found = correctable(open=source).entered("open", given)
    assert (found.was, found.now) == (source, value)
    assert type(found.now) is type(value)
    assert correctable(exact=Decimal(1)).entered("exact", "2.5").now == Decimal("2.5")


@pytest.mark.parametrize(
    ("path", "given", "said"),
    [
        ("whole", "1.5", "whole number"),
        ("whole", True, "whole number"),
        ("whole", "9" * 30, "whole number"),
        ("exact", "1e5", "a number such as"),
        ("exact", "NaN", "a number such as"),
        ("day", "30.11.2026", "calendar date"),
        ("day", "2026-02-30", "calendar date"),
        ("day", "20261130", "calendar date"),
        ("day", 20261130, "must be text"),
        ("flag", "perhaps", "yes or no"),
        ("flag", 1, "yes or no"),
        ("words", "a\tb", "one line"),
        ("words", "x" * 1001, "one line"),
        ("words", "\ud800", "one line"),
        ("words", "a\0", "one line"),
        ("words", True, "must be text"),
        ("parts", "x", "several values"),
        ("parts[].due", "x", "no single field"),
        ("parts[0].due", "2026-11-30", "entry of the list"),
        ("touched", "x", "changes with every change"),
        ("secret_code", "x", "secret field"),
        ("", "x", "no field"),
        ("a..b", "x", "no field"),
        ("x" * 500, "x", "no "),
        ("nothing", "x", "knows no field"),
    ],
)
def test_what_cannot_be_is_refused(path: str, given: Any, said: str):
    with pytest.raises(RecordRejected, match=said) as refused:
        correctable().entered(path, given)
    assert refused.value.field_path == path
    assert refused.value.remedy


def test_a_place_in_a_list_is_kept_by_its_number():
    parts = [{"due": "2026-11-01"}, {"due": "soon"}]
    found = correctable(parts=parts).entered("parts[last].due", "2026-12-01")
    assert (found.path, found.was) == ("parts[1].due", "soon")


def test_identifiers_companies_and_money_stay():
    finexio = load_mapping(shipped()["finexio"], name="finexio")
    stream = Stream("invoices", mapped=True, incremental=True, secret_fields=("account_number",))
    record = {"id": "x", "accounting_id": "inv-1", "receiving_counterparty_id": "s", "url": "a\nb"}
    fields = Correctable(finexio, stream, "inv-1", record)
    for path in (
        *("id", "accounting_id", "receiving_counterparty_id", "amount_cents", "currency", "url"),
        "account_number",
    ):
        with pytest.raises(RecordRejected):
            fields.entered(path, "other")
    assert fields.entered("originating_counterparty_id", "b").now == "b"


def test_texts_of_a_form():
    assert [entered_text(v) for v in (None, True, False, 1, Decimal("1.50"), "a")] == [
        *("", "yes", "no", "1", "1.50", "a")
    ]
