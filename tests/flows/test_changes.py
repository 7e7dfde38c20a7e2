"""What happens when the source changes: before anything was sent, and after."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mappings import shipped
from tests.flows.conftest import Build
from tests.flows.stage import START, Stage


def rows_of_every_table(stage: Stage) -> dict[str, int]:
    tables = ("source_records", "record_versions", "outcomes", "financing_invoices", "outbox")
    with stage.read() as tx:
        return {
            table: tx.connection.exec_driver_sql(f"select count(*) from {table}").scalar_one()
            for table in tables
        }


def test_a_second_pull_of_unchanged_records_writes_no_row(build: Build):
    stage = build(invoices=120)
    stage.settle()
    before = rows_of_every_table(stage)
    assert stage.pull(full_walk=True)
    assert stage.pull()

    assert rows_of_every_table(stage) == before


def test_an_unsent_invoice_follows_its_record(build: Build):
    stage = build(flow={"submit": "by_hand"})
    source_id = stage.add(amount_cents=10_000)
    stage.settle()
    assert stage.financing().amount_minor_units == 10_000
    stage.change(source_id, amount_cents=12_345, invoice_number="NEW-1")
    stage.pull(full_walk=True)

    row = stage.financing()
    assert (row.state, row.amount_minor_units, row.invoice_number) == ("ready", 12_345, "NEW-1")
    assert stage.versions() == 1 + 1 + 5  # five counterparties
    assert not stage.violations(at_rest=False)


def test_a_sent_invoice_that_changes_is_held_and_nothing_is_sent_again(stage: Stage):
    source_id = stage.add(amount_cents=10_000)
    stage.settle()
    stage.change(source_id, amount_cents=9_000)
    stage.pull(full_walk=True)
    stage.settle()

    assert stage.outcomes() == {source_id: "changed_after_submission"}
    assert stage.financing().amount_minor_units == 10_000
    assert stage.remote().amount_minor_units == 10_000
    assert stage.requests("POST", "/v1/invoices") == 1
    assert not stage.violations()

    stage.change(source_id, amount_cents=10_000)  # a person corrected it
    stage.pull(full_walk=True)
    assert stage.outcomes() == {source_id: "mapped"}
    assert not stage.violations()


def test_an_unsent_invoice_whose_payment_began_is_withdrawn(build: Build):
    stage = build(flow={"submit": "by_hand"})
    source_id = stage.add()
    stage.settle()
    stage.advance_source(source_id, "in-progress")
    stage.pull(full_walk=True)

    assert stage.financing().state == "withdrawn"
    assert stage.financing().state_reason
    assert stage.outcomes() == {source_id: "payment_in_progress"}
    assert not stage.violations(at_rest=False)


def test_a_new_invoice_without_a_payment_is_found_by_the_next_full_walk(stage: Stage):
    stage.add()
    stage.settle()
    stage.add()  # no payment names it, and the list of invoices has no filter by time
    stage.clock.advance(86_400)
    stage.pull()

    assert len(stage.outcomes()) == 2


def test_between_full_walks_a_change_is_heard_from_payments(stage: Stage):
    source_id = stage.add()
    stage.settle()
    stage.advance_source(source_id, "in-progress")
    stage.pull()

    assert stage.outcomes() == {source_id: "payment_in_progress"}
    assert (
        stage.financing().state == "submitted"
    )  # sent: what becomes of it is the financier's to say
    assert not stage.violations()


def test_a_new_mapping_decides_stored_records_without_asking_the_source(build: Build):
    stage = build(flow={"submit": "by_hand"})
    discounted = stage.add(amount_cents=10_000, discount_amount_cents=500)
    stage.settle()
    assert stage.financing().amount_minor_units == 9_500
    document = shipped()["finexio"]
    old = 'amount = "amount_cents | minus(discount_amount_cents) | minor_units"'
    assert old in document
    own = stage.directory / "own.toml"
    own.write_text(document.replace(old, 'amount = "amount_cents | minor_units"'), "utf-8")
    asked = len(stage.source.ledger.rows("SELECT sequence FROM requests"))
    stage.reconfigure('document = "render"', f'document = "render"\nmapping = "{own}"')

    assert stage.financing().amount_minor_units == 10_000
    assert stage.outcomes() == {discounted: "mapped"}
    assert len(stage.source.ledger.rows("SELECT sequence FROM requests")) == asked
    assert not stage.violations(at_rest=False)


def test_a_mapping_that_changes_a_sent_invoice_holds_it(stage: Stage):
    source_id = stage.add(amount_cents=10_000, discount_amount_cents=500)
    stage.settle()
    own = Path(stage.directory / "own.toml")
    own.write_text(shipped()["finexio"].replace(" | minus(discount_amount_cents)", ""), "utf-8")
    stage.reconfigure('document = "render"', f'document = "render"\nmapping = "{own}"')

    assert stage.outcomes() == {source_id: "changed_after_submission"}
    assert stage.remote().amount_minor_units == 9_500
    assert not stage.violations()


def test_a_due_date_that_passes_takes_an_unsent_invoice_out(build: Build):
    stage = build(flow={"submit": "by_hand"})
    source_id = stage.add(invoice_due_date=(START.date() + timedelta(days=3)).isoformat())
    stage.settle()
    assert stage.financing().state == "ready"
    stage.clock.advance(3 * 86_400)
    stage.pull()
    assert stage.financing().state == "ready"  # due today is not past due
    stage.clock.advance(86_400)
    stage.pull()

    assert stage.outcomes() == {source_id: "past_due"}
    assert stage.financing().state == "withdrawn"
    assert not stage.violations(at_rest=False)


def test_a_withdrawn_invoice_is_offered_again_under_the_same_reference(build: Build):
    stage = build(flow={"submit": "by_hand"})
    source_id = stage.add()
    stage.settle()
    reference = stage.financing().client_reference_id
    stage.change(source_id, invoice_due_date=None)
    stage.pull(full_walk=True)
    assert stage.financing().state == "withdrawn"
    stage.change(source_id, invoice_due_date=(START.date() + timedelta(days=90)).isoformat())
    stage.pull(full_walk=True)

    assert stage.financing().state == "ready"
    assert stage.financing().client_reference_id == reference
    assert not stage.violations(at_rest=False)


def test_a_malformed_record_is_rejected_and_the_others_go_on(stage: Stage):
    good, bad = stage.add(), stage.add(amount_cents="1250")
    stage.settle()

    outcomes = stage.outcomes()
    assert outcomes[good] == "mapped"
    assert outcomes[bad] not in (None, "mapped")
    with stage.read() as tx:
        (row,) = tx.records.list_current(("rejected",), limit=10)
    assert row.outcome.field_path == "amount_cents"
    assert row.outcome.sentence
    assert len(stage.ledger.select("invoice")) == 1
    assert not stage.violations()


def test_amounts_reach_the_financier_to_the_cent(stage: Stage):
    amounts = (1, 99, 100, 101, 12_353, 99_999_999, 999_999_900)
    for amount in amounts:
        stage.add(amount_cents=amount)
    stage.settle()

    assert sorted(row.amount_minor_units or 0 for row in stage.ledger.select("invoice")) == [
        *amounts
    ]
    assert not stage.violations()


def test_yen_and_dinar_are_counted_exactly_and_left_out_by_name(build: Build):
    stage = build(system="tryton", invoices=80, source={"dirty_percent": 0})
    stage.pull()

    with stage.read() as tx:
        excluded = {
            t.currency: t
            for t in tx.totals.by_outcome()
            if t.reason_code == "currency_not_financed"
        }
        kinds = {(t.currency, t.kind) for t in tx.totals.by_outcome()}
    assert {"JPY", "KWD"} <= {currency for currency, _ in kinds}
    assert not {("JPY", "mapped"), ("KWD", "mapped")} & kinds
    expected: dict[str, list[int]] = {"JPY": [], "KWD": []}
    for row in stage.source.ledger.rows("SELECT outcome, reason, detail FROM expectations"):
        if row["reason"] == "currency":
            detail = __import__("json").loads(row["detail"])
            expected[detail["currency"]].append(detail["gross_minor_units"])
    assert {c: (t.count, t.amount_minor_units) for c, t in excluded.items()} == {
        c: (len(found), sum(found)) for c, found in expected.items() if found
    }
