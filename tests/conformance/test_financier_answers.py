"""What every financing platform answers is read exactly, or not believed at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import ContractDrift
from connector.financier import FinancingStatus, Submission
from connector.registry import financiers
from tests.conformance.harness import FinancierSide, cases
from tests.conformance.proxy import Answer, Fault, Proxy
from tests.conformance.submitting import Connect, perform

pytestmark = pytest.mark.parametrize("case", cases(list(financiers())))


# -- the truth about an invoice ---------------------------------------------------------------------------------------


def rewriting(pattern: bytes, by: bytes) -> Fault:
    """The true answer, with a part of it replaced."""

    def fault(forward: Callable[[], Answer]) -> Answer:
        whole = forward()
        body, found = re.subn(pattern, by, whole.body)
        assert found
        return Answer(whole.status, whole.headers, body)

    return fault


def test_unknown_status_is_unknown_with_its_word(
    connect: Connect, proxy: Proxy, submission: Submission
) -> None:
    financier = connect()
    invoice_id = perform(financier, submission, "session")["invoice"].remote_id
    proxy.disturb(rewriting(rb'"status":"draft"', b'"status":"Happily_Paid"'))
    told = financier.fetch(invoice_id)
    assert (told.status, told.raw_status) == (FinancingStatus.UNKNOWN, "Happily_Paid")


@pytest.mark.parametrize(
    ("pattern", "by"),
    [
        (rb'"amount":[0-9.]+', b'"amount":123.535'),
        (rb'"amount":[0-9.]+', b'"amount":"123.53 USD"'),
        (rb'"amount":[0-9.]+', b'"amount":null'),
        (rb'"amount":[0-9.]+', b'"amount":1e400'),
        (rb'"amount":[0-9.]+', b'"amount":true'),
        (rb'"amount":[0-9.]+', b'"amount":1,"amount":2'),
        (rb'"currency":"usd"', b'"currency":"zzz"'),
        (rb'"currency":"usd"', b'"currency":null'),
        (rb'"status":"draft"', b'"status":7'),
        (rb'"due_date":"[^"]+"', b'"due_date":"soon"'),
        (rb'"id":"inv_', b'"id":"inv_other_'),
        (rb"^.*$", b"[]"),
        (rb"^.*$", b"null"),
    ],
)
def test_answer_of_another_shape_is_drift(
    connect: Connect, proxy: Proxy, submission: Submission, pattern: bytes, by: bytes
) -> None:
    financier = connect()
    invoice_id = perform(financier, submission, "session")["invoice"].remote_id
    proxy.disturb(rewriting(pattern, by))
    with pytest.raises(ContractDrift):
        financier.fetch(invoice_id)


# -- events -----------------------------------------------------------------------------------------------------------


def test_event_is_read_as_a_hint(connect: Connect, side: FinancierSide) -> None:
    hint = connect().read_event(side.event("inv_1", "ref-1"))
    assert hint.event_id
    assert hint.event_type
    assert (hint.remote_invoice_id, hint.client_reference_id) == ("inv_1", "ref-1")
    assert hint.created_at == datetime(2026, 3, 2, 9, 30, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "body", [{}, {"id": 1, "type": "x"}, {"id": "e"}, {"type": "t"}, {"a": []}]
)
def test_other_bodies_are_no_events(connect: Connect, body: dict[str, Any]) -> None:
    with pytest.raises(ContractDrift):
        connect().read_event(body)
