"""Back-test: what a draft mapping would make of every stored record, beside what the active one makes of it.

Nothing is asked of the source and nothing is written: stored bytes in, a comparison out. Memory does not grow with the
number of records.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.deciding import Decider
from connector.evaluating import judged_raw
from connector.store.database import Database
from mappings import Comparison
from mappings import Mapping as CompiledMapping

BATCH = 500

Progress = Callable[[int], None]
"""Is told how many records were compared so far."""


def backtest(
    database: Database,
    stream: str,
    active: Decider,
    draft: CompiledMapping,
    progress: Progress | None = None,
) -> Comparison:
    """Compare both mappings on the latest version of every record of the active one's connection, as of its day."""
    comparison = Comparison()
    compared = after_id = 0
    while True:
        with database.read() as tx:
            rows = tx.records.iter_latest(
                active.flow.connection, stream, after_id=after_id, limit=BATCH
            )
            sent = tx.financing.by_record([row.record_id for row in rows])
        if not rows:
            return comparison
        after_id = rows[-1].record_id
        for row in rows:
            financing = sent.get(row.record_id)
            state = None
            if financing is not None and financing.is_sent:
                state = financing.status or financing.state
            comparison.add(
                row.source_id,
                active.evaluate_raw(row.raw),
                judged_raw(row.raw, draft, active.today),
                state=state,
            )
        compared += len(rows)
        if progress is not None:
            progress(compared)
