"""What is financed, said and heard: financing invoices, their timeline, outbox, inbox, audit."""

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

from connector.store.schema.columns import BigInt, Day, Instant, one_of, table

# -- financing ----------------------------------------------------------------------------------------------------

financing_invoices = table(
    "financing_invoices",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("financier", Text, nullable=False),
    Column("client_reference_id", Text, nullable=False),
    Column("outcome_id", BigInt, ForeignKey("outcomes.id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("invoice_number", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor_units", BigInt, nullable=False),
    Column("issue_date", Day),
    Column("due_date", Day, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Column("supplier_id", Text, nullable=False),
    Column("type_of_goods", Text, nullable=False),  # JSON list
    Column("state", Text, nullable=False),
    Column("state_reason", Text),
    Column("remote_invoice_id", Text),
    Column("remote_session_id", Text),
    Column("session_url", Text),
    Column("session_status", Text),
    Column("status", Text),  # the last of the timeline; null before the platform knew it
    Column("raw_status", Text),
    Column("financing", Text),  # JSON object: minor units by the platform's names
    Column("next_poll_at", Instant),
    Column(
        "digest", LargeBinary, nullable=False
    ),  # of the columns that move money; checked before every send
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("client_reference_id"),
    UniqueConstraint("record_id", "financier"),
    one_of("direction", "payable", "receivable"),
    # ready: to be submitted · submitting: a step's intent is durable · submitted: the platform has it, a session is
    # open or done · parked: a person must decide · withdrawn: no longer for financing, nothing was sent
    one_of("state", "ready", "submitting", "submitted", "parked", "withdrawn"),
    CheckConstraint("amount_minor_units > 0", name="amount"),
    Index("ix_financing_invoices_state", "financier", "state", "id"),
    # Holds all that sums by status need, so that they read no row.
    Index(
        "ix_financing_invoices_sums",
        "financier",
        "currency",
        "state",
        "status",
        "amount_minor_units",
    ),
    Index(
        "uq_financing_invoices_remote",
        "financier",
        "remote_invoice_id",
        unique=True,
        sqlite_where=text("remote_invoice_id is not null"),
        postgresql_where=text("remote_invoice_id is not null"),
    ),
    Index(
        "ix_financing_invoices_poll",
        "financier",
        "next_poll_at",
        sqlite_where=text("next_poll_at is not null"),
        postgresql_where=text("next_poll_at is not null"),
    ),
)

status_timeline = table(  # append-only, hash-chained per financing invoice
    "status_timeline",
    Column("id", BigInt, primary_key=True),
    Column("financing_invoice_id", BigInt, ForeignKey("financing_invoices.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("raw_status", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("inbox_id", BigInt, ForeignKey("inbox.id")),
    Column("observed_at", Instant, nullable=False),
    Column("evidence", LargeBinary, nullable=False),  # the platform's answer, as it came
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("financing_invoice_id", "seq"),
    one_of("via", "submit", "webhook", "poll"),
    Index(
        "ix_status_timeline_inbox",
        "inbox_id",
        sqlite_where=text("inbox_id is not null"),
        postgresql_where=text("inbox_id is not null"),
    ),
)

buyer_limits = table(  # the latest limit of a company at a financier, as we came to know it
    "buyer_limits",
    Column("financier", Text, primary_key=True),
    Column("company_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("raw_status", Text),  # null: the company has no limit
    Column("currency", Text, nullable=False),
    Column("requested_minor_units", BigInt),
    Column("total_minor_units", BigInt),
    Column("available_minor_units", BigInt),
    Column("checked_at", Instant, nullable=False),
    Column("requested_at", Instant),  # by us
    Column("requested_by", Text),
    # none: nobody asked for one yet · the others are words of `connector.financier.LimitStatus`
    one_of("status", "none", "under_review", "approved", "denied", "unknown"),
)

# -- what must be said, and what was heard ------------------------------------------------------------------------

outbox = table(
    "outbox",
    Column("id", BigInt, primary_key=True),
    Column("stream", Text, nullable=False),  # `submit:ID` or `write_back:RECORD_ID`
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # a submission step's name, or `write_status`
    Column("target", Text, nullable=False),  # name of the financier or connection that is spoken to
    Column("financing_invoice_id", BigInt, ForeignKey("financing_invoices.id"), nullable=False),
    Column("timeline_id", BigInt, ForeignKey("status_timeline.id")),
    Column("idempotency_key", Text, nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("payload_sha256", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),  # null when nothing more is to be done
    Column("lease_token", Text),
    Column("lease_expires_at", Instant),
    Column("result", Text),  # JSON
    Column("error_class", Text),
    Column("error", Text),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    UniqueConstraint("stream", "seq"),
    UniqueConstraint("idempotency_key"),
    # pending: not sent yet, or known to have had no effect · sending: the intent is durable, a request may be on its
    # way · unknown: it may have taken effect, wait and look up · done · unsupported: the system offers no way ·
    # parked: a person must decide · dead: given up, with the reason
    one_of("state", "pending", "sending", "unknown", "done", "unsupported", "parked", "dead"),
    Index(
        "uq_outbox_in_flight",
        "stream",
        unique=True,
        sqlite_where=text("state in ('sending', 'unknown')"),
        postgresql_where=text("state in ('sending', 'unknown')"),
    ),
    Index(
        "ix_outbox_due",
        "target",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at is not null"),
        postgresql_where=text("next_attempt_at is not null"),
    ),
    Index(None, "financing_invoice_id"),
    Index(
        "ix_outbox_stuck",
        "state",
        "id",
        sqlite_where=text("state in ('parked', 'dead')"),
        postgresql_where=text("state in ('parked', 'dead')"),
    ),
)

attempts = table(
    "attempts",
    Column("outbox_id", BigInt, ForeignKey("outbox.id"), primary_key=True),
    Column("attempt_no", Integer, primary_key=True),
    Column("action", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),  # null: the program ended during it
    Column("result", Text),
    Column("detail", Text),
    one_of("action", "send", "look_up"),
)

inbox = table(
    "inbox",
    Column("id", BigInt, primary_key=True),
    Column("endpoint", Text, nullable=False),  # the financier's name
    Column("event_id", Text, nullable=False),
    Column("verification", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("lease_token", Text),
    Column("lease_expires_at", Instant),
    Column("reason", Text),
    Column("finished_at", Instant),
    UniqueConstraint("endpoint", "event_id"),
    one_of("verification", "signed", "hint"),
    one_of("state", "received", "done", "quarantined"),
    Index(
        "ix_inbox_due",
        "endpoint",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at is not null"),
        postgresql_where=text("next_attempt_at is not null"),
    ),
    Index(
        "ix_inbox_quarantined",
        "endpoint",
        "id",
        sqlite_where=text("state = 'quarantined'"),
        postgresql_where=text("state = 'quarantined'"),
    ),
)

audit_log = table(  # append-only, hash-chained
    "audit_log",
    Column("seq", BigInt, primary_key=True, autoincrement=False),  # 1, 2, 3 ... without a gap
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON, no secrets
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "subject"),
)
