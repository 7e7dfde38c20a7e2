"""What stands on a page is written for people: names, money, times; no words of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import connector
from connector.console.formatting import as_told, who
from connector.people.roles import Permission
from connector.registry import systems
from connector.store.database import Database
from connector.system import Counterparty
from connector.views.auditing import details, said
from tests.databases import CONNECTION, STREAM, finance, store_records
from tests.unit.console.conftest import Reader
from tests.unit.console.desk import Desk, desk_in
from tests.unit.console.test_every_page import PAGES, first


@pytest.mark.parametrize(
    ("actor", "shown"),
    [
        ("person:ana@example.com", "ana@example.com"),
        ("operator:root", "root (terminal)"),
        ("operator", "an operator"),
        ("token:3fa9", "API token 3fa9"),
        ("connector", "the connector"),
        ("configuration", "the configuration"),
        ("test", "test"),
        (None, ""),
    ],
)
def test_who_did_it_is_called_by_name(actor: str | None, shown: str):
    assert who(actor) == shown


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2026-03-02T09:30:01.000", "2 Mar 2026, 09:30"),
        ("2026-03-02T09:30:01Z", "2 Mar 2026, 09:30 UTC"),
        ("2026-03-02T09:30:01+02:00", "2 Mar 2026, 07:30 UTC"),
        ("2026-03-02", "2 Mar 2026"),
        ("17", "17"),
    ],
)
def test_a_time_of_another_system_is_utc_only_where_it_says_so(told: str, shown: str):
    assert as_told(told) == shown


@pytest.mark.parametrize("address", PAGES)
def test_no_page_shows_words_of_ours(page: Reader, address: str):
    shown = page(first(page, address))
    text = shown.one("main").text
    records = [t for t in shown.all("table") if t.attributes.get("class") == "diff"]
    for raw in [*records, *shown.all("pre"), *shown.all("code")]:
        text = text.replace(raw.text, "")

    assert not re.search(r"\b(person|token|operator):", text)
    assert not re.search(r"\b(None|True|False)\b", text)
    assert "minor units" not in text
    assert not re.search(r"\d{4}-\d{2}-\d{2}T\d", text)


def test_money_in_the_audit_log_is_money():
    (amount, financier) = details(
        {"amount_minor_units": 1_248_050, "currency": "USD", "financier": "bank"}
    )

    assert (amount.kind, amount.value["amount"], amount.value["currency"]) == ("money", "12480.50", "USD")  # fmt: skip
    assert (financier.name, financier.value) == ("financier", "bank")


def test_an_amount_whose_currency_nobody_knows_is_not_made_up():
    shown = {each.name: each.value for each in details({"amount_minor_units": 5, "currency": "?"})}

    assert shown == {"amount minor units": "5", "currency": "?"}


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ({"looked_up": False}, ("confirmed by the other side", "text", "no")),
        ({"until": "2026-03-04T10:00:00+00:00"}, ("until", "moment", "2026-03-04T10:00:00+00:00")),
        ({"asked_since": "2026-03-04"}, ("from", "day", "2026-03-04")),
        ({"author": "person:a@b.example"}, ("author", "who", "person:a@b.example")),
        ({"role": "mapping_author"}, ("role", "word", "mapping_author")),
        ({"how": "hand"}, ("how", "word", "by hand")),
        ({"versions": {"books": 1}}, ("versions", "text", "books 1")),
        ({"sha256": "a" * 64}, ("fingerprint", "text", "aaaaaaaaaaaa…")),
        ({"reason": "2026-03-04 is wrong"}, ("reason", "text", "2026-03-04 is wrong")),
        ({"reason": "x_y"}, ("reason", "text", "x_y")),
    ],
)
def test_details_are_shown_as_what_they_are(detail: dict, shown: tuple):
    (found,) = details(detail)

    assert (found.name, found.kind, found.value) == shown


def test_what_is_left_open_is_left_out():
    assert not details({"note": None, "approved_by": "", "fields": {}})


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("submit.invoice.done", "invoice sent"),
        ("submit.session.found", "session found there after an unclear answer"),
        ("submit.session.confirmed", "session confirmed there by a person"),
        ("write_back.done", "status written back, sent"),
        ("mapping.rolled_back", "mapping rolled back"),
        ("outbox.took_effect", "parked message took effect"),
    ],
)
def test_acts_are_told_in_words(action: str, words: str):
    assert said(action) == words


def test_the_audit_log_names_invoices_and_shows_money(page: Reader):
    shown = page("/audit").text

    assert "Invoice PLAIN-1" in shown
    assert "1,000.01 USD" in shown
    assert "amount minor units" not in shown


def test_every_permission_is_told_in_words():
    labels = [permission.label for permission in Permission]

    assert len(set(labels)) == len(labels)
    assert not [label for label in labels if "." in label or "_" in label]


def test_no_system_says_none_of_how_it_takes_statuses():
    for name, system in systems().items():
        told = system.capabilities.write_back  # type: ignore[attr-defined]
        assert not told.startswith("None"), name


# -- a connection that leads nowhere ------------------------------------------------------------------------------


@pytest.fixture
def lonely(tmp_path: Path, migrated_sqlite_file: Path) -> Iterator[Desk]:
    """A desk whose connection has no flow."""
    with desk_in(tmp_path, migrated_sqlite_file, flow=False) as made:
        yield made


def test_a_connection_without_a_flow_says_what_is_true(lonely: Desk):
    assert "No invoice has been read yet." in lonely.get("/invoices").text
    assert "would only be read" in lonely.get("/connections/books").text
    with lonely.program.database.write() as tx:
        tx.connection.exec_driver_sql(
            "insert into source_records (id, connection, stream, source_id, latest_version_id, latest_version_no, "
            "content_hash) values (1, 'books', 'invoices', 'a', 1, 1, x'00'), (2, 'books', 'invoices', 'b', 2, 1, x'00'),"
            " (3, 'books', 'counterparties', 'c', 3, 1, x'00')"
        )

    told = "2 invoices were read from books and kept, but no flow takes them to a financier"
    for address in ("/", "/invoices", "/connections/books"):
        shown = lonely.get(address).text
        assert told in shown, address
        assert "Whoever keeps the configuration file adds a flow for it" in shown
        assert "has been read yet" not in shown.replace("Nothing has been read yet.", ""), address


# -- names of subjects, on both databases -------------------------------------------------------------------------


def test_subjects_are_called_by_the_names_of_invoices_and_companies(database: Database):
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        reference = tx.financing.get(finance(tx, saved)).client_reference_id
        party = Counterparty("p-1", "Birch Freight", "supplier")
        tx.companies.save_counterparties(CONNECTION, [(party, saved.record_id)])
        number = tx.financing.of_record(saved.record_id)[0].invoice_number
        subjects = [
            *(reference, f"{reference}:session", f"write_back:{reference}/1", f"{reference}/1"),
            *(f"{CONNECTION}/p-1", f"{CONNECTION}/nobody", "elsewhere/p-1", "inbox"),
        ]
        names = tx.audit_list.names(subjects, {CONNECTION: STREAM})

    assert names == {
        **dict.fromkeys(subjects[:4], f"Invoice {number}"),
        f"{CONNECTION}/p-1": "Birch Freight",
    }


def test_where_nothing_waits_there_is_no_since(database: Database):
    with database.write() as tx:
        (saved,) = store_records(tx, ["a"])
        finance(tx, saved)
        assert tx.totals.moved_on() == []
        assert tx.totals.stopped() == []
        assert tx.deliveries.stuck_since() == {}
        assert tx.invoices.undecided(CONNECTION, STREAM) == 0


SHARED = (
    *("access", "console", "inbox_actions", "people", "views"),
    *("gates.py", "limits.py", "financing_sessions.py"),
    *("store/mapping_documents.py", "store/outbox_reading.py"),
)
"""What speaks to people at the pages as well as at a terminal."""


def test_nobody_at_a_page_is_sent_to_the_command_line(page: Reader):
    root = Path(connector.__file__).parent
    files = [file for part in SHARED for file in (root / part, *(root / part).rglob("*.py"))]
    found = []
    for file in files:
        if file.is_file():
            tree = ast.parse(file.read_text("utf-8"))
            told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # docstrings
            found += [
                f"{file.relative_to(root)}:{node.lineno}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and id(node) not in told
                if isinstance(node.value, str) and "`connector " in node.value
            ]
    assert len(files) > 50
    assert found == []
    for address in ("/invoices/no-such", "/deliveries/999999", "/mappings/documents/999999"):
        assert "connector " not in page(address, 404).one("main").text
