"""A stress test as raw rows: what its JSON holds and its tables are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.report import losses
from seawall.report.model import Unit
from seawall.report.numbers import text
from seawall.report.subject import asset_marks
from seawall.risk import StressTest, band

Floats = NDArray[np.float64]


def change_words(change: Mapping[str, float]) -> str:
    """Changes by asset as words: ``BTC -10.00%, all others -4.00%``."""
    rest = "all others" if len(change) > 1 else "all assets"
    return ", ".join(
        f"{rest if a == 'ALL' else a} {'+' * (v > 0)}{text(v, Unit.FRACTION)}"
        for a, v in change.items()
    )


def parameters(test: StressTest, seed: int) -> dict[str, Any]:
    """Everything the test was asked with."""
    law, prepared = test.cascade.law, test.prepared
    depth = prepared.assumed_depth
    return {
        "shock": dict(test.change),
        "depth_usd": dict(zip(prepared.assets, depth.values.tolist(), strict=True)),
        "depth_given": [
            a for a in prepared.assets if a not in depth.defaulted and a not in depth.guessed
        ],
        "impact_exponent": law.exponent,
        "thinning": law.thinning,
        "depth_remaining": law.remaining,
        "partial": prepared.ledger.partial,
        "draws": 0 if test.draws is None else len(test.draws.rounds),
        "seed": seed,
    }


def asset_rows(test: StressTest) -> dict[str, dict[str, Any]]:
    """What happened to each asset; ``moved`` tells whether its price changed."""
    c, margin = test.cascade, test.cascade.margin
    book, marks = margin.book, asset_marks(margin)
    position, turn, stop = c.closings.position, c.closings.turn, c.closings.stop
    code = book.asset_codes()[position]
    long = book.positions.size[position] > 0
    holder = book.positions.account[position]
    out = {}
    for a, name in enumerate(book.assets):
        mine = (code == a) & ~stop
        forced, first = float(c.forced[:, a].sum()), _first(c.forced[:, a])
        row: dict[str, Any] = {
            "price_before": float(marks[a]),
            "price_after_shock": float(marks[a] * c.shock[a]),
            "price_final": float(marks[a] * c.factor[-1, a]),
            "price_final_low": None,
            "price_final_high": None,
            "depth_usd": float(test.prepared.assumed_depth.values[a]),
            "forced_notional_usd": forced,
            "forced_notional_first_round_usd": first,
            "forced_long_usd": float(c.closings.usd[mine & long].sum()),
            "forced_short_usd": float(c.closings.usd[mine & ~long].sum()),
            "stopped_notional_usd": float(c.stopped[:, a].sum()),
            "cascade_multiplier": forced / first if first > 0 else None,
            "accounts_liquidated": c.traders_of(np.unique(holder[mine])),
            "rounds": int(turn[code == a].max()) if (code == a).any() else 0,
            "adl_notional_usd": float(c.settlement.adl_usd[book.asset_codes() == a].sum()),
            "moved": bool(c.factor[-1, a] != 1.0),
        }
        if test.draws is not None:
            b = band(test.draws.rest[:, a] * marks[a])
            row["price_final_low"], row["price_final_high"] = b.low, b.high
        out[name] = row
    return out


def _first(forced: Floats) -> float:
    return float(forced[0]) if len(forced) else 0.0


def side_rows(test: StressTest) -> dict[str, dict[str, float]]:
    """Longs and shorts apart."""
    c = test.cascade
    book = c.margin.book
    long = book.positions.size[c.closings.position] > 0
    out = {}
    for name, mine in (("long", long), ("short", ~long)):
        forced = mine & ~c.closings.stop
        out[name] = {
            "forced_notional_usd": float(c.closings.usd[forced].sum()),
            "stopped_notional_usd": float(c.closings.usd[mine & c.closings.stop].sum()),
            "accounts_liquidated": c.traders_of(
                np.unique(book.positions.account[c.closings.position[forced]])
            ),
        }
    return out


def round_rows(test: StressTest) -> list[dict[str, Any]]:
    """What each round marked and closed, by asset and venue."""
    c = test.cascade
    book, marks = c.margin.book, asset_marks(c.margin)
    venue = c.margin.venue_of_positions()[c.closings.position]
    long = book.positions.size[c.closings.position] > 0
    rows = []
    for r in range(c.rounds):
        now = (c.closings.turn == r + 1) & ~c.closings.stop
        by_venue = np.bincount(venue[now], c.closings.usd[now], len(book.venues))
        rows.append(
            {
                "round": r + 1,
                "prices": dict(zip(book.assets, (marks * c.factor[r]).tolist(), strict=True)),
                "forced_notional_usd": float(c.forced[r].sum()),
                "forced_long_usd": float(c.closings.usd[now & long].sum()),
                "forced_short_usd": float(c.closings.usd[now & ~long].sum()),
                "stopped_notional_usd": float(c.stopped[r].sum()),
                "accounts_liquidated": c.traders_of(np.flatnonzero(c.turn == r + 1)),
                "by_asset_usd": dict(zip(book.assets, c.forced[r].tolist(), strict=True)),
                "by_venue_usd": dict(zip(book.venues, by_venue.tolist(), strict=True)),
            }
        )
    return rows


def totals_of(test: StressTest, venues: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums over assets and venues, with their bands."""
    c, s = test.cascade, test.cascade.settlement
    totals: dict[str, Any] = {
        "forced_notional_usd": c.forced_usd,
        "forced_notional_first_round_usd": c.first_round_usd,
        "stopped_notional_usd": float(c.stopped.sum()),
        "cascade_multiplier": c.multiplier,
        "accounts_liquidated": c.accounts_liquidated,
        "rounds": c.rounds,
        "largest_liquidation_usd": float(
            np.max(c.closings.usd, where=~c.closings.stop, initial=0.0)
        ),
    }
    totals |= {key: s.total(name) for key, name, _ in losses.VENUE_FIELDS}
    totals["adl_accounts"] = int(totals["adl_accounts"])
    totals["fund_pooled"] = s.pooled
    totals["conservation_error"] = s.conservation_error
    if test.draws is not None:
        d = test.draws
        forced, first = d.forced.sum(axis=1), d.first.sum(axis=1)
        b = band(forced)
        totals["forced_notional_usd_low"], totals["forced_notional_usd_high"] = b.low, b.high
        if first[0] > 0:
            m = band(forced / first)
            totals["cascade_multiplier_low"], totals["cascade_multiplier_high"] = m.low, m.high
    return totals


def ladder_rows(test: StressTest) -> list[dict[str, Any]]:
    """One row per shock of the ladder."""
    d = test.ladder
    forced = d.forced.sum(axis=1)
    rows = []
    for k, step in enumerate(test.steps.tolist()):
        row: dict[str, Any] = {
            "step": step,
            "forced_notional_usd": float(forced[k]),
            "forced_notional_first_round_usd": float(d.first[k].sum()),
            "stopped_notional_usd": float(d.stopped[k].sum()),
            "rounds": int(d.rounds[k]),
            "final_change": {
                a: float(d.rest[k, i] - 1.0)
                for i, a in enumerate(test.prepared.assets)
                if d.rest[k, i] != 1.0
            },
        }
        if test.ladder_draws is not None:
            n = len(test.ladder_draws.rounds) // len(test.steps)
            b = band(test.ladder_draws.forced[k * n : (k + 1) * n].sum(axis=1))
            row["forced_notional_usd_low"], row["forced_notional_usd_high"] = b.low, b.high
        rows.append(row)
    return rows


def reverse_rows(test: StressTest) -> list[dict[str, Any]]:
    """The smallest shocks that reach the goals asked for."""
    return [
        {
            "goal": r.goal,
            "shock": None if r.step is None else {a: r.step * w for a, w in test.direction.items()},
            "forced_notional_usd": None if r.reached is None else r.reached.forced_usd,
        }
        for r in test.reverse
    ]


def law_rows(test: StressTest) -> list[dict[str, Any]]:
    """The same shock under other impact laws."""
    rows = []
    for name, (law, found) in test.laws.items():
        remaining = None if name.startswith("no impact") else law.remaining
        rows.append(
            {
                "law": name,
                "impact_exponent": None if remaining is None else law.exponent,
                "forced_notional_usd": float(found.forced.sum()),
                "stopped_notional_usd": float(found.stopped.sum()),
                "rounds": int(found.rounds[0]),
                "final_change": {
                    a: float(found.rest[0, i] - 1.0)
                    for i, a in enumerate(test.prepared.assets)
                    if found.rest[0, i] != 1.0
                },
                "source": law.source if remaining is not None else "for comparison",
            }
        )
    return rows


def out_of_range(test: StressTest) -> list[str]:
    """Assets whose price moved further than the impact law can be believed."""
    moved = np.abs(np.log(test.cascade.factor[-1] / test.cascade.shock))
    return [a for a, m in zip(test.prepared.assets, moved.tolist(), strict=True) if m > np.log(2.0)]
