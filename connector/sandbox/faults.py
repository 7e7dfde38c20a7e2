"""Which request is disturbed, how often. What a disturbance does is in `fault_catalogue.py`.

A rule names the call it matches (`"POST /v1/invoices"`, shell patterns allowed, `"WEBHOOK invoice.financed"` for a
delivery), the fault, how many times, and the fault's options. Rules are scripted one by one, drawn from a seed by a
storm, or come from the plan of a day (`plan.py`). The same engine serves requests and webhooks of every platform.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, Protocol


@dataclass(slots=True)
class Rule:
    """`times` None means always; the first `skip` matching calls pass unharmed."""

    match: str
    fault: str
    times: int | None = 1
    skip: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0


@dataclass(slots=True)
class Storm:
    """Of the calls that match, `percent` in a hundred are disturbed by one of `faults`, drawn from `seed`."""

    match: str
    faults: tuple[str, ...]
    percent: int
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)


class Plan(Protocol):
    """Faults laid down beforehand."""

    def fault(self, call: str, turn: int) -> str | None:
        """What disturbs the `turn`-th call (from 0) of this text; None for nothing."""


class FaultEngine:
    """Holds the rules and decides. `known` are the names a rule may use."""

    def __init__(self, known: frozenset[str]) -> None:
        self._lock = Lock()
        self._known = known
        self._rules: list[Rule] = []
        self._storms: list[tuple[Storm, random.Random]] = []
        self._turns: dict[str, int] = {}
        self.plan: Plan | None = None
        """Asked for what no rule and no storm disturbs."""
        self.counts: dict[str, int] = {}
        """How often each fault was used."""

    @property
    def known(self) -> frozenset[str]:
        """Names of the faults that can be used."""
        return self._known

    def add(self, rule: Rule) -> None:
        """Arm a rule. Raises ValueError for an unknown fault."""
        self._check(rule.fault)
        with self._lock:
            self._rules.append(rule)

    def add_storm(self, storm: Storm) -> None:
        """Arm a storm. Raises ValueError for an unknown fault or a share that is none."""
        for name in storm.faults:
            self._check(name)
        if not 0 <= storm.percent <= 100 or not storm.faults:
            raise ValueError("A storm needs at least one fault and a percent between 0 and 100.")
        with self._lock:
            self._storms.append((storm, random.Random(f"storm:{storm.seed}")))

    def clear(self) -> None:
        """Disarm everything, the plan too."""
        with self._lock:
            self._rules.clear()
            self._storms.clear()
            self._turns.clear()
            self.plan = None

    def rules(self) -> list[dict[str, Any]]:
        """The armed rules and storms, for a person to read."""
        with self._lock:
            return [asdict(rule) for rule in self._rules] + [
                asdict(storm) for storm, _ in self._storms
            ]

    def take(self, call: str, detail: str = "") -> Rule | None:
        """The rule that disturbs this call (`"METHOD /path"` or `"WEBHOOK type"`), used up by one; None for none.

        `detail` (a query, an event) tells calls apart that a rule does not: a plan counts each by itself, so that it
        does not matter in which order different calls come.
        """
        with self._lock:
            found = self._scripted(call) or self._drawn(call) or self._planned(call, detail)
            if found is not None:
                self.counts[found.fault] = self.counts.get(found.fault, 0) + 1
            return found

    def _scripted(self, call: str) -> Rule | None:
        for rule in self._rules:
            if not fnmatchcase(call, rule.match):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.times is None or rule.fired < rule.times:
                rule.fired += 1
                return rule
        return None

    def _drawn(self, call: str) -> Rule | None:
        for storm, dice in self._storms:
            if fnmatchcase(call, storm.match) and dice.randrange(100) < storm.percent:
                return Rule(storm.match, dice.choice(storm.faults), options=dict(storm.options))
        return None

    def _planned(self, call: str, detail: str) -> Rule | None:
        if self.plan is None:
            return None
        key = f"{call} {detail}"
        turn = self._turns.get(key, 0)
        self._turns[key] = turn + 1
        name = self.plan.fault(key, turn)
        return None if name is None else Rule(call, name)

    def _check(self, name: str) -> None:
        if name not in self._known:
            raise ValueError(
                f"There is no fault {name!r}; there are: {', '.join(sorted(self._known))}."
            )


def read_rules(body: object) -> tuple[list[Rule], list[Storm]]:
    """Rules and storms from a control request: one object or a list of them. Raises ValueError."""
    entries: Sequence[object] = body if isinstance(body, list) else [body]
    rules: list[Rule] = []
    storms: list[Storm] = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise ValueError(
                'A fault is an object such as {"match": "POST /v1/invoices", "fault": "status_500"}.'
            )
        try:
            if "faults" in entry:
                storms.append(Storm(**{**entry, "faults": tuple(entry["faults"])}))
            else:
                rules.append(Rule(**entry))
        except TypeError as error:
            allowed = (
                "match, fault, times, skip, options (or match, faults, percent, seed, options)"
            )
            raise ValueError(f"A fault has the keys {allowed}.") from error
    return rules, storms
