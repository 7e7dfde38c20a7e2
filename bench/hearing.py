"""The webhook measurement of `bench.webhooks`, as lines of the common report."""

from __future__ import annotations

from typing import Any

from bench.report import Figure, Report
from bench.webhooks import MINIMUM_RATIO, P99_LIMIT_MILLISECONDS, measure

_SECONDS = 2.0
_SENDERS = [16, 64]


def webhooks(rounds: int) -> Report:
    """Durable acknowledgements a second and their 99th percentile, against a bare handler on the same server."""
    report = Report()
    for line in measure(rounds, _SECONDS, _SENDERS, []):
        report.figures += _figures(line)
    return report


def _figures(line: dict[str, Any]) -> list[Figure]:
    senders = line["senders"]
    limit = P99_LIMIT_MILLISECONDS[senders]
    return [
        Figure(
            name=f"webhook acknowledgements, {senders} senders",
            value=line["acks_per_second"],
            unit="/s",
            baseline="bare Flask",
            baseline_value=line["bare_per_second"],
            ratio=line["ratio"],
            target=f">= {MINIMUM_RATIO}x",
            met=line["ratio"] >= MINIMUM_RATIO,
        ),
        Figure(
            name=f"webhook p99, {senders} senders",
            value=line["p99_milliseconds"],
            unit="ms",
            baseline="bare Flask",
            baseline_value=line["bare_p99_milliseconds"],
            ratio=line["p99_milliseconds"] / line["bare_p99_milliseconds"],
            target=f"<= {limit} ms",
            met=line["p99_milliseconds"] <= limit,
        ),
    ]
