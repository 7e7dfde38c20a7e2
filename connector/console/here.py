"""What a page works with: the program it belongs to, and a way to run a task now."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from flask import Flask, current_app

from connector.bootstrap import Program
from connector.errors import NotFound
from connector.store.transaction import Transaction

_KEY = "connector.console"


@dataclass(frozen=True, slots=True)
class Console:
    """One application's program. `wake` runs a task now, by key, and says whether there is one of that name; `reload`
    takes up a changed configuration soon, and says whether it can."""

    program: Program
    wake: Callable[[str], bool]
    reload: Callable[[], bool]


def place(app: Flask, console: Console) -> None:
    """Let the pages of `app` find their program."""
    app.extensions[_KEY] = console


def program() -> Program:
    """The program of the application that answers the present request."""
    return _console().program


def read() -> AbstractContextManager[Transaction]:
    """A transaction of the program's store that sees one moment and cannot change it."""
    return program().database.read()


def wake(key: str) -> None:
    """Run a task now, for example `pull:NAME`. Raises NotFound when there is none of that name."""
    if not _console().wake(key):
        raise NotFound(f"There is no task {key[:80]!r}.")


def reload() -> bool:
    """Take up a changed configuration soon. False where only a restart does."""
    return _console().reload()


def _console() -> Console:
    console: Console = current_app.extensions[_KEY]
    return console
