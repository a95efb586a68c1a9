"""The check of the coverage estimate: bias and intervals on thinned synthetic tapes."""

from __future__ import annotations

import sys
import time

from seawall.risk.coverage_check import SHAPES, check

HEADS = (
    *("rule", "rate", "level", "occupied", "shown"),
    *("bias, events", "held", "bias, USD", "held", "floors", "below the truth"),
)


def tape_coverage(full: bool = False) -> None:
    """Estimate of what a feed with one event a slot left out, against what it was."""
    began, tapes = time.process_time(), 40 if full else 6
    print("\n| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS))
    levels = (0.1, 0.7, 1.609) if full else (0.3, 1.609)
    for r in check(tuple(SHAPES), levels, tapes):
        below = f"{r.floors_hold:.0%}" if r.floors else "–"
        print(
            f"| {r.shows} | {r.shape} | {r.level:g} | {r.occupancy:.0%} | {r.shown:.0%} | "
            f"{r.events_bias:+.1%} | {r.events_inside:.0%} | {r.usd_bias:+.1%} | "
            f"{r.usd_inside:.0%} | {r.floors:.0%} | {below} |",
            flush=True,
        )
    print(f"\n{tapes} tapes a row; {time.process_time() - began:.0f} s of CPU")


if __name__ == "__main__":
    tape_coverage("--full" in sys.argv)
