"""Companies are linked, and the life of an invoice goes on, in the pages of a running connector."""

from __future__ import annotations

from connector.financier import RemoteCompany, Widget
from connector.linking import as_counterparty
from connector.people.roles import Role
from tests.fakes import START
from tests.flows.people_at_pages import House, Somebody, open_house
from tests.flows.stage import Stage
from tests.unit.console.page import Page

__all__ = ["open_house"]


def test_companies_are_suggested_linked_unlinked_and_made(open_house):
    house = open_house(flow={"create_companies": False, "submit": "by_hand"})
    stage = house.stage
    stage.add(invoice_number="UNLINKED-1")
    stage.settle()
    operator = house.somebody(Role.OPERATOR)
    assert set(stage.outcomes().values()) == {"company_not_linked"}
    shown = operator.see("/companies")
    assert "1 invoice waits" in shown.text
    with stage.read() as tx:
        waits = stage.program.waiting_companies(stage.program.config.flows[0])
        names = tx.companies.names("books", sorted(waits))
    first = shown.rows()[1]
    assert any(name in first for name in names.values())

    assert "does not make companies" in operator.sent(
        "/companies/create", connection="books", counterparty_id=min(waits)
    )
    assert "has no company" in operator.sent(
        "/companies/link",
        connection="books",
        counterparty_id=min(waits),
        company_id="nobody",
        confirmed="yes",
    )
    for party in sorted(waits):
        with stage.read() as tx:
            row = tx.companies.counterparty("books", party)
        remote = stage.program.financiers["bank"].create_company(as_counterparty(row))
        assert "same name" in operator.see(f"/companies/books/{party}").text
        _is_asked_before_it_is_linked(stage, operator, party, remote)
        assert "same name" in operator.see("/companies?suggest=yes&linked=unlinked").text
        assert "Linked." in operator.sent(
            "/companies/link",
            connection="books",
            counterparty_id=party,
            company_id=remote.company_id,
            confirmed="yes",
        )
    assert set(stage.outcomes().values()) == {"mapped"}
    assert stage.financing().state == "ready"

    assert "Unlinked." in operator.sent(
        "/companies/unlink", connection="books", counterparty_id=party
    )
    assert set(stage.outcomes().values()) == {"company_not_linked"}
    assert stage.financing().state == "withdrawn"
    operator.see("/companies/books/nobody", 404)
    operator.see("/companies/nowhere/nobody", 404)
    assert not stage.violations()


def _is_asked_before_it_is_linked(
    stage: Stage, operator: Somebody, party: str, remote: RemoteCompany
) -> None:
    """Nothing is chosen by itself, and what was chosen is shown beside the other before it counts."""
    page = operator.see(f"/companies/books/{party}")
    chosen = page.one("select")
    assert chosen.text.startswith("choose one")
    form = {"connection": "books", "counterparty_id": party}
    nothing = operator.send("/companies/link", **form, company_id="")
    assert nothing.status_code == 422
    assert "Choose the company first" in nothing.text
    asked = operator.send("/companies/link", **form, company_id=remote.company_id)
    assert asked.status_code == 200
    assert "The money of its invoices goes by this." in asked.text
    assert f"At bank: {remote.name}, {remote.country}" in Page(asked.text).text
    with stage.read() as tx:
        assert party not in tx.companies.links("books", "bank", [party])


def _opens_a_widget_once(house: House, operator: Somebody, number: int) -> None:
    """Its tokens are shown once; loading their page again opens no other."""
    opened = []

    def open_widget(_: str | None) -> Widget:
        opened.append(1)
        return Widget("kanmon", {"connect_token": f"token-{len(opened)}"}, START)

    bank = vars(house.stage.program.financiers["bank"])
    bank["open_widget"] = open_widget
    try:
        assert "token-1" in operator.sent(f"/acts/{number}/widget")
        again = operator.client.get(f"/acts/{number}/widget", follow_redirects=True)
        assert "shown already" in again.text
        assert len(opened) == 1
    finally:
        del bank["open_widget"]


def test_financing_is_requested_canceled_and_requested_again(open_house):
    house = open_house(
        flow={"submit": "by_hand"},
        account={"cancel_session_path": "/v1/financing_sessions/{session}/cancel"},
    )
    stage = house.stage
    number = house.added(invoice_number="BY-HAND-1")
    operator, viewer = house.somebody(Role.OPERATOR), house.somebody(Role.VIEWER)
    assert stage.financing().state == "ready"
    assert viewer.send(f"/acts/{number}/request").status_code == 403
    assert "Request financing" not in viewer.see(f"/invoices/r{number}").text
    assert "Your role does not allow it." in viewer.see(f"/acts/{number}").text
    assert "Not now: No session was opened yet." in operator.see(f"/acts/{number}").text

    assert "Requested." in operator.sent(f"/acts/{number}/request")
    assert house.woken == ["submit:flow"]
    stage.settle()
    assert stage.financing().session_status == "open"
    assert "Open financing session" in viewer.see(f"/invoices/r{number}").text
    assert "nothing to request" in operator.sent(f"/acts/{number}/request")
    assert "no widget" in operator.sent(f"/acts/{number}/widget")
    _opens_a_widget_once(house, operator, number)
    assert operator.send(f"/acts/{number}/cancel", reason="").status_code == 422
    assert "Canceled." in operator.sent(f"/acts/{number}/cancel", reason="sold otherwise")
    assert stage.financing().session_status == "canceled"
    assert "Open another session" in operator.see(f"/acts/{number}").text
    operator.sent(f"/acts/{number}/request")
    stage.settle()
    assert stage.financing().session_status == "open"
    assert {"financing.requested", "session.canceled", "session.opened_again"} <= {*house.actions()}
