"""Finexio (https://api.finexio.com/Guides, OpenAPI of v1 and v2): payable invoices, read only.

What the vendor's documents say, and what follows from it here:

- Lists take `page` and give `{count, next, previous, results}`, at most 100 at a time. Invoices cannot be filtered or
  sorted, so a whole walk is the only complete reading; `next` may name a foreign host and is never followed.
- v2 filters payments (`updated_start`) and counterparties (`updated_after`) by time. A payment names its invoices,
  so between whole walks v2 reads the changed payments and then the invoices they name. v1 has no such filter: every
  pull is a whole walk, and no cursor is ever given.
- Bad credentials are answered with 403. Timestamps have no offset; they are taken as UTC, which is inferred.
- There is no way to change an invoice, and creating one starts a payment: this module only ever sends GET. What else
  is sent is about webhooks and nothing else (`subscriptions.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, ClassVar

from marshmallow import fields, validate

from connector.config.books import place_of
from connector.config.fields import SecretField
from connector.errors import (
    ConfigError,
    ConnectorError,
    ContractDrift,
    NotFound,
    Unsupported,
)
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
from connector.systems.finexio.lists import (
    HEAD,
    HEADS,
    PAYMENTS,
    Newest,
    batches,
    count_of,
    decoded,
    instant_of,
    written,
)
from connector.systems.finexio.subscriptions import EVENTS, Subscriptions, event_of
from connector.transport import (
    AdapterContext,
    BasicAuthorization,
    TransportSchema,
    reveal,
    segment,
    transport_settings,
)

INVOICES = "invoices"
COUNTERPARTIES = "counterparties"
_PATHS = {INVOICES: "/invoices/", COUNTERPARTIES: "/counterparties/"}
_WRITE_BACK = "Finexio takes nothing written on its invoices"
_ROLES = {"Buyer": "own", "Supplier": "supplier"}
_COUNTRIES = {"USA": "US", "CAN": "CA", "UMI": "UM"}


class FinexioSchema(TransportSchema):
    """Settings of a Finexio connection. `base_url` is the host's, with or without the version at its end."""

    version = fields.String(load_default="v2", validate=validate.OneOf(("v1", "v2")))
    username = fields.String(required=True, validate=validate.Length(min=1))
    password = SecretField(required=True)
    overlap_seconds = fields.Integer(
        load_default=3600, strict=True, validate=validate.Range(min=60, max=7 * 86_400)
    )
    """How far before the newest change seen the next v2 pull begins."""
    webhook_event = fields.String(load_default=EVENTS[0], validate=validate.OneOf(EVENTS))
    """How the event is spelled when it is subscribed to: the vendor's documents have both."""
    webhooks_below_host = fields.Boolean(load_default=False)
    """Whether subscriptions are at the host itself instead of below the version: the vendor's documents have both."""

    webhook_event_id_field: ClassVar[str] = ""
    """Its events have no identifier: two with the same body may tell of two changes."""

    @staticmethod
    def books_by(settings: Mapping[str, Any]) -> tuple[object, ...]:
        """A user of Finexio is one company's."""
        return place_of(settings["base_url"]), settings["username"]


class Finexio:
    """One company's access to Finexio. Fulfils `connector.system.AccountingSystem` and `ManagesWebhooks`."""

    name: ClassVar[str] = "finexio"
    gives_secrets: ClassVar[bool] = False
    settings_schema: ClassVar[type[FinexioSchema]] = FinexioSchema
    capabilities: ClassVar[Capabilities] = Capabilities(
        payables=True,
        receivables=False,
        attachments=False,
        status_notes=False,
        change_detection=(
            "By content on whole walks; on v2 also by changed payments and the invoices they name in between; "
            "where a webhook is subscribed, by its hint as well."
        ),
        write_back=f"{_WRITE_BACK}. Each status stands here and in the status feed.",
    )
    proofs: ClassVar[Proofs] = Proofs(Proof.DOCUMENTS)
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            COUNTERPARTIES,
            mapped=False,
            incremental=True,
            secret_fields=("bank_account_number", "bank_routing_number"),
            volatile_fields=("updated",),
        ),
        Stream(
            INVOICES,
            mapped=True,
            incremental=True,
            secret_fields=("account_number",),
            volatile_fields=("updated",),
        ),
    )

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        """`settings` is what `FinexioSchema` loaded. Raises ConfigError for an address that may not be used."""
        self._version = settings["version"]
        self._overlap = timedelta(seconds=settings["overlap_seconds"])
        self._clock = context.clock
        shared = transport_settings(
            settings, base_url=_versioned(settings["base_url"], self._version)
        )
        proof = BasicAuthorization(settings["username"], reveal(settings["password"]))
        self._transport = context.transport(shared, proof)
        self._webhooks = Subscriptions(
            self._transport,
            event=settings["webhook_event"],
            below_host=settings["webhooks_below_host"],
        )

    def check(self) -> list[Finding]:
        """Read one page of each list."""
        paths = [_PATHS[INVOICES], _PATHS[COUNTERPARTIES]]
        paths += ["/payments/"] if self._version == "v2" else []
        return [self._finding(path) for path in paths]

    def pull(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Yield pages in order; only the last carries a cursor, because the lists have no stated order."""
        path = self._path(stream)
        # v1 has no filter by time, whatever an older cursor says.
        since = instant_of((cursor or {}).get("updated")) if self._version == "v2" else None
        if since is None:
            return self._whole_walk(path)
        if stream == INVOICES:
            return self._changed_invoices(since)
        return self._changed_counterparties(since)

    def fetch(self, stream: str, source_id: str) -> RawRecord:
        """Read one record anew."""
        reply = self._transport.get(f"{self._path(stream)}{segment(source_id)}/")
        head = decoded(reply, HEAD.decode, reply.body)
        if head.id != source_id:
            raise reply.misshapen("the answer is another record than the one asked for.")
        return RawRecord(source_id, reply.body.strip(), head.updated)

    def counterparty(self, record: Record) -> Counterparty:
        """Translate. A type that is neither Buyer nor Supplier may stand on either side, until a person links it."""
        street = " ".join(filter(None, (_text(record, "address_1"), _text(record, "address_2"))))
        address = {
            "street": street,
            "city": _text(record, "city"),
            "state": _text(record, "state"),
            "postal_code": _text(record, "zipcode"),
        }
        country = _text(record, "country")
        return Counterparty(
            counterparty_id=record["id"],
            name=_text(record, "name") or record["id"],
            role=_ROLES.get(_text(record, "type"), "both"),
            country=_COUNTRIES.get(country, country if len(country) == 2 else None),
            tax_id=_text(record, "tax_id") or None,
            email=_text(record, "primary_contact_email") or _text(record, "remit_email") or None,
            address={part: text for part, text in address.items() if text},
        )

    def document(self, source_id: str) -> SourceDocument | None:
        """None: Finexio offers no file of an invoice."""
        return None

    def write_status(self, note: StatusNote) -> Written:
        """Not offered by the system."""
        raise _not_offered(note)

    def find_status(self, note: StatusNote) -> Written | None:
        """Not offered by the system."""
        raise _not_offered(note)

    # -- webhooks -------------------------------------------------------------------------------------------------

    def read_hint(self, body: Record) -> RecordHint:
        """The invoices of the payment that changed, by asking for the payment; an event is never believed."""
        try:
            event, payment_id = event_of(body)
        except ValueError as error:
            raise ContractDrift(f"This is no event of Finexio: {error}.") from None
        found = [] if payment_id is None else self._webhooks.invoices_of(payment_id)
        return RecordHint(event, tuple((INVOICES, invoice_id) for invoice_id in found))

    def wanted_subscriptions(self, door: Door) -> Sequence[Subscription]:
        """One, for payments; invoices have no events."""
        return self._webhooks.wanted(door)

    def subscriptions(self) -> Sequence[Subscription]:
        """What there is, other people's too."""
        return list(self._webhooks.listed())

    def subscribe(self, wanted: Subscription, door: Door) -> Subscribed:
        """Make one, with the door's credentials."""
        return self._webhooks.make(door)

    def change_subscription(self, remote_id: str, wanted: Subscription, door: Door) -> None:
        """Give one of ours the door's address and credentials anew."""
        self._webhooks.change(remote_id, door)

    def renew_secret(self, remote_id: str) -> str:
        """Not offered by the system: deliveries carry credentials of our choosing, and no signature."""
        raise Unsupported(
            "Finexio makes no signing secrets.",
            remedy="Change the password in `[connections.NAME.webhook.basic]` and run `connector webhooks sync --rotate`.",
        )

    def unsubscribe(self, remote_id: str) -> None:
        """Remove one of ours."""
        self._webhooks.remove(remote_id)

    def close(self) -> None:
        """Give back connections."""
        self._transport.close()

    # -- walks ----------------------------------------------------------------------------------------------------

    def _whole_walk(self, path: str) -> Iterator[Page]:
        newest = Newest(self._clock)
        has_next = False
        for batch in batches(self._transport, path, HEADS):
            has_next = batch.has_next
            if self._version == "v2":
                newest.see(batch.items)
            yield Page(
                records=batch.records,
                cursor=None if has_next else newest.cursor(),
                number=batch.number,
                digest=batch.digest,
                size=len(batch.items),
                total=batch.total,
            )
        if has_next:
            # The list became shorter on the way: its last page still said that another one follows.
            yield Page(records=tuple, cursor=newest.cursor())

    def _changed_counterparties(self, since: datetime) -> Iterator[Page]:
        newest = Newest(self._clock, since)
        start = [("updated_after", written(since - self._overlap))]
        for batch in batches(self._transport, _PATHS[COUNTERPARTIES], HEADS, start):
            newest.see(batch.items)
            yield Page(records=batch.records, cursor=None, size=len(batch.items))
        yield Page(records=tuple, cursor=newest.cursor())

    def _changed_invoices(self, since: datetime) -> Iterator[Page]:
        newest = Newest(self._clock, since)
        start = [("updated_start", written(since - self._overlap))]
        asked: set[str] = set()
        with ThreadPoolExecutor(
            self._transport.settings.concurrency, thread_name_prefix="re-read"
        ) as threads:
            for batch in batches(self._transport, "/payments/", PAYMENTS, start):
                newest.see(batch.items)
                named = {paid.id: None for payment in batch.items for paid in payment.invoices}
                fresh = [invoice_id for invoice_id in named if invoice_id not in asked]
                asked.update(fresh)
                found = [record for record in threads.map(self._invoice, fresh) if record]
                yield Page(records=found.copy, cursor=None, size=len(found))
        yield Page(records=tuple, cursor=newest.cursor())

    def _invoice(self, invoice_id: str) -> RawRecord | None:
        """An invoice that a payment names; None where it cannot be seen, as a whole walk would not see it either."""
        try:
            return self.fetch(INVOICES, invoice_id)
        except NotFound:
            return None

    # -- small things ---------------------------------------------------------------------------------------------

    def _path(self, stream: str) -> str:
        if stream not in _PATHS:
            raise Unsupported(f"Finexio has no stream {stream!r}; it has {', '.join(_PATHS)}.")
        return _PATHS[stream]

    def _finding(self, path: str) -> Finding:
        what = f"read one page of {path.strip('/')}"
        try:
            total = count_of(self._transport.get(path, [("page", "1")]))
        except ConnectorError as error:
            return Finding.of_error(what, error)
        return Finding(True, what, f"{total} there")


def _not_offered(note: StatusNote) -> Unsupported:
    return Unsupported(
        f"{_WRITE_BACK}, so nothing is written on {note.source_id}.",
        remedy="The status list shows the status instead.",
    )


def _versioned(base_url: str, version: str) -> str:
    base = base_url.rstrip("/")
    last = base.rpartition("/")[2]
    if last == version:
        return base
    if last in ("v1", "v2"):
        raise ConfigError(
            f"`base_url` ends in {last}, and `version` is {version}.",
            remedy="Leave the version out of `base_url`, or make both the same.",
        )
    return f"{base}/{version}"


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return value.strip() if isinstance(value, str) else ""
