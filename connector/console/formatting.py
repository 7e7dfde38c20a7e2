"""How figures, dates and words look on a page: Jinja filters and globals, without any markup.

Dates are written so that nobody can misread them (3 Nov 2026), instants in UTC and said to be so, amounts with all
the decimals of their currency and a comma between thousands.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from flask import Flask

from connector.console import here
from mappings.currencies import EXPONENTS
from mappings.money import to_text

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

TONES = {
    "good": "finished checked backtested mapped submitted approved funded repaid done ok succeeded complete active found sent",
    "wait": "held parked backing_off paused information_required awaiting_signatures overdue interrupted returning "
    "unknown unclear quarantined expired withdrawn_by_person drifted",
    "bad": "rejected declined defaulted failed dead reconnect drift damaged refused",
    "info": "ready submitting sending pending received running draft open new approved_by_person",
}
"""Words of state by the tone of their badge; a word that is not here is quiet."""
_TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}

LABELS = {
    "backing_off": "trying again",
    "reconnect": "reconnect",
    "drift": "answers changed shape",
    "look_up": "look-up",
    "write_status": "write status",
    "ok": "working",
    "unsupported": "not taken there",
    "stopped": "submission stopped",
    "backtest": "back-test",
    "backtested": "back-tested",
}
"""Words that read better otherwise on a page; every other word is shown with spaces for its underscores."""


ACTORS = {
    "connector": "the connector",
    "configuration": "the configuration",
    "operator": "an operator",
}
ACTORS_OF = {
    "token": "API token {}",
    "provider": "single sign-on of {}",
    "operator": "{} (terminal)",
}
"""Who is no person, and who is not called by a name alone."""


def tone(word: str | None) -> str:
    """The tone of a word of state: good, wait, bad, info or quiet."""
    return _TONE_OF.get(word or "", "quiet")


def label(word: str | None) -> str:
    """A word of ours as people read it; a dash for none."""
    if not word:
        return "\N{EN DASH}"
    return LABELS.get(word, word.replace("_", " "))


def grouped(amount: str | None) -> str:
    """A decimal text with a comma between thousands; the empty text for None."""
    if amount is None:
        return ""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, point, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def major(amount_minor_units: int, currency: str) -> str:
    """An amount in major units, grouped; in minor units as they are where the currency is not one of ISO 4217."""
    if currency not in EXPONENTS:
        return f"{amount_minor_units:,}"
    return grouped(to_text(amount_minor_units, currency))


def who(actor: str | None) -> str:
    """Who did it, as people call them: `person:ana@example.com` is ana@example.com, `token:3f…` the API token 3f…"""
    kind, mark, name = (actor or "").partition(":")
    if not mark:
        return ACTORS.get(kind, kind)
    return ACTORS_OF.get(kind, "{}").format(name)


def count(number: int) -> str:
    """A whole number with a comma between thousands."""
    return f"{number:,}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 invoice`, `12,000 invoices`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(value: date | str | None) -> str:
    """`3 Nov 2026`; the empty text for None. Text is an ISO date or instant; other text is given back."""
    found = _read(value)
    if found is None:
        return "" if value is None else str(value)
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def moment(value: datetime | str | None) -> str:
    """`3 Nov 2026, 09:30 UTC`; the empty text for None."""
    found = _read(value)
    if not isinstance(found, datetime):
        return day(value)
    return f"{day(found)}, {found.hour:02}:{found.minute:02} UTC"


def as_told(text: str) -> str:
    """An instant as another system tells it: UTC is said only where it says its zone."""
    found = _read(text)
    if not isinstance(found, datetime):
        return day(text)
    has_zone = datetime.fromisoformat(text).tzinfo is not None
    return moment(found) if has_zone else moment(found).removesuffix(" UTC")


def exact(value: datetime | str | None) -> str:
    """The instant in ISO 8601 to the second, for the `datetime` of a <time>."""
    found = _read(value)
    if isinstance(found, datetime):
        return found.strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if found is None else found.isoformat()


def ago(value: datetime | str | None) -> str:
    """How long ago, or how soon, in one rounded unit: `4 minutes ago`, `in 2 hours`, `just now`."""
    found = _read(value)
    if not isinstance(found, datetime):
        return ""
    seconds = int((here.program().clock.now() - found).total_seconds())
    if abs(seconds) < 45:
        return "just now" if seconds >= 0 else "in a moment"
    size, unit = next(
        (size, unit)
        for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
        if abs(seconds) >= size or size == 1
    )
    said = plural(max(1, round(abs(seconds) / size)), unit)
    return f"{said} ago" if seconds > 0 else f"in {said}"


def duration(milliseconds: int | None) -> str:
    """`420 ms`, `2.1 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `5 min`; the empty text for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 10_000:
        return f"{milliseconds // 1000}.{milliseconds % 1000 // 100} s"
    minutes, rest = divmod(milliseconds // 1000, 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min" if minutes_left else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def size(number_of_bytes: int) -> str:
    """`812 bytes`, `14 KB`, `3.2 MB` (powers of ten), rounded down."""
    if number_of_bytes < 1000:
        return plural(number_of_bytes, "byte")
    if number_of_bytes < 1_000_000:
        return f"{number_of_bytes // 1000} KB"
    return f"{number_of_bytes // 1_000_000}.{number_of_bytes % 1_000_000 // 100_000} MB"


def pretty(value: Any) -> str:
    """JSON for reading: two spaces, letters of every script as they are."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def install(app: Flask) -> None:
    """Give the templates these filters."""
    filters = (tone, label, who, grouped, major, count, plural, day, moment, as_told, exact, ago, duration, size, pretty)  # fmt: skip
    app.jinja_env.filters.update({each.__name__: each for each in filters})


def _read(value: date | str | None) -> date | None:
    """A date or aware instant out of what a view gives."""
    if not isinstance(value, str):
        return value
    try:
        if "T" in value:
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        return date.fromisoformat(value)
    except ValueError:
        return None
