"""How an accounting system is declared. An adapter in `connector/systems/NAME.py` fulfils `AccountingSystem`.

Adapters declare and translate; they do not loop, retry, sleep, store or map. The pull engine drives the walk
they describe, the transport does the waiting, the store remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from marshmallow import Schema

from connector.errors import ConnectorError, Unavailable

Record = dict[str, Any]
"""A decoded source record: JSON values, numbers with a fraction as Decimal."""

Cursor = dict[str, str]
"""Where the next incremental pull of a stream begins: strings only, meaning known to the adapter alone."""


class RawRecord(NamedTuple):
    """One record as it came: `raw` is its JSON exactly as the system sent it (UTF-8 bytes)."""

    source_id: str
    raw: bytes
    updated_at: str | None = None
    """The system's own word for when it changed, verbatim."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some records and the cursor that is true once they are stored.

    `number` and `digest` are given by walks whose pages have stable numbers: a page whose digest is the one
    remembered from an earlier finished walk holds nothing new and is not decoded (`records` is only called
    when it is).
    """

    records: Callable[[], Sequence[RawRecord]]
    cursor: Cursor | None
    number: int | None = None
    digest: bytes | None = None
    size: int = 0
    """How many records the page holds; known without decoding them."""
    total: int | None = None
    """How many records the system says the whole walk holds, where it says so."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record a system yields."""

    name: str
    """`invoices`, `counterparties`, ..."""
    mapped: bool
    """Whether its records go through a mapping (invoices) or are only stored (counterparties)."""
    incremental: bool
    """Whether `pull` with a cursor yields only what changed."""
    secret_fields: tuple[str, ...] = ()
    """Top-level fields whose values are encrypted before they are stored, and are never logged or shown."""
    volatile_fields: tuple[str, ...] = ()
    """Top-level fields that change with every write (timestamps): ignored when an echo is recognised."""


@dataclass(frozen=True, slots=True)
class Counterparty:
    """A company as the accounting system knows it."""

    counterparty_id: str
    name: str
    role: str
    """`buyer`, `supplier`, `both` or `own` (our own company)."""
    country: str | None = None
    """ISO 3166-1 alpha-2, None when unknown."""
    tax_id: str | None = None
    email: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    """Any of `street`, `city`, `state`, `postal_code`."""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """The file of an invoice: `file_format` is a lower-case extension without the dot."""

    name: str
    file_format: str
    content: bytes


@dataclass(frozen=True, slots=True)
class StatusNote:
    """A financing status to be written on an invoice in the accounting system.

    `marker` is unique for this write-back and is part of the text that is written, so that a look-up can tell
    whether it is already there.
    """

    source_id: str
    marker: str
    status: str
    text: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """What a write-back changed: the remote identifier of what was made, and record fields with their new values.

    The next pull recognises a version that differs only by `fields` (and the stream's volatile fields) as our echo.
    """

    remote_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `connector check`."""

    ok: bool
    what: str
    """What was tried, e.g. `read one page of invoices`."""
    detail: str
    remedy: str | None = None

    @classmethod
    def of_error(cls, what: str, error: ConnectorError, *, otherwise: str | None = None) -> Finding:
        """A try that failed. What to do is the error's own word, else where it was not reached to look there, else
        `otherwise`."""
        unreached = UNREACHED if isinstance(error, Unavailable) else otherwise
        return cls(False, what, error.message, error.remedy or unreached)


UNREACHED = "Check the address, and that this machine can reach it; then try again."


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a system offers, for `check`, the console and docs/systems.md. Absent means: not offered by the system."""

    payables: bool
    receivables: bool
    attachments: bool
    status_notes: bool
    change_detection: str
    """One sentence: how a changed record is found."""
    write_back: str
    """One sentence: what is written back, or that the system offers none."""


class AccountingSystem(Protocol):
    """One connection to one accounting system.

    Every method may raise ReconnectRequired, RateLimited, Unavailable, ContractDrift, NotFound, Refused.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    settings_schema: ClassVar[type[Schema]]
    """marshmallow schema of the connection's own settings in the configuration file."""
    streams: ClassVar[tuple[Stream, ...]]

    def check(self) -> list[Finding]:
        """Try the connection read-only. Never raises for a refusal: says it in a finding."""

    def pull(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Yield pages in order. `cursor` None means the whole stream; the last page's cursor starts the next pull.

        A cursor never passes a record that was not yielded: it overlaps by more than the system's longest
        transaction, and is never the present time.
        """

    def fetch(self, stream: str, source_id: str) -> RawRecord:
        """Read one record anew."""

    def counterparty(self, record: Record) -> Counterparty:
        """Translate a record of the `counterparties` stream."""

    def document(self, source_id: str) -> SourceDocument | None:
        """The invoice's own file, or None where there is none (or the system offers none)."""

    def write_status(self, note: StatusNote) -> Written:
        """Write a financing status. Raises Unsupported where the system offers no way, OutcomeUnknown when unsure."""

    def find_status(self, note: StatusNote) -> Written | None:
        """Whether `note` is already there (looked up by its marker)."""

    def close(self) -> None:
        """Give back connections."""


# -- what a system may offer beside: telling us of changes itself --------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordHint:
    """What a verified event of an accounting system says: that these records may have changed.

    They are read anew; nothing else of the event is believed.
    """

    event_type: str
    """The system's own word, for the log."""
    records: tuple[tuple[str, str], ...]
    """(stream, source identifier) of each; none where the event is about nothing that is read here."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the events of one connection are to come in. Everything in it but the prefix is secret."""

    prefix: str
    """`PUBLIC_URL/webhooks/NAME/`: a subscription whose address begins so is ours."""
    path_secret: str = field(repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    """HTTP Basic credentials of our choosing, where the configuration names some."""

    @property
    def url(self) -> str:
        """The whole address that the system is to send to."""
        return self.prefix + self.path_secret


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription at the system: as it is there, or (without `remote_id`) as it should be."""

    topic: str
    """What it tells of, in the system's words (`payable`, `payment.changed`): we want one for each."""
    url: str = field(repr=False)
    """Where it sends to; its last part may be our path secret."""
    remote_id: str = ""
    enabled: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    """Whatever else of it is wanted, in the system's words; compared as it stands, so never a secret."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription that was just made. `secret` is the signing key, where the system makes one and shows it now."""

    remote_id: str
    secret: str | None = field(default=None, repr=False)


@runtime_checkable
class SendsHints(Protocol):
    """An accounting system whose events about its records can be understood."""

    def read_hint(self, body: Record) -> RecordHint:
        """Which records an event names. May ask the system which records a payment concerns, for example.

        Raises ContractDrift when it is not an event of this system, and what `fetch` raises.
        """


@runtime_checkable
class ManagesWebhooks(SendsHints, Protocol):
    """An accounting system whose subscriptions are made by us (`connector webhooks`).

    Every method but `wanted_subscriptions` asks the system, and raises as `AccountingSystem` does; those that change
    something also OutcomeUnknown: `subscriptions` then tells what became of it.
    """

    gives_secrets: ClassVar[bool]
    """Whether the system makes the signing secret of each subscription and shows it once."""

    def wanted_subscriptions(self, door: Door) -> Sequence[Subscription]:
        """What there should be."""

    def subscriptions(self) -> Sequence[Subscription]:
        """What there is, other people's too."""

    def subscribe(self, wanted: Subscription, door: Door) -> Subscribed:
        """Make one."""

    def change_subscription(self, remote_id: str, wanted: Subscription, door: Door) -> None:
        """Make one of ours what it should be, switched on."""

    def renew_secret(self, remote_id: str) -> str:
        """A new signing secret; the old one ends. Raises Unsupported where `gives_secrets` is false."""

    def unsubscribe(self, remote_id: str) -> None:
        """Remove one of ours."""
