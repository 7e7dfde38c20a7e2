"""The pull measurements: first walk, latency, the walk again, memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.contest import (
    Case,
    Conditions,
    Sample,
    bare,
    contest,
    folder_for,
    measure,
    paired_ratio,
    product,
)
from bench.report import Figure, Report
from bench.serving import page_server, throughput

LATENCY_MS = 100
RSS_LIMIT_MIB = 150
PROPORTIONAL = 12.0
"""Ten, and a little for what the machine does besides."""
_FLAT_GROWTH = 1.10
_FLAT_MIB = 5.0

_SAME_PROTOCOL = (
    "Peers are measured with their start-up; none of them validates, maps or keeps versions."
)


def _wall(sample: Sample) -> float:
    return sample.measured.wall_seconds


def _cpu(sample: Sample) -> float:
    return sample.measured.cpu_seconds


def _inside(sample: Sample, name: str) -> float:
    return sample.inside[name]


def _middle(samples: list[Sample], case: str, value: Callable[[Sample], float]) -> float | None:
    found = [value(sample) for sample in samples if sample.case == case and sample.sound]
    return median(found) if found else None


def _rate_figure(samples: list[Sample], name: str, other: str, at_least: float | None) -> Figure:
    """Records a second of the product against those of `other`."""
    ratio = paired_ratio(samples, other, "product", _wall)
    records = samples[0].records
    own, theirs = _middle(samples, "product", _wall), _middle(samples, other, _wall)
    return Figure(
        name=name,
        value=records / own if own else None,
        unit="records/s",
        baseline=other,
        baseline_value=records / theirs if theirs else None,
        ratio=ratio,
        cpu_ratio=paired_ratio(samples, other, "product", _cpu),
        target=f">= {at_least:g}x" if at_least is not None else "",
        met=None if ratio is None or at_least is None else ratio >= at_least,
        remark="not measured",
    )


def pull(
    records: int,
    rounds: int,
    peers: list[Case],
    peer_rounds: int,
    conditions: Conditions,
) -> Report:
    """A first walk of all records: product, bare baseline and peers."""
    cases = [(bare(), rounds), (product(), rounds), *((peer, peer_rounds) for peer in peers)]
    with page_server(records) as server:
        samples = contest(cases, server, conditions)
    promised = {"dlt": 2.0, "singer": 1.0, "airbyte": 1.0}
    figures = [_rate_figure(samples, f"first pull, {records:,}", "bare", 0.4)]
    figures += [
        _rate_figure(samples, f"first pull, {records:,}", peer.name, promised.get(peer.name))
        for peer in peers
    ]
    return Report(samples, figures, [_SAME_PROTOCOL])


def latency(
    records: int, rounds: int, peers: list[Case], peer_rounds: int, conditions: Conditions
) -> Report:
    """The first walk when every answer takes 100 ms."""
    cases = [(bare(), rounds), (product(), rounds), *((peer, peer_rounds) for peer in peers)]
    slow = Conditions(LATENCY_MS, conditions.timeout_seconds, conditions.work_dir)
    with page_server(records, LATENCY_MS) as server:
        samples = contest(cases, server, slow)
    name = f"first pull, {records:,}, {LATENCY_MS} ms"
    walls = {peer.name: _middle(samples, peer.name, _wall) for peer in peers}
    measured = {case: wall for case, wall in walls.items() if wall is not None}
    fastest = min(measured, key=measured.__getitem__, default=None)
    figures = [_rate_figure(samples, name, "bare", None)]
    figures += [
        _rate_figure(samples, name, peer.name, 3.0 if peer.name == fastest else None)
        for peer in peers
    ]
    return Report(samples, figures, [_SAME_PROTOCOL])


@dataclass(frozen=True, slots=True)
class _Again:
    """One of the runs that follow a first walk in the same folder."""

    label: str
    how: str = "walk"
    changed: int = 0
    within_last: int | None = None
    hours_ago: int = 0


def resync(records: int, rounds: int, changed: int, conditions: Conditions) -> Report:
    """The product again in the same folder: nothing changed, then `changed` records, by walk and by time filter."""
    few, many = changed // 10, changed
    # One change between the two: a pull overlaps the last one by an hour before its newest change.
    runs = (
        _Again("again"),
        _Again("again, filter", "filter"),
        _Again(f"{few} filter", "filter", few, hours_ago=30),
        _Again("between", "filter", 1, hours_ago=20),
        _Again(f"{many} filter", "filter", many, hours_ago=10),
        _Again(f"{many} spread", changed=many),
        _Again(f"{many} at end", changed=many, within_last=many),
    )
    samples: list[Sample] = []
    with page_server(records) as server:
        for number in range(rounds):
            with folder_for(conditions.work_dir) as folder:
                samples.append(measure(product(), server, folder, conditions, number=number))
                for run in runs:
                    if run.changed:
                        server.change(run.changed, run.within_last, run.hours_ago)
                    case = product(run.how)
                    samples.append(measure(case, server, folder, conditions, run.label, number))
    figures = [_resync_figure(samples, run.label) for run in runs if run.label != "between"]
    figures.append(_proportion(samples, f"{many} filter", f"{few} filter"))
    return Report(samples, figures, [_RESYNC_NOTE])


_RESYNC_NOTE = (
    "Walk again: seconds and CPU of the pull inside the connector's process, which in use does not start anew "
    "for each pull; the runs table shows the whole process with its start-up."
)


def _resync_figure(samples: list[Sample], label: str) -> Figure:
    first = [sample for sample in samples if sample.run == "first"]
    again = [sample for sample in samples if sample.run == label]
    sound = all(sample.sound for sample in samples)
    ratio = cpu_ratio = None
    if sound:
        pairs = list(zip(first, again, strict=True))
        ratio = median(_inside(a, "pull_seconds") / _inside(b, "pull_seconds") for a, b in pairs)
        cpu_ratio = median(
            _inside(a, "pull_cpu_seconds") / _inside(b, "pull_cpu_seconds") for a, b in pairs
        )
    promised = label == "again"
    return Figure(
        name=f"pull again, {samples[0].records:,}: {label}",
        value=median(_inside(sample, "pull_seconds") for sample in again) if sound else None,
        unit="s",
        baseline="first walk",
        baseline_value=median(_inside(s, "pull_seconds") for s in first) if sound else None,
        ratio=ratio,
        cpu_ratio=cpu_ratio,
        target=">= 8x" if promised else "",
        met=ratio >= 8 if promised and ratio is not None else None,
        remark="not measured",
    )


def _proportion(samples: list[Sample], many: str, few: str) -> Figure:
    """Ten times the changes may cost at most ten times the time, where the source filters by time."""
    sound = all(sample.sound for sample in samples)
    by_label = {
        label: median(_inside(sample, "pull_seconds") for sample in samples if sample.run == label)
        for label in (many, few)
        if sound
    }
    ratio = by_label[many] / by_label[few] if by_label else None
    return Figure(
        name=f"time filter, {samples[0].records:,}: cost of 10x the changes",
        value=by_label.get(many),
        unit="s",
        baseline=few,
        baseline_value=by_label.get(few),
        ratio=ratio,
        target=f"<= {PROPORTIONAL:g}x",
        met=ratio <= PROPORTIONAL if ratio is not None else None,
        remark="not measured",
    )


def memory(sizes: list[int], conditions: Conditions) -> Report:
    """Peak resident memory of the product at growing sizes, against the bare loop's."""
    samples: list[Sample] = []
    for records in sizes:
        with page_server(records) as server:
            samples += contest([(bare(), 1), (product(), 1)], server, conditions)
    peaks = {s.records: s.measured.peak_rss_mib for s in samples if s.case == "product" and s.sound}
    figures = []
    for records in sizes:
        at_size = [sample for sample in samples if sample.records == records]
        peak, bare_peak = peaks.get(records), _middle(at_size, "bare", _rss)
        figures.append(
            Figure(
                name=f"peak RSS, first pull, {records:,}",
                value=peak,
                unit="MiB",
                baseline="bare",
                baseline_value=bare_peak,
                ratio=peak / bare_peak if peak and bare_peak else None,
                target=f"<= {RSS_LIMIT_MIB} MiB",
                met=peak <= RSS_LIMIT_MIB if peak else None,
                remark="not measured",
            )
        )
    if len(peaks) > 1:
        small, large = peaks[min(peaks)], peaks[max(peaks)]
        figures.append(
            Figure(
                name=f"peak RSS, growth {min(peaks):,} to {max(peaks):,}",
                value=large,
                unit="MiB",
                baseline=f"at {min(peaks):,}",
                baseline_value=small,
                ratio=large / small,
                target="<= 1.1x or 5 MiB",
                met=large / small <= _FLAT_GROWTH or large - small <= _FLAT_MIB,
            )
        )
    return Report(samples, figures)


def _rss(sample: Sample) -> float:
    return sample.measured.peak_rss_mib


def server_limits() -> Report:
    """How fast the page server is: it must not be what is measured."""
    report = Report()
    with page_server(10_000) as server:
        for connections in (1, 4):
            server.stats()
            rate = throughput(server, connections, 1.5)
            report.notes.append(
                f"page server, {connections} connection(s): {rate:,.0f} pages/s "
                f"({rate * 100:,.0f} records/s) fetched by plain sockets in one Python process"
            )
        stats = server.stats()
    report.notes.append(f"page server, CPU over both: {stats.cpu_seconds:.2f} s")
    return report
