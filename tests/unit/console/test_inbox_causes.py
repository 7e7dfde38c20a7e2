"""What the error inbox says about a cause, and what leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.deciding import NOT_LINKED
from connector.errors import RecordRejected
from connector.inbox_actions import document_of
from connector.store.reading_inbox import Cause
from connector.views.causes import advice, cause_subject
from tests.unit.console.conftest import Reader


def test_a_gate_names_what_this_console_offers():
    told = advice(Cause("books", "held", NOT_LINKED, "buyer"), "x", is_one_sentence=False)

    assert (told.who, told.action) == ("here", "link")


def test_a_wrong_field_is_named_and_a_rule_is_not_taken_for_one():
    field = advice(Cause("b", "rejected", "not_one_of", "currency"), "x", is_one_sentence=False)
    rule = advice(
        Cause("b", "rejected", "too_old", "too_old"),
        "Too old.",
        is_one_sentence=True,
        rule="too_old",
    )

    assert "“currency”" in field.remedy
    assert field.title == "Not one of"
    assert rule.title == "Too old."
    assert "too_old" not in rule.remedy


def test_subjects_of_causes_differ():
    causes = [Cause("b", "held", "x", d) for d in ("", "a")]
    causes += [Cause("b", "rejected", "x", "a"), Cause("c", "held", "x", "a")]

    assert len({cause_subject(cause) for cause in causes}) == len(causes)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"hello"),
        ("a.png", b"%PDF-1.7"),
        ("a.jpg", b""),
        ("a.csv", b"a\0b"),
        ("a.html", b"<script>"),
        ("pdf", b"%PDF-1.7"),
        (".pdf", b"%PDF-1.7"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_is_refused(name: str, content: bytes):
    with pytest.raises(RecordRejected):
        document_of(name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.PDF", b"\n%PDF-1.7"),
        ("x/../a.png", b"\x89PNG\r\n\x1a\nrest"),
        ("C:\\papers\\a.jpeg", b"\xff\xd8\xff\xe0"),
        ("lines.csv", "été;1,5\n".encode()),
    ],
)
def test_a_file_that_is_what_it_is_called_is_taken(name: str, content: bytes):
    found = document_of(name, content)

    assert found.content == content
    assert "/" not in found.name
    assert "\\" not in found.name


def test_the_pages_stand_over_a_lived_store(page: Reader, lived: Path):
    assert page("/inbox").text
    assert "Nothing waits here" in page("/inbox?reason_code=nothing_like_it").text
    assert "There is no outcome" in page("/inbox?outcome=purple").text
    assert "not a row number" in page("/inbox?reason_code=x&after=-1").text
    page("/acts/1")
    page("/acts/99999999", 404)
    page("/acts/99999999999999999999999", 404)


def test_an_address_of_no_cause_does_not_say_that_there_was_one(page: Reader, lived: Path):
    shown = page("/inbox?connection=nope&outcome=held&reason_code=x")

    assert shown.one("h1").text == "Nothing waits here"
    assert "There is no connection 'nope'; all are shown." in shown.text
    assert "No invoice waits for this." in shown.text
    assert "any more" not in shown.text
