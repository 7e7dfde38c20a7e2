"""Kanmon's desk: it moves each invoice through a path that follows from the seed alone, and tells each step."""

from __future__ import annotations

from connector.sandbox.desk import Desk
from connector.sandbox.kanmon.businesses import set_product
from connector.sandbox.kanmon.refusal import platform_time
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
    desk_of(world).take(invoice.id, path_of(world, str(invoice.reference)))


def desk_of(world: World) -> Desk:
    """The desk of this platform."""

    def move(invoice_id: str, status: str) -> None:
        invoice = world.required("invoice", invoice_id, "InvoiceNotFoundException")
        set_status(world, invoice, status)

    return Desk(world, move)


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
