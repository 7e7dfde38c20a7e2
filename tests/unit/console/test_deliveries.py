"""Deliveries and the audit log: filters, masked payloads, attempts, what an event led to, the chain."""

from __future__ import annotations

from connector.store.database import Database
from connector.views.deliveries import masked_body, masked_payload
from tests.databases import finance, store_records
from tests.unit.console.conftest import Reader


def test_a_message_shows_what_is_said_and_each_attempt(page: Reader):
    listing = page("/deliveries?target=bank")
    first = next(e for e in listing.all("th") if e.text.isdigit()).text
    message = page(f"/deliveries/{first}")

    assert "client_reference_id" in message.text
    assert "send" in message.text
    assert "No message is here." in page("/deliveries?state=dead").text


def test_an_event_shows_the_status_that_followed(page: Reader):
    numbers = [e.text for e in page("/deliveries/inbox").all("th") if e.text.isdigit()]
    events = [page(f"/deliveries/inbox/{number}") for number in numbers]

    assert all("evt_" in event.text for event in events)
    # Our word and the platform's, as they were told then: not where the invoice stands now.
    applied = [tuple(e.text for e in event.all("td")) for event in events]
    assert ("submitted", "new", "1,000.01 USD") in applied


def test_secrets_do_not_reach_a_page():
    body = b'{"type":"x","access_token":"abcdef123456","data":{"iban":"DE12","note":"Bearer abcdefghi"},"amount":1.10}'

    shown = masked_body(body)
    for secret in ("abcdef123456", "DE12", "abcdefghi"):
        assert secret not in shown
    assert '"1.10"' in shown
    assert "secret-text" not in masked_payload({"client_secret": "secret-text"})
    assert "abcdef" not in masked_body(b'not json: password="abcdef"')


def test_open_rows_are_counted(database: Database):
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        finance(tx, saved)
    with database.read() as tx:
        assert tx.deliveries.open_sent() == {}
        assert tx.deliveries.open_heard() == {}
        assert tx.deliveries.sent(state="dead") == []
        assert tx.deliveries.heard(state="quarantined") == []


def test_the_audit_log_by_subject_action_and_day(database: Database):
    with database.write() as tx:
        for subject in ("ref", "ref/1", "reference", "other"):
            tx.audit.append("ann", "submit.invoice.done", subject, {})
        tx.audit.append("bob", "submitted", "ref", {})
    with database.read() as tx:
        about = tx.audit_list.about(["ref", "other"])
        assert [row.subject for row in about] == ["ref", "ref/1", "other", "ref"]
        assert [row.seq for row in tx.audit_list.page(action="submit")] == [4, 3, 2, 1]
        assert [row.seq for row in tx.audit_list.page(actor="bob")] == [5]
        assert [row.seq for row in tx.audit_list.page(before_seq=3, limit=1)] == [2]
        day = about[0].at.date()
        assert len(tx.audit_list.page(since=day, until=day)) == 5
        assert not tx.audit_list.page(until=day.replace(year=day.year - 1))


def test_the_chain_is_checked_when_asked(page: Reader):
    assert "The chain holds" in page("/audit?check=chain").text
    assert "The chain holds" not in page("/audit").text
    assert "No entry is here." in page("/audit?actor=nobody").text
