"""What is particular about Kanmon: plans, codes under two statuses, its one reference, its feed, its tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from connector.errors import (
    ContractDrift,
    InvariantBroken,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    Unsupported,
)
from connector.financier import Changes, OffersWidget, TellsChanges
from connector.strict_json import loads_object
from tests.fakes import START, FakeClock
from tests.unit.kanmon.conftest import SUBMISSION, Serve, Served

PAYABLE = replace(SUBMISSION, direction="payable", due_date=date(2026, 2, 27), issue_date=None)


def submit(served: Served, **changes: Any) -> str:
    return served.make().perform("invoice", replace(SUBMISSION, **changes), {}, None).remote_id


def body_of(served: Served) -> dict[str, Any]:
    return served.only("invoice").body


def test_a_receivable_names_its_payor_in_whole_cents(serve: Serve) -> None:
    served = serve()
    submit(served)
    told = body_of(served)
    assert told["issuedProductId"] == served.product().id
    assert (told["invoiceAmountCents"], told["amountRequestedForFinancingCents"]) == (12353, 12353)
    assert (told["payorType"], told["payorBusinessName"]) == ("BUSINESS", "Buyer Ltd")
    assert told["payeeType"] is None
    assert told["platformInvoiceId"] == "ref-1"


def test_a_payable_names_its_payee_and_may_be_a_little_past_due(serve: Serve) -> None:
    served = serve()
    served.make().perform("invoice", PAYABLE, {}, None)
    told = body_of(served)
    assert told["issuedProductId"] == served.product("ACCOUNTS_PAYABLE_FINANCING").id
    assert (told["payeeType"], told["payeeBusinessName"]) == ("BUSINESS", "Supplier GmbH")
    with pytest.raises(Refused, match="InvalidInvoiceDueDateException"):
        late = replace(PAYABLE, due_date=date(2026, 2, 24), client_reference_id="ref-2")
        served.make().perform("invoice", replace(late, invoice_number="N-2"), {}, None)


@pytest.mark.parametrize("status", [400, 409])
def test_an_invoice_that_is_there_is_ours_only_with_the_same_amount(
    serve: Serve, status: int
) -> None:
    served = serve(already_exists_status=status)
    first = submit(served)
    assert submit(served) == first
    with pytest.raises(InvariantBroken):
        submit(served, amount_minor_units=12_354)
    assert served.only("invoice").amount_minor_units == 12_353


def test_said_to_exist_and_not_found_is_unknown(serve: Serve) -> None:
    served = serve(list_lag_seconds=60.0)
    first = submit(served)
    with pytest.raises(OutcomeUnknown):
        submit(served)
    served.control("clock", {"advance_seconds": 61})
    assert submit(served) == first


@pytest.mark.parametrize("status", [400, 404])
def test_a_plan_that_is_unknown_is_refused_under_either_status(serve: Serve, status: int) -> None:
    served = serve(plan_not_found_status=status)
    kanmon = served.make(receivable_product_id=served.product().id, receivable_plan_id="none")
    with pytest.raises(Refused, match="plan was not found"):
        kanmon.perform("invoice", SUBMISSION, {}, None)


def test_several_plans_are_not_guessed_between(serve: Serve) -> None:
    served = serve(plans=2)
    plans = [p["id"] for p in served.product().body["servicingData"]["pricingPlans"]]
    with pytest.raises(Refused, match="receivable_plan_id") as raised:
        submit(served)
    assert all(plan in str(raised.value) for plan in plans)
    served.make(receivable_plan_id=plans[1]).perform("invoice", SUBMISSION, {}, None)
    assert body_of(served)["invoicePaymentPlanId"] == plans[1]
    finding = served.make().check()[-1]
    assert not finding.ok
    assert finding.remedy is not None
    assert plans[0] in finding.remedy


def test_without_a_current_product_nothing_is_sent(serve: Serve) -> None:
    served = serve()
    change = {"product": served.product().id, "loanStatus": "LATE"}
    served.control("desk/product", change)
    with pytest.raises(Refused, match="0 issued products that are CURRENT"):
        submit(served)
    # Payables have a product of their own.
    served.make().perform("invoice", PAYABLE, {}, None)
    chosen = served.make(receivable_product_id=served.product().id)
    with pytest.raises(Refused, match="IssuedProductStatusNotCurrentException"):
        chosen.perform("invoice", replace(SUBMISSION, client_reference_id="ref-2"), {}, None)


def test_the_limit_comes_back_when_an_invoice_ends(serve: Serve) -> None:
    served = serve(credit_limit_cents=15_000)
    invoice = submit(served)
    other: dict[str, Any] = {"client_reference_id": "ref-2", "invoice_number": "N-2"}
    with pytest.raises(Refused, match="InsufficientCreditLimitException"):
        submit(served, **other)
    served.control("desk/set", {"invoice": invoice, "status": "INVOICE_RETURNED"})
    submit(served, **other)


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": None},
        {"buyer_name": None},
        {"issue_date": None},
        {"currency": "EUR"},
        {"amount_minor_units": 99},
    ],
)
def test_what_could_only_be_refused_is_not_sent(serve: Serve, changes: dict[str, Any]) -> None:
    served = serve()
    with pytest.raises(Refused):
        submit(served, **changes)
    assert served.sandbox.ledger.table_size("requests") == 0


def test_a_look_up_reads_every_page_of_a_list_that_ignores_the_filter(serve: Serve) -> None:
    served = serve()
    for number in range(3):
        submit(served, client_reference_id=f"ref-{number}", invoice_number=f"N-{number}")
    kanmon = served.make()
    assert kanmon.look_up("invoice", replace(SUBMISSION, client_reference_id="ref-2"), {})
    assert kanmon.look_up("invoice", replace(SUBMISSION, client_reference_id="ref-9"), {}) is None


def test_too_many_requests_without_a_retry_after(serve: Serve) -> None:
    served = serve()
    kanmon = served.make(receivable_product_id=served.product().id, receivable_plan_id="any")
    served.control("settings", {"requests_per_minute": 0})
    with pytest.raises(RateLimited) as raised:
        kanmon.perform("invoice", SUBMISSION, {}, None)
    assert raised.value.retry_after_seconds is None


def test_check_names_the_businesses_of_the_key(serve: Serve) -> None:
    served = serve(businesses=2)
    first, second = (one.id for one in served.sandbox.ledger.select("business"))
    assert [finding.ok for finding in served.make().check()] == [True, True]
    (finding,) = served.make(business_id="unknown").check()
    assert not finding.ok
    assert finding.remedy is not None
    assert first in finding.remedy
    assert second in finding.remedy


def test_products_of_another_business_are_not_used(serve: Serve) -> None:
    served = serve(businesses=2)
    submit(served)
    mine = served.sandbox.ledger.select("business")[0]
    assert body_of(served)["businessId"] == mine.id


# -- what happened ----------------------------------------------------------------------------------------------------


def test_the_feed_tells_each_change_once(serve: Serve) -> None:
    served, clock = serve(), FakeClock()
    kanmon = served.make(clock)
    assert isinstance(kanmon, TellsChanges)
    one = submit(served)
    two = submit(served, client_reference_id="ref-2", invoice_number="N-2")
    told = kanmon.changes(None)
    assert told.remote_invoice_ids == {one, two}
    assert kanmon.changes(told.cursor).remote_invoice_ids == set()
    served.control("desk/set", {"invoice": two, "status": "INVOICE_FUNDED"})
    later = kanmon.changes(told.cursor)
    assert later.remote_invoice_ids == {two}
    assert not later.everything
    served.control("clock", {"advance_seconds": 3600})
    clock.advance(hours=1)
    served.control("desk/set", {"invoice": one, "status": "REJECTED"})
    last = kanmon.changes(later.cursor)
    assert last.remote_invoice_ids == {one}
    assert last.cursor["since"] == (START + timedelta(minutes=55)).isoformat()
    assert len(last.cursor["seen"].split()) == 1


def test_a_log_from_the_future_hides_nothing(serve: Serve) -> None:
    served, clock = serve(), FakeClock()
    kanmon = served.make(clock)
    invoice = submit(served)
    log = served.only("activity")
    ahead = {**log.body, "createdAt": "2099-01-01T00:00:00.000Z"}
    served.sandbox.ledger.change(log, ahead, at=START, cause="clock")
    told = kanmon.changes(None)
    assert told.cursor["since"] == (START - timedelta(minutes=5)).isoformat()
    served.control("desk/set", {"invoice": invoice, "status": "IN_REVIEW"})
    assert kanmon.changes(told.cursor).remote_invoice_ids == {invoice}


def test_the_feed_is_read_over_all_pages(serve: Serve) -> None:
    served = serve()
    invoice = submit(served)
    for word in ("IN_REVIEW", "INVOICE_CREATED") * 60:
        served.control("desk/set", {"invoice": invoice, "status": word})
    told = served.make().changes(None)
    assert len(told.cursor["seen"].split()) == 121
    assert served.make().changes(told.cursor) == Changes(frozenset(), False, told.cursor)


# -- the widget -------------------------------------------------------------------------------------------------------


def test_a_connect_token_is_made_for_the_user_and_used_once(serve: Serve) -> None:
    served, clock = serve(), FakeClock()
    kanmon = served.make(clock, platform_user_id="user-1")
    assert isinstance(kanmon, OffersWidget)
    widget = kanmon.open_widget(None)
    token = widget.tokens["connect_token"]
    assert (widget.kind, widget.expires_at) == ("kanmon", START + timedelta(hours=24))
    assert token not in repr(widget)
    served.control("person/open", {"token": token})
    with pytest.raises(RuntimeError, match="used already"):
        served.control("person/open", {"token": token})
    dead = kanmon.open_widget(None).tokens["connect_token"]
    served.control("clock", {"advance_seconds": 86_401})
    with pytest.raises(RuntimeError, match="expired"):
        served.control("person/open", {"token": dead})


def test_without_a_user_the_widget_is_not_opened(serve: Serve) -> None:
    with pytest.raises(Unsupported, match="platform_user_id"):
        serve().make().open_widget(None)


# -- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "remote_id", "reference"),
    [
        (
            {"id": "e", "eventType": "INVOICE.FUNDED", "payload": {"invoice": {"id": "i"}}},
            "i",
            None,
        ),
        ({"id": "e", "type": "x", "data": {"invoiceId": "i"}}, "i", None),
        (
            {"id": "e", "eventType": "x", "payload": {"id": "i", "platformInvoiceId": "r"}},
            "i",
            "r",
        ),
        ({"id": "e", "eventType": "USER.CREATED", "payload": {"id": "u"}}, None, None),
        ({"id": "e", "eventType": "INVOICE.SEEN", "payload": None}, None, None),
    ],
)
def test_the_invoice_of_an_event(
    serve: Serve, body: dict[str, Any], remote_id: str | None, reference: str | None
) -> None:
    hint = serve().make().read_event(body)
    assert (hint.remote_invoice_id, hint.client_reference_id) == (remote_id, reference)


def test_a_webhook_of_the_sandbox_is_read(serve: Serve) -> None:
    served = serve()
    invoice = submit(served)
    (row,) = served.sandbox.ledger.rows("SELECT body FROM deliveries")
    assert served.make().read_event(loads_object(row["body"])).remote_invoice_id == invoice


def test_an_unreadable_activity_log_stops_the_feed(serve: Serve) -> None:
    served = serve()
    submit(served)
    log = served.only("activity")
    served.sandbox.ledger.change(log, {**log.body, "id": None}, at=START, cause="broken")
    with pytest.raises(ContractDrift, match="activity log"):
        served.make().changes(None)


def test_products_that_cannot_be_read_park_no_invoice(serve: Serve) -> None:
    served = serve()
    rule = {"match": "GET */issued-products", "fault": "truncated_json"}
    served.control("faults", rule)
    with pytest.raises(Unavailable, match="products cannot be read"):
        submit(served)
    submit(served)
