from __future__ import annotations

from typing import Any

import pytest

from mappings import Mapping, load_mapping, shipped


@pytest.fixture(scope="session")
def finexio() -> Mapping:
    return load_mapping(shipped()["finexio"], name="finexio")


@pytest.fixture(scope="session")
def tryton() -> Mapping:
    return load_mapping(shipped()["tryton"], name="tryton")


@pytest.fixture
def finexio_record() -> dict[str, Any]:
    """The sample answer of the vendor's invoice guide, with a due date to come and the fields of the newer version."""
    return {
        "id": "inv_e3c3283bd77b44b1a26361dc0562efdb",
        "url": "https://stage.api.finexio.com/v1/invoices/inv_e3c3283bd77b44b1a26361dc0562efdb/",
        "created": "2021-12-04T04:25:35.067989",
        "updated": "2021-12-04T04:25:35.067997",
        "amount_cents": 10000,
        "currency": "USD",
        "discount_amount_cents": 0,
        "invoice_date": "2021-11-22",
        "invoice_due_date": "2026-12-23",
        "invoice_number": "123458",
        "line_items": [],
        "note": "April's Annual Tire Order",
        "originating_counterparty_id": "1d71f923-edb3-48a1-aec8-444d75f11f89",
        "receiving_counterparty_id": "b1d5a7e8-62fa-4e38-93bf-6be23bdefa82",
        "metadata": {},
        "status": "pending",
        "status_detail": {},
        "installments": [
            {
                "id": "inst_4a3c1db8bd6643018bfbbb7cd2f5ef7b",
                "created": "2021-12-04T04:25:35.071880",
                "amount_cents": 10000,
                "due_date": "2021-11-23",
                "payment_id": None,
            }
        ],
        "payment_id": None,
        "reconciliation_id": None,
        "account_number": None,
        "payment_group_id": None,
        "can_be_resubmitted": False,
        "accounting_id": None,
    }


@pytest.fixture
def tryton_record() -> dict[str, Any]:
    """A posted customer invoice, in the plain form of the adapter."""
    return {
        "id": 1,
        "number": "17",
        "reference": "PO-USD-00000",
        "type": "out",
        "state": "posted",
        "company": {"id": 1, "name": "Our Company"},
        "party": {"id": 4, "name": "Customer 00 GmbH"},
        "company_ref": "company:1",
        "party_ref": "party:4",
        "currency": {"code": "USD", "digits": 2},
        "invoice_date": "2026-10-25",
        "total_amount": "526.65",
        "amount_to_pay": "500.00",
        "untaxed_amount": "526.65",
        "tax_amount": "0.00",
        "due_date": "2026-12-25",
        "due_dates": ["2026-12-25"],
        "lines_to_pay": [
            {
                "id": 2,
                "maturity_date": "2026-12-25",
                "debit": "526.65",
                "credit": "0",
                "amount_second_currency": None,
                "reconciliation": None,
            }
        ],
        "comment": None,
        "create_date": "2026-11-21T22:46:41.240985",
        "write_date": None,
    }
