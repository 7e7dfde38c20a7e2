"""Correcting a record at every door: the pages of a running connector, its REST API, the commands."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from connector.people.roles import Role
from tests.flows.conftest import Build
from tests.flows.people_at_pages import HOSTILE, House, Somebody
from tests.flows.stage import Stage
from tests.unit.access.house import House as ApiHouse
from tests.unit.cli.conftest import Run, run
from tests.unit.console.page import Page

__all__ = ["run"]

DUE = "2026-06-30"
WHY = f"the letter {HOSTILE}"


@pytest.fixture
def house(build: Build) -> House:
    stage = build(flow={"submit": "by_hand"})
    text = stage.config_path.read_text("utf-8")
    cheap = "[access]\npassword_memory_mebibytes = 1\n\n"
    stage.config_path.write_text(cheap + text, "utf-8")
    return House(stage)


def slip(stage: Stage) -> str:
    """An invoice with a due date that is none."""
    found = stage.add(
        invoice_number="SLIP-1",
        invoice_due_date="30.06.2026",
        note=HOSTILE,
        account_number="998877665544",
    )
    stage.settle()
    return found


def entered(page: Page, **values: str) -> dict[str, object]:
    """The form as a browser sends it, with some of its values changed."""
    inputs = [e.attributes for e in page.all("input")]
    paths = [a["value"] for a in inputs if a.get("name") == "path"]
    given = [a.get("value") or "" for a in inputs if a.get("name") == "value"]
    (version,) = {a["value"] for a in inputs if a.get("name") == "version"}
    assert len(paths) == len(given)
    for path, value in values.items():
        given[paths.index(path)] = value
    return {"version": version, "path": paths, "value": given, "reason": WHY}


def test_pages(house: House):
    stage = house.stage
    source_id = slip(stage)
    number = house.record(source_id)
    address = f"/acts/{number}/correct"
    operator, viewer = house.somebody(Role.OPERATOR), house.somebody(Role.VIEWER)
    assert viewer.send(address).status_code == 403
    viewer.see(address, 403)
    assert address in operator.see("/inbox?reason_code=not_a_date").source
    assert address in operator.see(f"/acts/{number}").source

    form = operator.see(f"/invoices/r{number}").link("Correct and retry")
    page = operator.see(form)
    assert "998877665544" not in page.source
    (focused,) = [e.attributes for e in page.all("input") if "autofocus" in e.attributes]
    assert focused["aria-label"] == "What is right for invoice_due_date"
    assert "receiving_counterparty_id" in page.text
    fields = entered(page, invoice_due_date=DUE)
    refused = operator.send(address, **{**fields, "reason": " "}, step="preview")
    assert (refused.status_code, "reason is missing" in refused.text) == (422, True)
    for step in ("preview", "save"):
        again = operator.send(address, **entered(page, invoice_due_date="soon"), step=step)
        assert again.status_code == 422
        assert "must be a calendar date" in again.text
        assert 'value="soon"' in again.text
    nothing = operator.send(address, **entered(page), step="save")
    assert "Nothing differs" in nothing.text

    preview = operator.send(address, **fields, step="preview")
    assert preview.status_code == 200
    shown = Page(preview.text)
    assert "It may be financed." in shown.text or "Link this company" in shown.text
    assert "30 Jun 2026" in shown.text
    assert stage.outcomes()[source_id] == "not_a_date"
    back = operator.send(address, **entered(shown), step="edit")
    assert f'value="{DUE}"' in back.text
    said = operator.sent(address, **entered(shown), step="save")
    assert "Corrected, and decided anew." in said
    assert "entered by operator@example.com" in said
    assert house.woken == ["submit:flow"]
    stage.settle()
    assert stage.outcomes()[source_id] == "mapped"
    assert "SLIP-1" not in operator.see("/inbox").text

    assert "Corrected already" in operator.see(address).text
    stale = operator.send(address, **{**fields, "version": "1"}, step="save")
    assert stale.status_code == 303
    assert "meanwhile" in operator.see(address).text
    assert "Taken back" in operator.sent(f"{address}/take-back")
    assert stage.outcomes()[source_id] == "not_a_date"
    assert "No correction" in operator.sent(f"{address}/take-back")
    assert "ended" in operator.see(f"/invoices/r{number}").text
    assert {"record.correction_taken_back", "record.corrected"} <= {*house.actions()}
    _cannot(operator, house)


def _cannot(operator: Somebody, house: House) -> None:
    """An invoice that is paid already is not corrected here."""
    paid = house.stage.add(invoice_number="PAID-2")
    house.stage.advance_source(paid, "complete")
    house.stage.settle()
    address = f"/acts/{house.record(paid)}/correct"
    page = operator.see(address)
    assert "does not overrule it" in page.text
    assert not [e for e in page.all("input") if e.attributes.get("name") == "value"]
    assert operator.send(address, step="save").status_code == 422
    operator.see("/acts/99999/correct", 404)


class Caller:
    """A program that speaks to the API as somebody."""

    def __init__(self, stage: Stage, role: Role) -> None:
        house = ApiHouse(stage.program)
        token = house.token(role, name=f"{role.value} {secrets.token_hex(4)}")
        self._client = house.app.test_client()
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, status: int, body: Any = None) -> Any:
        answer = self._client.open(
            f"/api/v1/{path}",
            method=method,
            base_url="http://localhost",
            headers=self._headers,
            **({} if body is None else {"json": body}),
        )
        assert answer.status_code == status, answer.text
        return answer.get_json(silent=True)


def test_api(house: House):
    stage = house.stage
    source_id = slip(stage)
    viewer, operator = Caller(stage, Role.VIEWER), Caller(stage, Role.OPERATOR)
    path = f"records/{source_id}/correction"

    form = viewer("GET", path, 200)
    assert (form["in_force"], form["ended"], form["why_not"]) == (None, [], None)
    assert form["fields"][0]["path"] == "invoice_due_date"
    body = {"values": {"invoice_due_date": DUE}, "reason": "a letter"}
    viewer("POST", path, 403, body)
    preview = operator("POST", f"{path}/preview", 200, {"values": body["values"]})
    assert (preview["before"]["kind"], preview["refusals"]) == ("rejected", [])
    wrong = operator("POST", f"{path}/preview", 200, {"values": {"amount_cents": 1, "note": 2}})
    assert [r["path"] for r in wrong["refusals"]] == ["amount_cents", "note"]
    assert "money" in operator("POST", path, 422, {**body, "values": {"amount_cents": 1}})["detail"]
    operator("POST", path, 422, {**body, "values": {"note": 1.5}})
    operator("POST", path, 422, {"values": body["values"]})
    operator("POST", path, 422, {**body, "values": {}})
    assert stage.outcomes()[source_id] == "not_a_date"

    done = operator("POST", path, 200, body)
    assert done["fields"][0]["now"] == DUE
    stage.settle()
    assert stage.outcomes()[source_id] == "mapped"
    life = viewer("GET", f"invoices/{source_id}", 200)
    assert life["corrections"][0]["fields"] == done["fields"]
    explained = viewer("GET", f"mappings/explain/{house.record(source_id)}", 200)["text"]
    assert explained.startswith("Corrected by token:")
    viewer("DELETE", path, 403)
    assert operator("DELETE", path, 200)["ended"][0]["ended_reason"] == "Taken back."
    operator("DELETE", path, 422)
    operator("GET", "records/nobody/correction", 404)


def test_commands(house: House, run: Run):
    stage = house.stage
    source_id = slip(stage)
    stage.stop()
    config = ("--config", stage.config_path)

    def correct(*words: str) -> Any:
        return run(*config, "inbox", "correct", source_id, *words)

    assert correct().code == 2
    assert correct("--take-back", "note=x").code == 2
    assert correct("note=x").code == 2
    assert correct("note", "--reason", "x").code == 2
    preview = correct(f"invoice_due_date={DUE}", "--preview")
    assert (preview.code, "It would be so." in preview.err) == (0, True)
    assert "before: rejected" in preview.out
    refused = correct("amount_cents=1", "--reason", "x")
    assert (refused.code, "money depends on" in refused.err) == (8, True)
    assert correct("invoice_due_date=soon", "--preview").code == 8
    done = correct(f"invoice_due_date={DUE}", "--reason", "a letter", "--json")
    assert (done.code, f'"now": "{DUE}"' in done.out) == (0, True)
    explained = run(*config, "mapping", "explain", source_id)
    assert "Corrected by operator:" in explained.out
    assert f"-> {DUE}" in explained.out
    taken = correct("--take-back")
    assert (taken.code, "Taken back" in taken.err) == (0, True)
    assert correct("--take-back").code == 6
    stage.start()
    assert stage.outcomes()[source_id] == "not_a_date"
    assert not stage.violations(at_rest=False)
