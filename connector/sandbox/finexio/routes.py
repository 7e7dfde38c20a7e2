"""The paths of the Finexio API, versions 1 and 2."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from connector.sandbox.control import reply
from connector.sandbox.finexio import render
from connector.sandbox.finexio.create import create_batch
from connector.sandbox.finexio.settings import FinexioSettings
from connector.sandbox.ledger import StoredObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import JsonObject

_FOREIGN_HOST = "http://localhost:8000"
_KINDS = {"invoices": "invoice", "counterparties": "counterparty", "payments": "payment"}


class InvalidQueryError(Exception):
    """A query parameter cannot be used; answered with 400."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.message = message


class FinexioApi:
    """Answers the calls. One page's answer is kept as long as nothing in the ledger changes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings: FinexioSettings = sandbox.settings
        self._pages: dict[tuple[object, ...], JsonObject] = {}
        self._pages_generation = -1

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
        generation = self.sandbox.ledger.generation
        if generation != self._pages_generation:
            self._pages, self._pages_generation = {}, generation
        body = self._pages.get(key)
        if body is None:
            built = self._page(version, collection, kind, page, keep)
            if built is None:
                return reply({"detail": "Invalid page."}, 404)
            body = self._pages[key] = built
        return reply(body)

    def _page(
        self,
        version: str,
        collection: str,
        kind: str,
        page: int,
        keep: Callable[[JsonObject], bool] | None,
    ) -> JsonObject | None:
        size, newest = self.settings.page_size, self.settings.newest_first
        first = (page - 1) * size
        ledger = self.sandbox.ledger
        with ledger.transaction():
            if keep is None:
                count = ledger.count(kind)
                found = ledger.select(kind, newest_first=newest, limit=size, offset=first)
            else:
                kept = [o for o in ledger.select(kind, newest_first=newest) if keep(o.body)]
                count, found = len(kept), kept[first : first + size]
        if first >= count and page > 1:
            return None
        base = _FOREIGN_HOST if self.settings.foreign_next_links else request.host_url.rstrip("/")
        others = {k: v for k, v in request.args.items() if k != "page"}

        def link(number: int) -> str:
            return f"{base}/{version}/{collection}/?{urlencode({**others, 'page': number})}"

        return {
            "count": count,
            "next": link(page + 1) if first + size < count else None,
            "previous": link(page - 1) if page > 1 else None,
            "results": [self.shown(stored, version) for stored in found],
        }

    def _authenticate(self) -> Response | None:
        if not request.path.startswith(("/v1/", "/v2/")):
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
    for parameter, (field, upper) in parameters.items():
        text = request.args.get(parameter)
        if text is None:
            continue
        bound = _instant(parameter, text)
        if upper:
            checks.append(lambda body, f=field, b=bound: _naive(body[f]) <= b)  # type: ignore[misc]
        else:
            checks.append(lambda body, f=field, b=bound: _naive(body[f]) >= b)  # type: ignore[misc]
    return checks


def _instant(parameter: str, text: str) -> datetime:
    try:
        return _naive(text)
    except ValueError as error:
        raise InvalidQueryError(parameter, "Enter a valid date/time.") from error


def _naive(value: Any) -> datetime:
    instant = datetime.fromisoformat(str(value))
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
