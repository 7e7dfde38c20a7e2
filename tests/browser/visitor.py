"""Somebody at a browser: goes by links and buttons as a person does, and notes what the browser complains about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from connector.people.roles import Role
from tests.browser.accessibility import problems
from tests.browser.house import PASSWORD, email_of

MOST_TABS = 150
Kind = Literal["button", "link"]


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody comes: the width and height of the window, and whether they only have a keyboard."""

    name: str
    width: int
    height: int
    keyboard: bool = False


DESKTOP = Way("desktop", 1280, 800)
PHONE = Way("phone", 390, 844)
KEYBOARD = Way("keyboard", 1280, 800, keyboard=True)


class Visitor:
    """One tab of a browser, and who looks at it."""

    def __init__(self, page: Page, address: str, way: Way, screenshots: Path) -> None:
        self.page = page
        self.address = address
        self.way = way
        self.complaints: list[str] = []
        self._screenshots = screenshots
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        # A form that is shown again is answered 422, which the browser reports as if it were a failure.
        is_own_page = (
            message.location.get("url", "").partition("#")[0] == self.page.url.partition("#")[0]
        )
        answered = message.text.startswith("Failed to load resource") and is_own_page
        if message.type in ("error", "warning") and not answered:
            self.complaints.append(f"{self.page.url}: {message.text}")

    # -- going --------------------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        """By the address bar."""
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is None or answer.ok, f"{path} answers {answer.status}"

    def to(self, title: str) -> None:
        """By the navigation; on a phone it is behind a button."""
        if self.way.width < 800:
            self.page.get_by_role("button", name="Menu").click()
        entry = self.page.get_by_role("navigation", name="Main").get_by_role("link", name=title)
        self._use(entry)

    def press(
        self, name: str, kind: Kind = "button", inside: Locator | None = None, *, exact: bool = True
    ) -> None:
        """A button or link by its words."""
        self._use(
            (inside or self.page.locator("body")).get_by_role(kind, name=name, exact=exact).first
        )

    def _use(self, target: Locator) -> None:
        if self.way.keyboard:
            self._tab_to(target)
            self.page.keyboard.press("Enter")
            self.page.wait_for_load_state()
        else:
            target.click()

    def _tab_to(self, target: Locator) -> None:
        """Press Tab until the target has the focus, as somebody without a mouse does."""
        wanted = target.element_handle()
        for _ in range(MOST_TABS):
            if wanted.evaluate("e => e === document.activeElement"):
                seen = wanted.evaluate("e => e.matches(':focus-visible')")
                assert seen, f"The focus on {target} cannot be seen."
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached with the Tab key.")

    # -- forms --------------------------------------------------------------------------------------------------------

    def fill(self, label: str, text: str) -> None:
        """Type into the field of this label."""
        target = self.page.get_by_label(label, exact=True)
        if self.way.keyboard:
            self._tab_to(target)
            self.page.keyboard.press("ControlOrMeta+A")
            self.page.keyboard.insert_text(text)
        else:
            target.fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from the list of this label."""
        target = self.page.get_by_label(label, exact=True)
        if self.way.keyboard:
            self._tab_to(target)
            self.page.keyboard.type(option)
            chosen = target.evaluate("e => e.selectedOptions[0].label")
            assert chosen == option, f"Typing chose {chosen}."
        else:
            target.select_option(label=option)

    def sign_in(self, role: Role) -> None:
        """Through the page."""
        self.open("/sign-in")
        self.fill("E-mail address", email_of(role))
        self.fill("Password", PASSWORD)
        self.press("Sign in")
        self.heading("Today")

    # -- seeing -------------------------------------------------------------------------------------------------------

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    def heading(self, text: str) -> None:
        """The page of this heading is there."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def heading_begins(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    def sees(self, *texts: str) -> None:
        for text in texts:
            expect(self.main).to_contain_text(text)

    def does_not_see(self, *texts: str) -> None:
        for text in texts:
            expect(self.main).not_to_contain_text(text)

    def row(self, *texts: str) -> Locator:
        """The row of a table in which all these texts stand."""
        found = self.main.get_by_role("row")
        for text in texts:
            found = found.filter(has_text=text)
        return found.first

    def is_too_wide(self) -> str | None:
        """What makes the page scroll sideways."""
        wide, open_width = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        return f"{self.page.url} is {wide} wide on {open_width}" if wide > open_width else None

    def cut_off(self) -> list[str]:
        """The tables of which a part can neither be seen nor be scrolled to with the keyboard."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll('table')].filter(table => {
                const scrolls = (e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
                let holder = table
                while (holder && !scrolls(holder)) holder = holder.parentElement
                const edge = (holder || document.documentElement).getBoundingClientRect().right
                const hidden = table.getBoundingClientRect().right > edge + 1
                return hidden && !(holder && holder.tabIndex >= 0)
            }).map(table => table.outerHTML.slice(0, 120))"""
        )
        return [f"{self.page.url}: {table}" for table in found]

    def keep(self, name: str, *, look_closely: bool = False) -> None:
        """A picture of the page as it is now, for people to look at; and it fits the window. `look_closely`: it is no
        page that the navigation leads to, so its accessibility is looked at here, once."""
        self.page.screenshot(path=self._screenshots / f"{name}-{self.way.name}.png", full_page=True)
        too_wide = self.is_too_wide()
        assert not too_wide, too_wide
        if look_closely and self.way is DESKTOP:
            found = problems(self.page)
            assert not found, "\n".join(found)
