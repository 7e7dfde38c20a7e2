from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest

from mappings import (
    DocumentProblem,
    Layer,
    Mapping,
    MappingError,
    effective,
    load_layers,
    load_mapping,
    shipped,
)
from tests.unit.mappings.documents import RECORD, document

TODAY = date(2026, 11, 22)
BASE = Layer(
    "shipped",
    document(
        rules=(
            "# What is not for financing.\n"
            '[exclude.soon]\nwhen = "due is less than 7 days away" # a week\nsentence = "Soon."\n'
            "# What waits.\n"
            '[hold.odd]\nwhen_any = ["status is odd", "days is 3"]\nsentence = "Odd."\n'
        )
    ),
)


def layered(*overlays: str, base: Layer = BASE) -> Mapping:
    names = ["the company", "the connection", "a third"]
    layers = [Layer(name, text) for name, text in zip(names, overlays, strict=False)]
    return load_layers([base, *layers], name="books")


def problems(*overlays: str) -> tuple[DocumentProblem, ...]:
    with pytest.raises(MappingError) as refused:
        layered(*overlays)
    return refused.value.problems


def test_nothing_on_top_changes_nothing() -> None:
    alone = load_mapping(BASE.document, name="books")
    for mapping in (layered(), layered(""), layered("# nothing\n", "\n")):
        assert mapping.document == BASE.document
        assert mapping.sha256 == alone.sha256
        assert {origin.layer for origin in mapping.origins.values()} == {"shipped"}
    assert alone.origins == {}
    assert alone.layers == ()


def test_the_upper_layer_decides() -> None:
    mapping = layered(
        "[fields]\namount = \"constant('x') | trim\"\ndue_date = 'issued | date | plus_days(30)'\n",
        '[fields]\namount = "total | decimal_to_minor_units"\n',
    )
    outcome = mapping.evaluate({**RECORD, "total": "7.50", "issued": "2026-11-22"}, TODAY)
    assert outcome.invoice is not None
    assert outcome.invoice.amount_minor_units == 750
    assert outcome.invoice.due_date == date(2026, 12, 22)
    assert str(mapping.origins["fields.amount"]) == "the connection, line 2"
    assert str(mapping.origins["fields.due_date"]) == "the company, line 3"
    assert mapping.origins["fields.buyer"].layer == "shipped"


def test_a_rule_is_changed_part_by_part() -> None:
    mapping = layered(
        '[exclude.soon]\nsentence = "Too soon."\n', '[hold.odd]\nwhen = "status is strange"\n'
    )
    soon = mapping.evaluate({**RECORD, "due": "2026-11-23"}, TODAY)
    assert (soon.reason_code, soon.sentence) == ("soon", "Too soon.")
    assert mapping.evaluate({**RECORD, "status": "odd"}, TODAY).kind == "mapped"
    assert mapping.evaluate({**RECORD, "status": "strange"}, TODAY).kind == "held"
    origins = {key: str(origin) for key, origin in mapping.origins.items()}
    assert origins["exclude.soon"] == origins["exclude.soon.sentence"] == "the company, line 2"
    assert origins["exclude.soon.when"].startswith("shipped")
    assert origins["hold.odd.when"] == "the connection, line 2"
    assert "hold.odd.when_any" not in origins


def test_a_rule_is_switched_off_and_on_again() -> None:
    record = {**RECORD, "due": "2026-11-23"}
    off = "[exclude.soon]\noff = true\n"
    assert layered(off).evaluate(record, TODAY).kind == "mapped"
    assert layered(off, "[exclude.soon]\noff = false\n").evaluate(record, TODAY).kind == "excluded"
    made = effective([BASE, Layer("the company", off)])
    assert str(made.switched_off["exclude.soon"]) == "the company, line 2"
    assert "exclude.soon" not in made.origins
    assert "soon" not in made.text
    assert "# What waits.\n[hold.odd]" in made.text


def test_an_entry_is_taken_away() -> None:
    with_note = Layer(
        "shipped",
        BASE.document.replace("[fields]\n", '[fields]\nnote = "reference" # theirs\n'),
    )
    mapping = layered("[fields]\nnote = false\n", base=with_note)
    record = {**RECORD, "reference": "x"}
    outcome = mapping.evaluate(record, TODAY)
    assert outcome.invoice is not None
    assert outcome.invoice.note is None
    again = layered("[fields]\nnote = false\n", '[fields]\nnote = "number"\n', base=with_note)
    outcome = again.evaluate(record, TODAY)
    assert outcome.invoice is not None
    assert outcome.invoice.note == "A1"


def test_new_rules_tables_and_fields_of_the_source() -> None:
    mapping = layered(
        "[tables.direction]\nsale = 'receivable'\n"
        '[record]\n"terms.days" = "integer"\nterms = "group"\n'
        "[fields]\ndirection = 'type | lookup(direction)'\n"
        '[reject.tiny]\nwhen = "terms.days is less than 0"\nsentence = "No."\n'
        "[options.extra]\nsentence = 'An option.'\ndefault = 'x'\n"
    )
    sold = mapping.evaluate({**RECORD, "type": "sale"}, TODAY)
    assert sold.invoice is not None
    assert sold.invoice.direction == "receivable"
    wrong = mapping.evaluate({**RECORD, "type": "in", "terms": {"days": -1}}, TODAY)
    assert (wrong.kind, wrong.rule) == ("rejected", "tiny")
    assert mapping.options["extra"].value == "x"
    assert mapping.with_options({"extra": "y"}).origins == mapping.origins


def test_comments_of_the_first_layer_stay() -> None:
    made = effective(
        [BASE, Layer("Acme\n[fields]", '[exclude.soon]\nwhen = "due is less than 9 days away"\n')]
    )
    assert '"due is less than 9 days away" # a week' in made.text
    before, after = BASE.document.splitlines(), made.text.splitlines()
    assert len(before) == len(after)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    marked = effective([BASE, Layer("Acme\nx = 1", '[hold.odd]\nsentence = "O."\n')]).annotated
    assert 'sentence = "O."  # from Acme x = 1' in marked
    assert tomllib.loads(marked)["hold"]["odd"]["sentence"] == "O."


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(
            '[tables.direction]\nout = "receivable"\nin = "payable"\n',
            "[tables]\ndirection = {out = 'receivable', in = 'payable'}\n",
        ),
        lambda text: text.replace("[exclude.soon]\nwhen =", "[exclude]\nsoon.when =").replace(
            'sentence = "Soon."', 'soon.sentence = "Soon."'
        ),
        lambda text: text.replace("\n", "\r\n"),
        str.rstrip,
    ],
)
def test_a_first_layer_in_any_form(change: Any) -> None:
    overlay = (
        "[tables.direction]\nsale = 'receivable'\nin = 'receivable'\n"
        '[exclude.soon]\nwhen_any = ["status is a", "status is b"]\n'
        '[hold.odd]\noff = true\n[hold.new]\nwhen = "status is new"\nsentence = "New."\n'
    )
    usual = layered(overlay)
    other = layered(overlay, base=Layer("shipped", change(BASE.document)))
    assert tomllib.loads(other.document) == tomllib.loads(usual.document)
    assert load_mapping(other.document, name="again").document == other.document


@pytest.mark.parametrize(
    ("overlay", "line", "column", "message", "suggestion"),
    [
        ('\n[fields]\namount = "cents | minor"', 3, 19, "no function minor", "minor_units"),
        ('[fields]\namount = "cent | minor_units"', 2, 11, "describes no field cent", "cents"),
        ("[exclude.son]\noff = true", 1, 1, "No layer below has a rule son", "soon"),
        ("[exclude.soon]\noff = 'yes'", 2, 8, "off = true or off = false", None),
        ("[fields]\nbuyr = false", 2, 1, "No layer below has buyr", "buyer"),
        ("system = 'finexio'", 1, 11, "for another system", None),
        ("fields = 3", 1, 1, "section of its own", None),
        ("[feilds]\na = 'x'", 1, 1, "no entry feilds", "fields"),
        ("[hold.new]\nwhen = 'status is x'", 1, 1, "entry sentence is missing", None),
        ("[hold.soon]\nwhen = 'status is x'\nsentence = 'x'", 1, 1, "soon under exclude", None),
        ("[exclude.soon]", 1, 1, "section is empty", None),
        ("[record]\na.b = 'text'", 2, 1, "with dots", None),
        ("[hold.odd]\nwhen='days is 1'\nwhen_any=['days is 2']", 3, 1, "either when", None),
        ("[fields]\nbuyer = ", 2, 9, "value is missing", None),
    ],
)
def test_a_mistake_of_an_overlay_is_shown_in_the_overlay(
    overlay: str, line: int, column: int, message: str, suggestion: str | None
) -> None:
    found = problems("# fine\n", overlay)
    assert len(found) == 1, [str(problem) for problem in found]
    assert (found[0].layer, found[0].line, found[0].column) == ("the connection", line, column)
    assert message in found[0].message
    assert found[0].suggestion == suggestion
    assert str(found[0]).startswith(f"the connection, line {line}, column {column}: ")


def test_a_mistake_of_the_first_layer_is_shown_there() -> None:
    broken = Layer("shipped", BASE.document.replace("cents | minor_units", "cents | minor"))
    with pytest.raises(MappingError) as refused:
        load_layers([broken, Layer("the company", "")], name="books")
    assert {problem.layer for problem in refused.value.problems} == {"shipped"}


def test_a_rule_that_is_off_is_not_changed_silently() -> None:
    found = problems(
        "[exclude.soon]\noff = true\n", "[exclude.soon]\nwhen = 'due is before today'\n"
    )
    assert [(p.layer, p.line) for p in found] == [("the connection", 2)]
    assert "switched this rule off" in found[0].message


def test_layers_have_names_of_their_own() -> None:
    for layers in ([], [BASE, BASE], [Layer(str(n), "") for n in range(11)]):
        with pytest.raises(MappingError, match="1 to 10 layers"):
            load_layers(layers, name="books")


def test_a_rule_of_an_upper_layer_may_come_before_a_lower_one() -> None:
    stronger = '[exclude.odd_status]\nwhen_any = ["status is odd", "days is 3"]\nsentence = "No."\n'
    assert layered(stronger).evaluate({**RECORD, "status": "odd"}, TODAY).rule == "odd_status"
    weaker = '[hold.late]\nwhen = "due is less than 3 days away"\nsentence = "Late."\n'
    found = problems(weaker)
    assert [(p.layer, p.line) for p in found] == [("the company", 1)]
    assert "never decides: soon under exclude" in found[0].message


@pytest.mark.parametrize("name", ["finexio", "tryton"])
def test_the_shipped_documents_take_overlays(name: str) -> None:
    base = Layer("shipped", shipped()[name])
    overlay = "[exclude.past_due]\noff = true\n[options.type_of_goods]\ndefault = 'perishables'\n"
    made = load_layers([base, Layer("the company", overlay)], name=name)
    assert made.options["type_of_goods"].value == "perishables"
    assert load_mapping(made.document, name=name).sha256 == made.sha256
