"""Effective mappings: what the layers of a connection say together, in numbered versions, one of them active."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update

from connector.errors import NotFound
from connector.store.repository import Repository
from connector.store.schema import mapping_versions


@dataclass(frozen=True, slots=True)
class MappingVersion:
    """A mapping as it decides the records of the connection `name`. It never changes; only its state does.

    `layers` are the identifiers of the documents it is made of, lowest layer first. `remap_since`: stored records
    whose latest version is older keep what they were decided; None for none. `remapped_at` is set once all others
    were decided anew.
    """

    id: int
    name: str
    version_no: int
    sha256: str
    document: str
    layers: tuple[int, ...]
    state: str
    created_at: datetime
    created_by: str
    activated_at: datetime | None
    remap_since: date | None
    remapped_at: datetime | None


class Mappings(Repository):
    """Writing and reading mapping versions."""

    def active(self, name: str) -> MappingVersion | None:
        """The version in force."""
        return self._one(
            select(mapping_versions).where(
                mapping_versions.c.name == name, mapping_versions.c.state == "active"
            )
        )

    def get(self, version_id: int) -> MappingVersion | None:
        """One version."""
        return self._one(select(mapping_versions).where(mapping_versions.c.id == version_id))

    def versions(self, name: str) -> list[MappingVersion]:
        """All versions of a mapping, newest first."""
        rows = self._connection.execute(
            select(mapping_versions)
            .where(mapping_versions.c.name == name)
            .order_by(mapping_versions.c.version_no.desc())
        )
        return [_version(row) for row in rows.mappings()]

    def is_active(self, version_id: int) -> bool:
        """Whether a version is in force. On PostgreSQL it then stays so until this transaction ends."""
        state = self._connection.execute(
            select(mapping_versions.c.state)
            .where(mapping_versions.c.id == version_id)
            .with_for_update(read=True)
        ).scalar_one_or_none()
        return state == "active"

    def put(self, name: str, document: str, by: str, layers: Sequence[int] = ()) -> MappingVersion:
        """Store a version. The same text of the same layers again gives the version already there."""
        sha256 = hashlib.sha256(document.encode()).hexdigest()
        made_of = json.dumps(list(layers))
        known = self._one(
            select(mapping_versions)
            .where(
                mapping_versions.c.name == name,
                mapping_versions.c.sha256 == sha256,
                mapping_versions.c.layers == made_of,
            )
            .order_by(mapping_versions.c.version_no)
            .limit(1)
        )
        if known is not None:
            return known
        highest = self._connection.execute(
            select(func.max(mapping_versions.c.version_no)).where(mapping_versions.c.name == name)
        ).scalar_one()
        (version_id,) = self._transaction.allocate("mapping_versions", 1)
        self._connection.execute(
            insert(mapping_versions).values(
                id=version_id,
                name=name,
                version_no=(highest or 0) + 1,
                sha256=sha256,
                document=document,
                layers=made_of,
                state="draft",
                created_at=self._now(),
                created_by=by,
            )
        )
        return self._must(version_id)

    def activate(self, version_id: int, remap_since: date | None = None) -> MappingVersion:
        """Put a version in force; the one before becomes `superseded`. Raises NotFound for an unknown version."""
        chosen = self._must(version_id)
        if chosen.state == "active":
            return chosen
        self._connection.execute(  # on PostgreSQL: two who activate at once take turns
            select(mapping_versions.c.id)
            .where(mapping_versions.c.name == chosen.name)
            .order_by(mapping_versions.c.id)
            .with_for_update()
        ).all()
        self._connection.execute(
            update(mapping_versions)
            .where(mapping_versions.c.name == chosen.name, mapping_versions.c.state == "active")
            .values(state="superseded")
        )
        self._connection.execute(
            update(mapping_versions)
            .where(mapping_versions.c.id == version_id)
            .values(
                state="active",
                activated_at=self._now(),
                remap_since=remap_since,
                remapped_at=None,
            )
        )
        return self._must(version_id)

    def remap_anew(self, version_id: int, since: date | None) -> None:
        """Ask for the stored records to be decided once more."""
        self._connection.execute(
            update(mapping_versions)
            .where(mapping_versions.c.id == version_id)
            .values(remap_since=since, remapped_at=None)
        )

    def remapped(self, version_id: int) -> None:
        """Note that every stored record in question was decided by this version."""
        self._connection.execute(
            update(mapping_versions)
            .where(mapping_versions.c.id == version_id)
            .values(remapped_at=self._now())
        )

    def _must(self, version_id: int) -> MappingVersion:
        found = self.get(version_id)
        if found is None:
            raise NotFound(f"There is no mapping version {version_id}.")
        return found

    def _one(self, query: Select[Any]) -> MappingVersion | None:
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _version(row)


def _version(row: Any) -> MappingVersion:
    return MappingVersion(**{**row, "layers": tuple(json.loads(row["layers"]))})
