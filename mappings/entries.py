"""Checks of the entries of lists (`installments[].amount_cents`), many fields of one list in one walk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mappings.decision import MAX_PROBLEMS_OF_A_RECORD
from mappings.evaluation import Scope, Step, Stop, Wrong
from mappings.outcome import Problem
from mappings.paths import each
from mappings.plan import Check, run_stages

AllRight = Callable[[Scope], bool]


def quick_entry_checks(checks: Sequence[Check]) -> tuple[AllRight, ...]:
    """One function per list that says whether all its entries are right; when one is not, or the shape is
    unusual, `check_entries` finds out what is wrong. Empty when some path is too deep for this."""
    by_list: dict[str, list[tuple[str, tuple[Step, ...]]]] = {}
    for check in checks:
        steps = check.path.steps
        if len(steps) != 3 or steps[1] is not None or any(stage.fills for stage in check.stages):
            return ()
        inner = tuple(stage.step for stage in check.stages)
        by_list.setdefault(str(steps[0]), []).append((str(steps[2]), inner))
    return tuple(_quick(name, leaves) for name, leaves in by_list.items())


def _quick(name: str, leaves: list[tuple[str, tuple[Step, ...]]]) -> AllRight:
    def all_right(scope: Scope) -> bool:
        entries = scope.record.get(name)
        if not entries:
            return entries is None or type(entries) is list
        if type(entries) is not list:
            return False
        try:
            for entry in entries:
                if type(entry) is not dict:
                    return False
                for leaf, steps in leaves:
                    value = entry.get(leaf)
                    if value is None or value == "":
                        continue
                    for step in steps:
                        value = step(value, scope)
        except Stop:
            return False
        return True

    return all_right


def check_entries(check: Check, scope: Scope, wrong: dict[str, Problem]) -> None:
    """Check every entry of a list; stops after the first bad entries, of which there may be very many."""
    for path, value in each(scope.record, check.path.steps, check.path.text):
        try:
            run_stages(None if value == "" else value, check.stages, scope)
        except Wrong as stop:
            problem = stop.problem(path)
            wrong.setdefault(problem.field_path, problem)
            if len(wrong) >= MAX_PROBLEMS_OF_A_RECORD:
                return
