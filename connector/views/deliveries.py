"""Inbox and outbox for people: what was heard, what was said, each try; payloads without secrets."""

from __future__ import annotations

import json
from typing import Any

from connector.redaction import Redactor
from connector.store.inbox import InboxRow
from connector.store.outbox_reading import Attempt, OutboxRow
from connector.views.differences import masked
from connector.views.lines import Json, instant, outbox_line

LONGEST_PAYLOAD = 20_000
_redactor = Redactor()


def attempt_line(row: Attempt) -> Json:
    """One try; `seconds` None while it runs or where the program ended during it."""
    took = None if row.finished_at is None else row.finished_at - row.started_at
    return {
        "attempt_no": row.attempt_no,
        "action": row.action,
        "started_at": instant(row.started_at),
        "finished_at": instant(row.finished_at),
        "milliseconds": None
        if took is None
        else took.days * 86_400_000 + took.seconds * 1000 + took.microseconds // 1000,
        "result": row.result,
        "detail": row.detail,
    }


def sent_line(row: OutboxRow) -> Json:
    """One row of the outbox for a list."""
    return {
        **outbox_line(row),
        "financing_invoice_id": row.financing_invoice_id,
        "created_at": instant(row.created_at),
        "finished_at": instant(row.finished_at),
        "error_class": row.error_class,
    }


def heard_line(row: InboxRow) -> Json:
    """One event of the inbox for a list; `event` is its type where the body says one."""
    body = _decoded(row.body)
    return {
        "id": row.id,
        "endpoint": row.endpoint,
        "event_id": row.event_id,
        "event": _event_type(body),
        "verification": row.verification,
        "state": row.state,
        "attempts": row.attempts,
        "received_at": instant(row.received_at),
        "finished_at": instant(row.finished_at),
        "next_attempt_at": instant(row.next_attempt_at),
        "reason": row.reason,
    }


def masked_body(body: bytes) -> str:
    """The body of an event for showing: indented JSON without secrets; text where it is none."""
    decoded = _decoded(body)
    if decoded is None:
        return _redactor.scrub(body[:LONGEST_PAYLOAD].decode("utf-8", "replace"))
    return masked_payload(decoded)


def masked_payload(payload: Any) -> str:
    """A payload for showing: indented JSON without what sounds secret or has the shape of a credential."""
    text = json.dumps(masked(payload), indent=2, ensure_ascii=False, default=str)
    return _redactor.scrub(text[:LONGEST_PAYLOAD])


def _event_type(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    for name in ("type", "event", "event_type", "eventType", "action"):
        found = body.get(name)
        if isinstance(found, str):
            return found[:80]
    return None


def _decoded(body: bytes) -> Any:
    try:
        found = json.loads(body, parse_float=str)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None
