"""Reading what a financing platform answers: by shape, never by trust. For every adapter in `connector/financiers/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from connector.errors import InvariantBroken, OutcomeUnknown, Refused
from connector.financier import RemoteInvoice, StepResult, Submission
from connector.transport import Reply

ReadT = TypeVar("ReadT")


class Misshapen(Exception):
    """An answer has not the promised shape. The message names the field, without its value."""


def read_reply(reply: Reply, read: Callable[[Any], ReadT]) -> ReadT:
    """Read an answer. Raises ContractDrift, or OutcomeUnknown where the request may have had effect."""
    try:
        return read(reply.json())
    except Misshapen as error:
        raise reply.misshapen(f"{error}.") from None


def agreeing(invoice: RemoteInvoice, submission: Submission) -> StepResult:
    """The invoice as the result of its step. Raises InvariantBroken when it is not the one we mean."""
    there = (invoice.currency, invoice.amount_minor_units)
    if there != (submission.currency, submission.amount_minor_units):
        raise InvariantBroken(
            f"The platform's invoice {submission.client_reference_id} has another amount or currency "
            "than the one to be submitted."
        )
    return StepResult(invoice.remote_id, {"status": invoice.raw_status})


def the_one(found: Sequence[RemoteInvoice], submission: Submission) -> StepResult | None:
    """The only invoice with our reference as the result of its step; None where there is none. Raises InvariantBroken
    for several, and when it is not the one we mean."""
    if len(found) > 1:
        raise InvariantBroken(
            f"The platform has {len(found)} invoices with the reference {submission.client_reference_id}."
        )
    return agreeing(found[0], submission) if found else None


def after_conflict(reply: Reply, look_up: Callable[[], StepResult | None]) -> StepResult:
    """What is there already, after an answer that says so. Raises OutcomeUnknown where it is not found (it may still be
    on its way into the list) and where it may not be looked for: a refusal of the search refuses nothing that was sent."""
    try:
        found = look_up()
    except Refused as error:
        raise OutcomeUnknown(f"{reply.what} was answered with a conflict; {error}") from None
    if found is None:
        raise OutcomeUnknown(f"{reply.what} was answered with a conflict, and nothing is found.")
    return found


def at(holder: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for name in path.split("."):
        if not isinstance(holder, Mapping):
            return None
        holder = holder.get(name)
    return holder


def an_object(value: Any, what: str) -> Mapping[str, Any]:
    """An object. Raises Misshapen."""
    if not isinstance(value, Mapping):
        raise Misshapen(f"the {what} is not an object")
    return value


def objects_of(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects. Raises Misshapen."""
    listed = holder.get(name)
    if not isinstance(listed, list):
        raise Misshapen(f"`{name}` is not a list")
    return [an_object(entry, f"entry of `{name}`") for entry in listed]


def a_text(holder: Mapping[str, Any], path: str) -> str:
    """A text that is not empty, at a dotted path. Raises Misshapen."""
    value = text_or_none(at(holder, path))
    if value is None:
        raise Misshapen(f"`{path}` is missing or not a text")
    return value


def text_or_none(value: Any) -> str | None:
    """A text without the white space around it, None for anything else and for an empty one."""
    return (value.strip() or None) if isinstance(value, str) else None


def a_date(value: Any, name: str) -> date:
    """A date, `YYYY-MM-DD`. Raises Misshapen."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Misshapen(f"`{name}` is not a date") from None


def instant_or_none(value: Any) -> datetime | None:
    """An aware instant in UTC; a naive one is taken as UTC. None for what is none."""
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
