"""How the API says no: `application/problem+json` (RFC 9457), in our words and with what to do about it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from flask.blueprints import Blueprint
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

from connector.errors import (
    ConnectorError,
    ContractDrift,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    RecordRejected,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.feed.reading import CursorRefused

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
STATUSES: tuple[tuple[type[ConnectorError], int], ...] = (
    (NotFound, 404),
    (Refused, 422),
    (RecordRejected, 422),
    (Unsupported, 422),
    (RateLimited, 429),
    (ReconnectRequired, 502),
    (ContractDrift, 502),
    (OutcomeUnknown, 502),
    (Unavailable, 503),
)
"""The first that fits; any other failure of ours is a 500."""


class FieldProblem(Schema):
    """What is wrong with one value that was given."""

    where = fields.String(required=True, metadata={"description": "`query.limit`, `json.email`"})
    problem = fields.String(required=True)


class Problem(Schema):
    """Why an operation did not happen."""

    type = fields.String(required=True, metadata={"description": "A stable word for the kind."})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "One sentence."})
    remedy = fields.String(metadata={"description": "What to do about it."})
    errors = fields.List(fields.Nested(FieldProblem))


def install(target: Flask | Blueprint) -> None:
    """Let every failure below an application or blueprint be answered so."""
    target.register_error_handler(ConnectorError, failed)
    target.register_error_handler(HTTPException, refused)


def failed(error: ConnectorError) -> Response:
    """A failure of ours."""
    status = next((code for kind, code in STATUSES if isinstance(error, kind)), 500)
    if isinstance(error, CursorRefused):
        status = error.http_status or status  # 410 tells a reader to begin anew
    if status == 500:
        log.error("api.failed error=%s", error)
    more = {} if error.remedy is None else {"remedy": error.remedy}
    response = problem(status, _word(type(error).__name__), error.message, **more)
    if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(int(error.retry_after_seconds))
    return response


def refused(error: HTTPException) -> Response:
    """An HTTP refusal: no access, values that cannot be, no such operation."""
    status = error.code or 500
    wrong = list(_field_problems(getattr(error, "data", {}).get("messages", {}), ()))
    detail = "Some of the values given cannot be." if wrong else error.description or error.name
    more: dict[str, Any] = {"errors": wrong} if wrong else {}
    response = problem(status, _word(HTTPStatus(status).phrase), detail, **more)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="connector"'
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods or ())  # type: ignore[attr-defined]
    return response


def problem(status: int, kind: str, detail: str, **more: Any) -> Response:
    """One problem as an answer."""
    body = {
        "type": kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(json.dumps(body, ensure_ascii=False), status, content_type=CONTENT_TYPE)


def _word(name: str) -> str:
    """`NotFound` and `Not Found` as `not-found`."""
    letters = "".join(f"-{c.lower()}" if c.isupper() else c for c in name.replace(" ", ""))
    return letters.strip("-")


def _field_problems(messages: Any, path: tuple[str, ...]) -> Iterator[dict[str, str]]:
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from _field_problems(below, path if key == "_schema" else (*path, str(key)))
    elif isinstance(messages, list):
        for below in messages:
            yield from _field_problems(below, path)
    else:
        yield {"where": ".".join(path), "problem": str(messages)}
