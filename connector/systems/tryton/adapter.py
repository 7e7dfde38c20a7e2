"""The accounting system as the port wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from marshmallow import fields, validate

from connector.config.books import place_of
from connector.config.fields import SecretField
from connector.errors import NotFound, Unsupported
from connector.proof import Proof, Proofs
from connector.system import (
    Capabilities,
    Counterparty,
    Cursor,
    Finding,
    Page,
    RawRecord,
    Record,
    SourceDocument,
    StatusNote,
    Stream,
    Written,
)
from connector.systems.tryton.attachments import invoice_document
from connector.systems.tryton.client import Domain, Row, SessionAuthorization, TrytonClient
from connector.systems.tryton.inspection import inspect
from connector.systems.tryton.notes import Notes
from connector.systems.tryton.records import (
    ADDRESS_FIELDS,
    COMPANY_FIELDS,
    INVOICES,
    LINE_FIELDS,
    PARTIES,
    company_ref,
    counterparty,
    counterparty_record,
    invoice_record,
    line_ids,
    party_ref,
)
from connector.systems.tryton.walk import Walk, Walked
from connector.transport import AdapterContext, TransportSchema, reveal, transport_settings


class TrytonSchema(TransportSchema):
    """Settings of a Tryton connection. `base_url` is the server's root, without the database."""

    # While its database is away, Tryton lets a request wait 30 seconds before it answers.
    read_timeout_seconds = fields.Float(
        load_default=60.0, validate=validate.Range(min=0, max=600, min_inclusive=False)
    )
    database = fields.String(
        required=True,
        validate=validate.Regexp(
            r"^[A-Za-z0-9_.-]{1,63}\Z", error="A database name has letters, digits, `_`, `.`, `-`."
        ),
    )
    username = fields.String(required=True, validate=validate.Length(min=1))
    password = SecretField(required=True)
    company_id = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(min=1)
    )
    """Only the invoices of this company; None: of every company the user sees."""
    page_size = fields.Integer(
        load_default=200, strict=True, validate=validate.Range(min=1, max=1000)
    )
    overlap_seconds = fields.Integer(
        load_default=600, strict=True, validate=validate.Range(min=60, max=86_400)
    )
    """Longer than the longest transaction of the server: a bulk post can take minutes."""
    max_document_bytes = fields.Integer(
        load_default=10 * 1024 * 1024, strict=True, validate=validate.Range(min=1, max=20_000_000)
    )
    write_fields = fields.List(
        fields.String(validate=validate.OneOf(("comment", "reference"))), load_default=list
    )
    """Fields of the invoice that get a line with the status, beside the note."""

    @staticmethod
    def books_by(settings: Mapping[str, Any]) -> tuple[object, ...]:
        """A company of a database. Where none is named: the companies that the user sees."""
        whose = settings["company_id"] or settings["username"]
        return place_of(settings["base_url"]), settings["database"], whose


class Tryton:
    """One connection to one Tryton database as one user. Fulfils `connector.system.AccountingSystem`."""

    name: ClassVar[str] = "tryton"
    settings_schema: ClassVar[type[TrytonSchema]] = TrytonSchema
    capabilities: ClassVar[Capabilities] = Capabilities(
        payables=True,
        receivables=True,
        attachments=True,
        status_notes=True,
        change_detection=(
            "By write_date (create_date while a record was never changed) and by the timestamps of its move "
            "lines, from an overlap before the newest one seen; a deleted one is not noticed (only drafts, which are never offered, can be deleted)."
        ),
        write_back="Each status is a note on the invoice, and on request a line in its comment or reference.",
    )
    proofs: ClassVar[Proofs] = Proofs(Proof.REAL_SERVER)
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("counterparties", mapped=False, incremental=True, volatile_fields=("write_date",)),
        Stream("invoices", mapped=True, incremental=True, volatile_fields=("write_date",)),
    )

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `TrytonSchema` loaded. Raises ConfigError for an address that may not be used."""
        self._settings = settings
        database = settings["database"]
        authorization = SessionAuthorization(
            database, settings["username"], reveal(settings["password"])
        )
        # Tryton answers 403 to an unknown method, so a 403 says nothing about the credentials.
        self._transport = context.transport(
            transport_settings(settings, forbidden_means_reconnect=False), authorization
        )
        self._client = TrytonClient(self._transport, database)
        self._notes = Notes(self._client, settings["write_fields"])

    def check(self) -> list[Finding]:
        """Try version, login, module, visibility of companies, rights and one page, read-only."""
        return inspect(self._client, self._settings, self._invoices())

    def pull(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Yield pages in order; see `walk.py` for why no change is missed."""
        walked = self._walked(stream)
        overlap = timedelta(seconds=self._settings["overlap_seconds"])
        walk = Walk(self._client, walked, overlap, self._settings["page_size"])
        if stream == "counterparties":
            companies = self._companies()
            yield _page(companies, None)
        for step in walk.steps(cursor):
            yield _page(self._compose(stream, step.rows), step.cursor)

    def fetch(self, stream: str, source_id: str) -> RawRecord:
        """Read one record anew. Raises NotFound when the user does not see it."""
        walked = self._walked(stream)
        kind, _, number = source_id.rpartition(":")
        expected = ("party", "company") if stream == "counterparties" else ("",)
        if kind not in expected or not (number.isascii() and number.isdigit()):
            raise NotFound(f"{source_id!r} names no record of the stream {stream}.")
        if kind == "company":
            found = [row for row in self._companies() if row.source_id == source_id]
        else:
            domain: Domain = [*walked.domain, ["id", "=", int(number)]]
            rows = self._client.search_read(walked.model, domain, walked.fields, limit=1)
            found = self._compose(stream, rows)
        if not found:
            raise NotFound(f"Tryton shows no record {source_id} of the stream {stream}.")
        return found[0]

    def counterparty(self, record: Record) -> Counterparty:
        """Translate a record of the `counterparties` stream."""
        return counterparty(record)

    def document(self, source_id: str) -> SourceDocument | None:
        """The newest PDF, JPEG or PNG attached to the invoice, first those named like it."""
        return invoice_document(self._client, source_id, self._settings["max_document_bytes"])

    def write_status(self, note: StatusNote) -> Written:
        """Write a note on the invoice, once. Raises OutcomeUnknown when it is not sure."""
        return self._notes.write(note)

    def find_status(self, note: StatusNote) -> Written | None:
        """Look for the note on the invoice by its marker."""
        return self._notes.find(note)

    def close(self) -> None:
        """Give back connections. The session stays until the server ends it."""
        self._transport.close()

    # -- reading --------------------------------------------------------------------------------------------------

    def _invoices(self) -> Walked:
        company_id = self._settings["company_id"]
        if company_id is None:
            return INVOICES
        domain = [*INVOICES.domain, ["company", "=", company_id]]
        return Walked(INVOICES.model, domain, INVOICES.fields, INVOICES.related)

    def _walked(self, stream: str) -> Walked:
        if stream == "invoices":
            return self._invoices()
        if stream == "counterparties":
            return PARTIES
        raise Unsupported(f"Tryton has no stream {stream!r} here.")

    def _compose(self, stream: str, rows: Sequence[Row]) -> list[RawRecord]:
        if stream == "invoices":
            lines = self._client.read("account.move.line", line_ids(rows), LINE_FIELDS)
            by_id = {line["id"]: line for line in lines}
            return [invoice_record(row, by_id) for row in rows]
        addresses = self._addresses(rows)
        return [
            counterparty_record(party_ref(row["id"]), "party", row, row, addresses.get(row["id"]))
            for row in rows
        ]

    def _companies(self) -> list[RawRecord]:
        """Our own companies: a handful, read whole every time."""
        rows = self._client.search_read("company.company", [], COMPANY_FIELDS)
        parties = {
            party["id"]: party
            for party in self._client.read(
                PARTIES.model, sorted({row["party"] for row in rows}), PARTIES.fields
            )
        }
        addresses = self._addresses(list(parties.values()))
        return [
            counterparty_record(
                company_ref(row["id"]),
                "company",
                row,
                parties[row["party"]],
                addresses.get(row["party"]),
            )
            for row in rows
        ]

    def _addresses(self, parties: Sequence[Row]) -> dict[int, Row]:
        """The first address of each party."""
        first = sorted({row["addresses"][0] for row in parties if row["addresses"]})
        rows = self._client.read("party.address", first, ADDRESS_FIELDS)
        return {row["party"]: row for row in rows}


def _page(records: Sequence[RawRecord], cursor: Cursor | None) -> Page:
    return Page(records=lambda: records, cursor=cursor, size=len(records))
