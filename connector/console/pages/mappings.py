"""Mappings: what is in force, drafts on their way, their trials, and the golden examples all are held to."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.access import current_person, require
from connector.authoring.editing import starter
from connector.authoring.stacks import Subject
from connector.console import here
from connector.console.queries import Query
from connector.errors import Refused
from connector.people.roles import Permission
from connector.store.mapping_documents import MappingDocument
from connector.views.mappings import (
    REASONS,
    gist,
    golden_example,
    invoice_numbers,
    mapping_document,
    mapping_version,
    records_of_report,
    said_once,
    trial,
)

page = Blueprint("mappings", __name__, url_prefix="/mappings")


@page.get("")
def listing() -> str:
    """What decides for each connection, what is on its way, and what was tried last."""
    program = here.program()
    with here.read() as tx:
        connections = []
        for stack in program.stacks:
            version = tx.mappings.active(stack.connection)
            documents = (
                [] if version is None else [tx.mapping_documents.get(i) for i in version.layers]
            )
            connections.append(
                {
                    "name": stack.connection,
                    "version": None if version is None else mapping_version(version),
                    "layers": [mapping_document(document) for document in documents],
                    "examples": len(tx.mapping_examples.in_force(stack.connection)),
                }
            )
        drafts = [mapping_document(document) for document in tx.mapping_documents.open()]
        trials = [trial(found) for found in tx.mapping_trials.recent(12)]
    return render_template(
        "mappings.html",
        connections=connections,
        drafts=drafts,
        trials=trials,
        second_person=program.mapping_life.policy.second_person,
    )


@page.get("/in-force/<connection>")
def in_force(connection: str) -> str:
    """All layers of a connection as one document, and every version there was."""
    life = here.program().mapping_life
    stack = life.stacks.get(connection)
    with here.read() as tx:
        layers = []
        for subject in stack.subjects:
            rows = tx.mapping_documents.all(subject.layer, subject.name)
            layers.append(
                {
                    "subject": str(subject),
                    "layer": subject.layer,
                    "versions": [mapping_document(row) for row in rows],
                    "active": next((row.id for row in rows if row.state == "active"), None),
                    "can_go_back": _can_go_back(rows),
                }
            )
        version = tx.mappings.active(connection)
    return render_template(
        "mapping_in_force.html",
        connection=connection,
        layers=layers,
        version=None if version is None else mapping_version(version),
        text=life.annotated(connection),
    )


def _can_go_back(rows: list[MappingDocument]) -> bool:
    """Whether a layer has something to go back to: an overlay may also be taken off."""
    active = next((row for row in rows if row.state == "active"), None)
    if active is None:
        return False
    return active.replaces is not None or active.layer != "base"


@page.post("/rollback")
@require(Permission.MAPPING_ACTIVATE)
def rollback() -> str | Response:
    """Put the document of a layer in force again that was in force before, after a look at what that is."""
    life, subject = here.program().mapping_life, Subject.parse(request.form.get("subject", ""))
    affected = [stack.connection for stack in life.stacks.affected(subject)]
    back = url_for("mappings.in_force", connection=affected[0])
    with here.read() as tx:
        active = tx.mapping_documents.active(subject.layer, subject.name)
        before = None if active is None else tx.mapping_documents.before(active)
    if active is None:
        raise Refused(f"No document of {subject} is in force.")
    if request.form.get("confirmed") != "yes":
        instead = f"{before.title} comes back" if before is not None else "nothing takes its place"
        return render_template(
            "confirm.html",
            title=f"Take back {active.title}?",
            sentence=f"{instead[:1].upper()}{instead[1:]}. Stored records are decided anew; unsent invoices follow, "
            "sent ones never without a decision.",
            rows=[f"Decides for: {', '.join(affected)}"],
            action=url_for("mappings.rollback"),
            hidden={"subject": str(subject), "document": active.id},
            confirm_text="Roll back",
            back_url=back,
            danger=True,
        )
    if request.form.get("document") != str(active.id):
        raise Refused("Another document became active meanwhile.", remedy="Look again.")
    now, was = life.rollback(subject, current_person().actor)
    for connection in affected:
        here.wake(f"remap:{connection}")
    flash(
        f"{was.title} was taken back; {'nothing' if now is None else now.title} is in its place.",
        "good",
    )
    return redirect(back, 303)


# -- a new draft --------------------------------------------------------------------------------------------------


@page.get("/new")
@require(Permission.MAPPING_EDIT)
def choose() -> str:
    """Which layer to begin a draft of."""
    return _new_page({})


def _new_page(errors: dict[str, str]) -> str:
    subjects = here.program().stacks.subjects()
    return render_template(
        "mapping_new.html",
        subjects=[str(s) for s in subjects],
        chosen=request.form.get("subject", ""),
        note_text=request.form.get("note", ""),
        errors=errors,
    )


@page.post("/new")
@require(Permission.MAPPING_EDIT)
def new() -> Response | tuple[str, int]:
    """Begin a draft: from the document in force, or from an overlay that changes nothing yet."""
    if not request.form.get("subject"):
        return _new_page({"subject": "Choose the layer that the draft is for."}), 422
    program, subject = here.program(), Subject.parse(request.form["subject"])
    note = request.form.get("note", "").strip() or None
    affected = program.stacks.affected(subject)
    with here.read() as tx:
        active = tx.mapping_documents.active(subject.layer, subject.name)
    if active is None:
        system = program.config.connections[affected[0].connection].system
        text = starter(subject.layer, subject.name, system)
    else:
        text = active.document
    try:
        made = program.mapping_life.new(subject, text, current_person().actor, note=note)
    except Refused as refused:
        return _new_page({"note": str(refused)}), 422
    return redirect(url_for("mappings_editor.show", document_id=made.id), 303)


# -- trials -------------------------------------------------------------------------------------------------------


@page.get("/trials/<int:trial_id>")
def report(trial_id: int) -> str:
    """The report of a back-test or shadow run."""
    with here.read() as tx:
        found = tx.mapping_trials.get(trial_id)
        told = tx.mapping_trials.report(trial_id)
        document = tx.mapping_documents.get(found.document_id)
        stream = here.program().mapped_stream(found.connection)
        ids = records_of_report(tx, found.connection, stream, told)
        numbers = invoice_numbers(tx, ids)
    return render_template(
        "mapping_report.html",
        trial=trial(found),
        document=mapping_document(document),
        report=told,
        sides=_sides(told),
        ids=ids,
        numbers=numbers,
        gist=None if told is None else gist(told),
        listed=None if told is None else said_once(told),
        reasons=REASONS,
        changing={} if told is None else _fields_that_change(told),
    )


def _fields_that_change(told: dict[str, Any]) -> dict[str, Any]:
    """Fields of the financing invoice whose value changes; why an outcome changes is told with each record."""
    return {name: found for name, found in told["fields"].items() if name not in REASONS}


def _sides(told: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Counts and money before and after, by currency and outcome."""
    if told is None:
        return []
    nothing = {"records": 0, "amount_minor_units": 0}
    return [
        {
            "currency": currency,
            "kind": kind,
            "before": told["before"].get(currency, {}).get(kind, nothing),
            "after": told["after"].get(currency, {}).get(kind, nothing),
        }
        for currency in sorted(told["before"].keys() | told["after"].keys())
        for kind in ("mapped", "held", "excluded", "rejected")
        if kind in told["before"].get(currency, {}) or kind in told["after"].get(currency, {})
    ]


@page.post("/trials/<int:trial_id>/stop")
@require(Permission.MAPPING_BACKTEST)
def stop(trial_id: int) -> Response:
    """End a shadow run before its time."""
    here.program().trials.stop_shadow(trial_id, current_person().actor)
    flash("The shadow run has ended. Its report stays.", "good")
    return redirect(url_for("mappings.report", trial_id=trial_id), 303)


# -- golden examples ----------------------------------------------------------------------------------------------


@page.get("/examples")
def examples() -> str:
    """Records pinned with what must become of them."""
    query = Query()
    with here.read() as tx:
        connection = query.one_of("connection", [s.connection for s in here.program().stacks])
        rows = [golden_example(row) for row in tx.mapping_examples.all(connection)]
    return render_template("mapping_examples.html", examples=rows, problems=query.problems)


@page.post("/examples/retire")
@require(Permission.MAPPING_ACTIVATE)
def retire() -> Response:
    """Take an example out of force."""
    connection, name = request.form.get("connection", ""), request.form.get("name", "")
    with here.program().database.write() as tx:
        tx.mapping_examples.retire(connection, name)
        by = current_person().actor
        tx.audit.append(by, "mapping.example_retired", f"{connection} {name}", {})
    flash(f"{name} is retired: no activation is held to it any more.", "good")
    return redirect(url_for("mappings.examples"), 303)
