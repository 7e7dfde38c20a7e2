"""Invoices: the rules of POST /invoices/finance, and how an invoice is shown."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.sandbox.kanmon.businesses import (
    ACCOUNTS_PAYABLE_FINANCING,
    INVOICE_FINANCING,
    set_product,
)
from connector.sandbox.kanmon.desk import begin, tell
from connector.sandbox.kanmon.refusal import RefusalError, platform_time
from connector.sandbox.kanmon.world import World, bad, page_of
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.wire import JsonObject

LEAST_CENTS = 100
LEAST_DAYS_AHEAD = 7
MOST_DAYS_PAST = 5


def finance(world: World, body: JsonObject) -> JsonObject:
    """POST /invoices/finance"""
    for field in ("platformInvoiceId", "platformInvoiceNumber", "description"):
        _text(body, field)
    amount, requested = _cents(body, "invoiceAmountCents"), _requested(body)
    due = _date(body, "invoiceDueDate")
    with world.ledger.transaction():
        product = world.required(
            "product", body.get("issuedProductId"), "IssuedProductNotFoundException"
        )
        plan = _plan(world, product, body.get("invoicePaymentPlanId"))
        reference = body["platformInvoiceId"]
        if world.ledger.by_reference("invoice", reference):
            raise RefusalError(
                "PlatformInvoiceIdAlreadyExistsException",
                "An invoice with this platformInvoiceId already exists.",
                world.settings.already_exists_status,
            )
        _check_number(world, product, body["platformInvoiceNumber"])
        if product.status != "CURRENT":
            raise RefusalError(
                "IssuedProductStatusNotCurrentException", "The issued product is not current.", 409
            )
        _check_party_and_dates(world, product, body, due)
        invoice = _invoice(world, body, product, plan, (amount, requested))
        if invoice["principalAmountCents"] > product.body["servicingData"]["availableLimitCents"]:
            raise RefusalError(
                "InsufficientCreditLimitException", "The credit limit does not suffice.", 409
            )
        set_product(world, product, used_cents=invoice["principalAmountCents"])
        new = NewObject(
            invoice["id"],
            invoice,
            world.now(),
            reference=reference,
            status=invoice["status"],
            currency="USD",
            amount_minor_units=amount,
        )
        stored = world.ledger.add("invoice", new)
        taken = f"{product.id}/{body['platformInvoiceNumber']}"
        world.ledger.add("invoice_number", NewObject(stored.id, {}, world.now(), reference=taken))
        tell(world, stored)
        begin(world, stored)
    return invoice


def find(world: World, invoice_id: str, id_type: str | None) -> JsonObject:
    """GET /invoices/{id}?idType=KANMON|PLATFORM"""
    if id_type not in (None, "KANMON", "PLATFORM"):
        raise bad("idType must be KANMON or PLATFORM.")
    if id_type == "PLATFORM":
        found = world.ledger.by_reference("invoice", invoice_id)
        invoice_id = found[0].id if found else ""
    return world.required("invoice", invoice_id, "InvoiceNotFoundException").body


def listed(world: World, query: dict[str, str]) -> JsonObject:
    """GET /invoices"""
    lag = timedelta(seconds=world.settings.list_lag_seconds)
    visible_until = world.now() - lag
    stored = [
        one
        for one in world.ledger.select("invoice")
        if datetime.fromisoformat(one.created_at) <= visible_until
    ]
    filters = {
        "ids": lambda body: body["id"],
        "platformInvoiceIds": lambda body: body["platformInvoiceId"],
        "statuses": lambda body: body["status"],
        "businessIds": lambda body: body["businessId"],
        "platformBusinessIds": lambda body: body["platformBusinessId"],
    }
    return page_of(world, "invoices", stored, query, filters)


def _invoice(
    world: World,
    body: JsonObject,
    product: StoredObject,
    plan: JsonObject,
    cents: tuple[int, int],
) -> JsonObject:
    amount, requested = cents
    now = platform_time(world.now())
    principal = requested * plan["advanceRatePercentage"] // 100
    fee = principal * plan["transactionFeePercentage"] // 100
    parts = ("Type", "BusinessName", "FirstName", "LastName")
    names = [f"{side}{part}" for side in ("payor", "payee") for part in parts]
    entry = {
        "repaymentDate": body["invoiceDueDate"],
        "repaymentAmountCents": principal,
        "repaymentFeeAmountCents": fee,
        "repaymentPrincipalAmountCents": principal - fee,
    }
    return {
        "id": world.new_id("invoice"),
        "status": "INVOICE_CREATED",
        "issuedProductId": product.id,
        "invoicePaymentPlanId": plan["id"],
        "businessId": product.body["businessId"],
        "platformBusinessId": product.body["platformBusinessId"],
        "platformInvoiceId": body["platformInvoiceId"],
        "platformInvoiceNumber": body["platformInvoiceNumber"],
        "invoiceAmountCents": amount,
        "amountRequestedForFinancingCents": requested,
        "invoiceDueDate": body["invoiceDueDate"],
        "invoiceIssuedDate": body.get("invoiceIssuedDate"),
        "description": body["description"],
        **{name: body.get(name) for name in names},
        "principalAmountCents": principal,
        "feeAmountCents": fee,
        "invoiceAdvanceAmountCents": principal - fee,
        "repaymentAmountCents": principal,
        "repaymentSchedule": {"schedule": [entry]},
        "advanceRatePercentage": plan["advanceRatePercentage"],
        "transactionFeePercentage": plan["transactionFeePercentage"],
        "createdAt": now,
        "updatedAt": now,
    }


def _plan(world: World, product: StoredObject, plan_id: object) -> JsonObject:
    for plan in product.body["servicingData"]["pricingPlans"]:
        if plan["id"] == plan_id:
            return dict(plan)
    raise RefusalError(
        "InvoicePaymentPlanNotFoundException",
        "The payment plan was not found.",
        world.settings.plan_not_found_status,
    )


def _check_number(world: World, product: StoredObject, number: str) -> None:
    if world.ledger.by_reference("invoice_number", f"{product.id}/{number}"):
        raise bad("platformInvoiceNumber is taken within this issued product.")


def _check_party_and_dates(
    world: World, product: StoredObject, body: JsonObject, due: date
) -> None:
    today = world.sandbox.clock.today()
    product_type = product.body["productType"]
    if product_type == INVOICE_FINANCING:
        _check_party(body, "payor")
        issued = _date(body, "invoiceIssuedDate")
        if due < today + timedelta(days=LEAST_DAYS_AHEAD) or due <= issued:
            raise RefusalError(
                "InvalidInvoiceDueDateException",
                "The due date must be at least 7 days ahead and after the issued date.",
            )
    elif product_type == ACCOUNTS_PAYABLE_FINANCING:
        _check_party(body, "payee")
        if due < today - timedelta(days=MOST_DAYS_PAST):
            raise RefusalError(
                "InvalidInvoiceDueDateException",
                "The due date must be at most 5 days in the past.",
            )
    else:
        raise RefusalError("IncorrectProductTypeException", "Not an invoice product.", 409)


def _check_party(body: JsonObject, side: str) -> None:
    names = {
        "BUSINESS": (f"{side}BusinessName",),
        "INDIVIDUAL": (f"{side}FirstName", f"{side}LastName"),
    }
    kind = body.get(f"{side}Type")
    if kind not in names:
        raise bad(f"{side}Type must be BUSINESS or INDIVIDUAL.")
    wanted = names[str(kind)]
    for field in wanted:
        _text(body, field)
    for field in (f"{side}BusinessName", f"{side}FirstName", f"{side}LastName"):
        if field not in wanted and body.get(field) is not None:
            raise bad(f"{field} must not be given for {kind}.")


def _text(body: JsonObject, field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise bad(f"{field} is required.")
    return value


def _cents(body: JsonObject, field: str) -> int:
    value: Any = body.get(field)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value, whole = int(value), True
    if not whole or value < LEAST_CENTS:
        raise bad(f"{field} must be a whole number of cents, at least {LEAST_CENTS}.")
    return int(value)


def _requested(body: JsonObject) -> int:
    requested = _cents(body, "amountRequestedForFinancingCents")
    if requested > _cents(body, "invoiceAmountCents"):
        raise RefusalError(
            "IncorrectFinancingAmountException", "More is requested than the invoice is worth."
        )
    return requested


def _date(body: JsonObject, field: str) -> date:
    try:
        return date.fromisoformat(_text(body, field))
    except ValueError:
        raise bad(f"{field} must be a date.") from None
