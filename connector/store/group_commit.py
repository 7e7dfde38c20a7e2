"""Group commit: one thread writes what many receive, and each waits for the commit that holds its row.

While one commit waits for the disk, the events that arrive meanwhile gather and share the next one. A commit per
request costs a tail of hundreds of milliseconds on SQLite, whose writers poll for the lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from connector.errors import Unavailable
from webhooks.ports import Receipt, ReceivedEvent

if TYPE_CHECKING:
    from connector.store.database import Database

logger = logging.getLogger(__name__)

BATCH_LIMIT = 256
QUEUE_LIMIT = 1024
WAIT_SECONDS = 2.5
"""The strictest platform we know gives a webhook 3 seconds."""
GATHER_SECONDS = 0.002
"""How long a commit waits for company when the last one was shared: it then costs a batch, not a row."""


class _Waiting:
    """An event in the queue, and the thread that waits for its commit."""

    __slots__ = ("committed", "error", "event", "receipt")

    def __init__(self, event: ReceivedEvent) -> None:
        self.event = event
        self.receipt: Receipt | None = None
        self.error: Exception | None = None
        self.committed = Lock()  # held until the batch ended: cheaper than an Event, and used once
        self.committed.acquire()

    def end(self, receipt: Receipt | None, error: Exception | None) -> None:
        self.receipt = receipt
        self.error = error
        self.committed.release()


class GroupCommitInbox:
    """The inbox for the webhook receiver (`webhooks.ports.Inbox`). Call `start` first and `stop` last.

    `on_commit` is told, in the writer thread, the endpoints of what was newly stored: a wake-up for the worker.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_commit: Callable[[frozenset[str]], None] | None = None,
        batch_limit: int = BATCH_LIMIT,
        queue_limit: int = QUEUE_LIMIT,
        wait_seconds: float = WAIT_SECONDS,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._database = database
        self._on_commit = on_commit
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self._wait_seconds = wait_seconds
        self._gather_seconds = gather_seconds
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._accepting = False
        self._gate = Lock()
        self._writer: Thread | None = None
        self._failing = False
        self._stopping = Event()

    def start(self) -> None:
        """Start the writer thread."""
        with self._gate:
            if self._writer is not None:
                return
            self._accepting = True
            self._stopping.clear()
            self._writer = Thread(target=self._write, name="inbox-writer", daemon=True)
            self._writer.start()

    def stop(self) -> None:
        """Commit what is waiting, then end the writer thread. Later events are refused."""
        with self._gate:
            writer, self._writer = self._writer, None
            if writer is None:
                return
            self._accepting = False
            self._stopping.set()
            self._queue.put(None)
        writer.join()

    @property
    def waiting(self) -> int:
        """Events in the queue, without those of the commit under way."""
        return self._queue.qsize()

    def store(self, event: ReceivedEvent) -> Receipt:
        """Wait until `event` is committed. Raises Unavailable when it was not, or not in time: the queue is full, the
        inbox is stopped, or the database refused (its error is the cause)."""
        waiting = _Waiting(event)
        with self._gate:
            if not self._accepting:
                raise Unavailable("The inbox is stopped.")
            if self._queue.qsize() >= self._queue_limit:
                raise Unavailable("The inbox has too many events waiting to be written.")
            self._queue.put(waiting)
        if not waiting.committed.acquire(timeout=self._wait_seconds):
            raise Unavailable(f"The event was not written within {self._wait_seconds} seconds.")
        if waiting.receipt is None:
            raise Unavailable("The event was not written.") from waiting.error
        return waiting.receipt

    def _write(self) -> None:
        stopping = False
        busy = False
        while not stopping:
            waiting = self._queue.get()
            if busy and waiting is not None:
                self._stopping.wait(self._gather_seconds)
            batch: list[_Waiting] = []
            while waiting is not None:
                batch.append(waiting)
                if len(batch) >= self._batch_limit:
                    break
                try:
                    waiting = self._queue.get_nowait()
                except Empty:
                    break
            # The mark of the end is the last thing in the queue: nothing is accepted after it.
            stopping = waiting is None
            busy = len(batch) > 1
            if batch:
                self._commit(batch)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            with self._database.write() as transaction:
                receipts = transaction.inbox.add_many([waiting.event for waiting in batch])
        except Exception as error:  # noqa: BLE001 (each sender keeps its event and comes again)
            for waiting in batch:
                waiting.end(None, error)
            if not self._failing:
                logger.error("webhook events cannot be written: %s", error)
            self._failing = True
            return
        for waiting, receipt in zip(batch, receipts, strict=True):
            waiting.end(receipt, None)
        if self._failing:
            logger.warning("webhook events are written again")
        self._failing = False
        if self._on_commit is None or Receipt.STORED not in receipts:
            return
        try:
            self._on_commit(
                frozenset(
                    waiting.event.endpoint for waiting in batch if waiting.receipt is Receipt.STORED
                )
            )
        except Exception:
            logger.exception("waking the inbox worker failed")
