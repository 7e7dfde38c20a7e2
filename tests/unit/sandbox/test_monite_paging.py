"""Pages of the Monite stand-in, for any order, filter, limit and change in between: nothing is lost, nothing doubled.
And whatever is asked, the answer is one of the documented ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sandbox.platform import Sandbox
from tests.unit.sandbox.monite_client import monite_sandbox

SORTS = {
    "payables": ("id", "created_at", "issued_at"),
    "receivables": (
        "counterpart_name",
        "amount",
        "status",
        "due_date",
        "document_id",
        "created_at",
    ),
}
QUERIES = st.sampled_from(sorted(SORTS)).flatmap(
    lambda path: st.fixed_dictionaries(
        {"path": st.just(path)},
        optional={
            "sort": st.sampled_from(SORTS[path]),
            "order": st.sampled_from(["asc", "desc"]),
            "status__in": st.lists(
                st.sampled_from(["draft", "issued", "new", "paid"]), min_size=1, unique=True
            ),
            "total_amount__gte": st.integers(0, 10**7),
        },
    )
)


class Client:
    """The API without a server."""

    def __init__(self, sandbox: Sandbox) -> None:
        chosen = sandbox.settings
        self.http: FlaskClient = sandbox.app.test_client()
        self.headers = {
            "X-Monite-Version": "2024-05-25",
            "X-Monite-Entity-Id": chosen.entity_id,
        }
        body = {"client_id": chosen.client_id, "client_secret": chosen.client_secret}
        given_out = self.http.post(
            "/v1/auth/token",
            json={**body, "grant_type": "client_credentials"},
            headers=self.headers,
        )
        self.headers["Authorization"] = f"Bearer {given_out.get_json()['access_token']}"

    def page(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.http.get(f"/v1/{path}", query_string=query, headers=self.headers)
        assert answer.status_code == 200, answer.data
        return dict(answer.get_json())

    def pages(self, path: str, limit: int, **query: Any) -> Iterator[dict[str, Any]]:
        page = self.page(path, limit=limit, **query)
        yield page
        while (token := page["next_pagination_token"]) is not None:
            page = self.page(path, pagination_token=token, limit=limit)
            yield page

    def person(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.http.post(f"/sandbox/{path}", json=body or {}).get_json()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    sandbox = monite_sandbox(tmp_path_factory.mktemp("monite"), invoices=50)
    sandbox.start(background=False)
    yield Client(sandbox)
    sandbox.close()


def ids(page: dict[str, Any]) -> list[str]:
    return [record["id"] for record in page["data"]]


@settings(max_examples=40, deadline=None)
@given(query=QUERIES, limit=st.integers(1, 40))
def test_pages_put_together_are_the_list_forth_and_back(
    client: Client, query: dict[str, Any], limit: int
) -> None:
    whole = ids(client.page(**query))
    pages = list(client.pages(limit=limit, **query))
    assert [own for page in pages for own in ids(page)] == whole
    assert all(len(page["data"]) == limit for page in pages[:-1])
    assert pages[0]["prev_pagination_token"] is None
    for before, after in pairwise(pages):
        token = after["prev_pagination_token"]
        assert client.page(query["path"], pagination_token=token, limit=limit) == before


@settings(max_examples=15, deadline=None)
@given(
    path=st.sampled_from(sorted(SORTS)),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 12),
    when=st.integers(0, 3),
)
def test_what_is_there_all_the_time_comes_once(
    client: Client, path: str, order: str, limit: int, when: int
) -> None:
    passing = client.person(path)["ids"][0]
    lasting = set(ids(client.page(path, limit=100))) - {passing}
    seen: list[str] = []
    for number, page in enumerate(client.pages(path, limit, order=order)):
        seen += ids(page)
        if number == when:
            client.person(path)
            client.http.delete(f"/sandbox/{path}/{passing}")
    assert lasting <= set(seen)
    assert len(seen) == len(set(seen))
    for own in set(ids(client.page(path, limit=100))) - lasting:
        client.http.delete(f"/sandbox/{path}/{own}")


TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["2026-02-30", "9999-12-31T23:59:59-23:00", "1e3", "eyJraW5kIjoicGF5YWJsZSJ9"]),
)
NAMES = ("limit", "sort", "order", "pagination_token", "created_at__gt", "due_date__lte", "id__in",
         "status", "total_amount__lt", "document_id__icontains", "has_file", "colour")  # fmt: skip
PATHS = ("payables", "receivables", "counterparts", "events", "payment_records", "financing_invoices",
         "webhook_subscriptions", "webhook_deliveries", "entities", "files", "payables/x")  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
BODIES = st.one_of(
    JSON,
    st.fixed_dictionaries({"invoices": JSON}),
    st.fixed_dictionaries({"issued_invoice": JSON}),
    st.fixed_dictionaries({"object_type": JSON, "url": JSON}),
    st.fixed_dictionaries({"amount": JSON, "currency": JSON, "object": JSON}),
    st.fixed_dictionaries({"client_id": JSON, "client_secret": JSON, "grant_type": JSON}),
)


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from(PATHS), query=st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=3)
)
def test_no_query_breaks_it(client: Client, path: str, query: dict[str, str]) -> None:
    answer = client.http.get(f"/v1/{path}", query_string=query, headers=client.headers)
    assert answer.status_code in (200, 404, 422)


@settings(max_examples=60, deadline=None)
@given(
    call=st.sampled_from(
        ["POST financing_invoices", "POST payment_records", "POST webhook_subscriptions", "POST auth/token",
         "POST receivables/search", "PATCH receivables/ID", "POST payables/ID/mark_as_partially_paid"]
    ),
    body=BODIES,
)  # fmt: skip
def test_no_body_breaks_it(client: Client, call: str, body: Any) -> None:
    method, _, path = call.partition(" ")
    side = path.partition("/")[0]
    if "ID" in path:
        path = path.replace(
            "ID", ids(client.page(side, status="issued" if side == "receivables" else "new"))[0]
        )
    answer = client.http.open(f"/v1/{path}", method=method, json=body, headers=client.headers)
    assert answer.status_code in (200, 401, 404, 409, 422)
