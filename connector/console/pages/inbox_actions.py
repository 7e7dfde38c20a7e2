"""What a person does with the records of the error inbox: retry, leave out, give to somebody, decide about a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.acting import Actions
from connector.console import here
from connector.console.formatting import plural
from connector.errors import ConnectorError, NotFound, Refused
from connector.inbox_actions.excluding import reason_given
from connector.people.roles import Permission
from connector.store.reading_inbox import LISTED_AT_MOST, WAITING, InboxSelection
from connector.views.deliveries import masked_payload
from connector.views.invoices import sum_line
from connector.views.lines import Json, outbox_line

page = Blueprint("inbox_actions", __name__, url_prefix="/inbox")

FILTERS = ("connection", "outcome", "reason_code", "detail")
LARGEST_NUMBER = 2**62


def actions() -> Actions:
    """The use cases of the program that answers."""
    return Actions(here.program())


# -- a selection --------------------------------------------------------------------------------------------------


def _selection() -> tuple[InboxSelection, dict[str, str]]:
    """The waiting records that a form means, and its fields, to be sent once more."""
    given = {name: request.form.get(name, "")[:200] for name in FILTERS}
    hidden = {name: value for name, value in given.items() if value}
    ids: list[int] | None = None
    if request.form.get("scope") != "all":
        named = request.form.getlist("record") or request.form.get("records", "").split(",")
        ids = [number for text in named[:1000] if (number := row_number(text)) is not None]
        hidden |= {"scope": "chosen", "records": ",".join(str(number) for number in ids)}
    else:
        hidden["scope"] = "all"
    kind = hidden.get("outcome")
    chosen = InboxSelection(
        connection=hidden.get("connection"),
        kind=kind if kind in WAITING else None,
        reason_code=hidden.get("reason_code"),
        detail=hidden.get("detail"),
        record_ids=ids,
    )
    return chosen, hidden


def row_number(text: str) -> int | None:
    """A row number of a form; None for what is none."""
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) < 19 and int(plain) <= LARGEST_NUMBER:
        return int(plain)
    return None


def _preview(chosen: InboxSelection) -> list[Json]:
    with here.read() as tx:
        return [sum_line(each) for each in tx.error_inbox.sums(chosen)]


def _ids(chosen: InboxSelection) -> list[int]:
    with here.read() as tx:
        return tx.error_inbox.page(chosen, 0, LISTED_AT_MOST)


def _back(hidden: dict[str, str]) -> str:
    kept: dict[str, Any] = {name: hidden[name] for name in FILTERS if name in hidden}
    return url_for("inbox.listing", **kept)


def _changed_meanwhile(count: int) -> str:
    """What to say where the selection is not the one that was shown."""
    seen = row_number(request.form.get("count", ""))
    return "" if seen in (None, count) else f" (there were {seen:,} when you looked)"


# -- acting -------------------------------------------------------------------------------------------------------


@page.post("/retry")
@require(Permission.RECORDS_CORRECT)
def retry() -> str | Response:
    """Decide the records anew, and have them read once more: first a preview, then it happens."""
    chosen, hidden = _selection()
    preview = _preview(chosen)
    count = sum(line["count"] for line in preview)
    if count == 0:
        flash("Choose the invoices first: none of those that wait was chosen.", "wait")
        return redirect(_back(hidden), 303)
    if request.form.get("confirmed") != "yes":
        return render_template(
            "confirm.html",
            title=f"Retry {plural(count, 'invoice')}?",
            sentence="Each is decided anew by what is stored. What still waits then is read from the accounting system "
            "once more. Nothing that was sent is touched.",
            preview=preview,
            action=url_for("inbox_actions.retry"),
            hidden={**hidden, "count": count},
            confirm_text=f"Retry {plural(count, 'invoice')}",
            back_url=_back(hidden),
        )
    done = actions().retrying.retry(_ids(chosen), by=current_person().actor)
    for connection in done.connections:
        here.wake(f"pull:{connection}")
    said = f"Retried {plural(count, 'invoice')}{_changed_meanwhile(count)}: "
    flash(said + after_retry(done.resolved, done.requested), "good")
    return redirect(_back(hidden), 303)


def after_retry(resolved: int, requested: int) -> str:
    """What a retry did, in words."""
    if requested:
        return f"{resolved:,} left the inbox at once, {requested:,} are being read again."
    return f"{resolved:,} left the inbox at once. What still lacks something comes back."


@page.post("/exclude")
@require(Permission.RECORDS_CORRECT)
def exclude() -> str | Response | tuple[str, int]:
    """Leave the records out: first a preview that asks for the reason, then it happens."""
    chosen, hidden = _selection()
    preview = _preview(chosen)
    count = sum(line["count"] for line in preview)
    if count == 0:
        flash("Choose the invoices first: none of those that wait was chosen.", "wait")
        return redirect(_back(hidden), 303)
    errors: dict[str, str] = {}
    if request.form.get("confirmed") == "yes":
        try:
            left_out = actions().excluding.exclude_all(
                _ids(chosen), request.form.get("reason", ""), by=current_person().actor
            )
        except Refused as refused:
            errors["reason"] = str(refused)
        else:
            rest = count - left_out
            more = f" {plural(rest, 'invoice')} could not be: sent already." if rest > 0 else ""
            flash(f"Left out {plural(left_out, 'invoice')}.{more}", "good")
            return redirect(_back(hidden), 303)
    shown = render_template(
        "inbox_exclude.html",
        count=count,
        preview=preview,
        hidden=hidden,
        errors=errors,
        reason=request.form.get("reason", ""),
        back_url=_back(hidden),
    )
    return (shown, 422) if errors else shown


@page.post("/assign")
@require(Permission.RECORDS_CORRECT)
def assign() -> Response:
    """Give a record or a cause to somebody, or to nobody in particular."""
    subject, by = request.form.get("subject", ""), current_person().actor
    person = row_number(request.form.get("person", ""))
    try:
        if person is None:
            actions().assigning.release(subject, by=by)
            flash("Nobody in particular looks after it.", "good")
        else:
            actions().assigning.assign(subject, person, by=by)
            flash("Assigned.", "good")
    except ConnectorError as error:
        flash(str(error), "bad")
    return redirect(safe_back(), 303)


def safe_back() -> str:
    """Where the form came from: a page of the inbox or the life of an invoice, nothing else."""
    back = request.form.get("back", "")
    if back.startswith(("/inbox", "/invoices/")) and "\\" not in back and back.isprintable():
        return back
    return url_for("inbox.listing")


# -- parked messages ----------------------------------------------------------------------------------------------


@page.get("/messages/<int:row_id>")
@require(Permission.RECORDS_CORRECT)
def message(row_id: int) -> str:
    """A parked message, and what may be decided about it."""
    return _message(row_id, {}, {})


def _message(row_id: int, errors: dict[str, str], given: Mapping[str, str]) -> str:
    if row_id > LARGEST_NUMBER:
        raise NotFound("There is no such message.")
    with here.read() as tx:
        row = tx.outbox.get(row_id)
        financing = tx.financing.get(row.financing_invoice_id)
        left = tx.outbox.last_send_started_at(row_id) is not None
        refused = row.state == "parked" and tx.outbox.took_no_effect(row_id)
    shown: dict[str, Any] = {
        "row": outbox_line(row),
        "financing": financing,
        "payload": masked_payload(row.payload),
        "may_have_left": left,
        "is_refused": refused,
        "is_write_back": row.timeline_id is not None,
    }
    return render_template(
        "inbox_message.html",
        errors=errors,
        decision=given.get("decision") or "look",
        reason=given.get("reason", ""),
        remote_id=given.get("remote_id", ""),
        **shown,
    )


@page.post("/messages/<int:row_id>")
@require(Permission.RECORDS_CORRECT)
def decide(row_id: int) -> Response | tuple[str, int]:
    """Decide about a parked message."""
    given = {name: value[:1000] for name, value in request.form.items()}
    what = given.get("decision", "")
    try:
        reason = reason_given(given.get("reason", ""))
    except Refused as error:
        return _message(row_id, {"reason": str(error)}, given), 422
    took_effect = what == "took_effect"
    try:
        actions().parked.decide(
            row_id,
            "again" if what in ("look", "send") else what,
            reason,
            by=current_person().actor,
            it_is_not_there=what == "send",
            remote_id=given.get("remote_id") if took_effect else None,
        )
    except ConnectorError as error:
        if isinstance(error, NotFound):
            raise
        field = "remote_id" if took_effect else "reason"
        return _message(row_id, {field: str(error)}, given), 422
    flash("Decided. What follows is done by the next round.", "good")
    return redirect(url_for("inbox.listing"), 303)
