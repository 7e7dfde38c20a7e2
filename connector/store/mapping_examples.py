"""Golden examples: records pinned with what must become of them, in versions that never change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update

from connector.errors import NotFound
from connector.store.repository import Repository
from connector.store.schema import mapping_examples


@dataclass(frozen=True, slots=True)
class GoldenExample:
    """A record as it was stored, the day it is looked at, and the outcome it must have then.

    `state`: `proposed` with a change (`document_id`), `pinned` in force, `superseded` by a newer version, `retired`.
    """

    id: int
    connection: str
    name: str
    version_no: int
    state: str
    document_id: int | None
    source_id: str
    raw: bytes
    today: date
    expected: Mapping[str, Any]
    created_at: datetime
    created_by: str


class MappingExamples(Repository):
    """Writing and reading golden examples."""

    def add(
        self,
        connection: str,
        name: str,
        *,
        source_id: str,
        raw: bytes,
        today: date,
        expected: Mapping[str, Any],
        by: str,
        document_id: int | None = None,
    ) -> GoldenExample:
        """Pin an example at once, or propose it with a change. The version before is superseded when this is pinned."""
        columns = mapping_examples.c
        highest = self._connection.execute(
            select(func.max(columns.version_no)).where(
                columns.connection == connection, columns.name == name
            )
        ).scalar_one()
        if document_id is None:
            self._leave(connection, name, "superseded")
        (example_id,) = self._transaction.allocate("mapping_examples", 1)
        self._connection.execute(
            insert(mapping_examples).values(
                id=example_id,
                connection=connection,
                name=name,
                version_no=(highest or 0) + 1,
                state="pinned" if document_id is None else "proposed",
                document_id=document_id,
                source_id=source_id,
                raw=raw,
                today=today,
                expected=json.dumps(expected, ensure_ascii=False, sort_keys=True),
                created_at=self._now(),
                created_by=by,
            )
        )
        return self._all(select(mapping_examples).where(columns.id == example_id))[0]

    def in_force(self, connection: str, document_id: int | None = None) -> list[GoldenExample]:
        """What an activation must fulfil: the pinned examples, and in their place what a change proposes."""
        columns = mapping_examples.c
        pinned = {
            example.name: example
            for example in self._all(
                select(mapping_examples).where(
                    columns.connection == connection, columns.state == "pinned"
                )
            )
        }
        if document_id is not None:
            for example in self.proposed(document_id):
                if example.connection == connection:
                    pinned[example.name] = example
        return [pinned[name] for name in sorted(pinned)]

    def proposed(self, document_id: int) -> list[GoldenExample]:
        """The examples that a change brings, the newest of each name last."""
        columns = mapping_examples.c
        return self._all(
            select(mapping_examples)
            .where(columns.document_id == document_id, columns.state == "proposed")
            .order_by(columns.id)
        )

    def all(self, connection: str | None = None) -> list[GoldenExample]:
        """Pinned and proposed examples."""
        columns = mapping_examples.c
        query = select(mapping_examples).where(columns.state.in_(("pinned", "proposed")))
        if connection is not None:
            query = query.where(columns.connection == connection)
        return self._all(query.order_by(columns.connection, columns.name, columns.version_no))

    def carry_over(self, document_id: int, next_document_id: int) -> None:
        """Propose with a newer version of a change what its older version proposed."""
        for example in self.proposed(document_id):
            self._connection.execute(
                update(mapping_examples)
                .where(mapping_examples.c.id == example.id)
                .values(state="superseded")
            )
            self.add(
                example.connection,
                example.name,
                source_id=example.source_id,
                raw=example.raw,
                today=example.today,
                expected=example.expected,
                by=example.created_by,
                document_id=next_document_id,
            )

    def pin_proposed(self, document_id: int) -> None:
        """Put in force what a change proposed."""
        for example in self.proposed(document_id):
            self._leave(example.connection, example.name, "superseded")
            self._connection.execute(
                update(mapping_examples)
                .where(mapping_examples.c.id == example.id)
                .values(state="pinned")
            )

    def withdraw_proposed(self, document_id: int) -> None:
        """Drop what a change proposed that was given up."""
        columns = mapping_examples.c
        self._connection.execute(
            update(mapping_examples)
            .where(columns.document_id == document_id, columns.state == "proposed")
            .values(state="retired")
        )

    def retire(self, connection: str, name: str) -> None:
        """Take a pinned example out of force. Raises NotFound."""
        if not self._leave(connection, name, "retired"):
            raise NotFound(f"No example {name!r} is pinned for the connection {connection!r}.")

    def _leave(self, connection: str, name: str, state: str) -> int:
        columns = mapping_examples.c
        return self._connection.execute(
            update(mapping_examples)
            .where(
                columns.connection == connection, columns.name == name, columns.state == "pinned"
            )
            .values(state=state)
        ).rowcount

    def _all(self, query: Select[Any]) -> list[GoldenExample]:
        rows = self._connection.execute(query)
        return [
            GoldenExample(
                **{**row, "raw": bytes(row["raw"]), "expected": json.loads(row["expected"])}
            )
            for row in rows.mappings()
        ]
