"""What needs a person: each matter by its name, with counts, money, since when, and where it is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.store.reading_invoices import STOPPED, Sum
from connector.store.transaction import Transaction
from connector.views.causes import of_reason
from connector.views.inbox import causes
from connector.views.invoices import sum_line
from connector.views.lines import Json, instant

PAUSE = "connection.pause"
REFUSED, UNCLEAR = "refused", "unclear"
PARKED = {
    REFUSED: "Messages that were refused or held back: nothing took effect",
    UNCLEAR: "Messages of which nobody knows whether they took effect",
}
"""The two sorts of parked messages, in the words of every page."""


@dataclass(slots=True)
class Need:
    """One thing somebody must look at, by the same name as in the list where it is found. `sums` are its invoices and
    money by currency; `leads_to` names that list with its filters, so that a page can link to it; `since` is when the
    oldest of it began to wait (ISO UTC; None: not known)."""

    kind: str
    reason_code: str
    title: str
    count: int
    sums: list[Json] = field(default_factory=list)
    leads_to: tuple[str, Mapping[str, str]] = ("", {})
    detail: str | None = None
    since: str | None = None


def needs(tx: Transaction, systems: Sequence[Json]) -> list[Need]:
    """Everything that waits for somebody: what stopped, then the causes of the error inbox, then the rest."""
    return [
        *_systems_in_trouble(tx, systems),
        *_waiting(tx),
        *_with_the_financier(tx),
        *_stopped(tx),
        *_parked(tx),
        *_stuck(tx),
        *_decisions(tx),
    ]


def _systems_in_trouble(tx: Transaction, systems: Sequence[Json]) -> list[Need]:
    titles = {
        "reconnect": "refused our credentials: renew its access",
        "drift": "answers in another shape than it promises",
        "paused": "is paused",
    }
    return [
        Need(
            kind=system["state"],
            reason_code=system["name"],
            title=f"{system['name']} {titles[system['state']]}",
            count=1,
            leads_to=("connections", {"name": system["name"]}),
            detail=system["error"],
            since=_paused_at(tx, system["name"])
            if system["state"] == "paused"
            else system["stopped_at"],
        )
        for system in systems
        if system["state"] in titles
    ]


def _paused_at(tx: Transaction, name: str) -> str | None:
    rows = tx.audit_list.page(subject=name, action=PAUSE, limit=1)
    return instant(rows[0].at) if rows else None


def _waiting(tx: Transaction) -> list[Need]:
    """The causes of the error inbox, named as there."""
    return [
        Need(
            line["kind"],
            line["reason_code"],
            line["title"],
            line["count"],
            line["sums"],
            ("inbox", _filters(line)),
            _example(line),
            line["since"] or None,
        )
        for line in causes(tx)
    ]


def _filters(line: Json) -> dict[str, str]:
    """What selects exactly this cause."""
    found = {
        "connection": line["connection"],
        "outcome": line["kind"],
        "reason_code": line["reason_code"],
        "detail": line["detail"],
    }
    return {name: value for name, value in found.items() if value}


def _example(line: Json) -> str | None:
    """What is said of one of its records; the remedy where the title says that already."""
    sentence: str | None = line["sentence"]
    if not sentence or sentence == line["title"]:
        return str(line["remedy"])
    return f"For example: {sentence}" if line["count"] > 1 else sentence


def _with_the_financier(tx: Transaction) -> list[Need]:
    found: dict[str, Need] = {}
    for reason, currency, count, amount, since in tx.totals.moved_on():
        filters = {"outcome": "excluded", "reason_code": reason, "state": "submitted"}
        title = f"With the financier, and left out here meanwhile: {of_reason(reason)}"
        need = found.setdefault(
            reason, Need("moved_on", reason, title, 0, leads_to=("invoices", filters))
        )
        need.count += count
        need.sums.append(sum_line(Sum(currency, count, amount)))
        need.since = _earlier(need.since, instant(since))
    return list(found.values())


def _earlier(one: str | None, other: str | None) -> str | None:
    return min(filter(None, (one, other)), default=None)


def _stopped(tx: Transaction) -> list[Need]:
    """Financing invoices whose submission came to an end without a message that says why."""
    stopped = tx.totals.stopped()
    if not stopped:
        return []
    return [
        Need(
            "parked",
            "parked",
            "Submission stopped: the session ended, or something does not fit. Each invoice says what",
            sum(count for _, count, _, _ in stopped),
            [sum_line(Sum(currency, count, amount)) for currency, count, amount, _ in stopped],
            ("invoices", {"state": STOPPED}),
            since=instant(min(since for _, _, _, since in stopped)),
        )
    ]


def _parked(tx: Transaction) -> list[Need]:
    """Messages that wait for a decision: those that certainly changed nothing, and those of which nobody knows."""
    found: dict[bool, Need] = {}
    for part in tx.deliveries.parked_sums():
        word = REFUSED if part.is_refused else UNCLEAR
        leads_to = ("parked", {"_anchor": word})
        need = found.setdefault(
            part.is_refused, Need("outbox", word, PARKED[word], 0, leads_to=leads_to)
        )
        need.count += part.count
        need.since = _earlier(need.since, instant(part.since))
        if part.submits:
            line = Sum(part.currency, part.count, part.amount_minor_units)
            need.sums.append(sum_line(line))
    return [found[is_refused] for is_refused in (False, True) if is_refused in found]


def _stuck(tx: Transaction) -> list[Need]:
    """Messages that were given up, and events nobody could place."""
    sent, heard = tx.deliveries.open_sent(), tx.deliveries.open_heard()
    since = tx.deliveries.stuck_since()
    found = []
    dead = sum(n for (_, state), n in sent.items() if state == "dead")
    if dead:
        at, leads_to = instant(since.get("dead")), ("outbox", {"state": "dead"})
        found.append(
            Need("outbox", "dead", "Messages that were given up", dead, leads_to=leads_to, since=at)
        )
    quarantined = sum(n for (_, each), n in heard.items() if each == "quarantined")
    if quarantined:
        found.append(
            Need(
                "inbox",
                "quarantined",
                "Events that belong to nothing we know",
                quarantined,
                leads_to=("inbox_events", {"state": "quarantined"}),
                since=instant(since.get("quarantined")),
            )
        )
    return found


def _decisions(tx: Transaction) -> list[Need]:
    """Changes of a mapping that were back-tested and wait for somebody to approve or activate them."""
    open_documents = tx.mapping_documents.open()
    found = []
    for state, title in (
        ("backtested", "Changes of a mapping to be approved or activated"),
        ("approved", "Changes of a mapping to be activated"),
    ):
        documents = [each for each in open_documents if each.state == state]
        if documents:
            began: list[datetime] = [each.approved_at or each.created_at for each in documents]
            need = Need("mapping", state, title, len(documents), since=instant(min(began)))
            need.leads_to = ("mappings", {})
            found.append(need)
    return found
