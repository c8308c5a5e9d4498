"""Frames in and masks out: sources are generators, sinks are context managers."""
