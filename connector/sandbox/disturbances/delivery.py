"""What can go wrong with the delivery of an event. Each fault is one function from what was planned to what is.

A new fault is one function with the decorator `@webhook_fault("name")`; its docstring is shown to people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from connector.sandbox.fault_catalogue import Options, note_of, seconds_of
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json

_DAY_SECONDS = 86_400
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sending:
    """How a delivery differs from a right one. `stamp_offset_seconds` moves the instant that is signed."""

    stamp_offset_seconds: int = 0
    key: Literal["right", "other", "both", "none"] = "right"
    """Which secret signs; `both` gives two signatures, as while a secret is being changed."""
    spoilt: bool = False
    """One character of the signature is wrong."""
    signs_other_bytes: bool = False
    """What is signed is not, to the byte, what is sent."""
    content_type: str = "application/json"
    pause_seconds: float = 0.0
    """Real time between the single bytes of the body."""


RIGHT = Sending()


@dataclass(frozen=True, slots=True)
class Planned:
    """One delivery to come. `fault` is remembered for the reader of the ledger."""

    body: bytes
    delay_seconds: float = 0.0
    state: str = "due"
    fault: str | None = None
    sending: Sending = RIGHT


WebhookFault = Callable[[Planned, Options], list[Planned]]
WEBHOOK_FAULTS: dict[str, WebhookFault] = {}


def webhook_fault(name: str, *, lie: bool = False) -> Callable[[WebhookFault], WebhookFault]:
    """Enter a fault into the catalogue under `name`."""

    def enter(fault: WebhookFault) -> WebhookFault:
        note_of(name, "webhook", fault, lie=lie)
        WEBHOOK_FAULTS[name] = fault
        return fault

    return enter


# -- how often, and when ----------------------------------------------------------------------------------------------


@webhook_fault("webhook_duplicate")
def duplicate(plan: Planned, options: Options) -> list[Planned]:
    """The event comes `copies` times (default 2)."""
    return [plan] * int(options.get("copies", 2))


@webhook_fault("webhook_burst")
def burst(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes fifty times."""
    return [plan] * 50


@webhook_fault("webhook_delay")
def delay(plan: Planned, options: Options) -> list[Planned]:
    """The event comes `seconds` (default 60) later by the sandbox's clock."""
    return [replace(plan, delay_seconds=seconds_of(options, "seconds", 60))]


@webhook_fault("webhook_late")
def late(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes 76 hours later by the sandbox's clock, signed when it is sent."""
    return [replace(plan, delay_seconds=76 * 3600)]


@webhook_fault("webhook_reorder")
def reorder(plan: Planned, options: Options) -> list[Planned]:
    """The event comes after the next one of the same subject, at the latest `seconds` (default 5) later."""
    return [replace(plan, delay_seconds=seconds_of(options, "seconds", 5))]


@webhook_fault("webhook_lose")
def lose(plan: Planned, _options: Options) -> list[Planned]:
    """The event never comes."""
    return [replace(plan, state="lost")]


@webhook_fault("webhook_replay")
def replayed(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes, and an hour later somebody sends it again exactly as it was, old signature included."""
    again = replace(plan, delay_seconds=3600, sending=Sending(stamp_offset_seconds=-3600))
    return [replace(plan, fault=None), again]


@webhook_fault("webhook_new_id")
def new_id(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes twice, the second time under another identifier."""
    return [plan, replace(plan, body=_with(plan.body, id="evt_sandboxTwin"))]


# -- who says it ------------------------------------------------------------------------------------------------------


@webhook_fault("webhook_bad_signature")
def bad_signature(plan: Planned, _options: Options) -> list[Planned]:
    """One character of the signature is wrong."""
    return [replace(plan, sending=Sending(spoilt=True))]


@webhook_fault("webhook_unsigned")
def unsigned(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes without a signature."""
    return [replace(plan, sending=Sending(key="none"))]


@webhook_fault("webhook_other_secret")
def other_secret(plan: Planned, _options: Options) -> list[Planned]:
    """The event is signed with a secret that is no longer, or never was, ours."""
    return [replace(plan, sending=Sending(key="other"))]


@webhook_fault("webhook_two_signatures")
def two_signatures(plan: Planned, _options: Options) -> list[Planned]:
    """The event is signed with two secrets, of which we know one."""
    return [replace(plan, sending=Sending(key="both"))]


@webhook_fault("webhook_old_timestamp")
def old_timestamp(plan: Planned, _options: Options) -> list[Planned]:
    """The signature is right and a day old."""
    return [replace(plan, sending=Sending(stamp_offset_seconds=-_DAY_SECONDS))]


@webhook_fault("webhook_future_timestamp")
def future_timestamp(plan: Planned, _options: Options) -> list[Planned]:
    """The signature is right and from tomorrow."""
    return [replace(plan, sending=Sending(stamp_offset_seconds=_DAY_SECONDS))]


@webhook_fault("webhook_rewritten")
def rewritten(plan: Planned, _options: Options) -> list[Planned]:
    """The body was written anew after it was signed: the same values, other bytes."""
    return [replace(plan, sending=Sending(signs_other_bytes=True))]


@webhook_fault("webhook_forged")
def forged(plan: Planned, _options: Options) -> list[Planned]:
    """Before the event comes another that claims something else, signed with a stranger's secret."""
    lie = _with(plan.body, id="evt_sandboxForged", type="invoice.repaid")
    return [replace(plan, body=lie, sending=Sending(key="other")), replace(plan, fault=None)]


# -- what it says -----------------------------------------------------------------------------------------------------


@webhook_fault("webhook_cut_body")
def cut_body(plan: Planned, _options: Options) -> list[Planned]:
    """The body ends in the middle, and is signed so."""
    return [replace(plan, body=plan.body[: len(plan.body) // 2])]


@webhook_fault("webhook_empty_body")
def empty_body(plan: Planned, _options: Options) -> list[Planned]:
    """The body is empty, and is signed so."""
    return [replace(plan, body=b"")]


@webhook_fault("webhook_not_json")
def not_json(plan: Planned, _options: Options) -> list[Planned]:
    """The body is a form, and is signed so."""
    return [replace(plan, body=b"event=invoice&status=repaid")]


@webhook_fault("webhook_too_large")
def too_large(plan: Planned, _options: Options) -> list[Planned]:
    """The body has a field of five mebibytes."""
    return [replace(plan, body=_with(plan.body, {"filler": "x" * (5 * _MEBIBYTE)}))]


@webhook_fault("webhook_deep_json")
def deep_json(plan: Planned, _options: Options) -> list[Planned]:
    """The body is nested 50,000 levels deep."""
    return [replace(plan, body=b"[" * 50_000 + b"]" * 50_000)]


@webhook_fault("webhook_no_id")
def no_id(plan: Planned, _options: Options) -> list[Planned]:
    """The event has no identifier."""
    return [replace(plan, body=_with(plan.body, id=None))]


@webhook_fault("webhook_unknown_type")
def unknown_type(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes, and beside it one of a type that no document knows."""
    novelty = _with(plan.body, id="evt_sandboxNovelty", type="sandbox.novelty", event="sandbox")
    return [plan, replace(plan, body=novelty)]


@webhook_fault("webhook_other_object")
def other_object(plan: Planned, _options: Options) -> list[Planned]:
    """The event comes, and beside it one about an object that is not ours."""
    told = {"object": {"id": "sandbox-of-another"}}
    other = _with(plan.body, id="evt_sandboxOther", data=told, object_id="sandbox-of-another")
    return [plan, replace(plan, body=other)]


@webhook_fault("webhook_new_field")
def new_field(plan: Planned, _options: Options) -> list[Planned]:
    """The event has a field that no document knows."""
    return [replace(plan, body=_with(plan.body, {"sandbox_novelty": {"depth": [1, None]}}))]


@webhook_fault("webhook_content_type")
def content_type(plan: Planned, _options: Options) -> list[Planned]:
    """The right body calls itself text/plain."""
    return [replace(plan, sending=Sending(content_type="text/plain"))]


@webhook_fault("webhook_slow")
def slow(plan: Planned, options: Options) -> list[Planned]:
    """The body comes byte by byte, `pause_seconds` (default 0.001) of real time between."""
    pause = seconds_of(options, "pause_seconds", 0.001)
    return [replace(plan, sending=Sending(pause_seconds=pause))]


def _with(body: bytes, further: JsonObject | None = None, **changes: Any) -> bytes:
    """The event with other values in those of these fields that it has, and `further` ones; None takes a field away."""
    try:
        event: JsonObject = from_json(body)
    except NotJsonError:
        return body
    event.update({name: value for name, value in changes.items() if name in event})
    kept = {name: value for name, value in event.items() if value is not None}
    return to_json({**kept, **(further or {})})
