"""Entries of the audit log as people read them: what was done in words, about what by its name, money as money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.store.audit import AuditRow
from connector.store.transaction import Transaction
from connector.views.lines import Json, money

ACTIONS = {
    "company.linked": "company linked",
    "events.repeated": "events worked on again",
    "financing.amounts_changed": "money of the financing told",
    "inbox.assigned": "given to somebody",
    "inbox.released": "given to nobody in particular",
    "mapping.activated": "mapping put in force",
    "messages.repeated": "parked messages tried again",
    "outbox.again": "parked message tried again",
    "outbox.drop": "parked message given up",
    "outbox.took_effect": "parked message took effect",
    "person.add": "person added",
    "person.disable": "person disabled",
    "person.enable": "person enabled",
    "person.join_provider": "single sign-on joined",
    "person.new_link": "one-time link made",
    "person.set_password": "password set",
    "person.set_role": "role changed",
    "person.sign_in": "signed in",
    "person.sign_in_failed": "sign-in failed",
    "record.excluded": "invoice left out",
    "record.exclusion_revoked": "invoice taken in again",
    "session.cancel_asked": "cancelling the session asked for",
    "task.run": "task run by hand",
    "token.new": "API token made",
    "token.revoke": "API token revoked",
    "widget.opened": "financier's widget opened",
}
"""Acts that read badly as their own words."""

ENDINGS = {
    "done": "sent",
    "found": "found there after an unclear answer",
    "confirmed": "confirmed there by a person",
}

NAMES = {
    "asked_since": "from",
    "because": "because",
    "company_id": "company there",
    "remote_id": "identifier there",
    "sha256": "fingerprint",
    "source_id": "record",
    "looked_up": "confirmed by the other side",
    "tried": "tried",
    "how": "how",
}
WORDS = {("how", "hand"): "by hand", ("how", "created"): "made there"}
PEOPLE = ("by", "author", "approved_by", "activated_by")
FINGERPRINT_LETTERS = 12


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing an entry says besides. `kind`: `text`, `money` (a line with `amount` and `currency`), `moment`, `day`,
    `who`, or `word`."""

    name: str
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry for a page. `about` names its subject where we know a name for it."""

    row: AuditRow
    said: str
    about: str | None
    details: Sequence[Detail]


def entries(
    tx: Transaction, rows: Sequence[AuditRow], streams: Mapping[str, str] | None = None
) -> list[Entry]:
    """The entries with their subjects by name. `streams`: by connection, the stream its invoices are read from."""
    names = tx.audit_list.names({row.subject for row in rows}, streams or {})
    return [
        Entry(row, said(row.action), names.get(row.subject), details(row.detail)) for row in rows
    ]


def said(action: str) -> str:
    """An act in words: `submit.invoice.done` as `invoice sent`."""
    if action in ACTIONS:
        return ACTIONS[action]
    first, _, rest = action.partition(".")
    step, _, ending = rest.rpartition(".")
    if first == "submit" and step:
        return f"{_plain(step)} {ENDINGS.get(ending, _plain(ending))}"
    if first == "write_back":
        return f"status written back, {ENDINGS.get(rest, _plain(rest))}"
    return _plain(action.replace(".", " "))


def details(detail: Mapping[str, Any]) -> list[Detail]:
    """What an entry says besides; what it leaves open is left out."""
    given = dict(detail)
    found: list[Detail] = []
    currency, minor = given.get("currency"), given.get("amount_minor_units")
    if isinstance(minor, int):
        line: Json = money(minor, currency)
        if line["amount"] is not None:
            found.append(Detail("amount", "money", line))
            del given["amount_minor_units"], given["currency"]
    for name, value in given.items():
        shown = _detail(name, value)
        if shown is not None:
            found.append(shown)
    return found


def _detail(name: str, value: Any) -> Detail | None:
    called = NAMES.get(name, _plain(name))
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return Detail(called, "text", "yes" if value else "no")
    if isinstance(value, dict):
        parts = [f"{_plain(str(key))} {_text(each)}" for key, each in value.items()]
        return Detail(called, "text", ", ".join(parts))
    if isinstance(value, list):
        return Detail(called, "text", ", ".join(_text(each) for each in value))
    if not isinstance(value, str):
        return Detail(called, "text", str(value))
    if name in PEOPLE:
        return Detail(called, "who", value)
    if name == "sha256":
        return Detail(called, "text", f"{value[:FINGERPRINT_LETTERS]}…")
    kind = _kind_of_time(value)
    if kind is not None:
        return Detail(called, kind, value)
    if name in ("role", "via", "status", "purpose", "how"):
        return Detail(called, "word", WORDS.get((name, value), value))
    return Detail(called, "text", value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{_plain(str(key))} {_text(each)}" for key, each in value.items())
    return "nothing" if value is None else str(value)


def _kind_of_time(text: str) -> str | None:
    """`moment` or `day` for an ISO instant or date."""
    try:
        if "T" in text:
            datetime.fromisoformat(text)
            return "moment"
        date.fromisoformat(text)
    except ValueError:
        return None
    return "day" if text.count("-") == 2 else None


def _plain(word: str) -> str:
    return word.replace("_", " ")
