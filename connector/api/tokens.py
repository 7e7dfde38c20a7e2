"""API tokens."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from connector.access import current_person
from connector.api.people import ROLES
from connector.api.resource import Context, Json, Resource, instant_field, text_field
from connector.people.roles import Permission, Role
from connector.people.tokens import LONGEST_DAYS
from connector.store.people import TokenRow
from connector.views import instant


class TokenSchema(Schema):
    """An API token, without what would let one in."""

    id = fields.Integer(required=True)
    name = fields.String()
    prefix = fields.String(metadata={"description": "What it begins with, after `ifc_`."})
    role = fields.String()
    created_at = instant_field()
    created_by = fields.String()
    expires_at = instant_field(allow_none=True)
    last_used_at = instant_field(allow_none=True)
    revoked_at = instant_field(allow_none=True)


class NewTokenSchema(TokenSchema):
    """A token that was just made."""

    token = fields.String(required=True, metadata={"description": "Shown once."})


class Tokens(Schema):
    """All tokens."""

    items = fields.List(fields.Nested(TokenSchema), required=True)


class NewTokenBody(Schema):
    """Which token to make."""

    name = text_field(80, required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    expires_in_days = fields.Integer(
        load_default=365,
        allow_none=True,
        strict=True,
        validate=validate.Range(min=1, max=LONGEST_DAYS),
        metadata={"description": "Null: it lasts until it is revoked."},
    )


def create(context: Context) -> Resource:
    """`/tokens`."""
    resource = Resource("tokens", "/tokens", "API tokens of programs.")
    tokens = context.program.tokens

    @resource.operation("", Permission.TOKENS_MANAGE)
    @resource.response(200, Tokens)
    def listing() -> Json:
        """All tokens, newest first; the revoked too."""
        return {"items": [_token(row) for row in tokens.list()]}

    @resource.operation("", Permission.TOKENS_MANAGE, method="POST")
    @resource.arguments(NewTokenBody)
    @resource.response(201, NewTokenSchema)
    def new(body: Json) -> Json:
        """Make a token for a program. It is shown once."""
        made = tokens.new(
            name=body["name"],
            role=Role(body["role"]),
            expires_in_days=body["expires_in_days"],
            by=current_person().actor,
        )
        return {**_token(made.row), "token": made.text}

    @resource.operation("/<int:token_id>", Permission.TOKENS_MANAGE, method="DELETE")
    @resource.response(204)
    def revoke(token_id: int) -> None:
        """End a token at once."""
        tokens.revoke(token_id, by=current_person().actor)

    return resource


def _token(row: TokenRow) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "role": row.role,
        "created_at": instant(row.created_at),
        "created_by": row.created_by,
        "expires_at": instant(row.expires_at),
        "last_used_at": instant(row.last_used_at),
        "revoked_at": instant(row.revoked_at),
    }
