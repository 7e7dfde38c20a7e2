from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mappings import Direction, FinancingInvoice, Mapping, OutcomeKind

TODAY = date(2026, 11, 22)


def test_the_vendors_sample(finexio: Mapping, finexio_record: dict[str, Any]) -> None:
    outcome = finexio.evaluate(finexio_record, TODAY)
    assert outcome.kind is OutcomeKind.MAPPED
    assert outcome.invoice == FinancingInvoice(
        direction=Direction.PAYABLE,
        invoice_number="123458",
        currency="USD",
        amount_minor_units=10000,
        due_date=date(2026, 12, 23),
        buyer_id="1d71f923-edb3-48a1-aec8-444d75f11f89",
        supplier_id="b1d5a7e8-62fa-4e38-93bf-6be23bdefa82",
        issue_date=date(2021, 11, 22),
        type_of_goods=("other",),
        note="April's Annual Tire Order",
    )
    assert (outcome.currency, outcome.amount_minor_units) == ("USD", 10000)
    assert outcome.recheck_on == date(2026, 12, 24)
    assert outcome.problems == ()


def test_the_discount_is_taken_off_and_the_total_stays_gross(
    finexio: Mapping, finexio_record: dict[str, Any]
) -> None:
    outcome = finexio.evaluate({**finexio_record, "discount_amount_cents": 250}, TODAY)
    assert outcome.invoice is not None
    assert outcome.invoice.amount_minor_units == 9750
    assert outcome.amount_minor_units == 10000


@pytest.mark.parametrize(
    ("fields", "path", "reason"),
    [
        ({"amount_cents": 0}, "amount_cents", "out_of_range"),
        ({"amount_cents": 999_999_901}, "amount_cents", "out_of_range"),
        ({"amount_cents": "100"}, "amount_cents", "not_a_whole_number"),
        ({"amount_cents": 100.0}, "amount_cents", "not_a_whole_number"),
        ({"amount_cents": True}, "amount_cents", "not_a_whole_number"),
        ({"amount_cents": None}, "amount_cents", "required_missing"),
        ({"currency": "EUR"}, "currency", "not_one_of"),
        ({"currency": "usd"}, "currency", "currency_unknown"),
        ({"currency": None}, "currency", "required_missing"),
        ({"discount_amount_cents": -1}, "discount_amount_cents", "out_of_range"),
        ({"discount_amount_cents": 999_999_901}, "discount_amount_cents", "out_of_range"),
        ({"discount_amount_cents": 10001}, "discount_amount_cents", "deduction_too_large"),
        ({"invoice_number": ""}, "invoice_number", "required_missing"),
        ({"invoice_number": "9" * 50}, "invoice_number", "too_long"),
        ({"invoice_number": 123458}, "invoice_number", "not_text"),
        ({"invoice_number": "1\x00"}, "invoice_number", "unreadable_text"),
        ({"invoice_date": None}, "invoice_date", "required_missing"),
        ({"invoice_date": "22.11.2021"}, "invoice_date", "not_a_date"),
        ({"invoice_due_date": "2026-11-31"}, "invoice_due_date", "not_a_date"),
        ({"note": "x" * 1001}, "note", "too_long"),
        ({"originating_counterparty_id": None}, "originating_counterparty_id", "required_missing"),
        ({"receiving_counterparty_id": 7}, "receiving_counterparty_id", "not_text"),
        ({"metadata": []}, "metadata", "not_a_group"),
        ({"metadata": {"a": None}}, "metadata", "not_labels"),
        ({"reconciliation_id": "x" * 51}, "reconciliation_id", "too_long"),
        ({"account_number": 17}, "account_number", "not_text"),
        ({"payment_group_id": "x" * 101}, "payment_group_id", "too_long"),
        ({"accounting_id": "x" * 71}, "accounting_id", "too_long"),
        ({"can_be_resubmitted": "yes"}, "can_be_resubmitted", "not_yes_or_no"),
        ({"status": 3}, "status", "not_text"),
        ({"created": "yesterday"}, "created", "not_a_timestamp"),
        ({"line_items": {}}, "line_items", "not_a_list"),
        ({"status_detail": "x"}, "status_detail", "not_a_group"),
        ({"installments": "x"}, "installments", "not_a_list"),
        ({"installments": [{}, {"amount_cents": "1"}]}, "installments[1].amount_cents", "not_a_whole_number"),
        ({"installments": [{"amountCents": 1.5}]}, "installments[0].amountCents", "not_a_whole_number"),
        ({"installments": [{"dueDate": "soon"}]}, "installments[0].dueDate", "not_a_date"),
        ({"id": None}, "id", "required_missing"),
    ],
)  # fmt: skip
def test_each_constraint_of_the_documents(
    finexio: Mapping,
    finexio_record: dict[str, Any],
    fields: dict[str, Any],
    path: str,
    reason: str,
) -> None:
    outcome = finexio.evaluate({**finexio_record, **fields}, TODAY)
    assert outcome.kind is OutcomeKind.REJECTED
    assert (outcome.field_path, outcome.reason_code) == (path, reason)
    assert outcome.sentence is not None
    assert outcome.sentence.endswith(".")
    assert "_" not in outcome.sentence
    assert len(outcome.problems) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"amount_cents": 1},
        {"amount_cents": 999_999_900},
        {"discount_amount_cents": None},
        {"invoice_number": "9" * 49},
        {"note": "x" * 1000},
        {"note": None},
        {"metadata": {"a": "b", "c": 1}},
        {"metadata": None},
        {"reconciliation_id": "x" * 50},
        {"payment_group_id": "x" * 100},
        {"accounting_id": "x" * 70},
        {"invoice_date": "2021-11-22T00:00:00"},
        {"invoice_due_date": "2026-12-23T23:30:00"},
        {"installments": [{"amountCents": 1, "dueDate": "2026-12-01", "paymentId": None}]},
        {"a_field_of_tomorrow": {"deep": [1]}},
        {"url": None, "created": None},
    ],
)
def test_what_the_documents_allow(
    finexio: Mapping, finexio_record: dict[str, Any], fields: dict[str, Any]
) -> None:
    outcome = finexio.evaluate({**finexio_record, **fields}, TODAY)
    assert outcome.kind is OutcomeKind.MAPPED, outcome


@pytest.mark.parametrize(
    ("fields", "kind", "rule"),
    [
        ({"status": "in-progress"}, "excluded", "payment_in_progress"),
        ({"status": "sent"}, "excluded", "payment_sent"),
        ({"status": "complete"}, "excluded", "already_paid"),
        ({"status": "failed"}, "excluded", "payment_failed"),
        ({"status": "canceled"}, "excluded", "payment_canceled"),
        ({"status": "cancelled"}, "held", "status_unknown"),
        ({"status": None}, "held", "status_missing"),
        ({"invoice_due_date": None}, "held", "due_date_missing"),
        ({"invoice_due_date": "2026-11-21"}, "excluded", "past_due"),
        ({"invoice_due_date": "2026-11-22"}, "mapped", None),
        ({"discount_amount_cents": 10000}, "excluded", "amount_not_positive"),
        ({"invoice_due_date": None, "status": "complete"}, "excluded", "already_paid"),
    ],
)
def test_each_rule(
    finexio: Mapping,
    finexio_record: dict[str, Any],
    fields: dict[str, Any],
    kind: str,
    rule: str | None,
) -> None:
    outcome = finexio.evaluate({**finexio_record, **fields}, TODAY)
    assert (outcome.kind, outcome.rule) == (kind, rule)
    assert (outcome.currency, outcome.amount_minor_units) == ("USD", 10000)
    if rule:
        assert outcome.reason_code == rule
        assert outcome.field_path in finexio_record
        reasons = [problem.reason_code for problem in outcome.problems]
        assert len(reasons) == len(set(reasons))


def test_every_problem_is_told_at_once(finexio: Mapping, finexio_record: dict[str, Any]) -> None:
    record = {**finexio_record, "amount_cents": 0, "currency": "EUR", "note": 5, "status": "failed"}
    outcome = finexio.evaluate(record, TODAY)
    assert [problem.field_path for problem in outcome.problems] == [
        "amount_cents",
        "currency",
        "note",
    ]
    assert outcome.problems[0].sentence == outcome.sentence
    assert (outcome.currency, outcome.amount_minor_units) == ("EUR", 0)


def test_a_list_of_many_wrong_entries_tells_a_bounded_number(
    finexio: Mapping, finexio_record: dict[str, Any]
) -> None:
    record = {**finexio_record, "installments": [{"amount_cents": "x"}] * 100_000}
    assert len(finexio.evaluate(record, TODAY).problems) == 50


def test_the_explanation(finexio: Mapping, finexio_record: dict[str, Any]) -> None:
    record = {**finexio_record, "discount_amount_cents": 250, "status": "sent", "note": "\x00"}
    explanation = finexio.explain(record, TODAY)
    assert explanation.outcome == finexio.evaluate(record, TODAY)
    fields = {field.target: field for field in explanation.fields}
    amount = fields["amount"]
    assert (amount.source_path, amount.source_value, amount.result) == ("amount_cents", 10000, 9750)
    assert [(step.function, step.result) for step in amount.steps] == [
        ("minus(discount_amount_cents)", 9750),
        ("minor_units", 9750),
    ]
    assert fields["note"].steps[-1].problem == "Note must be text without control characters."
    assert fields["due_date"].result == date(2026, 12, 23)
    verdicts = {rule.name: rule.caught for rule in explanation.rules}
    assert verdicts["payment_sent"] is True
    assert verdicts["already_paid"] is False
    assert any(rule.of_financier for rule in explanation.rules)
    assert finexio.explain(None, TODAY).outcome.reason_code == "not_a_record"
