"""The tables. Uniqueness, one-in-flight and append-only live here, as constraints, not in the code that writes.

Portable between SQLite (STRICT tables) and PostgreSQL: money is integer minor units, instants are UTC text of fixed
width (they sort as they are), dates are ISO text, enumerations are text with a CHECK. Money is never a float, on no
database. Triggers (append-only tables) are in `triggers.py`, because the two databases spell them differently.
"""

from connector.store.schema.columns import INSTANT_FORMAT, BigInt, Day, Instant, metadata
from connector.store.schema.feed import (
    feed_attempts,
    feed_deliveries,
    feed_endpoints,
    feed_events,
)
from connector.store.schema.financing import (
    attempts,
    audit_log,
    buyer_limits,
    financing_invoices,
    inbox,
    outbox,
    status_timeline,
)
from connector.store.schema.inbox_work import (
    corrected_outcomes,
    inbox_assignments,
    manual_exclusions,
    record_corrections,
    reread_requests,
)
from connector.store.schema.mappings import (
    mapping_documents,
    mapping_examples,
    mapping_files,
    mapping_trials,
    mapping_versions,
)
from connector.store.schema.people import (
    api_tokens,
    one_time_codes,
    people,
    sign_in_brakes,
    web_sessions,
)
from connector.store.schema.rules import APPEND_ONLY, FINAL, FROZEN, KEPT, REPLACEABLE, TERMS
from connector.store.schema.sources import (
    company_links,
    connection_books,
    connection_states,
    counterparties,
    cursors,
    invoice_documents,
    invoice_facts,
    outcomes,
    page_marks,
    record_versions,
    run_totals,
    runs,
    source_records,
)

__all__ = [
    "APPEND_ONLY",
    "FINAL",
    "FROZEN",
    "INSTANT_FORMAT",
    "KEPT",
    "REPLACEABLE",
    "TERMS",
    "BigInt",
    "Day",
    "Instant",
    "api_tokens",
    "attempts",
    "audit_log",
    "buyer_limits",
    "company_links",
    "connection_books",
    "connection_states",
    "corrected_outcomes",
    "counterparties",
    "cursors",
    "feed_attempts",
    "feed_deliveries",
    "feed_endpoints",
    "feed_events",
    "financing_invoices",
    "inbox",
    "inbox_assignments",
    "invoice_documents",
    "invoice_facts",
    "manual_exclusions",
    "mapping_documents",
    "mapping_examples",
    "mapping_files",
    "mapping_trials",
    "mapping_versions",
    "metadata",
    "one_time_codes",
    "outbox",
    "outcomes",
    "page_marks",
    "people",
    "record_corrections",
    "record_versions",
    "reread_requests",
    "run_totals",
    "runs",
    "sign_in_brakes",
    "source_records",
    "status_timeline",
    "web_sessions",
]
