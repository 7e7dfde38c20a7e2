"""Mappings: the documents of each layer with their life, what they say together, their trials and golden examples."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Text, text
from sqlalchemy import UniqueConstraint as Unique

from connector.store.schema.columns import BigInt, Day, Instant, one_of, table

mapping_documents = table(
    "mapping_documents",
    Column("id", BigInt, primary_key=True),
    Column("layer", Text, nullable=False),
    Column("name", Text, nullable=False),  # of the mapping, COMPANY/MAPPING, or the connection
    Column("version_no", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),  # TOML, as written
    Column("based_on", BigInt, ForeignKey("mapping_documents.id")),
    Column("note", Text),  # why, in the words of who wrote it
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("approved_at", Instant),
    Column("approved_by", Text),
    Column("activated_at", Instant),
    Column("activated_by", Text),
    Column("replaces", BigInt, ForeignKey("mapping_documents.id")),  # in force when it came in
    Unique("layer", "name", "version_no"),
    one_of("layer", "base", "company", "connection"),
    one_of(
        "state",
        *("draft", "checked", "backtested", "approved", "active", "superseded", "withdrawn"),
    ),
    CheckConstraint("(approved_at is null) = (approved_by is null)", name="approved"),
    Index(
        "uq_mapping_documents_active",
        "layer",
        "name",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
)

mapping_versions = (
    table(  # what the active documents of all layers say together, for one connection
        "mapping_versions",
        Column("id", BigInt, primary_key=True),
        Column("name", Text, nullable=False),  # of the connection
        Column("version_no", Integer, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("document", Text, nullable=False),  # TOML: the layers made into one
        Column(
            "layers", Text, nullable=False
        ),  # JSON list of mapping_documents.id, lowest layer first
        Column("state", Text, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("activated_at", Instant),
        Column("remap_since", Day),  # null: all history is mapped anew
        Column("remapped_at", Instant),  # null: not finished yet
        Unique("name", "version_no"),
        one_of("state", "draft", "active", "superseded"),
        Index(
            "uq_mapping_versions_active",
            "name",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )
)

mapping_files = table(  # what the configuration named when the program last started
    "mapping_files",
    Column("name", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

mapping_trials = table(  # back-tests and shadow runs of a document, with their report
    "mapping_trials",
    Column("id", BigInt, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("document_id", BigInt, ForeignKey("mapping_documents.id"), nullable=False),
    Column("connection", Text, nullable=False),
    Column("active_version_id", BigInt, ForeignKey("mapping_versions.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("scope", Text, nullable=False),  # JSON: which records, as of which day
    Column("started_at", Instant, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("until", Instant),  # when a shadow run ends
    Column("finished_at", Instant),
    Column("records", Integer, nullable=False),
    Column("report", Text),  # JSON
    Column("error", Text),
    one_of("kind", "backtest", "shadow"),
    one_of("state", "waiting", "running", "finished", "failed"),
    Index(None, "document_id"),
    Index(
        "uq_mapping_trials_shadow",
        "connection",
        unique=True,
        sqlite_where=text("kind = 'shadow' and state = 'running'"),
        postgresql_where=text("kind = 'shadow' and state = 'running'"),
    ),
)

mapping_examples = table(  # golden examples: a record with what must become of it
    "mapping_examples",
    Column("id", BigInt, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("document_id", BigInt, ForeignKey("mapping_documents.id")),  # the change it belongs to
    Column("source_id", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),  # the record's JSON, secret values masked
    Column("today", Day, nullable=False),  # the day it is looked at
    Column("expected", Text, nullable=False),  # JSON object
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Unique("connection", "name", "version_no"),
    one_of("state", "proposed", "pinned", "superseded", "retired"),
    CheckConstraint("state <> 'proposed' or document_id is not null", name="proposed"),
    Index(
        "uq_mapping_examples_pinned",
        "connection",
        "name",
        unique=True,
        sqlite_where=text("state = 'pinned'"),
        postgresql_where=text("state = 'pinned'"),
    ),
)
