"""What the resources of the API are made with: a blueprint whose every operation says who may."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser

from connector.access import require
from connector.bootstrap import Program
from connector.errors import NotFound
from connector.people.roles import Permission

Json = dict[str, Any]
View = TypeVar("View", bound=Callable[..., Any])
PREFIX = "/api/v1"
PAGE_SIZE, LARGEST_PAGE = 50, 500
LARGEST_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Context:
    """What a resource works with. `wake` runs a task now, by key, and says whether there is one of that name; `reload`
    takes up a changed configuration soon, and says whether it can."""

    program: Program
    wake: Callable[[str], bool]
    reload: Callable[[], bool] = lambda: False


class _Parser(FlaskParser):
    """Refuses parameters it does not know: a misspelt filter must not select everything."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - as webargs declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
    }


class Resource(Blueprint):  # type: ignore[misc]
    """One kind of thing, below `/api/v1`."""

    ARGUMENTS_PARSER = _Parser()

    def __init__(self, name: str, rule: str, description: str) -> None:
        super().__init__(
            f"api_{name}", __name__, url_prefix=f"{PREFIX}{rule}", description=description
        )

    def operation(
        self, rule: str, need: Permission, *, method: str = "GET"
    ) -> Callable[[View], View]:
        """Register a view that asks for a permission. Stands above `arguments` and `response`."""

        def decorate(view: View) -> View:
            guarded = require(need)(_with_row_numbers(view))
            documented = self.doc(**{"x-permission": need.value})(guarded)
            self.add_url_rule(rule, None, documented, methods=[method])
            return documented  # type: ignore[no-any-return]

        return decorate

    def arguments(self, schema: type[Schema], *, location: str = "json") -> Callable[[View], View]:
        """What the view is given as its first argument, checked."""
        decorate: Callable[[View], View] = super().arguments(schema, location=location)
        return decorate

    def response(
        self, status_code: int, schema: type[Schema] | None = None
    ) -> Callable[[View], View]:
        """What the view answers: fields that the schema does not have are left out."""
        decorate: Callable[[View], View] = super().response(status_code, schema)
        return decorate


def _with_row_numbers(view: View) -> View:
    """A view for whose path a number no database holds names nothing."""

    @functools.wraps(view)
    def within(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(value, int) and value > LARGEST_NUMBER for value in kwargs.values()):
            raise NotFound("There is nothing of that number.")
        return view(*args, **kwargs)

    return within  # type: ignore[return-value]


class CursorField(fields.Field[int]):
    """Where a list goes on: text that the last answer gave, with no meaning for others."""

    def _serialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        if value is None:
            return None
        return base64.urlsafe_b64encode(f"1.{value}".encode()).decode().rstrip("=")

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        text = str(value)
        try:
            plain = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            plain = ""
        version, _, number = plain.partition(".")
        is_number = number.isascii() and number.isdecimal() and len(number) < 20
        if version != "1" or not is_number or int(number) > LARGEST_NUMBER:
            raise ValidationError("Not a cursor that this API gave. Begin without one.")
        return int(number)


class Listing(Schema):
    """Parameters of every list."""

    cursor = CursorField(
        load_default=None,
        metadata={"type": "string", "description": "`next_cursor` of the answer before."},
    )
    limit = fields.Integer(
        load_default=PAGE_SIZE,
        validate=validate.Range(min=1, max=LARGEST_PAGE),
        metadata={"description": "How many at most."},
    )


class Money(Schema):
    """An amount both ways."""

    currency = fields.String(allow_none=True, metadata={"description": "ISO 4217."})
    amount_minor_units = fields.Integer(
        allow_none=True, metadata={"description": "In minor units: cents, yen, fils."}
    )
    amount = fields.String(
        allow_none=True,
        metadata={"description": "In major units, as decimal text; null where it is not known."},
    )


def instant_field(**more: Any) -> fields.String:
    """An instant: ISO 8601, UTC, to the second."""
    metadata = {"format": "date-time", **more.pop("metadata", {})}
    return fields.String(metadata=metadata, **more)


def text_field(most: int = 200, **more: Any) -> fields.String:
    """Text a program gives, without NUL, which no database keeps."""
    return fields.String(
        validate=[
            validate.Length(min=1, max=most),
            validate.ContainsNoneOf("\x00", error="Holds a NUL character."),
        ],
        **more,
    )


def page_schema(name: str, items: type[Schema]) -> type[Schema]:
    """The schema of one page of a list."""
    made = {
        "items": fields.List(fields.Nested(items), required=True),
        "next_cursor": CursorField(
            allow_none=True,
            required=True,
            metadata={"type": "string", "description": "Null where the list ends."},
        ),
    }
    return Schema.from_dict(made, name=name)  # type: ignore[arg-type]


def page(items: Sequence[Json], limit: int, last: int | None) -> Json:
    """One page: `last` is the row number of its last item."""
    return {"items": items, "next_cursor": last if len(items) == limit else None}
