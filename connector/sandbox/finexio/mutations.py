"""What tests do to Finexio behind its API: change, add, remove and advance invoices. Under `/sandbox/`."""

from __future__ import annotations

from datetime import date

from flask import Response, request

from connector.sandbox.control import control_body, reply
from connector.sandbox.finexio.create import add_invoice
from connector.sandbox.finexio.oracle import expected_totals
from connector.sandbox.finexio.seed import finexio_time, payment_body
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.people import made_up_id
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import JsonObject

_NEXT = {"pending": "in-progress", "in-progress": "sent", "sent": "complete"}


def change_invoice(
    sandbox: Sandbox, invoice_id: str, fields: JsonObject, *, touch: bool = True
) -> StoredObject:
    """Set fields of an invoice; `touch` False leaves `updated` as it was. Raises ValueError for an unknown id."""
    with sandbox.ledger.transaction():
        stored = _existing(sandbox, invoice_id)
        now = sandbox.clock.now()
        body = {**stored.body, **fields}
        if touch:
            body["updated"] = finexio_time(now)
        amount = body.get("amount_cents")
        money = (body.get("currency"), amount if type(amount) is int else None)
        return sandbox.ledger.change(
            stored,
            body,
            at=now,
            cause="changed",
            status=body.get("status"),
            reference=body.get("invoice_number"),
            money=money,
        )


def advance_invoice(sandbox: Sandbox, invoice_id: str, status: str | None = None) -> StoredObject:
    """Move an invoice to `status` or one step on, and its payment with it."""
    with sandbox.ledger.transaction():
        stored = _existing(sandbox, invoice_id)
        target = status or _NEXT.get(str(stored.body["status"]), str(stored.body["status"]))
        fields: JsonObject = {"status": target}
        if target != "pending" and stored.body["payment_id"] is None:
            number = sandbox.ledger.count("payment") + 1
            fields["payment_id"] = "pmt_" + made_up_id(sandbox.settings.seed, "paid", number, 20)
        changed = change_invoice(sandbox, invoice_id, fields)
        _write_payment(sandbox, changed)
        return changed


def change_counterparty(sandbox: Sandbox, counterparty_id: str, fields: JsonObject) -> StoredObject:
    """Set fields of a counterparty. Raises ValueError for an unknown id."""
    with sandbox.ledger.transaction():
        stored = sandbox.ledger.get("counterparty", counterparty_id)
        if stored is None:
            raise ValueError(f"There is no counterparty {counterparty_id!r} in the sandbox.")
        now = sandbox.clock.now()
        body = {**stored.body, **fields, "updated": finexio_time(now)}
        return sandbox.ledger.change(stored, body, at=now, cause="changed")


def add_mutations(sandbox: Sandbox) -> None:
    """Add the mutation and oracle endpoints."""
    app, ledger = sandbox.app, sandbox.ledger

    @app.post("/sandbox/invoices")
    def add() -> Response:
        body = control_body()
        count, fields = int(body.pop("count", 1)), body.pop("set", {})
        with ledger.transaction():
            added = [add_invoice(sandbox, fields, cause="added") for _ in range(count)]
        return reply({"ids": [stored.id for stored in added]})

    @app.route("/sandbox/invoices/<invoice_id>", methods=["POST", "DELETE"])
    def change(invoice_id: str) -> Response:
        if request.method == "DELETE":
            return reply({"removed": ledger.remove("invoice", invoice_id, at=sandbox.clock.now())})
        body = control_body()
        changed = change_invoice(
            sandbox, invoice_id, body.get("set", {}), touch=body.get("touch", True)
        )
        return reply(changed.body)

    @app.post("/sandbox/invoices/<invoice_id>/advance")
    def advance(invoice_id: str) -> Response:
        return reply(advance_invoice(sandbox, invoice_id, control_body().get("status")).body)

    @app.post("/sandbox/counterparties/<counterparty_id>")
    def change_party(counterparty_id: str) -> Response:
        fields = control_body().get("set", {})
        return reply(change_counterparty(sandbox, counterparty_id, fields).body)

    @app.get("/sandbox/webhooks")
    def deliveries() -> Response:
        rows = ledger.rows("SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state")
        return reply({row["state"]: row["n"] for row in rows})

    @app.get("/sandbox/totals")
    def totals() -> Response:
        version = request.args.get("version", "v2")
        text = request.args.get("today")
        today = date.fromisoformat(text) if text else sandbox.clock.today()
        return reply(expected_totals(ledger, version, today))


def _write_payment(sandbox: Sandbox, invoice: StoredObject) -> None:
    payment_id = invoice.body["payment_id"]
    if payment_id is None:
        return
    ledger, now = sandbox.ledger, sandbox.clock.now()
    fresh = payment_body(invoice.body, payment_id, now)
    old = ledger.get("payment", payment_id)
    if old is None:
        new = NewObject(payment_id, fresh, now, status=fresh["status"])
        written = ledger.add("payment", new)
    else:
        body = {**fresh, "created": old.body["created"]}
        written = ledger.change(old, body, at=now, cause="changed", status=body["status"])
    sandbox.changed["payment"](written)


def _existing(sandbox: Sandbox, invoice_id: str) -> StoredObject:
    stored = sandbox.ledger.get("invoice", invoice_id)
    if stored is None:
        raise ValueError(f"There is no invoice {invoice_id!r} in the Finexio sandbox.")
    return stored
