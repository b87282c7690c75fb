"""Benchmarks: each figure taken in one run, printed as a table with ratios. Never timed tests."""
