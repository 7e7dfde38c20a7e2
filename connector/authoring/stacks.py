"""Which layers make the mapping of a connection: the base, the company's overlay, the connection's own overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from connector.active_mapping import mapping_name
from connector.config.model import Config
from connector.errors import ConfigError, Refused
from connector.store.mapping_documents import MappingDocument
from connector.store.transaction import Transaction
from mappings import Layer, MappingError, load_layers
from mappings import Mapping as CompiledMapping

LAYERS: Final = ("base", "company", "connection")


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """One layer's document through all its versions: `base:finexio`, `company:acme/finexio`, `connection:books`."""

    layer: str
    name: str

    def __str__(self) -> str:
        return f"{self.layer}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` gives. Raises Refused."""
        layer, colon, name = text.partition(":")
        if not colon or layer not in LAYERS or not name:
            raise Refused(
                f"{text!r} names no layer of a mapping.",
                remedy="Write base:MAPPING, company:COMPANY/MAPPING or connection:CONNECTION.",
            )
        return cls(layer, name)

    @classmethod
    def of(cls, document: MappingDocument) -> Self:
        """What a stored document is a version of."""
        return cls(document.layer, document.name)


@dataclass(frozen=True, slots=True)
class Stack:
    """The mapping of one connection: `given` is what its flow names, a shipped mapping or a file."""

    connection: str
    company: str
    given: str

    @property
    def mapping(self) -> str:
        """The name of the base."""
        return mapping_name(self.given)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Its layers, lowest first."""
        return (
            Subject("base", self.mapping),
            Subject("company", f"{self.company}/{self.mapping}"),
            Subject("connection", self.connection),
        )

    def documents(
        self, tx: Transaction, instead: MappingDocument | None = None
    ) -> list[MappingDocument]:
        """The documents in force, lowest layer first, with `instead` in the place of its own layer's."""
        found = []
        for subject in self.subjects:
            if instead is not None and Subject.of(instead) == subject:
                found.append(instead)
                continue
            active = tx.mapping_documents.active(subject.layer, subject.name)
            if active is not None:
                found.append(active)
        if not found or found[0].layer != "base":
            raise ConfigError(
                f"The mapping {self.mapping!r} has no document in force.",
                remedy="Start the connector once.",
            )
        return found

    def texts(self, tx: Transaction, unwritten: Subject) -> list[tuple[Subject, str]]:
        """The layers in force with their text, lowest first; also one that has no document in force yet (without
        text)."""
        found = []
        for subject in self.subjects:
            active = tx.mapping_documents.active(subject.layer, subject.name)
            if active is not None or subject == unwritten:
                found.append((subject, "" if active is None else active.document))
        return found

    def compiled(self, documents: Sequence[MappingDocument]) -> CompiledMapping:
        """What the documents say together. Raises MappingError, whose problems name layer, line and column."""
        return load_layers(
            [Layer(f"{d.layer} {d.name}", d.document) for d in documents], name=self.connection
        )


class Stacks:
    """The mappings of all connections that have a flow."""

    def __init__(self, stacks: Iterable[Stack]) -> None:
        self._by_connection = {stack.connection: stack for stack in stacks}

    @classmethod
    def of(cls, config: Config) -> Self:
        """As the configuration says."""
        return cls(
            Stack(flow.connection, config.connections[flow.connection].company, flow.mapping)
            for flow in config.flows
        )

    def __iter__(self) -> Iterator[Stack]:
        return iter(self._by_connection.values())

    def get(self, connection: str) -> Stack:
        """The mapping of one connection. Raises Refused when no flow takes its invoices anywhere."""
        if connection not in self._by_connection:
            known = ", ".join(sorted(self._by_connection)) or "none"
            raise Refused(
                f"No flow takes the invoices of {connection!r} anywhere.",
                remedy=f"Connections with a flow: {known}.",
            )
        return self._by_connection[connection]

    def subjects(self) -> list[Subject]:
        """Every layer there can be, each once."""
        return sorted(
            {subject for stack in self._by_connection.values() for subject in stack.subjects}
        )

    def affected(self, subject: Subject) -> list[Stack]:
        """The mappings that a layer is part of. Raises Refused when there is none."""
        found = [s for s in self._by_connection.values() if subject in s.subjects]
        if not found:
            raise Refused(
                f"No flow uses {subject}.",
                remedy=f"There are: {', '.join(map(str, self.subjects()))}.",
            )
        return found


def mapping_error(connection: str, error: MappingError) -> Refused:
    """A document that cannot be used, as an error for people."""
    return Refused(f"The mapping of {connection!r} cannot be used:\n{error}")
