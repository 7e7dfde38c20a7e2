"""Two hundred documents made to cost much, to reach outside the record, or to break the reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.locations import MAX_DOCUMENT_BYTES, MAX_ENTRIES
from tests.unit.mappings.documents import PARTS, document, with_fields

ROOM = MAX_DOCUMENT_BYTES - 4_000
"""Characters a document has left for mischief."""

ESCAPES = [
    "__class__.__mro__", "number.__class__", "self", "record", "().__class__", "{{number}}", "${number}",
    "#{number}", "`id`", "$(id)", "%(number)s", "{number.__init__}", "eval(number)", "exec('x')", "open('x')",
    "__import__('os')", "import(os)", "lambda(x)", "number if number", "number or cents", "number; cents",
    "../../secret", "/etc/passwd", "file('x')", "env(HOME)", "getattr(number, 'x')", "format('{0}', number)",
    "number[0:5]", "number[-1]", "number[99999]", "lines[*].amount", "lines[?(@.x)]", "$.number", "@number",
    "number.__dict__.x", "date.today", "today", "now()", "random()", "sleep('9')", "http('x')", "number->x",
]  # fmt: skip
"""Expressions that want something other than a value of the record."""

COSTLY_EXPRESSIONS = [
    "trim" + " | trim" * 11, "number" + " | trim" * 200, "number | " * 300, "concat(" * 200, "number(" * 300,
    "concat(" + "number," * 120 + "number)", "first_of(" + "number," * 120 + "number)", "(" * 900, "|" * 900,
    "number" + "[0]" * 300, "number" + ".a" * 450, "a" * 990, "'" * 901, "''" * 450 + "'", "'" + "''" * 480,
    " " * 990, "number" + " " * 980 + "|", "number | max_length(" + "9" * 900 + ")", "number | one_of(" + "'a'," * 200,
    "number | between(" + "-" * 400 + ")", "number | default(" + "'x" * 400, "," * 950, "number | plus_days(9999999)",
    "choose(" + "number, 'a', " * 19 + "number)", "constant('" + "x" * 960 + "')", "number\u2028| trim", "nümber",
]  # fmt: skip

COSTLY_CONDITIONS = [
    "status is one of " + ", ".join(["a"] * 300), "status is one of " + "a " * 450, "status is '" + "''" * 450,
    "status is one of " + "'a'" * 300, "status " + "is " * 300, "status is" + " " * 950, " " * 990 + "x",
    "status is one of " + "," * 900, 'status is "' + "x" * 900, "status starts with " + "''" * 400 + "'",
    "days is less than " + "9" * 900, "due is less than 99999 days away", "due is before 9999-99-99",
    "days is at least -" + "0" * 17 + ".000001", "lines[].amount is 5", "status is one of", "status contains ''",
]  # fmt: skip


def _texts() -> Iterator[tuple[str, str]]:
    for opening in ("[", "{a=", "[[", "{", "[[["):
        for times in (10, 1_000, 60_000):
            yield f"{times} times {opening}", "a = " + opening * times
    for mark in (
        '"',
        "'",
        '"""',
        "'''",
        "\\",
        "#",
        "=",
        ".",
        ",",
        "]",
        "[a]\n",
        "a=1\n",
        "\r",
        "\t",
        "\x00",
        "é",
        "\ud800",
    ):
        for times in (3, 80_000):
            yield f"{times} times {mark!r}", (mark * times)[:ROOM]
    for times in (7, 500, 60_000):
        yield f"a key of {times} parts", "a." * times + "a = 1"
        yield f"a section of {times} parts", "[" + "a." * times + "a]\nx = 1"
        yield f"a number of {times} digits", "a = " + "9" * times
        yield f"an exponent of {times} digits", "a = 1e" + "9" * times
        yield f"{times} fractions", "a = 0." + "0" * times + "1"
    yield "a date that is none", "a = 2026-13-45"
    yield "too long", "#" * (MAX_DOCUMENT_BYTES + 1)
    yield "too many entries", "\n".join(f"a{i} = 1" for i in range(MAX_ENTRIES + 1))
    yield "a list of many", "a = [" + "1," * 100_000 + "]"
    yield "open text of many lines", 'a = """' + '"x' * 120_000
    yield "a text of backslashes", 'a = "' + "\\" * 200_001
    yield "a unicode escape beyond the last", r'a = "\UFFFFFFFF"'


def _documents() -> Iterator[tuple[str, str]]:
    for expression in (*ESCAPES, *COSTLY_EXPRESSIONS):
        yield f"note = {expression[:40]}", with_fields(note=expression.replace('"', "'"))
    for expression in ESCAPES[:20]:
        record = PARTS["record"] + f'odd = "{expression}"\n'
        yield f"described {expression}", document(record=record)
    for condition in COSTLY_CONDITIONS:
        written = condition.replace("\\", "").replace("'''", "")
        rules = f"[hold.it]\nwhen = '''{written}'''\nsentence = 'x.'\n"
        yield f"when {condition[:40]}", document(rules=rules)
    yield from _many_rules()


def _many_rules() -> Iterator[tuple[str, str]]:
    shapes = {
        "one word each": lambda i: [f"status is w{i}"],
        "the same": lambda i: ["status is w"],
        "words in common": lambda i: ["status is one of " + ", ".join(f"w{i + k}" for k in range(60))],
        "twenty numbers": lambda i: [f"days is at least {i + k}" for k in range(20)],
        "twenty fields": lambda i: ["status is not w", "number is not w", f"reference is not w{i}"] * 6,
        "no words": lambda i: [f"status is not w{i}", f"number is none of a, b, c{i}"],
        "days": lambda i: [f"due is less than {i} days away"],
        "texts": lambda i: [f"status starts with w{i}", f"number contains w{i}"],
    }  # fmt: skip
    for shape, conditions in shapes.items():
        for section in ("hold", "eligible"):
            for key in ("when", "when_any"):
                rules: list[str] = []
                size = 0
                for number in range(190):
                    rule = f"[{section}.r{number}]\n{key} = {conditions(number)}\nsentence = 'x.'\n"
                    size += len(rule)
                    if size > ROOM or len(rules) * (len(conditions(0)) + 3) > MAX_ENTRIES - 120:
                        break
                    rules.append(rule)
                yield (
                    f"{len(rules)} rules: {section}, {key}, {shape}",
                    document(rules="".join(rules)),
                )


DOCUMENTS: dict[str, str] = dict((*_texts(), *_documents()))


def deep(levels: int) -> Any:
    """A record of that depth."""
    value: Any = {}
    for _ in range(levels):
        value = {"party": value, "lines": [value]}
    return value


RECORDS: list[Any] = [
    deep(5_000),
    {"lines": [{"amount": "x"}] * 50_000, "dates": [{}] * 50_000, "number": "x" * 1_000_000},
    {
        "cents": 10**4_000,
        "total": "9" * 100_000,
        "currency": ["USD"],
        "due": {},
        "number": "\ud800",
    },
    {f"unknown {n}": n for n in range(50_000)},
]
