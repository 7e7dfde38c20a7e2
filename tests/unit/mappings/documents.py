"""Small mapping documents, made of a whole one with parts replaced."""

from __future__ import annotations

PARTS = {
    "head": (
        'description = "A test."\nsystem = "books"\nstream = "invoices"\nfinancier = "hosted_session"\n'
    ),
    "options": '[options.goods]\nsentence = "Kind of goods."\ndefault = "other"\n',
    "tables": '[tables.direction]\nout = "receivable"\nin = "payable"\n',
    "record": (
        "[record]\n"
        'number = "text"\nreference = "text"\ntype = "text"\nstatus = "text"\ncurrency = "text"\n'
        'total = "decimal"\ncents = "integer"\ndue = "date"\nissued = "date"\ncreated = "timestamp"\n'
        'days = "integer"\nurgent = "yes_or_no"\nlines = "list"\n"lines[].amount" = "decimal"\n'
        'party = "group"\nmetadata = "labels"\ndates = "list"\n'
    ),
    "totals": '[totals]\ncurrency = "currency | currency_code"\namount = "cents | minor_units"\n',
    "fields": (
        "[fields]\n"
        'direction = "constant(\'payable\')"\ninvoice_number = "number"\n'
        'currency = "currency | currency_code"\namount = "cents | minor_units"\n'
        'due_date = "due | date"\nbuyer = "constant(\'us\')"\nsupplier = "constant(\'them\')"\n'
    ),
    "rules": "",
}

RECORD = {"number": "A1", "currency": "USD", "cents": 100, "due": "2026-12-01"}


def document(**replaced: str) -> str:
    """A whole document; each part may be replaced by other text."""
    return "\n".join({**PARTS, **replaced}.values())


def with_fields(**fields: str) -> str:
    """A whole document with other expressions for some of its fields."""
    lines = dict(line.split(" = ", 1) for line in PARTS["fields"].splitlines()[1:])
    for name, expression in fields.items():
        lines[name] = f'"{expression}"'
    return document(fields="[fields]\n" + "\n".join(f"{k} = {v}" for k, v in lines.items()))
