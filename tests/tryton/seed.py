"""Fill an empty Tryton database for the tests. Run as a program of its own: `python seed.py CONFIG DATABASE INVOICES`.

It is the only file that imports Tryton (GPL-3): the product and the tests themselves speak to it over HTTP.
Prints one JSON object with the identifiers the tests need.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
from decimal import Decimal
from typing import Any

from proteus import Model, config  # type: ignore[import-untyped]
from sql import Null, Table  # type: ignore[import-untyped]
from trytond.modules.account.tests.tools import (  # type: ignore[import-untyped]
    create_chart,
    create_fiscalyear,
    get_accounts,
)
from trytond.modules.account_invoice.tests.tools import (  # type: ignore[import-untyped]
    set_fiscalyear_invoice_sequences,
)
from trytond.modules.company.tests.tools import create_company  # type: ignore[import-untyped]
from trytond.transaction import Transaction  # type: ignore[import-untyped]

TODAY = dt.datetime.now(dt.UTC).date()
PASSWORD = "sandbox-password-not-secret"
CURRENCIES = (
    ("USD", "1", "0.01", 2),
    ("EUR", "0.9", "0.01", 2),
    ("GBP", "0.8", "0.01", 2),
    ("JPY", "150", "1", 0),
)
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def currencies() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for code, rate, rounding, digits in CURRENCIES:
        currency = Model.get("currency.currency")(name=code, code=code, digits=digits)
        currency.rounding = Decimal(rounding)
        currency.rates.new(date=dt.date(2020, 1, 1), rate=Decimal(rate))
        currency.save()
        made[code] = currency
    return made


def companies(made: dict[str, Any]) -> list[Any]:
    """Two companies, the first with a chart of accounts and a fiscal year around today."""
    for name in ("Our Company GmbH", "Our Second Company Ltd"):
        party = Model.get("party.party")(name=name)
        party.save()
        create_company(party=party, currency=made["USD"])
    found: list[Any] = Model.get("company.company").find([], order=[("id", "ASC")])
    admin = Model.get("res.user")(1)
    del admin.companies[:]
    admin.companies.extend(Model.get("company.company")(c.id) for c in found)
    admin.company, admin.company_filter = admin.companies[0], "all"
    admin.save()
    config.get_config()._context = Model.get("res.user").get_preferences(True, {})
    config.get_config()._context["company"] = found[0].id
    create_chart(found[0])
    span = (TODAY.replace(day=1) - dt.timedelta(days=200), TODAY + dt.timedelta(days=200))
    fiscal = create_fiscalyear(found[0], (span[0].replace(day=1), span[1].replace(day=28)))
    set_fiscalyear_invoice_sequences(fiscal)
    fiscal.click("create_period")
    return found


def exchange_accounts(company: Any, accounts: dict[str, Any]) -> None:
    """Postings in a foreign currency need somewhere to put the rounding."""
    settings = Model.get("account.configuration")(1)
    journal = Model.get("account.journal")(name="Exchange", type="write-off")
    journal.save()
    settings.currency_exchange_journal = journal
    settings.currency_exchange_credit_account = accounts["revenue"]
    settings.currency_exchange_debit_account = accounts["expense"]
    settings.save()


def parties() -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {"customers": [], "suppliers": []}
    country = Model.get("country.country")(name="Germany", code="DE")
    country.save()
    for kind, names in (
        ("customers", ("Customer Alpha GmbH", "Customer Beta Ltd", "Customer Gamma 株式会社")),
        ("suppliers", ("Supplier Delta AG", "Supplier Epsilon SpA")),
    ):
        for name in names:
            party = Model.get("party.party")(name=name)
            party.addresses[0].street = "1 Main Street"
            party.addresses[0].city = "Berlin"
            party.addresses[0].postal_code = "10115"
            party.addresses[0].country = country
            mechanism = party.contact_mechanisms.new(type="email")
            mechanism.value = f"{name.split()[1].lower()}@example.com"
            party.save()
            made[kind].append(party)
    return made


def payment_terms() -> list[Any]:
    made = []
    for name, days in (("30 days", (30,)), ("30 and 60 days", (30, 60)), ("Past", (-20,))):
        term = Model.get("account.invoice.payment_term")(name=name)
        for place, count in enumerate(days):
            last = place == len(days) - 1
            line = term.lines.new(type="remainder" if last else "percent")
            if not last:
                line.ratio = Decimal("0.5")
            line.relativedeltas.new(days=count)
        term.save()
        made.append(term)
    return made


def users(found: list[Any]) -> dict[str, int]:
    """The connector's user; two for whom Tryton hides companies' rows; one without the group."""
    groups = Model.get("res.group").find([("name", "=", "Accounting")])
    made = {}
    for login, company_filter, assigned, grouped in (
        ("connector", "all", found, True),
        ("narrow", "one", found, True),
        ("nowhere", "one", [], True),
        ("stranger", "all", found, False),
    ):
        user = Model.get("res.user")(name=login, login=login, password=PASSWORD)
        user.companies.extend(Model.get("company.company")(c.id) for c in assigned)
        user.company = user.companies[-1 if login == "narrow" else 0] if assigned else None
        user.company_filter = company_filter
        if grouped:
            user.groups.extend(Model.get("res.group")(g.id) for g in groups)
        user.save()
        made[login] = user.id
    return made


def invoice_values(
    kind: str, number: int, company: Any, party: Any, currency: Any, accounts: dict[str, Any]
) -> dict[str, Any]:
    chance = random.Random(f"{kind}{number}")
    amount = Decimal(chance.randint(10_00, 90_000_00)).scaleb(-2)
    if currency.digits == 0:
        amount = amount.quantize(Decimal(1))
    journal_type = "revenue" if kind == "out" else "expense"
    journal = Model.get("account.journal").find([("type", "=", journal_type)], limit=1)[0]
    return {
        "type": kind,
        "company": company.id,
        "party": party.id,
        "invoice_address": party.addresses[0].id,
        "currency": currency.id,
        "journal": journal.id,
        "account": accounts["receivable" if kind == "out" else "payable"].id,
        "reference": f"{'PO' if kind == 'out' else 'SUP'}-{currency.code}-{number:05d}",
        "invoice_date": TODAY - dt.timedelta(days=chance.randint(1, 20)),
        "lines": [
            (
                "create",
                [
                    {
                        "type": "line",
                        "company": company.id,
                        "currency": currency.id,
                        "account": accounts["revenue" if kind == "out" else "expense"].id,
                        "description": "Goods",
                        "quantity": 1,
                        "unit_price": amount,
                    }
                ],
            )
        ],
    }


def invoices(
    count: int, company: Any, made: dict[str, Any], who: dict[str, list[Any]]
) -> list[int]:
    accounts = get_accounts(company)
    terms = payment_terms()
    codes = [code for code, *_ in CURRENCIES]
    rows = []
    for number in range(count):
        kind = "out" if number % 3 else "in"
        group = who["customers" if kind == "out" else "suppliers"]
        party = group[number % len(group)]
        values = invoice_values(
            kind, number, company, party, made[codes[number % len(codes)]], accounts
        )
        values["payment_term"] = terms[number % len(terms)].id
        rows.append(values)
    proxy = config.get_config().get_proxy("account.invoice")
    created: list[int] = proxy.create(rows, config.get_config().context)
    return created


def settle(ids: list[int], company: Any) -> dict[str, list[int]]:
    """Post most, pay some in full and some in part, cancel one, leave the rest as drafts."""
    accounts = get_accounts(company)
    cash = Model.get("account.journal").find([("type", "=", "cash")])[0]
    method = Model.get("account.invoice.payment.method")(name="Cash", journal=cash)
    method.company = company
    method.credit_account = accounts["cash"]
    method.debit_account = accounts["cash"]
    method.save()
    posted, drafts = ids[: len(ids) * 2 // 5], ids[len(ids) * 2 // 5 :]
    context = config.get_config().context
    proxy = config.get_config().get_proxy("account.invoice")
    proxy.post(posted, context)
    found = Model.get("account.invoice").find([("id", "in", posted)])
    usd = [invoice for invoice in found if invoice.currency.code == "USD"]
    for place, invoice in enumerate(usd[:4]):
        pay = invoice.click("pay")
        if place >= 2:
            pay.form.amount = Decimal("5.00")
        pay.form.payment_method = method
        pay.execute("choice")
        if pay.state == "ask":
            pay.form.type = "partial"
            pay.execute("pay")
    proxy.cancel([drafts[0]], context)
    return {"posted": posted, "drafts": drafts[1:], "cancelled": drafts[:1]}


def attachments(ids: list[int]) -> None:
    """A PDF beside a newer text file, a scan, and an invoice with nothing but a text file."""
    files = [
        (ids[0], "invoice.pdf", PDF),
        (ids[0], "terms.txt", b"not the invoice"),
        (ids[0], "delivery note.pdf", PDF.replace(b"Catalog", b"CatalogX")),
        (ids[1], "scan.JPG", b"\xff\xd8\xff\xe0 a scan"),
        (ids[2], "notes.txt", b"no document here"),
    ]
    rows = [
        {"resource": f"account.invoice,{key}", "name": name, "type": "data", "data": data}
        for key, name, data in files
    ]
    config.get_config().get_proxy("ir.attachment").create(rows, config.get_config().context)


def make_older(database: str, ids: list[int]) -> None:
    """Five days of history instead of seconds. As after real bulk posts, many invoices share a write_date."""
    with Transaction().start(database, 0) as transaction:
        cursor = transaction.connection.cursor()
        invoice, line = Table("account_invoice"), Table("account_move_line")
        for place in range(5):
            at = dt.datetime.combine(TODAY, dt.time(8, 0, 0, 123456)) - dt.timedelta(days=5 - place)
            keys = ids[place::5]
            cursor.execute(
                *invoice.update(
                    [invoice.create_date, invoice.write_date], [at, at], where=invoice.id.in_(keys)
                )
            )
        cursor.execute(*line.update([line.write_date], [at], where=line.write_date != Null))


def main(config_file: str, database: str, count: int) -> None:
    config.set_trytond(database, config_file=config_file)
    config.get_config().skip_warning = True
    made = currencies()
    found = companies(made)
    who = parties()
    exchange_accounts(found[0], get_accounts(found[0]))
    ids = invoices(count, found[0], made, who)
    settled = settle(ids, found[0])
    attachments(ids)
    make_older(database, ids)
    result = {"users": users(found), "companies": [c.id for c in found], **settled}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
