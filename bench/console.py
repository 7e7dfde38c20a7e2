"""How long the console's pages take at 100,000 invoices: `python -m bench.console [--records N] [--keep DIR]`.

A store is made by a real first pull from the page server; then every financing invoice gets a life (steps, attempts,
events, statuses, audit entries) by plain inserts, and each page is asked for through the whole application. The
figures are the server's time, without a network: by the clock, and of the processor (the one the target is compared
with, because it does not depend on what else the machine does). Hashes and digests of the made-up lives are not real: nothing is
verified here, pages are only read.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.cases.product import CONNECTION, prepared
from bench.history import OVERLAY
from bench.serving import page_server
from connector.access import cookies
from connector.authoring.stacks import Subject
from connector.bootstrap import Program
from connector.console.app import create_console
from connector.people.random_texts import new_code
from connector.people.roles import Role

TARGET_MILLISECONDS = 200
ROUNDS = 7
_ADMIN = "bench@example.com"
NOWHERE = "http://127.0.0.1:9"
_AT = "2026-11-20T09:30:00.000000Z"

LIVES = (
    """insert into outcomes (record_id, version_id, mapping_version_id, kind, reason_code, sentence, rule, field_path, currency, amount_minor_units, decided_at)
      select record_id, version_id, mapping_version_id, w.column1, w.column2, 'Number ' || record_id || ' waits.', w.column3, w.column4, currency, amount_minor_units, :at
      from outcomes join (values ('held', 'company_not_linked', null, null, 16), ('held', 'rule', 'a_person_looks', null, 25),
        ('rejected', 'not_a_date', null, 'due_date', 97)) w on record_id % w.column5 = 0
      where kind = 'mapped'""",
    """update source_records set (outcome_id, outcome_kind, reason_code) = (select id, kind, reason_code from outcomes where record_id = source_records.id order by id desc limit 1)
      where id in (select record_id from outcomes where kind in ('held', 'rejected'))""",
    """update financing_invoices set state = 'withdrawn' where record_id in (select id from source_records where outcome_kind in ('held', 'rejected'))""",
    """update financing_invoices set state = case when id % 50 = 0 then 'parked' when id % 7 = 0 then 'ready' else 'submitted' end
      where state <> 'withdrawn'""",
    """update financing_invoices set remote_invoice_id = 'inv_' || id, session_status = 'complete',
      status = case id % 6 when 0 then 'repaid' when 1 then 'funded' when 2 then 'approved' when 3 then 'submitted'
        when 4 then 'awaiting_signatures' else 'declined' end, raw_status = 'word',
      financing = '{"first_payment":100,"second_payment":10}' where state = 'submitted'""",
    """insert into outbox (stream, seq, kind, target, financing_invoice_id, idempotency_key, payload, payload_sha256, state, attempts,
      result, created_at, finished_at)
      select 'submit:' || f.id, n.value, n.value || '_step', 'hosted', f.id, f.id || '/' || n.value, '{"client_reference_id":"x"}', '',
        case when f.id % 1000 = 0 then 'dead' else 'done' end, 1, '{"remote_id":"r"}', :at, :at
      from financing_invoices f, json_each('[1,2,3]') n""",
    """insert into attempts (outbox_id, attempt_no, action, started_at, finished_at, result) select id, 1, 'send', :at, :at, 'done' from outbox""",
    """insert into inbox (endpoint, event_id, verification, body, received_at, state, attempts)
      select 'hosted', 'evt_' || id, 'signed', cast('{"type":"invoice.updated"}' as blob), :at, 'done', 1 from financing_invoices""",
    """insert into status_timeline (financing_invoice_id, seq, status, raw_status, via, inbox_id, observed_at, evidence, previous_hash, hash)
      select f.id, n.value, 'submitted', 'word', 'webhook', (select min(id) from inbox) + f.id - (select min(id) from financing_invoices), :at, cast('{}' as blob), cast('' as blob), cast('' as blob)
      from financing_invoices f, json_each('[1,2]') n""",
    """insert into audit_log (seq, at, actor, action, subject, detail, previous_hash, hash)
      select 1000 + f.id * 3 + n.value, :at, 'connector', 'submit.invoice.done', f.client_reference_id, '{}', cast('' as blob), cast('' as blob)
      from financing_invoices f, json_each('[0,1,2]') n""",
)
"""Statements that give every financing invoice a life."""

PAGES = {
    "Today": "/",
    "Invoices": "/invoices",
    "Invoices, deep page": "/invoices?before=50000",
    "Invoices: outcome": "/invoices?outcome=excluded",
    "Invoices: status and currency": "/invoices?status=funded&currency=USD",
    "Invoices: rare state": "/invoices?state=parked",
    "Invoices: submission stopped": "/invoices?state=stopped",
    "Invoices: due range": "/invoices?due_from=2026-11-01&due_to=2026-11-30",
    "Invoices: amount range": "/invoices?amount_from=1000&amount_to=2000",
    "Invoices: search a word": "/invoices?q=supplier",
    "Invoices: search a number": "/invoices?q=INV-000777",
    "Invoices: search nothing": "/invoices?q=nothingofthename",
    "Life of an invoice": "/invoices/r5000",
    "Error inbox": "/inbox",
    "Error inbox: a cause": "/inbox?reason_code=company_not_linked",
    "Acts on a record": "/acts/5024",
    "Correct a record": "/acts/5044/correct",
    "Mappings": "/mappings",
    "A mapping in force": "/mappings/in-force/finexio",
    "A draft": "/mappings/documents/{document}",
    "A back-test's report": "/mappings/trials/{trial}",
    "Golden examples": "/mappings/examples",
    "Connections": "/connections",
    "A connection": "/connections/finexio",
    "A connection to be added": "/connections/-/new/finexio",
    "Companies": "/companies",
    "Companies: search": "/companies?q=supplier",
    "Runs": "/runs",
    "A run": "/runs/2",
    "Records of a total": "/runs/2/records?currency=USD&kind=pulled",
    "Outbox": "/deliveries",
    "Outbox: rare state": "/deliveries?state=dead",
    "A message": "/deliveries/5000",
    "Inbox": "/deliveries/inbox",
    "An event": "/deliveries/inbox/5000",
    "Audit log": "/audit",
    "Audit log: an action": "/audit?action=mapping",
    "People": "/settings",
    "Tokens": "/settings/tokens",
    "Configuration": "/settings/configuration",
    "My account": "/account",
}


def build(folder: Path, records: int) -> None:
    """A store with so many invoices and their lives."""
    with page_server(records) as server:
        program = prepared(server.url, folder)
        program.pull_task("finexio").run(full_walk=True)
        began = time.monotonic()
        read = program.catch_up_facts("finexio")
        print(f"facts of {read:,} records read in {time.monotonic() - began:.1f} s")
        program.close()
    with closing(sqlite3.connect(folder / "connector.db")) as connection, connection:
        for statement in LIVES:
            connection.execute(statement, {"at": _AT} if ":at" in statement else {})
    _try_a_draft(folder)


def _try_a_draft(folder: Path) -> None:
    """A change of the mapping, with its back-test over everything stored."""
    program = prepared(NOWHERE, folder)
    document = program.mapping_life.new(Subject("connection", CONNECTION), OVERLAY, "bench")
    program.trials.backtest(document.id, "bench")
    program.close()


def _session(program: Program) -> str:
    """A session of an admin, who is added where there is none."""
    people = program.people
    if not people.has_admin():
        people.add(email=_ADMIN, name="Bench", role=Role.ADMIN, by="bench", password=new_code())
    with program.database.write() as tx:
        admin = people.by_email(_ADMIN)
        return program.sessions.begin(tx, admin.id, via="password", address="127.0.0.1")


def measure(program: Program) -> Iterator[tuple[str, float, float, int]]:
    """(page, median milliseconds by the clock and of the processor, bytes) of each page."""
    client = create_console(program, lambda _: True).test_client()
    client.set_cookie(cookies.SESSION, _session(program))
    with program.database.read() as tx:
        trial = tx.mapping_trials.recent(1)[0]
    for name, page in PAGES.items():
        address = page.format(document=trial.document_id, trial=trial.id)
        client.get(address)  # compiles its template
        walls, times, size = [], [], 0
        for _ in range(ROUNDS):
            began, began_cpu = time.perf_counter(), time.process_time()
            answer = client.get(address)
            size = len(answer.get_data())
            walls.append((time.perf_counter() - began) * 1000)
            times.append((time.process_time() - began_cpu) * 1000)
        if answer.status_code != 200:
            sys.exit(f"{address} was answered with {answer.status_code}")
        yield name, statistics.median(walls), statistics.median(times), size


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument(
        "--keep", type=Path, help="build there, or measure what was built there before"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "connector.db").exists():
            build(folder, options.records)
        program = prepared(NOWHERE, folder)
        slow = 0
        for name, wall, milliseconds, size in measure(program):
            slow += milliseconds > TARGET_MILLISECONDS
            mark = "  over the target" if milliseconds > TARGET_MILLISECONDS else ""
            print(
                f"{name:32} {wall:8.1f} ms {milliseconds:8.1f} ms CPU {size / 1000:8.1f} KB{mark}",
                flush=True,
            )
        program.close()
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
