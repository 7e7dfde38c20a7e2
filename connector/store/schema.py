"""The tables. Uniqueness, one-in-flight and append-only live here, as constraints, not in the code that writes.

Portable between SQLite (STRICT tables) and PostgreSQL: money is integer minor units, instants are UTC text of fixed
width (they sort as they are), dates are ISO text, enumerations are text with a CHECK. Money is never a float, on no
database. Triggers (append-only tables) are in `triggers.py`, because the two databases spell them differently.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit integer: identifiers, and money in minor units."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, as text of fixed width."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the store")
        return value.astimezone(UTC).strftime(INSTANT_FORMAT)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Day(TypeDecorator[date]):
    """A date without time or zone, as ISO text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return None if value is None else date.fromisoformat(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *parts: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True)


def _one_of(column: str, *words: str) -> CheckConstraint:
    # Not `in (...)`: SQLite builds a temporary index for the list, anew for every row of a bulk insert.
    any_of = " or ".join(f"{column} = '{word}'" for word in words)
    return CheckConstraint(any_of, name=column)


# -- where each connection stands ---------------------------------------------------------------------------------

connection_states = _table(
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
    _one_of("state", "ok", "backing_off", "reconnect", "drift", "paused"),
)

cursors = _table(
    "cursors",
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("cursor", Text, nullable=False),  # JSON object of strings
    Column("moved_at", Instant, nullable=False),
    Column("last_full_walk_at", Instant),
)

page_marks = _table(
    "page_marks",
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
)

runs = _table(
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
    _one_of("task", "pull", "remap", "recheck"),
    _one_of("state", "running", "succeeded", "failed", "interrupted"),
    Index(None, "connection", "stream", "id"),
)

run_totals = _table(
    "run_totals",
    Column("run_id", BigInt, ForeignKey("runs.id"), primary_key=True),
    Column(
        "currency", Text, primary_key=True
    ),  # 'XXX' (ISO: no currency) where the record says none
    Column("kind", Text, primary_key=True),
    Column("count", BigInt, nullable=False),
    Column("amount_minor_units", BigInt, nullable=False),
    _one_of("kind", "pulled", "mapped", "held", "excluded", "rejected"),
)

# -- the version store --------------------------------------------------------------------------------------------

source_records = _table(
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

record_versions = _table(  # append-only
    "record_versions",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),  # keyed hash of the bytes as they came
    Column("raw", LargeBinary, nullable=False),  # the JSON, secret fields replaced by null
    Column("secrets", LargeBinary),  # encrypted JSON object of the secret fields
    Column("source_updated_at", Text),
    Column("is_echo", Integer, nullable=False),  # 1: differs only by what we wrote back ourselves
    Column("run_id", BigInt, ForeignKey("runs.id")),
    Column("stored_at", Instant, nullable=False),
    UniqueConstraint("record_id", "version_no"),
)

mapping_versions = _table(
    "mapping_versions",
    Column("id", BigInt, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),  # TOML, as written
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("activated_at", Instant),
    UniqueConstraint("name", "version_no"),
    _one_of("state", "draft", "active", "superseded"),
    Index(
        "uq_mapping_versions_active",
        "name",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
)

outcomes = _table(  # append-only
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
    _one_of("kind", "mapped", "held", "excluded", "rejected"),
    CheckConstraint("kind = 'mapped' or reason_code is not null", name="reason"),
    Index(None, "record_id"),
)

# -- companies ----------------------------------------------------------------------------------------------------

counterparties = _table(
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
    _one_of("role", "buyer", "supplier", "both", "own"),
)

company_links = _table(
    "company_links",
    Column("connection", Text, primary_key=True),
    Column("counterparty_id", Text, primary_key=True),
    Column("financier", Text, primary_key=True),
    Column("company_id", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("linked_by", Text, nullable=False),
    Column("linked_at", Instant, nullable=False),
    _one_of("how", "hand", "created"),
)

invoice_documents = _table(
    "invoice_documents",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("file_format", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("origin", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("added_by", Text, nullable=False),
    UniqueConstraint("record_id", "sha256"),
    _one_of("origin", "attachment", "hand", "rendered"),
)

# -- financing ----------------------------------------------------------------------------------------------------

financing_invoices = _table(
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
    _one_of("direction", "payable", "receivable"),
    # ready: to be submitted · submitting: a step's intent is durable · submitted: the platform has it, a session is
    # open or done · parked: a person must decide · withdrawn: no longer for financing, nothing was sent
    _one_of("state", "ready", "submitting", "submitted", "parked", "withdrawn"),
    CheckConstraint("amount_minor_units > 0", name="amount"),
    Index("ix_financing_invoices_state", "financier", "state", "id"),
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

status_timeline = _table(  # append-only, hash-chained per financing invoice
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
    _one_of("via", "submit", "webhook", "poll"),
)

# -- what must be said, and what was heard ------------------------------------------------------------------------

outbox = _table(
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
    _one_of("state", "pending", "sending", "unknown", "done", "unsupported", "parked", "dead"),
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
)

attempts = _table(
    "attempts",
    Column("outbox_id", BigInt, ForeignKey("outbox.id"), primary_key=True),
    Column("attempt_no", Integer, primary_key=True),
    Column("action", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),  # null: the program ended during it
    Column("result", Text),
    Column("detail", Text),
    _one_of("action", "send", "look_up"),
)

inbox = _table(
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
    _one_of("verification", "signed", "hint"),
    _one_of("state", "received", "done", "quarantined"),
    Index(
        "ix_inbox_due",
        "endpoint",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at is not null"),
        postgresql_where=text("next_attempt_at is not null"),
    ),
)

audit_log = _table(  # append-only, hash-chained
    "audit_log",
    Column("seq", BigInt, primary_key=True, autoincrement=False),  # 1, 2, 3 ... without a gap
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON, no secrets
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

APPEND_ONLY = ("record_versions", "outcomes", "status_timeline", "audit_log")
"""Tables whose rows are never changed or deleted: triggers refuse it."""

FROZEN = {
    "source_records": ("connection", "stream", "source_id"),
    "mapping_versions": ("name", "version_no", "sha256", "document"),
    "financing_invoices": ("record_id", "financier", "client_reference_id"),
    "outbox": (
        "stream",
        "seq",
        "kind",
        "target",
        "financing_invoice_id",
        "idempotency_key",
        "payload",
        "payload_sha256",
    ),
    "inbox": ("endpoint", "event_id", "verification", "body", "received_at"),
    "invoice_documents": ("record_id", "sha256", "content"),
}
"""Columns that never change once a row is written (one key, one payload; one reference per invoice): by trigger."""

TERMS = (
    "outcome_id",
    "direction",
    "invoice_number",
    "currency",
    "amount_minor_units",
    "issue_date",
    "due_date",
    "buyer_id",
    "supplier_id",
    "type_of_goods",
    "digest",
)
"""Columns of `financing_invoices` that move money: a trigger refuses to change them once a step's intent is durable."""

REPLACEABLE = ("ready", "withdrawn")
"""States of `financing_invoices` in which nothing was sent, so that the terms may still be replaced."""

KEPT = ("source_records", "mapping_versions", "financing_invoices", "outbox")
"""Tables whose rows change, but are never deleted: by trigger."""
