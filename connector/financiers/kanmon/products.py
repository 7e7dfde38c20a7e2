"""Which issued product and which pricing plan an invoice is financed under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import Refused
from connector.financier_answers import a_text, an_object, objects_of, text_or_none

PRODUCT_TYPES = {"receivable": "INVOICE_FINANCING", "payable": "ACCOUNTS_PAYABLE_FINANCING"}
"""The type of product by the direction of the invoice."""

CURRENT = "CURRENT"


@dataclass(frozen=True, slots=True)
class Product:
    """An issued product as far as it matters here."""

    product_id: str
    product_type: str
    loan_status: str
    available_cents: int | None
    plan_ids: tuple[str, ...]


def read_product(value: Any) -> Product:
    """An issued product. Raises Misshapen."""
    product = an_object(value, "issued product")
    servicing = product.get("servicingData")
    plans: Sequence[Mapping[str, Any]] = ()
    available = None
    if isinstance(servicing, Mapping):
        available = servicing.get("availableLimitCents")
        if servicing.get("pricingPlans") is not None:
            plans = objects_of(servicing, "pricingPlans")
    return Product(
        a_text(product, "id"),
        a_text(product, "productType"),
        text_or_none(product.get("loanStatus")) or "",
        available if type(available) is int else None,
        tuple(a_text(plan, "id") for plan in plans),
    )


def choose(
    products: Sequence[Product], direction: str, settings: Mapping[str, Any]
) -> tuple[str, str]:
    """The identifiers of product and plan. Raises Refused with what to set where it is not clear."""
    wanted = settings[f"{direction}_product_id"]
    kind = PRODUCT_TYPES[direction]
    if wanted is None:
        fitting = [p for p in products if p.product_type == kind and p.loan_status == CURRENT]
    else:
        fitting = [p for p in products if p.product_id == wanted]
    if len(fitting) != 1:
        raise Refused(
            f"The business has {len(fitting)} issued products that are {CURRENT} for {kind}."
            if wanted is None
            else f"The business has no issued product {wanted}.",
            remedy=f"Set {direction}_product_id to the one to be used, or ask Kanmon to issue one.",
        )
    product = fitting[0]
    plan = settings[f"{direction}_plan_id"]
    if plan is None and len(product.plan_ids) == 1:
        plan = product.plan_ids[0]
    if plan is None or (product.plan_ids and plan not in product.plan_ids):
        raise Refused(
            f"It is not clear which pricing plan of {product.product_id} is meant.",
            remedy=f"Set {direction}_plan_id to one of: {', '.join(product.plan_ids) or 'none there'}.",
        )
    return product.product_id, str(plan)
