"""The paths of the Finexio API, versions 1 and 2."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from connector.sandbox.control import reply
from connector.sandbox.finexio import render
from connector.sandbox.finexio.create import create_batch
from connector.sandbox.finexio.history import history_of
from connector.sandbox.finexio.settings import FinexioSettings
from connector.sandbox.ledger import StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import JsonObject, to_json

_FOREIGN_HOST = "http://localhost:8000"
_KINDS = {"invoices": "invoice", "counterparties": "counterparty", "payments": "payment"}


class InvalidQueryError(Exception):
    """A query parameter cannot be used; answered with 400."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.message = message


@dataclass(slots=True)
class _Cache:
    """What was computed while the ledger had this generation."""

    generation: int
    pages: dict[tuple[object, ...], bytes] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)


class FinexioApi:
    """Answers the calls. A page's answer is kept as long as nothing in the ledger changes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings: FinexioSettings = sandbox.settings
        self._cache = _Cache(-1)

    def add_routes(self) -> None:
        """Add all paths to the platform's Flask app."""
        app = self.sandbox.app
        app.before_request(self._authenticate)
        app.register_error_handler(InvalidQueryError, _invalid_query)
        app.register_error_handler(HTTPException, _http_error)
        for version in ("v1", "v2"):
            for collection, kind in _KINDS.items():
                self._add_collection(version, collection, kind)
            app.add_url_rule(
                f"/{version}/counterparties/history",
                f"{version}-history",
                self._history_view(version),
            )
            app.add_url_rule(
                f"/{version}/invoices/batch/",
                f"{version}-batch",
                self._batch_view(version),
                methods=["POST"],
            )

    def _add_collection(self, version: str, collection: str, kind: str) -> None:
        app = self.sandbox.app

        def listing() -> Response:
            return self.listing(version, collection, kind)

        def single(object_id: str) -> Response:
            stored = self.sandbox.ledger.get(kind, object_id)
            if stored is None:
                return reply({"detail": "Not found."}, 404)
            return reply(self.shown(stored, version))

        app.add_url_rule(f"/{version}/{collection}/", f"{version}-{collection}", listing)
        app.add_url_rule(f"/{version}/{collection}/<object_id>/", f"{version}-{kind}", single)

    def _batch_view(self, version: str) -> Callable[[], Response]:
        def batch() -> Response:
            status, body = create_batch(self.sandbox, request.get_data())
            if status == 201:
                body = [self.shown(stored, version) for stored in body]
            return reply(body, status)

        return batch

    def _history_view(self, version: str) -> Callable[[], Response]:
        def history() -> Response:
            found = history_of(self.sandbox.ledger, request.args.get("object_id"))
            page, size = _page_number(request.args.get("page", "1")), self.settings.page_size
            part = found[(page - 1) * size : page * size]
            if not part and page > 1:
                return reply({"detail": "Invalid page."}, 404)
            link = f"{request.host_url}{version}/counterparties/history?page="
            following = f"{link}{page + 1}" if page * size < len(found) else None
            previous = f"{link}{page - 1}" if page > 1 else None
            return reply(
                {"count": len(found), "next": following, "previous": previous, "results": part}
            )

        return history

    def shown(self, stored: StoredObject, version: str) -> JsonObject:
        """A stored object as the version prints it."""
        if stored.kind == "invoice":
            return render.invoice(stored, version, self.settings.reveal_revision)
        if stored.kind == "counterparty":
            return render.counterparty(stored, version)
        return render.payment(stored, version)

    def listing(self, version: str, collection: str, kind: str) -> Response:
        """One page of a collection."""
        page = _page_number(request.args.get("page", "1"))
        keep = _filter(version, kind)
        key = (version, kind, request.host_url, request.query_string, repr(self.settings))
        cache = self._fresh_cache()
        answer = cache.pages.get(key)
        if answer is None:
            body = self._page(cache, version, collection, kind, page, keep)
            if body is None:
                return reply({"detail": "Invalid page."}, 404)
            answer = cache.pages[key] = to_json(body)
        return Response(answer, content_type="application/json")

    def _fresh_cache(self) -> _Cache:
        generation, cache = self.sandbox.ledger.generation, self._cache
        if cache.generation != generation:
            cache = self._cache = _Cache(generation)
        return cache

    def _page(
        self,
        cache: _Cache,
        version: str,
        collection: str,
        kind: str,
        page: int,
        keep: Callable[[JsonObject], bool] | None,
    ) -> JsonObject | None:
        size = self.settings.page_size
        first = (page - 1) * size
        ids = self._ids(cache, kind) if keep is None else self._kept_ids(kind, keep)
        if first >= len(ids) and page > 1:
            return None
        if self.settings.newest_first:
            ids = ids[::-1]
        base = _FOREIGN_HOST if self.settings.foreign_next_links else request.host_url.rstrip("/")
        others = {k: v for k, v in request.args.items() if k != "page"}

        def link(number: int) -> str:
            return f"{base}/{version}/{collection}/?{urlencode({**others, 'page': number})}"

        found = self.sandbox.ledger.get_many(kind, ids[first : first + size])
        return {
            "count": len(ids),
            "next": link(page + 1) if first + size < len(ids) else None,
            "previous": link(page - 1) if page > 1 else None,
            "results": [self.shown(stored, version) for stored in found],
        }

    def _ids(self, cache: _Cache, kind: str) -> list[str]:
        if kind not in cache.ids:
            cache.ids[kind] = self.sandbox.ledger.ids(kind)
        return cache.ids[kind]

    def _kept_ids(self, kind: str, keep: Callable[[JsonObject], bool]) -> list[str]:
        return [stored.id for stored in self.sandbox.ledger.select(kind) if keep(stored.body)]

    def _authenticate(self) -> Response | None:
        if not request.path.startswith(("/v1/", "/v2/", "/webhooks/")):
            return None
        given = request.authorization
        user = (given.username or "") if given is not None and given.type == "basic" else ""
        password = (given.password or "") if given is not None and given.type == "basic" else ""
        right = hmac.compare_digest(user.encode(), self.settings.username.encode())
        right &= hmac.compare_digest(password.encode(), self.settings.password.encode())
        return None if right else reply({"detail": "Invalid username/password."}, 403)


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, RequestRedirect):
        return Response(status=301, headers={"Location": error.new_url})
    return reply({"detail": f"{error.name}."}, error.code or 500)


def _invalid_query(error: InvalidQueryError) -> Response:
    return reply({error.parameter: [error.message]}, 400)


def _page_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        # Django's wording for a page that is no number is the same as for one past the end.
        return 10**9
    return int(text)


def _filter(version: str, kind: str) -> Callable[[JsonObject], bool] | None:
    """The filter the query asks for, None for none. Unknown parameters are ignored, as Django does."""
    if kind == "counterparty":
        checks = _equal(("name", "type", "internal_id"))
        checks += _bounds({"updated_after": ("updated", False)}) if version == "v2" else []
    elif kind == "payment":
        checks = _equal(("tracking_id",))
        if version == "v2":
            checks += _equal(("status",))
            checks += _bounds(
                {
                    "created_start": ("created", False),
                    "created_end": ("created", True),
                    "updated_start": ("updated", False),
                    "updated_end": ("updated", True),
                }
            )
            refunded = request.args.get("refunded")
            if refunded is not None:
                checks.append(lambda body: bool(body["refunded"]) == (refunded.lower() == "true"))
    else:
        return None
    return (lambda body: all(check(body) for check in checks)) if checks else None


def _equal(names: tuple[str, ...]) -> list[Callable[[JsonObject], bool]]:
    wanted = {name: request.args[name] for name in names if name in request.args}
    return [lambda body, n=n, v=v: body.get(n) == v for n, v in wanted.items()]  # type: ignore[misc]


def _bounds(parameters: dict[str, tuple[str, bool]]) -> list[Callable[[JsonObject], bool]]:
    checks: list[Callable[[JsonObject], bool]] = []
    for parameter, (name, upper) in parameters.items():
        text = request.args.get(parameter)
        if text is None:
            continue
        bound = _instant(parameter, text)
        if upper:
            checks.append(lambda body, f=name, b=bound: _naive(body[f]) <= b)  # type: ignore[misc]
        else:
            checks.append(lambda body, f=name, b=bound: _naive(body[f]) >= b)  # type: ignore[misc]
    return checks


def _instant(parameter: str, text: str) -> datetime:
    try:
        return _naive(text)
    except ValueError as error:
        raise InvalidQueryError(parameter, "Enter a valid date/time.") from error


def _naive(value: Any) -> datetime:
    instant = datetime.fromisoformat(str(value))
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
