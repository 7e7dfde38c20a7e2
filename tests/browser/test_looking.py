"""Journeys of an admin who looks: set-up and sign-in, what needs somebody, searching, the life of an invoice."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from connector.people.roles import Role
from tests.browser.conftest import Come
from tests.browser.house import HOSTILE, PASSWORD, House
from tests.browser.visitor import DESKTOP, KEYBOARD, PHONE, Way

pytestmark = pytest.mark.browser

ALL_WAYS = pytest.mark.parametrize("way", [DESKTOP, PHONE, KEYBOARD], ids=lambda way: way.name)


@ALL_WAYS
def test_the_first_admin_sets_the_connector_up_and_signs_in(
    come: Come, way: Way, new_directory: Callable[[], Path]
):
    house = House(new_directory())
    try:
        code = house.stage.program.sign_in.new_set_up_code()
        admin = come(way, at=house)
        admin.open("/invoices")
        admin.heading("Set up the connector")
        admin.fill("Set-up code", "WRONG-CODE")
        admin.fill("Your name", "Ana Ng")
        admin.fill("E-mail address", "ana@example.com")
        admin.fill("Password", PASSWORD)
        admin.fill("Password once more", PASSWORD)
        admin.press("Make the first admin")
        admin.sees("The set-up code is wrong")
        admin.keep("1-set-up-refused", look_closely=True)
        admin.fill("Set-up code", str(code))
        admin.fill("Password", PASSWORD)
        admin.fill("Password once more", PASSWORD)
        admin.press("Make the first admin")
        admin.heading("Today")
        admin.sees("Nothing waits for a person")
        admin.keep("1-first-day")

        if way is PHONE:
            admin.page.get_by_role("button", name="Menu").click()
        admin.press("Sign out")
        admin.heading("Sign in")
        admin.fill("E-mail address", "ana@example.com")
        admin.fill("Password", "not the password at all")
        admin.press("Sign in")
        admin.sees("The e-mail address or the password is wrong")
        admin.fill("Password", PASSWORD)
        admin.press("Sign in")
        admin.heading("Today")
    finally:
        house.close()


def test_today_says_what_needs_a_person_and_leads_there(come: Come, way: Way):
    admin = come(way, Role.ADMIN)
    admin.open("/")
    admin.sees("What needs a person", "Money in flight", "books", "bank")
    cause = "The invoice changed after it was sent for financing"
    changed = admin.row(cause)
    expect(changed).to_contain_text("9,150.00")
    admin.keep("2-today")
    admin.press(cause, "link", changed)
    admin.heading(cause)
    admin.sees("RE-2042", "Who acts", "What to do")
    admin.keep("2-where-it-leads")


@ALL_WAYS
def test_invoices_are_searched_summed_and_exported(come: Come, way: Way, tmp_path: Path):
    admin = come(way, Role.ADMIN)
    admin.open("/")
    admin.to("Invoices")
    admin.heading("Invoices")
    admin.fill("Search", "SUM-")
    admin.choose("Outcome", "mapped")
    admin.press("Show")
    admin.sees("SUM-1", "3 invoices", "3,600.06")
    admin.does_not_see("RE-2041")
    assert "q=SUM-" in admin.page.url
    admin.press("Remove the filter Outcome", "link", exact=False)
    expect(admin.page.get_by_label("Outcome", exact=True)).to_have_value("")
    admin.sees("3 invoices")
    admin.keep("3-invoices")
    with admin.page.expect_download() as download:
        admin.press("Export CSV", "link")
    file = tmp_path / "invoices.csv"
    download.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        lines = list(csv.DictReader(opened))
    assert sorted(line["invoice_number"] for line in lines) == ["SUM-1", "SUM-2", "SUM-3"]
    assert {line["amount"] for line in lines} == {"1200.01", "1200.02", "1200.03"}


def test_the_life_of_an_invoice_is_on_one_page(come: Come, way: Way):
    admin = come(way, Role.ADMIN)
    admin.open("/invoices?q=RE-2041")
    admin.press("RE-2041", "link")
    admin.heading("Invoice RE-2041")
    admin.sees("12,480.50", "Amount offered", "Status timeline", "the financier's word: financed")
    admin.sees("Why: the mapping, field by field", "Versions from books")
    admin.page.get_by_text("do not act on it").first.click()
    admin.page.get_by_text("The whole record").first.click()
    admin.sees("invoice_number")
    admin.keep("4-life")


def test_hostile_text_of_an_invoice_is_text_in_the_browser(come: Come):
    admin = come(DESKTOP, Role.ADMIN)
    admin.page.on(
        "dialog", lambda dialog: pytest.fail(f"A script of an invoice ran: {dialog.message}")
    )
    admin.open("/invoices")
    admin.press(HOSTILE, "link")
    admin.heading(f"Invoice {HOSTILE}")
    admin.sees(HOSTILE)
    for address in ("/inbox", "/deliveries", "/", "/runs/1", "/audit"):
        admin.open(address)
        assert admin.page.locator("main script").count() == 0
