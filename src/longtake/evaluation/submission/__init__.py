"""Predictions packed for the servers of benchmarks."""
