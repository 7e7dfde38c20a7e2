"""Businesses, their users and issued products, and the tokens that open the widget."""

from __future__ import annotations

from datetime import datetime, timedelta

from connector.sandbox.kanmon.refusal import RefusalError, platform_time
from connector.sandbox.kanmon.world import World, bad
from connector.sandbox.ledger import NewObject, StoredObject, instant_text
from connector.sandbox.people import Company, companies
from connector.sandbox.wire import JsonObject

INVOICE_FINANCING = "INVOICE_FINANCING"
ACCOUNTS_PAYABLE_FINANCING = "ACCOUNTS_PAYABLE_FINANCING"
COMPONENTS = (
    "SESSION_INVOICE_FLOW",
    "SESSION_INVOICE_FLOW_WITH_INVOICE_FILE",
    "SESSION_ACCOUNTS_PAYABLE_INVOICE_FLOW",
    "SESSION_ACCOUNTS_PAYABLE_INVOICE_FLOW_WITH_INVOICE_FILE",
)


def populate(world: World) -> None:
    """The businesses that exist from the beginning, onboarded, each with both kinds of product."""
    for number, company in enumerate(companies(world.settings.seed, world.settings.businesses), 1):
        business = add_business(world, f"business-{number}", company.name)
        _add_user(world, business, f"user-{number}", company)
        for product_type in (INVOICE_FINANCING, ACCOUNTS_PAYABLE_FINANCING):
            add_product(world, business, product_type)


def add_business(world: World, platform_id: str, name: str) -> StoredObject:
    """A business. Raises RefusalError when the platform's id is taken."""
    if world.ledger.by_reference("business", platform_id):
        raise RefusalError(
            "BusinessAlreadyExistsException", "This platformBusinessId is taken.", 409
        )
    now = world.now()
    body: JsonObject = {
        "id": world.new_id("business"),
        "platformBusinessId": platform_id,
        "legalName": name,
        "createdAt": platform_time(now),
        "updatedAt": platform_time(now),
    }
    return world.ledger.add("business", NewObject(body["id"], body, now, reference=platform_id))


def _add_user(world: World, business: StoredObject, platform_id: str, company: Company) -> None:
    now = world.now()
    body: JsonObject = {
        "id": world.new_id("user"),
        "platformUserId": platform_id,
        "businessId": business.id,
        "email": company.email,
        "roles": ["PRIMARY_OWNER"],
        "createdAt": platform_time(now),
        "updatedAt": platform_time(now),
    }
    world.ledger.add("user", NewObject(body["id"], body, now, reference=platform_id))


def add_product(world: World, business: StoredObject, product_type: str) -> StoredObject:
    """An issued product: a limit and the plans under which invoices are financed."""
    now, limit = world.now(), world.settings.credit_limit_cents
    plans = [
        {
            "id": world.new_id("plan"),
            "advanceRatePercentage": 80 + 5 * number,
            "transactionFeePercentage": 5 + number,
            "repaymentWindow": 30 * (number + 1),
        }
        for number in range(world.settings.plans)
    ]
    body: JsonObject = {
        "id": world.new_id("product"),
        "businessId": business.id,
        "platformBusinessId": business.reference,
        "productType": product_type,
        "loanStatus": "CURRENT",
        "servicingData": {
            "totalLimitCents": limit,
            "availableLimitCents": limit,
            "pricingPlans": plans,
        },
        "createdAt": platform_time(now),
        "updatedAt": platform_time(now),
    }
    return world.ledger.add("product", NewObject(body["id"], body, now, status="CURRENT"))


def set_product(
    world: World, product: StoredObject, *, loan_status: str | None = None, used_cents: int = 0
) -> StoredObject:
    """Change a product's status, or take so much of its limit (a negative number gives it back)."""
    servicing = product.body["servicingData"]
    status = loan_status or product.body["loanStatus"]
    body = {
        **product.body,
        "loanStatus": status,
        "servicingData": {
            **servicing,
            "availableLimitCents": servicing["availableLimitCents"] - used_cents,
        },
        "updatedAt": platform_time(world.now()),
    }
    return world.ledger.change(product, body, at=world.now(), cause="servicing", status=status)


def connect_token(world: World, body: JsonObject) -> JsonObject:
    """POST /connect-tokens"""
    user = _named(world, "user", body, "userId", "platformUserId")
    return {"connectToken": _token(world, "connect", {"user": user.id})}


def session_token(world: World, body: JsonObject) -> JsonObject:
    """POST /embedded-session"""
    business = _named(world, "business", body, "businessId", "platformBusinessId")
    data = body.get("data")
    if not isinstance(data, dict) or data.get("component") not in COMPONENTS:
        raise bad(f"data.component must be one of: {', '.join(COMPONENTS)}.")
    if not isinstance(data.get("invoices"), list) or not data["invoices"]:
        raise bad("data.invoices must be a list of at least one invoice.")
    kept = {"business": business.id, "invoices": data["invoices"], "component": data["component"]}
    return {"sessionToken": _token(world, "session", kept)}


def use_token(world: World, token: str) -> StoredObject:
    """A person opens the widget with it. Raises RefusalError when it was used or has expired."""
    with world.ledger.transaction():
        stored = world.required("token", token, "TokenNotFoundException")
        if stored.status == "used":
            raise RefusalError("ForbiddenException", "The token was used already.", 403)
        if stored.body["expires_at"] <= instant_text(world.now()):
            raise RefusalError("ForbiddenException", "The token has expired.", 403)
        return world.ledger.change(
            stored, stored.body, at=world.now(), cause="opened", status="used"
        )


def _token(world: World, kind: str, about: JsonObject) -> str:
    now: datetime = world.now()
    token = f"{kind}-{world.new_id('token')}"
    life = timedelta(seconds=world.settings.token_life_seconds)
    body = {**about, "kind": kind, "expires_at": instant_text(now + life)}
    world.ledger.add("token", NewObject(token, body, now, status="open"))
    return token


def _named(world: World, kind: str, body: JsonObject, own: str, platform: str) -> StoredObject:
    if isinstance(body.get(own), str):
        return world.required(kind, body[own], f"{kind.capitalize()}NotFoundException")
    found = world.ledger.by_reference(kind, str(body.get(platform)))
    if not found:
        code = f"{kind.capitalize()}NotFoundException"
        raise RefusalError(code, f"Name a {kind} by {own} or {platform}.", 404)
    return found[0]
