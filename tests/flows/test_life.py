"""The whole life of some dozens of invoices, reckoned up against the ledgers of the other sides."""

from __future__ import annotations

from collections import Counter

from connector.sandbox.finexio.oracle import expected_totals
from tests.flows.conftest import Build
from tests.flows.stage import Stage


def live(stage: Stage) -> None:
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    for _ in range(8):
        stage.clock.advance(3600)
        stage.financier.app.test_client().post("/sandbox/desk/advance", json={"steps": 1})
        stage.settle()


def test_the_life_of_sixty_invoices_adds_up_to_the_cent(build: Build):
    stage = build(invoices=60, source={"dirty_percent": 25})
    live(stage)

    told = expected_totals(stage.source.ledger, "v2", stage.clock.today())
    expected = {
        (kind, "XXX" if currency == "unreadable" else currency): (
            cell["count"],
            cell["gross_minor_units"],
        )
        for kind, by_currency in told.items()
        for currency, cell in by_currency.items()
        if cell["count"]
    }
    found: Counter[tuple[str, str]] = Counter()
    amounts: Counter[tuple[str, str]] = Counter()
    with stage.read() as tx:
        for total in tx.totals.by_outcome():
            found[total.kind, total.currency] += total.count
            amounts[total.kind, total.currency] += total.amount_minor_units
    assert {key: (n, amounts[key]) for key, n in found.items()} == expected
    assert {kind for kind, _ in found} == {"mapped", "held", "excluded", "rejected"}

    ours = {row.client_reference_id: row for row in stage.financings()}
    theirs = stage.ledger.select("invoice")
    assert len(theirs) == len(ours) == found["mapped", "USD"] > 10
    for remote in theirs:
        row = ours[str(remote.reference)]
        assert (row.currency, row.amount_minor_units) == (
            remote.currency,
            remote.amount_minor_units,
        )
        assert (row.raw_status, row.remote_invoice_id) == (remote.status, remote.id)
        assert remote.status == "repaid"
    assert not stage.violations()


def test_every_timeline_is_a_part_of_the_true_history_in_its_order(build: Build):
    stage = build(invoices=40)
    stage.fault("WEBHOOK *", "webhook_lose", times=7)
    stage.fault("WEBHOOK *", "webhook_duplicate", times=9)
    live(stage)
    stage.clock.advance(2 * 86_400)
    stage.settle()

    assert stage.financings()
    for row in stage.financings():
        told = iter(
            entry["status"]
            for entry in stage.ledger.history("invoice", row.remote_invoice_id or "")
        )
        with stage.read() as tx:
            applied = [status.raw_status for status in tx.timeline.of_invoice(row.id)]
        assert applied[-1] == "repaid"
        assert all(word in told for word in applied), (
            applied
        )  # a subsequence: `in` moves the iterator on
    assert not stage.violations()


def test_what_finexio_is_asked_only_reads(build: Build):
    stage = build(invoices=30)
    live(stage)

    methods = {row["method"] for row in stage.source.ledger.rows("SELECT method FROM requests")}
    assert methods == {"GET"}
    assert not stage.source.ledger.facts("payment_started")


def test_the_life_of_tryton_invoices_ends_in_one_note_for_every_status(build: Build):
    stage = build(system="tryton", invoices=40)
    live(stage)

    assert len(stage.ledger.select("invoice")) == len(
        [row for row in stage.financings() if row.remote_invoice_id]
    )
    with stage.read() as tx:
        markers = [
            f"[connector {row.client_reference_id}/{status.seq}]"
            for row in tx.financing.recent(1000)
            for status in tx.timeline.of_invoice(row.id)
        ]
    assert markers
    notes = stage.notes()
    assert len(notes) == len(markers)
    assert all(sum(marker in note for note in notes) == 1 for marker in markers)
    assert not stage.violations()
