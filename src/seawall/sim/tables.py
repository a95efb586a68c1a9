"""Markets, venues and brackets of a run as tables."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall.core import MarkRule, PartialRule, Route, Surplus
from seawall.core import _columns as c
from seawall.core.hooks import Floor
from seawall.margin import MarginBook
from seawall.margin import _steps as steps
from seawall.sim import _layout as layout
from seawall.sim.setup import Depth, Setup

Floats = NDArray[np.float64]

LEVELS = 256
"""Price levels in view on each side of a market."""

_KINDS = {
    PartialRule.FULL: steps.FULL,
    PartialRule.TIERS_DOWN: steps.TIERS_DOWN,
    PartialRule.FRACTION: steps.FRACTION,
    PartialRule.SLICES: steps.SLICES,
    PartialRule.JUST_ENOUGH: steps.JUST_ENOUGH,
}
_MARKS = {
    MarkRule.INDEX: c.MARK_BY_INDEX,
    MarkRule.INDEX_PLUS_BASIS: c.MARK_BY_BASIS,
    MarkRule.MEDIAN_OF_THREE: c.MARK_BY_MEDIAN,
    MarkRule.ORACLE_MEDIAN: c.MARK_BY_ORACLE,
}


def market_columns(setup: Setup, margin: MarginBook) -> Floats:
    """The table of markets at the start."""
    floor = setup.floor
    terms = {t.venue: t for t in margin.terms}
    table = np.zeros((len(floor), c.MARKET_COLUMNS))
    for row, market in enumerate(floor.markets):
        depth = setup.depth.get(market.name, setup.depth.get("", Depth()))
        values = {
            c.VENUE: -1 if market.spot else floor.venues.index(market.venue),
            c.ASSET: floor.assets.index(market.asset),
            c.SPOT: market.spot,
            c.INVERSE: market.instrument.inverse,
            c.WIDTH: depth.width,
            c.CALM: market.depth,
            c.WILL: 1.0,
            c.WILL_CAP: 1.0,
            c.REFILL: depth.refill,
            c.CANCEL: depth.cancel,
            c.CENTRE: np.log(market.price),
            c.PERMANENT: depth.permanent,
            c.ANCHOR: depth.spot_anchor if market.spot else depth.anchor,
            c.FOLLOW: depth.spot_follow if market.spot else depth.follow,
            c.INDEX_BEFORE: np.log(market.price),
            c.BAND_HIGH: np.inf,
            c.ALLOWANCE: np.inf,
            c.FUNDING_AT: np.inf,
            c.FUNDING_EVERY: np.inf,
        }
        for column in (c.BID, c.ASK, c.MID, c.LAST, c.INDEX, c.MARK):
            values[column] = market.price
        values |= {c.MARK_BEFORE: market.price, c.MARK_RAW: market.price}
        if not market.spot:
            rules = terms.get(market.venue) or setup.rules.terms(market.venue, setup.start)
            every = rules.funding.interval_hours * 3600.0
            second_of_day = setup.start / 1e9 % 86_400.0
            values |= {
                c.FEE: rules.margin.taker_fee,
                c.MARK_RULE: _MARKS[rules.mark.rule],
                c.MARK_WINDOW: rules.mark.window_seconds,
                c.MARK_EXPONENTIAL: rules.mark.exponential,
                c.MARK_BOUND: rules.mark.bound,
                c.OWN_SLOW: market.price,
                c.INDEX_LAG: rules.mark.lag_seconds,
                c.MARK_EVERY: rules.mark.every_seconds,
                c.FUNDING_EVERY: every,
                c.FUNDING_AT: every - second_of_day % every,
            }
        for column, value in values.items():
            table[row, column] = float(value)
    return table


def level_shapes(setup: Setup) -> Floats:
    """Shape (M, K): each level's share of the depth within 1%, as ``Depth.shape`` has it."""
    rows = []
    for market in setup.floor.markets:
        depth = setup.depth.get(market.name, setup.depth.get("", Depth()))
        edge = np.arange(LEVELS + 1) * depth.width
        within = (edge / 0.01) ** depth.shape
        rows.append(np.diff(within))
    return np.array(rows)


def basis_points(table: Floats, step: float) -> Floats:
    """Shape (M, P): room for the points that venues average their basis over, 0 at first.

    A point a second, or a step where steps are longer.
    """
    windows = np.where(table[:, c.MARK_EXPONENTIAL] > 0, 0.0, table[:, c.MARK_WINDOW])
    return np.zeros((len(table), max(int(np.ceil(windows.max() / max(step, 1.0))), 1)))


def weights_of_others(setup: Setup, margin: MarginBook) -> Floats:
    """Shape (V, V): weight that a venue (row) gives another's mid in its mark."""
    floor = setup.floor
    known = {t.venue: t for t in margin.terms}
    table = np.zeros((len(floor.venues), len(floor.venues)))
    for row, venue in enumerate(floor.venues):
        rules = known.get(venue) or setup.rules.terms(venue, setup.start)
        for other, weight in rules.mark.others:
            if other in floor.venues:
                table[row, floor.venues.index(other)] = weight
    return table


def venue_columns(floor: Floor, margin: MarginBook, setup: Setup) -> Floats:
    """The table of venues, in the floor's order."""
    known = {t.venue: t for t in margin.terms}
    table = np.zeros((len(floor.venues), layout.VENUE_COLUMNS))
    for row, venue in enumerate(floor.venues):
        rules = (known.get(venue) or setup.rules.terms(venue, setup.start)).liquidation
        table[row] = [
            rules.fee,
            _KINDS[rules.partial],
            rules.tiers,
            rules.fraction,
            rules.threshold_usd,
            rules.cooldown_seconds,
            layout.BY_ENGINE if rules.route is Route.ENGINE else layout.BY_BOOK,
            rules.backstop,
            rules.surplus is Surplus.FUND,
            rules.patience_seconds,
            rules.least_usd,
            rules.most_usd,
            math.nan if rules.bankruptcy_adjustment is None else rules.bankruptcy_adjustment,
            math.nan if rules.spread_to_maintenance is None else rules.spread_to_maintenance,
            # set by the loss rule of the run
            -math.inf,
        ]
    return table


def ladders(margin: MarginBook) -> tuple[Floats, Floats]:
    """Bracket floors (S, K), and deductions and rates (S, 2, K), of every schedule."""
    longest = max(len(s.floors) for s in margin.schedules)
    floors = np.full((len(margin.schedules), longest), np.inf)
    table = np.zeros((len(margin.schedules), 2, longest))
    for row, s in enumerate(margin.schedules):
        n = len(s.floors)
        floors[row, :n] = s.floors
        table[row, 0, :n], table[row, 1, :n] = s.deductions, s.rates
    return floors, table
