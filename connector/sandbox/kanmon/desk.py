"""Kanmon's desk: it moves each invoice through a path that follows from the seed alone, and tells each step."""

from __future__ import annotations

from datetime import datetime

from connector.sandbox.kanmon.businesses import set_product
from connector.sandbox.kanmon.refusal import RefusalError, platform_time
from connector.sandbox.kanmon.world import World, bad, page_of
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.people import draw
from connector.sandbox.wire import JsonObject, to_json

STATUSES = (
    "INVOICE_CREATED",
    "IN_REVIEW",
    "INVOICE_FUNDED",
    "LATE",
    "INVOICE_PAID_IN_FULL",
    "DEFAULTED",
    "REJECTED",
    "INVOICE_PENDING_RETURN",
    "INVOICE_RETURNED",
)
GIVES_LIMIT_BACK = frozenset({"INVOICE_PAID_IN_FULL", "REJECTED", "INVOICE_RETURNED"})


def path_of(world: World, reference: str) -> list[str]:
    """The statuses that follow INVOICE_CREATED, for an invoice with this platformInvoiceId."""
    settings = world.settings

    def happens(what: str, percent: int) -> bool:
        return draw(settings.seed, f"kanmon {what}:{reference}") < percent

    if happens("reject", settings.reject_percent):
        return ["IN_REVIEW", "REJECTED"]
    if happens("return", settings.return_percent):
        return ["IN_REVIEW", "INVOICE_FUNDED", "INVOICE_PENDING_RETURN", "INVOICE_RETURNED"]
    if happens("default", settings.default_percent):
        return ["IN_REVIEW", "INVOICE_FUNDED", "LATE", "DEFAULTED"]
    late = ["LATE"] if happens("late", settings.late_percent) else []
    return ["IN_REVIEW", "INVOICE_FUNDED", *late, "INVOICE_PAID_IN_FULL"]


def begin(world: World, invoice: StoredObject) -> None:
    """The invoice is on the desk."""
    plan = {"path": path_of(world, str(invoice.reference)), "position": 0}
    world.ledger.add("desk", NewObject(invoice.id, plan, world.now(), status="active"))


def advance(world: World, *, steps: int = 1, invoice_id: str | None = None) -> int:
    """Move every invoice on the desk (or one) so many steps. Returns how many statuses changed."""
    moved = 0
    for _ in range(steps):
        work = world.ledger.select("desk", status="active")
        before = moved
        for stored in work:
            if invoice_id in (None, stored.id):
                moved += _step(world, stored.id)
        if moved == before:
            break
    return moved


def advance_due(world: World) -> None:
    """Move the invoices whose interval has passed by the sandbox's clock."""
    interval = world.settings.desk_interval_seconds
    if interval is None:
        return
    for stored in world.ledger.select("desk", status="active"):
        age = (world.now() - datetime.fromisoformat(stored.updated_at)).total_seconds()
        for _ in range(min(int(age / interval) if interval > 0 else 1, len(stored.body["path"]))):
            _step(world, stored.id)


def set_status(world: World, invoice: StoredObject, status: str) -> StoredObject:
    """Change an invoice's status and tell it, both or neither."""
    if status not in STATUSES:
        raise bad(f"status must be one of: {', '.join(STATUSES)}.")
    with world.ledger.transaction():
        now = world.now()
        body = {**invoice.body, "status": status, "updatedAt": platform_time(now)}
        changed = world.ledger.change(invoice, body, at=now, cause=status, status=status)
        if status in GIVES_LIMIT_BACK and invoice.status not in GIVES_LIMIT_BACK:
            product = world.required(
                "product", body["issuedProductId"], "IssuedProductNotFoundException"
            )
            set_product(world, product, used_cents=-body["principalAmountCents"])
        tell(world, changed)
    return changed


def tell(world: World, invoice: StoredObject) -> None:
    """Write an activity log of the invoice's status, and deliver it as a webhook where one is registered."""
    now, event_type = world.now(), f"INVOICE.{str(invoice.status).removeprefix('INVOICE_')}"
    log = {
        "id": world.new_id("activity"),
        "businessId": invoice.body["businessId"],
        "platformBusinessId": invoice.body["platformBusinessId"],
        "eventType": event_type,
        "payload": {
            "id": invoice.id,
            "platformInvoiceId": invoice.reference,
            "status": invoice.status,
        },
        "createdAt": platform_time(now),
        "updatedAt": platform_time(now),
    }
    world.ledger.add(
        "activity", NewObject(log["id"], log, now, reference=invoice.body["businessId"])
    )
    world.webhooks.emit(log["id"], event_type, invoice.id, to_json(log))


def activity_logs(world: World, business_id: str, query: dict[str, str]) -> JsonObject:
    """GET /businesses/{id}/activity-logs"""
    world.required("business", business_id, "BusinessNotFoundException")
    stored = world.ledger.by_reference("activity", business_id)
    return page_of(world, "activityLogs", stored, query, {})


def _step(world: World, invoice_id: str) -> int:
    with world.ledger.transaction():
        stored = world.ledger.get("desk", invoice_id)
        if stored is None or stored.status != "active":
            raise RefusalError("NotFoundException", "The invoice is not on the desk.", 404)
        path, position = stored.body["path"], stored.body["position"]
        plan = {"path": path, "position": position + 1}
        state = "done" if position + 1 == len(path) else "active"
        world.ledger.change(stored, plan, at=world.now(), cause="moved", status=state)
        invoice = world.required("invoice", invoice_id, "InvoiceNotFoundException")
        set_status(world, invoice, path[position])
    return 1
