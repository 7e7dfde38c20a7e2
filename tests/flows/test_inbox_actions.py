"""What people do about waiting records, and about the life of an invoice, in the pages of a running connector."""

from __future__ import annotations

import io
from html import unescape

import pytest

from connector.acting import Actions
from connector.people.roles import Role
from connector.views.needs import PARKED
from tests.flows.people_at_pages import HOSTILE, open_house
from tests.flows.stage import Stage
from tests.unit.console.page import Page

PDF = b"%PDF-1.7\n%%EOF\n"

__all__ = ["open_house"]


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
    assert PARKED["unclear"] in operator.see("/inbox").text
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
