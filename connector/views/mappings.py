"""Mapping documents and their trials as plain values, for commands, pages and the API."""

from __future__ import annotations

from typing import Any

from connector.store.mapping_documents import MappingDocument
from connector.store.mapping_examples import GoldenExample
from connector.store.mapping_trials import Trial
from connector.store.mappings import MappingVersion
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
