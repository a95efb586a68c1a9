"""The check of the coverage estimate: bias and intervals on thinned synthetic tapes."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from seawall.risk.coverage_check import RULES, SHAPES, Checked, check

HEADS = (
    *("rule", "rate", "level", "occupied", "shown", "bias, events", "bias, USD", "told"),
    *("bias, events", "held", "bias, USD", "held", "floors right"),
)
NOMINAL = 0.9


def tape_coverage(
    full: bool = False,
    seed: int = 0,
    tapes: int = 0,
    beside: bool = True,
    rules: Sequence[str] = tuple(RULES),
) -> None:
    """Estimate of what a feed with one event a slot left out, against what it was.

    Once with a venue beside it that shows all of a tape of the same kind, or without.
    """
    began, tapes = time.process_time(), tapes or (20 if full else 6)
    print("\n| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS))
    levels = (0.1, 0.7, 1.609) if full else (0.3, 1.609)
    rows = []
    for r in check(tuple(SHAPES), levels, tapes, seed=seed, beside=beside, rules=rules):
        rows.append(r)
        print(
            f"| {r.rule} | {r.shape} | {r.level:g} | {r.occupancy:.0%} | {r.shown:.0%} | "
            f"{r.events_bias:+.1%} | {r.usd_bias:+.1%} | {r.told:.0%} | "
            f"{_dash(r.told_events_bias, '+.1%')} | {_dash(r.events_inside, '.0%')} | "
            f"{_dash(r.told_usd_bias, '+.1%')} | {_dash(r.usd_inside, '.0%')} | "
            f"{_dash(r.floors_hold, '.0%')} |",
            flush=True,
        )
    print("\n" + summary(rows))
    print(f"{tapes} tapes a row; {time.process_time() - began:.0f} s of CPU")


def summary(rows: Sequence[Checked]) -> str:
    """All rows in words, none left out."""
    told = sum(r.told * r.tapes for r in rows)
    floors = sum((1 - r.told) * r.tapes for r in rows)
    right = sum(r.floors_hold * (1 - r.told) * r.tapes for r in rows if r.told < 1)
    told_right = sum(r.found * r.tapes for r in rows)
    events, usd = (
        sum(getattr(r, key) * r.told * r.tapes for r in rows if r.told) / told
        for key in ("events_inside", "usd_inside")
    )
    far = [
        f"{r.shape} at {r.level:g} ({r.rule})"
        for r in rows
        if r.told and max(abs(r.told_events_bias), abs(r.told_usd_bias)) > 0.05
    ]
    return (
        f"{len(rows)} rows: an interval for {told:.0f} tapes, which holds events in {events:.0%} "
        f"and USD in {usd:.0%} of them ({NOMINAL:.0%} is nominal); a floor for {floors:.0f}, not "
        f"above the truth in {right:.0f}. Slots or a pause rightly told in {told_right:.0f} of "
        f"{told + floors:.0f}. Bias beyond 5% among those with an interval: "
        f"{'; '.join(far) or 'none'}."
    )


def _dash(value: float, form: str) -> str:
    return "–" if value != value else format(value, form)


if __name__ == "__main__":
    only = tuple(rule for rule in RULES if f"--{rule}" in sys.argv) or tuple(RULES)
    tape_coverage("--full" in sys.argv, beside="--alone" not in sys.argv, rules=only)
