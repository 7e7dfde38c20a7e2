"""Today: one sentence that is true, what is in flight, what needs a person, and what stopped without a word."""

from __future__ import annotations

from datetime import timedelta

from connector.errors import ReconnectRequired, Unavailable
from connector.store.database import Database
from connector.store.totals import FinancingTotal
from connector.views.today import Spoken, in_flight, today
from tests.databases import CONNECTION, FINANCIER, STREAM, finance, message, store_records
from tests.fakes import FakeClock
from tests.unit.console.conftest import Reader

SPOKEN = (
    Spoken(CONNECTION, "connection", "finexio", 300),
    Spoken(FINANCIER, "financier", "hosted_session", 900),
)


def read(database: Database, clock: FakeClock) -> dict:
    with database.read() as tx:
        return today(tx, SPOKEN, clock.now())


def pulled(database: Database, seen: int = 1, changed: int = 1) -> None:
    """A pull that went well."""
    with database.write() as tx:
        run = tx.runs.start(CONNECTION, STREAM, "pull")
        tx.runs.progress(run, 1, seen, changed)
        tx.runs.finish(run, "succeeded")
        tx.connections.succeeded(f"{CONNECTION}/pull")


def test_before_the_first_run_it_says_so(database: Database, clock: FakeClock):
    shown = read(database, clock)

    assert shown["verdict"]["sentence"] == "Nothing has been read yet."
    assert not shown["needs"] + shown["warnings"] + shown["in_flight"]


def test_all_is_well_when_nothing_waits(database: Database, clock: FakeClock):
    pulled(database)

    shown = read(database, clock)
    assert shown["verdict"] == {"tone": "good", "sentence": "All is well. Nothing needs you."}
    assert shown["systems"][0]["last_run"]["records_changed"] == 1
    assert shown["systems"][0]["next_run_at"] == "2026-03-02T09:35:00Z"


def test_what_is_held_is_counted_with_its_money_and_leads_to_its_list(
    database: Database, clock: FakeClock
):
    pulled(database)
    with database.write() as tx:
        store_records(tx, ["a", "b"], "held")
        store_records(tx, ["c"], "rejected")

    shown = read(database, clock)
    assert shown["verdict"]["sentence"] == "Everything runs. 3 invoices wait for somebody."
    held, rejected = shown["needs"]
    assert (held.kind, held.count, held.sums[0]["amount"]) == ("held", 2, "24001.00")
    assert held.leads_to == (
        "inbox",
        {"connection": CONNECTION, "outcome": "held", "reason_code": "company_not_linked"},
    )
    assert rejected.count == 1


def test_since_when_the_oldest_waits_is_said(database: Database, clock: FakeClock):
    pulled(database)
    with database.write() as tx:
        store_records(tx, ["a"], "held")
        (saved,) = store_records(tx, ["b"])
        financing = finance(tx, saved)
        tx.financing.set_state(financing, "submitting", None, ("ready",))
        tx.financing.set_state(financing, "parked", "who knows", ("submitting",))
    clock.advance(minutes=3)
    with database.write() as tx:
        store_records(tx, ["c"], "held")

    needs = read(database, clock)["needs"]
    assert {need.kind: (need.count, need.since) for need in needs} == {
        "held": (2, "2026-03-02T09:30:00Z"),
        "parked": (1, "2026-03-02T09:30:00Z"),
    }


def test_what_was_paused_or_stopped_says_since_when(database: Database, clock: FakeClock):
    pulled(database)
    clock.advance(minutes=4)
    with database.write() as tx:
        error = ReconnectRequired("The credentials were refused.")
        tx.connections.failed(f"{CONNECTION}/pull", error, None, "reconnect")
        tx.connections.succeeded(f"{FINANCIER}/poll")
    (stopped,) = read(database, clock)["needs"]
    assert stopped.since == "2026-03-02T09:30:00Z", "when it worked last"
    assert stopped.leads_to == ("connections", {"name": CONNECTION})

    with database.write() as tx:
        tx.connections.succeeded(f"{CONNECTION}/pull")
        tx.connections.pause(CONNECTION)
        tx.audit.append("person:a@example.com", "connection.pause", CONNECTION, {})
    clock.advance(minutes=5)
    assert [need.since for need in read(database, clock)["needs"]] == ["2026-03-02T09:34:00Z"]


def test_messages_and_events_that_are_stuck_say_since_when(database: Database, clock: FakeClock):
    pulled(database)
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        row = message(tx, finance(tx, saved))
        assert tx.outbox.park(row, Unavailable("unclear"))
    clock.advance(minutes=9)

    (stuck,) = read(database, clock)["needs"]
    assert (stuck.kind, stuck.count, stuck.since) == ("outbox", 1, "2026-03-02T09:30:00Z")


def test_causes_are_named_as_in_the_error_inbox_and_lead_to_exactly_theirs(page: Reader):
    today_links = {
        e.text: e.attributes["href"] or ""
        for e in page("/").all("a")
        if (e.attributes.get("href") or "").startswith("/inbox?")
    }
    inbox = [e.text for e in page("/inbox").all("a") if "reason_code=" in (e.attributes.get("href") or "")]  # fmt: skip

    assert today_links
    assert set(today_links) == set(inbox)
    for title, address in today_links.items():
        assert page(address).one("h1").text == title


def test_a_refused_access_comes_before_everything(database: Database, clock: FakeClock):
    pulled(database)
    with database.write() as tx:
        error = ReconnectRequired("The credentials were refused.")
        tx.connections.failed(f"{CONNECTION}/pull", error, clock.now(), "reconnect")

    shown = read(database, clock)
    assert shown["verdict"]["tone"] == "bad"
    assert [need.kind for need in shown["needs"]] == ["reconnect"]
    assert shown["needs"][0].detail == "The credentials were refused."


def test_what_mends_itself_is_no_alarm(database: Database, clock: FakeClock):
    pulled(database)
    with database.write() as tx:
        again = clock.now() + timedelta(minutes=20)
        tx.connections.failed(
            f"{CONNECTION}/pull", Unavailable("It is down."), again, "backing_off"
        )

    shown = read(database, clock)
    assert (shown["verdict"]["tone"], shown["needs"]) == ("info", [])
    assert shown["systems"][0]["next_run_at"] == "2026-03-02T09:50:00Z"


def test_silence_is_said(database: Database, clock: FakeClock):
    pulled(database)
    clock.advance(minutes=14)
    assert not read(database, clock)["warnings"]

    clock.advance(minutes=2)
    (warning,) = read(database, clock)["warnings"]
    assert (warning["kind"], warning["name"]) == ("silent", CONNECTION)
    assert read(database, clock)["verdict"]["tone"] == "bad"


def test_a_connection_that_gives_nothing_is_said(database: Database, clock: FakeClock):
    pulled(database, seen=0, changed=0)
    (warning,) = read(database, clock)["warnings"]
    assert warning["kind"] == "zero_rows"
    assert "no record yet" in warning["sentence"]

    pulled(database)
    assert not read(database, clock)["warnings"]

    clock.advance(days=8)
    pulled(database, changed=0)
    (warning,) = read(database, clock)["warnings"]
    assert (warning["kind"], warning["since"]) == ("zero_rows", "2026-03-02T09:30:00Z")


def test_a_parked_invoice_and_a_message_given_up_need_a_person(
    database: Database, clock: FakeClock
):
    pulled(database)
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        financing = finance(tx, saved)
        tx.financing.set_state(financing, "submitting", None, ("ready",))
        tx.financing.set_state(financing, "parked", "who knows", ("submitting",))

    shown = read(database, clock)
    (parked,) = shown["needs"]
    assert (parked.kind, parked.leads_to) == ("parked", ("invoices", {"state": "stopped"}))
    assert not shown["in_flight"]


def test_money_in_flight_leaves_out_what_ended():
    def total(state: str, status: str | None, amount: int, currency: str = "USD") -> FinancingTotal:
        return FinancingTotal("bank", currency, state, status, 1, amount)

    shown = in_flight(
        [
            total("ready", None, 1),
            total("submitted", "funded", 200),
            total("submitted", "funded", 300),
            total("submitted", "awaiting_signatures", 7),
            total("submitted", "repaid", 999),
            total("withdrawn", None, 999),
            total("parked", None, 999),
            total("submitted", "submitted", 5, "JPY"),
        ]
    )

    assert [(line["currency"], line["amount"], line["count"]) for line in shown] == [
        ("JPY", "5", 1),
        ("USD", "5.08", 4),
    ]
    assert [(part["status"], part["amount"]) for part in shown[1]["parts"]] == [
        ("ready", "0.01"),
        ("awaiting_signatures", "0.07"),
        ("funded", "5.00"),
    ]


def test_the_page_shows_figures_in_words_beside_the_plot(page: Reader):
    shown = page("/")

    assert "invoice waits for somebody" in shown.text or "invoices wait for somebody" in shown.text
    assert any("USD in flight by status" in e.text for e in shown.all("caption"))
    link = shown.link("The invoice changed after it was sent for financing")
    assert "CHANGED-6" in page(link).text
