"""Today: is everything well, what is under way, and what needs a person. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.financier import TERMINAL_STATUSES, FinancingStatus
from connector.store.connections import ConnectionState
from connector.store.runs import RunRow
from connector.store.totals import FinancingTotal
from connector.store.transaction import Transaction
from connector.views.lines import Json, instant, money
from connector.views.needs import PARKED, Need, needs
from connector.views.standing import SEVERITY
from connector.views.undecided import undecided_sentence

SILENT_AFTER_INTERVALS = 3
"""A connection that worked no more for so many of its intervals has stopped without a word."""
LEAST_SILENCE = timedelta(minutes=15)
UNCHANGED_DAYS = 7
"""A connection whose pulls work but brought nothing new for so long is worth a look."""

IN_FLIGHT = ("ready", "submitting", "submitted")
"""States of a financing invoice in which money is on its way, unless its status is final."""
STATUS_ORDER = ("ready", "submitting", *(str(status) for status in FinancingStatus))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A connection or financier as the configuration names it. `interval_seconds` is the rhythm of its main task."""

    name: str
    role: str
    """`connection` or `financier`."""
    product: str
    interval_seconds: int
    undecided_stream: str | None = None
    """Of a connection whose invoices no flow takes anywhere: the stream they are read from."""
    is_editable: bool = True
    """Whether its settings can be changed in the browser."""


def today(tx: Transaction, spoken: Sequence[Spoken], now: datetime) -> Json:
    """Everything the page shows: `systems`, `warnings`, `needs`, `in_flight`, and `verdict` (`tone`, `sentence`)."""
    systems = _systems(tx, spoken, now)
    warnings = [*_warnings(systems, now), *_undecided(tx, spoken)]
    totals = tx.totals.by_status()
    found = needs(tx, systems)
    return {
        "systems": systems,
        "warnings": warnings,
        "needs": found,
        "in_flight": in_flight(totals),
        "verdict": _verdict(systems, warnings, found),
    }


def in_flight(totals: Iterable[FinancingTotal]) -> list[Json]:
    """Money under way by currency, each with its `parts` by status in the order of a financing's life. What ended
    (repaid, declined, ...) and what was withdrawn is left out."""
    by_currency: dict[str, dict[str, list[int]]] = {}
    for total in totals:
        if total.state not in IN_FLIGHT or total.status in TERMINAL_STATUSES:
            continue
        word = total.state if total.state != "submitted" else total.status or "submitted"
        part = by_currency.setdefault(total.currency, {}).setdefault(word, [0, 0])
        part[0] += total.count
        part[1] += total.amount_minor_units
    return [
        {
            "count": sum(count for count, _ in parts.values()),
            **money(sum(amount for _, amount in parts.values()), currency),
            "parts": [
                {"status": word, "count": parts[word][0], **money(parts[word][1], currency)}
                for word in sorted(parts, key=_order)
            ],
        }
        for currency, parts in sorted(by_currency.items())
    ]


def _order(word: str) -> int:
    return STATUS_ORDER.index(word) if word in STATUS_ORDER else len(STATUS_ORDER)


# -- systems ----------------------------------------------------------------------------------------------------------


def _systems(tx: Transaction, spoken: Sequence[Spoken], now: datetime) -> list[Json]:
    states = tx.connections.all()
    last: dict[str, RunRow] = {}
    for run in tx.run_list.last_of_streams():
        if run.connection not in last or run.started_at > last[run.connection].started_at:
            last[run.connection] = run
    changes: dict[str, datetime] = {}
    for (connection, _), at in tx.run_list.last_changes().items():
        changes[connection] = max(at, changes.get(connection, at))
    return [
        _system(each, states, last.get(each.name), changes.get(each.name), now) for each in spoken
    ]


def _system(
    spoken: Spoken,
    states: Sequence[ConnectionState],
    run: RunRow | None,
    changed: datetime | None,
    now: datetime,
) -> Json:
    own = [
        row
        for row in states
        if row.connection == spoken.name or row.connection.startswith(f"{spoken.name}/")
    ] or [ConnectionState(spoken.name)]
    worst = max(own, key=lambda row: (SEVERITY.index(row.state), row.failures))
    worked = max((row.last_success_at for row in own if row.last_success_at), default=None)
    main = next((row for row in own if row.connection.endswith(("/pull", "/poll"))), None)
    main_at = None if main is None else main.last_success_at
    begun = run.started_at if run is not None else main_at
    upcoming = None
    if worst.state != "paused" and begun is not None:
        upcoming = begun + timedelta(seconds=spoken.interval_seconds)
        if main is not None and main.next_attempt_at is not None:
            upcoming = max(upcoming, main.next_attempt_at)
    return {
        "name": spoken.name,
        "role": spoken.role,
        "product": spoken.product,
        "interval_seconds": spoken.interval_seconds,
        "state": worst.state,
        "failures": worst.failures,
        "error": worst.error if worst.state != "ok" else None,
        "task": worst.connection.partition("/")[2] or None,
        "stopped_at": None if worst.state == "ok" else instant(worst.last_success_at),
        "last_success_at": instant(worked),
        "main_success_at": main_at,
        "next_run_at": instant(upcoming),
        "is_due": upcoming is not None and upcoming <= now,
        "last_run": None
        if run is None
        else {
            "id": run.id,
            "state": run.state,
            "started_at": instant(run.started_at),
            "records_seen": run.records_seen,
            "records_changed": run.records_changed,
            "is_incremental_empty": run.state == "succeeded" and run.records_seen == 0,
        },
        "last_change_at": changed,
    }


def _warnings(systems: Sequence[Json], now: datetime) -> list[Json]:
    """What went wrong without an error: nothing ran, or nothing came."""
    found: list[Json] = []
    for system in systems:
        if system["state"] == "paused":
            continue
        silence = max(
            LEAST_SILENCE,
            timedelta(seconds=SILENT_AFTER_INTERVALS * int(system["interval_seconds"])),
        )
        worked: datetime | None = system["main_success_at"]
        verb = "pulled" if system["role"] == "connection" else "asked"
        if system["state"] == "ok" and worked is not None and now - worked > silence:
            found.append(
                _warning(
                    system,
                    "silent",
                    f"{system['name']} was last {verb} {{ago}}, though it should be every few minutes. "
                    "The connector may have been stopped; see whether it runs.",
                    worked,
                )
            )
        changed: datetime | None = system["last_change_at"]
        if system["role"] == "connection" and system["last_run"] is not None:
            if changed is None:
                found.append(
                    _warning(
                        system,
                        "zero_rows",
                        f"{system['name']} answers, but has given no record yet. "
                        "See whether its user may read invoices, and whether there are any.",
                        None,
                    )
                )
            elif now - changed > timedelta(days=UNCHANGED_DAYS):
                found.append(
                    _warning(
                        system,
                        "zero_rows",
                        f"{system['name']} answers, but its last new or changed record came {{ago}}. "
                        "If the company wrote invoices since, its access may have been narrowed.",
                        changed,
                    )
                )
    return found


def _undecided(tx: Transaction, spoken: Sequence[Spoken]) -> list[Json]:
    """Connections that are read although no flow takes their invoices to a financier."""
    return [
        {
            "kind": "no_flow",
            "name": each.name,
            "sentence": undecided_sentence(
                each.name,
                tx.invoices.undecided(each.name, each.undecided_stream),
                is_editable=each.is_editable,
            ),
            "since": None,
        }
        for each in spoken
        if each.undecided_stream is not None
    ]


def _warning(system: Json, kind: str, sentence: str, since: datetime | None) -> Json:
    return {"kind": kind, "name": system["name"], "sentence": sentence, "since": instant(since)}


# -- the one sentence ------------------------------------------------------------------------------------------------


def _verdict(systems: Sequence[Json], warnings: Sequence[Json], found: Sequence[Need]) -> Json:
    """One sentence that says whether all is well, and its tone."""
    stopped = [s["name"] for s in systems if s["state"] in ("reconnect", "drift")]
    retrying = [s["name"] for s in systems if s["state"] == "backing_off"]
    invoices = sum(need.count for need in found if need.sums and need.kind != "outbox")
    stuck = sum(need.count for need in found if need.reason_code in PARKED)
    if stopped:
        names = " and ".join(stopped)
        return {"tone": "bad", "sentence": f"{names} cannot be used until somebody looks at it."}
    if any(warning["kind"] == "silent" for warning in warnings):
        return {"tone": "bad", "sentence": "Something has stopped without a word."}
    if not any(s["last_success_at"] for s in systems):
        return {"tone": "info", "sentence": "Nothing has been read yet."}
    noun = "invoice waits" if invoices == 1 else "invoices wait"
    waiting = f"{invoices:,} {noun} for somebody."
    if stuck:
        who = "message to others is stuck" if stuck == 1 else "messages to others are stuck"
        sentence = f"{stuck:,} {who} until somebody decides."
        return {"tone": "wait", "sentence": f"{sentence} {waiting}" if invoices else sentence}
    if invoices:
        return {"tone": "wait", "sentence": f"Everything runs. {waiting}"}
    if found or warnings:
        return {"tone": "wait", "sentence": "Everything runs, but something wants a look."}
    if retrying:
        names = " and ".join(retrying)
        return {
            "tone": "info",
            "sentence": f"All is well; {names} did not answer just now and is being tried again.",
        }
    return {"tone": "good", "sentence": "All is well. Nothing needs you."}
