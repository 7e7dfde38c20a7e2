"""The life of a mapping document: every step, what it demands, and who took it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.active_mapping import document_of
from connector.authoring.editing import with_entries
from connector.authoring.examples import hold_to
from connector.authoring.stacks import Stack, Stacks, Subject, mapping_error
from connector.errors import Refused
from connector.store.database import Database
from connector.store.mapping_documents import MappingDocument
from connector.store.mappings import MappingVersion
from connector.store.transaction import Transaction
from mappings import DocumentProblem, Layer, MappingError, effective, load_layers
from mappings import Mapping as CompiledMapping

LONGEST_NOTE = 1_000

CONFIGURATION = "configuration"
"""Who acts when a flow names a new document in the configuration file."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an activation demands. `second_person`: somebody else than the author approves; `backtest`: the document
    was tried on what is stored, beside the mapping that is active now."""

    second_person: bool = False
    backtest: bool = True


class MappingLife:
    """Moves documents through their life. Every step is one transaction with its audit row."""

    def __init__(self, database: Database, stacks: Stacks, policy: Policy) -> None:
        self._database = database
        self.stacks = stacks
        self.policy = policy

    # -- writing --------------------------------------------------------------------------------------------------

    def new(
        self, subject: Subject, document: str, by: str, *, note: str | None = None
    ) -> MappingDocument:
        """Begin a draft of a layer. Raises Refused for a layer that no flow has."""
        self.stacks.affected(subject)
        with self._database.write() as tx:
            active = tx.mapping_documents.active(subject.layer, subject.name)
            return self._add(tx, subject, document, by, None if active is None else active.id, note)

    def edit(
        self, document_id: int, document: str, by: str, *, note: str | None = None
    ) -> MappingDocument:
        """Make the next version from one that exists. A draft that is replaced so is withdrawn; what it proposed as
        golden examples, and its note where there is no new one, goes along. Raises Refused when nothing was changed, or
        somebody made a newer version meanwhile, which would be left behind."""
        with self._database.write() as tx:
            before = tx.mapping_documents.get(document_id)
            if before.document == document:
                raise Refused("Nothing was changed.", remedy="Change the document, then save it.")
            self._newest(tx, before)
            if note is None and before.is_open:
                note = before.note
            made = self._add(tx, Subject.of(before), document, by, before.id, note)
            if before.is_open:
                tx.mapping_examples.carry_over(before.id, made.id)
                tx.mapping_documents.move(before.id, "withdrawn", (before.state,))
            return made

    def set_entry(
        self, document_id: int, snippet: str, by: str, *, note: str | None = None
    ) -> MappingDocument:
        """Change single entries: `snippet` is a partial document (`[fields]` and one line). Everything else stays as
        its author wrote it, comments and spacing too. Raises Refused."""
        with self._database.read() as tx:
            before = tx.mapping_documents.get(document_id)
        with_them = with_entries(before.layer, before.document, snippet)
        return self.edit(document_id, with_them, by, note=note)

    def draft_of(self, subject: Subject) -> MappingDocument:
        """The newest draft of a layer that is on its way. Raises Refused when there is none."""
        self.stacks.affected(subject)
        with self._database.read() as tx:
            for document in tx.mapping_documents.all(subject.layer, subject.name):
                if document.is_open:
                    return document
        raise Refused(
            f"No draft of {subject} is on its way.",
            remedy=f"Begin one with `connector mapping new {subject}`, or give the number of a document.",
        )

    def _newest(self, tx: Transaction, document: MappingDocument) -> None:
        """Raises Refused when a version of the same line that is on its way or in force came after this one."""
        for other in tx.mapping_documents.all(document.layer, document.name):
            if other.version_no > document.version_no and (
                other.is_open or other.state == "active"
            ):
                raise Refused(
                    f"Version {other.version_no} was made meanwhile by {other.created_by}: {other.title} "
                    f"is {'on its way' if other.is_open else 'in force'}.",
                    remedy=f"Make the change in document {other.id}, so that nothing of it is lost.",
                )

    def _add(
        self,
        tx: Transaction,
        subject: Subject,
        document: str,
        by: str,
        based_on: int | None,
        note: str | None,
    ) -> MappingDocument:
        if note is not None and len(note) > LONGEST_NOTE:
            raise Refused(
                f"The note has {len(note)} characters; at most {LONGEST_NOTE} are kept.",
                remedy="Say it shorter; longer explanations belong into the document, as comments.",
            )
        made = tx.mapping_documents.add(
            subject.layer, subject.name, document, by, based_on=based_on, note=note
        )
        tx.audit.append(by, "mapping.drafted", made.title, {"sha256": made.sha256, "note": note})
        return made

    def withdraw(self, document_id: int, by: str) -> None:
        """Give up a draft. Raises Refused when it is none any more."""
        with self._database.write() as tx:
            self._withdraw(tx, self._open(tx, document_id), by)

    def _withdraw(self, tx: Transaction, document: MappingDocument, by: str) -> None:
        tx.mapping_documents.move(document.id, "withdrawn", (document.state,))
        tx.mapping_examples.withdraw_proposed(document.id)
        tx.audit.append(by, "mapping.withdrawn", document.title, {})

    # -- checking -------------------------------------------------------------------------------------------------

    def check(self, document_id: int, by: str) -> dict[str, str]:
        """Compile a document with the other layers of every mapping it is part of. Gives what is wrong by connection,
        with layer, line and column; with nothing wrong, a draft becomes checked."""
        with self._database.write() as tx:
            document = tx.mapping_documents.get(document_id)
            wrong = {}
            for stack in self.stacks.affected(Subject.of(document)):
                try:
                    stack.compiled(stack.documents(tx, document))
                except MappingError as error:
                    wrong[stack.connection] = str(error)
            if not wrong and document.state == "draft":
                tx.mapping_documents.move(document_id, "checked", ("draft",))
                tx.audit.append(by, "mapping.checked", document.title, {})
            return wrong

    def problems(self, subject: Subject, text: str) -> list[DocumentProblem]:
        """What is wrong with a text that is not stored yet, as part of the mappings it would be in: each problem once,
        with layer, line and column. Raises Refused for a layer that no flow has."""
        found: dict[DocumentProblem, None] = {}
        with self._database.read() as tx:
            for stack in self.stacks.affected(subject):
                layers = [
                    Layer(f"{layer.layer} {layer.name}", text if layer == subject else document)
                    for layer, document in stack.texts(tx, subject)
                ]
                try:
                    load_layers(layers, name=stack.connection)
                except MappingError as error:
                    found.update(dict.fromkeys(error.problems))
        return list(found)

    def drafts(self, document_id: int) -> list[tuple[Stack, CompiledMapping, MappingVersion]]:
        """For every mapping a document is part of: the mapping with it, and the version in force now. Raises Refused
        when it cannot be used."""
        with self._database.read() as tx:
            document = tx.mapping_documents.get(document_id)
            return [
                (stack, self._compiled(tx, stack, document), self.version(tx, stack))
                for stack in self.stacks.affected(Subject.of(document))
            ]

    def version(self, tx: Transaction, stack: Stack) -> MappingVersion:
        """The version in force. Raises Refused before the connector was started once."""
        found = tx.mappings.active(stack.connection)
        if found is None:
            raise Refused(
                f"No mapping of {stack.connection!r} is active yet.",
                remedy="Start the connector once.",
            )
        return found

    def _compiled(
        self, tx: Transaction, stack: Stack, instead: MappingDocument | None = None
    ) -> CompiledMapping:
        try:
            return stack.compiled(stack.documents(tx, instead))
        except MappingError as error:
            raise mapping_error(stack.connection, error) from None

    # -- deciding about it ----------------------------------------------------------------------------------------

    def tried(self, tx: Transaction, document_id: int, by: str) -> None:
        """Note that a back-test over every mapping it is part of has ended, if that is so."""
        document = tx.mapping_documents.get(document_id)
        if document.state == "checked" and not self._untried(tx, document):
            tx.mapping_documents.move(document_id, "backtested", ("checked",))
            tx.audit.append(by, "mapping.backtested", document.title, {})

    def approve(self, document_id: int, by: str) -> MappingDocument:
        """Agree to a back-tested document. Raises Refused: to its author where a second person must."""
        with self._database.write() as tx:
            document = self._open(tx, document_id)
            if self.policy.second_person and document.created_by == by:
                raise Refused(
                    "Who wrote a change cannot approve it.",
                    remedy="Ask a second person with the right to approve.",
                )
            if document.state != "backtested":
                raise Refused(
                    f"{document.title} is {document.state}; only what was back-tested can be approved.",
                    remedy="Back-test it, read the report, then approve.",
                )
            approved = tx.mapping_documents.approve(document_id, by)
            tx.audit.append(by, "mapping.approved", document.title, {"author": document.created_by})
            return approved

    def activate(
        self, document_id: int, by: str, *, remap_since: date | None = None
    ) -> list[MappingVersion]:
        """Put a document in force, in one transaction for every mapping it is part of. `remap_since`: records whose
        latest version is older keep their outcome. Older drafts of the same layer, which know nothing of it, are
        withdrawn. Gives the versions that decide from now on.

        Raises Refused when a step is missing, a newer mapping became active since the back-test, or a golden example
        comes out otherwise.
        """
        with self._database.write() as tx:
            document = self._open(tx, document_id)
            self._ready(tx, document)
            for older in tx.mapping_documents.all(document.layer, document.name):
                if older.is_open and older.version_no < document.version_no:
                    self._withdraw(tx, older, by)
            return self._put_in_force(tx, document, by, "mapping.activated", remap_since)

    def rollback(self, subject: Subject, by: str) -> tuple[MappingDocument | None, MappingDocument]:
        """Put the document in force again that was in force before; an overlay that had none is taken off. Gives the
        document now in force and the one that was. Golden examples are not asked: going back must always be possible.
        Raises Refused when there is nothing to go back to."""
        with self._database.write() as tx:
            active = tx.mapping_documents.active(subject.layer, subject.name)
            if active is None:
                raise Refused(f"No document of {subject} is in force.")
            before = tx.mapping_documents.before(active)
            if before is None and subject.layer == "base":
                raise Refused(f"{subject} has had no other document in force to go back to.")
            if before is None:
                tx.mapping_documents.take_off(active)
                self._recompose(tx, self.stacks.affected(subject), by, None)
                tx.audit.append(by, "mapping.rolled_back", active.title, {"to": None})
            else:
                self._put_in_force(tx, before, by, "mapping.rolled_back", None)
            return before, active

    def _ready(self, tx: Transaction, document: MappingDocument) -> None:
        if document.state == "draft":
            raise Refused(f"{document.title} was not checked yet.", remedy="Check it first.")
        if self.policy.second_person and document.state != "approved":
            raise Refused(
                f"{document.title} waits for the approval of a second person.",
                remedy=f"Somebody else than {document.created_by} approves it.",
            )
        untried = self._untried(tx, document)
        if self.policy.backtest and untried:
            raise Refused(
                f"{document.title} was not back-tested beside the mapping that is active now: "
                f"{', '.join(untried)}.",
                remedy="Back-test it (again), then activate it.",
            )
        for stack in self.stacks.affected(Subject.of(document)):
            examples = tx.mapping_examples.in_force(stack.connection, document.id)
            hold_to(self._compiled(tx, stack, document), examples, stack.connection)

    def _untried(self, tx: Transaction, document: MappingDocument) -> list[str]:
        """Connections on which the document was not back-tested beside what is active there now."""
        tried = {
            (trial.connection, trial.active_version_id)
            for trial in tx.mapping_trials.of(document.id)
            if trial.kind == "backtest" and trial.state == "finished"
        }
        return [
            stack.connection
            for stack in self.stacks.affected(Subject.of(document))
            if (stack.connection, self.version(tx, stack).id) not in tried
        ]

    def _open(self, tx: Transaction, document_id: int) -> MappingDocument:
        document = tx.mapping_documents.get(document_id)
        if not document.is_open:
            raise Refused(
                f"{document.title} is {document.state}.",
                remedy="Make a new version of it (edit), or roll back.",
            )
        return document

    # -- in force -------------------------------------------------------------------------------------------------

    def _put_in_force(
        self,
        tx: Transaction,
        document: MappingDocument,
        by: str,
        action: str,
        remap_since: date | None,
    ) -> list[MappingVersion]:
        tx.mapping_documents.activate(document.id, by)
        tx.mapping_examples.pin_proposed(document.id)
        versions = self._recompose(tx, self.stacks.affected(Subject.of(document)), by, remap_since)
        detail: dict[str, Any] = {
            "sha256": document.sha256,
            "author": document.created_by,
            "approved_by": document.approved_by,
            "versions": {version.name: version.version_no for version in versions},
        }
        tx.audit.append(by, action, document.title, detail)
        return versions

    def _recompose(
        self, tx: Transaction, stacks: Sequence[Stack], by: str, remap_since: date | None
    ) -> list[MappingVersion]:
        """Bring the effective mappings in line with the documents in force."""
        versions = []
        for stack in stacks:
            documents = stack.documents(tx)
            try:
                text = stack.compiled(documents).document
            except MappingError as error:
                raise mapping_error(stack.connection, error) from None
            put = tx.mappings.put(stack.connection, text, by, [d.id for d in documents])
            if put.state != "active":
                put = tx.mappings.activate(put.id, remap_since)
            versions.append(put)
        return versions

    # -- from the configuration -----------------------------------------------------------------------------------

    def adopt(self, stack: Stack) -> MappingDocument | None:
        """At the start: bring what the flow names (a shipped mapping or a file) into the store when it is another than
        at the last start. It becomes active at once, unless a second person must approve: then it waits as a draft,
        which is given. What people activated since then is never undone by a restart."""
        text, subject = document_of(stack.given), stack.subjects[0]
        with self._database.write() as tx:
            active = tx.mapping_documents.active(subject.layer, subject.name)
            waiting = None
            if tx.mapping_documents.seen(subject.name, text) or active is None:
                waiting = self._adopted(tx, stack, active, text)
            current = tx.mappings.active(stack.connection)
            ids = tuple(document.id for document in stack.documents(tx))
            if current is None or current.layers != ids:
                self._recompose(tx, [stack], CONFIGURATION, None)
            return waiting

    def _adopted(
        self, tx: Transaction, stack: Stack, active: MappingDocument | None, text: str
    ) -> MappingDocument | None:
        if active is not None and active.document == text:
            return None
        subject = stack.subjects[0]
        document = self._add(
            tx,
            subject,
            text,
            CONFIGURATION,
            None if active is None else active.id,
            "named in the configuration",
        )
        if active is not None and self.policy.second_person:
            return document
        self._put_in_force(tx, document, CONFIGURATION, "mapping.activated", None)
        return None

    # -- reading --------------------------------------------------------------------------------------------------

    def origins(self, connection: str) -> Mapping[str, Any]:
        """Which layer set each entry of the mapping in force."""
        with self._database.read() as tx:
            return self._compiled(tx, self.stacks.get(connection)).origins

    def annotated(self, connection: str, document_id: int | None = None) -> str:
        """The mapping of a connection as one document, with a comment where another layer than the base set an entry;
        with a document's number, as it would be with that."""
        stack = self.stacks.get(connection)
        with self._database.read() as tx:
            instead = None if document_id is None else tx.mapping_documents.get(document_id)
            documents = stack.documents(tx, instead)
        layers = [Layer(f"{d.layer} {d.name}", d.document) for d in documents]
        try:
            return effective(layers, name=connection).annotated
        except MappingError as error:
            raise mapping_error(connection, error) from None
