"""The Monite sandbox, for both versions of the header: one as the partner, the other as a user of the entity and with
changes found by events; nulls in one, absent fields in the other.

Every request of the adapter is checked against the vendor's OpenAPI on its way.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.clock import SandboxClock
from connector.sandbox.ledger import NewObject
from connector.sandbox.monite import MoniteSettings, create_monite
from connector.sandbox.platform import Sandbox
from connector.sandbox.server import serve
from connector.secrets import Secret
from tests.conformance.harness import SystemSide
from tests.fakes import START
from tests.monite_contract import Contract, checked

VARIANTS = ("2024-05-25", "2024-01-31")
SECRET = "c4n4ry-monite-client-secret"
WRONG = "c4n4ry-monite-wrong-secret"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@contextmanager
def open_side(variant: str, directory: Path) -> Iterator[SystemSide]:
    settings = MoniteSettings(
        invoices=44,
        counterparts=6,
        client_secret=SECRET,
        rate_limit_per_second=100_000,
        absent_fields="null" if variant == "2024-05-25" else "absent",
    )
    sandbox = create_monite(settings, directory, SandboxClock(START))
    # Its answers are checked where it is tested itself; here that would cost many times what is tested.
    with checked(sandbox, answers=False) as contract, serve(sandbox) as url:
        _each_once(contract)
        if variant == "2024-01-31":
            for about in ("payable", "receivable"):
                _subscribe(sandbox, about)
        yield _side(variant, sandbox, settings, url)


def _each_once(contract: Contract) -> None:
    """Check equal requests once: the suite walks the same lists some hundred times."""
    check, seen = contract.check_request, set()

    def check_new(environ: dict[str, Any], body: bytes) -> None:
        names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE")
        headers = ("HTTP_X_MONITE_VERSION", "HTTP_X_MONITE_ENTITY_ID", "HTTP_AUTHORIZATION")
        key = (*(environ.get(name) for name in names), *(n in environ for n in headers), body)
        if key not in seen:
            seen.add(key)
            check(environ, body)

    setattr(contract, "check_request", check_new)  # noqa: B010 - a method is replaced


def _side(variant: str, sandbox: Sandbox, settings: MoniteSettings, url: str) -> SystemSide:
    turn = iter(range(1000))

    def ours(kind: str) -> list[Any]:
        return [o for o in sandbox.ledger.select(kind) if o.body["_entity"] == settings.entity_id]

    def ids(stream: str) -> set[str]:
        if stream == "counterparties":
            companies = {f"counterpart:{o.id}" for o in ours("counterpart")}
            return companies | {f"entity:{settings.entity_id}"}
        wanted = [o for o in ours("receivable") if o.body["type"] in ("invoice", "credit_note")]
        return {f"payable:{o.id}" for o in ours("payable")} | {f"receivable:{o.id}" for o in wanted}

    def change(stream: str) -> str:
        if stream == "counterparties":
            chosen = sorted(ours("counterpart"), key=lambda o: o.id)[next(turn)]
            at = sandbox.clock.now()
            body = {**chosen.body, "updated_at": f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00"}
            body["external_reference"] = f"changed at {at}"
            sandbox.ledger.change(chosen, body, at=at, cause="changed")
            return f"counterpart:{chosen.id}"
        waiting = [o for o in ours("payable") if o.body["status"] == "waiting_to_be_paid"]
        _control(url, f"payables/{waiting[0].id}", {"set": {"status": "paid"}})
        return f"payable:{waiting[0].id}"

    older = variant == "2024-01-31"
    return SystemSide(
        url=url,
        settings={
            "base_url": f"{url}/v1",
            "version": variant,
            "client_id": settings.client_id,
            "client_secret": Secret(SECRET),
            "entity_id": settings.entity_id,
            "entity_user_id": settings.entity_user_id if older else None,
            "page_size": 12,
            "requests_per_second": None,
            "events": older,
            "reread_open": not older,
            "file_urls": [url],
        },
        bad_credentials={"client_secret": Secret(WRONG)},
        secrets=(SECRET, WRONG),
        ids=ids,
        change=change,
        fresh_id=f"payable:{NOWHERE}",
        safe_posts=True,  # the token
        writable_id=lambda: f"receivable:{_issued(ours('receivable'))}",
    )


def _issued(receivables: list[Any]) -> str:
    return next(
        str(o.id)
        for o in receivables
        if o.body["status"] == "issued" and o.body["type"] == "invoice"
    )


def _control(url: str, path: str, body: Any) -> None:
    asked = urllib.request.Request(
        f"{url}/sandbox/{path}", json.dumps(body).encode(), method="POST"
    )
    urllib.request.urlopen(asked).close()


def _subscribe(sandbox: Sandbox, about: str) -> None:
    now = sandbox.clock.now()
    own_id = f"00000000-0000-4000-8000-{len(about):012}"
    body = {
        "id": own_id,
        "object_type": about,
        "event_types": [],
        "url": "https://connector.invalid/webhooks/monite/secret",
        "status": "enabled",
        "_secret": "whsec_" + "x" * 40,
        "_created_at": now.isoformat(),
    }
    sandbox.ledger.add("subscription", NewObject(own_id, body, now, status="enabled"))
