"""JSON-RPC as Tryton 8 answers it: errors as HTTP 200, sessions, the gzip bug. Source: measured on 8.0.12."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from flask import Response, request

from connector.sandbox.ledger import NewObject
from connector.sandbox.platform import Sandbox
from connector.sandbox.tryton.domain import DomainError, matches
from connector.sandbox.tryton.models import (
    INVOICE,
    Tables,
    UnknownNameError,
    row_instant,
    timestamp,
)
from connector.sandbox.tryton.settings import TrytonSettings
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json

_KEYS = {"id", "method", "params"}
_COMPRESSED_FROM = 1400
_ATTEMPTS = 5
_USER_ID = 2
_WRITABLE = ("comment", "reference")


class RpcError(Exception):
    """A refusal in Tryton's form: a class name and its arguments."""

    def __init__(self, kind: str, arguments: Any) -> None:
        super().__init__(kind)
        self.body = [kind, arguments]


class HttpError(Exception):
    """A refusal as an HTTP status, with Tryton's HTML page or, for a session, with nothing."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status, self.title = status, title


class TrytonApi:
    """Answers the calls."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings: TrytonSettings = sandbox.settings
        self.tables = Tables(sandbox.ledger)
        self._wrong_passwords = 0
        self._methods: dict[str, Callable[[list[Any], JsonObject], Any]] = {
            "res.user.get_preferences": self._preferences,
            "ir.model.access.get_access": lambda arguments, _: self._access(arguments[0]),
            "ir.note.create": self._create_notes,
            f"{INVOICE}.write": self._write_invoice,
        }

    def add_routes(self) -> None:
        """Add the paths to the platform's Flask app."""
        app = self.sandbox.app
        app.add_url_rule("/rpc/", "server", self._server, methods=["POST"])
        app.add_url_rule("/<database>/rpc/", "rpc", self._database, methods=["POST"])

    # -- one call -------------------------------------------------------------------------------------------------

    def _server(self) -> Response:
        versions = {"common.server.version": self.settings.series}
        return self._answered(lambda method, _: versions[method])

    def _database(self, database: str) -> Response:
        if database != self.settings.database:
            return _html(503, "Service Unavailable")
        return self._answered(self._call)

    def _answered(self, act: Callable[[str, list[Any]], Any]) -> Response:
        try:
            call = from_json(request.get_data())
            method, params = call["method"], call["params"]
        except (NotJsonError, KeyError, TypeError):
            return _html(400, "Bad Request")
        exact = set(call) == _KEYS
        envelope = {"id": call.get("id")} if exact else {}
        try:
            result = act(method, params)
        except HttpError as error:
            if error.title:
                return _html(error.status, error.title)
            return Response(
                status=401,
                content_type="text/plain",
                headers={"WWW-Authenticate": 'Basic realm="Tryton"'},
            )
        except RpcError as error:
            return self._sent({**envelope, "error": error.body}) if exact else _html(400, "Refused")
        except (UnknownNameError, DomainError) as error:
            body = {**envelope, "error": [f"'{error.args[0]}'", ""]}
            return self._sent(body) if exact else _html(500, "Internal Server Error")
        except KeyError:
            return _html(403, "Forbidden")
        return self._sent({**envelope, "result": result} if exact else result)

    def _sent(self, body: Any) -> Response:
        data = to_json(body)
        answer = Response(data, content_type="application/json")
        if len(data) > _COMPRESSED_FROM:
            if "gzip" in request.headers.get("Accept-Encoding", ""):
                answer.set_data(gzip.compress(data, 1, mtime=0))
                answer.headers["Content-Encoding"] = "gzip"
            elif self.settings.gzip_bug:
                answer.headers["Content-Encoding"] = "gzip"
        return answer

    def _call(self, method: str, params: list[Any]) -> Any:
        if method == "common.db.login":
            return self._login(*params)
        self._authenticate()
        kind, _, rest = method.partition(".")
        if kind != "model" or not params or not isinstance(params[-1], dict):
            raise KeyError(method)
        arguments, context = params[:-1], params[-1]
        with self.sandbox.ledger.transaction():
            if rest in self._methods:
                return self._methods[rest](arguments, context)
            model, _, verb = rest.rpartition(".")
            reading: dict[str, Callable[..., list[JsonObject]]] = {
                "search_read": self._search_read,
                "read": self._read,
            }
            return reading[verb](model, *arguments)

    # -- who it is ------------------------------------------------------------------------------------------------

    def _login(self, user: str, given: JsonObject, _language: str = "en") -> list[Any]:
        if "password" not in given:
            told = f"Password for {user}"
            raise RpcError("LoginException", ["password", told, "password"])
        if self._wrong_passwords >= _ATTEMPTS:
            raise HttpError(429, "Too Many Requests")
        right = hmac.compare_digest(user.encode(), self.settings.username.encode())
        right &= hmac.compare_digest(
            str(given["password"]).encode(), self.settings.password.encode()
        )
        if not right:
            self._wrong_passwords += 1
            raise HttpError(401, "Unauthorized")
        self._wrong_passwords = 0
        token, now = self._new_token(), self.sandbox.clock.now()
        self.sandbox.ledger.add("session", NewObject(token, {"user": user}, now))
        return [_USER_ID, token, None]

    def _new_token(self) -> str:
        """The next session's token: no secret, but one that a day played again gives out again."""
        ledger = self.sandbox.ledger
        number = int(ledger.meta("last_session") or 0) + 1
        ledger.set_meta("last_session", str(number))
        return hashlib.sha256(f"{self.settings.seed}:session:{number}".encode()).hexdigest()

    def _authenticate(self) -> None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        try:
            user, user_id, token = base64.b64decode(value, validate=True).decode().split(":")
        except ValueError:
            raise HttpError(401, "") from None
        session = self.sandbox.ledger.get("session", token)
        if scheme != "Session" or session is None or session.body["user"] != user:
            raise HttpError(401, "")
        if user_id != str(_USER_ID):
            raise HttpError(401, "")

    def _preferences(self, _arguments: list[Any], _context: JsonObject) -> JsonObject:
        own = 1 if self.settings.company_filter == "all" else 2
        return {
            "company_filter": self.settings.company_filter,
            "company": own,
            "companies": [1],
            "language": "en",
        }

    @staticmethod
    def _access(models: list[str]) -> JsonObject:
        return {m: dict.fromkeys(("read", "write", "create", "delete"), True) for m in models}

    # -- reading --------------------------------------------------------------------------------------------------

    def _visible(self, model: str) -> dict[int, JsonObject]:
        hidden = model == INVOICE and self.settings.company_filter == "one"
        return {} if hidden else self.tables.rows(model)

    def _search_read(
        self,
        model: str,
        domain: Any,
        offset: int = 0,
        limit: int | None = None,
        order: list[list[str]] | None = None,
        fields: list[str] | None = None,
    ) -> list[JsonObject]:
        found = [
            row for row in self._visible(model).values() if matches(self.tables, model, row, domain)
        ]
        for name, direction in reversed(order or []):
            found.sort(
                key=lambda row, n=name: (row[n] is not None, row[n] or 0),  # type: ignore[misc]
                reverse=direction.upper().startswith("DESC"),
            )
        end = None if limit is None else offset + limit
        return [self.tables.read(model, row, fields or []) for row in found[offset:end]]

    def _read(self, model: str, ids: list[int], fields: list[str]) -> list[JsonObject]:
        rows = self._visible(model)
        missing = [key for key in ids if key not in rows]
        if missing:
            named = ", ".join(f'"{key}"' for key in missing)
            raise RpcError(
                "UserError",
                [
                    f'You are trying to read records {named} of "{model}" that don\'t exist.',
                    "",
                    None,
                ],
            )
        return [self.tables.read(model, rows[key], fields) for key in ids]

    # -- writing --------------------------------------------------------------------------------------------------

    def _create_notes(self, arguments: list[Any], _context: JsonObject) -> list[int]:
        made = []
        for values in arguments[0]:
            model, _, key = str(values.get("resource", "")).partition(",")
            if not key.isdigit() or int(key) not in self._visible(model):
                told = 'A value is required for field "Resource" of "Note".'
                raise RpcError("UserError", [told, "", None])
            note_id = self.sandbox.ledger.count("ir.note") + 1
            now = self.sandbox.clock.now()
            body = {
                "id": note_id,
                "resource": values["resource"],
                "message": values.get("message"),
                "create_date": row_instant(now),
                "write_date": None,
            }
            self.sandbox.ledger.add(
                "ir.note", NewObject(str(note_id), body, now, reference=values["resource"])
            )
            made.append(note_id)
        return made

    def _write_invoice(self, arguments: list[Any], context: JsonObject) -> None:
        ids, values = arguments
        locks = context.get("_timestamp") or {}
        for key in ids:
            row = self._visible(INVOICE).get(key)
            stored = self.sandbox.ledger.get(INVOICE, str(key))
            if row is None or stored is None:
                raise RpcError("UserError", [f'The record "{key}" does not exist.', "", None])
            expected = locks.get(f"{INVOICE},{key}")
            if expected is not None and expected != timestamp(row):
                raise RpcError("ConcurrencyException", "Records were modified in the meanwhile")
            refused = [name for name in values if not self._may_write(name, row)]
            if refused:
                told = f'You are not allowed to modify the field "{refused[0]}" in record "{key}".'
                raise RpcError("UserError", [told, "", None])
            now = self.sandbox.clock.now()
            body = {**row, **values, "write_date": row_instant(now)}
            self.sandbox.ledger.change(stored, body, at=now, cause="written over the API")

    def _may_write(self, name: str, row: JsonObject) -> bool:
        draft = row["state"] == "draft"
        return name in _WRITABLE and (draft or self.settings.series == "8.0")


def _html(status: int, title: str) -> Response:
    page = f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n"
    return Response(page, status=status, content_type="text/html; charset=utf-8")
