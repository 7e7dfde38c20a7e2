"""What the Finexio adapter does with pages that a well-behaved sandbox never gives."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.errors import ConfigError, ContractDrift, NotFound
from connector.secrets import Secret
from connector.strict_json import loads_object
from connector.system import Page
from connector.systems.finexio import Finexio, adapter, lists
from connector.transport import AdapterContext
from tests.fakes import FakeClock
from tests.unit.transport.doubles import Asked, Server, answer

CONTRACT = json.loads((Path(__file__).parents[2] / "contracts" / "finexio.json").read_text())
NO_SUCH_PAGE = answer(404, b'{"detail": "Invalid page."}')


def page(results: Any, *, count: Any = None, following: Any = None) -> bytes:
    body = {"count": len(results) if count is None else count, "next": following}
    return answer(200, json.dumps({**body, "previous": None, "results": results}).encode())


class Book:
    """Pages by path and number, as a server's `respond`."""

    def __init__(self) -> None:
        self.pages: dict[str, list[bytes]] = {}
        self.single: dict[str, bytes] = {}

    def put(self, name: str, *pages: bytes) -> None:
        self.pages[name] = list(pages)

    def __call__(self, asked: Asked) -> bytes:
        parts = urlsplit(asked.target)
        name = parts.path.split("/")[2]
        number = int(parse_qs(parts.query).get("page", ["0"])[0])
        if number == 0:
            return self.single.get(parts.path.split("/")[3], answer(404))
        listed = self.pages.get(name, [page([])])
        return listed[number - 1] if number <= len(listed) else NO_SUCH_PAGE


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def there(book: Book) -> Iterator[Server]:
    server = Server([answer()], respond=book)
    yield server
    server.close()


@pytest.fixture
def connect(there: Server, clock: FakeClock) -> Iterator[Callable[..., Finexio]]:
    made = []

    def make(version: str = "v2", **changes: Any) -> Finexio:
        raw = {
            "base_url": there.url,
            "version": version,
            "username": "u",
            "password": Secret("pass"),
        }
        settings = Finexio.settings_schema().load({**raw, **changes})
        made.append(Finexio(settings, AdapterContext("acme", clock)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def invoices(first: int, last: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"inv_{number}", "updated": f"2026-02-01T00:00:{number % 60:02}.000001", **fields}
        for number in range(first, last + 1)
    ]


def ids(pages: list[Page]) -> list[str]:
    return [record.source_id for one in pages for record in one.records()]


def walk(system: Finexio, stream: str = "invoices", cursor: Any = None) -> list[Page]:
    return list(system.pull(stream, cursor))


def test_adapter_has_no_way_to_send_anything_but_get() -> None:
    source = inspect.getsource(adapter) + inspect.getsource(lists)
    assert ".get(" in source
    for other in (".request(", "POST", "PUT", "PATCH", "DELETE"):
        assert other not in source.replace("only ever sends GET", "")


def test_pages_beyond_the_count_are_not_asked_for(
    connect: Callable[..., Finexio], book: Book, there: Server
) -> None:
    pages = [
        page(invoices(n, n + 1), count=12, following="x" if n < 11 else None)
        for n in range(1, 12, 2)
    ]
    book.put("invoices", *pages)
    assert len(ids(walk(connect(concurrency=4)))) == 12
    assert len(there.asked) == 6


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_contract_samples_are_read(
    version: str, connect: Callable[..., Finexio], book: Book
) -> None:
    for name in ("invoices", "counterparties"):
        samples = CONTRACT[version][name]
        book.put(name, page(samples))
        walked = [record for one in walk(connect(version), name) for record in one.records()]
        assert [loads_object(record.raw) for record in walked] == samples
        assert [record.updated_at for record in walked] == [one["updated"] for one in samples]
    system = connect(version)
    own, supplier = (
        system.counterparty(loads_object(record.raw))
        for one in walk(system, "counterparties")
        for record in one.records()
    )
    assert (own.role, own.country, own.email) == ("own", "US", "ap@holdings.example")
    assert (supplier.role, supplier.country) == ("supplier", "CA")
    assert supplier.email == "remit@packaging.example"
    assert supplier.address["street"] == "1 Sample Street Unit 2"
    assert supplier.tax_id == ("00-0000000" if version == "v2" else None)


def test_secret_fields_are_declared() -> None:
    declared = {name for stream in Finexio.streams for name in stream.secret_fields}
    assert declared == {"account_number", "bank_account_number", "bank_routing_number"}


def test_records_are_the_bytes_that_came(connect: Callable[..., Finexio], book: Book) -> None:
    odd = b'{ "updated":null, "id" : "a\\u00e9",  "amount_cents":1.0, "n": 1e2 }'
    body = b'{"count":1,"previous":null,"results":[%s],"next":null}' % odd
    book.put("invoices", answer(200, body))
    (one,) = walk(connect("v1"))
    (record,) = one.records()
    assert (record.raw, record.source_id, record.updated_at) == (odd, "aé", None)


def test_digest_ignores_the_count_and_sees_every_byte(
    connect: Callable[..., Finexio], book: Book
) -> None:
    system = connect("v1")

    def digest(results: Any, count: int) -> bytes | None:
        # A list that goes on elsewhere: `count` is larger than what is on the page.
        book.put("invoices", page(results, count=count, following="x"), page([{"id": "z"}] * 9))
        return walk(system)[0].digest

    first = digest(invoices(1, 3), 4)
    assert digest(invoices(1, 3), 12) == first
    assert digest(invoices(1, 3, note="x"), 4) != first


def test_next_of_another_host_is_not_asked(
    connect: Callable[..., Finexio], book: Book, there: Server
) -> None:
    other = Server([answer()])
    link = f"{other.url}/v2/invoices/?page=7"
    book.put(
        "invoices", page(invoices(1, 3), count=5, following=link), page(invoices(4, 5), count=5)
    )
    assert ids(walk(connect())) == [f"inv_{n}" for n in range(1, 6)]
    assert other.asked == []
    assert "page=7" not in " ".join(asked.target for asked in there.asked)
    other.close()


def test_list_that_grows_on_the_way_is_read_to_its_end_and_shows_it(
    connect: Callable[..., Finexio], book: Book
) -> None:
    book.put(
        "invoices",
        page(invoices(1, 3), count=5, following="x"),
        page(invoices(4, 6), count=8, following="x"),
        page(invoices(7, 8), count=8),
    )
    pages = walk(connect())
    assert ids(pages) == [f"inv_{n}" for n in range(1, 9)]
    assert [one.total for one in pages] == [5, 8, 8]


def test_list_that_shrinks_on_the_way_ends_at_the_missing_page(
    connect: Callable[..., Finexio], book: Book, there: Server
) -> None:
    book.put("invoices", page(invoices(1, 3), count=5, following="x"))
    seen = []
    for one in connect(concurrency=1).pull("invoices", None):
        seen.append(one)
        book.put("invoices", page(invoices(1, 3), count=3))
    assert ids(seen) == ["inv_1", "inv_2", "inv_3"]
    assert seen[-1].cursor == {"updated": "2026-02-01T00:00:03.000001"}


def test_page_that_is_missing_while_the_list_counts_more_is_no_end(
    connect: Callable[..., Finexio], book: Book
) -> None:
    book.put("invoices", page(invoices(1, 3), count=5, following="x"))
    seen = []
    with pytest.raises(ContractDrift, match="before all counted records"):
        for one in connect().pull("invoices", None):
            seen.append(one)
    assert [one.cursor for one in seen] == [None], "the cursor stays where it was"


def test_missing_first_page_is_not_an_end(connect: Callable[..., Finexio], book: Book) -> None:
    book.put("invoices")
    with pytest.raises(NotFound):
        walk(connect())


def test_count_that_only_counts_the_page_is_no_end(
    connect: Callable[..., Finexio], book: Book
) -> None:
    """One of the vendor's samples: `count` 100 with a next page."""
    book.put(
        "invoices",
        *(page(invoices(n, n + 1), count=2, following="x") for n in (1, 3, 5, 7)),
        page(invoices(9, 9), count=1),
    )
    assert ids(walk(connect())) == [f"inv_{n}" for n in range(1, 10)]


@pytest.mark.parametrize(
    "bad",
    [
        page([{"id": ""}]),
        page([{"id": 7}]),
        page([{"id": None}]),
        page([{"id": "x" * 201}]),
        page([{"updated": "2026-01-01T00:00:00"}]),
        page(["inv_1"]),
        page([None]),
        page([{"id": "a", "updated": 5}]),
        page({"id": "a"}),
        page(invoices(1, 1), count="1"),
        page(invoices(1, 1), count=-1),
        page(invoices(1, 1), following=5),
        page([], following="x"),
        page(invoices(1, 2), count=9),
        answer(200, b"[]"),
        answer(200, b'{"results": []}'),
        answer(200, b'{"count": 0, "results": []}'),
        answer(200, b'{"count": 0, "next": null}'),
        answer(200, b'{"count": 1, "next": null, "results": [{"id": "a", }]}'),
        answer(200, b""),
    ],
)
@pytest.mark.parametrize("before", [0, 1])
def test_page_of_another_shape_is_drift(
    connect: Callable[..., Finexio], book: Book, bad: bytes, before: int
) -> None:
    good = [page(invoices(1, 3), count=4, following="x")] * before
    book.put("invoices", *good, bad)
    seen = []
    with pytest.raises(ContractDrift) as raised:
        for one in connect().pull("invoices", None):
            seen.append(one)
    assert len(seen) == before
    assert "inv_" not in str(raised.value)


def test_v1_is_always_walked_whole(connect: Callable[..., Finexio], book: Book) -> None:
    book.put(
        "invoices", page(invoices(1, 2), count=3, following="x"), page(invoices(3, 3), count=3)
    )
    system = connect("v1")
    assert ids(walk(system, cursor={"updated": "2026-02-01T00:00:00"})) == [
        "inv_1",
        "inv_2",
        "inv_3",
    ]
    assert all(one.cursor is None for one in walk(system))


def test_v2_reads_changed_payments_and_the_invoices_they_name(
    connect: Callable[..., Finexio], book: Book, there: Server
) -> None:
    paid = [{"id": f"inv_{n}"} for n in (3, 5, 3)]
    book.put(
        "payments",
        page(
            [{"id": "p1", "updated": "2026-02-02T01:00:00", "invoices": paid}],
            count=2,
            following="x",
        ),
        page(
            [{"id": "p2", "updated": "2026-02-02T02:00:00", "invoices": [*paid, {"id": "gone"}]}],
            count=2,
        ),
    )
    for number in (3, 5):
        book.single[f"inv_{number}"] = answer(200, json.dumps(invoices(number, number)[0]).encode())
    pages = walk(connect(overlap_seconds=60), cursor={"updated": "2026-02-01T00:00:00.000001"})
    assert sorted(ids(pages)) == ["inv_3", "inv_5"]
    assert [one.cursor for one in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1].cursor == {"updated": "2026-02-02T02:00:00.000000"}
    assert all(one.number is None and one.digest is None for one in pages)
    first = parse_qs(urlsplit(there.asked[0].target).query)
    assert first["updated_start"] == ["2026-01-31T23:59:00.000001"]


def test_other_record_than_asked_for_is_drift(connect: Callable[..., Finexio], book: Book) -> None:
    book.single["inv_1"] = answer(200, b'{"id": "inv_2"}')
    with pytest.raises(ContractDrift):
        connect().fetch("invoices", "inv_1")


def test_foreign_identifier_cannot_leave_its_place(
    connect: Callable[..., Finexio], there: Server
) -> None:
    with pytest.raises(NotFound):
        connect().fetch("invoices", "../payments/?page=1#")
    assert there.asked[0].target == "/v2/invoices/..%2Fpayments%2F%3Fpage%3D1%23/"


@pytest.mark.parametrize(
    ("stamps", "cursor"),
    [
        (["2026-02-01T00:00:01", "2026-02-01T00:00:00.5"], "2026-02-01T00:00:01.000000"),
        (["2026-02-01T00:00:01", "2999-01-01T00:00:00"], "2026-02-01T00:00:01.000000"),
        (["2026-02-01T00:00:01", "zzz", None], "2026-02-01T00:00:01.000000"),
        (["2026-02-01T00:00:01", "2026-02-01T03:00:00+02:00"], "2026-02-01T01:00:00.000000"),
        (["2026-02-01T00:00:01Z"], "2026-02-01T00:00:01.000000"),
        ([None, "yesterday"], None),
        ([], None),
    ],
)
def test_cursor_is_the_newest_stamp_that_can_be_true(
    connect: Callable[..., Finexio], book: Book, stamps: list[str | None], cursor: str | None
) -> None:
    book.put("invoices", page([{"id": f"i{n}", "updated": s} for n, s in enumerate(stamps)]))
    pages = walk(connect())
    assert pages[-1].cursor == (None if cursor is None else {"updated": cursor})


@pytest.mark.parametrize("cursor", [{}, {"updated": "then"}, {"page": "3"}])
def test_unreadable_cursor_means_a_whole_walk(
    connect: Callable[..., Finexio], book: Book, cursor: dict[str, str]
) -> None:
    book.put("invoices", page(invoices(1, 2)))
    assert ids(walk(connect(), cursor=cursor)) == ["inv_1", "inv_2"]


@pytest.mark.parametrize(
    ("suffix", "version", "path"),
    [("", "v1", "/v1"), ("/", "v2", "/v2"), ("/v1", "v1", "/v1"), ("/v2/", "v2", "/v2")],
)
def test_version_in_the_address(
    connect: Callable[..., Finexio], there: Server, suffix: str, version: str, path: str
) -> None:
    connect(version, base_url=there.url + suffix).check()
    assert there.asked[0].target == f"{path}/invoices/?page=1"


def test_contradicting_version_is_refused(connect: Callable[..., Finexio], there: Server) -> None:
    with pytest.raises(ConfigError, match="version"):
        connect("v2", base_url=there.url + "/v1")
