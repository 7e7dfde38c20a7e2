"""Where everything stands, who is asking, and running a task now."""

from __future__ import annotations

from marshmallow import Schema, fields

from connector import views
from connector.access import current_person
from connector.api.feed import EndpointSchema
from connector.api.resource import Context, Json, Money, Resource, instant_field
from connector.api.runs import RunSchema
from connector.errors import NotFound
from connector.people.roles import Permission, permissions_of


class SystemSchema(Schema):
    """The health of a connection or financier."""

    name = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": ", ".join(views.SEVERITY)})
    task = fields.String(allow_none=True, metadata={"description": "The task that fares worst."})
    failures = fields.Integer()
    last_success_at = instant_field(allow_none=True)
    next_attempt_at = instant_field(allow_none=True)
    error = fields.String(allow_none=True)


class OutcomeTotal(Money):
    """Records by outcome."""

    connection = fields.String()
    kind = fields.String()
    reason_code = fields.String(allow_none=True)
    count = fields.Integer()


class FinancingTotal(Money):
    """Financing invoices by status."""

    financier = fields.String()
    state = fields.String()
    status = fields.String(allow_none=True)
    count = fields.Integer()


class Totals(Schema):
    """Control totals of what is stored now."""

    outcomes = fields.List(fields.Nested(OutcomeTotal), required=True)
    financing = fields.List(fields.Nested(FinancingTotal), required=True)


class Queue(Schema):
    """Rows of inbox or outbox."""

    queue = fields.String()
    target = fields.String()
    state = fields.String()
    count = fields.Integer()


class Cause(Money):
    """Something that somebody must look at."""

    kind = fields.String()
    reason_code = fields.String(allow_none=True)
    count = fields.Integer()


class Status(Schema):
    """Where everything stands."""

    systems = fields.List(fields.Nested(SystemSchema), required=True)
    totals = fields.Nested(Totals, required=True)
    queues = fields.List(fields.Nested(Queue), required=True)
    feed = fields.List(fields.Nested(EndpointSchema), required=True)
    needs_a_person = fields.List(fields.Nested(Cause), required=True)
    runs = fields.List(fields.Nested(RunSchema), required=True)


class Me(Schema):
    """Who is asking."""

    name = fields.String(required=True)
    email = fields.String(allow_none=True, required=True)
    role = fields.String(required=True)
    permissions = fields.List(fields.String(), required=True)


class Woken(Schema):
    """A task that runs now."""

    woken = fields.String(required=True)


def create(context: Context) -> Resource:
    """`/status`, `/totals`, `/me`, `/tasks/KEY/run`."""
    resource = Resource("standing", "", "Where everything stands.")
    program = context.program

    @resource.operation("/status", Permission.INVOICES_READ)
    @resource.response(200, Status)
    def status() -> Json:
        """Health of every system, control totals, queues, what needs a person, the last runs."""
        names = [*program.config.connections, *program.config.financiers]
        with program.database.read() as tx:
            return views.status(tx, names)

    @resource.operation("/totals", Permission.INVOICES_READ)
    @resource.response(200, Totals)
    def totals() -> Json:
        """Control totals to the cent: records by outcome, financing invoices by status."""
        with program.database.read() as tx:
            return views.totals(tx)

    @resource.operation("/me", Permission.INVOICES_READ)
    @resource.response(200, Me)
    def me() -> Json:
        """Who is asking, and what they may do."""
        person = current_person()
        return {
            "name": person.name,
            "email": person.email,
            "role": person.role.value,
            "permissions": [permission.value for permission in permissions_of(person.role)],
        }

    @resource.operation("/tasks/<key>/run", Permission.RUNS_START, method="POST")
    @resource.response(202, Woken)
    def run_task(key: str) -> Json:
        """Run a task now, for example `pull:NAME`, `submit:FLOW` or `poll:FINANCIER`."""
        if not context.wake(key):
            raise NotFound(f"There is no task {key[:80]!r}.")
        with program.database.write() as tx:
            tx.audit.append(current_person().actor, "task.run", key, {})
        return {"woken": key}

    return resource
