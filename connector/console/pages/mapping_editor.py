"""One mapping document: write it, see what is wrong as you type, try it, and take it through its life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.authoring.examples import pin
from connector.authoring.stacks import Subject
from connector.console import here
from connector.console.queries import Query
from connector.errors import ConnectorError, NotFound, Refused
from connector.evaluating import readable
from connector.people.roles import Permission
from connector.store.mapping_documents import MappingDocument
from connector.store.transaction import Transaction
from connector.views import find_record
from connector.views.explained import explained
from connector.views.mappings import (
    gist,
    golden_example,
    mapping_document,
    needs_a_look,
    trial,
)
from mappings import DocumentProblem, Mapping, MappingError, Outcome, OutcomeKind, diff

page = Blueprint("mappings_editor", __name__, url_prefix="/mappings/documents")

LONGEST_TEXT = 131_072
STEPS = ("draft", "checked", "backtested", "approved", "active")


@page.get("/<int:document_id>")
def show(document_id: int) -> str:
    """The document with everything about it."""
    query = Query()
    with here.read() as tx:
        document = tx.mapping_documents.get(document_id)
        told = _about(tx, document)
    return _page(document, document.document, told, query.text("record"), {})


def _about(tx: Transaction, document: MappingDocument) -> dict[str, Any]:
    active = tx.mapping_documents.active(document.layer, document.name)
    return {
        "trials": [trial(found) for found in tx.mapping_trials.of(document.id)],
        "proposed": [golden_example(e) for e in tx.mapping_examples.proposed(document.id)],
        "active": None if active is None else mapping_document(active),
        "can_go_back": active is not None
        and (active.replaces is not None or active.layer != "base"),
        "changes": _changes("" if active is None else active.document, document.document),
        "versions": [
            mapping_document(row)
            for row in tx.mapping_documents.all(document.layer, document.name, 20)
        ],
    }


def _changes(before: str, after: str) -> list[str] | None:
    """The changes in sentences; None for a text that cannot be read (its problems are shown beside it)."""
    try:
        return [change.sentence for change in diff(before, after)]
    except MappingError:
        return None


def _page(
    document: MappingDocument,
    text: str,
    told: dict[str, Any],
    record: str | None,
    errors: dict[str, str],
    note: str = "",
) -> str:
    life = here.program().mapping_life
    subject = Subject.of(document)
    problems = life.problems(subject, text)
    before_after, record_problem = _explained(document, record) if not problems else (None, None)
    second_person = life.policy.second_person
    return render_template(
        "mapping_editor.html",
        document=mapping_document(document),
        is_open=document.is_open,
        text=text,
        problems=[_line(problem) for problem in problems],
        steps=[
            step for step in STEPS if step != "approved" or second_person or document.approved_by
        ],
        connections=[stack.connection for stack in life.stacks.affected(subject)],
        second_person=second_person,
        is_author=document.created_by == current_person().actor,
        record=record,
        record_problem=record_problem,
        before_after=before_after,
        errors=errors,
        note_text=note,
        **told,
    )


def _line(problem: DocumentProblem) -> dict[str, Any]:
    return {
        "layer": problem.layer,
        "line": problem.line,
        "column": problem.column,
        "message": str(problem).partition(": ")[2],
    }


def _explained(
    document: MappingDocument, word: str | None
) -> tuple[list[tuple[str, Any]] | None, str | None]:
    """What the mapping in force, and the one with this document, make of a record."""
    if word is None:
        return None, None
    program = here.program()
    try:
        with here.read() as tx:
            record = find_record(tx, word)
            raw = tx.records.latest_raw(record.id)
            correction = tx.corrections.in_force([record.id]).get(record.id)
    except NotFound as error:
        return None, str(error)
    drafts = program.mapping_life.drafts(document.id)
    draft = next((m for s, m, _ in drafts if s.connection == record.connection), None)
    now, then = program.decider(record.connection), program.decider(record.connection)
    if draft is None or now is None or then is None:
        return None, f"This document is no part of the mapping of {record.connection}."
    then.mapping = draft
    return [
        ("In force now", explained(now, raw, correction)),
        ("With this document", explained(then, raw, correction)),
    ], None


# -- writing ------------------------------------------------------------------------------------------------------


@page.post("/check")
@require(Permission.MAPPING_EDIT)
def check() -> Response:
    """What is wrong with a text, for the editor while somebody types: JSON, nothing is kept."""
    subject = Subject.parse(request.form.get("subject", ""))
    problems = here.program().mapping_life.problems(subject, _text())
    return jsonify(problems=[_line(problem) for problem in problems])


@page.post("/<int:document_id>")
@require(Permission.MAPPING_EDIT)
def save(document_id: int) -> Response | tuple[str, int]:
    """Keep the text as the next version. A text with problems is kept, too: as a draft that cannot be tried yet."""
    life, text = here.program().mapping_life, _text()
    note = request.form.get("note", "").strip()
    try:
        made = life.edit(document_id, text, current_person().actor, note=note or None)
    except Refused as refused:
        with here.read() as tx:
            document = tx.mapping_documents.get(document_id)
            told = _about(tx, document)
        return _page(document, text, told, None, {"text": str(refused)}, note), 422
    wrong = life.check(made.id, current_person().actor)
    said = (
        "It can be used: back-test it next." if not wrong else "It cannot be used yet, see below."
    )
    flash(f"Saved as version {made.version_no}. {said}", "wait" if wrong else "good")
    return redirect(url_for("mappings_editor.show", document_id=made.id), 303)


def _text() -> str:
    text = request.form.get("text", "").replace("\r\n", "\n")
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise Refused("The document is too long, or holds what no text holds.")
    return text


# -- steps --------------------------------------------------------------------------------------------------------


def _step(document_id: int, said: str, work: Callable[[str], object]) -> Response:
    """Take a step, and say what came of it on the document's page."""
    try:
        work(current_person().actor)
    except ConnectorError as error:
        flash(str(error), "bad")
    else:
        flash(said, "good")
    return redirect(url_for("mappings_editor.show", document_id=document_id), 303)


@page.post("/<int:document_id>/backtest")
@require(Permission.MAPPING_BACKTEST)
def backtest(document_id: int) -> Response:
    """Ask for a back-test; it runs in the background."""

    def work(by: str) -> None:
        here.program().trials.prepare_backtest(document_id, by)
        here.wake("trials")

    said = "The back-test runs. Its report appears under Trials; load the page again to see it."
    return _step(document_id, said, work)


@page.post("/<int:document_id>/shadow")
@require(Permission.MAPPING_BACKTEST)
def shadow(document_id: int) -> Response:
    """Let the draft run beside the active mapping for some days."""
    given = request.form.get("days", "7")
    days = int(given) if given.isascii() and given.isdigit() and len(given) < 4 else 0
    trials = here.program().trials
    return _step(
        document_id,
        f"It runs in shadow for {days} days, beside the mapping in force.",
        lambda by: trials.start_shadow(document_id, by, timedelta(days=days)),
    )


@page.post("/<int:document_id>/approve")
@require(Permission.MAPPING_APPROVE)
def approve(document_id: int) -> Response:
    """Agree to it."""
    life = here.program().mapping_life
    return _step(document_id, "Approved.", lambda by: life.approve(document_id, by))


@page.post("/<int:document_id>/activate")
@require(Permission.MAPPING_ACTIVATE)
def activate(document_id: int) -> str | Response:
    """Put it in force, after a look at what its back-test said."""
    if request.form.get("confirmed") != "yes":
        try:
            return _about_to_activate(document_id)
        except Refused as refused:
            flash(str(refused), "bad")
            return redirect(url_for("mappings_editor.show", document_id=document_id), 303)

    def work(by: str) -> None:
        for version in here.program().mapping_life.activate(document_id, by):
            here.wake(f"remap:{version.name}")

    return _step(document_id, "It is in force. Stored records are being decided anew.", work)


def _about_to_activate(document_id: int) -> str:
    with here.read() as tx:
        document = tx.mapping_documents.get(document_id)
    reports = here.program().trials.reports_of(document_id)
    return render_template(
        "confirm.html",
        title=f"Put {document.title} in force?",
        sentence="Stored records are decided anew; unsent invoices follow, sent ones never without a decision.",
        rows=[f"{connection}: {gist(report)}" for connection, report in reports.items()],
        action=url_for("mappings_editor.activate", document_id=document_id),
        confirm_text="Activate",
        back_url=url_for("mappings_editor.show", document_id=document_id),
        danger=any(map(needs_a_look, reports.values())),
    )


@page.post("/<int:document_id>/withdraw")
@require(Permission.MAPPING_EDIT)
def withdraw(document_id: int) -> Response:
    """Give it up."""
    life = here.program().mapping_life
    return _step(document_id, "The draft is withdrawn.", lambda by: life.withdraw(document_id, by))


@page.post("/<int:document_id>/pin")
@require(Permission.MAPPING_EDIT)
def pin_example(document_id: int) -> str | Response:
    """Pin a record with what this draft makes of it, in force together with the draft; asked first where that is no
    invoice."""
    word, name = request.form.get("record", ""), request.form.get("name", "").strip()
    try:
        record_id, raw, draft = _drafted(document_id, word)
        outcome = draft.evaluate(readable(raw), here.program().clock.today())
        if outcome.kind is not OutcomeKind.MAPPED and request.form.get("confirmed") != "yes":
            return _about_to_pin(document_id, word, name, outcome)
    except ConnectorError as error:
        flash(str(error), "bad")
        return redirect(url_for("mappings_editor.show", document_id=document_id), 303)

    def work(by: str) -> None:
        program = here.program()
        with program.database.write() as tx:
            pin(tx, record_id, name, draft, program.clock.today(), by, document_id=document_id)

    said = f"{name} is proposed with this draft: once active, every later change is held to it."
    return _step(document_id, said, work)


def _drafted(document_id: int, word: str) -> tuple[int, bytes, Mapping]:
    """A record, and the mapping with this document that would decide about it."""
    with here.read() as tx:
        record = find_record(tx, word)
        raw = tx.records.latest_raw(record.id)
    drafts = here.program().mapping_life.drafts(document_id)
    draft = next((m for s, m, _ in drafts if s.connection == record.connection), None)
    if draft is None:
        raise Refused(f"This document is no part of the mapping of {record.connection}.")
    return record.id, raw, draft


def _about_to_pin(document_id: int, word: str, name: str, outcome: Outcome) -> str:
    return render_template(
        "confirm.html",
        title=f"Must {word} stay {outcome.kind.value}?",
        sentence="What would be pinned is no invoice. Once this document is active, every later change is held to it: a "
        "mapping that would offer this invoice for financing could not be activated.",
        rows=[outcome.sentence] if outcome.sentence else [],
        action=url_for("mappings_editor.pin_example", document_id=document_id),
        hidden={"record": word, "name": name},
        confirm_text="Pin it so",
        back_url=url_for("mappings_editor.show", document_id=document_id, record=word),
        danger=True,
    )
