"""Ours, the memory limit and the rivals, timed in one run. ``python -m bench --help``."""
