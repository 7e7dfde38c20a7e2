"""All platforms of the sandbox at once, each a process of its own."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from connector.sandbox.process import RunningPlatform, start_process
from connector.sandbox.wire import from_json, to_json

MODULES = {
    "finexio": "connector.sandbox.finexio",
    "tryton": "connector.sandbox.tryton",
    "hosted_session": "connector.sandbox.hosted_session",
    "monite": "connector.sandbox.monite",
    "kanmon": "connector.sandbox.kanmon",
}
"""Platforms that `run_sandbox` starts, by name; the ledger of each is `directory/NAME.sqlite3`."""


@dataclass(slots=True)
class RunningSandbox:
    """The platforms as they run. Ends them at the end of a `with` block, or by `stop()`."""

    platforms: dict[str, RunningPlatform]

    @property
    def finexio(self) -> RunningPlatform:
        """The accounting system; its API is below `/v1` and `/v2` of `base_url`."""
        return self.platforms["finexio"]

    @property
    def tryton(self) -> RunningPlatform:
        """The other accounting system: receivables and payables, and notes on them."""
        return self.platforms["tryton"]

    @property
    def monite(self) -> RunningPlatform:
        """Accounting system and financier in one; its API is below `/v1` of `base_url`."""
        return self.platforms["monite"]

    @property
    def financier(self) -> RunningPlatform:
        """The hosted-session financier; its API is below `/v1` of `base_url`."""
        return self.platforms["hosted_session"]

    def stop(self) -> None:
        """End every process and wait for its end."""
        for platform in self.platforms.values():
            platform.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def run_sandbox(
    directory: Path,
    *,
    platforms: Sequence[str] = tuple(MODULES),
    ports: Mapping[str, int] | None = None,
    seed: int = 1,
    invoices: int = 300,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    start_at: datetime | None = None,
    faults: int | None = None,
) -> RunningSandbox:
    """Start the platforms and return once all answer.

    `platforms` are their names, every one unless told otherwise. `ports` and `settings` are by platform name (see `MODULES`); a port that is not named is any free one. The
    webhook's URL may be given later: `control(base_url, "/sandbox/settings", {"webhook_url": ...})`. A directory
    that was used before is continued. With `faults`, a seed, a day of faults is laid over each, and all that is asked
    and answered is written to `directory/transcript-NAME.jsonl`; such a directory must be a fresh one. Raises RuntimeError when a platform does not start; then none is left.
    """
    own: dict[str, dict[str, Any]] = {
        "finexio": {"invoices": invoices},
        "tryton": {"invoices": invoices},
        "monite": {"invoices": invoices},
        "hosted_session": {"webhook_url": webhook_url, "webhook_secret": webhook_secret},
    }

    def start(name: str) -> RunningPlatform | RuntimeError:
        try:
            return start_process(
                name,
                directory,
                module=MODULES[name],
                port=(ports or {}).get(name, 0),
                seed=seed,
                settings={**own.get(name, {}), **(settings or {}).get(name, {})},
                start_at=start_at,
                faults=faults,
            )
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(len(platforms)) as pool:
        results = dict(zip(platforms, pool.map(start, platforms), strict=True))
    started = {name: r for name, r in results.items() if isinstance(r, RunningPlatform)}
    failed = [r for r in results.values() if isinstance(r, RuntimeError)]
    running = RunningSandbox(started)
    if failed:
        running.stop()
        raise failed[0]
    return running


def control(base_url: str, path: str, body: object | None = None) -> Any:
    """Call a control endpoint of a platform: GET without a body, POST with one. Raises RuntimeError when refused."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=120)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, to_json(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        raise RuntimeError(
            f"The sandbox refused {path} with status {answer.status}: {data[:300]!r}."
        )
    return from_json(data) if data else None
