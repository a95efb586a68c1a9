"""A stress test as raw rows: what its JSON holds and its tables are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.margin import MarginBook
from seawall.report import losses
from seawall.report.model import Unit
from seawall.report.numbers import text
from seawall.report.subject import asset_marks, once_a_book
from seawall.risk import StressTest, Sweep, band, soaring

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
    book, marks, tally = margin.book, asset_marks(margin), test.cascade.tally
    loose = None if test.draws is None else soaring(test.draws)
    held = _by_asset(margin)
    out = {}
    for a, name in enumerate(book.assets):
        forced, first = float(c.forced[:, a].sum()), _first(c.forced[:, a])
        short, long = tally.by_asset[a, :2].tolist()
        row: dict[str, Any] = {
            "price_before": float(marks[a]),
            "price_after_shock": float(marks[a] * c.shock[a]),
            "price_final": float(marks[a] * c.factor[-1, a]),
            "price_final_low": None,
            "price_final_high": None,
            "depth_usd": float(test.prepared.assumed_depth.values[a]),
            "forced_notional_usd": forced,
            "forced_notional_first_round_usd": first,
            "forced_long_usd": long,
            "forced_short_usd": short,
            "stopped_notional_usd": float(c.stopped[:, a].sum()),
            "cascade_multiplier": forced / first if first > 0 else None,
            "accounts_liquidated": int(tally.of_asset[a]),
            "rounds": int(tally.last[a]),
            "adl_notional_usd": float(c.settlement.adl_usd[held[a]].sum()),
            "moved": bool(c.factor[-1, a] != 1.0),
        }
        if test.draws is not None and loose is not None:
            b = band(test.draws.rest[:, a] * marks[a], loose[:, a])
            row["price_final_low"], row["price_final_high"] = b.low, b.high
        out[name] = row
    return out


@once_a_book
def _by_asset(margin: MarginBook) -> list[NDArray[np.int64]]:
    """Positions of each asset, in book order."""
    code = margin.book.asset_codes()
    order = np.argsort(code.astype(np.int16), kind="stable")
    return np.split(order, np.cumsum(np.bincount(code, minlength=len(margin.book.assets)))[:-1])


def _first(forced: Floats) -> float:
    return float(forced[0]) if len(forced) else 0.0


def side_rows(test: StressTest) -> dict[str, dict[str, float]]:
    """Longs and shorts apart."""
    c = test.cascade
    usd = c.tally.by_round.sum(axis=0).reshape(2, 2).tolist()
    return {
        name: {
            "forced_notional_usd": usd[0][k],
            "stopped_notional_usd": usd[1][k],
            "accounts_liquidated": int(c.tally.of_side[k]),
        }
        for name, k in (("long", 1), ("short", 0))
    }


def round_rows(test: StressTest) -> list[dict[str, Any]]:
    """What each round marked and closed, by asset and venue."""
    c = test.cascade
    book, marks = c.margin.book, asset_marks(c.margin)
    rows = []
    for r in range(c.rounds):
        short, long = c.tally.by_round[r, :2].tolist()
        rows.append(
            {
                "round": r + 1,
                "prices": dict(zip(book.assets, (marks * c.factor[r]).tolist(), strict=True)),
                "forced_notional_usd": float(c.forced[r].sum()),
                "forced_long_usd": long,
                "forced_short_usd": short,
                "stopped_notional_usd": float(c.stopped[r].sum()),
                "accounts_liquidated": int(c.tally.of_round[r]),
                "by_asset_usd": dict(zip(book.assets, c.forced[r].tolist(), strict=True)),
                "by_venue_usd": dict(zip(book.venues, c.tally.by_venue[r].tolist(), strict=True)),
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
        loose = unsettled(d)
        totals["unsettled_draws"] = int(loose.sum())
        b = band(forced, loose)
        totals["forced_notional_usd_low"], totals["forced_notional_usd_high"] = b.low, b.high
        if first[0] > 0:
            m = band(forced / first, loose)
            totals["cascade_multiplier_low"], totals["cascade_multiplier_high"] = m.low, m.high
    return totals


def ladder_rows(test: StressTest) -> list[dict[str, Any]]:
    """One row per shock of the ladder."""
    d = test.ladder
    forced = d.forced.sum(axis=1)
    loose = None if test.ladder_draws is None else unsettled(test.ladder_draws)
    rows = []
    for k, step in enumerate(test.steps.tolist()):
        row: dict[str, Any] = {
            "step": step,
            "forced_notional_usd": float(forced[k]),
            "forced_notional_first_round_usd": float(d.first[k].sum()),
            "stopped_notional_usd": float(d.stopped[k].sum()),
            "rounds": int(d.rounds[k]),
            "final_change": _moved(test, d.rest[k]),
        }
        if test.ladder_draws is not None and loose is not None:
            n = len(test.ladder_draws.rounds) // len(test.steps)
            rung = slice(k * n, (k + 1) * n)
            b = band(test.ladder_draws.forced[rung].sum(axis=1), loose[rung])
            row["forced_notional_usd_low"], row["forced_notional_usd_high"] = b.low, b.high
        rows.append(row)
    return rows


def _moved(test: StressTest, rest: Floats) -> dict[str, float]:
    """Changes at rest by asset, of those that moved."""
    return {
        a: factor - 1.0
        for a, factor in zip(test.prepared.assets, rest.tolist(), strict=True)
        if factor != 1.0
    }


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
                "final_change": _moved(test, found.rest[0]),
                "source": law.source if remaining is not None else "for comparison",
            }
        )
    return rows


def unsettled(sweep: Sweep) -> NDArray[np.bool_]:
    """Shape (S,): cascades in which some price soars, so that what is forced has no sum."""
    return np.asarray(soaring(sweep).any(axis=1))


def soaring_assets(test: StressTest) -> list[str]:
    """Assets whose price soars in some draw, the most frequent first."""
    if test.draws is None:
        return []
    often = soaring(test.draws).sum(axis=0)
    return [test.prepared.assets[a] for a in np.argsort(-often, kind="stable") if often[a]]


def out_of_range(test: StressTest) -> list[str]:
    """Assets whose price moved further than the impact law can be believed."""
    moved = np.abs(np.log(test.cascade.factor[-1] / test.cascade.shock))
    return [a for a, m in zip(test.prepared.assets, moved.tolist(), strict=True) if m > np.log(2.0)]
