"""Connections and financiers: how they fare, trying them, reading them anew, leaving them alone, their doors for events.

Adding and changing them is in `connection_settings.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.connecting import acting
from connector.connecting.adding import Connecting
from connector.console import here, shown_once
from connector.console.formatting import duration, plural
from connector.console.plots import Column, columns_plot, duration_ticks
from connector.errors import ConnectorError, NotFound
from connector.people.roles import Permission
from connector.store.runs import RunRow
from connector.subscribing import Step, keeper_of
from connector.system import Finding, ManagesWebhooks
from connector.views import connections as views
from connector.views.auditing import entries
from connector.views.lines import Json, run
from connector.views.standing import system_state
from connector.views.undecided import undecided_sentence

page = Blueprint("connections", __name__, url_prefix="/connections")

PLOTTED, SHOWN = 30, 10
HUES = {"succeeded": 3, "running": 2, "failed": 7, "interrupted": 6}


@page.get("")
def listing() -> str:
    """All of them, with their health."""
    config = here.program().config
    with here.read() as tx:
        lines = views.listed(tx, config)
    known = {line["name"] for line in lines}
    waiting = [name for name in connecting().names() if name not in known]
    return render_template(
        "connections.html",
        connections=[line for line in lines if line["role"] == "connection"],
        financiers=[line for line in lines if line["role"] == "financier"],
        waiting=waiting,
        flows=config.flows,
    )


def connecting() -> Connecting:
    """The use cases of connections in files of their own."""
    return Connecting(here.program(), here.reload)


@page.get("/<name>")
def show(name: str) -> str:
    """One of them; once, what was just made or found out about it."""
    return shown(
        name,
        steps=shown_once.take(f"{name}: subscriptions"),
        address=shown_once.take(f"{name}: address"),
    )


def shown(
    name: str,
    *,
    findings: list[Finding] | None = None,
    steps: list[Step] | None = None,
    address: str | None = None,
) -> str:
    """Its page, with what was just found out: the findings of a try, subscriptions, a new secret address."""
    program = here.program()
    config = program.config
    role = acting.role_of(program, name)
    told = _of_connection(name) if role == "connection" else _of_financier(name)
    with here.read() as tx:
        state = system_state(tx, name)
        tasks = views.tasks(tx, name)
        recent = tx.run_list.page(connection=name, limit=PLOTTED) if role == "connection" else []
        totals = tx.run_list.totals_of([row.id for row in recent])
        by_people = [
            row
            for row in tx.audit_list.page(subject=name, limit=50)
            if row.actor.startswith(("person:", "token:", "operator"))
        ][:10]
        acts = entries(tx, by_people)
    return render_template(
        "connection.html",
        name=name,
        role=role,
        state=state,
        tasks=tasks,
        runs=[_run_line(row, totals.get(row.id, [])) for row in recent[:SHOWN]],
        plot=_plot(recent),
        acts=acts,
        flow=program.flow_of(name),
        main_file=str(config.path),
        no_ranges=acting.NO_RANGES,
        findings=findings,
        steps=steps,
        address=address,
        **told,
    )


def _of_connection(name: str) -> dict[str, Any]:
    program = here.program()
    connection, system = program.config.connections[name], program.systems[name]
    stream, flow = program.mapped_stream(name), program.flow_of(name)
    with here.read() as tx:
        totals, streams = views.control_totals(tx, name), views.streams(tx, name, system)
        count = 0 if totals else tx.invoices.undecided(name, stream)
    return {
        "undecided": undecided_sentence(
            name, count, has_flow=flow is not None, is_editable=connection.file is not None
        ),
        "product": connection.system,
        "interval_seconds": connection.interval_seconds,
        "totals": totals,
        "streams": streams,
        "financing": [],
        "abilities": views.abilities_of_system(system),
        "limits": views.limits(connection.settings),
        "door": views.door(program.config, name, connection.webhook),
        "file": connection.file,
        "managed": isinstance(system, ManagesWebhooks),
    }


def _of_financier(name: str) -> dict[str, Any]:
    program = here.program()
    account = program.config.financiers[name]
    with here.read() as tx:
        financing = views.financing_totals(tx, name)
    return {
        "product": account.platform,
        "interval_seconds": account.poll_interval_seconds,
        "totals": [],
        "streams": [],
        "financing": financing,
        "abilities": views.abilities_of_financier(program.financiers[name]),
        "limits": views.limits(account.settings),
        "door": views.door(program.config, name, account.webhook),
        "file": None,
        "managed": False,
    }


def _run_line(row: RunRow, totals: Any) -> Json:
    return {**run(row, totals), "milliseconds": _milliseconds(row)}


def _milliseconds(row: RunRow) -> int | None:
    if row.finished_at is None:
        return None
    return max(0, (row.finished_at - row.started_at) // timedelta(milliseconds=1))


def _plot(rows: list[RunRow]) -> Any:
    timed = [(row, took) for row in reversed(rows) if (took := _milliseconds(row)) is not None]
    columns = [
        Column(
            value=took,
            hue=HUES[row.state],
            said=f"Run {row.id}, {row.task} {row.stream}: {duration(took)}, {row.state}, "
            f"{plural(row.records_seen, 'record')} seen",
            url=url_for("runs.show", run_id=row.id),
            under=row.started_at.strftime("%H:%M"),
        )
        for row, took in timed
    ]
    longest = max((took for _, took in timed), default=0)
    return columns_plot(
        "durations", "How long its last runs took", columns, duration_ticks(longest)
    )


# -- what an operator does ----------------------------------------------------------------------------------------


def done(name: str, said: str, work: Callable[[str], object]) -> Response:
    """Do something, and say on the connection's page what came of it."""
    try:
        work(current_person().actor)
    except NotFound:
        raise
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        flash(said, "good")
    return redirect(url_for("connections.show", name=name), 303)


def _wake(key: str) -> bool:
    try:
        here.wake(key)
    except NotFound:
        return False
    return True


@page.post("/<name>/run")
@require(Permission.RUNS_START)
def run_now(name: str) -> Response:
    """Pull it, or ask it about what is due, now."""
    program = here.program()
    return done(
        name,
        "It runs now. Its runs appear below as they end.",
        lambda by: acting.run_now(program, _wake, name, by=by),
    )


@page.post("/<name>/full-walk")
@require(Permission.RUNS_START)
def full_walk(name: str) -> Response | str:
    """Read everything again. Asked for twice."""
    program = here.program()
    acting.role_of(program, name)
    since = request.form.get("since", "")[:10] or None
    if request.form.get("confirmed") != "yes":
        return render_template(
            "confirm.html",
            title=f"Read everything of {name} again?",
            sentence=acting.NO_RANGES,
            rows=[
                "It begins now and takes as long as its first pull took; other connections go on meanwhile.",
                *([f"Everything from {since} on is among what is read."] if since else []),
            ],
            action=url_for("connections.full_walk", name=name),
            hidden={"since": since or ""},
            confirm_text="Read everything again",
            back_url=url_for("connections.show", name=name),
        )
    return done(
        name,
        "Everything is being read again.",
        lambda by: acting.full_walk(program, _wake, name, by=by, since=since),
    )


@page.post("/<name>/pause")
@require(Permission.CONNECTIONS_PAUSE)
def pause(name: str) -> Response:
    """Speak to it no more."""
    program = here.program()
    said = "Paused. What is to be said to it waits until you resume it."
    return done(name, said, lambda by: acting.pause(program, name, by=by))


@page.post("/<name>/resume")
@require(Permission.CONNECTIONS_PAUSE)
def resume(name: str) -> Response:
    """Speak to it again."""
    program = here.program()

    def work(by: str) -> None:
        acting.resume(program, name, by=by)
        _wake(("pull:" if name in program.config.connections else "poll:") + name)

    return done(name, "Resumed.", work)


@page.post("/<name>/check")
@require(Permission.RUNS_START)
def check(name: str) -> str:
    """Try it now, read-only, and show what was found."""
    return shown(name, findings=acting.check(here.program(), name, by=current_person().actor))


# -- its door for events ------------------------------------------------------------------------------------------


@page.post("/<name>/subscriptions")
@require(Permission.CONNECTIONS_MANAGE)
def subscriptions(name: str) -> Response:
    """What the system should send us against what it sends: ask it (`ask`), mend it (`sync`), or new secrets (`rotate`)."""
    program = here.program()
    if acting.role_of(program, name) != "connection":
        raise NotFound(f"{name} has no subscriptions of ours.")
    what = request.form.get("what", "ask")
    steps: list[Step] = []
    try:
        keeper = keeper_of(program.config, name, program.systems[name])
        if what == "ask":
            steps += keeper.plan()
        for step in keeper.sync(rotate=what == "rotate") if what != "ask" else ():
            steps.append(step)
            if step.changes:
                _note(name, step)
    except ConnectorError as error:
        flash(str(error), "bad")
        if not steps:
            return redirect(url_for("connections.show", name=name), 303)
    if what != "ask" and any(step.changes for step in steps):
        _flash_taken_up("The subscriptions are as they should be.", here.reload())
    shown_once.keep(f"{name}: subscriptions", steps)
    return redirect(url_for("connections.show", name=name), 303)


def _note(name: str, step: Step) -> None:
    detail = {"about": step.subscription.topic, "subscription": step.subscription.remote_id}
    with here.program().database.write() as tx:
        tx.audit.append(current_person().actor, f"webhooks.{step.action}", name, detail)


def _flash_taken_up(said: str, by_itself: bool) -> None:
    if by_itself:
        flash(f"{said} The connector takes it up now.", "good")
    else:
        flash(f"{said} Restart the connector to take it up.", "wait")


@page.post("/<name>/secrets")
@require(Permission.CONNECTIONS_MANAGE)
def add_secret(name: str) -> Response:
    """A second secret address beside the present one. It is on the next page and nowhere else."""
    text, by_itself = connecting().add_path_secret(name, by=current_person().actor)
    _flash_taken_up("The new address was added; the old one goes on working.", by_itself)
    base = here.program().config.server.public_url or request.host_url.rstrip("/")
    shown_once.keep(f"{name}: address", f"{base}/webhooks/{name}/{text}")
    return redirect(url_for("connections.show", name=name), 303)


@page.post("/<name>/secrets/drop")
@require(Permission.CONNECTIONS_MANAGE)
def drop_secret(name: str) -> str | Response:
    """Let events in no more by the oldest address. Asked for twice."""
    if request.form.get("confirmed") != "yes":
        return render_template(
            "confirm.html",
            title="Remove the oldest address?",
            sentence="Whoever still sends to it is refused from then on. Remove it once the new address was registered.",
            action=url_for("connections.drop_secret", name=name),
            confirm_text="Remove it",
            back_url=url_for("connections.show", name=name),
            danger=True,
        )
    try:
        by_itself = connecting().drop_path_secret(name, by=current_person().actor)
    except NotFound:
        raise
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        _flash_taken_up("The oldest address was removed.", by_itself)
    return redirect(url_for("connections.show", name=name), 303)
