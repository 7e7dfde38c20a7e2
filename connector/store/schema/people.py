"""Who may come in: people, their sessions, API tokens, one-time codes, and the brake on guessing.

No row holds anything one could sign in with: passwords rest as argon2 hashes, everything else that is secret as the
SHA-256 of 32 random bytes.
"""

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
)

from connector.store.schema.columns import BigInt, Instant, one_of, table

ROLES = ("viewer", "operator", "mapping_author", "approver", "admin")

people = table(
    "people",
    Column("id", BigInt, primary_key=True),
    Column("email", Text, nullable=False),  # lower case: one person per address
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("password_hash", Text),  # argon2id; null for those who sign in by the provider alone
    Column("must_change_password", Integer, nullable=False),
    Column("issuer", Text),  # of the OpenID Connect provider, with its name for the person
    Column("subject", Text),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_sign_in_at", Instant),
    one_of("role", *ROLES),
    one_of("state", "active", "disabled"),
    CheckConstraint("must_change_password = 0 or must_change_password = 1", name="must_change"),
    CheckConstraint("email = lower(email)", name="email"),
    CheckConstraint("(issuer is null) = (subject is null)", name="identity"),
    UniqueConstraint("email"),
    UniqueConstraint("issuer", "subject"),
)

web_sessions = table(
    "web_sessions",
    Column("id", BigInt, primary_key=True),
    Column("token_sha256", LargeBinary, nullable=False),
    Column("person_id", BigInt, ForeignKey("people.id"), nullable=False),
    Column("via", Text, nullable=False),
    Column("address", Text, nullable=False),  # where from, for the person's own list of sessions
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    one_of("via", "password", "provider", "link"),
    UniqueConstraint("token_sha256"),
    Index(None, "person_id"),
    Index(None, "expires_at"),
)

api_tokens = table(
    "api_tokens",
    Column("id", BigInt, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),  # the part that is shown, and looked up by
    Column("token_sha256", LargeBinary, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    one_of("role", *ROLES),
    UniqueConstraint("prefix"),
)

one_time_codes = table(
    "one_time_codes",
    Column("code_sha256", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("person_id", BigInt, ForeignKey("people.id")),
    Column("expires_at", Instant, nullable=False),
    one_of("purpose", "set_up", "sign_in"),
    CheckConstraint("(purpose = 'sign_in') = (person_id is not null)", name="person"),
)

sign_in_brakes = table(
    "sign_in_brakes",
    # a keyed hash of the account or address: what people type as their e-mail address may be a password
    Column("subject_hash", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", Instant, nullable=False),
    Column("free_at", Instant, nullable=False),  # no try is looked at before
    Index(None, "last_failed_at"),
)
