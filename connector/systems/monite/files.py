"""The invoice's own file: what a payable was made from, or the PDF that Monite prints of a receivable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.errors import NotFound, Refused
from connector.system import SourceDocument
from connector.systems.monite.client import MoniteClient, path_of
from connector.systems.monite.records import COLLECTIONS, PAYABLE

_FORMATS = {b"%PDF": "pdf", b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}


def invoice_document(
    client: MoniteClient, kind: str, identifier: str, max_bytes: int
) -> SourceDocument | None:
    """The file, None where there is none. A larger one, or one that is no PDF, JPEG or PNG, is passed over.

    A link is asked for anew every time: how long one works is not documented. Raises Refused when it leads to a host
    that is not allowed.
    """
    for name, url in _links(client, kind, identifier):
        content = _fetched(client, url)
        file_format = next((f for start, f in _FORMATS.items() if content.startswith(start)), None)
        if file_format is not None and len(content) <= max_bytes:
            return SourceDocument(
                name=name or f"{identifier}.{file_format}", file_format=file_format, content=content
            )
    return None


def _links(client: MoniteClient, kind: str, identifier: str) -> Iterator[tuple[str, str]]:
    """(name, address) of the files that may be it, the likeliest first."""
    path = path_of(COLLECTIONS[kind], identifier)
    row = client.row(path)
    if kind == PAYABLE:
        file = row.get("file")
        listed: list[Any] = [file] if isinstance(file, dict) else []
    else:
        listed = [{"name": "", "url": url} for url in _printed(client, path)]
        listed += [one for one in row.get("attachments") or () if isinstance(one, dict)]
    for one in listed:
        if isinstance(one.get("url"), str) and one["url"]:
            yield str(one.get("name") or ""), one["url"]


def _printed(client: MoniteClient, path: str) -> list[str]:
    try:
        links = client.row(f"{path}/pdf_link")
    except NotFound:
        return []
    found = (links.get("file_url"), links.get("original_file_url"))
    return list(dict.fromkeys(url for url in found if isinstance(url, str) and url))


def _fetched(client: MoniteClient, url: str) -> bytes:
    try:
        # Without our token: the storage is not the API, and the link is its own key.
        reply = client.transport.request("GET", url, safe=True, accept="*/*", authorized=False)
    except Refused as error:
        if error.http_status is None:
            raise Refused(
                error.message,
                remedy="If Monite keeps its files there, add that host to `file_urls`.",
            ) from None
        raise
    return reply.body
