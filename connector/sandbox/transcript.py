"""A day written down, and the same day once more.

The recorder lets one call happen at a time, holds the platform's clock still while it does, and writes a line for each:
when it came, what was asked, what disturbed it, and what was answered. A replay gives a fresh platform with the same
seed the same questions at the same instants, and compares every line. What makes that possible, and what it cannot show,
is in docs/sandbox.md.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any

from connector.sandbox.fault_catalogue import Answer
from connector.sandbox.ledger import instant_text
from connector.sandbox.plan import day_plan
from connector.sandbox.platform import Sandbox
from connector.sandbox.wire import JsonObject, NotJsonError, from_json, to_json

_LEFT_OUT_SETTINGS = ("webhook_url", "webhook_secret")
"""They change no answer, and the second is somebody's."""


class Recorder:
    """Writes the transcript of one platform: `keep` takes each line. Made before the platform is started."""

    def __init__(self, sandbox: Sandbox, fault_seed: int, keep: Callable[[bytes], object]) -> None:
        self._sandbox = sandbox
        self._keep = keep
        self._lock = RLock()
        self._events: list[JsonObject] = []
        self._late: list[tuple[datetime, Callable[[], object]]] = []
        self._number = 0
        began_at = sandbox.clock.began_at
        with sandbox.clock.hold(began_at):
            sandbox.start(background=False)
        sandbox.faults.plan = day_plan(
            fault_seed, sandbox.name, sandbox.clock, sandbox.faults.known
        )
        sandbox.recorder = self
        shown = asdict(sandbox.settings)
        self._write(
            {
                "platform": sandbox.name,
                "fault_seed": fault_seed,
                "began_at": instant_text(began_at),
                "settings": {n: v for n, v in shown.items() if n not in _LEFT_OUT_SETTINGS},
            }
        )

    def answer(self, environ: dict[str, Any], at: datetime | None = None) -> Answer:
        """What the platform answers. `at` is the instant the clock is held at; None is the present."""
        with self._lock, self._sandbox.clock.hold(at) as now:
            self._events.clear()
            self._act_late(now)
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            used = dict(self._sandbox.faults.counts)
            answer = self._sandbox.answer({**environ, "wsgi.input": io.BytesIO(body)})
            if _is_looking(environ):
                return answer
            self._number += 1
            self._write(
                {
                    "number": self._number,
                    "at": instant_text(now),
                    "asked": _asked(environ, body),
                    "faults": _more(used, self._sandbox.faults.counts),
                    "answered": _answered(answer),
                    "events": list(self._events),
                }
            )
            return answer

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do it before the first call that comes so many seconds of the platform's clock later."""
        self._late.append((self._sandbox.clock.now() + timedelta(seconds=seconds), action))

    def event(self, event_type: str, fault: str | None, body: bytes) -> None:
        """An event was planned for delivery, within the call that caused it."""
        with self._lock:
            self._events.append({"type": event_type, "fault": fault, **_digest(body)})

    def _act_late(self, now: datetime) -> None:
        due = [action for at, action in self._late if at <= now]
        self._late = [(at, action) for at, action in self._late if at > now]
        for action in due:
            action()

    def _write(self, line: JsonObject) -> None:
        self._keep(to_json(line) + b"\n")


@dataclass(slots=True)
class Replay:
    """What came of a replay. `differences` are sentences, at most ten; none is the aim."""

    platform: str
    calls: int = 0
    differences: list[str] = field(default_factory=list)


def read_transcript(path: Path) -> Iterator[tuple[bytes, JsonObject]]:
    """Each line as it stands and as it reads. Raises ValueError, naming the line."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield line, from_json(line)
            except NotJsonError:
                told = f"Line {number} of {path.name} is not whole; the run may have been killed."
                raise ValueError(told) from None


def replay(sandbox: Sandbox, path: Path) -> Replay:
    """Ask a fresh platform everything again. Its clock and settings must be those of the transcript's first line."""
    written: list[bytes] = []
    lines = read_transcript(path)
    first, header = next(lines)
    recorder = Recorder(sandbox, int(header["fault_seed"]), written.append)
    result = Replay(sandbox.name)
    if from_json(first) != from_json(written[-1]):  # by value: 60 and 60.0 seconds are the same
        _compare(result, "the beginning", first, written[-1])
    for line, entry in lines:
        result.calls += 1
        recorder.answer(_environ(entry["asked"]), datetime.fromisoformat(entry["at"]))
        asked = f"call {entry['number']} ({entry['asked']['method']} {entry['asked']['path']})"
        _compare(result, asked, line, written[-1])
    return result


def _compare(result: Replay, what: str, expected: bytes, found: bytes) -> None:
    if expected != found and len(result.differences) < 10:
        before, after = from_json(expected), from_json(found)
        parts = [name for name in before if before[name] != after.get(name)]
        result.differences.append(f"{what} differs in: {', '.join(parts) or 'its bytes'}")


def _is_looking(environ: dict[str, Any]) -> bool:
    """Whether a call only looks at the sandbox from the outside, which is no part of the day."""
    path = environ.get("PATH_INFO", "/")
    return bool(environ["REQUEST_METHOD"] == "GET") and (
        path == "/" or path.startswith("/sandbox/")
    )


def _asked(environ: dict[str, Any], body: bytes) -> JsonObject:
    headers = {
        name.removeprefix("HTTP_"): str(value)
        for name, value in sorted(environ.items())
        if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
    }
    return {
        "method": environ["REQUEST_METHOD"],
        "path": environ.get("PATH_INFO", "/"),
        "query": environ.get("QUERY_STRING", ""),
        "headers": headers,
        "body": base64.b64encode(body).decode("ascii"),
    }


def _answered(answer: Answer) -> JsonObject:
    parts: JsonObject = asdict(answer)
    parts.update(_digest(parts.pop("body")))
    raw = parts.pop("raw")
    return parts if raw is None else {**parts, "raw": _digest(raw)}


def _digest(data: bytes) -> JsonObject:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _more(before: dict[str, int], after: dict[str, int]) -> list[str]:
    return [
        name for name, count in sorted(after.items()) for _ in range(count - before.get(name, 0))
    ]


def _environ(asked: JsonObject) -> dict[str, Any]:
    body = base64.b64decode(asked["body"])
    headers = {
        name if name == "CONTENT_TYPE" else f"HTTP_{name}": value
        for name, value in asked["headers"].items()
    }
    return {
        "REQUEST_METHOD": asked["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": asked["path"],
        "QUERY_STRING": asked["query"],
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **headers,
    }
