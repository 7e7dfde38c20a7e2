"""From the file to a `Config`, or to one error that names everything there is to mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError

from connector.config import model
from connector.config.books import offered_twice
from connector.config.doorways import problems_of, webhook_of, with_known_webhook
from connector.config.feed import read_feed
from connector.config.fields import NameField, SecretSources, secrets_from
from connector.config.files import Candidate, Files
from connector.config.flows import left_out
from connector.config.lines import KeyPath
from connector.config.problems import (
    Problem,
    kind_of,
    load_table,
    nearest,
    unknown_key,
)
from connector.config.schema import (
    SECTIONS,
    TOP_LEVEL,
    ConnectionSchema,
    FinancierSchema,
    FlowSchema,
)
from connector.errors import ConfigError, ConnectorError
from connector.secrets import SecretBox
from mappings import shipped_name

Schemas = Mapping[str, type[Schema]]
_Named = TypeVar("_Named")


def load_config(
    path: Path,
    environ: Mapping[str, str],
    *,
    systems: Schemas,
    financiers: Schemas,
    candidate: Candidate | None = None,
) -> model.Config:
    """Read the configuration file, and with it the files of connections that were added in the browser (`candidate`:
    one of those as it would be).

    `environ` is where `{ env = "NAME" }` looks; `systems` and `financiers` give each adapter's settings schema by
    name. Relative paths in the file begin at the file's own folder. Raises ConfigError naming file, line and key of
    every problem, never a value.
    """
    files = Files(path, candidate)
    sources = SecretSources(environ, path.parent)
    if candidate is not None:
        sources.given.update(candidate.secrets)
    reader = _Reader(path, files, systems, financiers)
    with secrets_from(sources):
        config = reader.read()
    error = files.error(reader.problems)
    if error is not None:
        raise error
    if config is None:  # never: a problem says why
        raise ConfigError(f"The configuration {path} cannot be used.")
    return _with_warnings(config, sources.warnings)


class _Reader:
    """One pass over a decoded file, collecting problems as it goes."""

    def __init__(self, path: Path, files: Files, systems: Schemas, financiers: Schemas) -> None:
        self._path = path
        self._files = files
        self._document = files.document
        self._systems = systems
        self._financiers = financiers
        self.problems: list[Problem] = []

    def read(self) -> model.Config | None:
        """The configuration, or None when there are problems."""
        self.problems += [
            unknown_key((key,), TOP_LEVEL) for key in self._document if key not in TOP_LEVEL
        ]
        loaded: dict[str, Any] = {
            name: load_table(schema(), self._document.get(name, {}), (name,), self.problems)
            for name, schema in SECTIONS.items()
        }
        schedule = loaded["schedule"] or SECTIONS["schedule"]().load({})
        connections = self._named("connections", lambda *found: self._connection(schedule, *found))
        financiers = self._named("financiers", lambda *found: self._financier(schedule, *found))
        flows = self._flows(connections, financiers)
        self.problems += offered_twice(connections, flows, self._systems)
        feed = read_feed(loaded["feed"], connections, self.problems)
        self._check_key(loaded["encryption"])
        self.problems += problems_of(financiers, connections)
        self.problems += [
            Problem(
                ("financiers", name), "a connection has this name, too. Give one of them another."
            )
            for name in sorted(connections.keys() & financiers.keys())
        ]
        if self.problems or feed is None:
            return None
        return model.Config(
            path=self._path,
            store=model.Store(**loaded["store"]),
            server=model.Server(**loaded["server"]),
            access=_access(loaded["access"]),
            encryption=model.Encryption(**loaded["encryption"]),
            schedule=model.Schedule(**schedule),
            log=model.Log(**loaded["log"]),
            mappings=model.Mappings(**loaded["mappings"]),
            feed=feed,
            connections=MappingProxyType(connections),
            financiers=MappingProxyType(financiers),
            flows=flows,
        )

    def _named(
        self, section: str, build: Callable[[str, dict[str, Any], KeyPath], _Named | None]
    ) -> dict[str, _Named]:
        """The tables below [connections] or [financiers], by name."""
        tables = self._document.get(section, {})
        if not isinstance(tables, dict):
            self.problems.append(
                Problem((section,), f"expected tables [{section}.NAME], found {kind_of(tables)}.")
            )
            return {}
        built = {}
        for name, table in tables.items():
            path = (section, name)
            if not isinstance(table, dict):
                self.problems.append(
                    Problem(path, f"expected a table [{section}.NAME], found {kind_of(table)}.")
                )
                continue
            try:
                NameField().deserialize(name)
            except ValidationError as error:
                self.problems.append(Problem(path, error.messages[0]))
            made = build(name, table, path)
            if made is not None:
                built[name] = made
        return built

    def _connection(
        self, schedule: dict[str, Any], name: str, table: dict[str, Any], path: KeyPath
    ) -> model.Connection | None:
        known = self._systems.get(str(table.get("system")))
        table = with_known_webhook(table, known, always=True)
        loaded, settings = self._split(ConnectionSchema(), "system", self._systems, table, path)
        if loaded is None:
            return None
        webhook = self._webhook(loaded.pop("webhook"), path)
        filled = _filled(loaded, schedule)
        file = self._files.path_of_connection(name)
        return model.Connection(name=name, settings=settings, webhook=webhook, file=file, **filled)

    def _financier(
        self, schedule: dict[str, Any], name: str, table: dict[str, Any], path: KeyPath
    ) -> model.FinancierAccount | None:
        known = self._financiers.get(str(table.get("platform")))
        table = with_known_webhook(table, known, always=False)
        loaded, settings = self._split(FinancierSchema(), "platform", self._financiers, table, path)
        if loaded is None:
            return None
        webhook = self._webhook(loaded.pop("webhook"), path)
        filled = _filled(loaded, schedule)
        return model.FinancierAccount(name=name, settings=settings, webhook=webhook, **filled)

    def _webhook(self, loaded: dict[str, Any] | None, path: KeyPath) -> model.Webhook | None:
        try:
            return None if loaded is None else webhook_of(loaded, self._path.parent)
        except ValueError as error:
            self.problems.append(Problem((*path, "webhook"), str(error)))
            return None

    def _split(
        self, ours: Schema, selector: str, theirs: Schemas, table: dict[str, Any], path: KeyPath
    ) -> tuple[dict[str, Any] | None, Any]:
        """Load our keys of a table by our schema, and the others by the schema of the adapter it names."""
        chosen = table.get(selector)
        known = isinstance(chosen, str) and chosen in theirs
        own = {key: value for key, value in table.items() if not known or key in ours.fields}
        if isinstance(chosen, str) and not known:
            allowed = ", ".join(sorted(theirs)) or "none"
            self.problems.append(
                Problem(
                    (*path, selector),
                    f"expected one of: {allowed}.{nearest(chosen, list(theirs))}",
                )
            )
            own = {key: value for key, value in own.items() if key in ours.fields}
        before = len(self.problems)
        loaded = load_table(ours, own, path, self.problems)
        if not known:
            return None, None
        rest = {key: value for key, value in table.items() if key not in ours.fields}
        schema = theirs[str(chosen)]()
        foreign = [key for key in rest if key not in schema.fields]
        for key in foreign:
            self.problems.append(unknown_key((*path, key), [*ours.fields, *schema.fields]))
            del rest[key]
        settings = load_table(schema, rest, path, self.problems)
        return (loaded, settings) if len(self.problems) == before else (None, None)

    def _flows(
        self,
        connections: Mapping[str, model.Connection],
        financiers: Mapping[str, model.FinancierAccount],
    ) -> tuple[model.Flow, ...]:
        tables = self._document.get("flows", [])
        if not isinstance(tables, list):
            self.problems.append(
                Problem(("flows",), f"expected tables [[flows]], found {kind_of(tables)}.")
            )
            return ()
        flows = []
        names: set[str] = set()
        taken: set[str] = set()
        mappings: dict[str, str] = {}
        for index, table in enumerate(tables):
            path = ("flows", index)
            loaded = load_table(FlowSchema(), table, path, self.problems)
            if loaded is None:
                continue
            self._check_reference(loaded["connection"], "connections", (*path, "connection"))
            self._check_reference(loaded["financier"], "financiers", (*path, "financier"))
            if loaded["name"] in names:
                self.problems.append(
                    Problem((*path, "name"), "another flow has this name already.")
                )
            if loaded["connection"] in taken:
                sentence = "another flow takes this connection's invoices already; an invoice has one financing."
                self.problems.append(Problem((*path, "connection"), sentence))
            names.add(loaded["name"])
            taken.add(loaded["connection"])
            connection = connections.get(loaded["connection"])
            loaded["mapping"] = self._mapping(loaded["mapping"], connection, loaded["financier"])
            kept_as = Path(loaded["mapping"]).stem
            if mappings.setdefault(kept_as, loaded["mapping"]) != loaded["mapping"]:
                sentence = f"another flow's mapping is called {kept_as!r}, too. Give the file another name."
                self.problems.append(Problem((*path, "mapping"), sentence))
            if loaded["amendments"] == "amend":
                sentence = "no financing platform here offers to amend an invoice that was sent. Use flag or keep."
                self.problems.append(Problem((*path, "amendments"), sentence))
            account = financiers.get(loaded["financier"])
            schema = None if account is None else self._financiers.get(account.platform)
            missing = left_out(schema, account, loaded)
            self.problems += [Problem((*path, key), missing[key]) for key in missing]
            loaded["type_of_goods"] = tuple(loaded["type_of_goods"])
            flows.append(model.Flow(**loaded))
        return tuple(flows)

    def _mapping(
        self, given: str | None, connection: model.Connection | None, financier: str
    ) -> str:
        """The name of a shipped mapping, by default that of the system for the platform; a path becomes absolute."""
        if given is None:
            accounts = self._document.get("financiers")
            account = accounts.get(financier) if isinstance(accounts, dict) else None
            platform = account.get("platform") if isinstance(account, dict) else None
            return shipped_name(connection.system, str(platform)) if connection else ""
        is_path = "/" in given or given.endswith(".toml")
        return str(self._path.parent.absolute() / given) if is_path else given

    def _check_reference(self, name: str, section: str, path: KeyPath) -> None:
        there = self._document.get(section, {})
        if isinstance(there, dict) and name not in there:
            allowed = ", ".join(sorted(there)) or "none"
            self.problems.append(
                Problem(
                    path,
                    f"no [{section}.NAME] has this name. There are: {allowed}.{nearest(name, list(there))}",
                )
            )

    def _check_key(self, encryption: dict[str, Any] | None) -> None:
        if encryption is None:
            return
        try:
            SecretBox.from_secret(encryption["key"])
        except ConnectorError as error:
            self.problems.append(Problem(("encryption", "key"), str(error)))


def _filled(loaded: dict[str, Any], schedule: dict[str, Any]) -> dict[str, Any]:
    """Settings of a connection or financier, with what it leaves out taken from [schedule]."""
    return {
        key: schedule[key] if value is None and key in schedule else value
        for key, value in loaded.items()
    }


def _access(loaded: dict[str, Any]) -> model.Access:
    provider = loaded["oidc"]
    if provider is not None:
        lists = {key: tuple(provider[key]) for key in ("allowed_email_domains", "scopes")}
        roles = MappingProxyType(provider["roles"])
        provider = model.Provider(**{**provider, **lists, "roles": roles})
    return model.Access(**{**loaded, "host_names": tuple(loaded["host_names"]), "oidc": provider})


def _about_the_door(config: model.Config) -> list[str]:
    """What travels readably."""
    server, access = config.server, config.access
    beyond = server.host not in ("127.0.0.1", "localhost", "::1")
    encrypted = (server.public_url or "").startswith("https://")
    if not beyond or (encrypted and access.trusted_proxies):
        return []
    return [
        "The pages listen beyond this machine (server.host), and this server does no TLS: passwords would travel "
        "readably. Put a proxy with TLS in front, set server.public_url to its https:// address and "
        "access.trusted_proxies to 1."
    ]


def _with_warnings(config: model.Config, noticed: list[str]) -> model.Config:
    warnings = list(dict.fromkeys(noticed))
    warnings += _about_the_door(config)
    given = {each.name: getattr(config, each.name) for each in dataclass_fields(config)}
    return model.Config(**{**given, "warnings": tuple(warnings)})
