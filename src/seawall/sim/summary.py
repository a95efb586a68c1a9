"""A run in a row of named numbers: what batches keep of it and comparisons compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.sim import measures as ms
from seawall.sim.bearers import TRADERS, waterfalls, who_pays
from seawall.sim.run import Run

Floats = NDArray[np.float64]
Row = dict[str, float]


def summarise(run: Run, equity_before: Floats) -> Row:
    """Every measure of a run that needs no other run, under a stable name; NaN where undefined.

    Names end in their unit: ``_usd``, ``_s`` (seconds), nothing for counts, ratios and
    fractions. ``share.VENUE``, ``fall.ASSET`` and the like hold one number a venue or asset;
    ``gain_usd.GROUP`` are those of :func:`~seawall.sim.bearers.who_pays`, ``traders_usd`` the sum
    over all traders of the book.
    """
    row = _of_forced(run) | _of_losses(run)
    row |= {f"share.{v}": x for v, x in ms.venue_shares(run).items()}
    falls = ms.spread_to_assets(run)
    row |= {f"fall.{a}": x.change for a, x in falls.items()}
    row |= {f"trough_s.{a}": x.trough for a, x in falls.items()}
    row |= {f"beta.{a}": x.beta for a, x in falls.items()}
    row |= {f"volatility.{a}": ms.volatility(run, a) for a in run.floor.assets}
    row |= {f"gap.{a}": x.widest for a, x in ms.gaps_between_venues(run).items()}
    gains = {x.group: x.gain_usd for x in who_pays(run, equity_before)}
    row |= {f"gain_usd.{group}": gain for group, gain in gains.items()}
    # who is in a group depends on the run: across runs only the sum is of the same accounts
    row["traders_usd"] = sum(gains[group] for group in TRADERS)
    return row


def _of_forced(run: Run) -> Row:
    profile, largest = ms.over_time(run), ms.largest_single(run)
    total, long = ms.forced_usd(run), ms.forced_usd(run, 1)
    return {
        "forced_usd": total,
        "forced_long_usd": long,
        "forced_short_usd": total - long,
        "accounts_forced": float(ms.accounts_forced(run)),
        "peak_minute_usd": float((profile.long_usd + profile.short_usd).max()),
        "largest_usd": 0.0 if largest is None else largest.usd,
        "stops_usd": float(run.events.of(c.STOPPED).usd.sum()),
        "deposits_usd": run.deposits,
        "halts": float(len(ms.halts(run))),
        "halted_s": ms.halted_seconds(run),
    }


def _of_losses(run: Run) -> Row:
    total = ms.forced_usd(run)
    adl = float(run.events.of(c.ADL).usd.sum())
    by_venue = waterfalls(run)
    return {
        "adl_usd": adl,
        "adl_ratio": adl / total if total > 0 else float("nan"),
        "first_adl_delay_s": ms.first_adl_delay(run),
        "deficits_usd": sum(w.deficits for w in by_venue),
        "given_up_usd": sum(w.given_up for w in by_venue),
        "socialised_usd": sum(w.socialised for w in by_venue),
        "bad_debt_usd": sum(w.bad_debt for w in by_venue),
        "fund_change_usd": sum(w.fund_end - w.fund_start for w in by_venue),
        "fund_worst_usd": sum(w.fund_lowest - w.fund_start for w in by_venue),
    }


FEW = 20
"""Runs below which 5% and 95% of them would lie between the two lowest and the two highest."""


def quantiles(rows: list[Row], name: str) -> tuple[float, float, float]:
    """5%, median and 95% of a measure over runs; NaN where it is defined in none.

    Of fewer than ``FEW`` runs it is the lowest, the median and the highest.
    """
    values = np.array([row.get(name, np.nan) for row in rows])
    values = values[np.isfinite(values)]
    if not len(values):
        return (float("nan"),) * 3
    ends = (0.0, 0.5, 1.0) if len(rows) < FEW else (0.05, 0.5, 0.95)
    low, middle, high = np.quantile(values, ends).tolist()
    return low, middle, high
