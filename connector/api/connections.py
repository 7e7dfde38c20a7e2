"""Connections and financiers: how they fare, trying, reading and pausing them; adding and changing them."""

from __future__ import annotations

from collections.abc import Callable

from marshmallow import Schema, fields, validate

from connector import views
from connector.access import current_person
from connector.api.resource import Context, Json, Resource, text_field
from connector.api.standing import SystemSchema, Woken
from connector.connecting import acting
from connector.connecting.adding import FLOW, OWN, SETTING, Connecting
from connector.errors import NotFound, Refused
from connector.people.roles import Permission
from connector.system import Finding


class ConnectionSchema(SystemSchema):
    """A connection or a financier."""

    role = fields.String(required=True, metadata={"description": "connection or financier"})
    product = fields.String(required=True, metadata={"description": "The system or platform."})


class Connections(Schema):
    """All of them."""

    items = fields.List(fields.Nested(ConnectionSchema), required=True)


class WalkBody(Schema):
    """Why everything is read again."""

    since = fields.Date(
        load_default=None,
        metadata={"description": "The day a backfill was wanted from; kept in the audit log."},
    )


class FindingSchema(Schema):
    """What was tried, and what came of it."""

    ok = fields.Boolean(required=True)
    what = fields.String(required=True)
    detail = fields.String(required=True)
    remedy = fields.String(allow_none=True)


class Findings(Schema):
    """All that was tried."""

    items = fields.List(fields.Nested(FindingSchema), required=True)


def _texts(description: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Length(max=100)),
        values=fields.String(validate=validate.Length(max=5000)),
        load_default=dict,
        metadata={"description": description},
    )


class ChangedConnection(Schema):
    """A connection as it shall be. All values are text, as in the form of the page; lists with commas."""

    settings = _texts("The system's own settings, secrets among them.")
    options = _texts("Ours: company, interval_seconds, ...")
    flow = _texts("Where its invoices go: financier, submitted_by, ...; empty for nowhere.")
    events = fields.Boolean(
        load_default=False, metadata={"description": "Let the system tell of changes itself."}
    )
    anyway = fields.Boolean(
        load_default=False, metadata={"description": "Save it though the test found something."}
    )


class NewConnection(ChangedConnection):
    """A connection to be added."""

    name = text_field(40, required=True)
    system = text_field(40, required=True)


class TakenUp(Schema):
    """Whether the running connector takes it up by itself; otherwise a restart does."""

    taken_up = fields.Boolean(required=True)


class Saved(TakenUp):
    """A connection that was saved."""

    name = fields.String(required=True)
    findings = fields.List(fields.Nested(FindingSchema), required=True)


class NewPathSecret(TakenUp):
    """A secret end of an address."""

    path_secret = fields.String(required=True, metadata={"description": "Shown once."})


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

    _add_acting(resource, context, described)
    _add_door(resource, context, described)
    return resource


def _add_acting(resource: Resource, context: Context, described: Callable[[str], Json]) -> None:
    program = context.program

    @resource.operation("/<name>/pause", Permission.CONNECTIONS_PAUSE, method="POST")
    @resource.response(200, ConnectionSchema)
    def pause(name: str) -> Json:
        """Speak to it no more until it is resumed."""
        acting.pause(program, name, by=current_person().actor)
        return described(name)

    @resource.operation("/<name>/resume", Permission.CONNECTIONS_PAUSE, method="POST")
    @resource.response(200, ConnectionSchema)
    def resume(name: str) -> Json:
        """Speak to it again."""
        acting.resume(program, name, by=current_person().actor)
        return described(name)

    @resource.operation("/<name>/run", Permission.RUNS_START, method="POST")
    @resource.response(202, Woken)
    def run(name: str) -> Json:
        """Pull a connection, or ask a financier about what is due, now."""
        return {"woken": acting.run_now(program, context.wake, name, by=current_person().actor)}

    @resource.operation("/<name>/full-walk", Permission.RUNS_START, method="POST")
    @resource.arguments(WalkBody)
    @resource.response(202, Woken)
    def full_walk(body: Json, name: str) -> Json:
        """Read every record of a connection again. No system can be asked for a range of days, so a backfill is this,
        too: what is unchanged costs a comparison, nothing is sent a second time."""
        since = None if body["since"] is None else body["since"].isoformat()
        by = current_person().actor
        return {"woken": acting.full_walk(program, context.wake, name, by=by, since=since)}

    @resource.operation("/<name>/check", Permission.RUNS_START, method="POST")
    @resource.response(200, Findings)
    def check(name: str) -> Json:
        """Try it now, read-only."""
        found = acting.check(program, name, by=current_person().actor)
        return {"items": [_finding(finding) for finding in found]}


def _add_door(resource: Resource, context: Context, described: Callable[[str], Json]) -> None:
    program = context.program

    def connecting() -> Connecting:
        return Connecting(program, context.reload)

    @resource.operation("", Permission.CONNECTIONS_MANAGE, method="POST")
    @resource.arguments(NewConnection)
    @resource.response(201, Saved)
    def add(body: Json) -> Json:
        """Add a connection in a file of its own. It is tried first, and refused where that finds something wrong, unless
        `anyway`."""
        return _saved(connecting(), body, None)

    @resource.operation("/<name>", Permission.CONNECTIONS_MANAGE, method="PUT")
    @resource.arguments(ChangedConnection)
    @resource.response(200, Saved)
    def change(body: Json, name: str) -> Json:
        """Change a connection that has a file of its own. Secrets that are left out stay."""
        return _saved(connecting(), body, name)

    @resource.operation("/<name>", Permission.CONNECTIONS_MANAGE, method="DELETE")
    @resource.response(200, TakenUp)
    def remove(name: str) -> Json:
        """Take away a connection that has a file of its own. Its history stays."""
        described(name)
        return {"taken_up": connecting().remove(name, by=current_person().actor)}

    @resource.operation("/<name>/path-secrets", Permission.CONNECTIONS_MANAGE, method="POST")
    @resource.response(201, NewPathSecret)
    def add_path_secret(name: str) -> Json:
        """A new secret address for its events, beside the present one. It is shown once."""
        text, taken_up = connecting().add_path_secret(name, by=current_person().actor)
        return {"path_secret": text, "taken_up": taken_up}

    @resource.operation(
        "/<name>/path-secrets/oldest", Permission.CONNECTIONS_MANAGE, method="DELETE"
    )
    @resource.response(200, TakenUp)
    def drop_path_secret(name: str) -> Json:
        """Let events in no more by the oldest secret address."""
        return {"taken_up": connecting().drop_path_secret(name, by=current_person().actor)}


def _saved(connections: Connecting, body: Json, existing: str | None) -> Json:
    given = {
        **{SETTING + key: value for key, value in body["settings"].items()},
        **{OWN + key: value for key, value in body["options"].items()},
        **{FLOW + key: value for key, value in body["flow"].items()},
        "name": body.get("name", ""),
        "system": body.get("system", ""),
        "events": "yes" if body["events"] else "",
    }
    proposal = connections.propose(given, existing=existing)
    findings = connections.test(proposal)
    wrong = [finding for finding in findings if not finding.ok]
    if wrong and not body["anyway"]:
        raise Refused(
            f"It was tried, and something is wrong: {wrong[0].what}: {wrong[0].detail}.",
            remedy=wrong[0].remedy or "Mend it, or save it `anyway`.",
        )
    taken_up = connections.save(proposal, by=current_person().actor)
    found = [_finding(finding) for finding in findings]
    return {"name": proposal.name, "taken_up": taken_up, "findings": found}


def _finding(finding: Finding) -> Json:
    return {
        "ok": finding.ok,
        "what": finding.what,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }
