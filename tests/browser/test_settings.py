"""Journeys of an admin who sets things up: a connection more, people, what they may see, programs, the audit log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from connector.people.roles import Role
from tests.browser.conftest import Come
from tests.browser.house import PASSWORD, House
from tests.browser.visitor import Way

pytestmark = pytest.mark.browser


@pytest.fixture
def own_house(new_directory: Callable[[], Path]):
    """A connector that nobody else looks at: it starts anew in the middle."""
    house = House(new_directory())
    yield house
    house.close()


def test_a_connection_is_added_tried_and_run(come: Come, own_house: House, way: Way):
    house = own_house
    house.move_in()
    house.add("RE-1", 100_000)
    admin = come(way, at=house)
    admin.sign_in(Role.ADMIN)
    admin.to("Connections")
    admin.press("Add a connection", "link")
    admin.press("Connect Finexio", "link")
    admin.keep("9-form")
    admin.fill("Name", "second")
    # The sandbox has one company; by another name of this machine it stands for the books of another.
    admin.fill("Address", f"{house.stage.source_url}/v2".replace("127.0.0.1", "localhost"))
    admin.fill("Username", "sandbox-user")
    admin.choose("Financier", "bank")
    admin.fill("Submitted by", "finance@example.com")
    admin.choose("Document", "render")
    admin.choose("Submit", "by hand")
    admin.fill("Success address", "https://example.com/financed")
    admin.fill("Cancel address", "https://example.com/canceled")
    admin.fill("Password", "not the password")
    admin.press("Test and save")
    admin.sees("The test found something wrong; nothing was saved.")
    admin.keep("9-wrong", look_closely=True)
    admin.fill("Password", "sandbox-password")
    admin.press("Test and save")
    admin.heading("Connections")
    admin.sees("second was added.")
    house.stage.restart()
    admin.address = house.address  # another port; the session is in the store
    admin.open("/connections")
    admin.press("second", "link", admin.main)
    admin.press("Test")
    admin.sees("The test just now")
    admin.press("Run now")
    house.stage.tasks.pull("second")
    admin.page.reload()
    admin.sees("Control totals", "1,000.00")
    admin.keep("9-run")


def test_people_roles_tokens_and_the_audit_log(come: Come, house: House, way: Way):
    email = f"new-{way.name}@example.com"
    admin = come(way, Role.ADMIN)
    admin.open("/")
    admin.to("Settings & people")
    admin.fill("E-mail address", email)
    admin.fill("Name", "Nora Weiss")
    admin.choose("Role", "operator")
    admin.press("Add")
    admin.sees(f"One-time password of {email}", "Shown only now.")
    password = admin.main.locator("pre.once").inner_text()
    admin.keep("10-added")

    nora = come(way)
    nora.open("/sign-in")
    nora.fill("E-mail address", email)
    nora.fill("Password", password)
    nora.press("Sign in")
    nora.sees("Choose your own to go on.")
    nora.fill("Present password", password)
    nora.fill("New password", f"{PASSWORD} but me")
    nora.fill("New password once more", f"{PASSWORD} but me")
    nora.press("Change the password")
    nora.sees("Your password is changed.")
    nora.to("Error inbox")
    assert nora.page.get_by_role("link", name="Settings & people").count() == 0
    answer = nora.page.request.get(f"{nora.address}/settings")
    assert answer.status == 403
    assert email not in answer.text()

    admin.press("API tokens", "link")
    admin.fill("Program", f"reporting {way.name}")
    admin.press("Make a token")
    admin.sees("Shown only now.")
    token = admin.main.locator("pre.once").inner_text()
    called = nora.page.request.get(
        f"{nora.address}/api/v1/invoices",
        headers={"Authorization": f"Bearer {token}", "Cookie": ""},
    )
    assert called.ok
    admin.to("Audit log")
    admin.sees(email)
    admin.press("Check the chain", "link")
    admin.sees("The chain holds")
    admin.keep("10-audit")
    expect(admin.main).not_to_contain_text(token)
