"""Which mapping decides: the active version of each name, compiled once."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from connector.errors import ConfigError
from connector.store.database import Database
from mappings import Mapping, MappingError, load_mapping, shipped


class ActiveMappings:
    """Compiles active mapping versions and keeps them. Versions are immutable, so they never grow stale."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._compiled: dict[int, Mapping] = {}
        self._lock = Lock()

    def active(self, given: str) -> tuple[Mapping, int]:
        """The active mapping that a flow names, and its version's identifier. Raises ConfigError when none is."""
        name = mapping_name(given)
        with self._database.read() as tx:
            version = tx.mappings.active(name)
        if version is None:
            raise ConfigError(
                f"No version of the mapping {name!r} is active.", remedy="Start the connector once."
            )
        with self._lock:
            if version.id not in self._compiled:
                self._compiled[version.id] = compiled(version.document, name)
            return self._compiled[version.id], version.id

    def check(self, given: str) -> None:
        """Raises ConfigError when the document that a flow names cannot be used."""
        compiled(document_of(given), mapping_name(given))

    def activate_from(self, given: str, *, by: str) -> bool:
        """Make the document that a flow names (shipped name or path) the active version. True when it was not yet."""
        name, document = mapping_name(given), document_of(given)
        compiled(document, name)
        with self._database.write() as tx:
            before = tx.mappings.active(name)
            version = tx.mappings.put(name, document, by)
            if before is not None and before.id == version.id:
                return False
            tx.mappings.activate(version.id)
            tx.audit.append(
                by, "mapping.activated", f"{name} v{version.version_no}", {"sha256": version.sha256}
            )
            return True


def mapping_name(given: str) -> str:
    """The name under which a shipped mapping or a file is kept."""
    return Path(given).stem


def document_of(given: str) -> str:
    """The text of a shipped mapping, or of a file. Raises ConfigError when there is none."""
    documents = shipped()
    if given in documents:
        return documents[given]
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"There is no mapping {given!r}.",
            remedy=f"Name a TOML file, or one of the shipped ones: {', '.join(sorted(documents))}.",
        ) from None


def compiled(document: str, name: str) -> Mapping:
    """The mapping, ready to evaluate. Raises ConfigError with every problem, line and column."""
    try:
        return load_mapping(document, name=name)
    except MappingError as error:
        raise ConfigError(f"The mapping {name!r} cannot be used:\n{error}") from None
