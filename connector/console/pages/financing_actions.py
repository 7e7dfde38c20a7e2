"""What a person may do about one invoice: request financing, open or cancel its session, attach, leave out, retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.config.model import Flow
from connector.console import here, shown_once
from connector.console.pages.inbox_actions import LARGEST_NUMBER, actions, after_retry
from connector.errors import ConnectorError, NotFound, Refused, Unsupported
from connector.financier import DOCUMENT_PURPOSES, OffersWidget
from connector.inbox_actions import document_of
from connector.inbox_actions.excluding import reason_given
from connector.people.roles import Permission
from connector.store.financing_rows import FinancingRow
from connector.store.reading import RecordRow
from connector.store.reading_inbox import Cause
from connector.views import record_number
from connector.views.attached import of_attached
from connector.views.causes import WHO, advice
from connector.views.possibilities import Possible, possibilities

page = Blueprint("financing_actions", __name__, url_prefix="/acts")


def standing_of(record_id: int) -> tuple[RecordRow, FinancingRow | None]:
    """The record of this number, and its financing. Raises NotFound."""
    if record_id > LARGEST_NUMBER:
        raise NotFound("There is no such invoice.")
    with here.read() as tx:
        record = tx.records.get(record_id)
        found = tx.financing.of_record(record_id)
    return record, found[0] if found else None


@page.app_template_global("possible_acts")
def possible_acts(record_id: int) -> dict[str, Possible]:
    """What may be done about an invoice now, by its name, for the head of its life."""
    record, financing = standing_of(record_id)
    financier = None if financing is None else here.program().financiers.get(financing.financier)
    return possibilities(record, financing, financier)


@page.get("/<int:record_id>")
def show(record_id: int) -> str:
    """Every act, with its form where it is possible and the reason where it is not."""
    return _page(record_id, {}, {})


def _page(record_id: int, errors: dict[str, str], values: dict[str, str]) -> str:
    record, financing = standing_of(record_id)
    with here.read() as tx:
        line = tx.invoices.one(record_id)
        exclusion = tx.exclusions.in_force([record_id]).get(record_id)
        asked = tx.rereads.newest([record_id]).get(record_id)
        assigned = tx.assignments.all().get(record_number(record_id))
        people = [each for each in tx.people.all() if each.state == "active"]
        rule = None if line is None else tx.records.current_outcome(record_id).rule
    told = None
    if line is not None and line.outcome_kind in ("held", "rejected"):
        cause = Cause(
            record.connection, line.outcome_kind, line.reason_code or "", line.field_path or ""
        )
        told = advice(cause, line.sentence, is_one_sentence=True, rule=rule)
    return render_template(
        "life_acts.html",
        record=record,
        number=record_number(record_id),
        line=line,
        financing=financing,
        acts=possible_acts(record_id),
        exclusion=exclusion,
        asked=asked,
        assigned=assigned,
        people=people,
        purposes=[(purpose, purpose.replace("_", " ")) for purpose in DOCUMENT_PURPOSES],
        advice=told,
        who=None if told is None else WHO[told.who],
        errors=errors,
        values=values,
    )


def _done(record_id: int, said: str, work: Callable[[], Any]) -> Response:
    """Do it, and say on the invoice's life what came of it."""
    try:
        work()
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        flash(said, "good")
    return redirect(url_for("invoices.life", word=record_number(record_id)), 303)


def _flow_of(record: RecordRow) -> Flow:
    return actions().flow(record.connection)


def _financing_of(financing: FinancingRow | None) -> FinancingRow:
    if financing is None:
        raise NotFound("This invoice is not for financing.", remedy="Its life says why.")
    return financing


@page.post("/<int:record_id>/request")
@require(Permission.FINANCING_REQUEST)
def request_financing(record_id: int) -> Response:
    """Request financing, or another session for an invoice whose session was canceled or has expired."""
    record, _ = standing_of(record_id)
    by = current_person().actor

    def work() -> None:
        flow = _flow_of(record)
        if not actions().requests(flow).request(record_id, by=by):
            raise Refused("It waits for its document after all.", remedy="Attach it here.")
        here.wake(f"submit:{flow.name}")

    return _done(record_id, "Requested. It is sent to the financier now.", work)


@page.post("/<int:record_id>/cancel")
@require(Permission.FINANCING_CANCEL)
def cancel(record_id: int) -> Response | tuple[str, int]:
    """Cancel the application while its session is open."""
    record, financing = standing_of(record_id)
    found, given = _financing_of(financing), request.form.get("reason", "")
    try:
        reason = reason_given(given)
    except Refused as refused:
        return _page(record_id, {"cancel_reason": str(refused)}, {"cancel_reason": given}), 422
    by = current_person().actor

    def work() -> None:
        program = here.program()
        program.financing_sessions(_flow_of(record)).cancel(found.id, reason, by=by)

    return _done(
        record_id, "Canceled. Another session can be opened, if it is wanted after all.", work
    )


@page.post("/<int:record_id>/widget")
@require(Permission.FINANCING_REQUEST)
def widget(record_id: int) -> Response:
    """Open the financier's own widget: its one-time tokens, on the next page and nowhere else."""
    _, financing = standing_of(record_id)
    found = _financing_of(financing)
    program = here.program()
    financier = program.financiers.get(found.financier)
    try:
        if not isinstance(financier, OffersWidget):
            raise Unsupported("This financier has no widget.")
        opened = financier.open_widget(found.remote_invoice_id)
    except ConnectorError as error:
        flash(str(error), "bad")
        return redirect(url_for("invoices.life", word=record_number(record_id)), 303)
    actions().note_widget(found, by=current_person().actor)
    shown_once.keep(f"{record_id}: widget", opened)
    return redirect(url_for("financing_actions.opened_widget", record_id=record_id), 303)


@page.get("/<int:record_id>/widget")
@require(Permission.FINANCING_REQUEST)
def opened_widget(record_id: int) -> str | Response:
    """The tokens of a widget that was just opened, this once."""
    _, financing = standing_of(record_id)
    opened = shown_once.take(f"{record_id}: widget")
    if opened is None:
        flash("Its tokens were shown already. Open the widget again for others.", "wait")
        return redirect(url_for("invoices.life", word=record_number(record_id)), 303)
    return render_template(
        "life_widget.html",
        number=record_number(record_id),
        financing=_financing_of(financing),
        widget=opened,
    )


@page.post("/<int:record_id>/attach")
@require(Permission.DOCUMENTS_ATTACH)
def attach(record_id: int) -> Response | tuple[str, int]:
    """Attach a file."""
    record, _ = standing_of(record_id)
    given, purpose = request.files.get("file"), request.form.get("purpose", "invoice")
    by = current_person().actor
    try:
        if given is None or not given.filename:
            raise Refused("Choose a file first.")
        document = document_of(given.filename, given.stream.read())
        actions().attaching.attach(record_id, document, by=by, purpose=purpose)
    except ConnectorError as error:
        return _page(record_id, {"file": str(error)}, {"purpose": purpose}), 422
    flow = here.program().flow_of(record.connection)
    if flow is not None:
        here.wake(f"submit:{flow.name}")
    with here.read() as tx:
        said = of_attached(tx, record_id, purpose)
    return _done(record_id, said, lambda: None)


@page.post("/<int:record_id>/exclude")
@require(Permission.RECORDS_CORRECT)
def exclude(record_id: int) -> Response | tuple[str, int]:
    """Leave the invoice out."""
    standing_of(record_id)
    given, by = request.form.get("reason", ""), current_person().actor
    try:
        reason_given(given)
    except Refused as refused:
        return _page(record_id, {"exclude_reason": str(refused)}, {"exclude_reason": given}), 422
    said = "Left out. Take it back here, if it is for financing after all."
    return _done(record_id, said, lambda: actions().excluding.exclude(record_id, given, by=by))


@page.post("/<int:record_id>/include")
@require(Permission.RECORDS_CORRECT)
def include(record_id: int) -> Response:
    """Take back that somebody left it out."""
    standing_of(record_id)
    by = current_person().actor
    said = "Taken back: the mapping decides again."
    return _done(record_id, said, lambda: actions().excluding.take_back(record_id, by=by))


@page.post("/<int:record_id>/retry")
@require(Permission.RECORDS_CORRECT)
def retry(record_id: int) -> Response:
    """Decide it anew, and have it read once more."""
    record, _ = standing_of(record_id)
    done = actions().retrying.retry([record_id], by=current_person().actor)
    if done.requested:
        here.wake(f"pull:{record.connection}")
    return _done(record_id, "Retried: " + after_retry(done.resolved, done.requested), lambda: None)
