"""Timing calls in turn, and printing what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median


def medians(calls: dict[str, Callable[[], object]], repeat: int = 7) -> dict[str, float]:
    """Median seconds of each call; they take turns, so that a busy spell hits all alike.

    Each is called once before, which compiles and warms what it needs.
    """
    for call in calls.values():
        call()
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeat):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            spent[name].append(time.perf_counter() - begin)
    return {name: median(s) for name, s in spent.items()}


def once(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1.0 or unit == "µs":
            return f"{seconds * scale:.3g} {unit}"
    return ""


def rate(per_second: float) -> str:
    """A rate in millions, thousands or ones a second."""
    for unit, scale in (("M/s", 1e6), ("k/s", 1e3)):
        if per_second >= scale:
            return f"{per_second / scale:.4g} {unit}"
    return f"{per_second:.4g} /s"


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]], note: str = "") -> None:
    """Print one table in Markdown."""
    print(f"\n### {title}\n")
    widths = [max(len(r[c]) for r in [head, *rows]) for c in range(len(head))]
    for k, row in enumerate([head, *rows]):
        cells = (
            x.ljust(w) if c == 0 else x.rjust(w)
            for c, (x, w) in enumerate(zip(row, widths, strict=True))
        )
        print("| " + " | ".join(cells) + " |")
        if k == 0:
            edges = ("-" * w if c == 0 else "-" * (w - 1) + ":" for c, w in enumerate(widths))
            print("| " + " | ".join(edges) + " |")
    if note:
        print(f"\n{note}")
    print(end="", flush=True)


def machine() -> str:
    """What the figures hold for."""
    from platform import machine as kind
    from platform import python_version

    import numba
    import numpy

    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "?"
    name = "unknown processor"
    try:
        with open("/proc/cpuinfo") as file:
            name = next(x.split(":")[1].strip() for x in file if x.startswith("model name"))
    except (OSError, StopIteration):
        pass
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    versions = f"Python {python_version()}, numpy {numpy.__version__}, numba {numba.__version__}"
    return f"{when}; {os.cpu_count()} x {name} ({kind()}); {versions}; load before {load}"
