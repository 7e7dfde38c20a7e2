"""Logging: plain lines for people or JSON lines for machines, on standard error, every line without secrets.

Loggers take `extra={...}` for facts worth searching by (`connection`, `run_id`); payloads are never logged.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from connector.redaction import Redactor

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BREAK = re.compile(r"[\t\r\n]+")
_QUIET = {"urllib3": "warning", "werkzeug": "warning", "waitress": "warning", "alembic": "warning"}
_QUIET |= {"apscheduler": "warning", "sqlalchemy": "warning", "fontTools": "error", "fpdf": "error"}
"""Libraries that tell more than an operator wants at our level."""


class PlainFormatter(logging.Formatter):
    """`2026-03-02T09:30:00.123Z INFO connector.pull: sentence key=value`, tracebacks below."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {key}={value}" for key, value in _facts(record).items())
        # One event is one line: a line break in foreign words must not look like an event of ours.
        words = _BREAK.sub(" ", record.getMessage() + facts)
        text = f"{_instant(record)} {record.levelname} {record.name}: {words}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return _CONTROL.sub("?", self._redactor.scrub(text))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, the event's facts, `exception`."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        clean = {key: self._clean(value) for key, value in line.items()}
        return json.dumps(clean, ensure_ascii=False)

    def _clean(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int):
            return value
        return self._redactor.scrub(str(value))


def configure_logs(
    level: str, line_format: str, redactor: Redactor, stream: TextIO | None = None
) -> logging.Handler:
    """Send the log to `stream` (standard error by default), replacing what an earlier call set up.

    `level` and `line_format` are the values of [log]. Returns the handler.
    """
    formatter = JsonFormatter(redactor) if line_format == "json" else PlainFormatter(redactor)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    handler.set_name("connector")
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.get_name() == "connector"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(logging.getLevelName(quiet.upper()), root.level))
    logging.captureWarnings(capture=True)
    return handler


def _instant(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}
