"""Lists of the Monite API: filters such as `created_at__gte`, order, and pages by a token."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connector.sandbox.ledger import StoredObject
from connector.sandbox.monite.refusal import InvalidError
from connector.sandbox.monite.world import World, is_uuid
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json

Query = dict[str, list[str]]
_PAGING = ("limit", "order", "sort", "pagination_token")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: bool(a > b),
    "lt": lambda a, b: bool(a < b),
    "gte": lambda a, b: bool(a >= b),
    "lte": lambda a, b: bool(a <= b),
    "contains": lambda a, b: b in a,
    "icontains": lambda a, b: b.lower() in a.lower(),
    "iexact": lambda a, b: a.lower() == b.lower(),
}
TIMES = "gt lt gte lte"
NUMBERS = "is gt lt gte lte"
TEXTS = "is contains icontains"


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter: the field it looks at, `is`, `in` or a comparison, and how its text is read."""

    field: str
    operator: str
    kind: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the API over the objects of a ledger kind."""

    kind: str
    filters: Mapping[str, Filter]
    sorts: tuple[str, ...]
    default_sort: str = "created_at"
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Sort names that stand for another field."""
    longest: int = 100
    repeats_limit: bool = False
    """The limit is not remembered by the token and must be repeated."""


def filters(**spec: tuple[str, str]) -> dict[str, Filter]:
    """Filters by the parameter's name, from field=(kind, "operators"); a dot in a name is written `__dot__`."""
    made = {}
    for name, (kind, operators) in spec.items():
        field = name.replace("__dot__", ".")
        for operator in operators.split():
            parameter = field if operator == "is" else f"{field}__{operator}"
            made[parameter] = Filter(field, operator, kind)
    return made


def entity_page(world: World, listing: Listing, query: Query, entity_id: str) -> JsonObject:
    """One page of what is an entity's. What was selected is kept as long as nothing in the ledger changes."""

    def keep(body: JsonObject) -> bool:
        return bool(body["_entity"] == entity_id)

    return page(world, listing, query, keep, kept_for=entity_id)


def page(
    world: World,
    listing: Listing,
    query: Query,
    keep: Callable[[JsonObject], bool],
    *,
    objects: list[StoredObject] | None = None,
    kept_for: str | None = None,
) -> JsonObject:
    """One page: `data` (bodies as shown) and the tokens of its neighbours. Raises InvalidError.

    `objects` are all there are; None takes those of the listing's kind. The selection is kept under `kept_for`.
    """
    limit = _limit(world, listing, query)
    token = query.get("pagination_token")
    place: JsonObject | None = None
    if token:
        place = _read_token(world, listing, token[0])
        query = place["query"]
        limit = limit if listing.repeats_limit else place["limit"]
    sort = _one_of(query, "sort", listing.sorts) or listing.default_sort
    sort = listing.aliases.get(sort, sort)
    descending = _one_of(query, "order", ("asc", "desc")) == "desc"
    checks = _checks(listing, query)

    def select() -> Selection:
        everything = world.all(listing.kind) if objects is None else objects
        found = [s for s in everything if keep(s.body) and all(check(s.body) for check in checks)]
        return Selection(found, sort)

    filters_used = {n: v for n, v in query.items() if n in listing.filters}
    name = f"{listing.kind} {kept_for} {sort} {to_json(filters_used).decode()}"
    selection = select() if kept_for is None else world.kept(name, select)
    shown, earlier, later = selection.window(place, limit, descending=descending)

    def link(stored: StoredObject | None, forward: bool) -> str | None:
        if stored is None:
            return None
        return _token(world, listing, query, limit, sort, stored, forward=forward)

    tokens = {
        "next_pagination_token": link(shown[-1] if shown and later else None, True),
        "prev_pagination_token": link(shown[0] if shown and earlier else None, False),
    }
    data = [world.shown(stored.body) for stored in shown]
    return {"data": data, **world.shown(tokens)}


class Selection:
    """What a query finds, in ascending order."""

    def __init__(self, found: list[StoredObject], sort: str) -> None:
        self._objects = sorted(found, key=lambda stored: _key(stored, sort))
        self._keys = [_key(stored, sort) for stored in self._objects]

    def window(
        self, place: JsonObject | None, limit: int, *, descending: bool
    ) -> tuple[list[StoredObject], bool, bool]:
        """(one page, whether something comes before it, whether something comes after it)."""
        size = len(self._keys)
        start, end = 0, limit
        if place is not None:
            at = (place["rank"], place["value"], place["position"])
            before, upto = bisect_left(self._keys, at), bisect_right(self._keys, at)
            if descending:
                before, upto = size - upto, size - before
            start, end = (
                (upto, upto + limit) if place["forward"] else (max(before - limit, 0), before)
            )
        end = min(end, size)
        if descending:
            shown = self._objects[size - end : size - start][::-1]
        else:
            shown = self._objects[start:end]
        return shown, start > 0, end < size


def _limit(world: World, listing: Listing, query: Query) -> int:
    text = query.get("limit", ["100"])[0]
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= listing.longest:
        raise InvalidError(
            ("query", "limit"),
            f"ensure this value is a number from 1 to {listing.longest}",
            "value_error.number",
            world.settings.bad_limit_status,
        )
    return int(text)


def _key(stored: StoredObject, sort: str) -> tuple[int, Any, int]:
    """Empty values come first; equal ones in order of creation."""
    value = field_of(stored.body, sort)
    return (0, "", stored.position) if value is None else (1, value, stored.position)


def _token(
    world: World,
    listing: Listing,
    query: Query,
    limit: int,
    sort: str,
    stored: StoredObject,
    *,
    forward: bool,
) -> str:
    rank, value, position = _key(stored, sort)
    remembered = {name: values for name, values in query.items() if name != "pagination_token"}
    content = {
        "kind": listing.kind,
        "query": remembered,
        "limit": limit,
        "rank": rank,
        "value": value,
        "position": position,
        "forward": forward,
        "at": world.now().isoformat(),
    }
    return base64.urlsafe_b64encode(to_json(content)).decode().rstrip("=")


def _read_token(world: World, listing: Listing, token: str) -> JsonObject:
    try:
        content = from_json(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        issued = datetime.fromisoformat(content["at"])
        right = content["kind"] == listing.kind and type(content["position"]) is int
        right &= {"query", "limit", "rank", "value", "forward"} <= set(content)
    except (binascii.Error, NotJsonError, KeyError, TypeError, ValueError) as error:
        raise InvalidError(("query", "pagination_token"), "invalid pagination token") from error
    life = world.settings.pagination_token_life_seconds
    ended = life is not None and world.now() >= issued + timedelta(seconds=life)
    if not right or ended:
        raise InvalidError(("query", "pagination_token"), "invalid pagination token")
    return dict(content)


def _one_of(query: Query, name: str, allowed: tuple[str, ...]) -> str | None:
    if name not in query:
        return None
    value = query[name][0]
    if value not in allowed:
        raise InvalidError(
            ("query", name), "value is not a valid enumeration member", "type_error.enum"
        )
    return value


def _checks(listing: Listing, query: Query) -> list[Callable[[JsonObject], bool]]:
    """Unknown parameters are ignored."""
    return [
        _check(
            listing.filters[name], [_read(name, listing.filters[name].kind, text) for text in texts]
        )
        for name, texts in query.items()
        if name not in _PAGING and name in listing.filters
    ]


def _check(rule: Filter, wanted: list[Any]) -> Callable[[JsonObject], bool]:
    def check(body: JsonObject) -> bool:
        value = field_of(body, rule.field)
        if rule.kind == "bool":
            return bool(bool(value) == wanted[0])
        if value is None:
            return False
        if rule.kind in ("instant", "date"):
            value = _moment(str(value))
        if rule.operator in ("is", "in"):
            return bool(value in wanted if rule.operator == "in" else value == wanted[0])
        return _COMPARISONS[rule.operator](value, wanted[0])

    return check


def _read(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "number":
            return int(text)
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind in ("instant", "date"):
            return _moment(text)
        if kind == "uuid" and not is_uuid(text):
            raise ValueError(text)
    except (ValueError, KeyError, OverflowError) as error:
        raise InvalidError(
            ("query", name), f"value is not a valid {kind}", f"type_error.{kind}"
        ) from error
    return text


def _moment(text: str) -> datetime:
    if len(text) == 10:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def field_of(body: JsonObject, path: str) -> Any:
    """The value at a dotted path, None where there is none; `_name` stands in for a value that is not shown."""
    value: Any = body
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part, value.get(f"_{part}"))
    return value


def query_of(pairs: Iterable[tuple[str, Iterable[Any]]]) -> Query:
    """A query from names and their values."""
    return {name: [str(value) for value in values] for name, values in pairs}
