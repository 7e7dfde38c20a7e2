"""What was read: where each connection stands, runs, the version store, outcomes, companies and documents."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)

from connector.financier import DOCUMENT_PURPOSES
from connector.store.schema.columns import BigInt, Day, Instant, one_of, table

# -- where each connection stands ---------------------------------------------------------------------------------

connection_states = table(
    "connection_states",
    Column("connection", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("last_success_at", Instant),
    Column("error_class", Text),
    Column("error", Text),
    # 1 after a restore: look up before anything is created, because the world may know more than we do (I21)
    Column("reconcile_first", Integer, nullable=False, server_default=text("0")),
    one_of("state", "ok", "backing_off", "reconnect", "drift", "paused"),
)

connection_books = (
    table(  # append-only: whose books were ever read under a connection's name, to be offered
        "connection_books",
        Column("connection", Text, primary_key=True),
        Column("system", Text, primary_key=True),
        Column("books", Text, primary_key=True),  # JSON list: what the system's `books_by` says
        Column("first_read_at", Instant, nullable=False),
    )
)

cursors = table(
    "cursors",
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("cursor", Text, nullable=False),  # JSON object of strings
    Column("moved_at", Instant, nullable=False),
    Column("last_full_walk_at", Instant),
)

page_marks = table(
    "page_marks",
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
)

runs = table(
    "runs",
    Column("id", BigInt, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("pages", Integer, nullable=False),
    Column("records_seen", Integer, nullable=False),
    Column("records_changed", Integer, nullable=False),
    Column("drifted", Integer, nullable=False),
    Column("error_class", Text),
    Column("error", Text),
    one_of("task", "pull", "hear", "remap", "recheck"),
    one_of("state", "running", "succeeded", "failed", "interrupted"),
    Index(None, "connection", "stream", "id"),
)

run_totals = table(
    "run_totals",
    Column("run_id", BigInt, ForeignKey("runs.id"), primary_key=True),
    Column(
        "currency", Text, primary_key=True
    ),  # 'XXX' (ISO: no currency) where the record says none
    Column("kind", Text, primary_key=True),
    Column("count", BigInt, nullable=False),
    Column("amount_minor_units", BigInt, nullable=False),
    one_of("kind", "pulled", "mapped", "held", "excluded", "rejected"),
)

# -- the version store --------------------------------------------------------------------------------------------

source_records = table(
    "source_records",
    Column("id", BigInt, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("latest_version_id", BigInt, nullable=False),
    Column("latest_version_no", Integer, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),  # of the latest version
    Column("page", Integer),  # where a numbered walk last saw it change
    Column("outcome_id", BigInt),  # the current outcome; null on streams that are not mapped
    Column("outcome_kind", Text),
    Column("reason_code", Text),
    Column("recheck_on", Day),
    UniqueConstraint("connection", "stream", "source_id"),
    Index(None, "outcome_kind", "reason_code"),
    Index(
        "ix_source_records_recheck_on",
        "recheck_on",
        sqlite_where=text("recheck_on is not null"),
        postgresql_where=text("recheck_on is not null"),
    ),
)

record_versions = table(  # append-only
    "record_versions",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),  # keyed hash of the bytes as they came
    Column("raw", LargeBinary, nullable=False),  # the JSON, secret values masked
    Column("secrets", LargeBinary),  # encrypted JSON object of the secret fields
    Column("source_updated_at", Text),
    Column("is_echo", Integer, nullable=False),  # 1: differs only by what we wrote back ourselves
    Column("run_id", BigInt, ForeignKey("runs.id")),
    Column("stored_at", Instant, nullable=False),
    UniqueConstraint("record_id", "version_no"),
)

outcomes = table(  # append-only
    "outcomes",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("version_id", BigInt, ForeignKey("record_versions.id"), nullable=False),
    Column("mapping_version_id", BigInt, ForeignKey("mapping_versions.id"), nullable=False),
    Column("run_id", BigInt, ForeignKey("runs.id")),
    Column("kind", Text, nullable=False),
    Column("reason_code", Text),
    Column("sentence", Text),
    Column("field_path", Text),
    Column("rule", Text),
    Column("currency", Text),
    Column("amount_minor_units", BigInt),
    Column("problems", Text),  # JSON list, only where there is more than one
    Column("decided_at", Instant, nullable=False),
    one_of("kind", "mapped", "held", "excluded", "rejected"),
    CheckConstraint("kind = 'mapped' or reason_code is not null", name="reason"),
    Index(None, "record_id"),
)

invoice_facts = table(  # read out of the latest version by its mapping, for lists and search; made anew at any time
    "invoice_facts",
    Column(
        "record_id", BigInt, ForeignKey("source_records.id"), primary_key=True, autoincrement=False
    ),
    Column("version_id", BigInt, ForeignKey("record_versions.id"), nullable=False),
    Column("mapping_version_id", BigInt, ForeignKey("mapping_versions.id"), nullable=False),
    Column("invoice_number", Text),
    Column("direction", Text),
    Column("counterparty_id", Text),
    Column("counterparty_name", Text),
    Column("due_date", Day),
    Column("searched", Text, nullable=False),  # all a person may know it by, in lower case
)

# -- companies ----------------------------------------------------------------------------------------------------

counterparties = table(
    "counterparties",
    Column("connection", Text, primary_key=True),
    Column("counterparty_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("country", Text),
    Column("tax_id", Text),
    Column("email", Text),
    Column("address", Text, nullable=False),  # JSON object
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    one_of("role", "buyer", "supplier", "both", "own"),
)

company_links = table(
    "company_links",
    Column("connection", Text, primary_key=True),
    Column("counterparty_id", Text, primary_key=True),
    Column("financier", Text, primary_key=True),
    Column("company_id", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("linked_by", Text, nullable=False),
    Column("linked_at", Instant, nullable=False),
    one_of("how", "hand", "created"),
)

invoice_documents = table(
    "invoice_documents",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("file_format", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("origin", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("added_by", Text, nullable=False),
    UniqueConstraint("record_id", "purpose", "sha256"),
    one_of("purpose", *DOCUMENT_PURPOSES),
    one_of("origin", "attachment", "hand", "rendered"),
)
