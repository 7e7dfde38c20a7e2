"""`connector check` for Monite: what is tried, what was found, and how changes will be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from connector.errors import ConnectorError
from connector.system import Finding
from connector.systems.monite.client import MoniteClient
from connector.systems.monite.companies import Companies
from connector.systems.monite.records import COLLECTIONS
from connector.systems.monite.subscriptions import Subscriptions
from connector.systems.monite.walk import Habits

_RIGHTS = "Check `entity_id`, and that the token's role may read this."


def inspect(
    client: MoniteClient, companies: Companies, subscriptions: Subscriptions, habits: Habits
) -> list[Finding]:
    """Try one thing after the other; the first one that fails is the last."""
    findings: list[Finding] = []
    tries: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("read the entity", lambda: _entity(companies)),
        *((f"read one page of {kind}s", _list(client, path)) for kind, path in COLLECTIONS.items()),
        ("read one page of counterparts", _list(client, "/counterparts")),
        ("how changes are found", lambda: _changes(subscriptions, habits)),
    )
    for what, attempt in tries:
        try:
            finding = attempt()
        except ConnectorError as error:
            finding = Finding.of_error(what, error, otherwise=_RIGHTS)
        findings.append(finding)
        if not finding.ok:
            break
    return findings


def _entity(companies: Companies) -> Finding:
    entity = companies.entity()
    return Finding(True, "read the entity", f"{entity.source_id} is there")


def _list(client: MoniteClient, path: str) -> Callable[[], Finding]:
    def attempt() -> Finding:
        rows = next(islice(client.pages(path, (), 1), 1), [])
        detail = "one was read" if rows else "there is none yet"
        return Finding(True, f"read one page of {path.strip('/')}", detail)

    return attempt


def _changes(subscriptions: Subscriptions, habits: Habits) -> Finding:
    what = "how changes are found"
    if not habits.events:
        return Finding(
            True,
            what,
            "every invoice whose status may still change is read again in each pull (reread_open), and everything "
            "with each full walk; events are off",
        )
    there = {one.topic for one in subscriptions.there() if one.enabled}
    missing = sorted({*COLLECTIONS} - there)
    if missing:
        return Finding(
            False,
            what,
            f"`events` is on, and no webhook subscription is enabled for {' and '.join(missing)}: Monite keeps no "
            "events of them",
            "Run `connector webhooks sync`, or set `events = false`.",
        )
    return Finding(True, what, "; ".join(_ways(habits)))


def _ways(habits: Habits) -> Iterator[str]:
    yield "by GET /events since the last pull"
    if habits.reread_open:
        yield "every invoice whose status may still change is read again (reread_open)"
    yield "everything with each full walk"
