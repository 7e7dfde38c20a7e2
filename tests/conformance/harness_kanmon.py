"""The sandbox of Kanmon: with its one plan found by itself, and with everything set and the other spellings."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.kanmon import KanmonSettings, create_kanmon
from connector.sandbox.server import serve
from connector.secrets import Secret
from tests.conformance.harness import FinancierSide
from tests.fakes import START

VARIANTS = ("found", "set")
API_KEY = "c4n4ry-kanmon-api-key"

WORDS = {
    "INVOICE_CREATED": "submitted",
    "IN_REVIEW": "submitted",
    "INVOICE_FUNDED": "funded",
    "LATE": "overdue",
    "INVOICE_PAID_IN_FULL": "repaid",
    "DEFAULTED": "defaulted",
    "REJECTED": "declined",
    "INVOICE_PENDING_RETURN": "returning",
    "INVOICE_RETURNED": "returned",
}


def no_session(_session: str) -> None:
    raise AssertionError("Kanmon is asked without sessions.")


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[FinancierSide]:
    settings = KanmonSettings(api_key_secret=API_KEY)
    if variant == "set":
        settings.plans, settings.already_exists_status, settings.newest_first = 2, 409, False
    sandbox = create_kanmon(settings, directory, SandboxClock(START))
    with serve(sandbox) as url:

        def control(path: str, body: dict[str, Any]) -> None:
            asked = urllib.request.Request(
                f"{url}/sandbox/{path}", json.dumps(body).encode(), method="POST"
            )
            urllib.request.urlopen(asked).close()

        (business,) = sandbox.ledger.select("business")
        chosen: dict[str, Any] = {"platform_user_id": "user-1"}
        if variant == "set":
            (user,) = sandbox.ledger.select("user")
            receivables, _ = sandbox.ledger.select("product")
            plans = receivables.body["servicingData"]["pricingPlans"]
            chosen = {
                "user_id": user.id,
                "receivable_product_id": receivables.id,
                "receivable_plan_id": plans[1]["id"],
            }
        yield FinancierSide(
            url=url,
            settings={
                "base_url": url,
                "api_key": Secret(API_KEY),
                "business_id": business.id,
                **chosen,
            },
            bad_credentials={"api_key": Secret("c4n4ry-wrong-key")},
            secrets=(API_KEY, "c4n4ry-wrong-key"),
            remote_invoices=lambda: [
                (str(o.reference), str(o.currency), int(o.amount_minor_units or 0))
                for o in sandbox.ledger.select("invoice")
            ],
            let_person_complete=no_session,
            let_person_cancel=no_session,
            set_status=lambda invoice, word: control(
                "desk/set", {"invoice": invoice, "status": word}
            ),
            words=WORDS,
            create_paths={"invoice": "/invoices/finance"},
            event=lambda invoice, reference: {
                "id": "log_1",
                "businessId": business.id,
                "eventType": "INVOICE.FUNDED",
                "payload": {"id": invoice, "platformInvoiceId": reference},
                "createdAt": "2026-03-02T09:30:00.123Z",
            },
            first_status="submitted",
            least_minor_units=100,
            past_due_words="InvalidInvoiceDueDateException",
            renews_access=False,
            wire={
                "id": "id",
                "amount": "invoiceAmountCents",
                "status": "status",
                "due_date": "invoiceDueDate",
            },
        )
