"""A running connector with lives in its store, and people of each role: what the browser tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connector.people.roles import Role
from connector.sandbox.ledger import StoredObject
from connector.sandbox.run import control
from connector.store.financing_rows import FinancingRow
from tests.flows.stage import Stage

PASSWORD = "four words nobody knows"
HOSTILE = "<script>alert('x')</script>&\"'"
SETTINGS = """\
[mappings]
approval = "second_person"

[access]
password_memory_mebibytes = 1

[store]"""
PEOPLE = {
    Role.VIEWER: "Vera Lund",
    Role.OPERATOR: "Omar Haddad",
    Role.MAPPING_AUTHOR: "Mia Fontaine",
    Role.APPROVER: "Paul Okafor",
    Role.ADMIN: "Ana Ng",
}
WAYS = ("desktop", "phone")
"""Each journey that changes something does it to invoices of its own, once for each way to come."""


class House:
    """A stage whose invoices are requested by hand. Buyers and the first supplier are linked, the others are not."""

    def __init__(self, directory: Path, **stage: Any) -> None:
        self.stage = Stage(
            directory,
            flow={"submit": "by_hand", "buyer_limits": "ignore", "create_companies": False},
            platform={"companies": 5},
            **stage,
        )
        self.stage.reconfigure("[store]", SETTINGS)

    @property
    def address(self) -> str:
        return self.stage.address.rstrip("/")

    def close(self) -> None:
        self.stage.close()

    # -- people -------------------------------------------------------------------------------------------------------

    def move_in(self) -> None:
        """Somebody of each role."""
        for role, name in PEOPLE.items():
            self.stage.program.people.add(
                email=email_of(role), name=name, role=role, by="test", password=PASSWORD
            )

    # -- companies ----------------------------------------------------------------------------------------------------

    def parties(self, kind: str) -> list[StoredObject]:
        """The counterparties of Finexio of a kind, `Buyer` or `Supplier`."""
        return [
            c for c in self.stage.source.ledger.select("counterparty") if c.body["type"] == kind
        ]

    def link(self, *parties: StoredObject) -> None:
        """Link counterparties to the financier's companies of the same name."""
        companies = {c.body["name"][:40]: c.id for c in self.stage.ledger.select("company")}
        linker = self.stage.program.linker(self.stage.program.config.flows[0])
        for party in parties:
            linker.link(party.id, companies[party.body["name"]], by="test")

    # -- invoices -----------------------------------------------------------------------------------------------------

    def add(self, number: str, amount_cents: int, supplier: int = 0, **fields: object) -> str:
        """An invoice of one of the suppliers: 0 is linked to a company, the others are not."""
        party = self.parties("Supplier")[supplier].id
        return self.stage.add(
            invoice_number=number,
            amount_cents=amount_cents,
            receiving_counterparty_id=party,
            **fields,
        )

    def named(self, number: str) -> str:
        """Finexio's identifier of an invoice."""
        return next(
            i.id for i in self.stage.source.ledger.select("invoice") if i.reference == number
        )

    def of(self, source_id: str) -> FinancingRow:
        """The financing invoice of an invoice."""
        with self.stage.read() as tx:
            (record,) = tx.records.by_source_id(source_id)
            return tx.financing.of_record(record.id)[0]

    def request(self, *source_ids: str) -> None:
        """Request financing of invoices, by hand, and let it be sent."""
        task = self.stage.program.submit_task(self.stage.program.config.flows[0])
        for source_id in source_ids:
            assert task.open_one(self.of(source_id).id)
        self.stage.settle()

    def desk(self, source_id: str, steps: int) -> None:
        """The financier moves an invoice on by so many statuses."""
        invoice = self.of(source_id).remote_invoice_id
        for _ in range(steps):
            self.stage.clock.advance(60)
            body = {"steps": 1, "invoice": invoice}
            control(self.stage.financier_url, "/sandbox/desk/advance", body)
            self.stage.settle()


def email_of(role: Role) -> str:
    return f"{role.value}@example.com"


def furnish(house: House) -> None:
    """The lives that the journeys look at."""
    house.move_in()
    stage = house.stage
    add = house.add
    repaid = add("RE-2041", 1_248_050, invoice_due_date="2026-05-29")
    changed = add("RE-2042", 865_000)
    waiting = add("RE-2043", 2_310_075)
    hostile = add(HOSTILE, 250_000, note=HOSTILE)
    add("=1+2", 3_333)
    add("SECRET-4", 4_444, account_number="998877665544")
    stage.advance_source(add("PAID-5", 5_555), "complete")
    for number in range(1, 4):
        add(f"SUM-{number}", 120_000 + number)
    for number, way in enumerate(WAYS):
        add(f"HAND-{way}", 711_000 + number)
        add(f"LINK-{way}", 98_765 + number, supplier=1 + number)
        add(f"DUE-{way}-1", 120_000 + number, invoice_due_date=None)
        add(f"DUE-{way}-2", 340_000 + number, invoice_due_date=None)
    stage.fault("POST /v1/invoices", "status_500", times=1)
    stage.settle()
    house.link(*house.parties("Buyer"), house.parties("Supplier")[0])
    house.request(repaid, changed, waiting, hostile)
    stage.complete_sessions()
    stage.settle()
    house.desk(repaid, 4)
    house.desk(waiting, 2)
    stage.change(changed, amount_cents=915_000)
    stage.pull(full_walk=True)
    stage.settle()
    stage.clock.advance(300)
