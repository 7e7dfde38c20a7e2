"""Monite's API, one call at a time: the headers it wants, lists by pagination tokens.

With a token, a list takes every parameter from its first call, but for `limit` on receivables: so `limit` is always
sent again. A page may be empty and have a next one. How long a token lives is not documented: a walk that is refused
half-way begins anew with the next pull.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector import strict_json
from connector.errors import ContractDrift, NotFound
from connector.monite_access import entity_headers, is_identifier, version_header
from connector.transport import Reply, Transport, segment

Row = dict[str, Any]
Params = Sequence[tuple[str, str]]

IDS_PER_REQUEST = 50
"""How many identifiers one list request names: each takes some 45 bytes of the address."""


class MoniteClient:
    """One entity. `as_partner` is the transport with the partner's own token, which subscriptions ask for."""

    def __init__(
        self, transport: Transport, as_partner: Transport, version: str, entity_id: str
    ) -> None:
        self.transport = transport
        self.entity_id = entity_id
        self._as_partner = as_partner
        self._headers = version_header(version)
        self._entity_headers = entity_headers(version, entity_id)

    def row(self, path: str) -> Row:
        """One object that belongs to the entity."""
        return object_of(self.transport.get(path, headers=self._entity_headers))

    def row_beside(self, path: str) -> Row:
        """One object at a path that takes no entity header (`/entities`)."""
        return object_of(self.transport.get(path, headers=self._headers))

    def pages(self, path: str, params: Params, limit: int) -> Iterator[list[Row]]:
        """A list of the entity, page by page. Raises ContractDrift for a page of another shape, or a walk without end."""
        yield from self._pages(self.transport, self._entity_headers, path, params, limit)

    def by_ids(self, path: str, ids: Sequence[str]) -> Iterator[list[Row]]:
        """The objects of a list that are named; those that are gone are not among them."""
        for start in range(0, len(ids), IDS_PER_REQUEST):
            named = [("id__in", one) for one in ids[start : start + IDS_PER_REQUEST]]
            yield from self.pages(path, named, IDS_PER_REQUEST)

    def change(self, method: str, path: str, body: Mapping[str, Any] | None) -> Row:
        """Change something of the entity and read the answer. Raises OutcomeUnknown too."""
        return object_of(self._sent(self.transport, self._entity_headers, method, path, body))

    def partner_pages(self, path: str) -> Iterator[list[Row]]:
        """A list of the partner, page by page."""
        yield from self._pages(self._as_partner, self._headers, path, (), 100)

    def partner_change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Row:
        """Change something of the partner. An answer without a body (204) is an empty row."""
        reply = self._sent(self._as_partner, self._headers, method, path, body)
        return object_of(reply) if reply.body.strip() else {}

    def close(self) -> None:
        """Give back connections."""
        self.transport.close()
        self._as_partner.close()

    def _sent(
        self,
        transport: Transport,
        headers: Mapping[str, str],
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> Reply:
        written = None if body is None else strict_json.write(body)
        return transport.request(method, path, safe=False, body=written, headers=headers)

    def _pages(
        self,
        transport: Transport,
        headers: Mapping[str, str],
        path: str,
        params: Params,
        limit: int,
    ) -> Iterator[list[Row]]:
        size = ("limit", str(limit))
        asked: list[tuple[str, str]] = [*params, size]
        tokens: set[str] = set()
        while True:
            reply = transport.get(path, asked, headers=headers)
            rows, token = _page(reply)
            yield rows
            if token is None:
                return
            if token in tokens:
                raise reply.misshapen("a pagination token came twice, so the walk would never end.")
            tokens.add(token)
            asked = [("pagination_token", token), size]


def object_of(reply: Reply) -> Row:
    """The JSON object of an answer."""
    answer = reply.json()
    if not isinstance(answer, dict):
        raise reply.misshapen("no JSON object came.")
    return answer


def identifier_of(row: Row, what: str) -> str:
    """The row's own identifier. Raises ContractDrift."""
    found = row.get("id")
    if not is_identifier(found):
        raise ContractDrift(f"{what} of Monite came without a usable `id`.")
    return str(found)


def path_of(collection: str, identifier: str) -> str:
    """`/payables/ID`. Raises NotFound for what cannot be an identifier: it is not asked for."""
    if not is_identifier(identifier):
        raise NotFound("What is asked for has no identifier of Monite's form.")
    return f"{collection}/{segment(identifier)}"


def _page(reply: Reply) -> tuple[list[Row], str | None]:
    answer = object_of(reply)
    rows, token = answer.get("data"), answer.get("next_pagination_token")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise reply.misshapen("`data` is not a list of objects.")
    if token is not None and not isinstance(token, str):
        raise reply.misshapen("`next_pagination_token` is no text.")
    return rows, token or None
