"""Mapping documents and their trials as plain values, for commands, pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.store.mapping_documents import MappingDocument
from connector.store.mapping_examples import GoldenExample
from connector.store.mapping_trials import Trial
from connector.store.mappings import MappingVersion
from connector.store.transaction import Transaction
from connector.views.lines import instant


def mapping_document(document: MappingDocument) -> dict[str, Any]:
    """One version of one layer's document, without its text."""
    return {
        "document": document.id,
        "subject": f"{document.layer}:{document.name}",
        "layer": document.layer,
        "name": document.name,
        "version": document.version_no,
        "title": document.title,
        "state": document.state,
        "created_at": instant(document.created_at),
        "created_by": document.created_by,
        "approved_at": instant(document.approved_at),
        "approved_by": document.approved_by,
        "activated_at": instant(document.activated_at),
        "activated_by": document.activated_by,
        "based_on": document.based_on,
        "note": document.note,
        "sha256": document.sha256,
    }


def mapping_version(version: MappingVersion) -> dict[str, Any]:
    """What decides for a connection, without its text."""
    return {
        "connection": version.name,
        "version": version.version_no,
        "state": version.state,
        "layers": list(version.layers),
        "activated_at": instant(version.activated_at),
        "remap_since": None if version.remap_since is None else version.remap_since.isoformat(),
        "remapped_at": instant(version.remapped_at),
        "sha256": version.sha256,
    }


def trial(found: Trial) -> dict[str, Any]:
    """A back-test or shadow run, without its report."""
    return {
        "trial": found.id,
        "kind": found.kind,
        "document": found.document_id,
        "connection": found.connection,
        "active_version_id": found.active_version_id,
        "state": found.state,
        "scope": dict(found.scope),
        "started_at": instant(found.started_at),
        "started_by": found.started_by,
        "until": instant(found.until),
        "finished_at": instant(found.finished_at),
        "records": found.records,
        "error": found.error,
    }


def gist(report: Mapping[str, Any] | None) -> str:
    """The headline of a back-test: what comes out otherwise, worse, and of invoices that were sent already."""
    if report is None:
        return "It was not back-tested beside the mapping in force."
    counts, records = report["counts"], report["records"]
    if not counts["changed"]:
        return f"None of {_counted(records, 'record')} would come out otherwise."
    touched = counts["touched"]
    return (
        f"{counts['changed']:,} of {_counted(records, 'record')} would come out otherwise: "
        f"{_do(counts['became_eligible'], 'become')} eligible, {_do(counts['stopped'], 'stop')} being so, "
        f"{_do(counts['worse'], 'come')} out worse. {_counted(touched, 'change') if touched else 'None'} "
        f"{'touches' if touched < 2 else 'touch'} an invoice that was sent already."
    )


def needs_a_look(report: Mapping[str, Any] | None) -> bool:
    """Whether a person should have read a back-test before what it says comes true."""
    return report is None or bool(report["counts"]["worse"] or report["counts"]["touched"])


def said_once(report: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The changes that a report lists: `touched` of invoices that were sent already, `changed` of all the others."""
    lists = report["lists"]
    return {
        "touched": lists["touched"],
        "changed": [entry for entry in lists["changed"] if entry["state"] is None],
    }


REASONS = ("reason_code", "field_path")
"""What a report counts beside the fields of an invoice; the sentence of the outcome says it to people."""


def records_of_report(
    tx: Transaction, connection: str, stream: str, report: Mapping[str, Any] | None
) -> dict[str, int]:
    """Our number of each record that the report names, by its key."""
    if report is None:
        return {}
    keys = {entry["key"] for listed in report["lists"].values() for entry in listed[:200]}
    keys |= {e["key"] for found in report["fields"].values() for e in found["examples"]}
    return tx.records.ids_of(connection, stream, sorted(keys))


def invoice_numbers(tx: Transaction, ids: Mapping[str, int]) -> dict[str, str]:
    """The number of each invoice that has one, by the record's key."""
    lines = tx.invoices.of_records(list(ids.values()))
    found = {key: lines[i].invoice_number for key, i in ids.items() if i in lines}
    return {key: number for key, number in found.items() if number}


def _do(number: int, verb: str) -> str:
    return f"{number:,} {verb}{'s' if number == 1 else ''}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def golden_example(example: GoldenExample) -> dict[str, Any]:
    """A pinned or proposed example, without the record."""
    return {
        "connection": example.connection,
        "name": example.name,
        "version": example.version_no,
        "state": example.state,
        "document": example.document_id,
        "record": example.source_id,
        "today": example.today.isoformat(),
        "expected": dict(example.expected),
        "by": example.created_by,
        "created_at": instant(example.created_at),
    }
