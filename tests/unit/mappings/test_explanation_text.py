from __future__ import annotations

from datetime import date

from mappings import Layer, explanation_text, load_layers, load_mapping
from tests.unit.mappings.documents import PARTS, RECORD, document, with_fields

TODAY = date(2026, 11, 22)
RULES = (
    '[hold.odd]\nwhen = "status is odd"\nsentence = "Odd."\n'
    '[exclude.many]\nwhen = "number is more than 5"\nsentence = "Many."\n'
)


def test_every_step_and_verdict_is_told() -> None:
    text = with_fields(note="reference | trim | upper", due_date="issued | date | plus_days(30)")
    mapping = load_layers(
        [
            Layer("shipped", text + "\n" + RULES),
            Layer("the company", "[fields]\nbuyer = \"constant('we')\"\n"),
        ],
        name="books",
    )
    record = {**RECORD, "reference": " po ", "issued": "2026-11-30", "status": "odd"}
    shown = explanation_text(mapping.explain(record, TODAY), origins=mapping.origins)
    lines = [line.strip() for line in shown.splitlines()]
    assert lines[0].startswith("Rejected. Number must be")
    at = next(n for n, line in enumerate(lines) if line.startswith("note = 'PO'"))
    assert lines[at + 1 : at + 4] == ["reference: ' po '", "| trim -> 'po'", "| upper -> 'PO'"]
    assert any(line.startswith("buyer = 'we'   (set by the company, line 2)") for line in lines)
    assert any(line.startswith("amount = 1.00 USD") for line in lines)
    assert "| minor_units -> 1.00 USD" in lines
    assert "| plus_days(30) -> 2026-12-30" in lines
    assert any(line.startswith("hold odd: holds: Odd. [status is odd]   (set by") for line in lines)
    assert any(line.startswith("exclude many: cannot be decided: Number") for line in lines)
    assert any("past_due (the financier's): does not act" in line for line in lines)


def test_a_step_that_stops_is_told() -> None:
    mapping = load_mapping(document(), name="books")
    shown = explanation_text(mapping.explain({**RECORD, "due": "tomorrow"}, TODAY))
    assert "due_date = no value" in shown
    assert "| date -> Due must be a calendar date" in shown
    assert explanation_text(mapping.explain([1], TODAY)).startswith("Rejected.")


def test_no_secret_is_shown() -> None:
    record = PARTS["record"] + '"bank.iban" = "text"\nbank = "group"\naccess_token = "text"\n'
    fields = with_fields(
        note="access_token | upper",
        supplier="concat('x', bank.iban)",
        invoice_number="first_of(access_token, number) | text",
    )
    mapping = load_mapping(fields.replace(PARTS["record"], record), name="books")
    given = {**RECORD, "access_token": "hushhush", "bank": {"iban": "DE-hushhush"}}
    explanation = mapping.explain(given, TODAY)
    shown = explanation_text(explanation)
    assert "hushhush" not in shown.lower()
    assert shown.count("•••") >= 5
    assert "A1" not in explanation_text(
        load_mapping(document(), name="b").explain(RECORD, TODAY), masked=lambda path, text: "x"
    )


def test_strange_values_are_shown_safely() -> None:
    mapping = load_mapping(with_fields(note="reference", buyer="number"), name="books")
    for value in ("a\x1b[31mb\n", "x" * 500, 10**5_000, [1], {"a": 1}, True, 1.5):
        shown = explanation_text(mapping.explain({**RECORD, "reference": value}, TODAY))
        assert "\x1b" not in shown
        assert all(len(line) < 300 for line in shown.splitlines())
