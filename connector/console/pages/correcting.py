"""Correct and retry: what the mapping reads of one record, an input for each field, a look at what follows, and then it is so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.console import here
from connector.console.pages.financing_actions import standing_of
from connector.console.pages.inbox_actions import actions, row_number
from connector.errors import ConnectorError, RecordRejected, Refused
from connector.inbox_actions.correcting import Form
from connector.inbox_actions.entering import RecordField, entered_text
from connector.inbox_actions.excluding import reason_given
from connector.people.roles import Permission
from connector.store.reading import RecordRow
from connector.views import record_number
from connector.views.corrected import correction_line, preview_line
from connector.views.invoices import invoice_line

page = Blueprint("correcting", __name__, url_prefix="/acts")

CHANGED = "The accounting system changed this invoice meanwhile. Look at it once more."


@page.get("/<int:record_id>/correct")
@require(Permission.RECORDS_CORRECT)
def show(record_id: int) -> str:
    """What may be entered."""
    standing_of(record_id)
    return _page(actions().correcting.form(record_id))


def _page(
    form: Form,
    given: Mapping[str, str] | None = None,
    reason: str | None = None,
    errors: Mapping[str, str] | None = None,
) -> str:
    """The form; `given` are values by path, `errors` sentences by path, by `reason`, or by nothing for the whole."""
    wrong = dict(errors or {})
    standing = form.standing
    fields = [_line(number, each, given or {}, wrong) for number, each in enumerate(form.fields)]
    first = next((each for each in fields if each["error"]), None)
    first = first or next((f for f in fields if f["problem"] and not f["why_not"]), None)
    first = first or next((f for f in fields if not f["why_not"]), None)
    if reason is None:
        reason = "" if standing is None else standing.reason
    with here.read() as tx:
        line = tx.invoices.one(form.record.id)
    return render_template(
        "correct.html",
        record=form.record,
        number=record_number(form.record.id),
        name=(line and line.invoice_number) or form.record.source_id,
        line=line,
        amount=None if line is None else invoice_line(line),
        why_not=form.why_not,
        standing=None if standing is None else correction_line(standing),
        fields=fields,
        focus=None if first is None else first["id"],
        reason=reason,
        errors=_summary(fields, wrong),
    )


def _line(
    number: int, field: RecordField, given: Mapping[str, str], errors: Mapping[str, str]
) -> dict[str, Any]:
    """One row of the table; a secret is never in it."""
    source = entered_text(field.source)
    return {
        "id": f"field-{number}",
        "path": field.path,
        "targets": field.targets,
        "source": source,
        "value": given.get(field.path, entered_text(field.now)),
        "problem": field.problem,
        "why_not": field.why_not,
        "error": errors.get(field.path),
        "type": "date" if field.is_day and _is_day(source) else "text",
    }


def _is_day(text: str) -> bool:
    """Whether a browser's date field can show it: it would show nothing for what is no date."""
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _summary(fields: list[dict[str, Any]], errors: Mapping[str, str]) -> dict[str, str]:
    """What is wrong by the identifier of its control; what concerns the whole leads to the first one."""
    ids = {each["path"]: each["id"] for each in fields if not each["why_not"]}
    anywhere = next(iter(ids.values()), "reason")
    return {
        path if path == "reason" else ids.get(path, anywhere): sentence
        for path, sentence in errors.items()
    }


@page.post("/<int:record_id>/correct")
@require(Permission.RECORDS_CORRECT)
def correct(record_id: int) -> str | Response | tuple[str, int]:
    """Show what it would do; the second time, do it."""
    record, _ = standing_of(record_id)
    shown = dict(zip(request.form.getlist("path"), request.form.getlist("value"), strict=False))
    reason, step = request.form.get("reason", ""), request.form.get("step", "preview")
    correcting = actions().correcting
    form = correcting.form(record_id)
    if form.why_not is not None:
        return _page(form), 422
    if row_number(request.form.get("version", "")) != record.latest_version_id:
        flash(CHANGED, "wait")
        return redirect(url_for("correcting.show", record_id=record_id), 303)
    if step == "edit":
        return _page(form, shown, reason)
    source = {each.path: entered_text(each.source) for each in form.fields}
    given = {path: value for path, value in shown.items() if value != source.get(path)}
    errors: dict[str, str] = {}
    try:
        reason_given(reason)
    except Refused as refused:
        errors["reason"] = str(refused)
    try:
        if step == "save" and not errors:
            correcting.correct(record_id, given, reason, by=current_person().actor)
            return _corrected(record)
        found = correcting.preview(record_id, given)
    except ConnectorError as error:
        path = error.field_path if isinstance(error, RecordRejected) else ""
        return _page(form, shown, reason, {**errors, path: str(error)}), 422
    errors |= {path: str(refusal) for path, refusal in found.refusals.items()}
    if errors:
        return _page(form, shown, reason, errors), 422
    return render_template(
        "correct_preview.html",
        record=record,
        number=record_number(record_id),
        preview=preview_line(found),
        shown=shown,
        reason=reason,
    )


def _corrected(record: RecordRow) -> Response:
    flow = here.program().flow_of(record.connection)
    if flow is not None:
        here.wake(f"submit:{flow.name}")
    flash("Corrected, and decided anew.", "good")
    return redirect(url_for("invoices.life", word=record_number(record.id)), 303)


@page.post("/<int:record_id>/correct/take-back")
@require(Permission.RECORDS_CORRECT)
def take_back(record_id: int) -> Response:
    """Let the accounting system alone speak again."""
    record, _ = standing_of(record_id)
    try:
        actions().correcting.take_back(record_id, by=current_person().actor)
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        flash("Taken back: the accounting system's own word counts again.", "good")
    return redirect(url_for("invoices.life", word=record_number(record.id)), 303)
