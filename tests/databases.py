"""The same test on every database the store works with, and rows to begin with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from connector.clock import SystemClock
from connector.store.database import Database
from connector.store.financing_rows import Terms
from connector.store.outbox_reading import OutboxRow
from connector.store.records import NewOutcome, NewVersion
from connector.store.transaction import Transaction
from tests.fakes import FakeClock

CONNECTION, STREAM, FINANCIER = "books", "invoices", "stenn"

TERMS = Terms(
    direction="payable",
    invoice_number="INV-1",
    currency="USD",
    amount_minor_units=1_200_050,
    issue_date=date(2026, 2, 1),
    due_date=date(2026, 5, 1),
    buyer_id="us",
    supplier_id="acme",
    type_of_goods=("goods",),
)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables, to be copied: cheaper than migrating for every test."""
    path = tmp_path_factory.mktemp("template") / "connector.sqlite3"
    database = Database.open(f"sqlite:///{path}", clock=SystemClock())
    database.migrate()
    database.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows: of an SQLite file, and of a PostgreSQL database."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite_file")
        return f"sqlite:///{shutil.copy(template, tmp_path)}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(database_url: str, clock: FakeClock) -> Iterator[Database]:
    """A migrated database."""
    opened = Database.open(database_url, clock=clock)
    yield opened
    opened.close()


def active_mapping(tx: Transaction) -> int:
    """The identifier of a mapping version in force."""
    return tx.mappings.activate(tx.mappings.put("books", "version = 1\n", "test").id).id


def outcome(tx: Transaction, kind: str = "mapped", **more: str | int | None) -> NewOutcome:
    """A new outcome of 12,000.50 USD."""
    reason = None if kind == "mapped" else "company_not_linked"
    (outcome_id,) = tx.allocate("outcomes", 1)
    values: dict[str, str | int | None] = {
        "kind": kind,
        "reason_code": reason,
        "currency": "USD",
        "amount_minor_units": 1_200_050,
        **more,
    }
    return NewOutcome(id=outcome_id, **values)  # type: ignore[arg-type]


def new_versions(
    tx: Transaction, source_ids: Sequence[str], kind: str | None = "mapped", **more: object
) -> list[NewVersion]:
    """First versions of new records, with outcomes of `kind` (None: without)."""
    records = tx.allocate("source_records", len(source_ids))
    versions = tx.allocate("record_versions", len(source_ids))
    return [
        NewVersion(
            record_id=record_id,
            version_id=version_id,
            is_first=True,
            source_id=source_id,
            version_no=1,
            content_hash=source_id.encode(),
            raw=b'{"id": "%s"}' % source_id.encode(),
            outcome=None if kind is None else outcome(tx, kind),
            **more,  # type: ignore[arg-type]
        )
        for record_id, version_id, source_id in zip(records, versions, source_ids, strict=True)
    ]


def store_records(
    tx: Transaction, source_ids: Sequence[str], kind: str | None = "mapped", **more: object
) -> list[NewVersion]:
    """Store records with their first versions, as a pull does."""
    mapping_version_id = active_mapping(tx)
    run_id = tx.runs.start(CONNECTION, STREAM, "pull")
    versions = new_versions(tx, source_ids, kind, **more)
    tx.records.save(CONNECTION, STREAM, run_id, mapping_version_id, versions)
    return versions


def message(
    tx: Transaction,
    financing_id: int,
    seq: int = 1,
    *,
    kind: str = "invoice",
    target: str = FINANCIER,
    unsupported: str | None = None,
) -> OutboxRow:
    """A message of a submission, that is to be sent; `seq` tells those of one submission apart."""
    (row_id,) = tx.allocate("outbox", 1)
    return tx.outbox.add(
        row_id=row_id,
        stream=f"submit:{financing_id}",
        kind=kind,
        target=target,
        financing_invoice_id=financing_id,
        idempotency_key=f"key-{financing_id}:{seq}",
        payload={},
        unsupported=unsupported,
    )


def finance(tx: Transaction, version: NewVersion, terms: Terms = TERMS) -> int:
    """A financing invoice for a stored record; gives its identifier."""
    (financing_id,) = tx.allocate("financing_invoices", 1)
    if version.outcome is None:
        raise ValueError("a financing invoice needs an outcome")
    tx.financing.insert_many(
        FINANCIER,
        [
            (
                financing_id,
                version.record_id,
                f"reference-{version.source_id}",
                version.outcome.id,
                terms,
            )
        ],
    )
    return financing_id
