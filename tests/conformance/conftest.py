"""The other side is started once per adapter and variant; the proxy and the adapter are new for every test."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.financier import Submission
from connector.registry import financiers, systems
from connector.transport import AdapterContext
from tests.conformance.harness import FinancierSide, rebased
from tests.conformance.proxy import Proxy
from tests.conformance.submitting import new_submission
from tests.fakes import FakeClock

Case = tuple[str, ModuleType | None, str]


class _Sides:
    """The other sides that are running, by case."""

    def __init__(self, directory: Callable[[str], Path]) -> None:
        self._directory = directory
        self._running: dict[tuple[str, str], Any] = {}
        self.stack = ExitStack()

    def side(self, case: Case) -> Any:
        name, module, variant = case
        if module is None:
            pytest.fail(
                f"tests/conformance/harness_{name}.py is missing: write it after harness.py."
            )
        if (name, variant) not in self._running:
            opened = module.open_side(variant, self._directory(f"{name}{variant}"))
            self._running[name, variant] = self.stack.enter_context(opened)
        return self._running[name, variant]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Sides]:
    running = _Sides(tmp_path_factory.mktemp)
    with running.stack:
        yield running


@pytest.fixture
def side(sides: _Sides, case: Case) -> Any:
    return sides.side(case)


@pytest.fixture
def proxy(side: Any) -> Iterator[Proxy]:
    standing_between = Proxy(side.url)
    yield standing_between
    standing_between.close()


@pytest.fixture
def connect(side: Any, case: Case, proxy: Proxy, clock: FakeClock) -> Iterator[Callable[..., Any]]:
    """Makes adapters that go through the proxy: `connect(**changed settings)`."""
    made = []
    known: Any = (financiers() if isinstance(side, FinancierSide) else systems())[case[0]]

    def make(**changes: Any) -> Any:
        settings = rebased({**side.settings, **changes}, side.url, proxy.url)
        adapter = known(known.settings_schema().load(settings), AdapterContext("acme", clock))
        made.append(adapter)
        return adapter

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def submission(connect: Callable[..., Any], side: FinancierSide) -> Submission:
    return side.prepared(new_submission(connect()))


@pytest.fixture(autouse=True)
def no_secret_is_shown(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Whatever a test of an adapter does: no log line holds a secret, in any form in which it travels."""
    if "side" not in request.fixturenames:
        yield
        return
    secrets = request.getfixturevalue("side").secrets
    caplog.set_level(logging.DEBUG)
    yield
    text = "\n".join(record.getMessage() + (record.exc_text or "") for record in caplog.records)
    for secret in secrets:
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode() not in text
