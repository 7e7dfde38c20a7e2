"""How Monite says no: `{"error": {"message"}}`, and `{"detail": [...]}` for a request that is not valid."""

from __future__ import annotations

from flask import Response
from werkzeug.exceptions import HTTPException

from connector.sandbox.control import reply


class RefusalError(Exception):
    """The request is refused with `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class InvalidError(Exception):
    """The request is not valid: the part at `place` (such as `("query", "limit")`) is refused with 422."""

    def __init__(
        self,
        place: tuple[str | int, ...],
        message: str,
        kind: str = "value_error",
        status: int = 422,
    ) -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.kind = kind
        self.status = status


def refusal(error: RefusalError) -> Response:
    """The answer to a refused request."""
    return reply({"error": {"message": error.message}}, error.status)


def invalid(error: InvalidError) -> Response:
    """The answer to a request that is not valid."""
    if error.status != 422:
        return refusal(RefusalError(error.status, error.message))
    return reply(
        {"detail": [{"loc": list(error.place), "msg": error.message, "type": error.kind}]}, 422
    )


def http_refusal(error: HTTPException) -> Response:
    """Flask's own refusals (no such path, wrong method) in the same form."""
    return refusal(RefusalError(error.code or 500, f"{error.name}."))
