"""docs/mapping-language.md says what the language does. Made anew by `python -m tests.unit.mappings.test_language_page`."""

from __future__ import annotations

from pathlib import Path

from mappings import Layer, load_layers, shipped
from mappings.expressions import MAX_ARGUMENTS, MAX_CALLS, MAX_EXPRESSION_CHARACTERS
from mappings.locations import MAX_DOCUMENT_BYTES, MAX_ENTRIES
from mappings.reference import generated
from mappings.rules import MAX_CONDITIONS, MAX_CONDITIONS_ON_DAYS, MAX_RULES

PAGE = Path(__file__).parents[3] / "docs" / "mapping-language.md"


def test_the_page_is_not_stale() -> None:
    page = PAGE.read_text("utf-8")
    assert generated(page) == page


def test_the_page_tells_the_limits() -> None:
    limits = PAGE.read_text("utf-8").split("## Limits", 1)[1]
    told = (
        f"{MAX_DOCUMENT_BYTES // 1024} kB, {MAX_ENTRIES:,} entries, {MAX_RULES} rules, "
        f"{MAX_CONDITIONS} conditions, {MAX_CONDITIONS_ON_DAYS} of them on today; {MAX_EXPRESSION_CHARACTERS:,} characters, "
        f"{MAX_CALLS} functions and {MAX_ARGUMENTS} arguments"
    )
    assert told in " ".join(limits.split())


def test_the_overlay_of_the_page_can_be_used() -> None:
    overlay = PAGE.read_text("utf-8").split("## Layers", 1)[1].split("```toml\n")[1].split("```")[0]
    layers = [Layer("shipped", shipped()["finexio"]), Layer("Acme", overlay)]
    mapping = load_layers(layers, name="finexio")
    assert mapping.options["type_of_goods"].value == "perishables"
    assert str(mapping.origins["hold.large"]).startswith("Acme, line")


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text("utf-8")), "utf-8")
