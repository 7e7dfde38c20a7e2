"""Plots as inline SVG: no script, no library, readable in both themes and on paper.

Every plot has a title and a description for screen readers, and stands beside a table with the same figures. Colours
are classes of the style sheet (`hue-1` to `hue-7`), because the pages allow no style of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

BAR_WIDTH = 1000
MIN_PART = 4
"""Least width of a part that is not nothing, of `BAR_WIDTH`: what is there is seen."""


class Part(NamedTuple):
    """A part of a bar. `value` in any unit, the same for all; `said` is what a person hovering reads."""

    value: int
    hue: int
    said: str


def stacked_bar(identifier: str, title: str, parts: Sequence[Part]) -> Markup:
    """One horizontal bar of parts, each as wide as its share. Empty when there is nothing to show."""
    there = [part for part in parts if part.value > 0]
    total = sum(part.value for part in there)
    if not total:
        return Markup("")
    widths = [max(MIN_PART, part.value * BAR_WIDTH // total) for part in there]
    widest = max(range(len(widths)), key=widths.__getitem__)
    widths[widest] += BAR_WIDTH - sum(widths)
    drawn, x = [], 0
    for part, width in zip(there, widths, strict=True):
        gap = 2 if x else 0
        drawn.append(
            Markup('<rect class="hue-{}" x="{}" y="0" width="{}" height="20"><title>{}</title></rect>').format(
                part.hue, x + gap, max(1, width - gap), part.said
            )
        )  # fmt: skip
        x += width
    return Markup(
        '<svg class="bar" role="img" viewBox="0 0 {} 20" preserveAspectRatio="none" aria-labelledby="{}">'
        '<title id="{}">{}</title>{}</svg>'
    ).format(BAR_WIDTH, identifier, identifier, title, Markup("").join(drawn))


class Column(NamedTuple):
    """One column of a column plot: `said` is read aloud and shown on hovering, `url` is where it leads."""

    value: int
    hue: int
    said: str
    url: str | None
    under: str = ""
    """What stands under the column, on every few of them."""


PLOT_WIDTH, PLOT_HEIGHT = 960, 180
LEFT, BOTTOM, TOP = 64, 24, 10


def columns_plot(
    identifier: str, title: str, columns: Sequence[Column], ticks: Sequence[tuple[int, str]]
) -> Markup:
    """Columns side by side, the oldest left. `ticks` are (value, text) of the axis, ascending, the last the highest.
    Empty when there are no columns."""
    if not columns:
        return Markup("")
    top = max(1, ticks[-1][0], *(column.value for column in columns))
    height = PLOT_HEIGHT - BOTTOM - TOP
    places = max(len(columns), 12)
    step = (PLOT_WIDTH - LEFT) // places

    def y(value: int) -> int:
        return TOP + height - value * height // top

    drawn: list[Markup] = []
    for value, said in ticks:
        drawn.append(
            Markup(
                '<line class="grid-line" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
            ).format(LEFT, PLOT_WIDTH, y(value), y(value), LEFT - 8, y(value) + 4, said)
        )
    every = max(1, len(columns) // 8)
    for number, column in enumerate(columns):
        drawn.append(
            _column(
                column,
                LEFT + number * (PLOT_WIDTH - LEFT) // places,
                step,
                y(column.value),
                under=number % every == 0 and number + every <= len(columns),
            )
        )
    drawn.append(
        Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            LEFT, PLOT_WIDTH, TOP + height, TOP + height
        )
    )
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="group" aria-labelledby="{}"><title id="{}">{}</title>{}</svg>'
    ).format(PLOT_WIDTH, PLOT_HEIGHT, identifier, identifier, title, Markup("").join(drawn))


def _column(column: Column, x: int, step: int, top: int, *, under: bool) -> Markup:
    base = PLOT_HEIGHT - BOTTOM
    top = min(top, base - 2)
    shape = Markup(
        '<rect class="hue-{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"><title>{}</title></rect>'
    ).format(column.hue, x + 1, top, max(2, step - 2), base - top, column.said)  # fmt: skip
    if column.url is not None:
        shape = Markup('<a href="{}" aria-label="{}">{}</a>').format(column.url, column.said, shape)
    if under and column.under:
        shape += Markup('<text x="{}" y="{}">{}</text>').format(
            x, PLOT_HEIGHT - 8, escape(column.under)
        )
    return shape


_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_STEPS = (10, 25, 50, 100, 250, 500) + tuple(
    number * unit
    for unit, numbers in (
        (_SECOND, (1, 2, 5, 10, 15, 30)),
        (_MINUTE, (1, 2, 5, 10, 15, 30)),
        (_HOUR, (1, 2, 6, 12)),
        (_DAY, (1, 7)),
    )
    for number in numbers
)


def duration_ticks(longest_milliseconds: int) -> list[tuple[int, str]]:
    """A few round marks, in milliseconds, from nothing to above the longest."""
    step = next((each for each in _STEPS if each * 4 >= longest_milliseconds), _STEPS[-1])
    last = max(2, -(-longest_milliseconds // step))
    return [(step * number, _tick(step * number)) for number in range(last + 1)]


def _tick(milliseconds: int) -> str:
    if _SECOND < milliseconds < _MINUTE and milliseconds % _SECOND:
        return f"{milliseconds // _SECOND}.{milliseconds % _SECOND // 100} s"
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s")):
        if milliseconds >= unit and milliseconds % unit == 0:
            return f"{milliseconds // unit} {word}"
    return f"{milliseconds} ms"
