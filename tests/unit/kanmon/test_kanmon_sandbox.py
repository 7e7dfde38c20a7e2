"""The stand-in of Kanmon keeps the documented rules, and shows what it had to choose."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from connector.sandbox.kanmon import SANDBOX_CHOICES
from tests.unit.kanmon.conftest import Serve, Served

BASE = "/api/platform/v2"


class Api:
    """Kanmon's API as a client of its own sees it."""

    def __init__(self, served: Served) -> None:
        self._url = served.url
        self._headers = {"Authorization": f"ApiKey {served.sandbox.settings.api_key_secret}"}
        self.served = served

    def get(self, path: str, **params: Any) -> requests.Response:
        url = f"{self._url}{BASE}{path}"
        return requests.get(url, params=params, headers=self._headers, timeout=10)

    def post(self, path: str, body: Any) -> requests.Response:
        url = f"{self._url}{BASE}{path}"
        return requests.post(url, json=body, headers=self._headers, timeout=10)

    def finance(self, reference: str, **changes: Any) -> requests.Response:
        product = self.served.product()
        body = {
            "issuedProductId": product.id,
            "invoicePaymentPlanId": product.body["servicingData"]["pricingPlans"][0]["id"],
            "platformInvoiceId": reference,
            "platformInvoiceNumber": f"N-{reference}",
            "invoiceAmountCents": 12_353,
            "amountRequestedForFinancingCents": 12_353,
            "invoiceDueDate": "2026-06-30",
            "invoiceIssuedDate": "2026-02-20",
            "description": "Goods",
            "payorType": "BUSINESS",
            "payorBusinessName": "Buyer Ltd",
        }
        stated = {name: value for name, value in {**body, **changes}.items() if value is not None}
        return self.post("/invoices/finance", stated)


@pytest.fixture
def api(serve: Serve) -> Api:
    return Api(serve())


def test_without_the_key_nothing_is_told(api: Api) -> None:
    refused = requests.get(f"{api.served.url}{BASE}/invoices", timeout=10)
    assert refused.status_code == 403
    told = refused.json()
    assert told["errorCode"] == "ForbiddenException"
    assert told["timestamp"].endswith("Z")
    front = requests.get(api.served.url, timeout=10).text
    assert all(choice.split("'")[0] in front for choice in SANDBOX_CHOICES)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"invoiceAmountCents": 99}, 400, "BadRequestException"),
        ({"invoiceAmountCents": "12353"}, 400, "BadRequestException"),
        ({"amountRequestedForFinancingCents": 12_354}, 400, "IncorrectFinancingAmountException"),
        ({"invoiceDueDate": "2026-03-08"}, 400, "InvalidInvoiceDueDateException"),
        ({"invoiceIssuedDate": "2026-07-01"}, 400, "InvalidInvoiceDueDateException"),
        ({"invoiceIssuedDate": None}, 400, "BadRequestException"),
        ({"issuedProductId": "none"}, 404, "IssuedProductNotFoundException"),
        ({"invoicePaymentPlanId": "none"}, 400, "InvoicePaymentPlanNotFoundException"),
        ({"payorType": "INDIVIDUAL"}, 400, "BadRequestException"),
        ({"payorFirstName": "Ada"}, 400, "BadRequestException"),
    ],
)
def test_the_rules_of_financing(api: Api, changes: dict[str, Any], status: int, code: str) -> None:
    refused = api.finance("r", **changes)
    assert (refused.status_code, refused.json()["errorCode"]) == (status, code)
    assert api.get("/invoices").json()["pagination"]["totalCount"] == 0


def test_an_invoice_and_its_amounts(api: Api) -> None:
    made = api.finance("r")
    assert made.status_code == 201
    told = made.json()
    assert told["principalAmountCents"] == 9_882
    assert told["feeAmountCents"] == 494
    assert told["invoiceAdvanceAmountCents"] == 9_388
    (entry,) = told["repaymentSchedule"]["schedule"]
    assert entry["repaymentAmountCents"] == told["repaymentAmountCents"] == 9_882
    limit = api.served.product().body["servicingData"]
    assert limit["totalLimitCents"] - limit["availableLimitCents"] == 9_882
    assert api.get(f"/invoices/{told['id']}").json() == told
    assert api.get("/invoices/r", idType="PLATFORM").json() == told
    assert api.get("/invoices/r", idType="KANMON").status_code == 404


def test_lists_by_offset_and_filter(api: Api) -> None:
    for number in range(5):
        assert api.finance(f"r{number}").ok
    page = api.get("/invoices", offset=1, limit=2).json()
    assert page["pagination"] == {"limit": 2, "offset": 1, "totalCount": 5}
    assert [one["platformInvoiceId"] for one in page["invoices"]] == ["r3", "r2"]
    some = api.get("/invoices", platformInvoiceIds="r1,r4", statuses="INVOICE_CREATED").json()
    assert [one["platformInvoiceId"] for one in some["invoices"]] == ["r4", "r1"]
    assert api.get("/invoices", limit=101).status_code == 400
    later = api.get("/invoices", createdAtStart="2026-03-02T09:30:00.001Z").json()
    assert later["invoices"] == []


def test_the_desk_goes_the_same_way_for_the_same_seed(api: Api) -> None:
    shares = {"reject_percent": 20, "return_percent": 20, "default_percent": 20}
    api.served.control("settings", shares)
    for number in range(30):
        assert api.finance(f"r{number}").ok
    told = api.served.control("desk/advance", {"steps": "all"})
    assert told["active"] == 0
    ends = Counter(stored.status for stored in api.served.sandbox.ledger.select("invoice"))
    assert ends == {
        "DEFAULTED": 7,
        "INVOICE_PAID_IN_FULL": 13,
        "INVOICE_RETURNED": 4,
        "REJECTED": 6,
    }
    business = api.served.only("business").id
    logs = api.get(f"/businesses/{business}/activity-logs").json()
    assert logs["pagination"]["totalCount"] > 100


def test_tokens_and_sessions(api: Api) -> None:
    assert api.post("/connect-tokens", {"platformUserId": "nobody"}).status_code == 404
    assert api.post("/connect-tokens", {"platformUserId": "user-1"}).status_code == 201
    data = {"component": "SESSION_INVOICE_FLOW", "invoices": [{"platformInvoiceId": "r"}]}
    session = api.post("/embedded-session", {"platformBusinessId": "business-1", "data": data})
    assert session.status_code == 201
    assert session.json()["sessionToken"]


def test_a_business_is_made_once(api: Api) -> None:
    assert api.post("/businesses", {"platformBusinessId": "b-2"}).status_code == 201
    again = api.post("/businesses", {"platformBusinessId": "b-2"})
    assert (again.status_code, again.json()["errorCode"]) == (
        409,
        "BusinessAlreadyExistsException",
    )


def test_faults_go_through_the_shared_machinery(api: Api) -> None:
    rule = {"match": f"POST {BASE}/invoices/finance", "fault": "status_500_after_commit"}
    api.served.control("faults", rule)
    assert api.finance("r").status_code == 500
    assert api.finance("r").json()["errorCode"] == "PlatformInvoiceIdAlreadyExistsException"
    assert len(api.served.sandbox.ledger.select("invoice")) == 1


def test_a_clock_that_is_pushed_beyond_the_end_ends_the_path_and_nothing_else(serve: Serve) -> None:
    api = Api(serve(desk_interval_seconds=3600))
    assert api.finance("r1").ok
    api.served.control("clock", {"advance_seconds": 30 * 86_400})
    ledger, stopping = api.served.sandbox.ledger, api.served.sandbox.stopping
    for _ in range(1000):
        if ledger.count("desk", status="active") == 0:
            break
        stopping.wait(0.01)
    assert ledger.select("invoice")[0].status == "INVOICE_PAID_IN_FULL"
    assert api.finance("r2").ok
    api.served.control("clock", {"advance_seconds": 3600})
    for _ in range(1000):
        if ledger.select("invoice")[1].status == "IN_REVIEW":
            break
        stopping.wait(0.01)
    assert ledger.select("invoice")[1].status == "IN_REVIEW"  # the clerk still works
