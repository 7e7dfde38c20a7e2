"""What axe-core finds on a page against WCAG 2.1, levels A and AA. The script comes from a package, from no network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The only rules whose verdict a change of colours can change."""


@cache
def _script() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def problems(page: Page) -> list[str]:
    """A sentence for each thing that breaks a rule, in light and in dark."""
    page.evaluate(_script())
    found: list[str] = []
    for scheme, rules in (
        ("light", {"type": "tag", "values": LEVELS}),
        ("dark", {"type": "rule", "values": COLOURS}),
    ):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        options = {"runOnly": rules, "resultTypes": ["violations"]}
        told = page.evaluate("options => axe.run(document, options)", options)
        found += [f"{page.url} in {scheme}: {said}" for said in _sentences(told["violations"])]
    page.emulate_media(color_scheme="light")
    return found


def unreachable(page: Page) -> list[str]:
    """What scrolls, and cannot be scrolled without a mouse."""
    page.evaluate(_script())
    options = {"runOnly": {"type": "rule", "values": ["scrollable-region-focusable"]}}
    told = page.evaluate("options => axe.run(document, options)", options)
    return [f"{page.url}: {said}" for said in _sentences(told["violations"])]


def _sentences(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{each['id']}: {each['help']} ({len(each['nodes'])}, first {each['nodes'][0]['html'][:160]};"
        f" {' '.join(each['nodes'][0].get('failureSummary', '').split())[:240]})"
        for each in violations
    ]
