"""The financing of Monite's sandbox, every request and answer checked against the vendor's OpenAPI document."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from connector.financier import Submission
from connector.sandbox.clock import SandboxClock
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.server import serve
from connector.secrets import Secret
from tests.conformance.harness import FinancierSide
from tests.fakes import START
from tests.monite_contract import checked

VARIANTS = ("",)
SECRET = "c4n4ry-monite-client-secret"

WORDS = {
    "DRAFT": "draft",
    "NEW": "submitted",
    "FUNDED": "funded",
    "PAID": "repaid",
    "LATE": "overdue",
    "REJECTED": "declined",
    "DEFAULTED": "defaulted",
}


def no_session(_session: str) -> None:
    raise AssertionError("Monite tells nothing of its widget's sessions.")


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[FinancierSide]:
    settings = MoniteSettings(
        client_secret=SECRET, invoices=20, counterparts=4, rate_limit_per_second=100_000
    )
    sandbox = create_monite(settings, directory, SandboxClock(START))
    references: dict[str, str] = {}
    """Our reference by the invoice's identifier: Monite is not told it."""

    with checked(sandbox), serve(sandbox) as url:

        def control(path: str, body: dict[str, Any]) -> Any:
            asked = urllib.request.Request(
                f"{url}/sandbox/{path}", json.dumps(body).encode(), method="POST"
            )
            with urllib.request.urlopen(asked) as answer:
                return json.load(answer)

        def written(submission: Submission) -> Submission:
            """The invoice as it stands in Monite's books."""
            fields = {
                "document_id": submission.invoice_number,
                "currency": submission.currency,
                "due_date": submission.due_date.isoformat(),
                "total_amount": submission.amount_minor_units,
                "amount_due": submission.amount_minor_units,
            }
            (own_id,) = control("receivables", {"set": fields})["ids"]
            references[own_id] = submission.client_reference_id
            return replace(submission, source_id=own_id)

        def set_status(remote_id: str, word: str) -> None:
            kind, _, invoice = remote_id.partition(":")
            control("desk/set", {"invoice": invoice, "type": kind, "status": word})

        yield FinancierSide(
            url=url,
            settings={
                "base_url": url,
                "client_id": settings.client_id,
                "client_secret": Secret(SECRET),
                "entity_id": settings.entity_id,
            },
            bad_credentials={"client_secret": Secret("c4n4ry-wrong-secret")},
            secrets=(SECRET, "c4n4ry-wrong-secret"),
            remote_invoices=lambda: [
                (
                    references[o.body["invoice_id"]],
                    str(o.currency),
                    int(o.amount_minor_units or 0),
                )
                for o in sandbox.ledger.select("financing")
            ],
            let_person_complete=no_session,
            let_person_cancel=no_session,
            set_status=set_status,
            words=WORDS,
            create_paths={"invoice": "/financing_invoices"},
            event=None,
            prepared=written,
            past_due_words="at least 7 days ahead",
            not_told=frozenset({"client_reference_id", "invoice_number"}),
            wire={
                "amount": "total_amount",
                "currency": "currency",
                "status": "status",
                "due_date": "due_date",
            },
        )
