"""The record beside the book: what falls when prices follow the paths of 21 November 2025."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.margin import MarginBook
from seawall.sim.population.recipe import RecordedFigure

Floats = NDArray[np.float64]

TOP_THREE = ("binance_usdm", "hyperliquid", "bybit")
WINDOW = (94_500.0, 95_500.0)
"""Prices between which the cluster of shorts is counted, USD."""


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One recorded figure beside what the book gives.

    Parameters
    ----------
    figure
        As published.
    recorded
        Its value, scaled to the number of accounts drawn where it grows with that; NaN where
        none was published.
    book
        What the book gives, same unit.
    """

    figure: RecordedFigure
    recorded: float
    book: float

    @property
    def deviation(self) -> float:
        """Book over recorded, less 1; for shares their difference."""
        if self.figure.unit == "share":
            return self.book - self.recorded
        return self.book / self.recorded - 1.0

    @property
    def standing(self) -> str:
        """``fitted``, or ``comes out`` where the draw does not aim at it."""
        return "fitted" if self.figure.fitted else "comes out"


@dataclass(frozen=True, slots=True, eq=False)
class Fallen:
    """What falls along a path of prices.

    Attributes
    ----------
    account
        Shape (m,): whether each account falls.
    usd
        Shape (n,): notional of each position at the price at which its account falls; 0 where
        it does not.
    """

    account: NDArray[np.bool_]
    usd: Floats


def fall_along(margin: MarginBook, factors: Mapping[str, float]) -> Fallen:
    """Accounts that fall when every price moves to its factor, all at the same pace.

    No impact of what is forced: the path is the one given.
    """
    book = margin.book
    way = margin.joint_liquidation({a: f - 1.0 for a, f in factors.items()})
    falls = way <= 1.0
    change = np.array([factors.get(a, 1.0) - 1.0 for a in book.assets])[book.asset_codes()]
    at = np.where(falls, way, 0.0)[book.positions.account]
    usd = book.notional() * np.where(book.inverse(), 1.0, 1.0 + at * change)
    return Fallen(falls, usd * falls[book.positions.account])


def compare_record(
    margin: MarginBook,
    record: tuple[RecordedFigure, ...],
    lows: Mapping[str, float],
    highs: Mapping[str, float],
    ordinary: Mapping[str, float],
    scale: float,
) -> tuple[ComparedFigure, ...]:
    """Every figure of the record beside what the book gives, in the record's order."""
    values = {
        **_day(margin, fall_along(margin, lows), fall_along(margin, highs)),
        **_usual(fall_along(margin, ordinary)),
        **_open(margin),
    }
    return tuple(
        ComparedFigure(f, f.value * (scale if f.extensive else 1.0), values[f.key]) for f in record
    )


def _day(margin: MarginBook, fall: Fallen, rise: Fallen) -> dict[str, float]:
    """What was liquidated on 21 November."""
    book = margin.book
    usd = np.maximum(fall.usd, rise.usd)
    long = book.positions.size > 0
    asset, venue = book.asset_codes(), margin.venue_of_positions()
    total, traders = float(usd.sum()), float((fall.account | rise.account).sum())
    btc, eth = (asset == book.assets.index(a) for a in ("BTC", "ETH"))
    largest = np.array([usd[venue == v].max(initial=0.0) for v in range(len(book.venues))])
    by_venue = np.bincount(venue, usd, len(book.venues))
    long_by_venue = np.bincount(venue, usd * long, len(book.venues))
    top = sum(float(by_venue[book.venues.index(v)]) for v in TOP_THREE)
    values = {
        "total_usd": total,
        "long_usd": float(usd[long].sum()),
        "short_usd": float(usd[~long].sum()),
        "long_share": float(usd[long].sum()) / total,
        "traders": traders,
        "mean_usd": total / traders,
        "btc_usd": float(usd[btc].sum()),
        "btc_long_usd": float(usd[btc & long].sum()),
        "eth_usd": float(usd[eth].sum()),
        "btc_share": float(usd[btc].sum()) / total,
        "largest_usd": float(largest.max()),
        "largest_order_usd": float(largest[book.venues.index("htx")]),
        "top3_share": top / total,
        "top3_share_article": top / total,
    }
    for v, name in enumerate(book.venues):
        values[f"{name}_usd"] = float(by_venue[v])
        values[f"{name}_long_share"] = float(long_by_venue[v] / by_venue[v])
    return values


def _usual(fall: Fallen) -> dict[str, float]:
    return {"ordinary_usd": float(fall.usd.sum()), "ordinary_traders": float(fall.account.sum())}


def _open(margin: MarginBook) -> dict[str, float]:
    """Open interest, leverage and the cluster of shorts."""
    book, venue = margin.book, margin.venue_of_positions()
    usd, size = book.notional(), book.positions.size
    btc = book.asset_codes() == book.assets.index("BTC")
    one_side = np.bincount(venue, usd * (size > 0), len(book.venues))
    in_btc = np.bincount(venue, usd * (btc & (size > 0)), len(book.venues))
    leverage = margin.effective_leverage()[book.positions.account]
    there = venue == book.venues.index("hyperliquid")
    price = margin.liquidation_price()
    inside = btc & (size < 0) & (price >= WINDOW[0]) & (price <= WINDOW[1])
    high = leverage > 7.0
    return {
        "shorts_95k_usd": float((np.abs(size) * price)[inside].sum()),
        "btc_leverage_share": float(usd[high & btc].sum() / usd[high].sum()),
        "leverage_0_3_share": _part(usd, there, leverage <= 3.0),
        "leverage_3_7_share": _part(usd, there, (leverage > 3.0) & ~high),
        "leverage_7_up_share": _part(usd, there, high),
        **{f"{v}_btc_oi_usd": float(in_btc[k]) for k, v in enumerate(book.venues)},
        "hyperliquid_oi_usd": float(one_side[book.venues.index("hyperliquid")]),
        "oi_usd": float(one_side.sum()),
        "binance_usdm_oi_share": float(
            one_side[book.venues.index("binance_usdm")] / one_side.sum()
        ),
    }


def _part(usd: Floats, whole: NDArray[np.bool_], part: NDArray[np.bool_]) -> float:
    return float(usd[whole & part].sum() / usd[whole].sum())
