"""Files and their PDFs: what the API says about a file, and the storage behind the links."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from flask import Response, g, request

from connector.sandbox.control import reply
from connector.sandbox.ledger import NewObject, StoredObject
from connector.sandbox.monite.bodies import major_text
from connector.sandbox.monite.refusal import InvalidError, RefusalError
from connector.sandbox.monite.world import World, is_uuid, monite_time
from connector.sandbox.tryton.pdf import invoice_pdf
from connector.sandbox.wire import JsonObject

_PDF = "application/pdf"


def printed(body: JsonObject) -> bytes:
    """The PDF of a payable or receivable as it is now."""
    currency, total = body.get("currency") or "USD", body.get("total_amount") or 0
    issued = body.get("issued_at") or body.get("issue_date")
    fields = {
        "number": body.get("document_id"),
        "id": body["id"],
        "reference": body.get("purchase_order") or "none",
        "invoice_date": str(issued)[:10],
        "total_amount": major_text(total, currency),
    }
    due = body.get("due_date")
    return invoice_pdf(fields, currency, [{"maturity_date": due}] if due else [])


def file_body(
    file_id: str, kind: str, name: str, content: bytes, at: str, **hidden: Any
) -> JsonObject:
    """A file as `GET /files/{id}` shows it. `hidden` names get a leading `_`."""
    return {
        "id": file_id,
        "created_at": at,
        "updated_at": at,
        "file_type": kind,
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "mimetype": _PDF,
        "name": name,
        "region": "eu-central-1",
        "s3_bucket": "monite-sandbox",
        "s3_file_path": f"{kind}/{file_id}.pdf",
        "size": len(content),
        "url": f"/storage/files/{file_id}.pdf",
        "_content": base64.b64encode(content).decode(),
        **{f"_{name}": value for name, value in hidden.items()},
    }


def file_of_payable(file: JsonObject) -> JsonObject:
    """The part `file` of a payable."""
    shown = ("id", "created_at", "file_type", "md5", "mimetype", "name", "region", "size", "url")
    return {**{name: file[name] for name in shown}, "pages": [], "previews": []}


def attachment_of_receivable(file: JsonObject) -> JsonObject:
    """One of a receivable's `attachments`."""
    shown = ("id", "mimetype", "name", "size", "url")
    return {**{name: file[name] for name in shown}, "include_in_email": False}


def add_routes(world: World) -> None:
    """Add /v1/files and the storage."""
    app = world.sandbox.app

    @app.get("/v1/files")
    def list_files() -> Response:
        wanted = request.args.getlist("id__in")
        kind = request.args.get("file_type")
        found = [f for f in world.all("file") if _open(f)]
        found = [f for f in found if not wanted or f.id in wanted]
        found = [f for f in found if kind is None or f.body["file_type"] == kind]
        return reply({"data": [world.shown(f.body) for f in found]})

    @app.post("/v1/files")
    def upload() -> Response:
        content, name = uploaded()
        entity = g.token_entity_id or world.settings.entity_id
        stored = store(world, request.form.get("file_type", "payables"), name, content, entity)
        return reply(world.shown(stored.body), 201)

    @app.get("/v1/files/<file_id>")
    def one_file(file_id: str) -> Response:
        stored = world.required("file", file_id)
        if not _open(stored):
            raise RefusalError(404, f"File object at id {file_id} was not found.")
        return reply(world.shown(stored.body))

    @app.get("/storage/<folder>/<name>")
    def storage(folder: str, name: str) -> Response:
        _check_life(world)
        object_id = name.removesuffix(".pdf")
        kind = {"files": "file", "receivables": "receivable"}.get(folder)
        found = world.ledger.get(kind, object_id) if kind and is_uuid(object_id) else None
        if found is None:
            return Response(
                "<Error><Code>NoSuchKey</Code></Error>", 404, content_type="application/xml"
            )
        content = (
            base64.b64decode(found.body["_content"]) if kind == "file" else printed(found.body)
        )
        return Response(content, content_type=_PDF)


def store(world: World, kind: str, name: str, content: bytes, entity_id: str) -> StoredObject:
    """Keep an uploaded file."""
    now = world.now()
    body = file_body(world.new_id("file"), kind, name, content, monite_time(now), entity=entity_id)
    return world.ledger.add("file", NewObject(body["id"], body, now), cause="uploaded")


def uploaded() -> tuple[bytes, str]:
    """(content, name) of the form's `file`. Raises InvalidError."""
    file = request.files.get("file")
    if file is None:
        raise InvalidError(("body", "file"), "field required", "value_error.missing")
    return file.read(), file.filename or "file.pdf"


def _open(stored: StoredObject) -> bool:
    return g.token_entity_id in (None, stored.body["_entity"])


def _check_life(world: World) -> None:
    expires = request.args.get("expires")
    if world.settings.file_link_life_seconds is None:
        return
    if expires is None or not expires.isdigit() or int(expires) <= world.now().timestamp():
        raise RefusalError(403, "The link has expired.")
