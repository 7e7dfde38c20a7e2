"""A store with invoices, a receiver, and the task that sends to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pytest

from connector.config.model import Feed, FeedEndpoint
from connector.feed.delivering import FeedTask, Sender
from connector.feed.events import Announcer
from connector.feed.signing import new_secret
from connector.secrets import Secret
from connector.store.database import Database
from connector.store.feed_deliveries import DeliveryRow
from connector.store.feed_endpoints import EndpointRow
from connector.store.transaction import Transaction
from tests.databases import finance, store_records
from tests.fakes import FakeClock
from tests.unit.feed.receiver import Receiver, set_library_clock

PAUSES = (5, 300, 1800)
DISABLE_AFTER_SECONDS = 20_000


def tell(tx: Transaction, financing_id: int, status: str, raw: str | None = None) -> None:
    """Apply a status and announce it, in one transaction, as the status keeper does."""
    row = tx.timeline.append(
        row_id=tx.allocate("status_timeline", 1)[0],
        financing_invoice_id=financing_id,
        status=status,
        raw_status=raw or status.upper(),
        via="poll",
        inbox_id=None,
        evidence=b"{}",
    )
    Announcer({"books": "finexio"})(tx, tx.financing.get(financing_id), row)


@dataclass
class Post:
    """One endpoint `erp` and what is sent to it."""

    database: Database
    clock: FakeClock
    receiver: Receiver
    endpoint: FeedEndpoint
    feed: Feed
    invoices: list[int]
    stopping: Event = field(default_factory=Event)
    senders: list[Sender] = field(default_factory=list)

    def tell(self, invoice: int, *statuses: str) -> None:
        for status in statuses:
            with self.database.write() as tx:
                tell(tx, self.invoices[invoice], status)

    def task(self, **changed: Any) -> FeedTask:
        endpoint = replace(self.endpoint, **changed)
        self.senders.append(Sender(endpoint, self.clock))
        return FeedTask(
            self.database, self.clock, self.feed, endpoint, self.senders[-1], 60, self.stopping
        )

    def run(self, **changed: Any) -> bool:
        return self.task(**changed).run()

    def state(self) -> EndpointRow:
        with self.database.read() as tx:
            return tx.feed_endpoints.get("erp")

    def deliveries(self) -> list[DeliveryRow]:
        with self.database.read() as tx:
            return tx.feed_deliveries.listing("erp")[::-1]

    def states(self) -> list[str]:
        return [row.state for row in self.deliveries()]

    def words(self) -> list[tuple[str, str]]:
        """(invoice's reference, status) of what was taken, in order."""
        told = [event["data"] for event in self.receiver.taken]
        return [(data["client_reference_id"], data["status"]) for data in told]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(new_secret())
    yield made
    made.stop()


@pytest.fixture
def sqlite(migrated_sqlite_file: Any, tmp_path: Any, clock: FakeClock) -> Iterator[Database]:
    copy = tmp_path / "feed.sqlite3"
    copy.write_bytes(migrated_sqlite_file.read_bytes())
    opened = Database.open(f"sqlite:///{copy}", clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def post(
    sqlite: Database, clock: FakeClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Post]:
    set_library_clock(monkeypatch, clock.now)
    endpoint = FeedEndpoint(
        name="erp",
        url=Secret(receiver.url),
        secrets=(Secret(receiver.secret),),
        enabled=True,
        connections=(),
        statuses=(),
        timeout_seconds=5,
        concurrency=1,
        allow_http=False,
        ca_file=None,
    )
    feed = Feed(30, PAUSES, DISABLE_AFTER_SECONDS, (endpoint,))
    with sqlite.write() as tx:
        invoices = [finance(tx, version) for version in store_records(tx, ["a", "b", "c"])]
        tx.feed_endpoints.configured({"erp": True})
    made = Post(sqlite, clock, receiver, endpoint, feed, invoices)
    yield made
    for sender in made.senders:
        sender.close()
