"""Runs independent pieces of work side by side, and stops handing out more when one fails for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")


def for_each(
    items: Iterable[Item], work: Callable[[Item], object], *, workers: int, stopping: Event
) -> None:
    """Call `work` for every item on up to `workers` threads. The first error stops the rest from being started and is
    raised once what was running has ended; so does `stopping`, without an error."""
    failed = Event()
    errors: list[BaseException] = []

    def run(item: Item) -> None:
        if failed.is_set() or stopping.is_set():
            return
        try:
            work(item)
        except BaseException as error:  # noqa: BLE001 - handed to the caller below, whatever it is
            errors.append(error)
            failed.set()

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(run, items))
    if errors:
        raise errors[0]
