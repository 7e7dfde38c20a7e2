"""The requests: the key, the base path, whole lists by offset and limit, refusals by their code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from connector import strict_json
from connector.errors import Refused
from connector.financier_answers import Misshapen, an_object, objects_of, read_reply, text_or_none
from connector.transport import AdapterContext, Reply, Transport, reveal, transport_settings
from connector.transport.redaction import platform_words

BASE = "/api/platform/v2"
PAGE_SIZE = 100
MOST_PAGES = 1000

_READ = TypeVar("_READ")


class KanmonClient:
    """Sends the requests of one key. Raises as the transport does."""

    def __init__(self, settings: Mapping[str, Any], context: AdapterContext) -> None:
        # A bad key is answered with 403; 401 is declared nowhere.
        self._transport = context.transport(
            transport_settings(settings), _ApiKey(reveal(settings["api_key"]))
        )

    def get(self, path: str, query: Collection[tuple[str, str]] = ()) -> Reply:
        """One GET below the base path."""
        return self._transport.get(f"{BASE}{path}", query)

    def post(
        self, path: str, body: Mapping[str, Any], *, returned_statuses: Collection[int] = ()
    ) -> Reply:
        """One POST below the base path, sent once."""
        return self._transport.request(
            "POST",
            f"{BASE}{path}",
            safe=False,
            body=strict_json.write(body),
            returned_statuses=returned_statuses,
        )

    def refusal(self, reply: Reply) -> Refused:
        """The error of a refused request, with the platform's words."""
        words = self._transport.redactor.clean(platform_words(reply.body))
        code = self._transport.redactor.clean(error_code(reply) or f"HTTP {reply.status}")
        return Refused(f"{reply.what} was refused, {code}: {words}", http_status=reply.status)

    def walk(
        self,
        path: str,
        collection: str | None,
        query: Collection[tuple[str, str]],
        read: Callable[[Any], _READ],
    ) -> list[_READ]:
        """A whole list, by offset and limit. `collection` None takes the only list of the answer.

        Raises ContractDrift when the list ends before the number of entries that it tells.
        """

        def page(value: Any) -> tuple[list[_READ], int | None]:
            entries, total = _page(value, collection)
            return [read(entry) for entry in entries], total

        found: list[_READ] = []
        for _ in range(MOST_PAGES):
            place = [("offset", str(len(found))), ("limit", str(PAGE_SIZE))]
            reply = self.get(path, [*query, *place])
            entries, total = read_reply(reply, page)
            found += entries
            if total is not None and len(found) >= total:
                return found
            if not entries and total is not None:
                raise reply.misshapen("the list ends before the number of entries that it tells.")
            if total is None and len(entries) < PAGE_SIZE:
                return found
        raise reply.misshapen(f"the list has more than {MOST_PAGES} pages.")

    def close(self) -> None:
        """Give back connections."""
        self._transport.close()


class _ApiKey:
    """`Authorization: ApiKey KEY`. Fulfils `connector.transport.Authorization`."""

    def __init__(self, key: str) -> None:
        self._key = key

    def header(self, _transport: Transport, /) -> str:
        return f"ApiKey {self._key}"

    def renew(self, _transport: Transport, _rejected: str, /) -> bool:
        return False

    def secrets(self) -> Iterator[str]:
        yield self._key


def error_code(reply: Reply) -> str | None:
    """The name of the exception that a refusal tells: the same code comes under different HTTP statuses."""
    try:
        body = strict_json.loads_object(reply.body)
    except strict_json.JsonRefused:
        return None
    return text_or_none(body.get("errorCode"))


def _page(value: Any, collection: str | None) -> tuple[list[Mapping[str, Any]], int | None]:
    """The entries of a page and how many there are in all, where it tells."""
    page = an_object(value, "list")
    if collection is None:
        lists = [name for name, part in page.items() if isinstance(part, list)]
        if len(lists) != 1:
            raise Misshapen("the answer does not hold one list")
        collection = lists[0]
    pagination = page.get("pagination")
    total = pagination.get("totalCount") if isinstance(pagination, Mapping) else None
    return objects_of(page, collection), total if type(total) is int else None
