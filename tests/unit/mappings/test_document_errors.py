from __future__ import annotations

import pytest

from mappings import DocumentProblem, MappingError, load_mapping, shipped
from mappings.locations import MAX_DOCUMENT_BYTES, MAX_ENTRIES
from tests.unit.mappings.documents import PARTS, document, with_fields


def problems(text: str) -> tuple[DocumentProblem, ...]:
    with pytest.raises(MappingError) as refused:
        load_mapping(text, name="books")
    return refused.value.problems


def only(text: str) -> DocumentProblem:
    found = problems(text)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]


def place_of(text: str, words: str) -> tuple[int, int]:
    """Line and column of the last place where `words` stand."""
    at = text.rindex(words)
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def rule(body: str) -> str:
    return document(rules=f"[hold.it]\n{body}")


CASES = [
    # (document, the text pointed at, part of the message, suggestion)
    (document(head="sytem = 'x'\n" + document().split("\n[", 1)[0]), "sytem", "no entry sytem", "system"),
    (document(rules="[exlude.x]\nwhen = 'a is b'"), "[exlude", "no entry exlude", "exclude"),
    (document(tables="[tables]\nx = 1"), "x = 1", "section of its own", None),
    (document(options="[options.goods]\nsentence='a'\ndefault='other'\nkind='x'"), "kind=", "no entry kind", None),
    (with_fields(amont="cents"), "amont", "no entry amont", "amount"),
    (with_fields(amount="cents | minor_unit"), "minor_unit", "no function minor_unit", "minor_units"),
    (with_fields(amount="cent | minor_units"), "cent | minor", "describes no field cent", "cents"),
    (with_fields(amount="cents | minor_units(2)"), "minor_units(2)", "has 1 arguments here", None),
    (with_fields(invoice_number="number | max_length"), "max_length", "written max_length(number)", None),
    (with_fields(invoice_number="number | max_length('a')"), "'a'", "whole number from 0", None),
    (with_fields(invoice_number="number | upper |"), '"\ncurrency', "function's name is expected", None),
    (with_fields(invoice_number="number ! upper"), "! upper", "cannot be read", None),
    (with_fields(invoice_number="text(number)"), "text(number)", "can only stand after", None),
    (with_fields(invoice_number="number | constant('a')"), "constant('a')", "only stand at the beg", None),
    (with_fields(invoice_number="first_of(number)"), "first_of(number)", "has 1 arguments", None),
    (with_fields(invoice_number="choose(type, 'a', number, 'b')"), "'b'", "after it", None),
    (with_fields(invoice_number="concat('a', number"), '"\ncurrency', "is expected here", None),
    (with_fields(invoice_number="lines[].amount | text"), "lines[].amount | text", "[0] or [last]", None),
    (with_fields(invoice_number="cents"), '"cents"\ncurrency', "must be text, but this ends in a whole", None),
    (with_fields(due_date="due"), '"due"', "must be a date, but this ends in a date as text", None),
    (with_fields(due_date="number | minor_units | date"), 'date"', "cannot be used on an amount", None),
    (with_fields(amount="due | minor_units"), 'minor_units"\ndue', "cannot be used on a date as text", None),
    (with_fields(direction="constant('payble')"), "constant('payble')", "cannot be payble", "payable"),
    (with_fields(direction="type | text"), "type | text", "must come from constant or lookup", None),
    (with_fields(direction="type | lookup(directions)"), "directions", "no table", "direction"),
    (with_fields(currency="constant('JPY') | currency_code"), "constant('JPY')", "cannot be JPY", None),
    (with_fields(type_of_goods="constant('goods')"), "constant('goods')", "cannot be goods", None),
    (with_fields(type_of_goods="option(goodz)"), "goodz", "no option goodz", "goods"),
    (document(record=PARTS["record"].replace("yes_or_no", "yes_or_noo")), "yes_or_noo", "no function yes_or_noo", "yes_or_no"),
    (document(record=PARTS["record"] + '"a..b" = "text"'), '"a..b"', "names with dots", None),
    (document(totals="[totals]\ncurrency = 'currency | currency_code'"), "[totals]", "entry amount is missing", None),
    (document(head='description="d"\nsystem="s"\nstream="t"\nfinancier="hostd_session"'), "hostd_session", "no financier", "hosted_session"),
    (rule("when = 'status is x'"), "[hold.it]", "entry sentence is missing", None),
    (rule("sentence = 'x.'"), "[hold.it]", "either when", None),
    (rule("when = 'status is x'\nwhen_any = 'status is y'\nsentence = 'x.'"), "[hold.it]", "either when", None),
    (rule("whenn = 'status is x'\nwhen = 'status is x'\nsentence = 'x.'"), "whenn", "no entry whenn", "when"),
    (rule("when = []\nsentence = 'x.'"), "when = []", "1 to 20 conditions", None),
    (rule("when = 5\nsentence = 'x.'"), "5\n", "must be text", None),
    (rule("when = ''\nsentence = 'x.'"), "'\nsentence", "is empty", None),
    (rule("when = 'status'\nsentence = 'x.'"), "status'\nsen", "a field and a comparison", None),
    (rule("when = 'status equals x'\nsentence = 'x.'"), "equals x", "no such comparison", None),
    (rule("when = 'due is befor today'\nsentence = 'x.'"), "is befor", "no such comparison", "is before today"),
    (rule("when = 'due is before 2026-02-30'\nsentence = 'x.'"), "2026-02-30", "no such date", None),
    (rule("when = ['status is x', 'stats is y']\nsentence = 'x.'"), "stats is y", "describes no field", "status"),
    (rule("when = 'financing.due_dat is missing'\nsentence = 'x.'"), "financing.due_dat", "no such field", "financing.due_date"),
    (with_fields(due_date="due | dat") + "\n[hold.it]\nwhen = 'financing.due_date is missing'\nsentence = 'x.'", 'dat"', "no function dat", "date"),
    (rule("when = 'status is one of a, b c'\nsentence = 'x.'"), "b c'", "commas between", None),
    (document(rules="[hold.it]\nwhen='status is x'\nsentence='x.'\n[exclude.it]\nwhen='status is x'\nsentence='x.'"), "[hold.it]", "a rule it under", None),
    (document(rules="[hold.It]\nwhen='status is x'\nsentence='x.'"), "[hold.It]", "small letters", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pointed_at", "message", "suggestion"), CASES)
def test_a_mistake_is_shown_with_its_place(
    text: str, pointed_at: str, message: str, suggestion: str | None
) -> None:
    problem = only(text)
    assert message in problem.message
    line, column = place_of(text, pointed_at)
    assert problem.line == line
    quotation_mark = 1 if text.splitlines()[line - 1][column - 1] in "\"'" else 0
    assert problem.column in (column, column + quotation_mark)
    assert problem.suggestion == suggestion
    assert f"books, line {line}, column" in str(MappingError("books", [problem]))


def test_all_mistakes_are_collected_in_order() -> None:
    text = with_fields(amount="cents | minor", due_date="due | dat", nose="x") + "\n[oops]\n"
    found = problems(text)
    assert len(found) == 4
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_a_required_field_may_not_be_left_out() -> None:
    fields = with_fields().split("[fields]", 1)[1]
    left_out = document(fields="[fields]" + fields.replace('due_date = "due | date"', ""))
    problem = only(left_out)
    assert problem.message == "The field due_date is missing; the financier asks for it"
    assert problem.line == place_of(left_out, "[fields]")[0]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 'x'\nb = ", 2, 5),
        ("a = 'x'\nb = c d", 2, 8),
        ("a = 'x'\nb = 'open", 2, 5),
        ("[a\nb = 1", 1, 3),
        ("a = 1\na = 2", 2, 1),
        ("a = 12x", 1, 7),
        ("a = [1 2]", 1, 8),
        ("\ud800", 1, 1),
    ],
)
def test_what_is_not_toml(text: str, line: int, column: int) -> None:
    problem = only(text)
    assert (problem.line, problem.column) == (line, column)


HOSTILE = {
    "nested lists": "a = " + "[" * 100_000,
    "nested tables": "a = " + "{a=" * 50_000,
    "a key of many parts": "a." * 60_000 + "a = 1",
    "many keys of many parts": "\n".join("a." * 200 + f"b{i} = 1" for i in range(500)),
    "a long number": "a = " + "9" * 5_000,
    "too long": "#" * (MAX_DOCUMENT_BYTES + 1),
    "too many entries": "\n".join(f"a{i} = 1" for i in range(MAX_ENTRIES + 1)),
    "a list of many": "a = [" + "1," * 100_000 + "]",
    "quotation marks": '"' * 200_000,
    "an open text of many lines": 'a = """' + '"x' * 120_000,
    "backslashes": 'a = "' + "\\" * 200_001,
    "a long expression": with_fields(amount="cents | " + "trim | " * 5_000),
    "many functions": with_fields(amount="cents" + " | trim" * 100),
    "many arguments": with_fields(buyer="concat(" + "'a'," * 200 + "'b')"),
    "many rules": document(
        rules="\n".join(f"[hold.r{i}]\nwhen='a is b'\nsentence='x'" for i in range(501))
    ),
    "many conditions": rule("when = [" + "'status is x'," * 100 + "]\nsentence = 'x.'"),
    "many conditions on days": document(
        rules="\n".join(
            f"[hold.r{i}]\nwhen='due is less than {i} days away'\nsentence='x.'" for i in range(60)
        )
    ),
    "blanks": rule("when = 'status" + " " * 900 + "'\nsentence = 'x.'"),
    "commas": rule("when = 'status is one of " + "a " * 400 + "'\nsentence = 'x.'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused(name: str) -> None:
    assert problems(HOSTILE[name])


@pytest.mark.parametrize("name", ["finexio", "tryton"])
def test_no_broken_document_escapes(name: str) -> None:
    text = shipped()[name]
    places: list[tuple[int, int, int]] = []
    for at in range(0, len(text), 37):
        for broken in (text[:at] + text[at + 3 :], text[:at] + "'" + text[at:]):
            try:
                load_mapping(broken, name=name)
            except MappingError as refused:
                places += [(p.line, p.column, broken.count("\n") + 1) for p in refused.problems]
    assert places
    assert all(1 <= line <= lines and column >= 1 for line, column, lines in places)


def test_options() -> None:
    mapping = load_mapping(shipped()["finexio"], name="finexio")
    assert {name: option.value for name, option in mapping.options.items()} == {
        "type_of_goods": "other"
    }
    other = mapping.with_options({"type_of_goods": "Perishables"})
    assert other.options["type_of_goods"].value == "Perishables"
    assert mapping.with_options({}).sha256 == mapping.sha256 != other.sha256
    with pytest.raises(MappingError, match="Did you mean type_of_goods"):
        mapping.with_options({"type_of_good": "other"})
    with pytest.raises(MappingError, match="cannot be toys"):
        mapping.with_options({"type_of_goods": "Toys"})
