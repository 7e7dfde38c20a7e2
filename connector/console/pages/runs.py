"""Runs and totals: what each run read and decided, to the cent, and the records behind each total."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for

from connector.console import here
from connector.console.formatting import day, duration, plural
from connector.console.plots import Column, columns_plot, duration_ticks
from connector.console.queries import Query, filters_only, url_with
from connector.errors import NotFound
from connector.store.runs import RunRow, RunTotal
from connector.views.invoices import invoice_line, sum_line
from connector.views.lines import Json, money, outcome, run

page = Blueprint("runs", __name__, url_prefix="/runs")

PAGE_SIZE = 50
PLOTTED = 60
TASKS = ("pull", "hear", "remap", "recheck")
STATES = ("running", "succeeded", "failed", "interrupted")
KINDS = ("mapped", "held", "excluded", "rejected")
HUES = {"succeeded": 3, "running": 2, "failed": 7, "interrupted": 6}
LABELS = {"connection": "Connection", "task": "Task", "state": "State", "changed": "Changes"}


@page.get("")
def listing() -> str:
    """The list, with how long the runs took."""
    query, config = Query(), here.program().config
    before = query.number("before")
    with here.read() as tx:
        rows = tx.run_list.page(
            connection=query.one_of("connection", config.connections),
            task=query.one_of("task", TASKS),
            state=query.one_of("state", STATES),
            changed_only=query.one_of("changed", ("only",)) is not None,
            before_id=before,
            limit=PAGE_SIZE,
        )
        totals = tx.run_list.totals_of([row.id for row in rows])
    lines = [_line(row, totals.get(row.id, [])) for row in rows]
    return render_template(
        "runs.html",
        lines=lines,
        plot=_plot(rows[:PLOTTED]),
        values=request.args,
        active=filters_only(),
        labels=LABELS,
        problems=query.problems,
        connections=list(config.connections),
        tasks=TASKS,
        states=STATES,
        next_url=url_with(before=rows[-1].id) if len(rows) == PAGE_SIZE else None,
        first_url=url_with(before=None) if before is not None else None,
    )


@page.get("/<int:run_id>")
def show(run_id: int) -> str:
    """One run."""
    with here.read() as tx:
        row = _run(tx.runs.get(run_id), run_id)
        totals = tx.runs.totals(run_id)
    return render_template(
        "run.html", run=_line(row, totals), table=_table(totals), kinds=KINDS, row=row
    )


@page.get("/<int:run_id>/records")
def records(run_id: int) -> str:
    """The records behind one control total."""
    query = Query()
    currency = query.text("currency") or ""
    kind = query.one_of("kind", (*KINDS, "pulled")) or "pulled"
    after = query.number("after")
    with here.read() as tx:
        row = _run(tx.runs.get(run_id), run_id)
        total = next(
            (t for t in tx.runs.totals(run_id) if t.currency == currency and t.kind == kind), None
        )
        if total is None:
            raise NotFound(f"Run {run_id} has no total {kind!r} in {currency[:10]!r}.")
        pairs = tx.run_list.record_ids(run_id, currency, kind, after or 0, PAGE_SIZE)
        decided = tx.run_list.outcomes([outcome_id for outcome_id, _ in pairs])
        found = tx.invoices.of_records([record_id for _, record_id in pairs])
        reckoned = tx.run_list.sum_of(run_id, currency, kind)
    lines = [
        {"invoice": invoice_line(found[record_id]), "decided": outcome(decided[outcome_id])}
        for outcome_id, record_id in pairs
        if record_id in found
    ]
    return render_template(
        "run_records.html",
        run=run(row, []),
        kind=kind,
        currency=currency,
        total={"count": total.count, **money(total.amount_minor_units, total.currency)},
        reckoned=sum_line(reckoned),
        agrees=(total.count, total.amount_minor_units)
        == (reckoned.count, reckoned.amount_minor_units),
        lines=lines,
        next_url=url_with(after=pairs[-1][0]) if len(pairs) == PAGE_SIZE else None,
        first_url=url_with(after=None) if after is not None else None,
    )


def _run(row: RunRow | None, run_id: int) -> RunRow:
    if row is None:
        raise NotFound(f"There is no run {run_id}.")
    return row


def _line(row: RunRow, totals: list[RunTotal]) -> Json:
    return {**run(row, totals), "milliseconds": _milliseconds(row), "drifted": row.drifted}


def _milliseconds(row: RunRow) -> int | None:
    """How long it took; None while it runs."""
    if row.finished_at is None:
        return None
    return max(0, (row.finished_at - row.started_at) // timedelta(milliseconds=1))


def _table(totals: list[RunTotal]) -> list[Json]:
    """Control totals by currency: pulled, and what it is made of; `difference` is what does not add up (nothing, ever)."""
    found: dict[str, dict[str, RunTotal]] = {}
    for total in totals:
        found.setdefault(total.currency, {})[total.kind] = total
    return [_currency(currency, kinds) for currency, kinds in sorted(found.items())]


def _currency(currency: str, kinds: dict[str, RunTotal]) -> Json:
    def line(count: int, amount: int) -> Json:
        return {"count": count, **money(amount, currency)}

    pulled = kinds.get("pulled", RunTotal(currency, "pulled", 0, 0))
    parts = [kinds.get(kind, RunTotal(currency, kind, 0, 0)) for kind in KINDS]
    count = pulled.count - sum(part.count for part in parts)
    amount = pulled.amount_minor_units - sum(part.amount_minor_units for part in parts)
    return {
        "currency": currency,
        "pulled": line(pulled.count, pulled.amount_minor_units),
        "parts": [{"kind": p.kind, **line(p.count, p.amount_minor_units)} for p in parts],
        "difference": line(count, amount),
        "agrees": count == 0 and amount == 0,
    }


def _plot(rows: list[RunRow]) -> Any:
    timed = [(row, took) for row in reversed(rows) if (took := _milliseconds(row)) is not None]
    longest = max((took for _, took in timed), default=0)
    one_day = len({row.started_at.date() for row, _ in timed}) == 1
    columns = [
        Column(
            value=took,
            hue=HUES[row.state],
            said=f"Run {row.id}, {row.connection} {row.task} {row.stream}: {duration(took)}, {row.state}, "
            f"{plural(row.records_seen, 'record')} seen",
            url=url_for("runs.show", run_id=row.id),
            under=row.started_at.strftime("%H:%M") if one_day else day(row.started_at.date()),
        )
        for row, took in timed
    ]
    title = "How long the runs took" + (
        f" on {day(timed[0][0].started_at.date())} (UTC)" if timed and one_day else ""
    )
    return columns_plot("durations", title, columns, duration_ticks(longest))
