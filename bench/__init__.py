"""Benchmarks: how long syncs and pages take, as ratios to a floor measured in the same run (``make bench``)."""
