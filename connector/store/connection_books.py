"""Whose books were read under which connection's name, to be offered for financing."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.repository import Repository
from connector.store.schema import connection_books, financing_invoices, source_records


class ConnectionBooks(Repository):
    """Writing and reading it. `books` is what names them, as text: equal for the same books of a system."""

    def names(self, system: str, books: str) -> list[str]:
        """The names of connections under which these books were ever read."""
        columns = connection_books.c
        rows = self._connection.execute(
            select(columns.connection)
            .where(columns.system == system, columns.books == books)
            .order_by(columns.connection)
        )
        return list(rows.scalars())

    def note(self, connection: str, system: str, books: str) -> None:
        """Keep that a connection reads these books, if that is not known yet."""
        make = sqlite.insert if self._is_sqlite else postgresql.insert
        self._connection.execute(
            make(connection_books)
            .values(connection=connection, system=system, books=books, first_read_at=self._now())
            .on_conflict_do_nothing()
        )

    def has_sent(self, connection: str) -> bool:
        """Whether an invoice of this connection ever went to a financier, or may have."""
        invoices = financing_invoices.c
        sent = (
            select(invoices.id)
            .join(source_records, source_records.c.id == invoices.record_id)
            .where(
                source_records.c.connection == connection,
                or_(
                    invoices.state.not_in(("ready", "withdrawn")),
                    invoices.remote_invoice_id.is_not(None),
                ),
            )
            .limit(1)
        )
        return self._connection.execute(sent).first() is not None
