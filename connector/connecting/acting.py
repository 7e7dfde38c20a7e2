"""What an operator does with a connection or a financier: try it, read it now or as a whole, leave it alone for a while."""

from __future__ import annotations

from collections.abc import Callable

from connector.bootstrap import Program
from connector.errors import NotFound, Refused
from connector.system import Finding

Wake = Callable[[str], bool]
NO_RANGES = (
    "No system here can be asked for the invoices of a range of days, so everything is read again: what is unchanged "
    "costs one comparison, what is new or changed is taken in, and nothing is sent a second time."
)


def role_of(program: Program, name: str) -> str:
    """`connection` or `financier`. Raises NotFound."""
    if name in program.config.connections:
        return "connection"
    if name in program.config.financiers:
        return "financier"
    raise NotFound(f"There is no connection {name[:80]!r}.")


def pause(program: Program, name: str, *, by: str) -> None:
    """Speak to it no more until it is resumed. What is to be said waits."""
    role_of(program, name)
    with program.database.write() as tx:
        if tx.connections.get(name).state != "paused":
            tx.connections.pause(name)
            tx.audit.append(by, "connection.pause", name, {})


def resume(program: Program, name: str, *, by: str) -> None:
    """Speak to it again at once, whatever stopped it."""
    role_of(program, name)
    with program.database.write() as tx:
        tx.connections.resume(name)
        tx.audit.append(by, "connection.resume", name, {})


def run_now(program: Program, wake: Wake, name: str, *, by: str) -> str:
    """Pull a connection, or ask a financier about what is due. Gives the task. Raises Refused while it is paused."""
    task = ("pull:" if role_of(program, name) == "connection" else "poll:") + name
    _refuse_paused(program, name)
    if not wake(task):
        raise Refused("The schedule does not run here.", remedy="Start it with `connector run`.")
    with program.database.write() as tx:
        tx.audit.append(by, "task.run", task, {})
    return task


def full_walk(program: Program, wake: Wake, name: str, *, by: str, since: str | None = None) -> str:
    """Let the next pull read every record again, and begin it now. `since`: why, where a range was asked for; see
    `NO_RANGES`. Raises Refused for a financier, and while it is paused."""
    if role_of(program, name) != "connection":
        raise Refused(f"{name} is a financier: it is asked about its own invoices, not walked.")
    _refuse_paused(program, name)
    with program.database.write() as tx:
        for stream in program.systems[name].streams:
            tx.cursors.forget(name, stream.name)
        tx.audit.append(by, "connection.full_walk", name, {"asked_since": since})
    wake(f"pull:{name}")
    return f"pull:{name}"


def check(program: Program, name: str, *, by: str) -> list[Finding]:
    """Try it now, read-only: what was tried, what came of it, and what to do about it."""
    of = program.systems if role_of(program, name) == "connection" else program.financiers
    findings = list(of[name].check())
    with program.database.write() as tx:
        wrong = sum(1 for finding in findings if not finding.ok)
        tx.audit.append(by, "connection.checked", name, {"tried": len(findings), "wrong": wrong})
    return findings


def _refuse_paused(program: Program, name: str) -> None:
    with program.database.read() as tx:
        if tx.connections.get(name).state == "paused":
            raise Refused(f"{name} is paused.", remedy="Resume it first.")
