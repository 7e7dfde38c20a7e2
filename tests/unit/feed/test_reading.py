"""Pages by cursor, the export, and sending a range again."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Refused
from connector.feed import exporting, reading, replaying
from connector.feed.reading import CursorRefused
from tests.unit.feed.conftest import Post


@pytest.fixture
def told(post: Post) -> Post:
    """Five events over three days."""
    post.tell(0, "draft", "submitted")
    post.clock.advance(days=1)
    post.tell(1, "draft")
    post.clock.advance(days=1)
    post.tell(0, "funded")
    post.tell(1, "declined")
    return post


def ids(page: reading.Page) -> list[str]:
    return [event["id"] for event in page.events]


def test_pages_put_together_are_the_whole_feed_once(told: Post) -> None:
    seen: list[str] = []
    cursor: str | None = None
    with told.database.read() as tx:
        while True:
            page = reading.page(tx, cursor, 2)
            seen += ids(page)
            cursor = page.next_cursor
            if not page.has_more:
                break
        whole = reading.page(tx, None, 100)
        assert seen == ids(whole)
        assert len(set(seen)) == 5
        assert whole.next_cursor == whole.events[-1]["cursor"] == cursor
        empty = reading.page(tx, cursor, 100)
        assert (empty.events, empty.next_cursor, empty.has_more) == ((), cursor, False)
    told.tell(2, "draft")
    with told.database.read() as tx:
        assert len(reading.page(tx, cursor, 100).events) == 1


def test_a_filter_does_not_hold_the_cursor_back(told: Post) -> None:
    with told.database.read() as tx:
        page = reading.page(tx, None, 100, statuses=["draft"])
        assert [event["data"]["status"] for event in page.events] == ["draft", "draft"]
        assert page.next_cursor.startswith("5-")
        assert reading.page(tx, None, 1, statuses=["draft"]).next_cursor.startswith("1-")
        assert reading.page(tx, None, 100, connections=["elsewhere"]).events == ()


def test_the_start_of_an_empty_feed_stays_the_start(post: Post) -> None:
    with post.database.read() as tx:
        assert reading.page(tx, None, 10).next_cursor == reading.START
        assert reading.page(tx, "0", 10).events == ()


@pytest.mark.parametrize(
    ("cursor", "http_status"),
    [("abc", 400), ("3", 400), ("3-0000", 400), ("3-zzzzzzzz", 400), ("3-00000000", 410)],
)
def test_a_foreign_cursor_is_refused(told: Post, cursor: str, http_status: int) -> None:
    with told.database.read() as tx, pytest.raises(CursorRefused) as refused:
        reading.page(tx, cursor, 10)
    assert refused.value.http_status == http_status


def test_a_cursor_from_before_a_restore_is_refused(told: Post) -> None:
    with told.database.read() as tx:
        beyond = reading.page(tx, None, 10).next_cursor.replace("5-", "9-")
        with pytest.raises(CursorRefused, match="restored"):
            reading.page(tx, beyond, 10)
        with pytest.raises(ValueError, match="limit"):
            reading.page(tx, None, 0)


def test_the_csv_can_be_read_back(told: Post) -> None:
    with told.database.read() as tx:
        page = reading.page(tx, None, 3)
    text = exporting.as_csv(page)
    assert text.count("\r\n") == 4
    assert "\n" not in text.replace("\r\n", "")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == exporting.COLUMNS
    assert [row["status"] for row in rows] == ["draft", "submitted", "draft"]
    assert rows[0]["amount"] == "12000.50"
    assert rows[0]["is_final"] == "false"
    assert json.loads(exporting.as_json(page))["next_cursor"] == page.next_cursor


@given(st.text(max_size=30))
def test_no_cell_is_a_formula_and_no_text_is_lost(text: str) -> None:
    cell = exporting._cell(text)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert not cell.startswith(("=", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    if cell.startswith(("+", "-")):
        assert cell[1:].replace(".", "", 1).isdecimal()


@pytest.mark.parametrize("text", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\t=1", "=HYPERLINK()"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert exporting._cell(text) == f"'{text}"
    assert exporting._cell("-12.50") == "-12.50"


# -- again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        (None, None, 5),
        ("2026-03-03", None, 3),
        ("2026-03-03", "2026-03-03", 1),
        (None, "2026-03-03T09:30:00Z", 2),
        ("2026-03-04T10:30:00+01:00", None, 2),
        ("2026-03-05", None, 0),
    ],
)
def test_a_range_is_counted_and_sent_again(
    told: Post, begin: str | None, end: str | None, count: int
) -> None:
    told.run()
    before = list(told.receiver.taken)
    with told.database.write() as tx:
        wanted = replaying.replay_range(tx, told.endpoint, begin, end)
        preview = replaying.preview(tx, told.endpoint, wanted)
        assert preview.count == sum(preview.by_status.values()) == count
        assert replaying.replay(tx, told.endpoint, wanted, by="operator:ann") == count
        assert replaying.preview(tx, told.endpoint, wanted).count == 0, "they are on their way"
    assert told.run() is True
    again = told.receiver.taken[len(before) :]
    assert len(again) == count
    assert all(event in before for event in again), "under the same identifier"
    assert len(told.receiver.once()) == 5


def test_cursors_bound_a_range_and_the_endpoints_filter_holds(told: Post) -> None:
    with told.database.read() as tx:
        events = reading.page(tx, None, 10).events
    told.run(statuses=("draft",))
    drafts = replace(told.endpoint, statuses=("draft",))
    with told.database.write() as tx:
        wanted = replaying.replay_range(tx, drafts, events[0]["cursor"], events[3]["cursor"])
        assert replaying.preview(tx, drafts, wanted).by_status == {"draft": 1}
        assert replaying.replay(tx, drafts, wanted, by="operator:ann") == 1
        with pytest.raises(Refused, match="neither a cursor nor a date"):
            replaying.replay_range(tx, drafts, "2026-13-99", None)


def test_more_than_is_sent_at_once_goes_on_where_it_ended(
    told: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST", 2)
    told.run()
    begin, counts = None, []
    while True:
        with told.database.write() as tx:
            chosen = replaying.replay_range(tx, told.endpoint, begin, None)
            preview = replaying.preview(tx, told.endpoint, chosen)
            assert replaying.replay(tx, told.endpoint, chosen, by="x") == preview.count
        counts.append(preview.count)
        begin = preview.goes_on_at
        if begin is None:
            break
    assert counts == [2, 2, 1]
    assert told.run() is True
    assert len(told.receiver.taken) == 10, "each a second time"


def test_exactly_as_many_as_are_sent_at_once_leave_no_rest(
    told: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST", 5)
    told.run()
    with told.database.read() as tx:
        chosen = replaying.replay_range(tx, told.endpoint, None, None)
    assert chosen.goes_on_at is None


def test_what_was_never_offered_is_left_to_come_by_itself(told: Post) -> None:
    with told.database.read() as tx:
        wanted = replaying.replay_range(tx, told.endpoint, None, None)
        assert replaying.preview(tx, told.endpoint, wanted).count == 0
    assert told.run() is True
    assert len(told.receiver.taken) == 5


def test_how_endpoints_fare_is_shown(told: Post) -> None:
    with told.database.read() as tx:
        (line,) = reading.endpoints(tx)
    assert (line["state"], line["waiting"], line["not_yet_offered"]) == ("enabled", 0, 5)
    told.receiver.answers = [500]
    told.run()
    with told.database.read() as tx:
        (line,) = reading.endpoints(tx)
    assert (line["state"], line["waiting"], line["failures"]) == ("failing", 5, 1)
    assert "HTTP 500" in line["error"]
    assert line["failing_since"] == "2026-03-04T09:30:00Z"
