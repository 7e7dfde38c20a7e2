"""What must always hold (DESIGN section 8), as queries that must return no row. `connector verify` runs them.

Each has the number of the design's invariant, a sentence for the person who reads a violation, and portable SQL whose
first column names the row concerned. Those that need more than SQL (digests, hash chains, the mapping) are in
`connector.verifying`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from connector.store.repository import Repository

EXAMPLES = 5
"""How many rows of a violation are shown."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must hold."""

    number: str
    sentence: str
    query: str


@dataclass(frozen=True, slots=True)
class Violation:
    """Where it does not. `rows` names the first few."""

    number: str
    sentence: str
    rows: tuple[str, ...]


INVARIANTS = (
    Invariant(
        "I1",
        "A mapped record has no financing invoice, so that it would be lost.",
        """
        select r.id from source_records r where r.outcome_kind = 'mapped'
        and not exists (select 1 from financing_invoices f where f.record_id = r.id and f.state <> 'withdrawn')""",
    ),
    Invariant(
        "I1",
        "A record that was decided has no current outcome, or one of an older version.",
        """
        select r.id from source_records r where exists (select 1 from outcomes o where o.record_id = r.id)
        and not exists (select 1 from outcomes o where o.id = r.outcome_id and o.record_id = r.id
          and o.version_id = r.latest_version_id and o.kind = r.outcome_kind)""",
    ),
    Invariant(
        "I1",
        "A financing invoice is parked or withdrawn without a reason.",
        """
        select f.id from financing_invoices f where f.state in ('parked', 'withdrawn')
        and (f.state_reason is null or f.state_reason = '')""",
    ),
    Invariant(
        "I1",
        "A financing invoice is being submitted, and no step of it is open: it would wait for ever.",
        """
        select f.id from financing_invoices f where f.state = 'submitting' and not exists (select 1 from outbox o
          where o.stream = 'submit:' || f.id and o.state in ('pending', 'sending', 'unknown'))""",
    ),
    Invariant(
        "I2",
        "A step of a submission took effect more than once.",
        """
        select o.financing_invoice_id from outbox o where o.stream like 'submit:%' and o.kind <> 'session'
        and o.state = 'done' group by o.financing_invoice_id, o.kind having count(*) > 1""",
    ),
    Invariant(
        "I4",
        "What was sent is not what the financing invoice says.",
        """
        select o.id from outbox o join financing_invoices f on f.id = o.financing_invoice_id
        where o.stream like 'submit:%' and (
          o.payload not like '%"amount_minor_units":' || f.amount_minor_units || ',%'
          or o.payload not like '%"currency":"' || f.currency || '"%'
          or o.payload not like '%"client_reference_id":"' || f.client_reference_id || '"%')""",
    ),
    Invariant(
        "I4",
        "An outcome came about by a correction of another record, or by one that was made later.",
        """
        select c.outcome_id from corrected_outcomes c join outcomes o on o.id = c.outcome_id
        join record_corrections r on r.id = c.correction_id
        where r.record_id <> o.record_id or r.corrected_at > o.decided_at""",
    ),
    Invariant(
        "I5",
        "A run's pulled records are not the sum of its outcomes.",
        """
        select t.run_id from run_totals t group by t.run_id, t.currency
        having sum(case when t.kind = 'pulled' then t.count else -t.count end) <> 0
        or sum(case when t.kind = 'pulled' then t.amount_minor_units else -t.amount_minor_units end) <> 0""",
    ),
    Invariant(
        "I5",
        "A run's totals are not the sum of the outcomes it stored.",
        """
        select x.run_id from (
          select run_id, kind, coalesce(currency, 'XXX') as currency, count(*) as n,
            coalesce(sum(amount_minor_units), 0) as amount
          from outcomes where run_id is not null group by run_id, kind, coalesce(currency, 'XXX')) x
        left join run_totals t on t.run_id = x.run_id and t.kind = x.kind and t.currency = x.currency
        where t.run_id is null or t.count <> x.n or t.amount_minor_units <> x.amount
        union
        select t.run_id from run_totals t where t.kind <> 'pulled' and t.count <> 0 and not exists (
          select 1 from outcomes o where o.run_id = t.run_id and o.kind = t.kind
          and coalesce(o.currency, 'XXX') = t.currency)""",
    ),
    Invariant(
        "I10",
        "An event of the inbox was applied more than once.",
        """
        select t.inbox_id from status_timeline t where t.inbox_id is not null
        group by t.inbox_id having count(*) > 1""",
    ),
    Invariant(
        "I12",
        "An invoice's status is not the last one of its timeline.",
        """
        select f.id from financing_invoices f where coalesce(f.raw_status, '') <> coalesce((
          select t.raw_status from status_timeline t where t.financing_invoice_id = f.id
          order by t.seq desc limit 1), '')""",
    ),
    Invariant(
        "I14",
        "A status of the timeline has not exactly one write-back.",
        """
        select t.id from status_timeline t where (select count(*) from outbox o where o.timeline_id = t.id) <> 1""",
    ),
    Invariant(
        "I14",
        "A status of the timeline has not exactly one event in the status feed.",
        """
        select t.id from status_timeline t where not exists (select 1 from feed_events e where e.timeline_id = t.id
          and e.financing_invoice_id = t.financing_invoice_id)""",
    ),
    Invariant(
        "I15",
        "Events of an invoice are not in the feed in the order of its timeline.",
        """
        select later.position from feed_events later join status_timeline t on t.id = later.timeline_id
        join status_timeline before on before.financing_invoice_id = t.financing_invoice_id and before.seq = t.seq - 1
        join feed_events earlier on earlier.timeline_id = before.id where earlier.position >= later.position""",
    ),
    Invariant(
        "I17",
        "The status feed has a hole.",
        "select max(e.position) from feed_events e having count(*) <> max(e.position) or min(e.position) <> 1",
    ),
    Invariant(
        "I17",
        "A delivery of the feed was sent while an earlier one of its invoice was open.",
        """
        select b.id from feed_deliveries a join feed_deliveries b
          on b.endpoint = a.endpoint and b.financing_invoice_id = a.financing_invoice_id and b.id > a.id
        where a.state in ('pending', 'sending') and b.attempts > 0""",
    ),
    Invariant(
        "I20",
        "A delivery of the feed has not as many attempts as it counts.",
        """
        select d.id from feed_deliveries d
        where d.attempts <> (select count(*) from feed_attempts a where a.delivery_id = d.id)""",
    ),
    Invariant(
        "I15",
        "Write-backs of an invoice are not in the order of its timeline.",
        """
        select a.id from outbox a join outbox b on b.stream = a.stream and b.seq = a.seq + 1
        where a.timeline_id is not null and b.timeline_id <= a.timeline_id""",
    ),
    Invariant(
        "I17",
        "An outbox stream has a hole.",
        "select o.stream from outbox o group by o.stream having count(*) <> max(o.seq) or min(o.seq) <> 1",
    ),
    Invariant(
        "I17",
        "A row of the outbox was sent while an earlier one of its stream was open.",
        """
        select b.id from outbox a join outbox b on b.stream = a.stream and b.seq > a.seq
        where a.state in ('pending', 'sending', 'unknown', 'parked') and b.attempts > 0""",
    ),
    Invariant(
        "I18",
        "A status follows a final one.",
        """
        select b.id from status_timeline a join status_timeline b
          on b.financing_invoice_id = a.financing_invoice_id and b.seq > a.seq
        where a.status in ('returned', 'repaid', 'declined', 'defaulted')""",
    ),
    Invariant(
        "I20",
        "An outbox row has not as many attempts as it counts.",
        """
        select o.id from outbox o
        where o.attempts <> (select count(*) from attempts a where a.outbox_id = o.id)""",
    ),
    Invariant(
        "I22",
        "A step that took effect at the financier has no audit row.",
        """
        select o.id from outbox o join financing_invoices f on f.id = o.financing_invoice_id
        where o.stream like 'submit:%' and o.state = 'done' and not exists (select 1 from audit_log a
          where a.subject = f.client_reference_id and a.action like 'submit.' || o.kind || '.%')""",
    ),
    Invariant(
        "I16",
        "A record's latest version is not the last one stored.",
        """
        select r.id from source_records r join record_versions v on v.record_id = r.id
        group by r.id, r.latest_version_no, r.latest_version_id
        having max(v.version_no) <> r.latest_version_no or count(*) <> r.latest_version_no
        or max(v.id) <> r.latest_version_id""",
    ),
)

AT_REST = (
    Invariant(
        "I9",
        "The inbox holds an event that was not worked off.",
        "select i.id from inbox i where i.state = 'received'",
    ),
    Invariant(
        "I13",
        "The outbox holds a row that was not worked off.",
        "select o.id from outbox o where o.state in ('pending', 'sending', 'unknown')",
    ),
    Invariant(
        "I13",
        "The status feed holds a delivery that was not worked off.",
        """
        select d.id from feed_deliveries d join feed_endpoints e on e.name = d.endpoint
        where d.state in ('pending', 'sending') and e.state = 'enabled'""",
    ),
    Invariant(
        "I13",
        "An endpoint was not offered all events of the status feed.",
        """
        select e.name from feed_endpoints e where e.state = 'enabled'
        and e.position < (select coalesce(max(f.position), 0) from feed_events f)""",
    ),
)
"""Hold only when nothing is left to do: after a demo, or a flow test that has run out."""


class Invariants(Repository):
    """Runs the queries."""

    def violations(self, *, at_rest: bool = False) -> list[Violation]:
        """Every violation, in the order of the list."""
        found = []
        for invariant in INVARIANTS + (AT_REST if at_rest else ()):
            rows = self._connection.execute(text(invariant.query)).fetchmany(EXAMPLES)
            if rows:
                found.append(
                    Violation(
                        invariant.number, invariant.sentence, tuple(str(row[0]) for row in rows)
                    )
                )
        return found
