"""The documents of each layer, in numbered versions that never change, and how far each has come."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update

from connector.errors import InvariantBroken, NotFound
from connector.store.repository import Repository
from connector.store.schema import mapping_documents, mapping_files

OPEN_STATES = ("draft", "checked", "backtested", "approved")
"""Of a document that may still become active for the first time."""


@dataclass(frozen=True, slots=True)
class MappingDocument:
    """One version of one layer's document.

    `layer` is `base` (then `name` is the mapping's), `company` (COMPANY/MAPPING) or `connection` (its name).
    `based_on` is the version it was made from, `note` why it was made, `replaces` what it took the place of when it came
    in force for the first time.
    """

    id: int
    layer: str
    name: str
    version_no: int
    sha256: str
    document: str
    based_on: int | None
    note: str | None
    state: str
    created_at: datetime
    created_by: str
    approved_at: datetime | None
    approved_by: str | None
    activated_at: datetime | None
    activated_by: str | None
    replaces: int | None

    @property
    def is_open(self) -> bool:
        """Whether it is still on its way to be active."""
        return self.state in OPEN_STATES

    @property
    def title(self) -> str:
        """What people call it: `connection finexio v3`."""
        return f"{self.layer} {self.name} v{self.version_no}"


class MappingDocuments(Repository):
    """Writing and reading documents."""

    def get(self, document_id: int) -> MappingDocument:
        """One document. Raises NotFound."""
        found = self._one(select(mapping_documents).where(mapping_documents.c.id == document_id))
        if found is None:
            raise NotFound(
                f"There is no mapping document {document_id}.",
                remedy="The list of mappings shows those there are.",
            )
        return found

    def active(self, layer: str, name: str) -> MappingDocument | None:
        """The document of a layer that is in force."""
        columns = mapping_documents.c
        return self._one(
            select(mapping_documents).where(
                columns.layer == layer, columns.name == name, columns.state == "active"
            )
        )

    def before(self, active: MappingDocument) -> MappingDocument | None:
        """What was in force when this one came in; None for nothing. Going back twice goes back two steps."""
        return None if active.replaces is None else self.get(active.replaces)

    def with_text(self, layer: str, name: str, document: str) -> MappingDocument | None:
        """The newest version that says exactly this."""
        columns = mapping_documents.c
        return self._one(
            select(mapping_documents)
            .where(columns.layer == layer, columns.name == name, columns.sha256 == sha256(document))
            .order_by(columns.id.desc())
            .limit(1)
        )

    def all(
        self, layer: str | None = None, name: str | None = None, limit: int = 500
    ) -> list[MappingDocument]:
        """Documents, newest first."""
        query = select(mapping_documents).order_by(mapping_documents.c.id.desc()).limit(limit)
        if layer is not None:
            query = query.where(mapping_documents.c.layer == layer)
        if name is not None:
            query = query.where(mapping_documents.c.name == name)
        rows = self._connection.execute(query)
        return [MappingDocument(**row) for row in rows.mappings()]

    def open(self) -> list[MappingDocument]:
        """Documents on their way to be active, newest first."""
        rows = self._connection.execute(
            select(mapping_documents)
            .where(mapping_documents.c.state.in_(OPEN_STATES))
            .order_by(mapping_documents.c.id.desc())
        )
        return [MappingDocument(**row) for row in rows.mappings()]

    def add(
        self,
        layer: str,
        name: str,
        document: str,
        by: str,
        *,
        based_on: int | None = None,
        note: str | None = None,
    ) -> MappingDocument:
        """Store the next version of a layer's document, as a draft."""
        columns = mapping_documents.c
        highest = self._connection.execute(
            select(func.max(columns.version_no)).where(columns.layer == layer, columns.name == name)
        ).scalar_one()
        (document_id,) = self._transaction.allocate("mapping_documents", 1)
        self._connection.execute(
            insert(mapping_documents).values(
                id=document_id,
                layer=layer,
                name=name,
                version_no=(highest or 0) + 1,
                sha256=sha256(document),
                document=document,
                based_on=based_on,
                note=note,
                state="draft",
                created_at=self._now(),
                created_by=by,
            )
        )
        return self.get(document_id)

    def move(self, document_id: int, new: str, allowed_from: Collection[str]) -> MappingDocument:
        """Let a document take a step. Raises InvariantBroken when it does not stand where it may."""
        self._change(document_id, allowed_from, state=new)
        return self.get(document_id)

    def approve(self, document_id: int, by: str) -> MappingDocument:
        """Note who approved a back-tested document."""
        self._change(
            document_id,
            ("backtested",),
            state="approved",
            approved_at=self._now(),
            approved_by=by,
        )
        return self.get(document_id)

    def activate(self, document_id: int, by: str) -> MappingDocument:
        """Put a document in force; the one before becomes `superseded`."""
        chosen = self.get(document_id)
        columns = mapping_documents.c
        self._connection.execute(  # on PostgreSQL: two who activate at once take turns
            select(columns.id)
            .where(columns.layer == chosen.layer, columns.name == chosen.name)
            .order_by(columns.id)
            .with_for_update()
        ).all()
        before = self.active(chosen.layer, chosen.name)
        replaces = chosen.replaces
        if chosen.activated_at is None and before is not None:
            replaces = before.id
        self._supersede(chosen.layer, chosen.name)
        self._connection.execute(
            update(mapping_documents)
            .where(columns.id == document_id)
            .values(state="active", activated_at=self._now(), activated_by=by, replaces=replaces)
        )
        return self.get(document_id)

    def take_off(self, active: MappingDocument) -> None:
        """Leave an overlay without any document in force."""
        self._supersede(active.layer, active.name)

    def seen(self, name: str, document: str) -> bool:
        """Remember what the configuration names; True when it is not what it named the last time."""
        known = self._connection.execute(
            select(mapping_files.c.sha256).where(mapping_files.c.name == name)
        ).scalar_one_or_none()
        if known == sha256(document):
            return False
        self._upsert(mapping_files, name=name, sha256=sha256(document), seen_at=self._now())
        return True

    def _supersede(self, layer: str, name: str) -> None:
        columns = mapping_documents.c
        self._connection.execute(
            update(mapping_documents)
            .where(columns.layer == layer, columns.name == name, columns.state == "active")
            .values(state="superseded")
        )

    def _change(self, document_id: int, allowed_from: Collection[str], **values: Any) -> None:
        changed = self._connection.execute(
            update(mapping_documents)
            .where(
                mapping_documents.c.id == document_id,
                mapping_documents.c.state.in_(allowed_from),
            )
            .values(**values)
        )
        if changed.rowcount != 1:
            raise InvariantBroken(
                f"Mapping document {document_id} is not {' or '.join(sorted(allowed_from))}."
            )

    def _one(self, query: Select[Any]) -> MappingDocument | None:
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else MappingDocument(**row)


def sha256(document: str) -> str:
    """What a document is recognised by."""
    return hashlib.sha256(document.encode()).hexdigest()
