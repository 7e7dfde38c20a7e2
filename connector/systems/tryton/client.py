"""Tryton's JSON-RPC, one call at a time, with each ending as one of our errors. Source: trytond 8.0, read and measured.

A call is `POST /DATABASE/rpc/` with exactly the keys id, method and params: with one more, the server answers in
another form. Its refusals come as HTTP 200 with an `error`; its outages as HTML pages with 404, 500 or 503.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import count
from threading import Lock
from typing import Any, NoReturn

from connector import strict_json
from connector.errors import (
    ConnectorError,
    ContractDrift,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    Refused,
    Unavailable,
)
from connector.systems.tryton.wire import WireRefused, decode
from connector.transport import Reply, Transport, segment

Row = dict[str, Any]
Domain = list[Any]

_UNKNOWN_NAME = re.compile(r"'[\w.]+'")
_CREDENTIALS = "Check `username` and `password`, and that the user is active."


class SessionAuthorization:
    """A session of Tryton's own, begun by `common.db.login` and begun anew when the server has ended it."""

    def __init__(self, database: str, username: str, password: str) -> None:
        self._database = database
        self._username = username
        self._password = password
        self._lock = Lock()
        self._header: str | None = None

    def header(self, transport: Transport) -> str:
        with self._lock:
            if self._header is None:
                self._header = self._login(transport)
            return self._header

    def renew(self, transport: Transport, rejected: str) -> bool:
        with self._lock:
            # Another thread may have begun a new session while this one waited.
            if self._header == rejected:
                self._header = None
        return True

    def secrets(self) -> Iterable[str]:
        return (self._password,)

    def _login(self, transport: Transport) -> str:
        params = [self._username, {"password": self._password}, "en"]
        # A session that nobody uses is no effect, so a login may be tried again.
        try:
            result, _ = exchange(
                transport, self._database, "common.db.login", params, safe=True, authorized=False
            )
        except ReconnectRequired:
            raise ReconnectRequired(
                f"{transport.name}: Tryton refused the user name or the password.",
                remedy=_CREDENTIALS,
            ) from None
        # 8.0 gives three elements, 7.0 two.
        if not (
            isinstance(result, list)
            and len(result) >= 2
            and isinstance(result[0], int)
            and isinstance(result[1], str)
        ):
            raise ContractDrift(f"{transport.name}: the login was answered without a session.")
        transport.redactor.learn(result[1])
        session = f"{self._username}:{result[0]}:{result[1]}".encode()
        encoded = base64.b64encode(session).decode("ascii")
        transport.redactor.learn(encoded)
        return f"Session {encoded}"


_IDS = count(1)


def exchange(
    transport: Transport,
    database: str,
    method: str,
    params: Sequence[Any],
    *,
    safe: bool,
    authorized: bool = True,
) -> tuple[Any, Reply]:
    """Make one call and give its decoded result. `safe` says that the call has no effect at the server.

    Raises ReconnectRequired, RateLimited, Unavailable, Refused, ContractDrift and, unless `safe`, OutcomeUnknown.
    """
    path = f"/{segment(database)}/rpc/" if database else "/rpc/"
    body = strict_json.write({"id": next(_IDS), "method": method, "params": list(params)})
    what = f"{transport.name}: {method}"
    try:
        reply = transport.request("POST", path, safe=safe, body=body, authorized=authorized)
    except NotFound as error:
        # While its database is away a server answers 404, also to a login: nothing is gone.
        raise _unclear(f"{what} was answered with HTTP 404.", safe=safe) from error
    except Refused as error:
        if error.http_status == 405:
            raise Refused(
                f"{what} was answered with HTTP 405: this server is older than Tryton 8.0.",
                http_status=405,
                remedy="Connect Tryton 8.0 or later.",
            ) from None
        raise
    answer = reply.json()
    if not isinstance(answer, dict) or ("result" in answer) == ("error" in answer):
        raise reply.misshapen("an answer has either a result or an error.")
    if "error" in answer:
        _raise_error(what, answer["error"], transport, safe=safe)
    try:
        return decode(answer["result"]), reply
    except WireRefused as error:
        raise reply.misshapen(f"{error}.") from None


def _unclear(sentence: str, *, safe: bool) -> ConnectorError:
    return Unavailable(sentence) if safe else OutcomeUnknown(sentence)


def _raise_error(what: str, error: object, transport: Transport, *, safe: bool) -> NoReturn:
    """`error` is [class, arguments], or [text, traceback] for a failure nobody foresaw."""
    parts = error if isinstance(error, list) and error else [str(error)]
    kind = str(parts[0])
    arguments = parts[1] if len(parts) > 1 and isinstance(parts[1], list) else parts[1:]
    told = " ".join(str(part) for part in arguments if isinstance(part, str) and part)
    words = transport.redactor.clean(told or kind)
    if kind == "LoginException":
        raise ReconnectRequired(f"{what} asked for credentials.", remedy=_CREDENTIALS)
    if kind == "RateLimitException":
        raise RateLimited(f"{what} was refused for now: too many attempts.")
    if kind == "ConcurrencyException":
        # The server's transaction was rolled back: nothing happened.
        raise Unavailable(f"{what} met a change made at the same moment: {words}")
    if kind in ("UserError", "UserWarning"):
        raise Refused(f"{what} was refused: {words}")
    if _UNKNOWN_NAME.fullmatch(kind):
        raise ContractDrift(
            f"{what}: the server does not know {kind}.",
            remedy="Check that the module account_invoice is activated, in version 8.0 or later.",
        )
    raise _unclear(f"{what} failed inside the server: {words}", safe=safe)


class TrytonClient:
    """The few calls this connector makes, on one database as one user."""

    def __init__(self, transport: Transport, database: str) -> None:
        self._transport = transport
        self._database = database
        self.server_time: datetime | None = None
        """The `Date` of the newest answer."""

    def version(self) -> str:
        """The series of the server, for example `8.0`. Needs no login."""
        result, _ = exchange(
            self._transport, "", "common.server.version", [], safe=True, authorized=False
        )
        return str(result)

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
    ) -> list[Row]:
        """Rows of a model. A field `party.name` comes back as `row["party."]["name"]`."""
        sorting = [list(pair) for pair in order]
        result = self._call(
            f"model.{model}.search_read", domain, 0, limit, sorting, list(fields), safe=True
        )
        return self._rows(model, result)

    def read(self, model: str, ids: Sequence[int], fields: Sequence[str]) -> list[Row]:
        """Rows by their ids; all of them must exist."""
        if not ids:
            return []
        result = self._call(f"model.{model}.read", list(ids), list(fields), safe=True)
        return self._rows(model, result)

    def ask(self, method: str, *arguments: Any) -> Any:
        """A call without effect."""
        return self._call(method, *arguments, safe=True)

    def create(self, model: str, values: Row) -> int:
        """Make one record and give its id. Raises OutcomeUnknown when it is not sure."""
        result = self._call(f"model.{model}.create", [values], safe=False)
        if not (isinstance(result, list) and len(result) == 1 and isinstance(result[0], int)):
            raise OutcomeUnknown(f"{self._transport.name}: a create was answered without an id.")
        return result[0]

    def write(self, model: str, record_id: int, values: Row, timestamp: str) -> None:
        """Change one record, unless it has changed since `timestamp` (its `_timestamp`): Unavailable then."""
        context = {"_timestamp": {f"{model},{record_id}": timestamp}}
        self._call(f"model.{model}.write", [record_id], values, safe=False, context=context)

    def _call(self, method: str, *arguments: Any, safe: bool, context: Row | None = None) -> Any:
        params = [*arguments, context or {}]
        result, reply = exchange(self._transport, self._database, method, params, safe=safe)
        stated = reply.headers.get("Date")
        if stated:
            try:
                self.server_time = parsedate_to_datetime(stated)
            except ValueError:
                self.server_time = None
        return result

    def _rows(self, model: str, result: object) -> list[Row]:
        if not isinstance(result, list) or not all(
            isinstance(row, dict) and isinstance(row.get("id"), int) for row in result
        ):
            raise ContractDrift(f"{self._transport.name}: {model} was answered without rows.")
        return result
