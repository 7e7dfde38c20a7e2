"""The benchmark's page server keeps Finexio's list contract, over real sockets."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from bench.serving import PageServer, page_server

RECORDS = 250


@pytest.fixture(scope="module")
def shared_server() -> Iterator[PageServer]:
    with page_server(RECORDS) as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[PageServer]:
    with page_server(RECORDS) as server:
        yield server


def get(server: PageServer, path: str) -> Any:
    with urllib.request.urlopen(server.url + path, timeout=10) as response:
        assert response.headers["Content-Type"] == "application/json"
        return json.load(response)


def test_pages_hold_100_records_and_name_their_neighbours(shared_server: PageServer) -> None:
    first, second, third = (get(shared_server, f"/invoices/?page={n}") for n in (1, 2, 3))
    assert [page["count"] for page in (first, second, third)] == [RECORDS] * 3
    assert [len(page["results"]) for page in (first, second, third)] == [100, 100, 50]
    assert first["previous"] is None
    assert first["next"] == f"{shared_server.url}/invoices/?page=2"
    assert second["previous"] == f"{shared_server.url}/invoices/?page=1"
    assert third["next"] is None
    identifiers = [record["id"] for page in (first, second, third) for record in page["results"]]
    assert len(set(identifiers)) == RECORDS


def test_the_first_page_is_the_default(shared_server: PageServer) -> None:
    assert get(shared_server, "/invoices/") == get(shared_server, "/invoices/?page=1")


@pytest.mark.parametrize(
    "path",
    ["/invoices/?page=4", "/invoices/?page=0", "/counterparties/?page=2", "/invoices/inv_x/"],
)
def test_what_is_not_there_is_404_with_a_detail(shared_server: PageServer, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(shared_server, path)
    with refused.value as answer:
        assert answer.code == 404
        assert "detail" in json.load(answer)


def test_a_page_that_is_no_number_is_400(shared_server: PageServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(shared_server, "/invoices/?page=two")
    with refused.value as answer:
        assert answer.code == 400


def test_one_invoice_is_the_one_of_the_list(shared_server: PageServer) -> None:
    listed = get(shared_server, "/invoices/?page=2")["results"][7]
    assert get(shared_server, f"/invoices/{listed['id']}/") == listed


def test_every_counterparty_of_an_invoice_is_served(shared_server: PageServer) -> None:
    companies = get(shared_server, "/counterparties/")["results"]
    assert len(companies) == 40
    kinds = {company["id"]: company["type"] for company in companies}
    for invoice in get(shared_server, "/invoices/")["results"]:
        assert kinds[invoice["originating_counterparty_id"]] == "Buyer"
        assert kinds[invoice["receiving_counterparty_id"]] == "Supplier"
    assert get(shared_server, f"/counterparties/{companies[3]['id']}/") == companies[3]
    assert get(shared_server, "/counterparties/?updated_after=2999-01-01")["results"] == []


def test_changed_invoices_are_found_by_walk_filter_and_payments(own_server: PageServer) -> None:
    before = {
        record["id"]: record
        for page in (1, 2, 3)
        for record in get(own_server, f"/invoices/?page={page}")["results"]
    }
    newest = max(record["updated"] for record in before.values())
    own_server.change(5)
    after = {
        record["id"]: record
        for page in (1, 2, 3)
        for record in get(own_server, f"/invoices/?page={page}")["results"]
    }
    moved = {key for key in before if before[key] != after[key]}
    assert len(moved) == 5
    assert all(after[key]["amount_cents"] == before[key]["amount_cents"] + 100 for key in moved)
    filtered = get(own_server, f"/invoices/?updated__gte={newest}")["results"]
    assert moved <= {record["id"] for record in filtered}
    assert len(filtered) == 6  # and the newest of the unchanged ones: the filter is inclusive
    payments = get(own_server, f"/payments/?updated_start={newest}")["results"]
    assert {entry["id"] for payment in payments for entry in payment["invoices"]} == moved


def test_changes_can_be_kept_to_the_last_page(own_server: PageServer) -> None:
    before = [get(own_server, f"/invoices/?page={page}") for page in (1, 2, 3)]
    own_server.change(5, within_last=50)
    after = [get(own_server, f"/invoices/?page={page}") for page in (1, 2, 3)]
    assert before[:2] == after[:2]
    assert before[2] != after[2]


def test_a_connection_is_kept_and_pipelined_requests_are_answered(
    shared_server: PageServer,
) -> None:
    request = b"GET /v2/counterparties/?updated_after=2999 HTTP/1.1\r\nHost: local\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=10) as stream:
        stream.sendall(request + request)
        received = b""
        while received.count(b'"results":[]') < 2:
            part = stream.recv(65536)
            assert part
            received += part


def test_requests_are_counted_and_waiting_ones_too(own_server: PageServer) -> None:
    own_server.stats()
    own_server.set_latency(50)
    request = b"GET /v2/invoices/?page=1 HTTP/1.1\r\nHost: local\r\n\r\n"
    address = ("127.0.0.1", own_server.port)
    with socket.create_connection(address) as one, socket.create_connection(address) as two:
        one.sendall(request)
        two.sendall(request)
        assert one.recv(12) == b"HTTP/1.1 200"
        assert two.recv(12) == b"HTTP/1.1 200"
    own_server.set_latency(0)
    stats = own_server.stats()
    assert stats.max_in_flight == 2
    assert stats.requests == 2 + 3  # and both settings of the latency, and this one
    assert own_server.stats().requests == 1
