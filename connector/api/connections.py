"""Connections and financiers: how they fare, and pausing them."""

from __future__ import annotations

from marshmallow import Schema, fields

from connector import views
from connector.access import current_person
from connector.api.resource import Context, Json, Resource
from connector.api.standing import SystemSchema
from connector.errors import NotFound
from connector.people.roles import Permission


class ConnectionSchema(SystemSchema):
    """A connection or a financier."""

    role = fields.String(required=True, metadata={"description": "connection or financier"})
    product = fields.String(required=True, metadata={"description": "The system or platform."})


class Connections(Schema):
    """All of them."""

    items = fields.List(fields.Nested(ConnectionSchema), required=True)


def create(context: Context) -> Resource:
    """`/connections`."""
    resource = Resource(
        "connections", "/connections", "Access to accounting systems and financiers."
    )
    config, database = context.program.config, context.program.database
    known = {name: ("connection", c.system) for name, c in config.connections.items()}
    known |= {name: ("financier", f.platform) for name, f in config.financiers.items()}

    def described(name: str) -> Json:
        if name not in known:
            raise NotFound(f"There is no connection {name[:80]!r}.")
        role, product = known[name]
        with database.read() as tx:
            return {**views.system_state(tx, name), "role": role, "product": product}

    def set_paused(name: str, *, paused: bool) -> Json:
        described(name)
        with database.write() as tx:
            change = tx.connections.pause if paused else tx.connections.resume
            change(name)
            action = "connection.pause" if paused else "connection.resume"
            tx.audit.append(current_person().actor, action, name, {})
        return described(name)

    @resource.operation("", Permission.INVOICES_READ)
    @resource.response(200, Connections)
    def connections() -> Json:
        """Every connection and financier with its health."""
        return {"items": [described(name) for name in known]}

    @resource.operation("/<name>", Permission.INVOICES_READ)
    @resource.response(200, ConnectionSchema)
    def connection(name: str) -> Json:
        """One of them."""
        return described(name)

    @resource.operation("/<name>/pause", Permission.CONNECTIONS_PAUSE, method="POST")
    @resource.response(200, ConnectionSchema)
    def pause(name: str) -> Json:
        """Speak to it no more until it is resumed."""
        return set_paused(name, paused=True)

    @resource.operation("/<name>/resume", Permission.CONNECTIONS_PAUSE, method="POST")
    @resource.response(200, ConnectionSchema)
    def resume(name: str) -> Json:
        """Speak to it again."""
        return set_paused(name, paused=False)

    return resource
