"""docs/mapping-language.md says what the language does. Made anew by `python -m tests.unit.mappings.test_language_page`."""

from __future__ import annotations

from pathlib import Path

from mappings.expressions import MAX_ARGUMENTS, MAX_CALLS, MAX_EXPRESSION_CHARACTERS
from mappings.locations import MAX_DOCUMENT_BYTES, MAX_ENTRIES
from mappings.reference import generated
from mappings.rules import MAX_CONDITIONS_ON_DAYS, MAX_RULES

PAGE = Path(__file__).parents[3] / "docs" / "mapping-language.md"


def test_the_page_is_not_stale() -> None:
    page = PAGE.read_text("utf-8")
    assert generated(page) == page


def test_the_page_tells_the_limits() -> None:
    limits = PAGE.read_text("utf-8").split("## Limits", 1)[1]
    told = (
        f"{MAX_DOCUMENT_BYTES // 1024} kB, {MAX_ENTRIES:,} entries, {MAX_RULES} rules, "
        f"{MAX_CONDITIONS_ON_DAYS} conditions on today; {MAX_EXPRESSION_CHARACTERS:,} characters, "
        f"{MAX_CALLS} functions and {MAX_ARGUMENTS} arguments"
    )
    assert told in " ".join(limits.split())


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text("utf-8")), "utf-8")
