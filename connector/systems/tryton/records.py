"""The records this adapter gives: one plain JSON object each, composed from Tryton's rows, always the same bytes.

Money stays decimal text exactly as the server wrote it. `mappings/systems/tryton.toml` reads these keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector import strict_json
from connector.errors import ContractDrift
from connector.system import Counterparty, RawRecord, Record
from connector.systems.tryton.client import Row
from connector.systems.tryton.walk import Walked

INVOICES = Walked(
    model="account.invoice",
    domain=[["type", "in", ["in", "out"]]],
    fields=(
        "number",
        "reference",
        "type",
        "state",
        "company.rec_name",
        "party.name",
        "currency.code",
        "currency.digits",
        "invoice_date",
        "total_amount",
        "untaxed_amount",
        "tax_amount",
        "amount_to_pay",
        "lines_to_pay",
        "comment",
        "write_date",
        "create_date",
    ),
    # A payment touches the invoice; moving a due date touches only the move line.
    related=("move.lines.write_date", "additional_moves.lines.write_date"),
)

PARTIES = Walked(
    model="party.party",
    domain=[],
    fields=(
        "name",
        "code",
        "email",
        "addresses",
        "tax_identifier.code",
        "write_date",
        "create_date",
    ),
    related=(
        "addresses.write_date",
        "addresses.create_date",
        "contact_mechanisms.write_date",
        "contact_mechanisms.create_date",
        "identifiers.write_date",
        "identifiers.create_date",
    ),
)

COMPANY_FIELDS = ("party", "write_date", "create_date")
ADDRESS_FIELDS = ("party", "street", "city", "postal_code", "country.code", "subdivision.name")
LINE_FIELDS = ("amount_second_currency", "credit", "debit", "maturity_date", "reconciliation")


def invoice_record(row: Row, lines: Mapping[int, Row]) -> RawRecord:
    """One invoice. `lines` holds the move lines of its `lines_to_pay` by id. Raises ContractDrift.

    A party, company or currency that is not there stays null: then this one record is rejected by its mapping.
    """
    try:
        to_pay = [_line(lines[line_id]) for line_id in sorted(row["lines_to_pay"])]
        record = {
            "id": row["id"],
            "number": row["number"],
            "reference": row["reference"],
            "type": row["type"],
            "state": row["state"],
            "company": _named(row["company."], "rec_name"),
            "company_ref": _ref(row["company."], company_ref),
            "party": _named(row["party."], "name"),
            "party_ref": _ref(row["party."], party_ref),
            "currency": _picked(row["currency."], "code", "digits"),
            "invoice_date": row["invoice_date"],
            "total_amount": row["total_amount"],
            "untaxed_amount": row["untaxed_amount"],
            "tax_amount": row["tax_amount"],
            "amount_to_pay": row["amount_to_pay"],
            "lines_to_pay": to_pay,
            "comment": row["comment"],
            "write_date": row["write_date"],
            "create_date": row["create_date"],
        }
    except (KeyError, TypeError) as error:
        raise ContractDrift(f"An invoice of Tryton came without {error}.") from None
    due = sorted(
        {
            line["maturity_date"]
            for line in to_pay
            if line["maturity_date"] is not None and line["reconciliation"] is None
        }
    )
    record["due_dates"] = due
    record["due_date"] = due[-1] if due else None
    return _raw(str(row["id"]), record)


def counterparty_record(
    source_id: str, kind: str, row: Row, party: Row, address: Row | None
) -> RawRecord:
    """A party or one of our own companies. `row` is its own row, `party` the party that describes it."""
    tax = party.get("tax_identifier.")
    record = {
        "ref": source_id,
        "kind": kind,
        "id": row["id"],
        "party": party["id"],
        "name": party["name"],
        "code": party["code"],
        "email": party["email"] or None,
        "tax_id": tax["code"] if tax else None,
        "address": None if address is None else _address(address),
        "write_date": row["write_date"],
        "create_date": row["create_date"],
    }
    return _raw(source_id, record)


def counterparty(record: Record) -> Counterparty:
    """Translate a record of the `counterparties` stream. Tryton does not say who buys and who supplies."""
    address = dict(record["address"] or {})
    country = address.pop("country", None)
    return Counterparty(
        counterparty_id=record["ref"],
        name=record["name"] or record["code"] or record["ref"],
        role="own" if record["kind"] == "company" else "both",
        country=country,
        tax_id=record["tax_id"],
        email=record["email"],
        address={key: value for key, value in address.items() if value},
    )


def company_ref(company_id: int) -> str:
    """How a company of ours is named in records and links."""
    return f"company:{company_id}"


def party_ref(party_id: int) -> str:
    """How a party is named in records and links."""
    return f"party:{party_id}"


def line_ids(rows: Sequence[Row]) -> list[int]:
    """The move lines that `invoice_record` will ask for."""
    return sorted({line_id for row in rows for line_id in row.get("lines_to_pay") or ()})


def _line(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in sorted(("id", *LINE_FIELDS))}


def _named(row: Row | None, name: str) -> dict[str, Any] | None:
    return None if row is None else {"id": row["id"], "name": row[name]}


def _picked(row: Row | None, *names: str) -> dict[str, Any] | None:
    return None if row is None else {name: row[name] for name in names}


def _ref(row: Row | None, named: Callable[[int], str]) -> str | None:
    return None if row is None else named(row["id"])


def _address(row: Row) -> dict[str, Any]:
    country, subdivision = row.get("country."), row.get("subdivision.")
    return {
        "city": row["city"],
        "country": country["code"] if country else None,
        "postal_code": row["postal_code"],
        "state": subdivision["name"] if subdivision else None,
        "street": row["street"],
    }


def _raw(source_id: str, record: dict[str, Any]) -> RawRecord:
    ordered = dict(sorted(record.items()))
    updated_at = record["write_date"] or record["create_date"]
    return RawRecord(source_id, strict_json.write(ordered), updated_at)
