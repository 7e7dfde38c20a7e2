"""Limits and sessions by the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.flows.conftest import Build
from tests.unit.cli.conftest import Run, build

__all__ = ["build"]


def machine_time() -> datetime:
    """Commands run by the machine's clock, so the platforms begin there."""
    return datetime.now(UTC).replace(microsecond=0)


def printed(out: str) -> Any:
    return json.loads(out)


def test_a_limit_is_listed_requested_and_asked_about(run: Run, build: Build) -> None:
    stage = build(start=machine_time(), platform={"auto_approve_limits": False, "companies": 1})
    stage.add()
    stage.settle()
    stage.stop()
    listed = run("--config", stage.config_path, "limit", "--json")
    assert listed.code == 0, listed
    (line,) = [one for one in printed(listed.out) if one["status"] == "none"]
    buyer = line["counterparty_id"]
    assert "none" in run("--config", stage.config_path, "limit").out

    for amount in ("0", "a lot", "1.005"):
        refused = run(
            "--config", stage.config_path, "limit", "request", "books", buyer, "--amount", amount
        )
        assert refused.code == 6, refused
        assert "--amount" in refused.err
    asked = run(
        *("--config", stage.config_path, "limit", "request", "books", buyer),
        *("--amount", "250000", "--duns", "123456789", "--contact-email", "a@b.example"),
    )
    assert asked.code == 0, asked
    assert "under_review" in asked.err
    again = run("--config", stage.config_path, "limit", "request", "books", buyer, "--amount", "1")
    assert again.code == 6

    companies = run("--config", stage.config_path, "link", "companies", "books", "--json")
    (people,) = [one["contacts"] for one in printed(companies.out) if one["contacts"]]
    assert people[0]["is_signatory"] is True
    assert (
        people[0]["email"] in run("--config", stage.config_path, "link", "companies", "books").out
    )

    client = stage.financier.app.test_client()
    client.post("/sandbox/desk/limits", json={})
    told = run("--config", stage.config_path, "limit", "refresh", "books", buyer, "--json")
    assert printed(told.out)["status"] == "approved"
    assert printed(told.out)["available"]["amount"] == "250000.00"
    assert set(stage.outcomes().values()) == {"mapped"}


def test_an_application_is_canceled_and_asked_for_again(run: Run, build: Build) -> None:
    stage = build(
        start=machine_time(),
        account={"cancel_session_path": "/v1/financing_sessions/{session}/cancel"},
    )
    source_id = stage.add()
    stage.settle()
    stage.stop()
    config = ("--config", stage.config_path, "financing")
    assert run(*config, "open-session", source_id).code == 6
    done = run(*config, "cancel", source_id, "--reason", "the goods came back")
    assert done.code == 0, done
    assert stage.financing().state == "parked"
    stage.stop()
    done = run(*config, "open-session", source_id)
    assert done.code == 0, done
    stage.settle()
    assert [one.status for one in stage.ledger.select("session")] == ["canceled", "open"]
    stage.stop()
    assert run(*config, "cancel", "nobody", "--reason", "x").code == 6
