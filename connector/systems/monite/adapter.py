"""The accounting system as the port wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from connector.errors import NotFound, Unsupported
from connector.monite_access import grant, versioned
from connector.proof import Proof, Proofs
from connector.system import (
    Capabilities,
    Counterparty,
    Cursor,
    Door,
    Finding,
    Page,
    RawRecord,
    Record,
    RecordHint,
    SourceDocument,
    StatusNote,
    Stream,
    Subscribed,
    Subscription,
    Written,
)
from connector.systems.monite.client import MoniteClient, path_of
from connector.systems.monite.companies import Companies
from connector.systems.monite.files import invoice_document
from connector.systems.monite.inspection import inspect
from connector.systems.monite.records import (
    COLLECTIONS,
    COUNTERPART,
    ENTITY,
    ENTITY_SECRETS,
    INVOICE_SECRETS,
    PAYABLE,
    RECEIVABLE,
    counterparty,
    invoice_record,
    is_wanted,
    split,
)
from connector.systems.monite.settings import MoniteSchema
from connector.systems.monite.subscriptions import Subscriptions, read_hint
from connector.systems.monite.walk import Habits, InvoiceWalk, Step
from connector.systems.monite.write_back import Payments, WriteBack
from connector.transport import (
    AdapterContext,
    Transport,
    transport_settings,
)

INVOICES = "invoices"
COUNTERPARTIES = "counterparties"


class Monite:
    """One connection to one entity. Fulfils `connector.system.AccountingSystem` and `ManagesWebhooks`."""

    name: ClassVar[str] = "monite"
    settings_schema: ClassVar[type[MoniteSchema]] = MoniteSchema
    gives_secrets: ClassVar[bool] = True
    capabilities: ClassVar[Capabilities] = Capabilities(
        payables=True,
        receivables=True,
        attachments=True,
        status_notes=True,
        change_detection=(
            "No list can be filtered by the time of a change: by events where a webhook subscription is on, by reading "
            "what is still open again, and by full walks."
        ),
        write_back=(
            "Each status goes into the metadata of a receivable, and of a payable until it is sent for approval; on "
            "request a payment is booked."
        ),
    )
    # What is signed of a webhook is in no document; its body is checked against the OpenAPI, too.
    proofs: ClassVar[Proofs] = Proofs(Proof.VENDOR_OPENAPI, {"webhooks": Proof.DOCUMENTS})
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            COUNTERPARTIES,
            mapped=False,
            incremental=True,
            secret_fields=ENTITY_SECRETS,
            volatile_fields=("updated_at",),
        ),
        Stream(
            INVOICES,
            mapped=True,
            incremental=True,
            secret_fields=INVOICE_SECRETS,
            volatile_fields=("updated_at",),
        ),
    )

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `MoniteSchema` loaded. Raises ConfigError for an address that may not be used."""
        self._settings = settings
        self._clock = context.clock
        user = settings["entity_user_id"]
        as_partner = _transport(settings, context, None)
        acting = as_partner if user is None else _transport(settings, context, user)
        self._client = MoniteClient(acting, as_partner, settings["version"], settings["entity_id"])
        self._companies = Companies(
            self._client, as_user=user is not None, with_addresses=settings["read_addresses"]
        )
        self._habits = Habits(
            events=settings["events"],
            reread_open=settings["reread_open"],
            overlap=timedelta(seconds=settings["overlap_seconds"]),
            page_size=settings["page_size"],
        )
        self._subscriptions = Subscriptions(self._client, settings["webhook_objects"])
        self._write_back = WriteBack(self._client, _payments(settings))

    def check(self) -> list[Finding]:
        """Try the token, the entity and one page of each list, and say how changes are found."""
        return inspect(self._client, self._companies, self._subscriptions, self._habits)

    def pull(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Yield pages in order; only the last carries a cursor. See `walk.py` for how changes are found."""
        return (_page(step) for step in self._steps(stream, cursor))

    def fetch(self, stream: str, source_id: str) -> RawRecord:
        """Read one record anew. Raises NotFound for what is not there, and for a quote."""
        if stream == COUNTERPARTIES:
            kind, identifier = split(source_id, (COUNTERPART, ENTITY))
            if kind == COUNTERPART:
                return self._companies.counterpart(identifier)
            if identifier != self._client.entity_id:
                raise NotFound("This connection reads no other entity than its own.")
            return self._companies.entity()
        self._require(stream)
        kind, identifier = split(source_id, (PAYABLE, RECEIVABLE))
        row = self._client.row(path_of(COLLECTIONS[kind], identifier))
        if not is_wanted(kind, row):
            raise NotFound(f"{source_id} is neither an invoice nor a credit note.")
        return invoice_record(kind, row, self._client.entity_id)

    def counterparty(self, record: Record) -> Counterparty:
        """Translate a record of the `counterparties` stream."""
        return counterparty(record)

    def document(self, source_id: str) -> SourceDocument | None:
        """A payable's file, or the PDF of a receivable, else one of its attachments."""
        kind, identifier = split(source_id, (PAYABLE, RECEIVABLE))
        return invoice_document(
            self._client, kind, identifier, self._settings["max_document_bytes"]
        )

    def write_status(self, note: StatusNote) -> Written:
        """Write the status, and book the payment where the settings say so."""
        return self._write_back.write(note)

    def find_status(self, note: StatusNote) -> Written | None:
        """Whether all that belongs to the note is there."""
        return self._write_back.find(note)

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    # -- webhooks -------------------------------------------------------------------------------------------------

    def read_hint(self, body: Record) -> RecordHint:
        """Which record an event names."""
        return read_hint(body, self._client.entity_id)

    def wanted_subscriptions(self, door: Door) -> Sequence[Subscription]:
        """One for each object type that is configured."""
        return self._subscriptions.wanted(door)

    def subscriptions(self) -> Sequence[Subscription]:
        """All of the partner's."""
        return self._subscriptions.there()

    def subscribe(self, wanted: Subscription, door: Door) -> Subscribed:
        """Make one; Monite gives its secret."""
        return self._subscriptions.make(wanted)

    def change_subscription(self, remote_id: str, wanted: Subscription, door: Door) -> None:
        """Lead one of ours to the door, and switch it on."""
        self._subscriptions.change(remote_id, wanted)

    def renew_secret(self, remote_id: str) -> str:
        """A new secret; the old one ends at once."""
        return self._subscriptions.renew(remote_id)

    def unsubscribe(self, remote_id: str) -> None:
        """Remove one of ours."""
        self._subscriptions.remove(remote_id)

    # -- small things ---------------------------------------------------------------------------------------------

    def _steps(self, stream: str, cursor: Cursor | None) -> Iterator[Step]:
        if stream == COUNTERPARTIES:
            return self._companies.steps(self._clock, self._habits, cursor)
        self._require(stream)
        walk = InvoiceWalk(self._client, self._clock, self._habits)
        return walk.whole() if cursor is None else walk.changed(cursor)

    def _require(self, stream: str) -> None:
        if stream != INVOICES:
            raise Unsupported(
                f"Monite has no stream {stream!r} here; it has {COUNTERPARTIES}, {INVOICES}."
            )


def _transport(settings: Mapping[str, Any], context: AdapterContext, user: str | None) -> Transport:
    """A transport that acts as a user of the entity, or (None) as the partner."""
    # A 403 is about one thing a role may not do, not about the credentials.
    shared = transport_settings(
        settings,
        base_url=versioned(settings["base_url"]),
        other_urls=tuple(settings["file_urls"]),
        forbidden_means_reconnect=False,
        heeds_rate_headers=True,
    )
    return context.transport(shared, grant(settings, context.clock, user=user))


def _payments(settings: Mapping[str, Any]) -> Payments:
    on = {PAYABLE: settings["payable_paid_on"], RECEIVABLE: settings["receivable_paid_on"]}
    return Payments(on, as_record=settings["payments_as"] == "payment_record")


def _page(step: Step) -> Page:
    return Page(records=lambda: step.records, cursor=step.cursor, size=len(step.records))
