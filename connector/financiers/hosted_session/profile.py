"""The profile of a hosted-session financier: where its paths are, how it is signed in to, and what it calls things.

Financiers of this shape do the same in the same order (document, invoice, session) and differ in words. A profile is
a TOML document; the shipped ones stand in `profiles/`, and an account may name a file of its own.
`docs/connect-hosted-session.md` says how to write one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from connector.config.lines import key_lines, line_of
from connector.config.problems import Problem, dotted, load_table, unknown_key
from connector.errors import ConfigError
from connector.financier import FinancingStatus, LimitStatus, SessionStatus
from connector.financiers.hosted_session.profile_schema import TABLES

SHIPPED = Path(__file__).parent / "profiles"
DEFAULT = "stenn"
MAX_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Access:
    """How requests prove who they are."""

    scheme: str
    """`client_credentials`, `basic`, `bearer` or `api_key`."""
    header: str
    """The header that carries an `api_key`, and what stands before the key in it."""
    prefix: str
    token_url: str
    token_early_seconds: float
    token_life_seconds_max: float


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are made and read; None: the platform offers no such thing. `{session}` is the session's id."""

    companies: str
    documents: str
    invoices: str
    sessions: str
    buyer_limits: str | None
    cancel_session: str | None


@dataclass(frozen=True, slots=True)
class Requests:
    """The form in which things are said, and what may be said."""

    amount: str
    """`major`: a number of major units; `major_text`: the same as text; `minor`: an integer of minor units."""
    currency_case: str
    currencies: tuple[str, ...]
    document_encoding: str
    idempotency_header: str | None
    invoice_filter: str | None
    session_filter: str | None
    locales: tuple[str, ...]
    """The first is the default; none: nothing is said about the language."""
    types_of_goods: tuple[str, ...]
    company_contacts: bool
    """Whether the e-mail address of a company is told when the company is made."""
    required_of_flow: tuple[str, ...]
    """Keys of [[flows]] without which the platform takes no session."""
    limit_currency: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The form in which things are told."""

    list_items: str
    """The field that holds a list's objects; a bare list is taken, too."""
    list_goes_on: tuple[str, ...]
    """Fields that say that a list is not whole."""
    kind: str
    """The field with which an object says what it is, and the words for an invoice and for a session."""
    invoice_kind: str
    session_kind: str
    invoice_event_prefix: str
    """How the type of an event about an invoice begins, for events that do not say what their object is."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One platform's dialect. Words are looked up in lower case."""

    sentence: str
    access: Access
    paths: Paths
    requests: Requests
    answers: Answers
    limits_required: bool
    """Whether a buyer needs an approved limit before an invoice may be put into a session."""
    signs_webhooks: bool
    signature: Mapping[str, Any]
    """What [financiers.NAME.webhook.signature] begins with: everything about it but the secrets."""
    fields: Mapping[str, Mapping[str, str]]
    """By object and our name: the name of theirs, dotted where it lies in an object."""
    parts: Mapping[str, str]
    """Parts of the financing: their name to the one it is kept under. What is not named here keeps its name."""
    invoice_words: Mapping[str, FinancingStatus]
    session_words: Mapping[str, SessionStatus]
    limit_words: Mapping[str, LimitStatus]


def load_profile(given: str, folder: Path) -> Profile:
    """A shipped profile by its name, or the one in a file: a path (it has a slash or ends in `.toml`), relative to
    `folder`. Raises ConfigError naming file, line and key of every problem."""
    is_path = "/" in given or given.endswith(".toml")
    path = folder / given if is_path else SHIPPED / f"{given}.toml"
    if not is_path and not path.is_file():
        shipped = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.toml")))
        raise ConfigError(
            f"There is no profile {given!r}.",
            remedy=f"Shipped are: {shipped}. A profile of your own is named by its path.",
        )
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise ConfigError(f"The profile {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The profile {path} is not UTF-8 text.") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"The profile {path} is larger than {MAX_BYTES} bytes.")
    return read_profile(text, str(path))


def read_profile(text: str, called: str) -> Profile:
    """A profile from its text; `called` is the file's name in messages. Raises ConfigError."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{called} is not valid TOML: {error}.") from None
    problems: list[Problem] = []
    loaded = _tables(document, problems)
    if problems:
        lines = key_lines(text)
        placed = sorted(((line_of(p.path, lines) or 0, p) for p in problems), key=lambda at: at[0])
        raise ConfigError(
            "\n".join(
                f"{called}:{line}: {dotted(problem.path)}: {problem.sentence}"
                if line
                else f"{called}: {dotted(problem.path)}: {problem.sentence}"
                for line, problem in placed
            )
        )
    return _profile(loaded)


def _tables(document: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    sentence = document.get("sentence")
    if not isinstance(sentence, str) or not sentence:
        problems.append(Problem(("sentence",), "this key is missing: expected text."))
    problems += [
        unknown_key((key,), ["sentence", *TABLES])
        for key in document
        if key != "sentence" and key not in TABLES
    ]
    loaded = {
        name: load_table(schema(), document.get(name, {}), (name,), problems)
        for name, schema in TABLES.items()
    }
    paths = loaded["paths"]
    if paths is not None and loaded["limits"] is not None:
        if paths["cancel_session"] and "{session}" not in paths["cancel_session"]:
            problems.append(
                Problem(("paths", "cancel_session"), "the path must name the session: {session}.")
            )
        approved = LimitStatus.APPROVED in (loaded["words"] or {"limit": {}})["limit"].values()
        if loaded["limits"]["required"] and loaded["words"] is not None and not approved:
            problems.append(
                Problem(("words", "limit"), "no word means `approved`, and limits are required.")
            )
    return {**loaded, "sentence": sentence}


def _profile(loaded: Mapping[str, Any]) -> Profile:
    words, limits = loaded["words"], loaded["limits"]
    requests: dict[str, Any] = {**loaded["requests"], "limit_currency": limits["currency"]}
    for several in ("currencies", "locales", "types_of_goods", "required_of_flow"):
        requests[several] = tuple(requests[several])
    return Profile(
        sentence=loaded["sentence"],
        access=Access(**loaded["access"]),
        paths=Paths(**loaded["paths"]),
        requests=Requests(**requests),
        answers=Answers(
            **{**loaded["answers"], "list_goes_on": tuple(loaded["answers"]["list_goes_on"])}
        ),
        limits_required=limits["required"],
        signs_webhooks=loaded["webhooks"]["signed"],
        signature=MappingProxyType(dict(loaded["webhooks"]["signature"])),
        fields=MappingProxyType(
            {name: MappingProxyType(dict(table)) for name, table in loaded["fields"].items()}
        ),
        parts=MappingProxyType(dict(loaded["parts"]["names"])),
        invoice_words=MappingProxyType(words["invoice"]),
        session_words=MappingProxyType(words["session"]),
        limit_words=MappingProxyType(words["limit"]),
    )
