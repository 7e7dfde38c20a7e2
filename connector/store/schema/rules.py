"""What the database refuses by trigger (`triggers.py` spells it for each of them)."""

from __future__ import annotations

APPEND_ONLY = (
    *("record_versions", "outcomes", "status_timeline", "audit_log", "feed_events"),
    *("corrected_outcomes", "connection_books"),
)
"""Tables whose rows are never changed or deleted: triggers refuse it."""

FROZEN = {
    "source_records": ("connection", "stream", "source_id"),
    "mapping_documents": (
        *("layer", "name", "version_no", "sha256", "document", "based_on"),
        *("created_at", "created_by"),
    ),
    "mapping_versions": ("name", "version_no", "sha256", "document", "layers"),
    "mapping_trials": ("kind", "document_id", "connection", "active_version_id", "scope"),
    "mapping_examples": (
        *("connection", "name", "version_no", "document_id", "source_id", "raw", "today"),
        "expected",
    ),
    "financing_invoices": ("record_id", "client_reference_id"),
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
    "feed_deliveries": ("endpoint", "position", "financing_invoice_id", "replay_no"),
    "inbox": ("endpoint", "event_id", "verification", "body", "received_at"),
    "invoice_documents": ("record_id", "purpose", "sha256", "content"),
    "manual_exclusions": ("record_id", "reason", "excluded_at", "excluded_by"),
    "record_corrections": ("record_id", "fields", "reason", "corrected_at", "corrected_by"),
}
"""Columns that never change once a row is written (one key, one payload; one reference per invoice): by trigger."""

FINAL = {"record_corrections": ("ended_at", "ended_by", "ended_reason")}
"""Columns that are written once: by trigger, as soon as the first of them has a value."""

TERMS = (
    "financier",
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

KEPT = (
    *("source_records", "financing_invoices", "outbox", "feed_deliveries"),
    *("mapping_documents", "mapping_versions", "mapping_trials", "mapping_examples"),
    *("manual_exclusions", "record_corrections"),
)
"""Tables whose rows change, but are never deleted: by trigger."""
