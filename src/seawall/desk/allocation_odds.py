"""What could liquidate an allocation's account: bad days, and odds at several leverages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.account import margin_account, weighted
from seawall.desk.candle_sheet import DAY, Sheet
from seawall.desk.joint import changes, resampled, together
from seawall.desk.passages import passages, standard_error
from seawall.desk.paths import Paths
from seawall.desk.stablecoins import stress_events
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

HORIZONS = (3600.0, 86_400.0, 604_800.0)
LADDER = (1.0, 2.0, 3.0, 5.0, 10.0)
AS_IT_WAS, AS_ONE = "as it was", "all as one"
_LATEST = 2**63 - 1
_YEAR = 365.0 * DAY


@dataclass(frozen=True, slots=True)
class Stressed:
    """What one bad day does to the account.

    ``change`` is that of its equity, a fraction; ``change_all_in`` the same if all collateral is
    that stablecoin, as it is of perpetuals settled in it. ``liquidated`` and
    ``liquidated_all_in`` say whether the venue closes it on the way.
    """

    name: str
    change: float
    change_all_in: float
    liquidated: bool
    liquidated_all_in: bool
    source: str


@dataclass(frozen=True, slots=True)
class Rung:
    """Odds of liquidation at one leverage: horizon in seconds to probability and its error.

    ``paths`` is how many each probability is a share of.
    """

    leverage: float
    moved: str
    probability: dict[float, tuple[float, float]]
    paths: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Odds of liquidation at one leverage, all coins moving as one, by horizon in seconds.

    ``given`` is where the collateral's stablecoin is broken all along, mean over the events, with
    its error; ``in_all`` is by the rate at which that is taken to happen.
    """

    leverage: float
    given: dict[float, tuple[float, float]]
    in_all: dict[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """The coins of an allocation at a venue, under any leverage.

    Attributes
    ----------
    coins, weights
        Coins held, and shape (C,) their weights in the whole.
    stable
        Weight of all stablecoins.
    recent
        Candles of the coins over the days looked back at.
    equity_usd, venue
        The account.
    """

    coins: tuple[str, ...]
    weights: Floats
    stable: float
    recent: Sheet
    equity_usd: float
    venue: str

    @classmethod
    def of(
        cls,
        sheet: Sheet,
        coins: Sequence[str],
        weights: Floats,
        stable: float,
        days: int,
        equity_usd: float,
        venue: str,
    ) -> Account:
        """The account over the last ``days`` of the candles; coins of weight 0 are left out.

        Raises
        ------
        InputError
            If no coin is left.
        """
        kept = [k for k, w in enumerate(weights) if w > 1e-9]
        if not kept:
            raise InputError(
                Mistake(
                    "these limits leave stablecoins alone",
                    "limits",
                    allowed="some coin, whose risk is to be judged",
                    mend="Raise the least share of large or mid caps",
                )
            )
        own = sheet.at([coins[k] for k in kept])
        candles = days * DAY // sheet.step + 1
        start = int(own.time[-candles]) if len(own.time) > candles else 0
        recent = own.between(start, _LATEST)
        return cls(recent.assets, weights[kept], stable, recent, equity_usd, venue)

    def margin(self, leverage: float, lost: float = 0.0) -> MarginBook:
        """Bound to the venue's rules, with that share of the equity lost.

        Raises
        ------
        InputError
            If the venue's brackets do not allow the leverage.
        """
        price = dict(zip(self.coins, self.recent.close[-1].tolist(), strict=True))
        notional = weighted(self.weights, self.coins, leverage * self.equity_usd)
        # what is lost after the positions were opened is no question of whether they may be
        return margin_account(notional, price, self.equity_usd, self.venue, lost=lost)


def ladder(account: Account, leverage: float, count: int, seed: int) -> tuple[Rung, ...]:
    """Odds at the leverage asked for and at others, prices as they were and all as one.

    Leverages that the venue's brackets do not allow are left out.
    """
    parts = changes(account.recent)
    horizons = [h for h in HORIZONS if h >= account.recent.step]
    out = []
    for moved, found in ((AS_IT_WAS, parts), (AS_ONE, together(parts))):
        paths = resampled(account.recent, found, max(horizons), count, seed)
        for lever in sorted({*LADDER, leverage}):
            try:
                margin = account.margin(lever)
            except InputError:
                continue
            fallen = passages(margin, paths)
            chance = {h: fallen.probability(h) for h in horizons}
            out.append(
                Rung(
                    lever,
                    moved,
                    {
                        h: (float(p[0]), float(standard_error(p, count)[0]))
                        for h, p in chance.items()
                    },
                    count,
                )
            )
    return tuple(out)


def broken(
    account: Account, leverage: float, count: int, seed: int, a_year: float
) -> tuple[Broken, ...]:
    """Odds at each leverage of :func:`ladder` with all collateral in a stablecoin that may break.

    Parameters
    ----------
    a_year
        Times a year that it breaks, each of the events being as likely as the others.
    """
    horizons = [h for h in HORIZONS if h >= account.recent.step]
    paths = resampled(account.recent, together(changes(account.recent)), max(horizons), count, seed)
    events = stress_events().depegs
    out = []
    for lever in sorted({*LADDER, leverage}):
        try:
            whole = passages(account.margin(lever), paths)
        except InputError:
            continue
        fallen = [passages(account.margin(lever, e.loss), paths) for e in events]
        given, in_all = {}, {}
        for h in horizons:
            shares = np.array([f.probability(h)[0] for f in fallen])
            p = shares.mean(keepdims=True)
            breaks = -float(np.expm1(-a_year * h / _YEAR))
            given[h] = (float(p[0]), float(standard_error(p, count)[0]))
            in_all[h] = (1.0 - breaks) * float(whole.probability(h)[0]) + breaks * float(p[0])
        out.append(Broken(lever, given, in_all))
    return tuple(out)


def stressed(account: Account, leverage: float) -> tuple[Stressed, ...]:
    """What single bad candles, depegs and a failing venue do at this leverage."""
    close, low, _ = changes(account.recent)
    market = close.mean(axis=1)
    worst = close[market <= np.quantile(market, 0.001)].mean(axis=0)
    events = stress_events()
    days = [
        (
            "The allocation's own worst candle",
            low[int(np.argmin(low @ account.weights))],
            0.0,
            _AT_LOWS,
        ),
        ("Every coin's worst candle at once", low.min(axis=0), 0.0, _AT_LOWS),
        *((f"{e.name}, on a bad candle", worst, e.loss, e.source) for e in events.depegs),
    ]
    out = []
    for name, move, lost, source in days:
        fall = leverage * float(account.weights @ np.expm1(move))
        share = account.stable * lost
        out.append(
            Stressed(
                name,
                max(fall - share, -1.0),
                max(fall - lost, -1.0),
                _falls(account.margin(leverage, share), account.coins, move),
                _falls(account.margin(leverage, lost), account.coins, move),
                source,
            )
        )
    lost = -events.venue_lost
    return (*out, Stressed("The venue fails", lost, lost, False, False, events.venue_source))


_AT_LOWS = "the candles, at their lows"


def _falls(margin: MarginBook, coins: Sequence[str], move: Floats) -> bool:
    """Whether the account is liquidated by these log changes of prices."""
    there = move.astype(np.float32)[None, None, :]
    paths = Paths(tuple(coins), np.array([3600.0]), there, there, np.zeros_like(there))
    return bool(passages(margin, paths).fallen_by(3600.0)[0, 0])
