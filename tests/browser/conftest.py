"""One browser, and one running connector for it to look at, for all browser tests: they share a worker."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, expect, sync_playwright

from connector.people.roles import Role
from tests.browser.house import House, furnish
from tests.browser.visitor import DESKTOP, PHONE, Visitor, Way

MEMORY = Path("/dev/shm")
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-background-networking")
PATIENCE_MILLISECONDS = 15_000
"""A busy machine is no finding."""

Come = Callable[..., Visitor]


def find_chromium() -> str | None:
    """The program, from the path."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Skips where there is no Chromium, and fails for that in CI."""
    program = find_chromium()
    if program is None:
        said = "No Chromium is installed (on Debian the package chromium): the console is not looked at in a browser."
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of each journey's end are kept."""
    chosen: Path | None = pytestconfig.getoption("--screenshots")
    if chosen is None:
        return tmp_path_factory.mktemp("screenshots", numbered=False)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.fixture(scope="session")
def new_directory() -> Iterator[Callable[[], Path]]:
    """Directories in memory where there is such a file system."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with ExitStack() as stack:
        yield lambda: Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="browser-", dir=place))
        )


@pytest.fixture(scope="session")
def house(browser: Browser, new_directory: Callable[[], Path]) -> Iterator[House]:
    """The connector that all of them look at."""
    made = House(new_directory())
    try:
        furnish(made)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def states() -> dict[Role, StorageState]:
    """The cookies of who signed in before."""
    return {}


@pytest.fixture
def come(
    browser: Browser,
    screenshots: Path,
    states: dict[Role, StorageState],
    request: pytest.FixtureRequest,
) -> Iterator[Come]:
    """Open a window, at first on nothing; with a role, as somebody who is signed in. Fails at the end for whatever the
    browser complained about: a script that failed, something that the page's policy forbids."""
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def opened(
            way: Way, role: Role | None = None, *, at: House | None = None, javascript: bool = True
        ) -> Visitor:
            there: House = at or request.getfixturevalue("house")
            known = states.get(role) if role is not None else None
            context = browser.new_context(
                viewport={"width": way.width, "height": way.height},
                storage_state=known,
                has_touch=way is PHONE,
                reduced_motion="reduce",
                java_script_enabled=javascript,
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            visitor = Visitor(context.new_page(), there.address, way, screenshots)
            visitors.append(visitor)
            if role is not None and known is None:
                visitor.sign_in(role)
                states[role] = context.storage_state()
            return visitor

        yield opened
    assert not [said for visitor in visitors for said in visitor.complaints]


@pytest.fixture(params=[DESKTOP, PHONE], ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param
