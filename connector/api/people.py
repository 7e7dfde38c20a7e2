"""People: who may sign in, and as what."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from connector.access import current_person
from connector.api.resource import Context, Json, Resource, instant_field, text_field
from connector.people.roles import Permission, Role
from connector.store.people import PersonRow
from connector.views import instant

ROLES = [role.value for role in Role]


class PersonSchema(Schema):
    """A person."""

    id = fields.Integer(required=True)
    email = fields.String()
    name = fields.String()
    role = fields.String()
    state = fields.String()
    has_password = fields.Boolean()
    by_provider = fields.Boolean()
    must_change_password = fields.Boolean()
    created_at = instant_field()
    created_by = fields.String()
    last_sign_in_at = instant_field(allow_none=True)


class NewPersonSchema(PersonSchema):
    """A person who was just added."""

    one_time_password = fields.String(
        required=True,
        metadata={"description": "Shown once; to be changed at the first sign-in."},
    )


class People(Schema):
    """Everybody."""

    items = fields.List(fields.Nested(PersonSchema), required=True)


class NewPersonBody(Schema):
    """Whom to add."""

    email = text_field(254, required=True)
    name = text_field(100, required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class PersonChange(Schema):
    """What to change."""

    role = fields.String(validate=validate.OneOf(ROLES))
    state = fields.String(validate=validate.OneOf(["active", "disabled"]))


class OneTimePassword(Schema):
    """A password that must be changed at the next sign-in."""

    one_time_password = fields.String(required=True)


def create(context: Context) -> Resource:
    """`/people`."""
    resource = Resource("people", "/people", "Who may sign in, and as what.")
    directory = context.program.people

    @resource.operation("", Permission.PEOPLE_MANAGE)
    @resource.response(200, People)
    def people() -> Json:
        """Everybody, the disabled too."""
        return {"items": [_person(row) for row in directory.list()]}

    @resource.operation("", Permission.PEOPLE_MANAGE, method="POST")
    @resource.arguments(NewPersonBody)
    @resource.response(201, NewPersonSchema)
    def add(body: Json) -> Json:
        """Add a person, with a password that is shown once."""
        password = directory.add(
            email=body["email"],
            name=body["name"],
            role=Role(body["role"]),
            by=current_person().actor,
        )
        return {**_person(directory.by_email(body["email"])), "one_time_password": password}

    @resource.operation("/<int:person_id>", Permission.PEOPLE_MANAGE, method="PATCH")
    @resource.arguments(PersonChange)
    @resource.response(200, PersonSchema)
    def change(body: Json, person_id: int) -> Json:
        """Give another role, disable or enable. Whoever is disabled is signed out at once."""
        actor = current_person().actor
        directory.get(person_id)
        if "role" in body:
            directory.set_role(person_id, Role(body["role"]), by=actor)
        if body.get("state") == "disabled":
            directory.disable(person_id, by=actor)
        elif body.get("state") == "active":
            directory.enable(person_id, by=actor)
        return _person(directory.get(person_id))

    @resource.operation("/<int:person_id>/reset-password", Permission.PEOPLE_MANAGE, method="POST")
    @resource.response(200, OneTimePassword)
    def reset_password(person_id: int) -> Json:
        """A new password, shown once, to be changed at the next sign-in. Ends the person's sessions."""
        actor = current_person().actor
        return {"one_time_password": directory.reset_password(person_id, by=actor)}

    return resource


def _person(row: PersonRow) -> Json:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "state": row.state,
        "has_password": row.password_hash is not None,
        "by_provider": row.subject is not None,
        "must_change_password": row.must_change_password,
        "created_at": instant(row.created_at),
        "created_by": row.created_by,
        "last_sign_in_at": instant(row.last_sign_in_at),
    }
