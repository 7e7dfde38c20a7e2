"""Well-formed answers with something in them that was not expected.

They are made from the platform's true answer: a list of records is found in it wherever it stands, and an answer that
holds one record is a list of one. Where an answer has nothing of the kind, it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.sandbox.fault_catalogue import Answer, Call, request_fault
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json

_STAMPS = ("created", "updated", "created_at", "updated_at", "create_date", "write_date")
_STATUSES = ("status", "state")
_NEXTS = ("next", "next_pagination_token")
_COUNTS = ("count", "total", "total_count")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ENVELOPES = ("results", "result", "data", "items")

# -- pages that are not what they were --------------------------------------------------------------------------------


@request_fault("repeated_record", "data")
def repeated_record(call: Call) -> Answer:
    """The first record of the page comes twice: somebody added one to an earlier page."""
    return _pages(call, lambda records: records.insert(0, dict(records[0])))


@request_fault("missing_record", "data", lie=True)
def missing_record(call: Call) -> Answer:
    """The first record of the page is not there: somebody deleted one from an earlier page, and all moved up."""
    return _pages(call, lambda records: records.pop(0))


@request_fault("reversed_page", "data")
def reversed_page(call: Call) -> Answer:
    """The records of the page come in the reverse order."""
    return _pages(call, list[JsonObject].reverse)


@request_fault("earlier_answer", "data", lie=True)
def earlier_answer(call: Call) -> Answer:
    """The thing is done; the answer is the one to the call before on this path (a cache in between)."""
    answer = call.perform()
    return call.earlier or answer


@request_fault("null_among_records", "data")
def null_among_records(call: Call) -> Answer:
    """Among the records of the page is null."""
    return _pages(call, lambda records: records.append(None))  # type: ignore[arg-type]


@request_fault("empty_page", "data", lie=True)
def empty_page(call: Call) -> Answer:
    """The page holds no records, whatever it counts and however it says that there is more."""
    return _pages(call, list[JsonObject].clear)


@request_fault("next_missing", "data", lie=True)
def next_missing(call: Call) -> Answer:
    """The page says that no other follows."""
    return _named(call, _NEXTS, lambda _next: None)


@request_fault("next_elsewhere", "data")
def next_elsewhere(call: Call) -> Answer:
    """The link to the next page leads to another host."""
    return _named(call, _NEXTS, lambda value: value and "http://elsewhere.invalid/?page=1")


@request_fault("count_grows", "data")
def count_grows(call: Call) -> Answer:
    """The page counts five records more than there are."""
    return _named(call, _COUNTS, lambda value: value + 5 if isinstance(value, int) else value)


@request_fault("count_shrinks", "data")
def count_shrinks(call: Call) -> Answer:
    """The page counts no records at all."""
    return _named(call, _COUNTS, lambda value: 0 if isinstance(value, int) else value)


# -- time -------------------------------------------------------------------------------------------------------------


@request_fault("equal_timestamps", "data")
def equal_timestamps(call: Call) -> Answer:
    """Every record of the page bears the timestamps of the first, also over the page's edge."""

    def change(records: list[JsonObject]) -> None:
        for record in records:
            record.update({k: records[0][k] for k in _STAMPS if k in record and k in records[0]})

    return _records(call, change)


@request_fault("clock_ahead", "data", lie=True)
def clock_ahead(call: Call) -> Answer:
    """Every timestamp is `seconds` (default 600) ahead, and the platform's own filters do not know it."""
    return _records(call, lambda records: _shift(records, call.seconds("seconds", 600)))


@request_fault("clock_behind", "data", lie=True)
def clock_behind(call: Call) -> Answer:
    """Every timestamp is `seconds` (default 600) behind, and the platform's own filters do not know it."""
    return _records(call, lambda records: _shift(records, -call.seconds("seconds", 600)))


@request_fault("clock_years_ahead", "data", lie=True)
def clock_years_ahead(call: Call) -> Answer:
    """Every timestamp is ten years ahead: a cursor that believed it would hide all that follows."""
    return _records(call, lambda records: _shift(records, 315_360_000))


@request_fault("unreadable_timestamps", "data", lie=True)
def unreadable_timestamps(call: Call) -> Answer:
    """Every timestamp is a word."""
    return _records(call, lambda records: _each(records, _STAMPS, lambda _value: "yesterday"))


# -- values -----------------------------------------------------------------------------------------------------------


@request_fault("new_field", "data")
def new_field(call: Call) -> Answer:
    """Every record has a field that no document knows."""

    def change(records: list[JsonObject]) -> None:
        for record in records:
            record["sandbox_novelty"] = {"depth": [1, None]}

    return _records(call, change)


@request_fault("keys_reordered", "data")
def keys_reordered(call: Call) -> Answer:
    """The fields of every record come in another order."""

    def change(records: list[JsonObject]) -> None:
        records[:] = [dict(reversed(record.items())) for record in records]

    return _records(call, change)


@request_fault("missing_identifier", "data")
def missing_identifier(call: Call) -> Answer:
    """The first record has no identifier."""
    return _records(call, lambda records: records[0].pop("id", None))


@request_fault("null_identifier", "data")
def null_identifier(call: Call) -> Answer:
    """The first record's identifier is null."""
    return _records(call, lambda records: _each(records[:1], ("id",), lambda _value: None))


@request_fault("other_record", "data", lie=True)
def other_record(call: Call) -> Answer:
    """The first record bears the identifier of another."""
    return _records(call, lambda records: _each(records[:1], ("id",), _foreign))


@request_fault("amount_as_text", "data", lie=True)
def amount_as_text(call: Call) -> Answer:
    """Every amount is text."""
    return _records(call, lambda records: _amounts(records, _text))


@request_fault("amount_as_float", "data", lie=True)
def amount_as_float(call: Call) -> Answer:
    """Every amount has a fraction too long for its currency, as binary fractions print."""
    return _records(
        call, lambda records: _amounts(records, lambda v: _number(v) + Decimal("1E-12"))
    )


@request_fault("amount_in_another_unit", "data", lie=True)
def amount_in_another_unit(call: Call) -> Answer:
    """Every amount is a hundred times what it should be: cents for dollars."""
    return _records(call, lambda records: _amounts(records, lambda v: _like(v, _number(v) * 100)))


@request_fault("amount_negative", "data", lie=True)
def amount_negative(call: Call) -> Answer:
    """Every amount is negative."""
    return _records(call, lambda records: _amounts(records, lambda v: _like(v, -_number(v))))


@request_fault("amount_null", "data", lie=True)
def amount_null(call: Call) -> Answer:
    """Every amount is null."""
    return _records(call, lambda records: _amounts(records, lambda _value: None))


@request_fault("currency_changed", "data", lie=True)
def currency_changed(call: Call) -> Answer:
    """Every currency that is written as text is another one."""
    return _records(call, lambda records: _each(records, ("currency",), _other_currency))


@request_fault("unknown_status", "data", lie=True)
def unknown_status(call: Call) -> Answer:
    """Every status is a word that no document knows."""
    return _records(call, lambda records: _each(records, _STATUSES, lambda _value: "galactic"))


@request_fault("null_status", "data", lie=True)
def null_status(call: Call) -> Answer:
    """Every status is null."""
    return _records(call, lambda records: _each(records, _STATUSES, lambda _value: None))


# -- how -------------------------------------------------------------------------------------------------------------


def _pages(call: Call, change: Callable[[list[JsonObject]], object]) -> Answer:
    """Change the list of an answer that is a list."""
    return _edited(call, lambda body: _if_any(_listed(body), change))


def _records(call: Call, change: Callable[[list[JsonObject]], object]) -> Answer:
    """Change the records of an answer, be they many or one."""

    def edit(body: Any) -> None:
        _if_any(_listed(body) or ([body] if _is_record(body) else []), change)

    return _edited(call, edit)


def _named(call: Call, names: tuple[str, ...], change: Callable[[Any], Any]) -> Answer:
    """Change the named fields beside the list of an answer."""

    def edit(body: Any) -> None:
        if isinstance(body, dict) and _listed(body):
            body.update({name: change(body[name]) for name in names if name in body})

    return _edited(call, edit)


def _edited(call: Call, edit: Callable[[Any], None]) -> Answer:
    answer = call.perform().plain()
    if not 200 <= answer.status < 300:
        return answer
    try:
        body = from_json(answer.body)
    except NotJsonError:
        return answer
    edit(body)
    return replace(answer, body=to_json(body))


def _if_any(records: list[JsonObject], change: Callable[[list[JsonObject]], object]) -> None:
    if records:
        change(records)


def _listed(body: Any) -> list[JsonObject]:
    """The list of records in an answer; an empty list when there is none."""
    if isinstance(body, list) and body and all(isinstance(entry, dict) for entry in body):
        return body
    if not isinstance(body, dict):
        return []
    # A record of its own has lists too (an invoice its installments): only an envelope's list is one of records.
    values = [body[name] for name in _ENVELOPES if name in body]
    values += [] if _is_record(body) else body.values()
    return next((found for value in values if (found := _listed(value))), [])


def _is_record(body: Any) -> bool:
    return isinstance(body, dict) and body.get("id") is not None and "result" not in body


def _each(records: list[JsonObject], names: tuple[str, ...], change: Callable[[Any], Any]) -> None:
    for record in records:
        record.update({name: change(record[name]) for name in names if name in record})


def _amounts(records: list[JsonObject], change: Callable[[Any], Any]) -> None:
    """Change whatever is called an amount and is a number: plain, or typed as Tryton writes it."""
    for record in records:
        for name, value in record.items():
            if "amount" in name and _is_number(value):
                record[name] = change(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, dict):
        # A seeded defect may be no number in its turn.
        text = str(value.get("decimal")) if value.get("__class__") == "Decimal" else ""
        return _PLAIN_NUMBER.fullmatch(text) is not None
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _number(value: Any) -> Decimal:
    return Decimal(value["decimal"] if isinstance(value, dict) else value)


def _like(value: Any, number: Decimal) -> Any:
    """A number in the form the value had."""
    if isinstance(value, dict):
        return {**value, "decimal": format(number, "f")}
    return int(number) if isinstance(value, int) else number


def _text(value: Any) -> str:
    return format(_number(value), "f")


def _foreign(value: Any) -> Any:
    return value + 900_000 if isinstance(value, int) else f"{str(value)[:-1]}~"


def _other_currency(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    other = "CHF" if value.upper() != "CHF" else "SEK"
    return other.lower() if value.islower() else other


def _shift(records: list[JsonObject], seconds: float) -> None:
    """Move what can be read as an instant; a naive one stays naive, and a typed one typed."""

    def shifted(value: Any) -> Any:
        if isinstance(value, dict) and value.get("__class__") == "datetime":
            parts = {name: number for name, number in value.items() if name != "__class__"}
            moved = datetime(**parts, tzinfo=UTC) + timedelta(seconds=seconds)
            return {"__class__": "datetime", **{name: getattr(moved, name) for name in parts}}
        try:
            moved = datetime.fromisoformat(value) + timedelta(seconds=seconds)
        except (TypeError, ValueError, OverflowError):
            return value
        return moved.isoformat(timespec="microseconds").replace("+00:00", "Z")

    _each(records, _STAMPS, shifted)
