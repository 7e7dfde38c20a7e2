"""The control endpoints every platform of the sandbox has, under `/sandbox/`. For tests and the demo only."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from html import escape
from typing import Any, get_type_hints

import msgspec
from flask import Flask, Response, request

from connector.sandbox.faults import read_rules
from connector.sandbox.ledger import TABLES, instant_text
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import NotJsonError, from_json, to_json


def reply(body: object, status: int = 200, **headers: str) -> Response:
    """A JSON answer, exact numbers."""
    answer = Response(to_json(body), status=status, content_type="application/json")
    answer.headers.update(headers)
    return answer


def control_body() -> dict[str, Any]:
    """The JSON object of a control request; an absent body is an empty object. Raises ValueError."""
    data = request.get_data()
    body = from_json(data) if data else {}
    if not isinstance(body, dict):
        raise ValueError("A control request has a JSON object as its body.")
    return body


def change_settings(settings: Any, changes: Mapping[str, Any]) -> None:
    """Set fields of a settings dataclass, checking name and type. Raises ValueError; then nothing was changed."""
    hints = get_type_hints(type(settings))
    checked = {}
    for name, value in changes.items():
        if name not in hints:
            raise ValueError(
                f"There is no setting {name!r}; there are: {', '.join(sorted(hints))}."
            )
        try:
            checked[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError as error:
            raise ValueError(f"The setting {name!r} cannot have this value: {error}") from error
    for name, value in checked.items():
        setattr(settings, name, value)


def add_control(sandbox: Sandbox) -> None:
    """Add `/` and `/sandbox/...` to the platform."""
    app = sandbox.app
    app.add_url_rule(
        "/",
        "front",
        lambda: Response(_front_page(sandbox), content_type="text/html; charset=utf-8"),
    )
    app.register_error_handler(ValueError, lambda error: reply({"error": str(error)}, 400))
    _add_clock_and_settings(app, sandbox)
    _add_faults(app, sandbox)
    _add_ledger(app, sandbox)


def _add_clock_and_settings(app: Flask, sandbox: Sandbox) -> None:
    @app.route("/sandbox/clock", methods=["GET", "POST"], endpoint="sandbox_clock")
    def clock() -> Response:
        if request.method == "POST":
            body = control_body()
            if "set" in body:
                target = datetime.fromisoformat(str(body["set"]))
                sandbox.push_clock(max((target - sandbox.clock.now()).total_seconds(), 0.0))
            sandbox.push_clock(float(body.get("advance_seconds", 0)))
        return reply({"now": instant_text(sandbox.clock.now())})

    @app.route("/sandbox/settings", methods=["GET", "POST"], endpoint="sandbox_settings")
    def settings() -> Response:
        if request.method == "POST":
            change_settings(sandbox.settings, control_body())
            sandbox.wake()
        shown = asdict(sandbox.settings)
        return reply(
            {name: "(hidden)" if _is_secret(name, shown) else shown[name] for name in shown}
        )

    @app.post("/sandbox/reset", endpoint="sandbox_reset")
    def reset() -> Response:
        sandbox.reset()
        return reply({"reset": True})


def _add_faults(app: Flask, sandbox: Sandbox) -> None:
    @app.route("/sandbox/faults", methods=["GET", "POST", "DELETE"], endpoint="sandbox_faults")
    def faults() -> Response:
        if request.method == "POST":
            rules, storms = read_rules(from_json(request.get_data()))
            for rule in rules:
                sandbox.faults.add(rule)
            for storm in storms:
                sandbox.faults.add_storm(storm)
        elif request.method == "DELETE":
            sandbox.faults.clear()
        known = sorted(sandbox.faults.known)
        return reply(
            {"rules": sandbox.faults.rules(), "used": sandbox.faults.counts, "known": known}
        )


def _add_ledger(app: Flask, sandbox: Sandbox) -> None:
    @app.get("/sandbox/ledger", endpoint="sandbox_ledger")
    def summary() -> Response:
        counts = {table: sandbox.ledger.table_size(table) for table in TABLES}
        kinds = sandbox.ledger.rows(
            "SELECT kind, status, currency, COUNT(*) AS count, SUM(amount_minor_units) AS amount_minor_units"
            " FROM objects GROUP BY kind, status, currency ORDER BY kind, status, currency"
        )
        return reply(
            {"rows": counts, "objects": [dict(row) for row in kinds], "path": sandbox.ledger.path}
        )

    @app.get("/sandbox/ledger/<table>", endpoint="sandbox_ledger_table")
    def rows(table: str) -> Response:
        if table not in TABLES:
            raise ValueError(f"There is no ledger table {table!r}; there are: {', '.join(TABLES)}.")
        after, limit = int(request.args.get("after", 0)), int(request.args.get("limit", 1000))
        query = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608 - checked above
        return reply([_readable(row) for row in sandbox.ledger.rows(query, (after, limit))])

    @app.get("/sandbox/webhooks", endpoint="sandbox_webhooks")
    def webhooks() -> Response:
        states = sandbox.ledger.rows("SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state")
        return reply({row["state"]: row["n"] for row in states})


def _is_secret(name: str, values: Mapping[str, Any]) -> bool:
    return values[name] is not None and name.endswith(("secret", "password"))


def _readable(row: sqlite3.Row) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name in row.keys():  # noqa: SIM118 - iterating a sqlite3.Row gives values, not names
        value = row[name]
        if isinstance(value, bytes):
            try:
                value = from_json(value)
            except NotJsonError:
                value = value.decode("utf-8", "replace")
        shown[name] = value
    return shown


def _front_page(sandbox: Sandbox) -> str:
    choices = "".join(f"<li>{escape(choice)}</li>" for choice in sandbox.choices)
    routes = sorted({rule.rule for rule in sandbox.app.url_map.iter_rules()})
    paths = "".join(f"<li><code>{escape(path)}</code></li>" for path in routes)
    return (
        f"<!doctype html><html lang='en'><title>{escape(sandbox.title)}</title>"
        f"<h1>{escape(sandbox.title)}</h1>"
        "<p>A local stand-in. Nothing here reaches the real platform, and no money moves.</p>"
        f"<h2>Choices of the sandbox where the documents are silent</h2><ul>{choices}</ul>"
        f"<h2>Paths</h2><ul>{paths}</ul></html>"
    )
