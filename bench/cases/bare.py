"""The baseline: fetch and store, nothing else.

    python -m bench.cases.bare URL DATABASE

requests + json + executemany into SQLite (WAL, synchronous=FULL), one transaction per page of 100 records, one page
at a time. It validates nothing, maps nothing, keeps no versions and no cursor.
"""

from __future__ import annotations

import json
import sqlite3
import sys

import requests

_CREATE = "create table invoices (id text primary key, updated text, amount_cents integer, raw text) strict"
_UPSERT = (
    "insert into invoices values (?, ?, ?, ?) on conflict (id) do update set"
    " updated = excluded.updated, amount_cents = excluded.amount_cents, raw = excluded.raw"
)


def main(url: str, path: str) -> None:
    """Walk the invoices of `url` into the database at `path`."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    database.execute(_CREATE)
    session = requests.Session()
    session.auth = ("bench", "bench")
    number = 1
    while True:
        response = session.get(f"{url}/invoices/", params={"page": str(number)}, timeout=30)
        response.raise_for_status()
        page = response.json()
        rows = [
            (record["id"], record["updated"], record["amount_cents"], json.dumps(record))
            for record in page["results"]
        ]
        database.execute("begin")
        database.executemany(_UPSERT, rows)
        database.execute("commit")
        if page["next"] is None:
            break
        number += 1
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
