"""What people do about waiting records, and about the life of an invoice, in the pages of a running connector."""

from __future__ import annotations

import io
import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connector.acting import Actions
from connector.console.app import create_console
from connector.financier import RemoteCompany, Widget
from connector.linking import as_counterparty
from connector.people.roles import Role
from tests.fakes import START
from tests.flows.conftest import Build
from tests.flows.stage import Stage
from tests.unit.console.conftest import signed_in
from tests.unit.console.page import Page

HOSTILE = "<img src=x onerror=alert(1)>"
PDF = b"%PDF-1.7\n%%EOF\n"


class Somebody:
    """A person at the pages."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def see(self, address: str, status: int = 200) -> Page:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text[:3000]
        page = Page(answer.text)
        assert not page.crossed
        assert HOSTILE not in answer.text
        return page

    def send(self, address: str, **fields: object) -> TestResponse:
        found = re.search(r'name="csrf_token" value="(\w+)"', self.client.get("/inbox").text)
        assert found is not None
        return self.client.post(address, data={**fields, "csrf_token": found[1]})

    def sent(self, address: str, **fields: object) -> str:
        """Send a form, and read the page it leads to."""
        answer = self.send(address, **fields)
        assert answer.status_code == 303, answer.text[:3000]
        return self.see(answer.headers["Location"]).text


class House:
    """A stage with people at its pages."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.woken: list[str] = []
        stage.program.people.add(
            email="root@example.com",
            name="Root",
            role=Role.ADMIN,
            by="test",
            password="four words it is",
        )
        self.app = create_console(stage.program, self._wake)

    def _wake(self, key: str) -> bool:
        self.woken.append(key)
        return True

    def somebody(self, role: Role) -> Somebody:
        return Somebody(signed_in(self.app, self.stage.program, role))

    def record(self, source_id: str) -> int:
        with self.stage.read() as tx:
            return tx.records.by_source_id(source_id)[0].id

    def added(self, **fields: object) -> int:
        """A new invoice, pulled and decided: our number of it."""
        source_id = self.stage.add(**fields)
        self.stage.settle()
        return self.record(source_id)

    def actions(self) -> list[str]:
        with self.stage.read() as tx:
            assert not tx.audit.verify_chain()
            return [row.action for row in tx.audit.recent(1000)]


@pytest.fixture
def open_house(build: Build):
    def make(**options: object) -> House:
        stage = build(**options)
        text = stage.config_path.read_text("utf-8")
        cheap = "[access]\npassword_memory_mebibytes = 1\n\n"
        stage.config_path.write_text(cheap + text, "utf-8")
        return House(stage)

    return make


def test_a_rejected_invoice_is_retried_and_leaves_once_it_is_corrected(open_house):
    house = open_house()
    stage = house.stage
    wrong = stage.add(invoice_number="WRONG-1", invoice_due_date=None, note=HOSTILE)
    right = stage.add(invoice_number="RIGHT-2")
    stage.settle()
    (kind,) = {stage.outcomes()[wrong]} - {None}
    operator = house.somebody(Role.OPERATOR)

    shown = operator.see("/inbox")
    assert "1 invoice" in shown.text
    assert "Accountant, in the books" in shown.text
    cause = next(a for a in shown.all("a") if f"reason_code={kind}" in (a.attributes["href"] or ""))
    records = operator.see(cause.attributes["href"] or "")
    assert "WRONG-1" in records.text
    assert "RIGHT-2" not in records.text

    asked = operator.send("/inbox/retry", scope="all", reason_code=kind)
    assert asked.status_code == 200
    assert "Retry 1 invoice?" in unescape(asked.text)
    said = operator.sent("/inbox/retry", scope="all", reason_code=kind, count="1", confirmed="yes")
    assert "1 are being read again" in said
    assert house.woken == ["pull:books"]
    stage.pull()
    assert "Read again: It is as it was." in operator.see(f"/inbox?reason_code={kind}").text

    stage.change(wrong, invoice_due_date="2026-05-01")
    operator.sent(f"/acts/{house.record(wrong)}/retry")
    cursor_before = _cursor(stage)
    stage.program.pull_task("books").rereader.run()
    assert _cursor(stage) == cursor_before
    assert stage.outcomes()[wrong] == "mapped"
    # The other one waited for its companies at first.
    assert "2 records left the inbox today" in operator.see("/inbox").text
    stage.settle()
    assert {row.state for row in stage.financings()} == {"submitted"}
    assert stage.outcomes()[right] == "mapped"
    assert not stage.violations()


def _cursor(stage: Stage) -> object:
    with stage.read() as tx:
        return tx.cursors.get("books", "invoices")


def test_what_a_person_leaves_out_stays_out_until_it_is_taken_back(open_house):
    house = open_house(flow={"submit": "by_hand"})
    stage = house.stage
    out = stage.add(invoice_number="OUT-1")
    stage.settle()
    operator = house.somebody(Role.OPERATOR)
    number = house.record(out)

    refused = operator.send(f"/acts/{number}/exclude", reason=" ")
    assert refused.status_code == 422
    assert "Left out" in operator.sent(f"/acts/{number}/exclude", reason=f"sold {HOSTILE}")
    assert stage.outcomes()[out] == "excluded_by_person"
    assert stage.financing().state == "withdrawn"

    stage.change(out, note="another note")
    stage.settle()
    stage.pull(full_walk=True)
    assert stage.outcomes()[out] == "excluded_by_person"
    assert stage.financing().state == "withdrawn"
    assert "left it out" in operator.see(f"/acts/{number}").text
    assert "Somebody left this invoice out" in operator.sent(
        f"/acts/{number}/exclude", reason="again"
    )

    assert "Taken back" in operator.sent(f"/acts/{number}/include")
    assert stage.outcomes()[out] == "mapped"
    assert stage.financing().state == "ready"
    assert "nothing to take back" in operator.sent(f"/acts/{number}/include")
    assert house.actions()[:2] == ["record.exclusion_revoked", "record.excluded"]
    assert not stage.violations()


def test_only_the_chosen_invoices_are_decided_anew(open_house):
    """An invoice whose document nobody found says so until somebody looks for it again, whatever is done to others."""
    house = open_house(flow={"submit": "by_hand"})
    names = [house.stage.add(invoice_number=f"N-{number}") for number in range(4)]
    house.stage.settle()
    ids = [house.record(name) for name in names]
    with house.stage.program.database.write() as tx:
        # As if each were held for something that only its sending shows.
        tx.connection.exec_driver_sql(
            "update source_records set outcome_kind = 'held', reason_code = 'document_missing'"
        )
    actions = Actions(house.stage.program)
    assert actions.excluding.exclude_all(ids[:1], "Paid by card.", by="ann") == 1
    assert actions.retrying.retry(ids[1:3], by="ann").resolved == 2
    with house.stage.read() as tx:
        codes = [tx.records.get(record_id).reason_code for record_id in ids]
    assert codes == ["excluded_by_person", None, None, "document_missing"]


def test_what_was_sent_is_not_left_out(open_house):
    house = open_house()
    sent = house.stage.add(invoice_number="SENT-1")
    house.stage.settle()
    said = house.somebody(Role.OPERATOR).sent(f"/acts/{house.record(sent)}/exclude", reason="no")
    assert "was sent to the financier" in said
    assert house.stage.outcomes()[sent] == "mapped"
    with house.stage.read() as tx:
        assert not tx.exclusions.in_force([house.record(sent)])


def test_held_invoices_are_left_out_together(open_house):
    house = open_house(flow={"document": "wait"})
    stage = house.stage
    ids = [stage.add(invoice_number=f"HELD-{n}") for n in range(3)]
    stage.settle()
    operator = house.somebody(Role.OPERATOR)
    chosen = ",".join(str(house.record(each)) for each in ids[:2])

    asked = operator.send("/inbox/exclude", scope="chosen", records=chosen)
    assert "Leave 2 invoices out?" in asked.text
    no_reason = operator.send("/inbox/exclude", scope="chosen", records=chosen, confirmed="yes")
    assert no_reason.status_code == 422
    said = operator.sent(
        "/inbox/exclude", scope="chosen", records=chosen, confirmed="yes", reason="not ours"
    )
    assert "Left out 2 invoices." in said
    found = stage.outcomes()
    assert [found[each] for each in ids] == ["excluded_by_person"] * 2 + ["document_missing"]
    assert "none of those" in operator.sent("/inbox/exclude", scope="chosen", records="x,,9999")


def test_a_document_is_attached_and_the_invoice_goes_on(open_house):
    house = open_house(flow={"document": "wait"})
    stage = house.stage
    number = house.added(invoice_number="PAPER-1")
    operator = house.somebody(Role.OPERATOR)

    for name, content in (("a.exe", PDF), ("a.pdf", b"MZ"), ("a.pdf", b""), ("", b"")):
        wrong = operator.send(f"/acts/{number}/attach", file=(io.BytesIO(content), name))
        assert wrong.status_code == 422, name
    unknown = operator.send(
        f"/acts/{number}/attach", file=(io.BytesIO(PDF), "a.pdf"), purpose="poem"
    )
    assert unknown.status_code == 422
    operator.sent(
        f"/acts/{number}/attach",
        file=(io.BytesIO(PDF), "..\\papers/<b>a.pdf"),
        purpose="invoice",
    )
    assert set(stage.outcomes().values()) == {"mapped"}
    assert house.woken == ["submit:flow"]
    with stage.read() as tx:
        (document,) = tx.invoices.documents(number)
    assert (document.name, document.added_by) == ("<b>a.pdf", "person:operator@example.com")
    stage.settle()
    assert stage.financing().state == "submitted"


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


def test_a_parked_message_is_decided(open_house):
    house = open_house(account={"park_after_seconds": 120})
    stage = house.stage
    stage.add(invoice_number="PARKED-1")
    stage.fault("POST /v1/invoices", "status_500", times=50)
    stage.fault("GET /v1/invoices", "status_500", times=500)
    for _ in range(12):
        stage.pull()
        stage.submit()
        stage.clock.advance(60)
    rows = [row for row in stage.outbox() if row.state == "parked"]
    if not rows:
        pytest.skip("nothing was parked")
    operator = house.somebody(Role.OPERATOR)
    assert "Parked messages" in operator.see("/inbox").text
    operator.see(f"/inbox/messages/{rows[0].id}")
    assert operator.send(f"/inbox/messages/{rows[0].id}", decision="look").status_code == 422
    assert "Decided." in operator.sent(
        f"/inbox/messages/{rows[0].id}", decision="drop", reason="asked them: it is not there"
    )
    again = operator.send(f"/inbox/messages/{rows[0].id}", decision="drop", reason="once more")
    assert again.status_code == 422
    assert stage.financing().state == "parked"
    operator.see("/inbox/messages/999", 404)


def test_a_message_that_took_effect_goes_on_from_its_page(open_house):
    house = open_house(platform={"create_mode": "dumb"})
    stage = house.stage
    stage.add(invoice_number="THERE-1")
    stage.fault("POST /v1/financing_sessions", "commit_then_timeout")
    stage.fault("GET /v1/financing_sessions", "status_500", times=None, status=405)
    stage.settle()
    address = f"/inbox/messages/{stage.step('session').id}"
    (session,) = stage.ledger.select("session")
    operator = house.somebody(Role.OPERATOR)
    given = {"decision": "took_effect", "reason": "I saw it."}

    assert "It took effect: I saw it at bank" in operator.see(address).text
    refused = operator.send(address, **given)
    assert refused.status_code == 422
    kept = Page(refused.text)
    assert "Give the identifier it shows for it." in kept.text
    chosen = [e.attributes["value"] for e in kept.all("input") if "checked" in e.attributes]
    assert chosen == ["took_effect"], "what was given is still there"
    assert stage.financing().state == "parked"

    assert "Decided." in operator.sent(address, **given, remote_id=f" {session.id} ")
    assert stage.financing().state == "submitted"
    assert "outbox.took_effect" in house.actions()
    assert not stage.violations()


def test_causes_and_records_are_given_to_people(open_house):
    house = open_house(flow={"document": "wait"})
    stage = house.stage
    number = house.added(invoice_number="MINE-1")
    operator = house.somebody(Role.OPERATOR)
    me = stage.program.people.by_email("operator@example.com").id
    assert "Nothing is yours" in operator.see("/inbox?mine=me").text

    operator.sent("/inbox/assign", subject=f"r{number}", person=str(me), back="/inbox")
    assert "MINE-1" in operator.see("/inbox?mine=me").text
    subject = "cause books held document_missing"
    operator.sent("/inbox/assign", subject=subject, person=str(me), back="//evil.example.com")
    assert "looked after by Ana Ng" in operator.see("/inbox?mine=me").text
    operator.sent("/inbox/assign", subject=subject, person="")
    operator.sent("/inbox/assign", subject=f"r{number}", person="")
    assert "Nothing is yours" in operator.see("/inbox?mine=me").text
    assert "There is no person" in operator.sent("/inbox/assign", subject=subject, person="999")
    viewer = house.somebody(Role.VIEWER)
    assert viewer.send("/inbox/assign", subject=subject, person=str(me)).status_code == 403
