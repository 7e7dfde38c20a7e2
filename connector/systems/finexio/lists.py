"""How Finexio's lists are read: pages, heads of records, timestamps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from connector.clock import Clock
from connector.errors import NotFound
from connector.system import Cursor, RawRecord
from connector.transport import Reply, Transport
from connector.walks import NumberedPage, numbered_walk

FAR_AHEAD = timedelta(days=400)
"""A record stamped further in the future does not move the cursor: it would hide all others from it."""

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
ValueT = TypeVar("ValueT")
ItemT = TypeVar("ItemT", bound="Head")


class _Envelope(msgspec.Struct):
    count: Annotated[int, msgspec.Meta(ge=0)]
    next: str | None
    results: msgspec.Raw


class Head(msgspec.Struct, gc=False):
    """What is looked at of a record before it is stored."""

    id: Identifier
    updated: str | None = None


class _PaidInvoice(msgspec.Struct, gc=False):
    id: Identifier


class Payment(Head):
    """A payment of v2, with the invoices it pays."""

    invoices: list[_PaidInvoice] = []


_TOO_EARLY = "the last page comes before all counted records were seen."
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
HEAD = msgspec.json.Decoder(Head)
HEADS = msgspec.json.Decoder(list[Head])
PAYMENTS = msgspec.json.Decoder(list[Payment])


@dataclass(frozen=True, slots=True)
class Batch(Generic[ItemT]):
    """One page of a list. `results` is the JSON list exactly as it came, `digest` the hash of just that: `count`
    changes on all pages when one record is added."""

    number: int
    results: msgspec.Raw
    digest: bytes
    items: list[ItemT]
    total: int
    has_next: bool

    def records(self) -> Sequence[RawRecord]:
        """Cut out the records, byte for byte."""
        return [
            RawRecord(item.id, bytes(raw), item.updated)
            for item, raw in zip(self.items, _RAWS.decode(self.results), strict=True)
        ]


def batches(
    transport: Transport,
    path: str,
    decoder: msgspec.json.Decoder[list[ItemT]],
    params: Sequence[tuple[str, str]] = (),
) -> Iterator[Batch[ItemT]]:
    """Walk one list, pages fetched ahead within the connection's concurrency.

    A 404 beyond page 1 is the end (declared for some lists; the others end with `next` null), if page 1 then counts no
    more than was seen. Raises ContractDrift for a page of another shape, and when the end comes before all counted
    records.
    """

    def fetch(number: int) -> NumberedPage[tuple[Batch[ItemT], Reply]] | None:
        try:
            reply = transport.get(path, [*params, ("page", str(number))])
        except NotFound:
            if number == 1:
                raise
            return None
        envelope = decoded(reply, _ENVELOPE.decode, reply.body)
        items = decoded(reply, decoder.decode, envelope.results)
        has_next = envelope.next is not None
        if has_next and not items:
            raise reply.misshapen("an empty page says that another one follows.")
        # Hashed here, in the fetching thread: it needs no interpreter lock, so it costs the consumer nothing.
        digest = hashlib.sha256(envelope.results).digest()
        batch = Batch(number, envelope.results, digest, items, envelope.count, has_next)
        last = -(-envelope.count // len(items)) if items else None
        return NumberedPage((batch, reply), has_next, last)

    seen = total = 0
    ended = True
    for batch, reply in numbered_walk(fetch, read_ahead=transport.settings.concurrency):
        seen, total, ended = seen + len(batch.items), batch.total, not batch.has_next
        if ended and seen < total:
            raise reply.misshapen(_TOO_EARLY)
        yield batch
    if not ended and seen < total:
        # The next page was not there. Either the list became shorter on the way, or that answer was a mistake.
        reply = transport.get(path, [*params, ("page", "1")])
        if seen < count_of(reply):
            raise reply.misshapen(_TOO_EARLY)


def count_of(reply: Reply) -> int:
    """How many records the list holds, by its first page."""
    return decoded(reply, _ENVELOPE.decode, reply.body).count


def decoded(reply: Reply, decode: Callable[[Any], ValueT], raw: Any) -> ValueT:
    """Decode a part of an answer. Raises ContractDrift when it has another shape."""
    try:
        return decode(raw)
    except msgspec.DecodeError as error:
        # msgspec names the place and the types, never a value.
        raise reply.misshapen(f"{error}.") from None


class Newest:
    """The newest timestamp seen on a walk: where the next incremental pull begins."""

    def __init__(self, clock: Clock, start: datetime | None = None) -> None:
        self._clock = clock
        self._began_seconds = clock.monotonic_seconds()
        self._start = start
        self._horizon = clock.now().replace(tzinfo=None) + FAR_AHEAD
        self._instant = start

    def see(self, items: Iterable[Head]) -> None:
        """Take a page's timestamps in."""
        texts = [item.updated for item in items if item.updated]
        # The texts of one system sort as their instants do, so usually one of a page is parsed, not all.
        if texts and not self._take(max(texts)):
            for text in texts:
                self._take(text)

    def cursor(self) -> Cursor | None:
        """The cursor, None when no timestamp was seen. It stands back by as long as the walk took: what changed on an
        early page meanwhile was not seen, though its timestamp may be older than the newest one."""
        if self._instant is None:
            return None
        took = timedelta(seconds=self._clock.monotonic_seconds() - self._began_seconds)
        back = self._instant - took
        return {"updated": written(back if self._start is None else max(back, self._start))}

    def _take(self, text: str) -> bool:
        instant = instant_of(text)
        if instant is None or instant > self._horizon:
            return False
        if self._instant is None or instant > self._instant:
            self._instant = instant
        return True


def instant_of(text: str | None) -> datetime | None:
    """A timestamp of the system as a naive UTC datetime; None for what is none."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)


def written(instant: datetime) -> str:
    """A timestamp in the form in which the system writes its own."""
    return instant.isoformat(timespec="microseconds")
