"""The financier's desk: it moves each submitted invoice through a path that follows from the seed alone."""

from __future__ import annotations

from collections.abc import Mapping

from connector.sandbox.desk import Desk
from connector.sandbox.hosted_session.dialect import told_event
from connector.sandbox.hosted_session.invoices import FINANCING_PARTS
from connector.sandbox.hosted_session.world import World, platform_time
from connector.sandbox.ledger import StoredObject
from connector.sandbox.people import draw
from connector.sandbox.wire import JsonObject, to_json

_SIGNED = ["requesting_signatures", "approved", "financed"]


def path_of(world: World, client_reference_id: str) -> list[str]:
    """The statuses that follow `new`, for an invoice with this reference."""
    settings = world.settings

    def happens(what: str, percent: int) -> bool:
        return draw(settings.seed, f"{what}:{client_reference_id}") < percent

    asked = (
        ["additional_info_required", "new"]
        if happens("information", settings.information_percent)
        else []
    )
    if happens("decline", settings.decline_percent):
        return [*asked, "declined"]
    late = ["overdue"] if happens("overdue", settings.overdue_percent) else []
    return [*asked, *_SIGNED, *late, "repaid"]


def begin(world: World, invoice: StoredObject) -> None:
    """A session was completed: the invoice is `new`, and the desk has it."""
    amount = invoice.amount_minor_units or 0
    parts = financing_parts(amount, "new", dict.fromkeys(FINANCING_PARTS))
    invoice = set_status(world, invoice, "new", {**invoice.body, "financing": parts})
    desk_of(world).take(invoice.id, path_of(world, str(invoice.reference)))


def desk_of(world: World) -> Desk:
    """The desk of this platform."""

    def move(invoice_id: str, status: str) -> None:
        invoice = world.required("invoice", invoice_id)
        parts = financing_parts(invoice.amount_minor_units or 0, status, invoice.body["financing"])
        set_status(world, invoice, status, {**invoice.body, "financing": parts})

    return Desk(world, move)


def set_status(
    world: World, invoice: StoredObject, status: str, body: JsonObject | None = None
) -> StoredObject:
    """Change an invoice's status and tell it by an event, both or neither."""
    with world.ledger.transaction():
        now = world.now()
        changed = world.ledger.change(
            invoice, body or invoice.body, at=now, cause=status, status=status
        )
        event_id = world.new_id("event")
        event = {
            "id": event_id,
            "object": "event",
            "type": f"invoice.{status}",
            "livemode": False,
            "created": platform_time(now),
            "data": {
                "object": {
                    "id": invoice.id,
                    "object": "invoice",
                    "supplier": invoice.body["supplier"],
                    "buyer": invoice.body["buyer"],
                    "client_reference_id": invoice.body["client_reference_id"],
                    "status": status,
                }
            },
        }
        told = told_event(event) if world.settings.dialect == "second" else event
        world.webhooks.emit(event_id, f"invoice.{status}", invoice.id, to_json(told))
    return changed


def financing_parts(
    amount: int, status: str, parts: Mapping[str, int | None]
) -> dict[str, int | None]:
    """The parts of the financing of `amount` once the invoice has this status, all in minor units."""
    told = dict(parts)
    if status == "new" and told["first_payment"] is None:
        told["first_payment"] = amount * 90 // 100
    if status == "financed":
        told["discount"] = amount // 100
        told["volume_adjument_fees"] = 0
        told["insurance_charges"] = amount * 2 // 1000
    if status == "overdue":
        told["late_payment_fees"] = amount * 5 // 1000
    if status == "repaid":
        spent = sum(value or 0 for name, value in told.items() if name != "second_payment")
        told["second_payment"] = amount - spent
    return told
