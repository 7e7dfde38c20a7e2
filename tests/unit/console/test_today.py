"""Today: one sentence that is true, what is in flight, what needs a person, and what stopped without a word."""

from __future__ import annotations

from datetime import timedelta

from connector.errors import ReconnectRequired, Unavailable
from connector.store.database import Database
from connector.store.totals import FinancingTotal
from connector.views.today import Spoken, in_flight, today
from tests.databases import CONNECTION, FINANCIER, STREAM, finance, store_records
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
        {"outcome": "held", "reason_code": "company_not_linked"},
    )
    assert rejected.count == 1


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
    assert (parked.kind, parked.leads_to) == ("parked", ("invoices", {"state": "parked"}))
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
