"""Mappings: documents of each layer, their trials, decisions about them, and golden examples."""

from __future__ import annotations

from datetime import timedelta

from connector.access import current_person
from connector.api.mapping_schemas import (
    ActivateBody,
    BacktestBody,
    DocumentBody,
    DocumentQuery,
    Documents,
    DocumentSchema,
    EditBody,
    ExampleBody,
    ExampleQuery,
    Examples,
    ExampleSchema,
    Explained,
    ExplainQuery,
    InForce,
    RemapBody,
    Reported,
    ShadowBody,
    SubjectBody,
    Trials,
    TrialSchema,
    Verdict,
    Versions,
)
from connector.api.resource import Context, Json, Resource
from connector.authoring.editing import snippet
from connector.authoring.examples import pin
from connector.authoring.stacks import Subject
from connector.backtest import Scope
from connector.bootstrap import Program
from connector.errors import Refused
from connector.people.roles import Permission
from connector.views import mappings as shown
from connector.views.explained import explained_text
from mappings import Mapping, diff


def create(context: Context) -> Resource:
    """`/mappings`."""
    resource = Resource(
        "mappings", "/mappings", "Mapping documents by layer, and the life of each version."
    )
    _add_documents(resource, context.program)
    _add_reading(resource, context.program)
    _add_writing(resource, context.program)
    _add_trials(resource, context)
    _add_decisions(resource, context)
    _add_examples(resource, context.program)
    return resource


def _document(program: Program, document_id: int) -> Json:
    with program.database.read() as tx:
        document = tx.mapping_documents.get(document_id)
    return {**shown.mapping_document(document), "text": document.document}


def _draft(program: Program, document_id: int, connection: str) -> Mapping:
    for stack, mapping, _ in program.mapping_life.drafts(document_id):
        if stack.connection == connection:
            return mapping
    raise Refused(f"The document {document_id} is no part of the mapping of {connection[:80]!r}.")


def _add_documents(resource: Resource, program: Program) -> None:
    database = program.database

    @resource.operation("", Permission.INVOICES_READ)
    @resource.response(200, Versions)
    def in_force() -> Json:
        """The mapping in force of every connection that has a flow, and the layers there can be."""
        items = []
        with database.read() as tx:
            for stack in program.stacks:
                version = tx.mappings.active(stack.connection)
                if version is not None:
                    items.append(shown.mapping_version(version))
        return {"items": items, "subjects": [str(s) for s in program.stacks.subjects()]}

    @resource.operation("/documents", Permission.INVOICES_READ)
    @resource.arguments(DocumentQuery, location="query")
    @resource.response(200, Documents)
    def documents(query: Json) -> Json:
        """Documents, newest first, without their text."""
        subject = None if query["subject"] is None else Subject.parse(query["subject"])
        with database.read() as tx:
            rows = tx.mapping_documents.all(
                None if subject is None else subject.layer,
                None if subject is None else subject.name,
            )
        return {"items": [shown.mapping_document(row) for row in rows]}

    @resource.operation("/documents/<int:document_id>", Permission.INVOICES_READ)
    @resource.response(200, DocumentSchema)
    def document(document_id: int) -> Json:
        """One document with its text, as it was written."""
        return _document(program, document_id)


def _add_reading(resource: Resource, program: Program) -> None:
    life, database = program.mapping_life, program.database

    @resource.operation("/documents/<int:before>/diff/<int:after>", Permission.INVOICES_READ)
    @resource.response(200, Verdict)
    def difference(before: int, after: int) -> Json:
        """What changes from one document to another, in sentences."""
        texts = [_document(program, number)["text"] for number in (before, after)]
        return {"ok": texts[0] == texts[1], "problems": [c.sentence for c in diff(*texts)]}

    @resource.operation("/in-force/<connection>", Permission.INVOICES_READ)
    @resource.response(200, InForce)
    def effective(connection: str) -> Json:
        """All layers of a connection as one document, and which layer set each entry."""
        origins = life.origins(connection)
        return {
            "text": life.annotated(connection),
            "origins": {entry: str(origin) for entry, origin in origins.items()},
        }

    @resource.operation("/explain/<int:record_id>", Permission.INVOICES_READ)
    @resource.arguments(ExplainQuery, location="query")
    @resource.response(200, Explained)
    def explain(query: Json, record_id: int) -> Json:
        """What becomes of one record: each field step by step, each rule's verdict. With `document`, by that draft."""
        with database.read() as tx:
            record, raw = tx.records.get(record_id), tx.records.latest_raw(record_id)
            correction = tx.corrections.in_force([record_id]).get(record_id)
        mapping = program.mappings.active(record.connection)[0]
        if query["document"] is not None:
            mapping = _draft(program, query["document"], record.connection)
        return {"text": explained_text(mapping, raw, program.clock.today(), correction)}


def _add_writing(resource: Resource, program: Program) -> None:
    life = program.mapping_life

    @resource.operation("/documents", Permission.MAPPING_EDIT, method="POST")
    @resource.arguments(DocumentBody)
    @resource.response(201, DocumentSchema)
    def new(body: Json) -> Json:
        """Begin a draft of a layer."""
        by = current_person().actor
        made = life.new(Subject.parse(body["subject"]), body["text"], by, note=body["note"])
        return _document(program, made.id)

    @resource.operation("/documents/<int:document_id>/edit", Permission.MAPPING_EDIT, method="POST")
    @resource.arguments(EditBody)
    @resource.response(201, DocumentSchema)
    def edit(body: Json, document_id: int) -> Json:
        """Make the next version of a document: from a whole text, or by setting single entries."""
        by = current_person().actor
        if (body["text"] is None) == (not body["entries"]):
            raise Refused("Give either `text` or `entries`.")
        if body["text"] is not None:
            made = life.edit(document_id, body["text"], by, note=body["note"])
        else:
            made = life.set_entry(document_id, snippet(body["entries"]), by, note=body["note"])
        return _document(program, made.id)

    @resource.operation(
        "/documents/<int:document_id>/check", Permission.MAPPING_BACKTEST, method="POST"
    )
    @resource.response(200, Verdict)
    def check(document_id: int) -> Json:
        """Whether a document can be used: every problem with layer, line, column and a suggestion."""
        wrong = life.check(document_id, current_person().actor)
        return {"ok": not wrong, "problems": list(wrong.values())}

    @resource.operation("/documents/<int:document_id>", Permission.MAPPING_EDIT, method="DELETE")
    @resource.response(204)
    def withdraw(document_id: int) -> None:
        """Give up a draft. Its text stays readable."""
        life.withdraw(document_id, current_person().actor)


def _add_trials(resource: Resource, context: Context) -> None:
    program = context.program
    trials, database = program.trials, program.database

    def listed(ids: list[int]) -> Json:
        with database.read() as tx:
            return {"items": [shown.trial(tx.mapping_trials.get(number)) for number in ids]}

    @resource.operation("/trials", Permission.INVOICES_READ)
    @resource.response(200, Trials)
    def recent() -> Json:
        """The newest back-tests and shadow runs."""
        with database.read() as tx:
            return {"items": [shown.trial(row) for row in tx.mapping_trials.recent()]}

    @resource.operation("/trials/<int:trial_id>", Permission.INVOICES_READ)
    @resource.response(200, Reported)
    def report(trial_id: int) -> Json:
        """One trial with its report: null until there is one."""
        with database.read() as tx:
            found = shown.trial(tx.mapping_trials.get(trial_id))
            return {**found, "report": tx.mapping_trials.report(trial_id)}

    @resource.operation(
        "/documents/<int:document_id>/backtest", Permission.MAPPING_BACKTEST, method="POST"
    )
    @resource.arguments(BacktestBody)
    @resource.response(202, Trials)
    def backtest(body: Json, document_id: int) -> Json:
        """Try a document on everything stored. It runs in the background; read the trials until they are finished."""
        scope = Scope(
            body["as_of"] or program.clock.today(),
            body["since"],
            body["until"],
            body["older_versions"],
        )
        ids = trials.prepare_backtest(document_id, current_person().actor, scope)
        context.wake("trials")
        return listed(ids)

    @resource.operation(
        "/documents/<int:document_id>/shadow", Permission.MAPPING_BACKTEST, method="POST"
    )
    @resource.arguments(ShadowBody)
    @resource.response(201, Trials)
    def shadow(body: Json, document_id: int) -> Json:
        """Let a draft run beside the active mapping on everything that is pulled, for some days."""
        period = timedelta(days=body["days"])
        return listed(trials.start_shadow(document_id, current_person().actor, period))

    @resource.operation("/trials/<int:trial_id>/stop", Permission.MAPPING_BACKTEST, method="POST")
    @resource.response(200, TrialSchema)
    def stop(trial_id: int) -> Json:
        """End a shadow run before its time."""
        trials.stop_shadow(trial_id, current_person().actor)
        with database.read() as tx:
            return shown.trial(tx.mapping_trials.get(trial_id))


def _add_decisions(resource: Resource, context: Context) -> None:
    program = context.program
    life = program.mapping_life

    @resource.operation(
        "/documents/<int:document_id>/approve", Permission.MAPPING_APPROVE, method="POST"
    )
    @resource.response(200, DocumentSchema)
    def approve(document_id: int) -> Json:
        """Agree to a back-tested document. Where a second person must, its author is refused."""
        life.approve(document_id, current_person().actor)
        return _document(program, document_id)

    @resource.operation(
        "/documents/<int:document_id>/activate", Permission.MAPPING_ACTIVATE, method="POST"
    )
    @resource.arguments(ActivateBody)
    @resource.response(200, DocumentSchema)
    def activate(body: Json, document_id: int) -> Json:
        """Put a document in force. Stored records are decided anew in the background."""
        versions = life.activate(
            document_id, current_person().actor, remap_since=body["remap_since"]
        )
        for version in versions:
            context.wake(f"remap:{version.name}")
        return _document(program, document_id)

    @resource.operation("/rollback", Permission.MAPPING_ACTIVATE, method="POST")
    @resource.arguments(SubjectBody)
    @resource.response(200, Documents)
    def rollback(body: Json) -> Json:
        """Put the document of a layer in force again that was in force before. Gives it, or nothing where an overlay
        was taken off."""
        subject = Subject.parse(body["subject"])
        now, _ = life.rollback(subject, current_person().actor)
        for stack in program.stacks.affected(subject):
            context.wake(f"remap:{stack.connection}")
        return {"items": [] if now is None else [shown.mapping_document(now)]}

    @resource.operation("/remap", Permission.MAPPING_ACTIVATE, method="POST")
    @resource.arguments(RemapBody)
    @resource.response(202)
    def remap(body: Json) -> None:
        """Decide stored records anew that another mapping version decided."""
        connection = program.stacks.get(body["connection"]).connection
        program.remapper(connection).ask(current_person().actor, body["since"])
        context.wake(f"remap:{connection}")


def _add_examples(resource: Resource, program: Program) -> None:
    database = program.database

    @resource.operation("/examples", Permission.INVOICES_READ)
    @resource.arguments(ExampleQuery, location="query")
    @resource.response(200, Examples)
    def examples(query: Json) -> Json:
        """Golden examples in force, and those proposed with a change."""
        with database.read() as tx:
            rows = tx.mapping_examples.all(query["connection"])
        return {"items": [shown.golden_example(row) for row in rows]}

    @resource.operation("/examples", Permission.MAPPING_EDIT, method="POST")
    @resource.arguments(ExampleBody)
    @resource.response(201, ExampleSchema)
    def new(body: Json) -> Json:
        """Pin a record with what the active mapping makes of it; with `document`, with what that draft makes of it,
        in force together with the draft."""
        with database.read() as tx:
            record = tx.records.get(body["record_id"])
        mapping = program.mappings.active(record.connection)[0]
        if body["document"] is not None:
            mapping = _draft(program, body["document"], record.connection)
        with database.write() as tx:
            made = pin(
                tx,
                record.id,
                body["name"],
                mapping,
                program.clock.today(),
                current_person().actor,
                document_id=body["document"],
                expected=body["expected"],
            )
        return shown.golden_example(made)

    @resource.operation(
        "/examples/<connection>/<name>", Permission.MAPPING_ACTIVATE, method="DELETE"
    )
    @resource.response(204)
    def retire(connection: str, name: str) -> None:
        """Take an example out of force."""
        by = current_person().actor
        with database.write() as tx:
            tx.mapping_examples.retire(connection, name)
            tx.audit.append(by, "mapping.example_retired", f"{connection} {name}", {})
