"""The records we make of Monite's answers. What is Monite's stays as it is called there; ours are the fields below.

    direction          payable or receivable
    document_type      invoice or credit_note
    own_ref            entity:ID, our own company
    counterparty_ref   counterpart:ID of the other one, null where Monite has not linked one yet

Two things are changed. Bank data is moved into fields of its own, which are stored encrypted. And addresses of files
lose their query: it may be a signature that is another one at every reading, and a key to the file besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector import strict_json
from connector.errors import ContractDrift, NotFound
from connector.monite_access import is_identifier
from connector.system import Counterparty, RawRecord, Record
from connector.systems.monite.client import Row, identifier_of

PAYABLE = "payable"
RECEIVABLE = "receivable"
COLLECTIONS = {PAYABLE: "/payables", RECEIVABLE: "/receivables"}
COUNTERPART = "counterpart"
ENTITY = "entity"

INVOICE_SECRETS = (
    "bank_accounts",
    "entity_bank_account",
    "other_extracted_data",
    "network_credentials",
    "counterpart_einvoicing_credentials",
)
ENTITY_SECRETS = ("personal_data",)

_FILE_ADDRESSES = frozenset({"url", "file_url", "original_file_url", "einvoice_file_url", "logo"})
_WITH_BANK_DATA = ("counterpart", "counterpart_raw_data")
_PERSONAL = ("date_of_birth", "id_number", "ssn_last_4")


def reference(kind: str, identifier: str) -> str:
    """How a record is named: `payable:ID`, `receivable:ID`, `counterpart:ID`, `entity:ID`."""
    return f"{kind}:{identifier}"


def split(source_id: str, kinds: Sequence[str]) -> tuple[str, str]:
    """Back from `reference`. Raises NotFound for what names none of `kinds`."""
    kind, _, identifier = source_id.partition(":")
    if kind not in kinds or not is_identifier(identifier):
        raise NotFound(f"{source_id!r} names nothing that Monite has; expected {kinds[0]}:ID.")
    return kind, identifier


def is_wanted(kind: str, row: Row) -> bool:
    """Whether it is an invoice or a credit note: receivables are quotes, too."""
    return kind == PAYABLE or row.get("type") in ("invoice", "credit_note")


def invoice_record(kind: str, row: Row, entity_id: str) -> RawRecord:
    """One payable or receivable. Raises ContractDrift when it has no identifier."""
    identifier = identifier_of(row, f"A {kind}")
    record = _cleaned(row)
    accounts: dict[str, Any] = {}
    for name in _WITH_BANK_DATA:
        if isinstance(record.get(name), dict) and record[name].get("bank_account"):
            accounts[name] = record[name].pop("bank_account")
    other = row.get("counterpart_id")
    ours = {
        "direction": kind,
        "document_type": row.get("type") if kind == RECEIVABLE else "invoice",
        "own_ref": reference(ENTITY, entity_id),
        "counterparty_ref": reference(COUNTERPART, other) if isinstance(other, str) else None,
        "bank_accounts": accounts or None,
    }
    return _raw(reference(kind, identifier), {**record, **ours}, row)


def counterpart_record(row: Row, addresses: Sequence[Row]) -> RawRecord:
    """One counterpart, with the address it is billed at (or its first)."""
    source_id = reference(COUNTERPART, identifier_of(row, "A counterpart"))
    billed = row.get("default_billing_address_id")
    chosen = next((one for one in addresses if one.get("id") == billed), None)
    address = chosen or (addresses[0] if addresses else None)
    ours = {"ref": source_id, "kind": COUNTERPART, "address": address and _cleaned(address)}
    return _raw(source_id, {**_cleaned(row), **ours}, row)


def entity_record(row: Row) -> RawRecord:
    """Our own company. What is personal about a single person is kept apart, to be encrypted."""
    source_id = reference(ENTITY, identifier_of(row, "An entity"))
    record = _cleaned(row)
    person = record.get("individual")
    personal = (
        {name: person.pop(name) for name in _PERSONAL if person.get(name)}
        if isinstance(person, dict)
        else {}
    )
    ours = {"ref": source_id, "kind": ENTITY, "personal_data": personal or None}
    return _raw(source_id, {**record, **ours}, row)


def counterparty(record: Record) -> Counterparty:
    """Translate a record of the `counterparties` stream. Raises ContractDrift when it is none."""
    if not isinstance(record.get("ref"), str):
        raise ContractDrift("A counterparty of Monite has no `ref`.")
    company, person = _group(record, "organization"), _group(record, "individual")
    person_name = " ".join(filter(None, (_text(person, "first_name"), _text(person, "last_name"))))
    address = _group(record, "address")
    street = " ".join(filter(None, (_text(address, "line1"), _text(address, "line2"))))
    parts = {
        "street": street,
        "city": _text(address, "city"),
        "state": _text(address, "state"),
        "postal_code": _text(address, "postal_code"),
    }
    country = _text(address, "country")
    described = company or person
    return Counterparty(
        counterparty_id=record["ref"],
        name=_text(company, "legal_name") or person_name or record["ref"],
        role="own" if record.get("kind") == ENTITY else _role(described),
        country=country if len(country) == 2 and country.isascii() and country.isupper() else None,
        tax_id=_text(record, "tax_id") or None,
        email=_text(described, "email") or _text(record, "email") or None,
        address={part: text for part, text in parts.items() if text},
    )


def _role(described: Mapping[str, Any]) -> str:
    sells, buys = described.get("is_vendor") is True, described.get("is_customer") is True
    if sells == buys:
        return "both"
    return "supplier" if sells else "buyer"


def _raw(source_id: str, record: Record, row: Row) -> RawRecord:
    updated_at = row.get("updated_at")
    ordered = dict(sorted(record.items()))
    return RawRecord(
        source_id,
        strict_json.write(ordered),
        updated_at if isinstance(updated_at, str) else None,
    )


def _cleaned(row: Row) -> Row:
    """A copy in one order, whatever the order it came in, with addresses of files cut at their query."""
    cleaned = _clean(row)
    return cleaned if isinstance(cleaned, dict) else {}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: part.partition("?")[0]
            if name in _FILE_ADDRESSES and isinstance(part, str)
            else _clean(part)
            for name, part in sorted(value.items())
        }
    if isinstance(value, list):
        return [_clean(part) for part in value]
    return value


def _group(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value.strip() if isinstance(value, str) else ""
