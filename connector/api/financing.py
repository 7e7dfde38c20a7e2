"""What may be done about the financing of one invoice: request it, open its widget, cancel its session."""

from __future__ import annotations

from marshmallow import Schema, fields

from connector import views
from connector.access import current_person
from connector.acting import Actions
from connector.api.resource import Context, Json, Resource, instant_field, text_field
from connector.bootstrap import Program
from connector.errors import NotFound, Unsupported
from connector.financier import OffersWidget
from connector.people.roles import Permission
from connector.store.financing_rows import FinancingRow
from connector.store.reading import RecordRow
from connector.views.possibilities import possibilities


class ActSchema(Schema):
    """Something that may be done."""

    act = fields.String(required=True)
    permission = fields.String()
    why_not = fields.String(allow_none=True, metadata={"description": "Null: it is possible now."})


class Acts(Schema):
    """Everything that may be done about an invoice."""

    items = fields.List(fields.Nested(ActSchema), required=True)


class RequestedSchema(Schema):
    """What came of a request."""

    requested = fields.Boolean(
        required=True, metadata={"description": "False: it waits for its document after all."}
    )


class CancelBody(Schema):
    """Why."""

    reason = text_field(most=500, required=True)


class CanceledSchema(Schema):
    """Where the session stands."""

    session_status = fields.String(required=True, allow_none=True)


class WidgetSchema(Schema):
    """One-time tokens for the financier's own widget. They are secret and stored nowhere."""

    kind = fields.String(required=True)
    tokens = fields.Dict(keys=fields.String(), values=fields.String())
    expires_at = instant_field()


def create(context: Context) -> Resource:
    """`/financing`."""
    resource = Resource("financing", "/financing", "What may be done about one invoice.")
    program = context.program

    @resource.operation("/<word>/acts", Permission.INVOICES_READ)
    @resource.response(200, Acts)
    def acts(word: str) -> Json:
        """What may be done about an invoice now, and why not where it may not."""
        record, financing = _standing(program, word)
        financier = None if financing is None else program.financiers.get(financing.financier)
        return {"items": list(possibilities(record, financing, financier).values())}

    @resource.operation("/<word>/request", Permission.FINANCING_REQUEST, method="POST")
    @resource.response(200, RequestedSchema)
    def request_financing(word: str) -> Json:
        """Request financing for a ready invoice, or another session where one was canceled or has expired."""
        record, _ = _standing(program, word)
        actions = Actions(program)
        flow = actions.flow(record.connection)
        begun = actions.requests(flow).request(record.id, by=current_person().actor)
        context.wake(f"submit:{flow.name}")
        return {"requested": begun}

    @resource.operation("/<word>/cancel", Permission.FINANCING_CANCEL, method="POST")
    @resource.arguments(CancelBody)
    @resource.response(200, CanceledSchema)
    def cancel(body: Json, word: str) -> Json:
        """Cancel the application of an invoice while its session is open, where the financier offers that."""
        record, financing = _standing(program, word)
        found = _offered(financing)
        sessions = program.financing_sessions(Actions(program).flow(record.connection))
        sessions.cancel(found.id, body["reason"], by=current_person().actor)
        with program.database.read() as tx:
            return {"session_status": tx.financing.get(found.id).session_status}

    @resource.operation("/<word>/widget", Permission.FINANCING_REQUEST, method="POST")
    @resource.response(200, WidgetSchema)
    def widget(word: str) -> Json:
        """Tokens for one opening of the financier's own widget. After it, the financier is asked what came of it."""
        _, financing = _standing(program, word)
        found = _offered(financing)
        financier = program.financiers.get(found.financier)
        if not isinstance(financier, OffersWidget):
            raise Unsupported("This financier has no widget.")
        opened = financier.open_widget(found.remote_invoice_id)
        Actions(program).note_widget(found, by=current_person().actor)
        return {
            "kind": opened.kind,
            "tokens": dict(opened.tokens),
            "expires_at": views.instant(opened.expires_at),
        }

    return resource


def _standing(program: Program, word: str) -> tuple[RecordRow, FinancingRow | None]:
    with program.database.read() as tx:
        record = views.find_record(tx, word)
        found = tx.financing.of_record(record.id)
    return record, found[0] if found else None


def _offered(financing: FinancingRow | None) -> FinancingRow:
    if financing is None:
        raise NotFound("This invoice is not for financing.", remedy="GET /invoices/… says why.")
    return financing
