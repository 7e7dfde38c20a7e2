"""Repeating a range of deliveries: what it would do first, then the deed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.connecting.replaying import MOST, WHAT, Preview, Range, preview, repeat, tasks_after
from connector.console import here
from connector.console.formatting import plural
from connector.errors import ConnectorError, NotFound
from connector.people.roles import Permission

page = Blueprint("replays", __name__, url_prefix="/deliveries/repeat")

NOUNS = {"events": "event", "messages": "message", "feed": "delivery"}
MANY = {"events": "events", "messages": "messages", "feed": "deliveries"}
EFFECTS = {
    "events": "Each is worked on once more as a hint: the other side is asked again what is true. What is known already "
    "changes nothing.",
    "messages": "Each is tried again, as when one decides about it by itself: what may have left already is looked up "
    "before anything is sent a second time.",
    "feed": "Each is sent to the endpoint again under its own identifier, behind what waits.",
}


@page.get("")
@require(Permission.DELIVERIES_REPLAY)
def show() -> str:
    """The three forms; with `after` in the address, one that goes on with the rest of a range."""
    names = ("what", "name", "until", "after")
    return _forms({name: request.args.get(name, "").strip()[:200] for name in names}, {})


@page.post("")
@require(Permission.DELIVERIES_REPLAY)
def ask() -> str | Response | tuple[str, int]:
    """Count first; with `confirmed` do it."""
    given = {name: value.strip()[:200] for name, value in request.form.items()}
    program = here.program()
    errors: dict[str, str] = {}
    wanted = _range(given, errors)
    if not given.get("reason"):
        errors["reason"] = "Say why; it is kept in the audit log."
    if errors:
        return _forms(given, errors), 422
    try:
        if given.get("confirmed") == "yes":
            return _done(wanted, given)
        found = preview(program, wanted)
    except ConnectorError as error:
        return _forms(given, {"name": str(error)}), 422
    return _confirm(wanted, found, given)


def _range(given: Mapping[str, str], errors: dict[str, str]) -> Range:
    return Range(
        what=given.get("what", "") if given.get("what") in WHAT else "events",
        name=given.get("name") or None,
        since=_day(given, "since", errors),
        until=_day(given, "until", errors),
        state=given.get("state") if given.get("state") in ("done", "quarantined") else None,
        after=given.get("after") or None,
    )


def _day(given: Mapping[str, str], name: str, errors: dict[str, str]) -> date | None:
    text = given.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        errors[name] = f"{text[:40]!r} is not a date; write it as 2026-11-03."
        return None


def _confirm(wanted: Range, found: Preview, given: Mapping[str, str]) -> str:
    noun = plural(found.count, NOUNS[wanted.what], MANY[wanted.what])
    rows = [f"{part}: {count:,}" for part, count in found.parts]
    if found.rest is not None:
        rows.append(found.rest)
    names = ("what", "name", "since", "until", "state", "reason", "after")
    hidden = {name: given.get(name, "") for name in names}
    if found.count <= 0:
        return _forms({**given, "after": found.goes_on_at or ""}, {}, nothing=True)
    return render_template(
        "confirm.html",
        title=f"Repeat {noun}?",
        sentence=EFFECTS[wanted.what],
        preview=found.sums,
        rows=rows,
        action=url_for("replays.ask"),
        hidden={**hidden, "previewed": str(found.count), "goes_on_at": found.goes_on_at or ""},
        confirm_text=f"Repeat {noun}",
        back_url=url_for("replays.show"),
    )


def _done(wanted: Range, given: Mapping[str, str]) -> Response:
    program = here.program()
    count = repeat(program, wanted, reason=given["reason"], by=current_person().actor)
    for task in tasks_after(program, wanted):
        try:
            here.wake(task)
        except NotFound:
            continue  # it does not run here: the next round of the schedule finds the rows
    said = f"{plural(count, NOUNS[wanted.what], MANY[wanted.what])} repeated."
    previewed = given.get("previewed", "")
    if previewed.isdecimal() and int(previewed) != count:
        said += f" The preview said {previewed}: others changed something meanwhile."
    flash(said, "good")
    if given.get("goes_on_at"):
        rest = url_for(
            "replays.show",
            what=wanted.what,
            name=wanted.name,
            until=given.get("until"),
            after=given["goes_on_at"],
        )
        return redirect(rest, 303)
    lists = {
        "events": "deliveries.events",
        "messages": "deliveries.listing",
        "feed": "replays.show",
    }
    return redirect(url_for(lists[wanted.what]), 303)


def _forms(given: Mapping[str, str], errors: Mapping[str, str], *, nothing: bool = False) -> str:
    config = here.program().config
    everybody = [*config.connections, *config.financiers]
    return render_template(
        "replays.html",
        kinds=[
            ("events", "Events from others", EFFECTS["events"], everybody, True),
            ("messages", "Parked messages", EFFECTS["messages"], everybody, True),
            (
                "feed",
                "Deliveries of the status feed",
                EFFECTS["feed"],
                here.program().feed.names,
                False,
            ),
        ],
        values=given,
        errors=errors,
        nothing=nothing,
        most=MOST,
    )
