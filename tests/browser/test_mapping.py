"""An admin's journey with a mapping: draft, errors while typing, back-test, approval by somebody else, in force, back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from connector.people.roles import Role
from tests.browser.conftest import Come
from tests.browser.house import House
from tests.browser.visitor import Way

pytestmark = pytest.mark.browser

RULE = """
[exclude.too_small]
when = "amount_cents is less than 10000"
sentence = "The invoice is too small for financing."
"""


LAYERS = {"desktop": "connection:books", "phone": "company:company/finexio"}
"""Each way has a layer of its own: going back leads to what was in force before in the same layer."""


def test_a_mapping_is_changed_with_its_effect_before_it(come: Come, house: House, way: Way):
    layer = LAYERS[way.name]
    title = layer.replace(":", " ")
    admin, approver = come(way, Role.ADMIN), come(way, Role.APPROVER)
    admin.open("/")
    admin.to("Mappings")
    admin.press("New draft", "link")
    admin.choose("Layer", layer)
    admin.fill("Why", "Small invoices are not worth the fee.")
    admin.press("Begin")
    admin.heading_begins(title)

    text = admin.page.get_by_label("Mapping document (TOML)")
    text.press_sequentially("\n")  # the page checks while somebody types, and not before
    text.fill(RULE.replace("amount_cents", "amount_cent"))
    admin.sees("line 3, column 9")
    admin.press("line 3, column 9", exact=False)
    expect(text).to_be_focused()
    admin.keep("7-line-errors", look_closely=True)
    text.fill(RULE)
    admin.sees("It can be used.")
    admin.press("Save as the next version")
    admin.sees("It can be used: back-test it next.", "Rule too_small (exclude) is new")
    admin.fill("Invoice number or identifier", "SECRET-4")
    admin.press("Explain")
    admin.sees("In force now", "With this document", "The invoice is too small for financing.")

    admin.press("Back-test")
    admin.sees("The back-test runs")
    house.stage.program.trials.run_waiting()
    admin.page.reload()
    trial = admin.main.get_by_role("region", name="Trials of this version")
    admin.keep("7-document", look_closely=True)
    trial.get_by_role("rowheader").get_by_role("link").click()
    admin.heading_begins("Back-test")
    admin.sees(
        "would come out otherwise", "Counts and money", "SECRET-4", "too small for financing"
    )
    admin.keep("7-report", look_closely=True)
    admin.press(title, "link", admin.main, exact=False)
    admin.sees("Who wrote it cannot approve it.")

    approver.open("/mappings")
    approver.press(title, "link", approver.main, exact=False)
    approver.press("Approve")
    approver.sees("Approved.")
    approver.press("Activate")
    approver.sees(f"Put {title}", "in force?", "come out worse")
    approver.press("Activate")
    approver.sees("It is in force.")
    house.stage.settle()
    admin.open("/invoices?q=SECRET-4")
    expect(admin.row("SECRET-4")).to_contain_text("excluded")

    admin.to("Mappings")
    admin.press("books", "link", admin.main)
    admin.press(f"Roll back {layer}")
    admin.sees(f"Take back {title}")
    admin.press("Roll back")
    admin.sees("was taken back")
    admin.keep("7-rolled-back")
    house.stage.settle()
    admin.open("/invoices?q=SECRET-4")
    expect(admin.row("SECRET-4")).to_contain_text("mapped")
