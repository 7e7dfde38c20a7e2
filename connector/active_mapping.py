"""Which mapping decides: the active version of each connection, compiled once."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from connector.errors import ConfigError
from connector.store.database import Database
from mappings import Layer, Mapping, MappingError, load_layers, load_mapping, shipped


class ActiveMappings:
    """Compiles active mapping versions and keeps them. Versions are immutable, so they never grow stale."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._compiled: dict[int, Mapping] = {}
        self._lock = Lock()

    def active(self, connection: str) -> tuple[Mapping, int]:
        """The active mapping of a connection, and its version's identifier. Raises ConfigError when none is."""
        with self._database.read() as tx:
            version = tx.mappings.active(connection)
            if version is None:
                raise ConfigError(
                    f"No mapping of the connection {connection!r} is active.",
                    remedy="Start the connector once.",
                )
            with self._lock:
                if version.id in self._compiled:
                    return self._compiled[version.id], version.id
            layers = [tx.mapping_documents.get(document_id) for document_id in version.layers]
        try:
            mapping = load_layers(
                [Layer(f"{d.layer} {d.name}", d.document) for d in layers], name=connection
            )
        except MappingError as error:
            raise _unusable(connection, error) from None
        with self._lock:
            return self._compiled.setdefault(version.id, mapping), version.id


def check(given: str) -> None:
    """Raises ConfigError when the document that a flow names cannot be used."""
    compiled(document_of(given), mapping_name(given))


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
        raise _unusable(name, error) from None


def _unusable(name: str, error: MappingError) -> ConfigError:
    return ConfigError(f"The mapping {name!r} cannot be used:\n{error}")
