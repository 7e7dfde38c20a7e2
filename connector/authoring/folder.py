"""Mappings that live in files, under version control: what a folder would change, and doing it.

DIR/base/finexio.toml   DIR/company/acme/finexio.toml   DIR/connection/books.toml
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connector.authoring.life import MappingLife
from connector.authoring.stacks import LAYERS, Subject
from connector.authoring.trials import Trials
from connector.backtest import Progress
from connector.errors import ConfigError, Refused
from connector.store.database import Database
from mappings import MappingError, diff

LARGEST_FILE_BYTES = 1_048_576

Verdict = Literal["unchanged", "new", "changed", "waiting"]


@dataclass(frozen=True, slots=True)
class Planned:
    """One file of the folder. `verdict`: `unchanged` (it is in force), `waiting` (it is a draft already, on its way),
    `new` or `changed`; `changes` says in sentences what differs from the document in force."""

    subject: Subject
    path: Path
    document: str
    verdict: Verdict
    changes: tuple[str, ...]
    document_id: int | None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one file: `state` is `active`, or `backtested` where a second person must approve."""

    subject: Subject
    document_id: int
    state: str
    trials: tuple[int, ...]


def plan(database: Database, life: MappingLife, folder: Path) -> list[Planned]:
    """What the folder says otherwise than what is in force; nothing is changed. Raises ConfigError for a folder or file
    that cannot be read, Refused for a file that belongs to no flow."""
    found = []
    for path in _files(folder):
        subject = _subject(folder, path)
        life.stacks.affected(subject)
        document = _read(path)
        with database.read() as tx:
            active = tx.mapping_documents.active(subject.layer, subject.name)
            same = tx.mapping_documents.with_text(subject.layer, subject.name, document)
        verdict: Verdict = "new" if active is None else "changed"
        if active is not None and active.document == document:
            verdict = "unchanged"
        elif same is not None and same.is_open:
            verdict = "waiting"
        before = "" if active is None else active.document
        changes = () if verdict == "unchanged" else _changes(before, document)
        document_id = same.id if same is not None and verdict == "waiting" else None
        found.append(Planned(subject, path, document, verdict, changes, document_id))
    return found


def apply(
    life: MappingLife,
    trials: Trials,
    planned: list[Planned],
    by: str,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> list[Applied]:
    """Take every changed file through its life as far as it may go without another person. Raises Refused at the
    first that cannot be used; those before it are done."""
    done = []
    for item in planned:
        if item.verdict == "unchanged":
            continue
        document_id = item.document_id
        if document_id is None:
            note = f"applied from {item.path.name}"
            document_id = life.new(item.subject, item.document, by, note=note).id
        tell(f"{item.subject}: back-testing document {document_id}.")
        ran = tuple(trials.backtest(document_id, by, progress=progress))
        state = "backtested"
        if not life.policy.second_person:
            life.activate(document_id, by)
            state = "active"
        done.append(Applied(item.subject, document_id, state, ran))
    return done


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}.")
    found = sorted(path for layer in LAYERS for path in (folder / layer).rglob("*.toml"))
    if not found:
        raise ConfigError(
            f"The folder {folder} holds no mappings.",
            remedy="Put them at base/MAPPING.toml, company/COMPANY/MAPPING.toml, connection/CONNECTION.toml.",
        )
    return sorted(found, key=lambda path: LAYERS.index(path.relative_to(folder).parts[0]))


def _subject(folder: Path, path: Path) -> Subject:
    layer, *rest = path.relative_to(folder).with_suffix("").parts
    return Subject(layer, "/".join(rest))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise ConfigError(f"The file {path} is larger than {LARGEST_FILE_BYTES} bytes.")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"The file {path} is not UTF-8 text.") from None
    except OSError as error:
        raise ConfigError(f"The file {path} cannot be read: {error.strerror}.") from None


def _changes(before: str, after: str) -> tuple[str, ...]:
    try:
        return tuple(change.sentence for change in diff(before, after))
    except MappingError as error:
        raise Refused(f"The document cannot be read:\n{error}") from None
