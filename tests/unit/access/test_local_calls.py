"""The proof by which a command reaches the running connector of the same machine."""

from __future__ import annotations

from connector.people.local_calls import LocalCalls
from connector.secrets import SecretBox, new_key
from tests.fakes import FakeClock
from tests.unit.access.house import House


def run(house: House, key: str, header: str) -> int:
    path = f"/api/v1/tasks/{key}/run"
    return house.browser().post(path, headers={"Authorization": header}).status_code


def test_a_command_runs_a_task_by_the_shared_key(api_house: House, clock: FakeClock) -> None:
    calls = LocalCalls(api_house.program.box, clock)
    assert run(api_house, "pull:books", calls.header()) == 202
    assert run(api_house, "nothing:books", calls.header()) == 404
    assert api_house.woken == ["pull:books", "nothing:books"]
    assert api_house.actions()[-1] == ("operator:command line", "task.run", "pull:books")


def test_the_proof_is_worth_a_minute_and_cannot_be_made_up(
    api_house: House, clock: FakeClock
) -> None:
    header = LocalCalls(api_house.program.box, clock).header()
    stranger = LocalCalls(SecretBox([new_key()]), clock).header()
    scheme, _, proof = header.partition(" ")
    for wrong in (stranger, scheme, f"{scheme} ", f"{scheme} 1.{proof.partition('.')[2]}", f"Bearer {proof}",
                  f"{scheme} x.y", f"{scheme} ١.y", f"{scheme} {'9' * 40}.y"):  # fmt: skip
        assert run(api_house, "pull:books", wrong) == 401
    clock.advance(seconds=61)
    assert run(api_house, "pull:books", header) == 401
    assert api_house.woken == []


def test_it_manages_nobody(api_house: House, clock: FakeClock) -> None:
    header = {"Authorization": LocalCalls(api_house.program.box, clock).header()}
    assert api_house.browser().get("/api/v1/people", headers=header).status_code == 403
