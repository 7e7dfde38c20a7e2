"""Adding, changing and removing connections in the browser, and rotating the secrets of their doors.

Each such connection has a file of its own beside the configuration. It is written only after the whole configuration with
it was read and checked as at a start, so that what is on disk can always be started from.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Lock
from typing import Any

from marshmallow import Schema

from connector.active_mapping import check as check_mapping
from connector.bootstrap import Program, read_config
from connector.config.books import books_of, of_same_books
from connector.config.fields import NAME_PATTERN, SecretSources, secrets_from
from connector.config.files import Candidate, path_of
from connector.config.flows import left_out
from connector.config.model import Config
from connector.config.problems import Problem, load_table
from connector.config.schema import ConnectionSchema, FlowSchema
from connector.connecting.files import (
    SECRETS_FOLDER,
    new_secret_path,
    sync_folder,
    text_of,
    write_private,
)
from connector.connecting.forms import Field, fields_of, in_form_words, label_of, read, typed
from connector.errors import ConnectorError, NotFound, Refused
from connector.known_books import former_name, named_books
from connector.registry import financiers as known_financiers
from connector.registry import systems as known_systems
from connector.secrets import Secret
from connector.system import Finding
from connector.transport import AdapterContext

OWN, SETTING, FLOW = "own_", "setting_", "flow_"
"""Prefixes of the fields of the three tables that the form fills."""
MOST_PATH_SECRETS = 8
_NOT_ASKED = ("name", "connection", "financier", "type_of_goods")
"""Of a flow: made from the connection's name, asked for apart, or too long for a field."""
_ONE_AT_A_TIME = Lock()


class FormRefused(Refused):
    """Something in the form cannot be. `errors`: a sentence by field name."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked about a connection to one system."""

    system: str
    settings: list[Field]
    own: list[Field]
    flow: list[Field]
    sends_events: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A connection as it would be: its file, and the secrets that go with it."""

    name: str
    system: str
    candidate: Candidate
    is_new: bool
    changed: list[str] = field(default_factory=list)


class Connecting:
    """Everything about connections that stand in files of their own."""

    def __init__(self, program: Program, reload: Callable[[], bool]) -> None:
        self._program = program
        self._main = program.config.path
        self._reload = reload

    def names(self) -> list[str]:
        """The connections that have a file of their own, also those that are not taken up yet."""
        return sorted(path.stem for path in path_of(self._main, "any").parent.glob("*.toml"))

    # -- the form -------------------------------------------------------------------------------------------------

    def form(self, system: str) -> Form:
        """The form for a system. Raises NotFound."""
        known = known_systems()
        if system not in known:
            raise NotFound(f"There is no accounting system {system[:40]!r}.")
        adapter = known[system]
        return Form(
            system,
            fields_of(adapter.settings_schema),
            fields_of(ConnectionSchema, leave=("system",)),
            [_offered(each) for each in fields_of(FlowSchema, _NOT_ASKED)],
            sends_events=hasattr(adapter, "read_hint"),
        )

    def values(self, name: str) -> dict[str, str]:
        """What the file of a connection says, by field name; without secrets. Raises NotFound."""
        table, flow = self._tables(name)
        found = {"name": name, "system": str(table.get("system", ""))}
        for key, value in table.items():
            found[OWN + key] = found[SETTING + key] = typed(value)
        for key, value in (flow or {}).items():
            found[FLOW + key] = typed(value)
        found["events"] = "yes" if "webhook" in table else ""
        return found

    def has_secrets(self, name: str) -> list[str]:
        """Which settings of a connection hold a secret already."""
        table, _ = self._tables(name)
        return [key for key, value in table.items() if isinstance(value, dict) and "file" in value]

    # -- proposing, testing, saving -------------------------------------------------------------------------------

    def propose(self, given: Mapping[str, str], *, existing: str | None = None) -> Proposal:
        """The connection that a filled-in form describes. `existing`: the one that is changed; what is left empty of its
        secrets stays. Raises FormRefused, ConfigError for what is wrong with the configuration as a whole."""
        name = existing or given.get("name", "").strip()
        before, flow_before = ({}, None) if existing is None else self._tables(existing)
        system = str(before.get("system") or given.get("system", ""))
        form = self.form(system)
        errors = {} if existing else self._wrong_name(name)
        own, _, wrong = read(form.own, given, OWN)
        settings, typed_secrets, more = read(form.settings, given, SETTING)
        errors |= wrong | more
        new: dict[str, Secret] = {}
        for key, text in typed_secrets.items():
            place = new_secret_path(name, key)
            new[place] = Secret(text)
            settings[key] = {"file": place}
        for key, value in before.items():
            if isinstance(value, dict) and "file" in value and key not in settings:
                settings[key] = value
        flow = self._flow(name, form, given, flow_before, errors)
        table: dict[str, Any] = {"system": system, **own, **settings}
        for key, sentence in self._wrong_tables(form, own, settings, flow, new).items():
            errors.setdefault(key, sentence)
        errors = errors or self._same_books(name, existing, system, settings, new)
        if errors:
            raise FormRefused(errors)
        if given.get("events") == "yes" and form.sends_events:
            table["webhook"] = before.get("webhook") or self._new_door(name, system, new)
        candidate = Candidate(name, text_of(name, table, flow), new)
        changed = sorted(key for key in {*table, *before} if table.get(key) != before.get(key))
        proposal = Proposal(name, system, candidate, existing is None, changed)
        self._config_with(candidate)
        return proposal

    def test(self, proposal: Proposal) -> list[Finding]:
        """Try the connection as it would be, read-only. Never raises for a refusal: says it in a finding."""
        config = self._config_with(proposal.candidate)
        settings = config.connections[proposal.name].settings
        context = AdapterContext(proposal.name, self._program.clock)
        try:
            adapter = known_systems()[proposal.system](settings, context)
        except ConnectorError as error:
            return [Finding(False, "make the connection", error.message, error.remedy)]
        try:
            return list(adapter.check())
        finally:
            adapter.close()

    def save(self, proposal: Proposal, *, by: str) -> bool:
        """Write it down, and take it up. False where only a restart takes it up. Raises ConfigError where the
        configuration was changed meanwhile so that it does not fit any more."""
        detail = {"system": proposal.system, "changed": proposal.changed}
        action = "connection.added" if proposal.is_new else "connection.changed"
        return self._write(proposal.candidate, action, detail, by)

    def remove(self, name: str, *, by: str) -> bool:
        """Take a connection away; all that was read and sent stays. As `save`. Raises NotFound, Refused while something
        of it is still to be sent."""
        self._tables(name)
        still = self.still_to_be_sent(name)
        if still:
            raise Refused(
                f"{name} cannot be removed yet: {still} messages about its invoices are still to be sent or looked up.",
                remedy="Wait until they are through, or decide about those that are parked.",
            )
        return self._write(Candidate(name, None), "connection.removed", {}, by)

    def still_to_be_sent(self, name: str) -> int:
        """How many messages about a connection's invoices are open."""
        with self._program.database.read() as tx:
            return tx.deliveries.open_of_connection(name)

    # -- its door -------------------------------------------------------------------------------------------------

    def add_path_secret(self, name: str, *, by: str) -> tuple[str, bool]:
        """Put a new secret address in front of the present ones, which go on working. Gives the secret, this once, and
        whether it is taken up by itself. Raises NotFound, Refused."""
        table, flow = self._tables(name)
        webhook = self._door_of(name, table)
        if len(webhook["path_secrets"]) >= MOST_PATH_SECRETS:
            raise Refused(
                "There are too many addresses already.", remedy="Remove an old one first."
            )
        place, text = new_secret_path(name, "path"), secrets.token_urlsafe(32)
        webhook["path_secrets"] = [{"file": place}, *webhook["path_secrets"]]
        candidate = Candidate(name, text_of(name, table, flow), {place: Secret(text)})
        return text, self._write(candidate, "webhook.secret_added", {}, by)

    def drop_path_secret(self, name: str, *, by: str) -> bool:
        """Let events in no more by the oldest secret address. As `save`. Raises Refused where it is the only one."""
        table, flow = self._tables(name)
        webhook = self._door_of(name, table)
        if len(webhook["path_secrets"]) < 2:
            raise Refused("This is the only address.", remedy="Add a new one first.")
        webhook["path_secrets"] = webhook["path_secrets"][:-1]
        candidate = Candidate(name, text_of(name, table, flow))
        return self._write(candidate, "webhook.secret_removed", {}, by)

    def _door_of(self, name: str, table: dict[str, Any]) -> dict[str, Any]:
        webhook = table.get("webhook")
        if not isinstance(webhook, dict):
            raise Refused(f"{name} takes no events in.", remedy="Switch events on in its settings.")
        return webhook

    def _new_door(self, name: str, system: str, new: dict[str, Secret]) -> dict[str, Any]:
        place = new_secret_path(name, "path")
        new[place] = Secret(secrets.token_urlsafe(32))
        door: dict[str, Any] = {"path_secrets": [{"file": place}]}
        if getattr(known_systems()[system], "gives_secrets", False):
            door["secrets_file"] = f"{SECRETS_FOLDER}/{name}.subscriptions"
        return door

    # -- inside ---------------------------------------------------------------------------------------------------

    def _tables(self, name: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """[connections.NAME] and its flow, as they stand in its file. Raises NotFound."""
        path = path_of(self._main, name)
        if not NAME_PATTERN.fullmatch(name) or not path.exists():
            raise NotFound(
                f"{name[:80]!r} has no file of its own.",
                remedy=f"A connection that stands in {self._main} is changed there.",
            )
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        flows = document.get("flows") or [None]
        return document["connections"][name], flows[0]

    def _wrong_name(self, name: str) -> dict[str, str]:
        if not NAME_PATTERN.fullmatch(name):
            said = "Name: expected 1 to 40 small letters, digits and _, beginning with a letter."
            return {"name": said}
        config = self._program.config
        if name in config.connections or name in config.financiers or name in self.names():
            return {"name": f"Name: {name} is taken already."}
        return {}

    def _flow(
        self,
        name: str,
        form: Form,
        given: Mapping[str, str],
        before: dict[str, Any] | None,
        errors: dict[str, str],
    ) -> dict[str, Any] | None:
        """Where its invoices go; None where they go nowhere yet."""
        financier = given.get(FLOW + "financier", "").strip()
        if not financier:
            return None
        if financier not in self._program.config.financiers:
            errors[FLOW + "financier"] = "Financier: there is none of this name."
        values, _, wrong = read(form.flow, given, FLOW)
        errors |= wrong
        account = self._program.config.financiers.get(financier)
        schema = known_financiers()[account.platform].settings_schema if account else None
        for key in left_out(schema, account, values):
            sentence = f"this must be filled in: {financier} takes no invoice without it."
            errors.setdefault(FLOW + key, f"{label_of(key)}: {sentence}")
        kept = (before or {}).get("name", f"{name}_flow"[:40])
        kept_goods = {k: v for k, v in (before or {}).items() if k == "type_of_goods"}
        return {"name": kept, "connection": name, "financier": financier, **values, **kept_goods}

    def _wrong_tables(
        self,
        form: Form,
        own: dict[str, Any],
        settings: dict[str, Any],
        flow: dict[str, Any] | None,
        new: Mapping[str, Secret],
    ) -> dict[str, str]:
        sources = SecretSources({}, self._main.parent, given=dict(new))
        errors: dict[str, str] = {}
        system = known_systems()[form.system].settings_schema()
        judged: list[tuple[str, list[Field], Schema, dict[str, Any]]] = [
            (OWN, form.own, ConnectionSchema(), {"system": form.system, **own}),
            (SETTING, form.settings, system, settings),
        ]
        if flow is not None:
            judged.append((FLOW, form.flow, FlowSchema(), flow))
        with secrets_from(sources):
            for prefix, asked, schema, table in judged:
                problems: list[Problem] = []
                load_table(schema, table, (), problems)
                for key, sentence in _in_words(problems, asked, table).items():
                    # A flow's name is the connection's, which is judged where it is typed.
                    if prefix != FLOW or key not in _NOT_ASKED:
                        errors[prefix + key] = sentence
        return errors

    def _same_books(
        self,
        name: str,
        existing: str | None,
        system: str,
        settings: dict[str, Any],
        new: Mapping[str, Secret],
    ) -> dict[str, str]:
        """What is wrong where another connection reads the same books, or one that is gone read them and sent invoices
        of them; `existing` may go on as it is."""
        schema = known_systems()[system].settings_schema
        with secrets_from(SecretSources({}, self._main.parent, given=dict(new))):
            loaded = schema().load(settings)
        there = dict(read_config(self._main).connections)
        before = there.pop(existing, None) if existing is not None else None
        if before is not None and books_of(schema, before.settings) == books_of(schema, loaded):
            return {}
        other = of_same_books(schema, system, loaded, there.values())
        if other is not None:
            return {
                SETTING
                + "base_url": f"These are the books of {other}, which is connected already: their invoices would be "
                f"offered twice. Change {other} instead, or connect other books."
            }
        with self._program.database.read() as tx:
            former = former_name(tx, name, system, named_books(schema, loaded))
        if former is None:
            return {}
        return {
            "name": f"These books were connected as {former} before, and invoices of them were sent: under another "
            f"name each would be offered once more. Name the connection {former} again."
        }

    def _config_with(self, candidate: Candidate) -> Config:
        """The whole configuration with a candidate, checked as at a start. Raises ConfigError."""
        config = read_config(self._main, candidate=candidate)
        for flow in config.flows:
            if flow.connection == candidate.name:
                check_mapping(flow.mapping)
        return config

    def _write(self, candidate: Candidate, action: str, detail: dict[str, Any], by: str) -> bool:
        with _ONE_AT_A_TIME:
            self._config_with(candidate)
            folder = self._main.parent
            for place, secret in candidate.secrets.items():
                write_private(folder / place, secret.reveal() + "\n")
            path = path_of(self._main, candidate.name)
            if candidate.text is None:
                path.unlink()
                sync_folder(path.parent)
            else:
                write_private(path, candidate.text)
            self._forget_unused(candidate)
        with self._program.database.write() as tx:
            tx.audit.append(by, action, candidate.name, detail)
        return self._reload()

    def _forget_unused(self, candidate: Candidate) -> None:
        """Remove the files of secrets that the connection's file does not name any more."""
        folder = self._main.parent / SECRETS_FOLDER
        named = candidate.text or ""
        for path in folder.glob(f"{candidate.name}.*"):
            if f"{SECRETS_FOLDER}/{path.name}" not in named:
                path.unlink()


def _offered(each: Field) -> Field:
    """A field of a flow without the word that the configuration knows only to say why it is refused."""
    return replace(each, choices=tuple(word for word in each.choices if word != "amend"))


def _in_words(
    problems: list[Problem], asked: list[Field], table: Mapping[str, Any]
) -> dict[str, str]:
    """What is wrong with a table, by key, in the words of the form that filled it."""
    labels = {each.name: each.label for each in asked}
    found: dict[str, str] = {}
    for problem in problems:
        key = str(problem.path[0]) if problem.path else "name"
        sentence = in_form_words(problem.sentence, asked)
        if key in labels and key not in table:
            sentence = "this must be filled in."
        found.setdefault(key, f"{labels.get(key, label_of(key))}: {sentence}")
    return found
