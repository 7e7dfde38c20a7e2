"""Conditions of rules: one field, one comparison, in words. docs/mapping-language.md is generated from the table.

A condition is compiled into a closure of the scope and the day it is asked for. One that depends on the day also
notes the day on which its answer changes, so that an outcome can say how long it holds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from mappings import money
from mappings.evaluation import Scope, Wrong, parse_date
from mappings.expressions import ExpressionError, unquoted
from mappings.vocabulary import (
    AMOUNT,
    ANY,
    DATE,
    DATE_TEXT,
    EVERYTHING,
    GROUP,
    LIST,
    NUMBERS,
    TEXT,
    TIMESTAMP_TEXT,
)

Test = Callable[[Scope, int], bool]
"""The record's scope and the day (proleptic ordinal) -> whether the condition holds."""
Value = Callable[[Scope], Any]
_DATES: Final = frozenset({ANY, TEXT, DATE_TEXT, TIMESTAMP_TEXT, DATE})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison in words. `pattern` matches what follows the field."""

    words: str
    sentence: str
    pattern: re.Pattern[str]
    build: Callable[[Subject, str], Test]
    on_day: bool = False
    """The answer depends on the day."""

    @property
    def accepts(self) -> frozenset[str]:
        """The kinds of value it can be asked of."""
        if self.words in ("is missing", "is present"):
            return EVERYTHING
        if "NUMBER" in self.words:
            return NUMBERS | {AMOUNT}
        if "WORD" in self.words:
            return EVERYTHING - {LIST, GROUP, AMOUNT}
        return frozenset({ANY, LIST}) if "values" in self.words else _DATES


@dataclass(frozen=True, slots=True)
class Subject:
    """The field a condition looks at."""

    path: str
    value: Value
    is_amount: bool = False
    name: str | None = None
    """The field's name where it stands at the top of the record: read without a further call."""
    kind: str = ANY


_ONE_WORD: Final = r"'(?:[^']|'')*'|\"[^\"]*\"|[^\s,'\"]+"
_SPLIT_WORD: Final = re.compile(rf"\s*({_ONE_WORD})\s*(,|$)")
_SUBJECT: Final = re.compile(r"\s*(?P<subject>[^\s]+)(?:\s+(?P<rest>.*\S))?\s*", re.DOTALL)
_KEYWORDS: Final = frozenset(
    ("missing", "present", "one", "none", "before", "after", "today", "less", "more", "at", "not")
)
MAX_CONDITION_CHARACTERS: Final = 1_000


def _word(text: str) -> str:
    word = unquoted(text) if text[0] in "'\"" else text
    if not word:
        raise ExpressionError("Write is missing or is present to ask for an empty field", 0, text)
    return word


def _words(text: str) -> list[str]:
    plain = [word.strip() for word in text.split(",")]
    if "\n".join(plain).split() == plain and "'" not in text and '"' not in text:
        return plain
    words, at = [], 0
    while at < len(text):
        match = _SPLIT_WORD.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionError(
                "Write the words with commas between them", at, text[at : at + 20]
            )
        words.append(_word(match[1]))
        at = match.end()
    return words


def _is_missing(subject: Subject, argument: str) -> Test:
    value = subject.value
    return lambda scope, day: value(scope) is None


def _is_present(subject: Subject, argument: str) -> Test:
    value = subject.value
    return lambda scope, day: value(scope) is not None


def _is(subject: Subject, argument: str) -> Test:
    value, word = subject.value, _word(argument)
    name = subject.name
    if name is not None:

        def test(scope: Scope, day: int) -> bool:
            found = scope.record.get(name)
            return (found if type(found) is str else as_word(found)) == word

        return test
    return lambda scope, day: as_word(value(scope)) == word


def _is_not(subject: Subject, argument: str) -> Test:
    test = _is(subject, argument)
    return lambda scope, day: not test(scope, day)


def _is_one_of(subject: Subject, argument: str) -> Test:
    value, words = subject.value, words_of("is one of WORDS", argument)
    name = subject.name
    if name is not None:

        def test(scope: Scope, day: int) -> bool:
            found = scope.record.get(name)
            return (found if type(found) is str else as_word(found)) in words

        return test
    return lambda scope, day: as_word(value(scope)) in words


def _is_none_of(subject: Subject, argument: str) -> Test:
    test = _is_one_of(subject, argument)
    return lambda scope, day: not test(scope, day)


def _starts_with(subject: Subject, argument: str) -> Test:
    value, word = subject.value, _word(argument)
    return lambda scope, day: (as_word(value(scope)) or "").startswith(word)


def _contains(subject: Subject, argument: str) -> Test:
    value, word = subject.value, _word(argument)
    return lambda scope, day: word in (as_word(value(scope)) or "")


def _number_test(compare: Callable[[Any, Any], bool]) -> Callable[[Subject, str], Test]:
    def build(subject: Subject, argument: str) -> Test:
        value, limit, path = subject.value, Decimal(argument), subject.path
        if subject.is_amount:
            limits = [limit.scaleb(places) for places in range(5)]

            def amount_test(scope: Scope, day: int) -> bool:
                amount = value(scope)
                return amount is not None and compare(amount, limits[scope.places or 0])

            return amount_test

        def test(scope: Scope, day: int) -> bool:
            number = value(scope)
            if number is None:
                return False
            if type(number) is not int:
                try:
                    number = money.exact_decimal(number, field="")
                except money.MoneyError as error:
                    raise Wrong(error.reason_code, error.requirement, path) from None
            return compare(number, limit)

        return test

    return build


def _different_values(subject: Subject, argument: str) -> Test:
    value, limit, path = subject.value, int(argument), subject.path

    def test(scope: Scope, day: int) -> bool:
        entries = value(scope)
        if entries is None:
            return False
        if type(entries) is not list:
            raise Wrong("not_a_list", f"must be a list, not {money.kind_of(entries)}", path)
        words = {as_word(entry) for entry in entries if entry is not None}
        if None in words:
            raise Wrong("not_words", "must hold only texts, dates and whole numbers", path)
        return len(words) > limit

    return test


def _day_of(subject: Subject) -> Callable[[Scope], int | None]:
    value, path = subject.value, subject.path

    def day_of(scope: Scope) -> int | None:
        found = value(scope)
        if found is None:
            return None
        if type(found) is not date:
            if type(found) is str and len(found) > 10 and found[10] in "T ":
                found = found[:10]  # the date as it is written: no time zone is applied
            found = parse_date(found, path)
        return found.toordinal()

    return day_of


def _day_test(
    days_until_change: Callable[[int], int], before: bool
) -> Callable[[Subject, str], Test]:
    """A test whose answer is `before` until the field's day plus `days_until_change`, and the other from then on."""

    def build(subject: Subject, argument: str) -> Test:
        day_of, distance = _day_of(subject), days_until_change(int(argument or 0))

        def test(scope: Scope, day: int) -> bool:
            own_day = day_of(scope)
            if own_day is None:
                return False
            change = own_day + distance
            if day < change:
                scope.recheck_ordinals.append(change)
                return before
            return not before

        return test

    return build


def _fixed_day_test(compare: Callable[[int, int], bool]) -> Callable[[Subject, str], Test]:
    def build(subject: Subject, argument: str) -> Test:
        day_of = _day_of(subject)
        try:
            limit = date.fromisoformat(argument).toordinal()
        except ValueError:
            raise ExpressionError("There is no such date", 0, argument) from None

        def test(scope: Scope, day: int) -> bool:
            own_day = day_of(scope)
            return own_day is not None and compare(own_day, limit)

        return test

    return build


def _comparison(
    words: str, sentence: str, build: Callable[[Subject, str], Test], *, on_day: bool = False
) -> Comparison:
    pattern = r"\s+".join(_ARGUMENTS.get(word, re.escape(word)) for word in words.split())
    return Comparison(words, sentence, re.compile(pattern, re.DOTALL | re.ASCII), build, on_day)


_ARGUMENTS: Final = {
    "WORD": rf"(?P<argument>{_ONE_WORD})",
    "WORDS": r"(?P<argument>.+)",
    "NUMBER": r"(?P<argument>-?[0-9]{1,18}(?:\.[0-9]{1,6})?)",
    "COUNT": r"(?P<argument>[0-9]{1,4})",
    "DATE": r"(?P<argument>[0-9]{4}-[0-9]{2}-[0-9]{2})",
}

COMPARISONS: Final = (
    _comparison("is missing", "The field has no value.", _is_missing),
    _comparison("is present", "The field has a value.", _is_present),
    _comparison("is one of WORDS", "The field holds one of these words.", _is_one_of),
    _comparison(
        "is none of WORDS", "The field holds none of these words, or nothing.", _is_none_of
    ),
    _comparison(
        "is before today", "The date has passed.", _day_test(lambda n: 1, False), on_day=True
    ),
    _comparison(
        "is today or earlier",
        "The date is today or has passed.",
        _day_test(lambda n: 0, False),
        on_day=True,
    ),
    _comparison(
        "is after today", "The date is yet to come.", _day_test(lambda n: 0, True), on_day=True
    ),
    _comparison(
        "is today or later", "The date has not passed.", _day_test(lambda n: 1, True), on_day=True
    ),
    _comparison(
        "is less than COUNT days away",
        "The date comes sooner than that, or has passed.",
        _day_test(lambda n: 1 - n, False),
        on_day=True,
    ),
    _comparison(
        "is at least COUNT days away",
        "The date comes no sooner than that.",
        _day_test(lambda n: 1 - n, True),
        on_day=True,
    ),
    _comparison(
        "is more than COUNT days ago",
        "The date passed longer ago than that.",
        _day_test(lambda n: n + 1, False),
        on_day=True,
    ),
    _comparison("is before DATE", "The date is earlier.", _fixed_day_test(lambda a, b: a < b)),
    _comparison("is after DATE", "The date is later.", _fixed_day_test(lambda a, b: a > b)),
    _comparison("is less than NUMBER", "The number is smaller.", _number_test(lambda a, b: a < b)),
    _comparison(
        "is at most NUMBER", "The number is the same or smaller.", _number_test(lambda a, b: a <= b)
    ),
    _comparison(
        "is at least NUMBER", "The number is the same or larger.", _number_test(lambda a, b: a >= b)
    ),
    _comparison("is more than NUMBER", "The number is larger.", _number_test(lambda a, b: a > b)),
    _comparison(
        "has more than COUNT different values",
        "The list holds more different values than that.",
        _different_values,
    ),
    _comparison("starts with WORD", "The text begins so.", _starts_with),
    _comparison("contains WORD", "The text holds this somewhere.", _contains),
    _comparison("is not WORD", "The field does not hold this word, or holds nothing.", _is_not),
    _comparison("is WORD", "The field holds this word.", _is),
)


def as_word(value: Any) -> str | None:
    """A value as it is compared with a word: numbers and yes/no are written out, lists and groups are no word."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int and abs(value) <= money.MAX_MINOR_UNITS:
        return str(value)
    if type(value) is date:
        return value.isoformat()
    return None


def words_asked_for(comparison: Comparison, argument: str) -> frozenset[str] | None:
    """The words of which the field must hold one, where that is all the comparison asks."""
    asked = comparison.words in ("is WORD", "is one of WORDS")
    return words_of(comparison.words, argument) if asked else None


@lru_cache(
    maxsize=128
)  # asked for by the test, by the finding of rules by word and by the check of rules
def words_of(comparison: str, argument: str) -> frozenset[str]:
    """The words of a comparison that has some."""
    return frozenset(_words(argument) if comparison.endswith("WORDS") else {_word(argument)})


def split_condition(text: str) -> tuple[str, int, str, int]:
    """The field's text and offset, and the comparison's. Raises ExpressionError."""
    match = _SUBJECT.fullmatch(text) if len(text) <= MAX_CONDITION_CHARACTERS else None
    if match is None or match["rest"] is None:
        raise ExpressionError(
            "A condition is a field and a comparison, such as: status is pending",
            0,
            text[:60],
            tuple(comparison.words for comparison in COMPARISONS),
        )
    return match["subject"], match.start("subject"), match["rest"], match.start("rest")


def find_comparison(rest: str, offset: int) -> tuple[Comparison, str, int]:
    """The comparison that `rest` spells, its argument and the argument's offset. Raises ExpressionError."""
    for comparison in COMPARISONS:
        match = comparison.pattern.fullmatch(rest)
        if match is None:
            continue
        argument = match.groupdict().get("argument") or ""
        if comparison.words in ("is WORD", "is not WORD") and argument in _KEYWORDS:
            continue
        at = match.start("argument") if argument else 0
        return comparison, argument, offset + at
    words = [comparison.words for comparison in COMPARISONS]
    near = difflib.get_close_matches(rest[:60], words, 1, 0.5)
    raise ExpressionError("There is no such comparison", offset, rest[:60], tuple(near or words))
