"""Invoices: search and filters that live in the address, sums of the selection, export, and the life of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from flask import Blueprint, Response, render_template, request

from connector.bootstrap import Program
from connector.console import here
from connector.console.exporting import csv_file, json_file
from connector.console.queries import Query, filters_only, url_with
from connector.console.selecting import LABELS, OUTCOMES, STATES, STATUSES, selection
from connector.errors import NotFound
from connector.store.reading import RecordRow
from connector.store.reading_invoices import Selection, summed
from connector.store.transaction import Transaction
from connector.views import find_record
from connector.views.invoices import everything, invoice_line, sum_line
from connector.views.lines import Json
from connector.views.undecided import undecided_sentence
from mappings.currencies import NO_CURRENCY

page = Blueprint("invoices", __name__, url_prefix="/invoices")

PAGE_SIZE = 50
_RECORD_NUMBER = re.compile(r"r[1-9][0-9]{0,16}")

CSV_COLUMNS = (
    ("record", lambda line: line["record"]),
    ("connection", lambda line: line["connection"]),
    ("source_id", lambda line: line["source_id"]),
    ("invoice_number", lambda line: line["invoice_number"]),
    ("direction", lambda line: line["direction"]),
    ("counterparty_id", lambda line: line["counterparty_id"]),
    ("counterparty", lambda line: line["counterparty"]),
    ("due_date", lambda line: line["due_date"]),
    ("currency", lambda line: line["currency"]),
    ("amount", lambda line: line["amount"]),
    ("outcome", lambda line: line["outcome"]),
    ("reason_code", lambda line: line["reason_code"]),
    ("sentence", lambda line: line["sentence"]),
    ("financier", lambda line: line["financier"]),
    ("client_reference_id", lambda line: line["client_reference_id"]),
    ("state", lambda line: line["state"]),
    ("status", lambda line: line["status"]),
    ("amount_offered", lambda line: line["offered"] and line["offered"]["amount"]),
)
FIGURES = frozenset({"amount", "amount_offered"})


@page.get("")
def listing() -> str:
    """The list."""
    program, query = here.program(), Query()
    chosen = selection(query, program)
    before = query.number("before")
    with here.read() as tx:
        lines = tx.invoices.page(chosen, before, PAGE_SIZE)
        if not lines and len(chosen.words) == 1:
            remote = replace(chosen, words=(), remote_invoice_id=chosen.words[0])
            lines = tx.invoices.page(remote, before, PAGE_SIZE)
            chosen = remote if lines else chosen
        whole = before is None and len(lines) < PAGE_SIZE
        sums = summed(lines) if whole else tx.invoices.sums(chosen)
        total = sum(each.count for each in sums)
        currencies = tx.invoices.currencies()
        undecided = [] if lines or filters_only() else _undecided(tx, program)
    active = filters_only()
    more = set(active) & {"state", "financier", "reason_code", "amount_from", "amount_to"}
    return render_template(
        "invoices.html",
        lines=[invoice_line(line) for line in lines],
        sums=[sum_line(each) for each in sums],
        total=total,
        next_url=url_with(before=lines[-1].record_id) if len(lines) == PAGE_SIZE else None,
        first_url=url_with(before=None) if before is not None else None,
        values=request.args,
        active=active,
        labels=LABELS,
        problems=query.problems,
        undecided=undecided,
        more_open=bool(more),
        choices={
            "connection": list(program.config.connections),
            "financier": list(program.config.financiers),
            "outcome": OUTCOMES,
            "state": STATES,
            "status": STATUSES,
            "currency": sorted({*currencies, *(each.currency for each in sums)} - {NO_CURRENCY}),
        },
    )


def _undecided(tx: Transaction, program: Program) -> list[str]:
    """Why no invoice is listed although some were read: a sentence for each connection of which that is true."""
    found = []
    for name, connection in program.config.connections.items():
        count = tx.invoices.undecided(name, program.mapped_stream(name))
        if count:
            found.append(
                undecided_sentence(
                    name,
                    count,
                    has_flow=program.flow_of(name) is not None,
                    is_editable=connection.file is not None,
                )
            )
    return found


@page.get("/export.<kind>")
def export(kind: str) -> Response:
    """The whole selection as a file."""
    if kind not in ("csv", "json"):
        raise NotFound("Invoices are exported as csv or json.")
    program = here.program()
    lines = _all_lines(program, selection(Query(), program))
    if kind == "csv":
        return csv_file("invoices", CSV_COLUMNS, FIGURES, lines)
    return json_file("invoices", lines)


def _all_lines(program: Program, chosen: Selection) -> Iterator[Json]:
    """Every line of a selection as of one moment; the transaction ends with the file."""
    with program.database.read() as tx:
        for line in tx.invoices.export(chosen):
            yield invoice_line(line)


@page.get("/<path:word>")
def life(word: str) -> str:
    """The life of one invoice, by client reference, the source's identifier, or our record number (r16)."""
    program = here.program()
    with here.read() as tx:
        record = _record(tx, word)
        decider = program.decider(record.connection)
        shown = everything(
            tx, record, decider=decider, secret_fields=_secret_fields(program, record.connection)
        )
    return render_template("invoice.html", life=shown, line=shown["line"])


@page.get("/<path:word>/documents/<int:document_id>")
def document(word: str, document_id: int) -> Response:
    """A file of an invoice, to be saved; never shown in place, because it came from elsewhere."""
    with here.read() as tx:
        record = _record(tx, word)
        found = tx.documents.get(document_id)
    if found.record_id != record.id:
        raise NotFound(f"Document {document_id} does not belong to this invoice.")
    answer = Response(found.content, content_type="application/octet-stream")
    safe = "".join(c if c.isalnum() or c in "._- " else "_" for c in found.name)[:120] or "document"
    answer.headers.set("Content-Disposition", "attachment", filename=safe)
    return answer


def _record(tx: Transaction, word: str) -> RecordRow:
    """The record meant; our own number first, because every link of these pages is made of it."""
    if _RECORD_NUMBER.fullmatch(word):
        with suppress(NotFound):
            return tx.records.get(int(word[1:]))
    return find_record(tx, word)


def _secret_fields(program: Program, connection: str) -> tuple[str, ...]:
    system = program.systems.get(connection)
    if system is None:
        return ()
    return tuple({name for stream in system.streams for name in stream.secret_fields})
