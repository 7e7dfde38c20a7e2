"""The sandbox of the hosted-session financier: as the documents print it, with what an account may offer beside, and
as another platform whose profile stands beside this file."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.hosted_session import HostedSessionSettings, create_hosted_session
from connector.sandbox.hosted_session.dialect import INVOICE_WORDS
from connector.sandbox.server import serve
from connector.secrets import Secret
from tests.conformance.harness import FinancierSide
from tests.fakes import START

VARIANTS = ("as_printed", "with_filters", "second_profile")
CLIENT_SECRET = "c4n4ry-hosted-client-secret"
API_KEY = "c4n4ry-hosted-api-key"
SECOND_PROFILE = Path(__file__).with_name("hosted_session_second.toml")

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
SECOND_WORDS = {INVOICE_WORDS[word]: meaning for word, meaning in WORDS.items()}

CREDENTIALS = {"client_id": "sandbox-client", "client_secret": Secret(CLIENT_SECRET)}
MORE = {
    "sessions_path": "/v1/financing-sessions",
    "invoice_filter": "client_reference_id",
    "session_filter": "invoice",
    "idempotency_header": "Idempotency-Key",
}
PATHS = {
    "document": "/v1/documents",
    "invoice": "/v1/invoices",
    "session": "/v1/financing",
    "company": "/v1/companies",
}
SECOND_PATHS = {
    "document": "/api/files",
    "invoice": "/api/receivables",
    "session": "/api/applications",
    "company": "/api/partners",
}
SECOND_WIRE = {
    "id": "uid",
    "amount": "value",
    "currency": "currency_code",
    "status": "state",
    "due_date": "payable_on",
}


def _event(invoice: str, reference: str) -> Mapping[str, Any]:
    return {
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
    }


def _second_event(invoice: str, reference: str) -> Mapping[str, Any]:
    return {
        "event_id": "evt_1",
        "what": "receivable.accepted",
        "at": "2026-03-02T09:30:00.123Z",
        "about": {
            "type": "receivable",
            "uid": invoice,
            "external_id": reference,
            "state": "accepted",
        },
    }


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[FinancierSide]:
    second = variant == "second_profile"
    settings = HostedSessionSettings(
        client_secret=CLIENT_SECRET, api_key=API_KEY, dialect="second" if second else "stenn"
    )
    settings.created_status = 201 if variant == "with_filters" else 200
    sandbox = create_hosted_session(settings, directory, SandboxClock(START))
    theirs = {told: word for word, told in INVOICE_WORDS.items()} if second else {}
    with serve(sandbox) as url:

        def control(path: str, body: dict[str, Any]) -> None:
            asked = urllib.request.Request(
                f"{url}/sandbox/{path}", json.dumps(body).encode(), method="POST"
            )
            urllib.request.urlopen(asked).close()

        side = FinancierSide(
            url=url,
            settings={
                "base_url": url,
                **CREDENTIALS,
                **(MORE if variant == "with_filters" else {}),
            },
            bad_credentials={"client_secret": Secret("c4n4ry-wrong-secret")},
            secrets=(CLIENT_SECRET, API_KEY, "c4n4ry-wrong-secret"),
            remote_invoices=lambda: [
                (str(o.reference), str(o.currency), int(o.amount_minor_units or 0))
                for o in sandbox.ledger.select("invoice")
            ],
            let_person_complete=lambda session: control("person/complete", {"session": session}),
            let_person_cancel=lambda session: control("person/cancel", {"session": session}),
            set_status=lambda invoice, word: control(
                "desk/set", {"invoice": invoice, "status": theirs.get(word, word)}
            ),
            words=WORDS,
            create_paths=PATHS,
            event=_event,
        )
        yield _spoken_by_the_second(side) if second else side


def _spoken_by_the_second(side: FinancierSide) -> FinancierSide:
    side.settings = {
        "base_url": side.url,
        "profile": str(SECOND_PROFILE),
        "api_key": Secret(API_KEY),
    }
    side.bad_credentials = {"api_key": Secret("c4n4ry-wrong-secret")}
    side.words, side.create_paths, side.wire = SECOND_WORDS, SECOND_PATHS, SECOND_WIRE
    side.event, side.renews_access = _second_event, False
    return side
