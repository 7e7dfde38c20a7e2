"""Reckons a demo life up against the ledgers that the platforms kept themselves, to the cent.

The expected figures come from code that shares nothing with the product: the platforms' own ledgers and their oracles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.bootstrap import Program
from connector.deciding import DOCUMENT_MISSING, NO_CURRENCY
from connector.demo.world import World
from connector.sandbox.run import control
from connector.verifying import Verifier

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
    lines = [
        *_outcomes(program, "finexio", world.sandbox.finexio.base_url),
        *_outcomes(program, "tryton", world.sandbox.tryton.base_url),
        *_financed(program, world),
        *_write_backs(program, world),
    ]
    violations = Verifier(program.database, program.decider).run(at_rest=True)
    found = "; ".join(f"{v.number} {v.sentence} ({', '.join(v.rows)})" for v in violations)
    lines.append(Line("invariants", "all hold", found or "all hold"))
    return lines


def _outcomes(program: Program, connection: str, base_url: str) -> Iterator[Line]:
    """I5: records and gross amounts by outcome and currency."""
    today = program.clock.today().isoformat()
    told = control(base_url, f"/sandbox/totals?today={today}")
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
        for total in tx.totals.by_outcome():
            if total.connection == connection:
                kind = "mapped" if total.reason_code in GATES else total.kind
                ours[kind, total.currency] += total.count
                our_amounts[kind, total.currency] += total.amount_minor_units
    for key in sorted(expected.keys() | ours.keys()):
        yield Line(
            f"{connection}: {key[0]} {key[1]}",
            _cell(expected[key], amounts[key]),
            _cell(ours[key], our_amounts[key]),
        )


def _financed(program: Program, world: World) -> Iterator[Line]:
    """I2, I4, I6, I12: every invoice at the financier is ours, once, to the cent, and its last status is known."""
    remote = list(_ledger(world.sandbox.financier.base_url, "invoice"))
    references = Counter(row["reference"] for row in remote)
    yield Line(
        "financier: references used twice", "0", str(sum(1 for n in references.values() if n > 1))
    )
    with program.database.read() as tx:
        before: int | None = None
        ours = {}
        while batch := tx.financing.recent(500, before):
            ours.update({row.client_reference_id: row for row in batch if row.remote_invoice_id})
            before = batch[-1].id
    yield Line("financier: invoices", str(len(remote)), str(len(ours)))
    known = [(row, ours[row["reference"]]) for row in remote if row["reference"] in ours]
    yield Line("financier: invoices unknown to us", "0", str(len(remote) - len(known)))
    for currency in sorted({row["currency"].upper() for row in remote}):
        theirs = [r for r in remote if r["currency"].upper() == currency]
        mine = [row for row in ours.values() if row.currency == currency]
        yield Line(
            f"financier: amounts {currency}",
            _cell(len(theirs), sum(r["amount_minor_units"] for r in theirs)),
            _cell(len(mine), sum(row.amount_minor_units for row in mine)),
        )
    statuses = Counter(str(row["status"]) for row in remote)
    ours_by_status = Counter(str(row.raw_status) for row in ours.values())
    for status in sorted(statuses.keys() | ours_by_status.keys()):
        yield Line(
            f"financier: status {status}", str(statuses[status]), str(ours_by_status[status])
        )


def _write_backs(program: Program, world: World) -> Iterator[Line]:
    """I14: each status of a Tryton invoice is one note there, and nothing else is."""
    notes = [
        str(note["message"]) for note in control(world.sandbox.tryton.base_url, "/sandbox/notes")
    ]
    with program.database.read() as tx:
        done = [
            row.payload["marker"]
            for row in tx.outbox.listing(states=["done"], limit=10_000_000)
            if row.target == "tryton"
        ]
    yield Line("tryton: notes written", str(len(done)), str(len(notes)))
    found = Counter(marker for note in notes for marker in _markers(note))
    yield Line(
        "tryton: statuses with exactly one note",
        str(len(done)),
        str(sum(1 for m in done if found[m] == 1)),
    )


def _markers(note: str) -> list[str]:
    """Client reference and number of the status, as they stand in a note."""
    return [
        word.strip("[]().")
        for word in note.split()
        if word.count("/") == 1 and word.count("-") == 4
    ]


def _ledger(base_url: str, kind: str) -> Iterator[Mapping[str, Any]]:
    after = 0
    while rows := control(base_url, f"/sandbox/ledger/objects?after={after}&limit=1000"):
        yield from (row for row in rows if row["kind"] == kind)
        after = rows[-1]["rowid"]


def _cell(count: int, amount_minor_units: int) -> str:
    return f"{count}; {amount_minor_units}"
