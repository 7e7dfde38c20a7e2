"""The configuration as the program sees it: frozen, complete (defaults filled in), secrets masked.

`config.example.toml` says what each option means and why its default is what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from connector.secrets import Secret
from webhooks.endpoints import Endpoint
from webhooks.signatures import (
    Encoding,
    Format,
    Hash,
    SecretEncoding,
    SignatureScheme,
    Signed,
    secret_key,
)


@dataclass(frozen=True, slots=True)
class Store:
    """Where everything is kept. The URL may hold a password, so it is a secret."""

    url: Secret


@dataclass(frozen=True, slots=True)
class Server:
    """Where the pages, the API and the webhook doorway listen."""

    host: str
    port: int
    public_url: str | None
    """What others reach this server by, without a slash at the end; None where nobody from outside does."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The OpenID Connect provider that people may sign in with."""

    issuer: str
    client_id: str
    client_secret: Secret
    label: str
    allowed_email_domains: tuple[str, ...]
    """Lower case. Whoever has an address elsewhere is not let in."""
    scopes: tuple[str, ...]
    role_claim: str | None
    roles: Mapping[str, str]
    """From a value of the role claim to a role of ours, in the order of the file: the first that fits counts."""
    ca_file: str | None


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in, and how long."""

    host_names: tuple[str, ...]
    """Lower case. What this server may be called beside the loopback names, `server.host` and the public URL's."""
    trusted_proxies: int
    session_idle_seconds: int
    session_seconds_max: int
    password_memory_mebibytes: int
    oidc: Provider | None


@dataclass(frozen=True, slots=True)
class Encryption:
    """`key` holds one or more keys, newest first; `connector.secrets.SecretBox.from_secret` takes it."""

    key: Secret


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often and how long. All in seconds, but for `max_workers`."""

    interval_seconds: int
    jitter_seconds: int
    full_walk_interval_seconds: int
    submit_interval_seconds: int
    poll_interval_seconds: int
    write_back_interval_seconds: int
    quiet_period_seconds: int
    park_after_seconds: int
    lease_seconds: int
    backoff_seconds_max: int
    shutdown_timeout_seconds: int
    max_workers: int


@dataclass(frozen=True, slots=True)
class Log:
    """`level` is debug, info, warning or error; `format` is plain or json."""

    level: str
    format: str


@dataclass(frozen=True, slots=True)
class Mappings:
    """What an activation demands: `approval` is `none` or `second_person`."""

    approval: str
    backtest_required: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """One company's access to one accounting system. `settings` is what the system's own schema made of the rest."""

    name: str
    system: str
    company: str
    """Whose books these are: connections of one company share its overlay of a mapping."""
    interval_seconds: int
    jitter_seconds: int
    full_walk_interval_seconds: int
    settings: Any = field(repr=False)
    webhook: Webhook | None = None
    file: Path | None = None
    """The file of its own it stands in, where it was added in the browser."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How a financier signs its events; the words are those of `webhooks.signatures.SignatureScheme`."""

    header: str
    secrets: tuple[Secret, ...]
    secret_encoding: SecretEncoding
    format: Format
    encoding: Encoding
    hash: Hash
    signed: Signed
    tolerance_seconds: int
    prefix: str
    version: str


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """HTTP Basic credentials of our choosing that a sender must show; the first password is the one we register."""

    username: str
    passwords: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Webhook:
    """How events of a financier or a system are let in. A list of secrets means rotation: any one may match."""

    path_secrets: tuple[Secret, ...]
    event_id_field: str | None
    max_body_bytes: int
    signature: Signature | None
    basic: BasicCredentials | None = None
    secrets_file: Path | None = None
    """Where `connector webhooks sync` keeps the secrets that the system made; they are in `signature`, too."""

    def endpoint(self, name: str) -> Endpoint:
        """The doorway's own description of this. Raises ValueError where it would not keep anyone out."""
        scheme = None
        if self.signature is not None:
            given = self.signature
            scheme = SignatureScheme(
                header=given.header,
                secrets=tuple(
                    secret_key(secret.reveal(), given.secret_encoding) for secret in given.secrets
                ),
                format=given.format,
                encoding=given.encoding,
                hash=given.hash,
                signed=given.signed,
                tolerance_seconds=given.tolerance_seconds,
                prefix=given.prefix,
                version=given.version,
            )
        return Endpoint(
            name=name,
            path_secrets=tuple(secret.reveal() for secret in self.path_secrets),
            signature=scheme,
            basic=tuple(
                (self.basic.username, password.reveal()) for password in self.basic.passwords
            )
            if self.basic
            else (),
            event_id_field=self.event_id_field,
            body_limit_bytes=self.max_body_bytes,
        )


@dataclass(frozen=True, slots=True)
class FinancierAccount:
    """One account at a financing platform. `settings` is what the platform's own schema made of the rest."""

    name: str
    platform: str
    poll_interval_seconds: int
    quiet_period_seconds: int
    park_after_seconds: int
    webhook: Webhook | None
    settings: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """Which connection's invoices go to which financier, by which mapping and under which terms."""

    name: str
    connection: str
    financier: str
    mapping: str
    """Name of a shipped mapping, or an absolute path of a TOML document."""
    document: str
    """`attachment`, `render` or `wait`."""
    create_companies: bool
    submit: str
    """`automatic` or `by_hand`."""
    submitted_by: str
    success_url: str | None
    cancel_url: str | None
    locale: str | None
    type_of_goods: tuple[str, ...]
    amendments: str
    """What becomes of an invoice that was sent when its mapping comes to say something else: `flag` holds it for a
    person, `keep` leaves it as it was sent. A source record that changed itself is held either way."""
    buyer_limits: str = "wait"
    """`wait` or `ignore`; where the financier has no limits there is nothing to wait for."""


@dataclass(frozen=True, slots=True)
class FeedEndpoint:
    """Who is sent the status feed. The first of `secrets` is the newest; every one of them signs. Empty `connections`
    or `statuses`: all."""

    name: str
    url: Secret
    secrets: tuple[Secret, ...]
    enabled: bool
    connections: tuple[str, ...]
    statuses: tuple[str, ...]
    timeout_seconds: int
    concurrency: int
    allow_http: bool
    ca_file: str | None


@dataclass(frozen=True, slots=True)
class Feed:
    """The status feed. `retry_seconds`: the pauses between the tries of one event, before jitter."""

    interval_seconds: int
    retry_seconds: tuple[int, ...]
    disable_after_seconds: int
    endpoints: tuple[FeedEndpoint, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """All of it. `warnings` are sentences for the operator about what works but should be looked at."""

    path: Path
    store: Store
    server: Server
    access: Access
    encryption: Encryption
    schedule: Schedule
    log: Log
    mappings: Mappings
    feed: Feed
    connections: Mapping[str, Connection]
    financiers: Mapping[str, FinancierAccount]
    flows: tuple[Flow, ...]
    warnings: tuple[str, ...] = ()

    def secrets(self) -> frozenset[Secret]:
        """Every secret in here, for the redaction of logs."""
        return frozenset(_secrets_in(self))


def _secrets_in(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _secrets_in(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets_in(item)
