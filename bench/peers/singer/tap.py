"""Singer SDK: a REST tap. python tap.py --config FILE"""

import sys
from typing import Any

from requests.auth import HTTPBasicAuth
from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BasePageNumberPaginator
from singer_sdk.streams import RESTStream

Text, Whole, Flag = th.StringType, th.IntegerType, th.BooleanType
_INSTALLMENT = th.ObjectType(
    th.Property("id", Text),
    th.Property("created", Text),
    th.Property("amount_cents", Whole),
    th.Property("due_date", Text),
    th.Property("payment_id", Text),
)
_TEXTS = (
    "created updated currency invoice_number invoice_date invoice_due_date note originating_counterparty_id "
    "receiving_counterparty_id payment_id reconciliation_id account_number payment_group_id accounting_id status"
)


class PageNumbers(BasePageNumberPaginator):
    """Goes on while the answer names a next page."""

    def has_more(self, response: Any) -> bool:
        return response.json()["next"] is not None


class Invoices(RESTStream):
    """The list of invoices."""

    name = "invoices"
    path = "/invoices/"
    primary_keys = ("id",)
    records_jsonpath = "$.results[*]"
    schema = th.PropertiesList(
        th.Property("id", Text, required=True),
        *(th.Property(name, Text) for name in _TEXTS.split()),
        th.Property("amount_cents", Whole),
        th.Property("discount_amount_cents", Whole),
        th.Property("can_be_resubmitted", Flag),
        th.Property("documentationPresented", Flag),
        th.Property("metadata", th.ObjectType(additional_properties=True)),
        th.Property("status_detail", th.ObjectType(additional_properties=True)),
        th.Property("line_items", th.ArrayType(th.ObjectType(th.Property("description", Text)))),
        th.Property("installments", th.ArrayType(_INSTALLMENT)),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return self.config["url"]

    @property
    def authenticator(self) -> HTTPBasicAuth:
        return HTTPBasicAuth("bench", "bench")

    def get_new_paginator(self) -> PageNumbers:
        return PageNumbers(1)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        return {"page": next_page_token or 1}


class BenchTap(Tap):
    """The tap."""

    name = "tap-bench"
    config_jsonschema = th.PropertiesList(th.Property("url", Text, required=True)).to_dict()

    def discover_streams(self) -> list[Invoices]:
        return [Invoices(self)]


if __name__ == "__main__":
    sys.exit(BenchTap.cli())
