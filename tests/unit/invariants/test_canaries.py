"""A checker that cannot fail proves nothing: every check is clean on a sound store, and raised by its own damage."""

from __future__ import annotations

import sqlite3

import pytest

from connector.feed.events import Announcer
from connector.store.database import Database
from connector.store.invariants import AT_REST, INVARIANTS
from connector.store.schema import metadata
from connector.store.transaction import Transaction
from connector.verifying import Verifier
from tests.databases import FINANCIER, TERMS, finance, store_records
from webhooks.ports import ReceivedEvent, Verification

STEPS = ("document", "invoice", "session")


def furnish(database: Database) -> None:
    """A store at rest: one invoice financed to its end, one parked, one record held."""
    with database.write() as tx:
        first, second = store_records(tx, ["one", "two"])
        financed, parked = finance(tx, first), finance(tx, second)
        (held,) = store_records(tx, ["three"], kind="held")
        assert held.outcome is not None
        amount = TERMS.amount_minor_units
        for run_id, kind, count in ((1, "mapped", 2), (2, "held", 1)):
            totals = {("USD", k): (count, count * amount) for k in (kind, "pulled")}
            tx.runs.add_totals(run_id, totals)
            tx.runs.finish(run_id, "succeeded", drifted=False)
        _event(tx, "evt_1")
        _event(tx, "evt_2")
        _submit(tx, financed, "reference-one")
        _hear(tx, financed, first.record_id)
        _feed(tx)
        tx.financing.set_state(parked, "parked", "Asked for by a test.", allowed_from=("ready",))
        (row_id,) = tx.allocate("outbox", 1)
        _add(tx, row_id, f"submit:{parked}", "document", parked, "reference-two")
        _work(tx, row_id, "parked")


def _add(tx: Transaction, row_id: int, stream: str, kind: str, financing: int, key: str, **more):
    payload = {
        "amount_minor_units": TERMS.amount_minor_units,
        "client_reference_id": key,
        "currency": TERMS.currency,
    }
    tx.outbox.add(
        row_id=row_id,
        stream=stream,
        kind=kind,
        target=FINANCIER,
        financing_invoice_id=financing,
        idempotency_key=f"{key}:{kind}:{row_id}",
        payload=payload,
        **more,
    )


def _work(tx: Transaction, row_id: int, state: str) -> None:
    token = tx.outbox.claim(tx.outbox.get(row_id), action="send", lease_seconds=60)
    assert token is not None
    tx.outbox.complete(row_id, token, state=state, result={"remote_id": "x"}, attempt_result=state)


def _submit(tx: Transaction, financing: int, reference: str) -> None:
    tx.financing.set_state(financing, "submitting", None, allowed_from=("ready",))
    for kind in STEPS:
        (row_id,) = tx.allocate("outbox", 1)
        _add(tx, row_id, f"submit:{financing}", kind, financing, reference)
        _work(tx, row_id, "done")
        tx.audit.append("connector", f"submit.{kind}.done", reference, {"amount_minor_units": 1})
    tx.financing.set_state(financing, "submitted", None, allowed_from=("submitting",))
    tx.financing.set_remote(financing, remote_invoice_id="inv_1")


def _hear(tx: Transaction, financing: int, record_id: int) -> None:
    for number, (status, raw) in enumerate((("draft", "draft"), ("repaid", "repaid")), start=1):
        (row_id,) = tx.allocate("status_timeline", 1)
        tx.timeline.append(
            row_id=row_id,
            financing_invoice_id=financing,
            status=status,
            raw_status=raw,
            via="webhook",
            inbox_id=number,
            evidence=b"{}",
        )
        (outbox_id,) = tx.allocate("outbox", 1)
        stream = f"write_back:{record_id}"
        _add(tx, outbox_id, stream, "write_status", financing, "note", timeline_id=row_id)
        _work(tx, outbox_id, "done")
        tx.financing.set_remote(financing, status=status, raw_status=raw)
        told = tx.timeline.last(financing)
        assert told is not None
        Announcer({})(tx, tx.financing.get(financing), told)


def _feed(tx: Transaction) -> None:
    """An endpoint that took both events."""
    tx.feed_endpoints.configured({"erp": True})
    for position in (1, 2):
        event = tx.feed.at(position)
        assert event is not None
        tx.feed_deliveries.add("erp", [event])
        (row,) = tx.feed_deliveries.due("erp", limit=5)
        token = tx.feed_deliveries.claim(row, lease_seconds=60)
        assert token is not None
        tx.feed_deliveries.complete(
            row,
            token,
            state="done",
            refusals=0,
            next_attempt_at=None,
            http_status=204,
            duration_milliseconds=3,
            answer="",
        )
        tx.feed_endpoints.succeeded("erp")


def _event(tx: Transaction, event_id: str) -> None:
    tx.inbox.add_many(
        [
            ReceivedEvent(
                endpoint=FINANCIER,
                event_id=event_id,
                verification=Verification.SIGNED,
                body=b"{}",
                received_at=tx.clock.now(),
            )
        ]
    )
    tx.connection.exec_driver_sql("update inbox set state = 'done', next_attempt_at = null")


def damage(database: Database, *statements: str) -> None:
    """Run statements past every guard, and put the guards back."""
    with database.write() as tx:
        run = tx.connection.exec_driver_sql
        if not database.is_sqlite:
            run(
                "set local session_replication_role = replica"
            )  # no trigger, no reference is checked
            for statement in statements:
                run(statement)
            return
        guards = list(run("select name, sql from sqlite_master where type = 'trigger'"))
        for name, _ in guards:
            run(f"drop trigger {name}")
        run("pragma defer_foreign_keys = on")
        for statement in statements:
            run(statement)
        for _, sql in guards:
            run(sql)


def found(database: Database) -> list[str]:
    return [v.sentence for v in Verifier(database, lambda _: None).run(at_rest=True)]


def one_more(table: str, where: str, **changed: str) -> str:
    """Copy a row of a table with some columns changed (SQL expressions)."""
    names = [column.name for column in metadata.tables[table].columns]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"insert into {table} ({', '.join(names)}) select {values} from {table} where {where}"


LOST = "A mapped record has no financing invoice, so that it would be lost."
UNDECIDED = "A record that was decided has no current outcome, or one of an older version."
NO_REASON = "A financing invoice is parked or withdrawn without a reason."
WAITS_FOR_EVER = (
    "A financing invoice is being submitted, and no step of it is open: it would wait for ever."
)
TWICE = "A step of a submission took effect more than once."
SENT_OTHERWISE = "What was sent is not what the financing invoice says."
NOT_THE_SUM = "A run's pulled records are not the sum of its outcomes."
NOT_STORED = "A run's totals are not the sum of the outcomes it stored."
APPLIED_TWICE = "An event of the inbox was applied more than once."
NOT_THE_LAST = "An invoice's status is not the last one of its timeline."
NO_WRITE_BACK = "A status of the timeline has not exactly one write-back."
OUT_OF_ORDER = "Write-backs of an invoice are not in the order of its timeline."
HOLE = "An outbox stream has a hole."
OVERTAKEN = "A row of the outbox was sent while an earlier one of its stream was open."
AFTER_THE_END = "A status follows a final one."
ATTEMPTS = "An outbox row has not as many attempts as it counts."
NO_AUDIT = "A step that took effect at the financier has no audit row."
VERSION = "A record's latest version is not the last one stored."
INBOX = "The inbox holds an event that was not worked off."
OUTBOX = "The outbox holds a row that was not worked off."
NO_EVENT = "A status of the timeline has not exactly one event in the status feed."
EVENTS_ORDER = "Events of an invoice are not in the feed in the order of its timeline."
FEED_HOLE = "The status feed has a hole."
DELIVERY_OVERTAKEN = "A delivery of the feed was sent while an earlier one of its invoice was open."
DELIVERY_ATTEMPTS = "A delivery of the feed has not as many attempts as it counts."
DELIVERY_OPEN = "The status feed holds a delivery that was not worked off."
NOT_OFFERED = "An endpoint was not offered all events of the status feed."
CORRECTED_ELSE = (
    "An outcome came about by a correction of another record, or by one that was made later."
)
OVERTAKEN_CORRECTION = "A correction is in force although its source says otherwise."
DIGEST = "A financing invoice was changed outside the connector."
TIMELINE = "The status timeline was changed."
AUDIT = "The audit log was changed."
PAYLOAD = "An idempotency key has another payload."


def correction(was: str, ended: str) -> str:
    """A correction of the record `three`, which says nothing but its identifier."""
    fields = f'[{{"path":"due","was":{was},"now":"2026-05-01"}}]'
    return (
        "insert into record_corrections (id, record_id, fields, reason, corrected_at, corrected_by, ended_at, ended_by, "
        f"ended_reason) select 1, id, '{fields}', 'a slip', '2026-01-01T00:00:00.000000Z', 'ann', {ended}, {ended}, "
        f"{ended} from source_records where source_id = 'three'"
    )


CANARIES = {
    CORRECTED_ELSE: [
        correction("null", "'2026-01-02T00:00:00.000000Z'"),
        "insert into corrected_outcomes (outcome_id, correction_id) values (1, 1)",
    ],
    OVERTAKEN_CORRECTION: [correction('"2026-02-30"', "null")],
    LOST: [
        "update financing_invoices set state = 'withdrawn', state_reason = 'x' where state = 'submitted'"
    ],
    UNDECIDED: ["update source_records set outcome_id = null where source_id = 'three'"],
    NO_REASON: ["update financing_invoices set state_reason = '' where state = 'parked'"],
    WAITS_FOR_EVER: [
        "update financing_invoices set state = 'submitting' where state = 'submitted'"
    ],
    TWICE: [
        one_more(
            "outbox",
            "kind = 'invoice'",
            id="99",
            seq="4",
            idempotency_key="'again'",
            attempts="0",
        )
    ],
    NOT_THE_SUM: ["update run_totals set count = count + 1 where kind = 'pulled' and run_id = 1"],
    NOT_STORED: [
        "update run_totals set amount_minor_units = amount_minor_units + 1 where run_id = 2"
    ],
    NOT_THE_LAST: [
        "update financing_invoices set raw_status = 'draft' where state = 'submitted'",
    ],
    OUT_OF_ORDER: [
        "update outbox set seq = 3 where timeline_id = 1",
        "update outbox set seq = 1 where timeline_id = 2",
        "update outbox set seq = 2 where timeline_id = 1",
    ],
    HOLE: ["update outbox set seq = 9 where kind = 'session'"],
    OVERTAKEN: ["update outbox set state = 'parked' where kind = 'write_status' and seq = 1"],
    ATTEMPTS: ["delete from attempts where outbox_id = 2"],
    VERSION: ["update source_records set latest_version_no = 2 where source_id = 'three'"],
    INBOX: ["update inbox set state = 'received' where event_id = 'evt_1'"],
    OUTBOX: ["update outbox set state = 'pending' where kind = 'write_status' and seq = 2"],
    DIGEST: [
        "update financing_invoices set due_date = '2026-05-02' where state = 'submitted'",
    ],
    NO_EVENT: [
        "delete from feed_attempts where delivery_id = 2",
        "delete from feed_deliveries where position = 2",
        "delete from feed_events where position = 2",
    ],
    EVENTS_ORDER: [
        "update feed_events set timeline_id = 1 - timeline_id",
        "update feed_events set timeline_id = 2 + timeline_id",
    ],
    FEED_HOLE: [
        "update feed_events set position = 3 where position = 2",
        "update feed_deliveries set position = 3 where position = 2",
        "update feed_endpoints set position = 3",
    ],
    DELIVERY_OVERTAKEN: [
        "update feed_endpoints set state = 'off'",
        "update feed_deliveries set state = 'pending' where position = 1",
    ],
    DELIVERY_ATTEMPTS: ["delete from feed_attempts where delivery_id = 1"],
    DELIVERY_OPEN: ["update feed_deliveries set state = 'pending' where position = 2"],
    NOT_OFFERED: ["update feed_endpoints set position = 1"],
    AUDIT: ["update audit_log set detail = '{}' where seq = 2"],
}
"""Damage that exactly one check must find. What cannot come alone is below."""

TOGETHER = {
    SENT_OTHERWISE: (
        [
            "update financing_invoices set amount_minor_units = amount_minor_units + 1 "
            "where state = 'submitted'"
        ],
        {DIGEST},
    ),
    APPLIED_TWICE: (["update status_timeline set inbox_id = 1"], set[str]()),
    NO_WRITE_BACK: (
        [
            "delete from attempts where outbox_id in (select id from outbox where timeline_id = 2)",
            "delete from outbox where timeline_id = 2",
        ],
        set[str](),
    ),
    AFTER_THE_END: (
        ["update status_timeline set status = 'declined' where seq = 1"],
        {TIMELINE},
    ),
    # The last row of a chain can go without breaking it: then this is the check that finds it.
    NO_AUDIT: (["delete from audit_log where action = 'submit.session.done'"], set[str]()),
    TIMELINE: (["update status_timeline set evidence = '{1}' where seq = 1"], set[str]()),
    PAYLOAD: (
        ["update outbox set payload = payload || ' ' where kind = 'write_status' and seq = 1"],
        set[str](),
    ),
}


def test_there_is_a_canary_for_every_invariant():
    known = {invariant.sentence for invariant in INVARIANTS + AT_REST}
    assert known <= CANARIES.keys() | TOGETHER.keys()


def test_a_sound_store_is_clean(database: Database):
    furnish(database)
    assert found(database) == []


@pytest.mark.parametrize("sentence", CANARIES)
def test_a_damage_is_found_by_its_own_check_alone(database: Database, sentence: str):
    furnish(database)
    damage(database, *CANARIES[sentence])
    assert found(database) == [sentence]


@pytest.mark.parametrize("sentence", TOGETHER)
def test_a_damage_is_found_with_what_comes_with_it(database: Database, sentence: str):
    statements, others = TOGETHER[sentence]
    furnish(database)
    if not database.is_sqlite:
        statements = [s.replace("'{1}'", r"'\x7b317d'") for s in statements]
    else:
        statements = [s.replace("'{1}'", "x'7b317d'") for s in statements]
    damage(database, *statements)
    assert set(found(database)) == {sentence} | others


def test_totals_of_a_run_that_stored_nothing_of_the_kind_are_found(database: Database):
    furnish(database)
    damage(
        database,
        "insert into run_totals values (2, 'EUR', 'held', 1, 100)",
        "insert into run_totals values (2, 'EUR', 'pulled', 1, 100)",
    )
    assert found(database) == [NOT_STORED]


def test_a_status_row_that_is_gone_is_found(database: Database):
    furnish(database)
    damage(
        database,
        "update outbox set timeline_id = 2 where timeline_id = 1",
        "delete from feed_attempts where delivery_id = 1",
        "delete from feed_deliveries where position = 1",
        "delete from feed_events where position = 1",
        "delete from status_timeline where seq = 1",
    )
    assert TIMELINE in found(database)


def test_a_missing_guard_is_found(database: Database):
    furnish(database)
    drop = "drop trigger outbox_frozen" + ("" if database.is_sqlite else " on outbox")
    with database.write() as tx:
        tx.connection.exec_driver_sql(drop)
    assert found(database) == ["A guard of the database is missing."]


def test_a_row_that_points_nowhere_is_found(database: Database):
    if not database.is_sqlite:
        pytest.skip("PostgreSQL checks references itself, and has no check of its pages over SQL")
    furnish(database)
    path = database._path
    assert path is not None
    with sqlite3.connect(path) as outside:  # foreign keys are off on a plain connection
        outside.execute("insert into run_totals values (77, 'USD', 'pulled', 0, 0)")
    outside.close()
    assert found(database) == ["The file is damaged."]
