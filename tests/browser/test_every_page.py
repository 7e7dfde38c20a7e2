"""What holds for every page that can be reached from the navigation, in the browser."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from connector.people.roles import Role
from tests.browser.accessibility import problems, unreachable
from tests.browser.conftest import Come
from tests.browser.house import House
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.unit.console.page import Page

pytestmark = pytest.mark.browser

NO_PAGES = re.compile(r"/(static|theme)/|/api/.|.*/export\.|/invoices/.*/documents/")
LEAST_PAGES = 18
"""So many kinds of pages there are at least: a crawl that finds fewer has lost its way."""


def kind(address: str) -> str:
    """Addresses of the same kind of page: numbers, identifiers, and what is asked for, make no difference."""
    parts = urlsplit(address)
    path = re.sub(r"/(r?\d+|[0-9a-f-]{36})(?=/|$)", "/#", parts.path)
    return path + ("?" if parts.query else "")


def crawl(visitor: Visitor) -> list[str]:
    """One address of each kind of page, beginning at Today."""
    found = {kind("/"): "/"}
    waiting = ["/"]
    while waiting:
        answer = visitor.page.request.get(f"{visitor.address}{waiting.pop(0)}")
        assert answer.ok, f"{answer.url} answers {answer.status}"
        for link in Page(answer.text()).all("a"):
            address = (link.attributes.get("href") or "").partition("#")[0]
            is_page = address.startswith("/") and not NO_PAGES.match(address)
            if is_page and kind(address) not in found:
                found[kind(address)] = address
                waiting.append(address)
    return list(found.values())


@pytest.fixture(scope="module")
def addresses() -> list[str]:
    """Filled by whichever test comes first."""
    return []


@pytest.fixture
def pages(addresses: list[str], come: Come) -> list[str]:
    if not addresses:
        addresses += crawl(come(DESKTOP, Role.ADMIN))
    assert len(addresses) >= LEAST_PAGES
    return addresses


@pytest.mark.long
def test_every_page_is_accessible_in_light_and_dark(come: Come, pages: list[str]):
    admin = come(DESKTOP, Role.ADMIN)
    found: list[str] = []
    for address in pages:
        admin.open(address)
        found += problems(admin.page)
    stranger = come(DESKTOP)
    stranger.open("/sign-in")
    found += problems(stranger.page)
    assert not found, "\n".join(found)


def test_every_page_fits_a_phone_and_cuts_no_table_off(come: Come, pages: list[str]):
    admin = come(PHONE, Role.ADMIN)
    found: list[str] = []
    cards = 0
    for address in pages:
        admin.open(address)
        found += filter(None, [admin.is_too_wide()])
        found += admin.cut_off() + unreachable(admin.page)
        cards += admin.page.locator("table.cards").count()
    assert not found, "\n".join(found)
    assert cards > 10


def test_on_a_phone_each_value_stands_behind_the_name_of_its_column(come: Come):
    admin = come(PHONE, Role.ADMIN)
    admin.open("/settings")
    role = admin.row("Omar Haddad").locator("td").first

    shown = role.evaluate("e => getComputedStyle(e, '::before').content")
    assert shown == '"Role"'
    box = role.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE.width


def test_every_page_works_without_javascript(come: Come, pages: list[str], house: House):
    admin = come(PHONE, javascript=False)
    admin.sign_in(Role.ADMIN)
    admin.to("Invoices")
    admin.heading("Invoices")
    for address in pages:
        answer = admin.page.goto(f"{admin.address}{address}")
        assert answer is not None
        assert answer.ok
        assert admin.page.get_by_role("heading", level=1).inner_text()
    admin.open("/mappings/new")
    admin.choose("Layer", "company:company/finexio")
    admin.press("Begin")
    admin.page.get_by_label("Mapping document (TOML)").fill("[exclude.x]\nwhen = 'nonsense'\n")
    admin.press("Save as the next version")
    admin.sees("It cannot be used yet")
    admin.press("Withdraw")
    admin.sees("The draft is withdrawn")
