"""Records that violate Finexio's documents on purpose. Each names the field and the outcome a connector must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from connector.sandbox.wire import JsonObject

BOTH = ("v1", "v2")
ONLY_V2 = ("v2",)


@dataclass(frozen=True, slots=True)
class Defect:
    """`spoil` makes a clean invoice violate the constraint on `field` in the given versions of the API."""

    name: str
    field: str
    spoil: Callable[[JsonObject], None]
    versions: tuple[str, ...] = BOTH


def _value(field: str, value: object) -> Callable[[JsonObject], None]:
    def spoil(body: JsonObject) -> None:
        body[field] = value

    return spoil


def _set(name: str, field: str, value: object, versions: tuple[str, ...] = BOTH) -> Defect:
    return Defect(name, field, _value(field, value), versions)


DEFECTS: tuple[Defect, ...] = (
    _set("foreign_currency", "currency", "EUR"),
    _set("lower_case_currency", "currency", "usd"),
    _set("missing_number", "invoice_number", None),
    _set("number_too_long", "invoice_number", "9" * 50),
    _set("negative_amount", "amount_cents", -500),
    _set("zero_amount", "amount_cents", 0),
    _set("amount_too_large", "amount_cents", 999_999_901),
    _set("amount_as_text", "amount_cents", "1250"),
    _set("amount_with_fraction", "amount_cents", Decimal("12.5")),
    _set("amount_missing", "amount_cents", None),
    _set("negative_discount", "discount_amount_cents", -1),
    _set("discount_too_large", "discount_amount_cents", 999_999_901),
    _set("impossible_due_date", "invoice_due_date", "2027-02-30"),
    _set("due_date_in_other_form", "invoice_due_date", "31/12/2027"),
    _set("impossible_invoice_date", "invoice_date", "2026-13-01"),
    _set("buyer_missing", "originating_counterparty_id", None),
    _set("supplier_missing", "receiving_counterparty_id", None),
    _set("nested_metadata", "metadata", {"order": {"line": 1}}),
    _set("note_too_long", "note", "n" * 1001),
    _set("account_number_too_long", "account_number", "0" * 251, ONLY_V2),
    _set("reconciliation_id_too_long", "reconciliation_id", "r" * 51, ONLY_V2),
    _set("accounting_id_too_long", "accounting_id", "a" * 71, ONLY_V2),
    _set("payment_group_id_too_long", "payment_group_id", "g" * 101, ONLY_V2),
)
