"""An invoice whose buyer has no approved limit waits, says why, and goes on by itself."""

from __future__ import annotations

from typing import Any

import pytest

from connector.deciding import NO_BUYER_LIMIT
from connector.errors import NotFound, OutcomeUnknown, Refused, Unavailable
from connector.financier import Contact, LimitRequest
from connector.limits import BuyerLimits
from connector.redeciding import WaitingForCompany
from connector.sandbox.run import control
from connector.store.companies import LimitRow
from tests.flows.conftest import Build
from tests.flows.stage import Stage

WANTED = LimitRequest(
    25_000_000, "USD", duns="123456789", contact=Contact(email="finance@example.com")
)
BY = "operator:test"


def waiting_stage(build: Build, **options: Any) -> tuple[Stage, str]:
    """A platform that approves no limit by itself, and one invoice that waits for one."""
    options.setdefault("account", {"poll_interval_seconds": 600})
    stage = build(platform={"auto_approve_limits": False}, **options)
    source_id = stage.add()
    stage.settle()
    assert stage.outcomes() == {source_id: NO_BUYER_LIMIT}
    return stage, source_id


def limits(stage: Stage) -> BuyerLimits:
    return stage.program.limits(stage.program.config.flows[0])


def buyer(stage: Stage) -> tuple[str, str]:
    """The counterparty that is the buyer, and its company."""
    with stage.read() as tx:
        (current,) = tx.records.list_current(("held",), limit=10)
        decider = stage.program.decider("books")
        assert decider is not None
        invoice = decider.evaluate_raw(tx.records.latest_raw(current.record.id)).invoice
        assert invoice is not None
        company = tx.companies.links("books", "bank", [invoice.buyer_id])[invoice.buyer_id]
    return invoice.buyer_id, company


def known(stage: Stage) -> LimitRow:
    _, company = buyer(stage)
    with stage.read() as tx:
        return tx.companies.limits("bank", [company])[company]


def sentence(stage: Stage) -> str:
    with stage.read() as tx:
        (current,) = tx.records.list_current(("held",), limit=10)
    assert current.outcome.field_path == "buyer"
    return current.outcome.sentence or ""


def decide(stage: Stage, status: str | None = None) -> None:
    """The financier's desk decides what is under review, or gives the buyer's limit this status."""
    body = {} if status is None else {"company": buyer(stage)[1], "status": status}
    control(stage.financier_url, "/sandbox/desk/limits", body)


def later(stage: Stage, seconds: float = 600) -> None:
    stage.clock.advance(seconds)
    stage.submit()
    stage.settle()


def test_an_invoice_waits_for_its_buyers_limit_and_goes_on_when_it_is_approved(build: Build):
    stage, source_id = waiting_stage(build)
    assert sentence(stage).startswith("Request a buyer limit")
    assert not stage.ledger.select("invoice")

    counterparty, company = buyer(stage)
    row = limits(stage).request(counterparty, WANTED, by=BY)
    assert (row.status, row.requested_minor_units, row.requested_by) == (
        "under_review",
        25_000_000,
        BY,
    )
    assert sentence(stage).startswith("Wait for the financier: it is reviewing")
    (asked,) = [c.body["buyer_limit"] for c in stage.ledger.select("company") if c.id == company]
    assert (asked["requested_limit"], asked["business_information_id"]) == (250_000, "123456789")
    assert asked["contact"] == {"email": "finance@example.com"}
    later(stage)
    assert stage.outcomes() == {source_id: NO_BUYER_LIMIT}

    decide(stage)
    later(stage)
    assert stage.outcomes() == {source_id: "mapped"}
    assert stage.financing().state == "submitted"
    assert len(stage.ledger.select("session")) == 1
    with stage.read() as tx:
        (row,) = tx.companies.limits("bank", [company]).values()
        audited = [one for one in tx.audit.recent(100) if one.action == "buyer_limit.requested"]
    assert (row.status, row.available_minor_units) == ("approved", 25_000_000)
    assert [one.actor for one in audited] == [BY]
    assert not stage.violations()


def test_a_limit_that_was_approved_elsewhere_is_noticed(build: Build):
    stage, source_id = waiting_stage(build)
    decide(stage, "approved")
    later(stage)

    assert stage.outcomes() == {source_id: "mapped"}
    assert stage.financing().state == "submitted"


def test_what_is_no_approval_is_said_in_words_and_another_limit_may_be_requested(build: Build):
    stage, source_id = waiting_stage(build)
    for status, said in (
        ("denied", "Ask the financier: it denied"),
        ("frozen", "it says 'frozen'"),
        ("denied", "Ask the financier: it denied"),
    ):
        decide(stage, status)
        later(stage)
        assert stage.outcomes() == {source_id: NO_BUYER_LIMIT}
        assert said in sentence(stage)
    assert not stage.ledger.select("invoice")
    assert not stage.violations()

    limits(stage).request(buyer(stage)[0], WANTED, by=BY)
    decide(stage)
    later(stage)
    assert stage.outcomes() == {source_id: "mapped"}


def test_the_financier_is_asked_once_an_interval_and_only_while_something_waits(build: Build):
    stage, _ = waiting_stage(build)
    asked = stage.requests("GET", "/v1/companies")
    for _ in range(5):
        stage.submit()
    assert stage.requests("GET", "/v1/companies") == asked
    stage.clock.advance(600)
    for _ in range(5):
        stage.submit()
    assert stage.requests("GET", "/v1/companies") == asked + 1

    decide(stage, "approved")
    later(stage)
    asked = stage.requests("GET", "/v1/companies")
    later(stage)
    later(stage)
    assert stage.requests("GET", "/v1/companies") == asked


def test_a_request_is_made_once_whatever_is_answered(build: Build):
    stage, source_id = waiting_stage(build)
    counterparty, company = buyer(stage)
    with pytest.raises(NotFound, match="not linked"):
        limits(stage).request("nobody", WANTED, by=BY)
    stage.fault("POST /v1/buyer_limits", "cut_before_commit")
    with pytest.raises(OutcomeUnknown):
        limits(stage).request(counterparty, WANTED, by=BY)
    assert known(stage).status == "none"
    stage.fault("POST /v1/buyer_limits", "commit_then_timeout")
    assert limits(stage).request(counterparty, WANTED, by=BY).status == "under_review"
    with pytest.raises(Refused, match="under review already"):
        limits(stage).request(counterparty, WANTED, by=BY)
    (changes,) = [c for c in stage.ledger.select("company") if c.id == company]
    assert changes.body["buyer_limit"]["status"] == "under_review"
    assert stage.requests("POST", "/v1/buyer_limits") == 2

    decide(stage, "approved")
    assert limits(stage).refresh(counterparty).status == "approved"
    assert stage.outcomes() == {source_id: "mapped"}


def test_a_death_between_the_limit_and_the_decisions_is_made_up_for(build: Build):
    stage, source_id = waiting_stage(build)
    decide(stage, "approved")
    _, company = buyer(stage)
    (told,) = [c for c in stage.program.financiers["bank"].companies() if c.company_id == company]
    with stage.program.database.write() as tx:
        tx.companies.save_limit("bank", company, told.buyer_limit, "USD")
    stage.restart()

    assert stage.outcomes() == {source_id: "mapped"}


def test_decisions_that_fail_are_made_up_for_in_the_next_round(
    build: Build, monkeypatch: pytest.MonkeyPatch
):
    stage, source_id = waiting_stage(build)
    decide(stage, "approved")
    stage.clock.advance(600)
    with monkeypatch.context() as broken:
        broken.setattr(WaitingForCompany, "decide_again", _fails)
        assert not stage.submit()
    assert stage.outcomes() == {source_id: NO_BUYER_LIMIT}
    later(stage)

    assert stage.outcomes() == {source_id: "mapped"}


def _fails(_: WaitingForCompany) -> None:
    raise Unavailable("The disk is full.")


def test_a_flow_may_ignore_limits_and_then_the_financier_refuses(build: Build):
    stage = build(platform={"auto_approve_limits": False}, flow={"buyer_limits": "ignore"})
    source_id = stage.add()
    stage.settle()

    assert stage.outcomes() == {source_id: "mapped"}
    assert stage.financing().state == "parked"
    assert "buyer limit is not approved" in (stage.financing().state_reason or "")


def test_a_platform_that_requires_none_is_not_waited_for(build: Build):
    stage = build(account={"buyer_limits_required": "no"})
    text = stage.config_path.read_text(encoding="utf-8")
    stage.config_path.write_text(text.replace('"no"', "false"), encoding="utf-8")
    source_id = stage.add()
    stage.settle()

    assert stage.outcomes() == {source_id: "mapped"}
    assert stage.financing().state == "submitted"


def test_without_links_made_by_itself_the_limit_is_asked_about_too(build: Build):
    stage = build(
        platform={"auto_approve_limits": False, "companies": 3},
        flow={"create_companies": False},
    )
    source_id = stage.add()
    stage.settle()
    linker = stage.program.linker(stage.program.config.flows[0])
    with stage.read() as tx:
        parties = tx.companies.counterparties("books")
    for party, company in zip(parties, stage.ledger.select("company") * 5, strict=False):
        linker.link(party.counterparty_id, company.id, by=BY)

    assert stage.outcomes()[source_id] == NO_BUYER_LIMIT
    assert sentence(stage).startswith("Request a buyer limit")
