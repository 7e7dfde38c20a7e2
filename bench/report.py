"""Figures, tables and the JSON file."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.contest import Sample


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result: a figure, its baseline of the same run, their ratio and what was promised."""

    name: str
    value: float | None
    unit: str
    baseline: str
    baseline_value: float | None
    ratio: float | None
    """How the figure stands to the baseline, better when larger unless the target says at most."""
    cpu_ratio: float | None = None
    """The same in CPU seconds: steadier on a machine that others use too."""
    target: str = ""
    met: bool | None = None
    """None where nothing was promised or nothing could be measured."""
    remark: str = ""


@dataclass(slots=True)
class Report:
    """All that a command measured."""

    samples: list[Sample] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Take over what another part measured."""
        self.samples += other.samples
        self.figures += other.figures
        self.notes += other.notes

    @property
    def missed(self) -> list[Figure]:
        """The targets that were measured and not met."""
        return [figure for figure in self.figures if figure.met is False]

    def text(self) -> str:
        """Both tables and the notes."""
        parts = []
        if self.samples:
            parts.append(_table(_SAMPLE_HEAD, _sample_rows(self.samples)))
        if self.figures:
            parts.append(_table(_FIGURE_HEAD, [_figure_row(figure) for figure in self.figures]))
        parts += [f"Note: {note}" for note in dict.fromkeys(self.notes)]
        return "\n\n".join(parts) + "\n"

    def write_json(self, path: Path) -> None:
        """Everything, with the machine it was measured on."""
        document = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "figures": [asdict(figure) for figure in self.figures],
            "samples": [asdict(sample) for sample in self.samples],
            "notes": list(dict.fromkeys(self.notes)),
        }
        path.write_text(json.dumps(document, indent=1, default=str) + "\n")


def machine() -> dict[str, Any]:
    """What the figures depend on and the code cannot change."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "load_average": list(os.getloadavg()),
    }


_SAMPLE_HEAD = (
    "case",
    "run",
    "records",
    "latency ms",
    "runs",
    "wall s (min-max)",
    "records/s",
    "CPU s",
    "CPU us/record",
    "peak RSS MiB",
    "GETs",
    "in flight",
)
_FIGURE_HEAD = ("figure", "value", "baseline", "", "ratio", "CPU ratio", "target", "met")


def _sample_rows(samples: Iterable[Sample]) -> list[list[str]]:
    groups: dict[tuple[str, str, int, int], list[Sample]] = {}
    for sample in samples:
        key = (sample.case, sample.run, sample.records, sample.latency_ms)
        groups.setdefault(key, []).append(sample)
    return [_sample_row(key, group) for key, group in groups.items()]


def _sample_row(key: tuple[str, str, int, int], group: Sequence[Sample]) -> list[str]:
    case, run, records, latency_ms = key
    sound = [sample for sample in group if sample.sound]
    start = [case, run, f"{records:,}", str(latency_ms), str(len(group))]
    if not sound:
        return [*start, group[-1].trouble] + [""] * (len(_SAMPLE_HEAD) - 6)
    walls = [sample.measured.wall_seconds for sample in sound]
    cpu = median(sample.measured.cpu_seconds for sample in sound)
    return [
        *start,
        f"{median(walls):.2f} ({min(walls):.2f}-{max(walls):.2f})",
        f"{records / median(walls):,.0f}",
        f"{cpu:.2f}",
        f"{cpu / records * 1e6:.1f}",
        f"{max(sample.measured.peak_rss_mib for sample in sound):.0f}",
        f"{sound[-1].requests:,}",
        str(max(sample.max_in_flight for sample in sound) or ""),
    ]


def _figure_row(figure: Figure) -> list[str]:
    verdict = {True: "met", False: "NOT MET", None: ""}[figure.met]
    return [
        figure.name,
        _number(figure.value, figure.unit) if figure.value is not None else figure.remark,
        figure.baseline,
        _number(figure.baseline_value, figure.unit),
        _number(figure.ratio, "x"),
        _number(figure.cpu_ratio, "x"),
        figure.target,
        verdict,
    ]


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "x":
        return f"{value:.2f}x"
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.4g} {unit}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
