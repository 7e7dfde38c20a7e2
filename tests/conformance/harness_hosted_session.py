"""The sandbox of the hosted-session financier: as the documents print it, and with what an account may offer beside."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.server import serve
from connector.secrets import Secret
from tests.conformance.harness import FinancierSide
from tests.fakes import START

VARIANTS = ("as_printed", "with_filters")
CLIENT_SECRET = "c4n4ry-hosted-client-secret"

WORDS = {
    "new": "submitted",
    "additional_info_required": "information_required",
    "requesting_signatures": "awaiting_signatures",
    "approved": "approved",
    "financed": "funded",
    "overdue": "overdue",
    "repaid": "repaid",
    "declined": "declined",
}

MORE = {
    "sessions_path": "/v1/financing-sessions",
    "invoice_filter": "client_reference_id",
    "session_filter": "invoice",
    "idempotency_header": "Idempotency-Key",
}


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[FinancierSide]:
    filters = variant == "with_filters"
    settings = HostedSessionSettings(client_secret=CLIENT_SECRET)
    settings.created_status = 201 if filters else 200
    sandbox = create_hosted_session(settings, directory, SandboxClock(START))
    with serve(sandbox) as url:

        def control(path: str, body: dict[str, Any]) -> None:
            asked = urllib.request.Request(
                f"{url}/sandbox/{path}", json.dumps(body).encode(), method="POST"
            )
            urllib.request.urlopen(asked).close()

        yield FinancierSide(
            url=url,
            settings={
                "base_url": url,
                "client_id": "sandbox-client",
                "client_secret": Secret(CLIENT_SECRET),
                **(MORE if filters else {}),
            },
            bad_credentials={"client_secret": Secret("c4n4ry-wrong-secret")},
            secrets=(CLIENT_SECRET, "c4n4ry-wrong-secret"),
            remote_invoices=lambda: [
                (str(o.reference), str(o.currency), int(o.amount_minor_units or 0))
                for o in sandbox.ledger.select("invoice")
            ],
            let_person_complete=lambda session: control("person/complete", {"session": session}),
            let_person_cancel=lambda session: control("person/cancel", {"session": session}),
            set_status=lambda invoice, word: control(
                "desk/set", {"invoice": invoice, "status": word}
            ),
            words=WORDS,
            create_paths={
                "document": "/v1/documents",
                "invoice": "/v1/invoices",
                "session": "/v1/financing",
                "company": "/v1/companies",
            },
            event=lambda invoice, reference: {
                "id": "evt_1",
                "object": "event",
                "type": "invoice.approved",
                "livemode": False,
                "created": "2026-03-02T09:30:00.123Z",
                "data": {
                    "object": {
                        "id": invoice,
                        "object": "invoice",
                        "client_reference_id": reference,
                        "status": "approved",
                    }
                },
            },
        )
