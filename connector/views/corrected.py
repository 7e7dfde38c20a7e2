"""A person's correction of a record, as people and programs are shown it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from connector.corrections import from_json, shown
from connector.inbox_actions.correcting import Form, Preview
from connector.store.corrections import Correction
from connector.views.lines import Json, instant, record_number
from mappings import Outcome

DOES_NOT_APPLY = "It does not count now: by this mapping it would change the money, or the record cannot be read."


def correction_line(correction: Correction) -> Json:
    """One correction: what each field was and is by it (as text; no secret is ever among them), who, when and why; and how
    it ended."""
    return {
        "id": correction.id,
        "fields": [
            {"path": each.path, "was": shown(each.was), "now": shown(each.now)}
            for each in from_json(correction.fields)
        ],
        "reason": correction.reason,
        "corrected_by": correction.corrected_by,
        "corrected_at": instant(correction.corrected_at),
        "ended_at": instant(correction.ended_at),
        "ended_by": correction.ended_by,
        "ended_reason": correction.ended_reason,
    }


def form_line(form: Form, corrections: Sequence[Correction]) -> Json:
    """What of a record can be corrected (and why not), what is, and what was: the values as text."""
    return {
        "record": record_number(form.record.id),
        "why_not": None if form.why_not is None else str(form.why_not),
        "fields": [
            {
                "path": each.path,
                "kind": each.kind,
                "targets": list(each.targets),
                "source": shown(each.source),
                "now": shown(each.now),
                "problem": each.problem,
                "why_not": each.why_not,
            }
            for each in form.fields
        ],
        "in_force": next((correction_line(c) for c in corrections if c.ended_at is None), None),
        "ended": [correction_line(c) for c in corrections if c.ended_at is not None],
    }


def preview_line(preview: Preview) -> Json:
    """What a correction would do: its fields, the outcome before and after, what the financing invoice's fields say before
    and after where that differs, and why it is refused (by path; `""` for the record as a whole)."""
    return {
        "fields": [
            {"path": each.path, "was": shown(each.was), "now": shown(each.now)}
            for each in preview.overlay
        ],
        "before": _outcome(preview.before),
        "after": _outcome(preview.after),
        "reads": [
            {
                "field": name,
                "before": _read(was),
                "after": _read(now),
                "is_date": isinstance(was if now is None else now, date),
            }
            for name, was, now in preview.reads
        ],
        "refusals": [
            {"path": path, "problem": refusal.message, "remedy": refusal.remedy}
            for path, refusal in preview.refusals.items()
        ],
    }


def _outcome(outcome: Outcome) -> Json:
    return {
        "kind": outcome.kind.value,
        "reason_code": outcome.reason_code,
        "sentence": outcome.sentence,
        "field_path": outcome.field_path,
    }


def _read(value: Any) -> str | None:
    """What a field says, as text; None for nothing."""
    return None if value is None else str(value)


def correction_text(told: Json) -> str:
    """The same in lines, before the explanation of what became of the record by it."""
    lines = [f"Corrected by {told['corrected_by']} on {told['corrected_at']}: {told['reason']}"]
    lines += [f"  {each['path']}: {each['was']} -> {each['now']}" for each in told["fields"]]
    if not told["applies"]:
        lines.append(f"  {DOES_NOT_APPLY}")
    return "\n".join(lines) + "\n\n"
