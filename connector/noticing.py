"""Notice: a financier's own feed tells that something happened, and the invoices concerned are asked about at once.

The feed is news, never truth: each invoice is still fetched before a status is believed, and what a feed leaves out is
found by the ordinary poll.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from connector.clock import Clock
from connector.financier import TellsChanges
from connector.store.database import Database

log = logging.getLogger(__name__)

STREAM = "changes"
"""Under this name the feed's cursor is kept, beside those of the accounting systems' streams."""


@dataclass(frozen=True, slots=True)
class NoticeTask:
    """Reads the feed of one financier."""

    financier: str
    database: Database
    clock: Clock
    feed: TellsChanges

    def run(self) -> int:
        """Read what is new. Returns how many invoices are now due to be asked about."""
        with self.database.read() as tx:
            cursor = tx.cursors.get(self.financier, STREAM)
        told = self.feed.changes(cursor)
        named = None if told.everything else sorted(told.remote_invoice_ids)
        with self.database.write() as tx:
            due = tx.financing.poll_at_once(self.financier, self.clock.now(), named)
            tx.cursors.set(self.financier, STREAM, dict(told.cursor), full_walk=False)
        if due:
            log.info("notice.due financier=%s invoices=%d", self.financier, due)
        return due
