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

pytestmark = pytest.mark.parametrize("case", cases(list(financiers()), financiers=True))


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
    connect: Connect, side: FinancierSide, proxy: Proxy, submission: Submission
) -> None:
    financier = connect()
    invoice_id = perform(financier, submission, "session")["invoice"].remote_id
    key = side.wire["status"].encode()
    proxy.disturb(rewriting(rb'"%s":"[A-Za-z_]+"' % key, b'"%s":"Happily_Paid"' % key))
    told = financier.fetch(invoice_id)
    assert (told.status, told.raw_status) == (FinancingStatus.UNKNOWN, "Happily_Paid")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", b"123.535"),
        ("amount", b'"123.53 USD"'),
        ("amount", b"null"),
        ("amount", b"1e400"),
        ("amount", b"true"),
        ("amount", b'1,"KEY":2'),
        ("currency", b'"zzz"'),
        ("currency", b"null"),
        ("status", b"7"),
        ("due_date", b'"soon"'),
        ("id", b'"another"'),
    ],
)
def test_answer_of_another_shape_is_drift(
    connect: Connect,
    side: FinancierSide,
    proxy: Proxy,
    submission: Submission,
    field: str,
    value: bytes,
) -> None:
    if field not in side.wire:
        pytest.skip("The platform does not tell it.")
    financier = connect()
    invoice_id = perform(financier, submission, "session")["invoice"].remote_id
    key = side.wire[field].encode()
    other = b'"%s":%s' % (key, value.replace(b"KEY", key))
    proxy.disturb(rewriting(rb'"%s":("[^"]*"|[0-9.]+)' % key, other))
    with pytest.raises(ContractDrift):
        financier.fetch(invoice_id)


@pytest.mark.parametrize("answer", [b"[]", b"null", b"7", b'{"data":{}}'])
def test_answer_of_another_kind_is_drift(
    connect: Connect, proxy: Proxy, submission: Submission, answer: bytes
) -> None:
    financier = connect()
    invoice_id = perform(financier, submission, "session")["invoice"].remote_id
    proxy.disturb(rewriting(rb"(?s)^.*$", answer))
    with pytest.raises(ContractDrift):
        financier.fetch(invoice_id)


# -- events -----------------------------------------------------------------------------------------------------------


def test_event_is_read_as_a_hint(connect: Connect, side: FinancierSide) -> None:
    if side.event is None:
        pytest.skip("The platform sends no events.")
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
