"""A one-page PDF of an invoice, the same bytes for the same invoice. Written out by hand: no clock, no fonts."""

from __future__ import annotations

from connector.sandbox.wire import JsonObject


def invoice_pdf(body: JsonObject, currency: str, lines: list[JsonObject]) -> bytes:
    """The document of an invoice as its sender would have printed it."""
    due = ", ".join(str(line["maturity_date"]) for line in lines) or "none"
    texts = (
        f"Invoice {body['number'] or body['id']} (sandbox, not a real document)",
        f"Reference {body['reference']}",
        f"Date {body['invoice_date']}, due {due}",
        f"Total {body['total_amount']} {currency}",
    )
    shown = "\n".join(f"({_escaped(text)}) Tj 0 -24 Td" for text in texts)
    stream = f"BT /F1 14 Tf 60 760 Td\n{shown}\nET".encode("ascii", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return made + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, len(made))
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", r"\(").replace(")", r"\)")
