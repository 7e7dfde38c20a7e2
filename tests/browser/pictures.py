"""Makes the pictures of the README, docs/images/*.png: `python -m tests.browser.pictures`. Needs Chromium.

The same world each time: the sandbox's platforms with some weeks of invoices, seen as an admin sees them.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import sync_playwright

from connector.people.roles import Role
from tests.browser.conftest import ARGUMENTS, find_chromium
from tests.browser.house import House
from tests.browser.visitor import Visitor, Way

DIRECTORY = Path(__file__).resolve().parents[2] / "docs" / "images"
WINDOW = Way("desktop", 1240, 860)
LARGEST_BYTES = 150_000
SEEDED = 150
LARGEST_AMOUNT = 9_000_000
STEPS = (0, 0, 1, 2, 3, 3, 4, 2, 3, 1)
"""How far the desk moves one financed invoice after the other."""

RULE = """
[exclude.too_small]
when = "amount_cents is less than 20000"
sentence = "The invoice is too small for financing."
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page, and the file its picture is kept in."""

    name: str
    address: str
    scheme: Literal["light", "dark"] = "light"


PICTURES = (
    Picture("today", "/"),
    Picture("invoices", "/invoices?outcome=mapped", "dark"),
    Picture("life", "/invoices/{life}"),
    Picture("inbox", "/inbox"),
    Picture("backtest", "/mappings/trials/1"),
)


def live(house: House) -> str:
    """Some weeks of work. Gives the invoice whose life is shown."""
    stage = house.stage
    house.move_in()
    shown = house.add("RE-2041", 1_248_050, invoice_due_date="2026-05-29")
    changed = house.add("RE-2042", 865_000)
    for invoice in stage.source.ledger.select("invoice"):
        if (invoice.amount_minor_units or 0) > LARGEST_AMOUNT and invoice.status == "pending":
            stage.advance_source(invoice.id, "complete")  # one of these would fill the plot alone
    stage.settle()
    house.link(*house.parties("Buyer"), *house.parties("Supplier")[:2])
    house.request(shown, changed)
    stage.complete_sessions()
    stage.settle()
    house.desk(shown, 4)
    stage.change(changed, amount_cents=915_000)
    stage.pull(full_walk=True)
    stage.settle()
    ready = [row for row in stage.financings() if row.state == "ready"][:40]
    task = stage.program.submit_task(stage.program.config.flows[0])
    for row in ready:
        task.open_one(row.id)
    stage.settle()
    stage.complete_sessions()
    stage.settle()
    for number, row in enumerate(ready[:30]):
        with stage.read() as tx:
            source_id = tx.records.get(row.record_id).source_id
        house.desk(source_id, STEPS[number % len(STEPS)])
    stage.pull()
    stage.settle()
    life, author = stage.program.mapping_life, "person:mapping_author@example.com"
    subject = next(s for s in stage.program.stacks.subjects() if s.layer == "connection")
    draft = life.new(subject, RULE, author, note="Small invoices are not worth the fee")
    life.check(draft.id, author)
    stage.program.trials.prepare_backtest(draft.id, author)
    stage.program.trials.run_waiting()
    stage.clock.advance(200)
    with stage.read() as tx:
        return f"r{tx.records.by_source_id(shown)[0].id}"


def main() -> int:
    """Make all of them."""
    program = find_chromium()
    if program is None:
        print("No Chromium is installed.", file=sys.stderr)  # noqa: T201
        return 1
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        house = House(Path(directory), invoices=SEEDED, source={"dirty_percent": 1})
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            shown = live(house)
            context = browser.new_context(viewport={"width": WINDOW.width, "height": WINDOW.height})
            visitor = Visitor(context.new_page(), house.address, WINDOW, DIRECTORY)
            visitor.sign_in(Role.ADMIN)
            for picture in PICTURES:
                visitor.page.emulate_media(color_scheme=picture.scheme, reduced_motion="reduce")
                visitor.open(picture.address.format(life=shown))
                file = DIRECTORY / f"{picture.name}.png"
                few_colours = Image.open(BytesIO(visitor.page.screenshot())).quantize(
                    128, dither=Image.Dither.NONE
                )
                few_colours.save(file, optimize=True)
                size = file.stat().st_size
                print(f"{file.name}: {size} bytes")  # noqa: T201
                if size > LARGEST_BYTES:
                    print(f"{file.name} is too large.", file=sys.stderr)  # noqa: T201
                    return 1
        finally:
            browser.close()
            house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
