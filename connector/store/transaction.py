"""One unit of work: everything in it is committed together, or nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import Connection, func, select

from connector.clock import Clock
from connector.store.audit import Audit
from connector.store.companies import Companies
from connector.store.connection_books import ConnectionBooks
from connector.store.connections import Connections
from connector.store.corrections import Corrections
from connector.store.cursors import Cursors
from connector.store.documents import Documents
from connector.store.feed import Feed
from connector.store.feed_deliveries import FeedDeliveries
from connector.store.feed_endpoints import FeedEndpoints
from connector.store.financing import FinancingInvoices
from connector.store.inbox import Inbox
from connector.store.inbox_work import Assignments, Exclusions, Rereads
from connector.store.invariants import Invariants
from connector.store.mapping_documents import MappingDocuments
from connector.store.mapping_examples import MappingExamples
from connector.store.mapping_trials import MappingTrials
from connector.store.mappings import Mappings
from connector.store.outbox import Outbox
from connector.store.people import ApiTokens, People
from connector.store.reading_audit import AuditReading
from connector.store.reading_deliveries import DeliveryReading
from connector.store.reading_facts import InvoiceFacts
from connector.store.reading_inbox import InboxReading
from connector.store.reading_invoices import InvoiceReading
from connector.store.reading_runs import RunReading
from connector.store.records import Records
from connector.store.runs import Runs
from connector.store.schema import metadata
from connector.store.timeline import Timeline
from connector.store.totals import CurrentTotals
from connector.store.web_sessions import OneTimeCodes, SignInBrakes, WebSessions

_HIGHEST = {
    table.name: str(select(func.max(table.c.id)))
    for table in metadata.sorted_tables
    if "id" in table.c
}


class Transaction:
    """Repositories over one database transaction. Made by `Database.write` and `Database.read` alone."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self.clock = clock
        self.is_sqlite = connection.dialect.name == "sqlite"
        self._last_allocated: dict[str, int] = {}

    def allocate(self, table_name: str, count: int) -> Sequence[int]:
        """`count` fresh identifiers of a table, ascending, for rows inserted with their own `id`.

        SQLite: the next after the highest, safe because one transaction writes at a time. PostgreSQL: from the
        table's sequence, hence without gaps only by luck.
        """
        if count <= 0:
            return range(0)
        if self.is_sqlite:
            highest = self.connection.exec_driver_sql(_HIGHEST[table_name]).scalar_one() or 0
            first = max(highest, self._last_allocated.get(table_name, 0)) + 1
            self._last_allocated[table_name] = first + count - 1
            return range(first, first + count)
        rows = self.connection.exec_driver_sql(
            "select nextval(%s) from generate_series(1, %s)", (f"{table_name}_id_seq", count)
        )
        return sorted(rows.scalars())

    @cached_property
    def records(self) -> Records:
        return Records(self)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self)

    @cached_property
    def cursors(self) -> Cursors:
        return Cursors(self)

    @cached_property
    def connections(self) -> Connections:
        return Connections(self)

    @cached_property
    def connection_books(self) -> ConnectionBooks:
        return ConnectionBooks(self)

    @cached_property
    def mappings(self) -> Mappings:
        return Mappings(self)

    @cached_property
    def mapping_documents(self) -> MappingDocuments:
        return MappingDocuments(self)

    @cached_property
    def mapping_trials(self) -> MappingTrials:
        return MappingTrials(self)

    @cached_property
    def mapping_examples(self) -> MappingExamples:
        return MappingExamples(self)

    @cached_property
    def companies(self) -> Companies:
        return Companies(self)

    @cached_property
    def documents(self) -> Documents:
        return Documents(self)

    @cached_property
    def financing(self) -> FinancingInvoices:
        return FinancingInvoices(self)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(self)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.connection, self.clock)

    @cached_property
    def people(self) -> People:
        return People(self)

    @cached_property
    def api_tokens(self) -> ApiTokens:
        return ApiTokens(self)

    @cached_property
    def web_sessions(self) -> WebSessions:
        return WebSessions(self)

    @cached_property
    def one_time_codes(self) -> OneTimeCodes:
        return OneTimeCodes(self)

    @cached_property
    def sign_in_brakes(self) -> SignInBrakes:
        return SignInBrakes(self)

    @cached_property
    def facts(self) -> InvoiceFacts:
        return InvoiceFacts(self)

    @cached_property
    def invoices(self) -> InvoiceReading:
        return InvoiceReading(self)

    @cached_property
    def exclusions(self) -> Exclusions:
        return Exclusions(self)

    @cached_property
    def corrections(self) -> Corrections:
        return Corrections(self)

    @cached_property
    def rereads(self) -> Rereads:
        return Rereads(self)

    @cached_property
    def assignments(self) -> Assignments:
        return Assignments(self)

    @cached_property
    def error_inbox(self) -> InboxReading:
        return InboxReading(self)

    @cached_property
    def audit_list(self) -> AuditReading:
        return AuditReading(self)

    @cached_property
    def run_list(self) -> RunReading:
        return RunReading(self)

    @cached_property
    def deliveries(self) -> DeliveryReading:
        return DeliveryReading(self)

    @cached_property
    def feed(self) -> Feed:
        return Feed(self)

    @cached_property
    def feed_endpoints(self) -> FeedEndpoints:
        return FeedEndpoints(self)

    @cached_property
    def feed_deliveries(self) -> FeedDeliveries:
        return FeedDeliveries(self)

    @cached_property
    def totals(self) -> CurrentTotals:
        return CurrentTotals(self)

    @cached_property
    def invariants(self) -> Invariants:
        return Invariants(self)
