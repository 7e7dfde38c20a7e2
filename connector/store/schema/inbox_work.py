"""What people do about records that wait: decisions to leave one out, corrections of single fields, requests to read one
anew, who looks after what."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, text

from connector.store.schema.columns import BigInt, Instant, table

manual_exclusions = table(  # a person's decision that an invoice is not for financing; it outlives every re-decision
    "manual_exclusions",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("excluded_at", Instant, nullable=False),
    Column("excluded_by", Text, nullable=False),
    Column("revoked_at", Instant),
    Column("revoked_by", Text),
    CheckConstraint("(revoked_at is null) = (revoked_by is null)", name="revoked"),
    Index(
        "uq_manual_exclusions_in_force",
        "record_id",
        unique=True,
        sqlite_where=text("revoked_at is null"),
        postgresql_where=text("revoked_at is null"),
    ),
)

record_corrections = table(  # a person's word for single fields of a record, over what its source says of them
    "record_corrections",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("fields", Text, nullable=False),  # JSON list of objects: path, was, now
    Column("reason", Text, nullable=False),
    Column("corrected_at", Instant, nullable=False),
    Column("corrected_by", Text, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    Column("ended_reason", Text),
    CheckConstraint(
        "(ended_at is null) = (ended_by is null) and (ended_at is null) = (ended_reason is null)",
        name="ended",
    ),
    Index(
        "uq_record_corrections_in_force",
        "record_id",
        unique=True,
        sqlite_where=text("ended_at is null"),
        postgresql_where=text("ended_at is null"),
    ),
    Index(None, "record_id"),
)

corrected_outcomes = (
    table(  # append-only: by which correction an outcome came about; most outcomes by none
        "corrected_outcomes",
        Column(
            "outcome_id", BigInt, ForeignKey("outcomes.id"), primary_key=True, autoincrement=False
        ),
        Column("correction_id", BigInt, ForeignKey("record_corrections.id"), nullable=False),
    )
)

reread_requests = table(  # records that a person wants read from the accounting system once more
    "reread_requests",
    Column("id", BigInt, primary_key=True),
    Column("record_id", BigInt, ForeignKey("source_records.id"), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("finished_at", Instant),
    Column("result", Text),
    CheckConstraint("(finished_at is null) = (result is null)", name="finished"),
    Index(
        "uq_reread_requests_open",
        "record_id",
        unique=True,
        sqlite_where=text("finished_at is null"),
        postgresql_where=text("finished_at is null"),
    ),
    Index("ix_reread_requests_record_id", "record_id"),
)

inbox_assignments = table(  # who looks after a record (`r16`) or a cause of the error inbox
    "inbox_assignments",
    Column("subject", Text, primary_key=True),
    Column("person_id", BigInt, ForeignKey("people.id"), nullable=False),
    Column("assigned_at", Instant, nullable=False),
    Column("assigned_by", Text, nullable=False),
    Index(None, "person_id"),
)
