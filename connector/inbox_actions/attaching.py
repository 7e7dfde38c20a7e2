"""Attach the file that proves an invoice, or one that supports its application."""

from __future__ import annotations

from connector.deciding import DOCUMENT_MISSING
from connector.documents import check
from connector.errors import RecordRejected
from connector.financier import DOCUMENT_PURPOSES
from connector.inbox_actions.deciding_anew import DecideAnew
from connector.inbox_actions.excluding import subject
from connector.store.database import Database
from connector.system import SourceDocument

BEGINNINGS = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
}
"""How a file of each format begins. A PDF may have some bytes before its header."""
LONGEST_NAME = 200


def document_of(name: str, content: bytes) -> SourceDocument:
    """A file that somebody gave, by its name. Raises RecordRejected for one that no financier would take, or whose
    content is not what its name says."""
    plain = name.replace("\\", "/").rpartition("/")[2].replace("\0", "").strip()[-LONGEST_NAME:]
    stem, dot, suffix = plain.rpartition(".")
    document = SourceDocument(plain, suffix.lower() if dot and stem else "", content)
    check(document)
    _check_content(document)
    return document


def _check_content(document: SourceDocument) -> None:
    beginnings = BEGINNINGS.get(document.file_format)
    if beginnings is not None:
        within = document.content[:1024]
        is_right = any(
            begin in within if document.file_format == "pdf" else within.startswith(begin)
            for begin in beginnings
        )
    else:
        is_right = b"\0" not in document.content
    if not is_right:
        raise RecordRejected(
            f"The file is called {document.file_format}, but its content is something else.",
            field_path="document",
            remedy="Attach the file as it was made, without changing its name's ending.",
        )


class Attaching:
    """Attaches files by hand."""

    def __init__(self, database: Database, decide_anew: DecideAnew) -> None:
        self._database = database
        self._decide_anew = decide_anew

    def attach(
        self, record_id: int, document: SourceDocument, *, by: str, purpose: str = "invoice"
    ) -> int:
        """Keep the file; an invoice that waited for it goes on. Gives its identifier. Raises NotFound, and
        RecordRejected for a purpose or a file that is not accepted."""
        if purpose not in DOCUMENT_PURPOSES:
            raise RecordRejected(
                f"There is no purpose {purpose[:40]!r}.",
                field_path="purpose",
                remedy=f"One of: {', '.join(DOCUMENT_PURPOSES)}.",
            )
        check(document)
        with self._database.write() as tx:
            record = tx.records.get(record_id)
            document_id = tx.documents.add(
                record.id,
                document.name,
                document.file_format,
                document.content,
                origin="hand",
                by=by,
                purpose=purpose,
            )
            detail = {"name": document.name, "purpose": purpose}
            tx.audit.append(by, "document.attached", subject(record), detail)
        if record.reason_code == DOCUMENT_MISSING:
            self._decide_anew(record.connection, [record.id])
        return document_id
