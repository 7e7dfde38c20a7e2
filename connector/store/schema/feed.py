"""The status feed: its events, the endpoints they are sent to, each delivery and each try."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)

from connector.store.schema.columns import BigInt, Instant, one_of, table

feed_events = table(  # append-only
    "feed_events",
    # 1, 2, 3 ... without a gap, in the order of the commits: who has read as far as n has missed nothing before n
    Column("position", BigInt, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("timeline_id", BigInt, ForeignKey("status_timeline.id"), nullable=False),
    Column("financing_invoice_id", BigInt, ForeignKey("financing_invoices.id"), nullable=False),
    Column("connection", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("body", Text, nullable=False),  # JSON, exactly as it is signed and sent
    UniqueConstraint("event_id"),
    UniqueConstraint("timeline_id"),
    Index(None, "occurred_at"),
)

feed_endpoints = table(
    "feed_endpoints",
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),  # why it is disabled
    Column(
        "position", BigInt, nullable=False
    ),  # the last event that became a delivery, or did not have to
    Column("failures", Integer, nullable=False),  # since the last success
    Column("failing_since", Instant),
    Column("next_attempt_at", Instant),  # nothing is sent before; null: at once
    Column("last_success_at", Instant),
    Column("error", Text),
    # disabled: by a person, a 410 or a lasting failure · off: by the configuration · removed: out of it
    one_of("state", "enabled", "disabled", "off", "removed"),
    CheckConstraint("state <> 'disabled' or reason is not null", name="reason"),
)

feed_deliveries = table(
    "feed_deliveries",
    Column("id", BigInt, primary_key=True),
    Column("endpoint", Text, ForeignKey("feed_endpoints.name"), nullable=False),
    Column("position", BigInt, ForeignKey("feed_events.position"), nullable=False),
    Column("financing_invoice_id", BigInt, ForeignKey("financing_invoices.id"), nullable=False),
    Column("replay_no", Integer, nullable=False),  # 0: the first sending; 1, 2 ...: asked for again
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),  # failures while the endpoint took others
    Column("next_attempt_at", Instant),  # null when nothing more is to be done
    Column("lease_token", Text),
    Column("lease_expires_at", Instant),
    Column("error", Text),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    UniqueConstraint("endpoint", "position", "replay_no"),
    # dead: given up, because the endpoint takes others and refused this one to the end of its schedule
    one_of("state", "pending", "sending", "done", "dead"),
    Index(
        "uq_feed_deliveries_in_flight",
        "endpoint",
        "financing_invoice_id",
        unique=True,
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
    Index("ix_feed_deliveries_stream", "endpoint", "financing_invoice_id", "id"),
    Index(
        "ix_feed_deliveries_due",
        "endpoint",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at is not null"),
        postgresql_where=text("next_attempt_at is not null"),
    ),
)

feed_attempts = table(
    "feed_attempts",
    Column("delivery_id", BigInt, ForeignKey("feed_deliveries.id"), primary_key=True),
    Column("attempt_no", Integer, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),  # null: the program ended during it
    Column("http_status", Integer),  # null: no answer came
    Column("duration_milliseconds", Integer),
    Column("answer", Text),  # the first words of it, or what went wrong; secrets masked
)
