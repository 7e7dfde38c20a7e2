"""What a field can hold, as far as a document tells: the ground for finding rules that can never act.

Everything here errs on one side: a field is thought to hold more than it can, never less.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from mappings.conditions import words_of
from mappings.currencies import EXPONENTS
from mappings.expressions import Call, Constant
from mappings.vocabulary import DATE, DATE_TEXT, INTEGER

_INTEGER_WORD: Final = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_DATE_WORD: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Range(NamedTuple):
    """Numbers from `low` to `high`; None is no bound, an open bound is not itself within."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False

    def __and__(self, other: Range) -> Range:
        if other is EVERY or self == other:
            return self
        if self is EVERY:
            return other
        low, low_open = max(
            (self.low, self.low_open), (other.low, other.low_open), key=_as_lower_bound
        )
        high, high_open = min(
            (self.high, self.high_open), (other.high, other.high_open), key=_as_upper_bound
        )
        return Range(low, high, low_open, high_open)

    @property
    def is_empty(self) -> bool:
        """Whether no number is within."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def within(self, other: Range) -> bool:
        """Whether every number of this range is in the other."""
        if other is EVERY or self is other:
            return True
        return self & other == self

    def outside(self) -> list[Range]:
        """The numbers that are not within."""
        found = []
        if self.low is not None:
            found.append(Range(high=self.low, high_open=not self.low_open))
        if self.high is not None:
            found.append(Range(low=self.high, low_open=not self.high_open))
        return found


def _as_lower_bound(bound: tuple[Decimal | None, bool]) -> tuple[bool, Decimal, bool]:
    return bound[0] is not None, bound[0] or Decimal(0), bound[1]


def _as_upper_bound(bound: tuple[Decimal | None, bool]) -> tuple[bool, Decimal, bool]:
    return bound[0] is None, bound[0] or Decimal(0), not bound[1]


EVERY: Final = Range()


@dataclass(frozen=True, slots=True)
class Possible:
    """What a field can hold. `days` are days from today, `dates` ordinals; `others` are tests that are not looked into."""

    missing: bool = True
    present: bool = True
    words: frozenset[str] | None = None
    """None: any word."""
    excluded: frozenset[str] = frozenset()
    numbers: Range = EVERY
    days: Range = EVERY
    dates: Range = EVERY
    others: frozenset[tuple[str, str]] = frozenset()

    def __and__(self, other: Possible) -> Possible:
        words = self.words if other.words is None else other.words
        if self.words is not None and other.words is not None:
            words = self.words & other.words
        return Possible(
            self.missing and other.missing,
            self.present and other.present,
            words,
            self.excluded | other.excluded,
            self.numbers & other.numbers,
            self.days & other.days,
            self.dates & other.dates,
            self.others | other.others,
        )

    @property
    def remaining_words(self) -> frozenset[str] | None:
        """The words it can hold, when they can be counted."""
        if self.words is None or not (self.excluded or self.others):
            return self.words
        return frozenset(
            word
            for word in self.words - self.excluded
            if all(_word_passes(word, test, text) for test, text in self.others)
        )

    @property
    def is_empty(self) -> bool:
        """Whether no field can be so."""
        return not self.missing and not self.can_be_present

    @property
    def can_be_present(self) -> bool:
        """Whether it can have a value."""
        if not self.present or self.numbers.is_empty or self.days.is_empty or self.dates.is_empty:
            return False
        return self.words is None or bool(self.remaining_words)

    def within(self, other: Possible) -> bool:
        """Whether whatever is so is also as `other` says."""
        if self.missing and not other.missing:
            return False
        if not self.can_be_present:
            return True
        own = self.remaining_words
        if other.words is not None and (own is None or not own <= other.words):
            return False
        if own is None and not other.excluded <= self.excluded:
            return False
        if own is not None and own & other.excluded:
            return False
        return (
            other.present
            and self.numbers.within(other.numbers)
            and self.days.within(other.days)
            and self.dates.within(other.dates)
            and all(
                own is not None and test in _ASKED_OF_WORDS and _all_pass(own, test, text)
                for test, text in other.others - self.others
            )
        )


ABSENT: Final = Possible(present=False)
_THERE: Final = Possible(missing=False)


_ASKED_OF_WORDS: Final = ("starts with WORD", "contains WORD")


def _all_pass(words: frozenset[str], test: str, text: str) -> bool:
    return all(_word_passes(word, test, text) for word in words)


def _word_passes(word: str, test: str, text: str) -> bool:
    if test == "starts with WORD":
        return word.startswith(text)
    return test != "contains WORD" or text in word


def asked_for(comparison: str, argument: str, kind: str) -> Possible:
    """What a field is of which the comparison holds."""
    if comparison == "is missing":
        return ABSENT
    if comparison in ("is WORD", "is one of WORDS"):
        words = (word for word in words_of(comparison, argument) if _has_form(word, kind))
        return Possible(missing=False, words=frozenset(words))
    if comparison in ("is not WORD", "is none of WORDS"):
        return Possible(excluded=words_of(comparison, argument))
    if comparison in ("starts with WORD", "contains WORD"):
        (word,) = words_of(comparison, argument)
        return Possible(missing=False, others=frozenset({(comparison, word)}))
    if comparison.startswith("has more than"):
        return Possible(missing=False, others=frozenset({(comparison, argument)}))
    if comparison in _DAYS:
        least, most = _DAYS[comparison]
        sign, count = (
            (-1 if comparison.endswith("ago") else 1),
            int(argument or 0) * ("COUNT" in comparison),
        )
        low = None if least is None else Decimal(least + sign * count)
        high = None if most is None else Decimal(most + sign * count)
        return Possible(missing=False, days=Range(low, high))
    if comparison in ("is before DATE", "is after DATE"):
        day = Decimal(date.fromisoformat(argument).toordinal())
        before = comparison == "is before DATE"
        return Possible(
            missing=False,
            dates=Range(high=day, high_open=True) if before else Range(day, low_open=True),
        )
    if comparison in _NUMBERS:
        upper, is_open = _NUMBERS[comparison]
        limit = Decimal(argument)
        bounds = Range(high=limit, high_open=is_open) if upper else Range(limit, low_open=is_open)
        return Possible(missing=False, numbers=bounds)
    return _THERE


_DAYS: Final[dict[str, tuple[int | None, int | None]]] = {
    "is before today": (None, -1),
    "is today or earlier": (None, 0),
    "is after today": (1, None),
    "is today or later": (0, None),
    "is less than COUNT days away": (None, -1),
    "is at least COUNT days away": (0, None),
    "is more than COUNT days ago": (None, -1),
}
_NUMBERS: Final = {
    "is less than NUMBER": (True, True),
    "is at most NUMBER": (True, False),
    "is at least NUMBER": (False, False),
    "is more than NUMBER": (False, True),
}


def refused_by(comparison: str, asked: Possible) -> list[Possible] | None:
    """What a field is of which the comparison does not hold; None when that cannot be told."""
    if comparison == "is missing":
        return [_THERE]
    if comparison in ("is not WORD", "is none of WORDS"):
        return [Possible(missing=False, words=asked.excluded)]
    if asked.others:
        return None
    if comparison in ("is WORD", "is one of WORDS"):
        return [Possible(excluded=asked.words or frozenset())]
    found = [ABSENT]
    found += [Possible(missing=False, numbers=part) for part in asked.numbers.outside()]
    found += [Possible(missing=False, days=part) for part in asked.days.outside()]
    found += [Possible(missing=False, dates=part) for part in asked.dates.outside()]
    return found


def _has_form(word: str, kind: str) -> bool:
    if kind == INTEGER:
        return _INTEGER_WORD.fullmatch(word) is not None
    return kind not in (DATE, DATE_TEXT) or _DATE_WORD.fullmatch(word) is not None


def described(calls: Sequence[Call], *, always_there: bool) -> Possible:
    """What the `record` section lets through to the rules. `always_there`: a required field cannot be missing."""
    found = Possible()
    for number, call in enumerate(calls):
        values = [a.value for a in call.arguments if isinstance(a, Constant)]
        if call.name == "required" and number == 0 and always_there:
            found = replace(found, missing=False)
        elif call.name == "one_of":
            found &= Possible(words=frozenset(map(str, values)))
        elif call.name == "currency_code":
            found &= Possible(words=frozenset(EXPONENTS))
        elif call.name == "yes_or_no":
            found &= Possible(words=frozenset({"true", "false"}))
        elif call.name == "between":
            low, high = (Decimal(value) for value in values)
            found &= Possible(numbers=Range(low, high))
        elif call.name not in ("required", "text", "max_length", "integer", "decimal"):
            break  # what follows is asked of a changed value, and rules see the record's own
    return found
