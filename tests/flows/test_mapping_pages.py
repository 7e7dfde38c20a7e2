"""The life of a mapping in the browser's pages, on a running connector."""

from __future__ import annotations

from html import unescape

import pytest

from connector.console.app import create_console
from connector.people.roles import Role
from tests.flows.conftest import Build
from tests.flows.people_at_pages import Somebody
from tests.flows.stage import Stage
from tests.unit.console.conftest import signed_in

TOO_SMALL = """
# Only large invoices are worth the fee. <b>
[exclude.too_small]
when = "amount_cents is less than 100000"
sentence = "The invoice is too small for financing."
"""


@pytest.fixture
def stage(build: Build) -> Stage:
    made = build(flow={"submit": "by_hand"})
    made.reconfigure(
        "[store]",
        '[mappings]\napproval = "second_person"\n\n[access]\npassword_memory_mebibytes = 1\n\n[store]',
    )
    made.add(amount_cents=10_000, invoice_number="SMALL-1")
    made.add(amount_cents=500_000, invoice_number="LARGE-1")
    made.settle()
    made.program.people.add(
        email="root@example.com",
        name="Root",
        role=Role.ADMIN,
        by="test",
        password="four words it is",
    )
    return made


def test_from_a_draft_to_in_force_and_back(stage: Stage):
    woken: list[str] = []

    def wake(key: str) -> bool:
        woken.append(key)
        return True

    app = create_console(stage.program, wake)
    author = Somebody(signed_in(app, stage.program, Role.MAPPING_AUTHOR))
    approver = Somebody(signed_in(app, stage.program, Role.APPROVER))
    assert "No draft is on its way" in author.see("/mappings").text
    assert "connection:books" in author.see("/mappings/new").text
    unchosen = author.send("/mappings/new", subject="", note="fees")
    assert (unchosen.status_code, "Choose the layer that" in unchosen.text) == (422, True)
    assert approver.send("/mappings/new", subject="connection:books").status_code == 403

    begun = author.sent("/mappings/new", subject="connection:books", note="fees")
    assert "connection books v1" in begun
    wrong = author.sent("/mappings/documents/2", text=TOO_SMALL.replace("_cents", "_cent"))
    assert "cannot be used yet" in wrong
    assert "line 4, column 9" in wrong
    checked = author.send("/mappings/documents/check", subject="connection:books", text=TOO_SMALL)
    assert checked.get_json() == {"problems": []}
    saved = author.sent("/mappings/documents/3", text=TOO_SMALL)
    assert "Saved as version 3" in saved
    assert "Rule too_small (exclude) is new" in saved
    assert author.send("/mappings/documents/4", text=TOO_SMALL).status_code == 422
    overtaken = author.send("/mappings/documents/3", text=TOO_SMALL + "# mine", note="kept")
    assert (overtaken.status_code, "Version 3 was made meanwhile" in overtaken.text) == (422, True)
    assert "# mine" in overtaken.text
    assert 'value="kept"' in overtaken.text

    told = author.see("/mappings/documents/4?record=SMALL-1").text
    assert "In force now mapped" in told
    assert "With this document excluded" in told
    assert "no such" not in author.see("/mappings/documents/4?record=none").text

    author.sent("/mappings/documents/4/backtest")
    assert woken == ["trials"]
    stage.program.trials.run_waiting()
    report = author.see("/mappings/trials/1").text
    assert "1 of 2 records would come out otherwise" in report
    assert "0 become eligible, 1 stops being so" in report
    assert "too small for financing" in report
    assert "Fields that change" not in report  # a rule alone changes none
    pinned = {"record": "SMALL-1", "name": "small ones stay out"}
    asked = author.send("/mappings/documents/4/pin", **pinned)
    assert (asked.status_code, "Must SMALL-1 stay excluded?" in asked.text) == (200, True)
    assert "Nothing is pinned yet" in author.see("/mappings/examples").text
    author.sent("/mappings/documents/4/pin", **pinned, confirmed="yes")
    assert "small ones stay out" in author.see("/mappings/examples").text

    assert author.send("/mappings/documents/4/activate").status_code == 403
    activate = "/mappings/documents/4/activate"
    assert "waits for the approval" in approver.sent(activate, confirmed="yes")
    assert "Approved." in approver.sent("/mappings/documents/4/approve")
    asked = approver.send(activate)
    assert (asked.status_code, "1 comes out worse" in asked.text) == (200, True)
    assert "It is in force" in approver.sent(activate, confirmed="yes")
    assert woken[-1] == "remap:books"
    stage.settle()
    assert sorted(filter(None, stage.outcomes().values())) == ["mapped", "too_small"]
    shown = author.client.get("/mappings/in-force/books").text
    assert "too_small" in shown
    written = author.client.get("/mappings/documents/4").text
    assert "Only large invoices are worth the fee. &lt;b&gt;" in written
    assert "<b>" not in written

    assert "Roll back" in approver.see("/mappings/documents/4").text
    asked = approver.send("/mappings/rollback", subject="connection:books")
    assert "Take back connection books v3?" in unescape(asked.text)
    said = approver.sent(
        "/mappings/rollback", subject="connection:books", document="4", confirmed="yes"
    )
    assert "nothing is in its place" in said
    assert "It was taken back" in approver.see("/mappings/documents/4").text
    stage.settle()
    assert set(stage.outcomes().values()) == {"mapped"}
    assert "retired" in approver.sent(
        "/mappings/examples/retire", connection="books", name="small ones stay out"
    )


def test_changes_and_amounts_are_told_as_people_say_them(stage: Stage):
    author = Somebody(
        signed_in(create_console(stage.program, lambda _: True), stage.program, Role.MAPPING_AUTHOR)
    )
    author.sent("/mappings/new", subject="connection:books")
    assert "once the document can be read" in author.sent("/mappings/documents/2", text="= ")
    off = TOO_SMALL + "[exclude.past_due]\noff = true\n[fields]\nnote = false\n"
    said = author.sent("/mappings/documents/3", text=off)
    assert "Rule past_due (exclude) is switched off" in said
    assert "Field note is left out" in said
    misspelt = off.replace("off =", "of =")
    assert "There is no entry of here. Did you mean off?" in author.sent(
        "/mappings/documents/4", text=misspelt
    )
    author.sent("/mappings/documents/5", text=off)
    told = author.see("/mappings/documents/6?record=LARGE-1").text
    assert "5,000.00 USD" in told
    assert "minor_units → 5000.00 USD" in told, "each step, too"
    long = author.send("/mappings/documents/6", text=TOO_SMALL, note="x" * 3000)
    assert (long.status_code, "at most 1000 are kept" in long.text) == (422, True)


def test_a_report_lists_what_was_sent_once(build: Build):
    made = build()
    made.reconfigure("[store]", "[access]\npassword_memory_mebibytes = 1\n\n[store]")
    made.add(amount_cents=10_000, invoice_number="SENT-1")
    made.settle()
    made.program.people.add(
        email="r@example.com", name="R", role=Role.ADMIN, by="t", password="four words it is"
    )
    author = Somebody(
        signed_in(create_console(made.program, lambda _: True), made.program, Role.MAPPING_AUTHOR)
    )
    author.sent("/mappings/new", subject="connection:books")
    author.sent("/mappings/documents/2", text=TOO_SMALL)
    author.sent("/mappings/documents/3/backtest")
    made.program.trials.run_waiting()
    report = author.see("/mappings/trials/1").text
    assert "1 change touches an invoice that was sent already" in report
    assert report.count("SENT-1") == 1
    assert "Field path" not in report
    assert "1 version of 1 record" in report


def test_a_shadow_run_is_begun_and_ended(stage: Stage):
    app = create_console(stage.program, lambda _: True)
    author = Somebody(signed_in(app, stage.program, Role.MAPPING_AUTHOR))
    author.sent("/mappings/new", subject="company:company/finexio")
    author.sent("/mappings/documents/2", text=TOO_SMALL)
    assert "lasts up to 90 days" in author.sent("/mappings/documents/3/shadow", days="x")
    assert "in shadow for 3 days" in author.sent("/mappings/documents/3/shadow", days="3")
    assert "There is no report yet" in author.see("/mappings/trials/1").text
    assert "The shadow run has ended" in author.sent("/mappings/trials/1/stop")
    assert "The draft is withdrawn" in author.sent("/mappings/documents/3/withdraw")
    author.see("/mappings/documents/99", 404)
    assert author.send("/mappings/new", subject="nonsense").status_code in (400, 409, 422)
