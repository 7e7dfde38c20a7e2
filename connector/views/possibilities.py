"""What may be done about one invoice now, and why not where it may not."""

from __future__ import annotations

from dataclasses import dataclass

from connector.deciding import EXCLUDED_BY_PERSON
from connector.financier import CancelsSessions, Financier, FinancingStatus, OffersWidget
from connector.store.financing_rows import FinancingRow
from connector.store.reading import RecordRow

NOT_HANDED_IN = (None, FinancingStatus.DRAFT, FinancingStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Possible:
    """An act and what it needs; `why_not` is None where it is possible now."""

    act: str
    permission: str
    why_not: str | None = None


def possibilities(
    record: RecordRow, financing: FinancingRow | None, financier: Financier | None
) -> dict[str, Possible]:
    """Every act by its name: `request`, `reopen`, `open`, `widget`, `cancel`, `attach`, `exclude`, `include`, `retry`,
    `correct`."""
    found = (
        Possible("request", "financing.request", _why_no_request(record, financing)),
        Possible("reopen", "financing.request", _why_no_reopening(financing)),
        Possible("open", "invoices.read", _why_no_open(financing)),
        Possible("widget", "financing.request", _why_no_widget(financing, financier)),
        Possible("cancel", "financing.cancel", _why_no_cancel(financing, financier)),
        Possible("attach", "documents.attach", None),
        Possible("exclude", "records.correct", _why_no_exclusion(record, financing)),
        Possible("include", "records.correct", _why_no_inclusion(record)),
        Possible("retry", "records.correct", None),
        Possible("correct", "records.correct", _why_no_correction(record, financing)),
    )
    return {each.act: each for each in found}


def _why_no_request(record: RecordRow, financing: FinancingRow | None) -> str | None:
    if financing is None or financing.state == "withdrawn":
        return f"The invoice is {record.outcome_kind}: only a mapped one can be financed."
    if financing.state == "ready":
        return None
    return f"Its financing is {financing.state} already."


def _why_no_reopening(financing: FinancingRow | None) -> str | None:
    if financing is not None and financing.may_open_session:
        return None
    return "Only where a session was canceled or has expired."


def _why_no_open(financing: FinancingRow | None) -> str | None:
    if financing is None or financing.session_url is None:
        return "No session was opened yet."
    if financing.session_status != "open":
        return f"The session is {financing.session_status}."
    return None


def _why_no_widget(financing: FinancingRow | None, financier: Financier | None) -> str | None:
    if not isinstance(financier, OffersWidget):
        return "This financier has no widget."
    if financing is None or financing.remote_invoice_id is None:
        return "The financier does not know the invoice yet."
    return None


def _why_no_cancel(financing: FinancingRow | None, financier: Financier | None) -> str | None:
    if financing is None or financing.remote_session_id is None:
        return "No session was opened yet."
    if not isinstance(financier, CancelsSessions):
        return "This financier lets a session be canceled on its own page only."
    if financing.session_status not in ("open", "unknown"):
        return f"The session is {financing.session_status}."
    if financing.status not in NOT_HANDED_IN:
        return "The application was handed in already; it is settled with the financier."
    return None


def _why_no_exclusion(record: RecordRow, financing: FinancingRow | None) -> str | None:
    if financing is not None and financing.is_sent:
        return "It was sent to the financier already."
    if record.outcome_kind == "excluded":
        return "It is left out already."
    return None


def _why_no_correction(record: RecordRow, financing: FinancingRow | None) -> str | None:
    if financing is not None and financing.is_sent:
        return "It was sent to the financier already."
    if record.outcome_kind == "excluded":
        return "It is left out."
    return None


def _why_no_inclusion(record: RecordRow) -> str | None:
    if record.reason_code == EXCLUDED_BY_PERSON:
        return None
    return "Nobody left it out."
