"""What people do behind the API, under `/sandbox/`: in the books, in the financing widget, at the financier's desk."""

from __future__ import annotations

from datetime import date

from flask import Response, request

from connector.sandbox.control import control_body, reply
from connector.sandbox.ledger import StoredObject
from connector.sandbox.monite import financing
from connector.sandbox.monite.invoices import change
from connector.sandbox.monite.oracle import totals_of
from connector.sandbox.monite.seed import new_invoice
from connector.sandbox.monite.world import World, monite_time
from connector.sandbox.wire import JsonObject

SIDES = {"payables": "payable", "receivables": "receivable"}
STATUSES = ("DRAFT", "NEW", "FUNDED", "PAID", "LATE", "REJECTED", "DEFAULTED")
_READY = {"payable": "waiting_to_be_paid", "receivable": "issued"}


def add_invoice(world: World, kind: str, fields: JsonObject) -> StoredObject:
    """Add a payable or receivable that is ready; what is not given is copied from a ready one."""
    now = world.now()
    own = [
        stored
        for stored in world.all(kind)
        if stored.status == _READY[kind] and stored.body["_entity"] == world.settings.entity_id
    ]
    if not own:
        raise ValueError(f"The Monite sandbox has no {kind} to copy.")
    with world.ledger.transaction():
        own_id = world.new_id(kind)
        stamps = {"id": own_id, "created_at": monite_time(now), "updated_at": monite_time(now)}
        count = int(world.ledger.meta(f"last_{kind}") or 0)
        body = {**own[0].body, **stamps, "document_id": f"ADDED-{kind[0].upper()}-{count:05d}"}
        if kind == "receivable":
            body |= {"file_url": f"/storage/receivables/{own_id}.pdf"}
            body |= {"original_file_url": body["file_url"]}
            body["related_documents"] = {"credit_note_ids": [], "proforma_invoice_id": None}
        body |= fields
        stored = world.ledger.add(kind, new_invoice(body, now), cause="added")
        world.tell(kind, "created", own_id, body["_entity"])
    return stored


def add_controls(world: World) -> None:
    """Add the endpoints."""
    _add_books(world)
    _add_financing(world)


def _add_books(world: World) -> None:
    app, ledger = world.sandbox.app, world.ledger

    @app.post("/sandbox/<any(payables, receivables):side>")
    def add(side: str) -> Response:
        body = control_body()
        with ledger.transaction():
            fields = body.get("set", {})
            added = [
                add_invoice(world, SIDES[side], fields) for _ in range(int(body.get("count", 1)))
            ]
        return reply({"ids": [stored.id for stored in added]})

    @app.route("/sandbox/<any(payables, receivables):side>/<own_id>", methods=["POST", "DELETE"])
    def change_or_remove(side: str, own_id: str) -> Response:
        kind = SIDES[side]
        stored = ledger.get(kind, own_id)
        if stored is None:
            raise ValueError(f"There is no {kind} {own_id!r} in the Monite sandbox.")
        if request.method == "DELETE":
            with ledger.transaction():
                ledger.remove(kind, own_id, at=world.now())
                world.tell(kind, "deleted", own_id, stored.body["_entity"])
            return reply({"removed": True})
        body = control_body()
        fields = body.get("set", {})
        word = body.get("action") or _word(kind, fields)
        changed = change(world, stored, fields, word, touch=body.get("touch", True))
        return reply(changed.body)

    @app.get("/sandbox/totals")
    def totals() -> Response:
        text = request.args.get("today")
        today = date.fromisoformat(text) if text else world.sandbox.clock.today()
        entity = request.args.get("entity_id", world.settings.entity_id)
        kinds = request.args.getlist("kind") or list(SIDES.values())
        records = (
            (kind, stored.body)
            for kind in kinds
            for stored in world.all(kind)
            if stored.body["_entity"] == entity
        )
        by_monite = request.args.get("financier") == "monite"
        largest = int(request.args["largest"]) if "largest" in request.args else None
        return reply(totals_of(records, today, financed_by_monite=by_monite, largest=largest))


def _word(kind: str, fields: JsonObject) -> str:
    status = fields.get("status")
    told = {
        "payable": ("canceled", "paid", "partially_paid", "rejected"),
        "receivable": ("issued", "paid", "partially_paid", "overdue", "uncollectible", "canceled"),
    }
    return str(status) if status in told[kind] else "updated"


def _add_financing(world: World) -> None:
    app = world.sandbox.app
    financing.desk_of(world).add_controls()

    @app.post("/sandbox/person/complete-all")
    def complete_all() -> Response:
        return reply(financing.handle_open_sessions(world))

    @app.post("/sandbox/person/complete")
    def complete() -> Response:
        return reply({"submitted": financing.complete(world, control_body()["session_token"])})

    @app.post("/sandbox/person/cancel")
    def cancel() -> Response:
        financing.cancel(world, control_body()["session_token"])
        return reply({"canceled": True})

    @app.post("/sandbox/desk/set")
    def set_status() -> Response:
        body = control_body()
        key = financing.key_of(body.get("type", "receivable"), body["invoice"])
        found, status = world.ledger.get("financing", key), body["status"]
        if found is None or status not in STATUSES:
            raise ValueError(f"There is no financing {key!r}, or no status {status!r}.")
        return reply({"status": financing.set_status(world, found, status).status})

    @app.post("/sandbox/business")
    def set_business() -> Response:
        status = str(control_body()["status"])
        if status not in ("NEW", "INPUT_REQUIRED", "ONBOARDED"):
            raise ValueError("A business is NEW, INPUT_REQUIRED or ONBOARDED.")
        world.ledger.set_meta("business_status", status)
        return reply({"status": status})
