"""Rules of the house that no linter knows. Each names the file and line to mend."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("connector", "mappings", "webhooks")
FOLDERS = (*PRODUCT, "tests", "bench", "docs", "requirements", ".ci")
LINES_A_FILE = 400
LINES_A_FUNCTION = 60

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "stuff"}
LEFT_OVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.-])/(?:work|farm|root|home)/")

TELLS_OR_SPENDS_TIME = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"),
    *("time.perf_counter_ns", "time.sleep"),
}
HAS_ITS_OWN_CLOCK = ("connector/clock.py", "connector/sandbox/", "connector/engine/local.py")
"""The sandbox is another party: it has a clock of its own, which tests push. APScheduler runs by the machine's."""

HANDLES_NO_MONEY = (
    *("connector/transport/", "connector/config/", "connector/engine/"),
    *("connector/sandbox/control.py", "connector/sandbox/fault_catalogue.py"),
    *("connector/sandbox/platform.py", "connector/sandbox/webhook.py"),
    "connector/sandbox/tryton/rpc.py",
)
"""Where `float()` may turn up: durations and timestamps in seconds."""


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def text_files() -> Iterator[Path]:
    for path in sorted(ROOT.iterdir()):
        if path.is_file() and not path.name.startswith(".git"):
            yield path
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), name(path))


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every call."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def report(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


def test_files_are_short() -> None:
    sizes = [(len(path.read_text().splitlines()), name(path)) for path in python_files(*FOLDERS)]
    report([f"{path}: {size} lines" for size, path in sizes if size > LINES_A_FILE])


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    docstring_lines = (
        docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    )
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines


def test_functions_are_short() -> None:
    report(
        [
            f"{name(path)}:{node.lineno}: {node.name} has {function_lines(node)} lines"
            for path in python_files(*PRODUCT)
            for node in ast.walk(parse(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and function_lines(node) > LINES_A_FUNCTION
        ]
    )


def test_every_module_says_what_it_is() -> None:
    report(
        [
            name(path)
            for path in python_files(*PRODUCT, "bench", "requirements")
            if path.read_text().strip() and not ast.get_docstring(parse(path))
        ]
    )


def test_names_say_what_a_file_holds() -> None:
    report(
        [
            name(path)
            for path in python_files(*FOLDERS)
            if VAGUE_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
        ]
    )


def test_only_the_clock_tells_the_time_and_sleeps() -> None:
    report(
        [
            f"{name(path)}:{line}: {call}()"
            for path in python_files(*PRODUCT)
            if not name(path).startswith(HAS_ITS_OWN_CLOCK)
            for line, call in calls(path)
            if call in TELLS_OR_SPENDS_TIME
        ]
    )


def test_no_binary_fraction_comes_near_money() -> None:
    report(
        [
            f"{name(path)}:{line}: {call}()"
            for path in python_files(*PRODUCT)
            if not name(path).startswith(HANDLES_NO_MONEY)
            for line, call in calls(path)
            if call == "float"
            or call.endswith(("Numeric", ".REAL", "response.json", "answer.json"))
        ]
    )


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in text_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name(path)}:{number}: {line.strip()[:100]}")
    return found


def test_nothing_is_left_over() -> None:
    report(lines_with(LEFT_OVER))


def test_no_file_names_a_path_of_one_machine() -> None:
    report(lines_with(MACHINE_PATH))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (test_only_the_clock_tells_the_time_and_sleeps, "import time\n\ntime.sleep(1)\n"),
        (test_no_binary_fraction_comes_near_money, "x = float('0.1')\n"),
        (test_functions_are_short, "def f():\n" + "    x = 1\n" * 60),
        (test_files_are_short, "x = 1\n" * 401),
        (test_every_module_says_what_it_is, "x = 1\n"),
        (test_nothing_is_left_over, "x = 1  # TO" + "DO\n"),
        (test_no_file_names_a_path_of_one_machine, "x = '/ho" + "me/me/x'\n"),
    ],
)
def test_the_rules_can_fail(
    rule: Callable[[], None], source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "connector").mkdir()
    (tmp_path / "connector" / "module.py").write_text(source)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    with pytest.raises(AssertionError, match=r"connector/module\.py"):
        rule()
