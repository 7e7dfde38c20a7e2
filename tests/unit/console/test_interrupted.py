"""A form whose session ended while it was filled in: the way back, and what was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from connector.people.roles import Role
from tests.fakes import FakeClock
from tests.unit.console.conftest import signed_in
from tests.unit.console.desk import Desk, desk_in
from tests.unit.console.page import Page

OURS = "http://localhost"
FORM = f"{OURS}/inbox?reason_code=x&who=here"


@pytest.fixture
def desk(tmp_path: Path, migrated_sqlite_file: Path) -> Iterator[Desk]:
    with desk_in(tmp_path, migrated_sqlite_file) as made:
        clock = made.program.clock
        assert isinstance(clock, FakeClock)
        clock.advance(hours=13)
        yield made


def send(desk: Desk, referrer: str | None, **fields: str) -> TestResponse:
    headers = {} if referrer is None else {"Referer": referrer}
    answer = desk.client.post("/inbox/exclude", data=fields, headers=headers)
    assert answer.status_code == 401, answer.text[:500]
    return answer


def sign_in(answer: TestResponse) -> str:
    return Page(answer.text).link("Sign in")


def test_signing_in_leads_back_to_the_form(desk: Desk):
    answer = send(desk, FORM, reason="sold <b>otherwise</b>")

    assert sign_in(answer) == "/sign-in?next=/inbox?reason_code%3Dx%26who%3Dhere"
    found = Page(answer.text)
    assert not found.crossed
    assert found.one("textarea").text == "sold <b>otherwise</b>"
    assert found.one("h1").text == "Your session has ended"
    assert (
        'name="next" value="/inbox?reason_code=x&amp;who=here"'
        in desk.client.get(sign_in(answer)).text
    )


def test_what_may_be_a_secret_is_not_repeated(desk: Desk):
    answer = send(desk, FORM, setting_password="hidden-1", password="hidden-2", name="hidden-3")

    assert "hidden-" not in answer.text
    assert not Page(answer.text).all("textarea")


@pytest.mark.parametrize(
    "referrer",
    [None, "https://evil.example/inbox", "http://localhost:99/inbox", f"{OURS}//evil.example", "x",
     f"{OURS}/inbox/exclude", f"{OURS}/no-such-page", "http://[/"],
)  # fmt: skip
def test_nobody_is_led_elsewhere_and_nothing_is_repeated_for_another_site(
    desk: Desk, referrer: str | None
):
    answer = send(desk, referrer, reason="of another site")

    assert sign_in(answer) == "/sign-in"
    assert "of another site" not in answer.text


def test_a_refused_form_offers_the_way_back(desk: Desk):
    admin = signed_in(desk.app, desk.program, Role.ADMIN)
    answer = admin.post("/inbox/exclude", data={"csrf_token": "old"}, headers={"Referer": FORM})

    assert answer.status_code == 403
    assert "This form is out of date" in answer.text
    assert Page(answer.text).link("Back to the form") == "/inbox?reason_code=x&who=here"
