"""Reckons a demo life up against the ledgers that the platforms kept themselves, to the cent.

The expected figures come from code that shares nothing with the product: the platforms' own ledgers and their oracles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.bootstrap import Program
from connector.deciding import DOCUMENT_MISSING
from connector.demo.world import World
from connector.evaluating import LARGEST_COUNTED
from connector.sandbox.run import control
from connector.store.financing_rows import FinancingRow
from connector.verifying import Verifier
from mappings.currencies import NO_CURRENCY

GATES = (DOCUMENT_MISSING,)
"""Reasons outside the record for which a demo invoice is held; to the oracles, which know records, it is mapped."""


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison: what the other side's ledger says, and what ours says."""

    what: str
    expected: str
    found: str

    @property
    def agrees(self) -> bool:
        return self.expected == self.found


def reckon(program: Program, world: World) -> list[Line]:
    """Every comparison, in the order of the flow."""
    sandbox = world.sandbox
    hosted = _Ledger("hosted", sandbox.financier.base_url, "invoice", by_reference=True)
    monite = _Ledger("monite_financing", sandbox.monite.base_url, "financing", by_reference=False)
    lines = [
        *_outcomes(program, "finexio", sandbox.finexio.base_url),
        *_outcomes(program, "tryton", sandbox.tryton.base_url),
        *_outcomes(
            program,
            "monite",
            sandbox.monite.base_url,
            f"&financier=monite&largest={LARGEST_COUNTED}",
        ),
        *_financed(program, hosted),
        *_financed(program, monite),
        *_altogether(program, (hosted, monite)),
        *_notes(program, "tryton", _tryton_notes(sandbox.tryton.base_url)),
        *_notes(program, "monite", _monite_notes(sandbox.monite.base_url)),
    ]
    violations = Verifier(program.database, program.decider).run(at_rest=True)
    found = "; ".join(f"{v.number} {v.sentence} ({', '.join(v.rows)})" for v in violations)
    lines.append(Line("invariants", "all hold", found or "all hold"))
    return lines


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What a financing platform keeps for itself: rows of one kind. They are known by our reference, or where the
    platform is not told it, by their identifier."""

    financier: str
    base_url: str
    kind: str
    by_reference: bool

    def rows(self) -> list[Mapping[str, Any]]:
        return list(_rows(self.base_url, "objects", self.kind))

    def key(self, row: Mapping[str, Any]) -> str:
        return str(row["reference"] if self.by_reference else row["id"])

    def ours(self, program: Program) -> dict[str, FinancingRow]:
        """Our side of it, by the same key."""
        with program.database.read() as tx:
            before: int | None = None
            found: list[FinancingRow] = []
            while batch := tx.financing.recent(500, before):
                found += batch
                before = batch[-1].id
        mine = [row for row in found if row.financier == self.financier and row.remote_invoice_id]
        if self.by_reference:
            return {row.client_reference_id: row for row in mine}
        return {str(row.remote_invoice_id): row for row in mine}


def _outcomes(program: Program, connection: str, base_url: str, query: str = "") -> Iterator[Line]:
    """I5: records and gross amounts by outcome and currency."""
    today = program.clock.today().isoformat()
    told = control(base_url, f"/sandbox/totals?today={today}{query}")
    expected: Counter[tuple[str, str]] = Counter()
    amounts: Counter[tuple[str, str]] = Counter()
    for kind, by_currency in told.items():
        for currency, cell in by_currency.items():
            key = (kind, NO_CURRENCY if currency == "unreadable" else currency)
            expected[key] += cell["count"]
            amounts[key] += cell["gross_minor_units"]
    ours: Counter[tuple[str, str]] = Counter()
    our_amounts: Counter[tuple[str, str]] = Counter()
    with program.database.read() as tx:
        for total in tx.totals.by_outcome(connection):
            kind = "mapped" if total.reason_code in GATES else total.kind
            ours[kind, total.currency] += total.count
            our_amounts[kind, total.currency] += total.amount_minor_units
    for key in sorted(expected.keys() | ours.keys()):
        yield Line(
            f"{connection}: {key[0]} {key[1]}",
            _cell(expected[key], amounts[key]),
            _cell(ours[key], our_amounts[key]),
        )


def _financed(program: Program, ledger: _Ledger) -> Iterator[Line]:
    """I2, I4, I6, I12: every invoice at the financier is ours, once, to the cent, and its last status is known."""
    remote, ours, who = ledger.rows(), ledger.ours(program), ledger.financier
    keys = Counter(ledger.key(row) for row in remote)
    yield Line(f"{who}: there twice", "0", str(sum(1 for count in keys.values() if count > 1)))
    yield Line(f"{who}: invoices", str(len(remote)), str(len(ours)))
    unknown = sum(1 for row in remote if ledger.key(row) not in ours)
    yield Line(f"{who}: unknown to us", "0", str(unknown))
    theirs, mine = _by_currency(remote), _by_our_currency(ours.values())
    for currency in sorted(theirs.keys() | mine.keys()):
        yield Line(
            f"{who}: amounts {currency}",
            _cell(*theirs.get(currency, (0, 0))),
            _cell(*mine.get(currency, (0, 0))),
        )
    differing = [
        row
        for row in remote
        if (known := ours.get(ledger.key(row))) is not None
        and (known.currency, known.amount_minor_units)
        != (row["currency"].upper(), row["amount_minor_units"])
    ]
    yield Line(f"{who}: other amounts", "0", str(len(differing)))
    statuses = Counter(str(row["status"]) for row in remote)
    ours_by_status = Counter(str(row.raw_status) for row in ours.values())
    for status in sorted(statuses.keys() | ours_by_status.keys()):
        yield Line(f"{who}: status {status}", str(statuses[status]), str(ours_by_status[status]))


def _altogether(program: Program, ledgers: Sequence[_Ledger]) -> Iterator[Line]:
    """What all financiers hold together, by currency, against what we say was submitted."""
    theirs = _by_currency(row for ledger in ledgers for row in ledger.rows())
    mine = _by_our_currency(row for ledger in ledgers for row in ledger.ours(program).values())
    for currency in sorted(theirs.keys() | mine.keys()):
        yield Line(
            f"all financiers: amounts {currency}",
            _cell(*theirs.get(currency, (0, 0))),
            _cell(*mine.get(currency, (0, 0))),
        )


def _notes(program: Program, connection: str, written: Sequence[str]) -> Iterator[Line]:
    """I14: each status of an invoice was written there once, and nothing else was. `written` are the markers of what
    the other side says was written, in order."""
    with program.database.read() as tx:
        done = [
            row.payload["marker"]
            for row in tx.outbox.listing(states=["done"], limit=10_000_000)
            if row.target == connection
        ]
    yield Line(f"{connection}: notes written", str(len(done)), str(len(written)))
    found = Counter(written)
    once = sum(1 for marker in done if found[marker] == 1)
    yield Line(f"{connection}: statuses noted once", str(len(done)), str(once))


def _tryton_notes(base_url: str) -> list[str]:
    """Client reference and number of the status, as they stand in each note; an empty text for a note without."""
    notes = [str(note["message"]) for note in control(base_url, "/sandbox/notes")]
    found = []
    for note in notes:
        words = (word.strip("[]().") for word in note.split())
        found.append(next((w for w in words if w.count("/") == 1 and w.count("-") == 4), ""))
    return found


def _monite_notes(base_url: str) -> list[str]:
    """The same, of each change of an invoice's metadata: Monite holds the latest status only, its ledger every one."""
    last: dict[str, str | None] = {}
    found = []
    for row in _rows(base_url, "history", "receivable"):
        marker = (row["body"].get("partner_metadata") or {}).get("financing_marker")
        if marker is not None and last.get(row["id"]) != marker:
            found.append(str(marker))
        last[row["id"]] = marker
    return found


def _rows(base_url: str, table: str, kind: str) -> Iterator[Mapping[str, Any]]:
    after = 0
    while rows := control(base_url, f"/sandbox/ledger/{table}?after={after}&limit=1000"):
        yield from (row for row in rows if row["kind"] == kind)
        after = rows[-1]["sequence" if table == "history" else "rowid"]


def _by_currency(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Count and amount of a platform's own rows."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        count, amount = found.get(row["currency"].upper(), (0, 0))
        found[row["currency"].upper()] = (count + 1, amount + row["amount_minor_units"])
    return found


def _by_our_currency(rows: Iterable[FinancingRow]) -> dict[str, tuple[int, int]]:
    """The same of our rows."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        count, amount = found.get(row.currency, (0, 0))
        found[row.currency] = (count + 1, amount + row.amount_minor_units)
    return found


def _cell(count: int, amount_minor_units: int) -> str:
    return f"{count}; {amount_minor_units}"
