"""Which fields of a record a person may correct, and what they enter, as a value of the right kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from connector.corrections import (
    MONEY,
    PARTIES,
    FieldCorrection,
    NotScalar,
    Overlay,
    Scalar,
    overlaid,
    value_at,
)
from connector.errors import RecordRejected
from connector.system import Record, Stream
from mappings import Mapping as CompiledMapping
from mappings import Problem, Reading
from mappings.evaluation import spoken
from mappings.explanation_text import MASK, is_secret
from mappings.expressions import ExpressionError, Path, parse_path
from mappings.problems import nearest
from mappings.vocabulary import DATE_TEXT, DECIMAL, GROUP, INTEGER, LIST, YES_NO

LONGEST_TEXT = 1000
LONGEST_PATH = 200
IN_THE_BOOKS = "Correct it in the accounting system."

_IDENTIFIERS = ("id",)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}

Given = str | int | Decimal | bool | None
"""What somebody enters: text as a rule, a JSON value where a program does. None and empty text: no value."""


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a record, to be shown with what may be entered. `targets` are the fields of the financing invoice made
    of it, `problem` what is wrong with it, `why_not` why it is not corrected here; `now` is what counts at present."""

    path: str
    kind: str
    targets: tuple[str, ...]
    source: Scalar
    now: Scalar
    problem: str | None
    why_not: str | None

    @property
    def is_day(self) -> bool:
        """Whether it is a date and nothing but a date."""
        return self.kind == DATE_TEXT


class Correctable:
    """What of one record may be corrected, by the mapping that decides it."""

    def __init__(
        self, mapping: CompiledMapping, stream: Stream, source_id: str, record: Record
    ) -> None:
        self._mapping = mapping
        self._stream = stream
        self._source_id = source_id
        self._record = record

    @cached_property
    def _readings(self) -> dict[str, Reading]:
        """By their path without positions; what is read of several positions counts together."""
        found: dict[str, Reading] = {}
        for reading in self._mapping.readings:
            name = parse_path(reading.path).name
            known = found.get(name)
            if known is not None:
                targets = tuple(dict.fromkeys((*known.targets, *reading.targets)))
                found[name] = Reading(known.path, known.kind, targets, known.rules + reading.rules)
            else:
                found[name] = reading
        return found

    def fields(self, problems: Sequence[Problem], overlay: Overlay) -> list[RecordField]:
        """The fields that the mapping reads, those in `problems` and those of a correction: what is wrong comes first."""
        wrong = {problem.field_path: problem.sentence for problem in problems}
        entered = {each.path: each for each in overlay}
        read = [
            reading.path
            for reading in self._mapping.readings
            if (reading.targets or reading.rules) and "[]" not in reading.path
        ]
        shown = []
        for path in dict.fromkeys((*wrong, *entered, *read)):
            try:
                reading = self._reading(self._path(path))
            except RecordRejected:
                continue  # what is wrong is no field, but the record as a whole
            source = MASK if self._is_secret(path) else self._source(path)
            shown.append(
                RecordField(
                    path=path,
                    kind=reading.kind,
                    targets=reading.targets,
                    source=source,
                    now=entered[path].now if path in entered else source,
                    problem=wrong.get(path),
                    why_not=self._why_not(path, reading),
                )
            )
        return shown

    def entered(self, path: str, given: Given) -> FieldCorrection:
        """What somebody enters for a field. Raises RecordRejected, with the path as its field, for a field that is not
        corrected here, and for a value of another kind."""
        way = self._path(path)
        reading = self._reading(way)
        plain = _written(way, self._record)
        why_not = self._why_not(plain, reading)
        if why_not is not None:
            raise _refused(path, why_not, IN_THE_BOOKS)
        source = self._source(plain)
        entered = FieldCorrection(plain, source, _value(plain, reading.kind, source, given))
        try:
            overlaid(self._record, (entered,))
        except NotScalar as error:
            raise _refused(path, f"{spoken(plain)} {error}.", IN_THE_BOOKS) from None
        return entered

    def _path(self, text: str) -> Path:
        try:
            path = parse_path(text[: LONGEST_PATH + 1])
        except ExpressionError as error:
            raise _refused(text, f"{text[:60]!r} is no field.", f"{error.message}.") from None
        if None in path.steps or len(text) > LONGEST_PATH:
            raise _refused(
                text, f"{text[:60]!r} is no single field.", "Say which entry is meant: [0], [1]."
            )
        return path

    def _reading(self, path: Path) -> Reading:
        reading = self._readings.get(path.name)
        if reading is None:
            near = nearest(path.name, tuple(self._readings))
            remedy = f"Did you mean {near}?" if near else "The mapping itself lists them."
            raise _refused(path.text, f"The mapping knows no field {path.text[:60]!r}.", remedy)
        return reading

    def _source(self, path: str) -> Scalar:
        try:
            return value_at(self._record, path)
        except NotScalar:
            return None

    def _is_secret(self, path: str) -> bool:
        return _top(path) in self._stream.secret_fields or is_secret(path)

    def _why_not(self, path: str, reading: Reading) -> str | None:
        """Why a field is not corrected here; None where it may be."""
        top, word = _top(path), spoken(path)
        try:
            value = value_at(self._record, path)
        except NotScalar as error:
            return f"{word} {error}."
        if reading.kind in (LIST, GROUP):
            return f"{word} holds several values."
        if isinstance(value, str) and not _is_one_line(value):
            return f"{word} is a text of several lines, or a very long one."
        if self._is_secret(path):
            return f"{word} is a secret field."
        if path in _IDENTIFIERS or (path == top and value == self._source_id):
            return f"{word} identifies the record."
        if top in self._stream.volatile_fields:
            return f"{word} changes with every change of the record."
        if set(reading.targets) & set(MONEY):
            return "What the money depends on is never corrected here."
        if value is not None and set(reading.targets) & set(PARTIES):
            return "A company that the accounting system names is never replaced here."
        return None


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _written(path: Path, record: Record) -> str:
    """The path with numbers for its positions: what is last may be another entry tomorrow."""
    text = ""
    value: Any = record
    for step in path.steps:
        if isinstance(step, str):
            text = f"{text}.{step}" if text else step
            value = value.get(step) if isinstance(value, dict) else None
        else:
            count = len(value) if isinstance(value, list) else 0
            position = step or 0
            position = max(position + count, 0) if position < 0 else position
            text = f"{text}[{position}]"
            value = value[position] if position < count else None
    return text


def _value(path: str, kind: str, source: Scalar, given: Given) -> Scalar:
    """`given` as a value of the kind that the mapping describes; of the kind that the source has, where it leaves that
    open."""
    text = given.strip() if isinstance(given, str) else given
    if text is None or text == "":
        return None
    is_number = isinstance(source, int | Decimal) and not isinstance(source, bool)
    if kind == YES_NO or isinstance(source, bool):
        return _yes_no(path, text)
    if kind == INTEGER or (is_number and isinstance(source, int) and kind not in _TEXTUAL):
        return int(_matching(path, text, _WHOLE, "a whole number"))
    if kind == DECIMAL or (is_number and kind not in _TEXTUAL):
        number = _matching(path, text, _NUMBER, "a number such as 1250.00")
        return Decimal(number) if is_number else number
    if not isinstance(text, str):
        raise _refused(path, f"{spoken(path)} must be text.", 'Write it in "quotation marks".')
    return _text(path, kind, text)


_TEXTUAL = ("text", DATE_TEXT, "a timestamp as text", "a currency")
"""Kinds that are text whatever the source holds: it may hold a number because just that is wrong."""


def _yes_no(path: str, given: Given) -> bool:
    found = given if isinstance(given, bool) else _YES_NO.get(str(given).lower())
    if found is None:
        raise _refused(path, f"{spoken(path)} must be yes or no.", "Write yes or no.")
    return found


def _matching(path: str, given: Given, pattern: re.Pattern[str], what: str) -> str:
    text = str(given)
    if isinstance(given, bool) or not pattern.fullmatch(text):
        raise _refused(path, f"{spoken(path)} must be {what}.", "Write it in digits.")
    return text


def _text(path: str, kind: str, text: str) -> str:
    if not _is_one_line(text):
        raise _refused(
            path,
            f"{spoken(path)} must be one line of at most {LONGEST_TEXT} characters.",
            "Write it without line breaks.",
        )
    if kind == DATE_TEXT:
        try:
            if len(text) != len("2026-11-30"):
                raise ValueError
            date.fromisoformat(text)
        except ValueError:
            raise _refused(
                path,
                f"{spoken(path)} must be a calendar date.",
                "Write it as 2026-11-30.",
            ) from None
    return text


def entered_text(value: Scalar) -> str:
    """A value as it stands in a form."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _is_one_line(text: str) -> bool:
    return len(text) <= LONGEST_TEXT and text.isprintable()


def _refused(path: str, message: str, remedy: str) -> RecordRejected:
    return RecordRejected(message, field_path=path, remedy=remedy)
