"""Measurements: every figure is a ratio to a baseline of the same run. See docs/benchmarks.md."""
