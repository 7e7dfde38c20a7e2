"""The list of operations in docs/rest-api.md. `python -m tests.unit.api.operations` makes it anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from connector.api.description import Description, operations
from connector.api.registration import RESOURCES
from connector.api.resource import Context
from tests.fakes import FakeClock
from tests.unit.access.house import House, make_program

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rest-api.md"
HEADING = "is stale.\n\n"
PARTS = ("| operation | does | permission |", "|---|---|---|")


def listed(house: House) -> str:
    """The table: every operation, what it does, and the permission it asks for."""
    resources = [create(Context(house.program, lambda _key: False)) for create in RESOURCES]
    document = Description(house.app, resources).document
    rows = [
        f"| `{each.method} {each.path}` | {each.summary} | `{each.permission}` |"
        for group in operations(document)
        for each in group.operations
    ]
    return "\n".join([*PARTS, *rows]) + "\n"


def main() -> None:
    """Write it into the page."""
    with tempfile.TemporaryDirectory() as directory:
        house = House(make_program(Path(directory), FakeClock()))
        text = PAGE.read_text("utf-8")
        before = text.partition(HEADING)[0]
        PAGE.write_text(f"{before}{HEADING}{listed(house)}", "utf-8")
        house.program.close()


if __name__ == "__main__":
    main()
