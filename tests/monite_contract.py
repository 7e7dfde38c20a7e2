"""Requests and answers of the Monite API against the vendor's own OpenAPI document (version 2024-05-25).

Three ways to use it:

    with checked(sandbox) as contract:            # before the sandbox is served, in this process
        with serve(sandbox) as url: ...           # leaving the block raises ContractError for any violation

    with checking_proxy(base_url) as (url, contract):   # in front of any server, also another process
        ...

    contract = Contract(); contract.check_webhook(body)  # one by one

A request is checked for its path, method, query (names too: the document's own check would let a misspelt name pass),
headers, security and body; an answer for its status, media type and body. Types are strict: a number with a fraction or
exponent is no integer (`12.0` neither), text is no number, and a field the document does not name is refused.

What the vendor's document says against itself, or against the vendor's pages, is tolerated by name (`TOLERATED`) and
counted in `Contract.tolerated`:

    null_for_optional     (counted for each answer with a null) the document types optional fields of most answers without null; the pages say that a field or
                          page token without a value is null or absent.
    status_of_all_calls   an operation lists only some of the errors that every call can answer: 400, 401, 403, 404, 409,
                          429 on the pages, 405 and 500 in the document. Their body is the error body all the same.
    earlier_version       the document wants the version header as a date and shows its own version; the version
                          2024-01-31 of other pages goes through the same document.

    closed_union          ReceivableUpdatePayload is one of four objects and at the same time has no property at all (its
                          `additionalProperties: false` stands beside the union), so that nothing would fit; the
                          four objects count. Part of reading the document, not counted.
    older_event           a webhook's body has `object_id` in place of `object`, as the older guides have it.

Further contradictions that need no tolerance here: the text of `limit` says 0 to 100, its schema 1 to 100 (the schema
counts); `amount_paid` of a partial payment may be 0 by its schema and not by the pages; lists of payment records and
financing invoices name no error but 405, 422 and 500; events are `payable.line_item` here and `payable_line_item` on the
pages.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

import waitress.server
import waitress.wasyncore
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockResponse
from werkzeug import Request

from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import to_json
from tests.monite_document import (
    EVENT,
    EXACT,
    TOLERANT,
    answer_checks,
    document,
    exact_json,
    operation_of,
    request_checks,
    webhook_checks,
)

TOLERATED = (
    "null_for_optional",
    "status_of_all_calls",
    "earlier_version",
    "closed_union",
    "older_event",
)
_API = "/v1/"
_PASSED: set[bytes] = set()
_PORT = re.compile(rb"(?<=http://127\.0\.0\.1):[0-9]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OWN_VERSION = "2024-05-25"
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ContractError(AssertionError):
    """Something that passed is not as the vendor's document wants it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What was wrong: `part` is `request`, `answer` or `webhook`."""

    part: str
    call: str
    message: str


class Contract:
    """Collects violations; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.violations: list[Violation] = []
        self.tolerated: Counter[str] = Counter()
        self.requests = 0
        """How many requests were checked."""
        self.answers = 0
        """How many answers were checked."""

    def verify(self) -> None:
        """Raises ContractError where anything was wrong."""
        if self.violations:
            shown = [f"{v.part} of {v.call}: {v.message}" for v in self.violations[:10]]
            raise ContractError(f"{len(self.violations)} violations:\n" + "\n".join(shown))

    def requests_only(self, app: WsgiApp) -> WsgiApp:
        """The application, with every request to the API checked before it comes there."""
        return self._wrapped(app, requests=True, answers=False)

    def answers_only(self, app: WsgiApp) -> WsgiApp:
        """The application, with every answer of the API checked before it goes out."""
        return self._wrapped(app, requests=False, answers=True)

    def both(self, app: WsgiApp) -> WsgiApp:
        """The application with both checked."""
        return self._wrapped(app, requests=True, answers=True)

    def check_request(self, environ: dict[str, Any], body: bytes) -> None:
        """Check one request of the API."""
        request = _request(environ, body)
        with self._lock:
            self.requests += 1
        if request.parameters.header.get("x-monite-version") not in (None, _OWN_VERSION):
            self._tolerate("earlier_version")
        try:
            request_checks().validate_request(request)
        except OpenAPIError as error:
            self._note("request", _call(environ), _told(error))
        for name in _unknown_names(environ, request):
            self._note("request", _call(environ), f"unknown query parameter {name!r}")

    def check_answer(
        self, environ: dict[str, Any], status: int, headers: dict[str, str], body: bytes
    ) -> None:
        """Check one answer of the API. What was found right before, in the same place, is not looked at again."""
        with self._lock:
            self.answers += 1
        kind = headers.get("content-type", "application/json")
        place = f"{environ['REQUEST_METHOD']} {_template(environ)} {status} {kind}"
        unseen = _unseen(place, body)
        if unseen is None:
            return
        content, keys = unseen
        response = MockResponse(content, status_code=status, headers=headers, content_type=kind)
        tolerated = _needed_tolerance(environ, status, content)
        checks = answer_checks(EXACT if tolerated is None else TOLERANT)
        try:
            checks.validate_response(_request(environ, b""), response)
        except OpenAPIError as error:
            self._note("answer", f"{_call(environ)} ({status})", _told(error))
            return
        if tolerated is not None:
            self._tolerate(tolerated)
        _PASSED.update(keys)

    def check_webhook(self, body: bytes) -> None:
        """Check one webhook delivery's body."""
        try:
            event = exact_json(body)
        except ValueError as error:
            self._note("webhook", "delivery", str(error))
            return
        validator = webhook_checks()
        for found in validator.iter_errors(event):
            self._note("webhook", "delivery", found.message)
        known = {*document()["components"]["schemas"][EVENT]["properties"], "object_id"}
        unknown = sorted(set(event) - known) if isinstance(event, dict) else []
        if unknown:
            self._note("webhook", "delivery", f"unknown fields {', '.join(unknown)}")
        elif "object_id" in event:
            self._tolerate("older_event")

    def _wrapped(self, app: WsgiApp, *, requests: bool, answers: bool) -> WsgiApp:
        def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not environ.get("PATH_INFO", "").startswith(_API):
                return app(environ, start_response)
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ = {**environ, "wsgi.input": io.BytesIO(body)}
            if requests:
                self.check_request(environ, body)
            if not answers:
                return app({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
            started: list[tuple[str, list[tuple[str, str]]]] = []
            pieces = app(
                {**environ, "wsgi.input": io.BytesIO(body)},
                lambda status, headers, _error=None: started.append((status, headers)),
            )
            answer = b"".join(pieces)
            status, headers = started[-1]
            named = {name.lower(): value for name, value in headers}
            self.check_answer(environ, int(status[:3]), named, answer)
            start_response(status, headers)
            return [answer]

        return wrapped

    def _note(self, part: str, call: str, message: str) -> None:
        with self._lock:
            self.violations.append(Violation(part, call, message))

    def _tolerate(self, name: str) -> None:
        with self._lock:
            self.tolerated[name] += 1


@contextmanager
def checked(sandbox: Sandbox, *, requests: bool = True, answers: bool = True) -> Iterator[Contract]:
    """Check what passes through a sandbox of this process; enter it before the sandbox is served.

    Requests are checked as they arrive, also those a fault disturbs; answers as the platform gave them, before a
    fault spoils them. Leaving the block without another error raises ContractError for any violation. Put
    `requests=False` where a test sends wrong requests on purpose.
    """
    contract = Contract()
    outer, inner = sandbox.wsgi, sandbox.app.wsgi_app
    if requests:
        setattr(sandbox, "wsgi", contract.requests_only(outer))  # noqa: B010 - a method is replaced
    if answers:
        setattr(sandbox.app, "wsgi_app", contract.answers_only(inner))  # noqa: B010 - as above
    try:
        yield contract
    finally:
        setattr(sandbox.app, "wsgi_app", inner)  # noqa: B010 - as above
    contract.verify()


@contextmanager
def checking_proxy(
    upstream: str, *, requests: bool = True, answers: bool = False
) -> Iterator[tuple[str, Contract]]:
    """(base URL, contract): a server that checks and passes on to `upstream` (scheme, host, port; no path).

    For a platform that runs as a process of its own. Answers are not checked unless asked for: a fault may have
    spoilt them. Where the upstream cuts the connection, so does the proxy (the client sees status 502 and no body).
    Leaving the block without another error raises ContractError for any violation.
    """
    contract = Contract()
    app = contract._wrapped(_forwarder(upstream), requests=requests, answers=answers)
    server = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=8, ident=None)
    thread = Thread(target=server.run, name="contract-proxy", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}", contract
    finally:
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        server.trigger.pull_trigger(lambda: waitress.wasyncore.close_all(server._map))
        thread.join(timeout=10)
    contract.verify()


def _forwarder(upstream: str) -> WsgiApp:
    place = urlsplit(upstream).netloc

    def forward(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        connection = http.client.HTTPConnection(place, timeout=60)
        path = request.path + (f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else "")
        # The host stays the proxy's, so that links in answers lead through it as well.
        headers = dict(request.headers.items())
        try:
            connection.request(request.method, path, request.get_data(), headers)
            answer = connection.getresponse()
            body, status = answer.read(), f"{answer.status} {answer.reason}"
            sent = [(n, v) for n, v in answer.getheaders() if n.lower() not in _HOP_BY_HOP]
        except (OSError, http.client.HTTPException):
            status, sent, body = "502 Bad Gateway", [], b""
        finally:
            connection.close()
        start_response(status, [*sent, ("Content-Length", str(len(body)))])
        return [body]

    return forward


_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")


def _request(environ: dict[str, Any], body: bytes) -> WerkzeugOpenAPIRequest:
    length = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return WerkzeugOpenAPIRequest(Request({**environ, **length}))


def _call(environ: dict[str, Any]) -> str:
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"


def _told(error: BaseException) -> str:
    """The error and what it comes from, down to the place in the schema."""
    parts = [str(error)]
    cause = error.__cause__ or error.__context__
    for inner in getattr(cause, "schema_errors", None) or getattr(error, "schema_errors", []):
        parts.append(f"{'.'.join(map(str, inner.absolute_path))}: {inner.message[:200]}")
        parts += [
            f"  {'.'.join(map(str, c.absolute_path))}: {c.message[:160]}" for c in inner.context[:8]
        ]
    if cause is not None and len(parts) == 1:
        parts.append(str(cause))
    return " | ".join(parts)


def _unseen(place: str, body: bytes) -> tuple[bytes, set[bytes]] | None:
    """(the body without the list entries that were found right in this place, their keys); None for nothing new.

    The port of the sandbox, which stands in links, makes no difference.
    """

    def key(content: bytes) -> bytes:
        return hashlib.sha256(place.encode() + _PORT.sub(b"", content)).digest()

    whole = key(body)
    if whole in _PASSED:
        return None
    try:
        parsed = exact_json(body)
    except ValueError:
        return body, {whole}
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list):
        return body, {whole}
    entries = [(key(to_json(entry)), entry) for entry in parsed["data"]]
    new = [(known, entry) for known, entry in entries if known not in _PASSED]
    shortened = to_json({**parsed, "data": [entry for _, entry in new]})
    return shortened, {whole, *(known for known, _ in new)}


def _needed_tolerance(environ: dict[str, Any], status: int, content: bytes) -> str | None:
    operation = operation_of(environ["REQUEST_METHOD"], environ["PATH_INFO"])
    if operation is not None and str(status) not in operation["responses"]:
        return "status_of_all_calls"
    return "null_for_optional" if b":null" in content.replace(b": ", b":") else None


def _template(environ: dict[str, Any]) -> str:
    """The path without its identifiers: calls that differ in nothing else answer alike."""
    return _UUID.sub("ID", environ["PATH_INFO"])


def _unknown_names(environ: dict[str, Any], request: WerkzeugOpenAPIRequest) -> list[str]:
    operation = operation_of(environ["REQUEST_METHOD"], environ["PATH_INFO"])
    if operation is None:
        return []
    known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    return sorted({str(name) for name in request.parameters.query} - known)
