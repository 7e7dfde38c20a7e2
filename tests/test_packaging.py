"""What is installed is what is needed, from locks that work anywhere; what is shipped is whole."""

from __future__ import annotations

import ast
import fnmatch
import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("connector", "mappings", "webhooks")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {name: (ROOT / "requirements" / f"{name}.lock").read_text() for name in ("run", "test")}
NOT_IMPORTED = {
    "psycopg": "SQLAlchemy loads it by the URL",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}


def requirements(group: str | None = None) -> list[Requirement]:
    project = PROJECT["project"]
    texts = project["optional-dependencies"][group] if group else project["dependencies"]
    return [Requirement(text) for text in texts]


def pins(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCKS[lock], re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def imported(*folders: str) -> dict[str, str]:
    """Top-level names that are imported, each with a file that does."""
    names = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found = [node.module or ""]
                else:
                    continue
                names.update({each.split(".")[0]: str(path.relative_to(ROOT)) for each in found})
    return {name: path for name, path in names.items() if name not in sys.stdlib_module_names}


def distributions(name: str) -> set[str]:
    found = importlib.metadata.packages_distributions().get(name, [name])
    return {canonicalize_name(each) for each in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_and_hashes_everything(lock: str) -> None:
    text = LOCKS[lock]
    assert "://" not in text
    assert not re.search(
        r"^\s*-",
        re.sub(r"^\s+--hash=sha256:[0-9a-f]{64}", "", text, flags=re.MULTILINE),
        re.MULTILINE,
    )
    entries = re.split(r"^(?=[A-Za-z])", text.partition("\n")[2], flags=re.MULTILINE)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("lock", "group"), [("run", None), ("test", None), ("test", "test")])
def test_a_lock_holds_what_the_project_asks_for(lock: str, group: str | None) -> None:
    locked = pins(lock)
    for requirement in requirements(group):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in {lock}.lock: run `make lock`"
        assert all(requirement.specifier.contains(v) for v in versions), f"{requirement}: make lock"


def test_both_locks_agree() -> None:
    run, test = pins("run"), pins("test")
    assert {name: versions for name, versions in run.items() if test.get(name) != versions} == {}


def test_what_the_product_imports_is_declared_and_the_other_way_round() -> None:
    declared = {canonicalize_name(requirement.name) for requirement in requirements()}
    used = {name: path for name, path in imported(*PRODUCT).items() if name not in PRODUCT}
    missing = {name: path for name, path in used.items() if not distributions(name) & declared}
    assert missing == {}
    idle = declared - {each for name in used for each in distributions(name)} - set(NOT_IMPORTED)
    assert idle == set()


def test_what_the_tests_import_is_locked() -> None:
    locked = set(pins("test"))
    used = {
        name: path
        for name, path in imported("tests").items()
        if name not in (*PRODUCT, "tests", "bench")
        and not (ROOT / Path(path).parent / f"{name}.py").exists()
    }
    assert {name: path for name, path in used.items() if not distributions(name) & locked} == {}


def test_the_product_never_imports_tryton() -> None:
    assert {"trytond", "proteus"} & set(imported(*PRODUCT)) == set()
    assert not [name for name in pins("run") if name.startswith(("trytond", "proteus"))]


@pytest.mark.parametrize("package", PRODUCT)
def test_every_file_of_a_package_is_shipped(package: str) -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"][package]
    files = [
        path.relative_to(ROOT / package).as_posix()
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    ]
    shipped = [
        file
        for file in files
        for pattern in patterns
        if fnmatch.fnmatch(file, pattern) or fnmatch.fnmatch(file, pattern.removeprefix("**/"))
    ]
    assert sorted(set(files) - set(shipped)) == []


def test_the_licence_is_shipped() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]


def test_ci_runs_the_readme_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert "make test" in script.read_text()


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    if program is None:
        pytest.skip("make is not installed")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements").mkdir()
    for file in ("pyproject.toml", "requirements/run.lock"):
        (folder / file).touch()
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )


def test_make_explains_itself(tmp_path: Path) -> None:
    told = make(tmp_path).stdout
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"install", "run", "test", "bench"} <= set(targets)
    assert [target for target in targets if f"make {target} " not in told] == []


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, "No 'PYTHON' found. Install Python 3.11 or later, or name one"),
        ("exit 1", "'PYTHON' is older than Python 3.11. Name a newer one"),
        (
            'case "$2" in *ensurepip*) exit 1;; esac',
            "'PYTHON' comes without the venv module. Install it",
        ),
    ],
)
def test_make_says_in_one_sentence_what_is_missing(
    script: str | None, sentence: str, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o700)
    made = make(tmp_path, "install", f"PYTHON={python}")
    assert made.returncode != 0
    assert made.stderr.startswith(sentence.replace("PYTHON'", f"{python}'"))
    assert not (tmp_path / ".venv").exists()
