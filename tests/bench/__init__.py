"""Benchmarks: `python -m tests.bench` runs all of them, beside their peers, into one table."""
