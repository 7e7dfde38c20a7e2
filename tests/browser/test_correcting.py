"""The journey of a slip that the books cannot be rid of at once: corrected here, financed, and taken note of."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from connector.people.roles import Role
from tests.browser.conftest import Come
from tests.browser.house import House
from tests.browser.visitor import PHONE, Way

pytestmark = pytest.mark.browser

DUE = "2026-06-30"


def test_a_slip_is_corrected_and_the_invoice_goes_on(come: Come, house: House, way: Way):
    name = f"SLIP-{way.name}"
    house.add(name, 432_100, invoice_due_date="30.06.2026")
    house.stage.pull(full_walk=True)
    admin = come(way, Role.ADMIN)
    admin.open("/inbox?reason_code=not_a_date")
    admin.press(f"Correct {name}", "link")
    admin.heading(f"Correct invoice {name}")
    label = "What is right for invoice_due_date"
    expect(admin.page.get_by_label(label)).to_be_focused()
    admin.keep("11-form", look_closely=True)
    admin.fill(label, "30 June")
    admin.fill("Why", "the vendor's letter says so")
    admin.press("See what it does")
    admin.sees("Nothing was changed", "must be a calendar date")
    admin.keep("11-refused", look_closely=True)
    admin.fill(label, DUE)
    admin.press("See what it does")
    admin.heading("Correct it so?")
    admin.sees("It may be financed.", "30 Jun 2026")
    admin.keep("11-preview", look_closely=True)
    admin.press("Correct and retry")
    admin.sees("Corrected, and decided anew.", "entered by", "In force")
    admin.keep("11-corrected", look_closely=True)
    admin.open("/inbox?reason_code=not_a_date")
    admin.does_not_see(name)
    admin.open(f"/invoices?q={name}")
    expect(admin.row(name)).to_contain_text("ready")


def test_it_works_without_javascript_and_can_be_taken_back(come: Come, house: House):
    house.add("SLIP-plain", 5_100, invoice_due_date="30.06.2026")
    house.stage.pull(full_walk=True)
    admin = come(PHONE, javascript=False)
    admin.sign_in(Role.ADMIN)
    admin.open("/inbox?reason_code=not_a_date")
    admin.press("Correct SLIP-plain", "link")
    admin.fill("What is right for invoice_due_date", DUE)
    admin.fill("Why", "a letter")
    admin.press("See what it does")
    admin.press("Change it")
    expect(admin.page.get_by_label("What is right for invoice_due_date")).to_have_value(DUE)
    admin.press("See what it does")
    admin.press("Correct and retry")
    admin.press("Change it or take it back", "link")
    admin.sees("Corrected already")
    admin.press("Take it back")
    admin.sees("Taken back", "Ended")
    admin.open("/inbox?reason_code=not_a_date")
    admin.sees("SLIP-plain")
    house.stage.change(house.named("SLIP-plain"), invoice_due_date=DUE)
    house.stage.pull(full_walk=True)
    admin.open("/inbox?reason_code=not_a_date")
    admin.does_not_see("SLIP-plain")
