"""Journeys of an admin who puts things right: a held invoice, many at once, and financing requested by hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from connector.people.roles import Role
from tests.browser.conftest import Come
from tests.browser.house import House
from tests.browser.visitor import PHONE, Way

pytestmark = pytest.mark.browser


def test_a_held_invoice_is_put_right_by_linking_its_company(come: Come, house: House, way: Way):
    supplier = house.parties("Supplier")[1 if way is not PHONE else 2]
    admin = come(way, Role.ADMIN)
    admin.open("/")
    admin.to("Error inbox")
    admin.press("A company is not linked to the financier's", "link", admin.main)
    admin.sees(f"LINK-{way.name}", "What to do")
    admin.keep("5-held")
    admin.press("Link companies", "link")
    admin.heading("Companies")
    admin.press("Suggest links", "link")
    admin.keep("5-suggestions")
    admin.press(supplier.body["name"], "link", admin.main)
    admin.sees("not linked", "Suggestions")
    admin.press("Link", inside=admin.main)
    admin.sees("Linked", "linked")
    admin.keep("5-linked")
    admin.open(f"/invoices?q=LINK-{way.name}")
    expect(admin.row(f"LINK-{way.name}")).to_contain_text("ready")
    admin.open("/inbox?reason_code=company_not_linked")
    admin.does_not_see(f"LINK-{way.name}")


def test_many_are_retried_after_a_look_at_what_that_means(come: Come, house: House, way: Way):
    numbers = [f"DUE-{way.name}-1", f"DUE-{way.name}-2"]
    for number in numbers:
        house.stage.change(house.named(number), invoice_due_date="2026-06-30")
    admin = come(way, Role.ADMIN)
    admin.open("/inbox?reason_code=due_date_missing")
    for number in numbers:
        admin.page.get_by_label(f"Choose {number}").check()
    admin.press("Retry chosen")
    admin.heading("Retry 2 invoices?")
    admin.sees("2 invoices", "4,600.0")
    admin.keep("6-preview", look_closely=True)
    admin.press("Retry 2 invoices")
    admin.sees("Retried 2 invoices: 0 left the inbox at once, 2 are being read again.")
    admin.keep("6-retried")
    house.stage.settle()
    admin.open("/inbox")
    admin.open(f"/invoices?q=DUE-{way.name}")
    for number in numbers:
        expect(admin.row(number)).to_contain_text("ready")
    admin.open("/inbox?reason_code=due_date_missing")
    admin.does_not_see(*numbers)


def test_financing_is_requested_by_hand_and_its_session_opened(come: Come, house: House, way: Way):
    admin = come(way, Role.ADMIN)
    admin.open(f"/invoices?q=HAND-{way.name}")
    admin.press(f"HAND-{way.name}", "link", admin.main.get_by_role("table"))
    admin.press("More actions", "link")
    admin.page.get_by_label("File").set_input_files(
        {"name": "order.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 made up"}
    )
    admin.choose("What it is", "purchase order")
    admin.press("Attach")
    admin.sees("Attached.", "order.pdf")
    admin.press("Request financing")
    admin.sees("Requested. It is sent to the financier now.")
    house.stage.settle()
    admin.page.reload()
    admin.keep("8-session")
    with admin.page.expect_popup() as opened:
        admin.press("Open financing session", "link", exact=False)
    opened.value.wait_for_load_state()
    assert opened.value.url.startswith(house.stage.financier_url)
    opened.value.close()
    house.stage.complete_sessions()
    house.stage.settle()
    admin.page.reload()
    admin.sees("Advance (first payment)", "6,399.")
