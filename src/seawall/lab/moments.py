"""The moments of 10 October 2025: one definition each, for the record and for a run alike.

See ``docs/methods/october.md`` for the targets, their sources and which are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from seawall.core import InternalError
from seawall.lab.crash import (
    MINUTE,
    OCTOBER,
    Counted,
    Timing,
    fund_change,
    price_path,
    state_drop,
    traded,
)
from seawall.lab.tape import EventCodes, Tape
from seawall.sim.population.october import october_recipe
from seawall.sim.population.recipe import Recipe, RecordedFigure

HOME = "binance_usdm"
"""The venue whose prices were recorded for every coin."""
CHAIN = "hyperliquid"
"""The venue whose every liquidation was recorded."""
FUND_COINS = ("BTC", "ETH", "BNB")
_OTHER_FALLS = (
    *(("bybit", a) for a in ("BTC", "ETH", "SOL", "DOGE", "HYPE")),
    *((CHAIN, a) for a in ("BTC", "SOL")),
)
_CHAIN_COINS = ("BTC", "ETH", "SOL", "XRP", "HYPE")
_ROW_COINS = ("BTC", "SOL")
_VENUES = (HOME, "bybit", "okx", CHAIN)
_LOGARITHMIC = frozenset({"USD", "s"})


@dataclass(frozen=True, slots=True)
class Moment:
    """One target of a fit, or of a prediction.

    Parameters
    ----------
    name
        Key of what :func:`measure` returns, such as ``fall_BTC``.
    text
        What it is, in words.
    unit
        ``share`` (a fraction), ``USD``, ``s`` or ``min``.
    target
        The recorded value.
    low, high
        Range of the sources; both ``target`` where there is one figure only.
    source, confidence, conflict
        As recorded.
    fitted
        Whether free parameters are fitted to it; else it is predicted.
    scale
        What an error of 1 is: in the log of the value for USD and seconds, else in its unit.
    """

    name: str
    text: str
    unit: str
    target: float
    low: float
    high: float
    source: str
    confidence: str
    conflict: str
    fitted: bool
    scale: float

    def error(self, value: float) -> float:
        """How far a value lies from the target, in scales, signed; NaN for NaN."""
        if self.unit not in _LOGARITHMIC:
            return (value - self.target) / self.scale
        # what never happened counts as a thousandth: far off, but not out of a logarithm's reach
        least = 1e-3 * self.target
        return float(np.log(np.maximum(value, least) / self.target)) / self.scale

    def within(self, value: float) -> bool:
        """Whether a value lies in the range of the sources."""
        return bool(self.low <= value <= self.high)


def measure(
    tape: Tape, codes: EventCodes | None = None, when: Timing = OCTOBER
) -> dict[str, float]:
    """Every moment on a tape, by name; NaN where the tape cannot tell.

    Parameters
    ----------
    tape
        Recorded or simulated.
    codes
        What the kinds of events are called on it; the defaults of :class:`EventCodes` if None.
    when
        The windows; those of 10 October 2025 unless named.
    """
    count = Counted(tape, codes or EventCodes())
    found = {**_prices(tape, when), **_totals(count, when), **_chain(count, when)}
    every, btc = tape.markets_of(), tape.markets_of(None, "BTC")
    interest = tape.open_interest
    found["oi_drop_BTC"] = state_drop(tape, interest, btc, when, lowest=False)
    chain = tape.markets_of(CHAIN)
    found["oi_drop_hyperliquid"] = state_drop(tape, interest, chain, when, lowest=False)
    found["oi_drop"] = state_drop(tape, interest, every, when, lowest=False)
    found["depth_withdrawal_BTC"] = state_drop(tape, tape.depth, btc, when, lowest=True)
    for venue in _VENUES[:3]:
        found[f"volume_{venue}_usd"] = traded(tape, tape.markets_of(venue), when)
    return found


def _prices(tape: Tape, when: Timing) -> dict[str, float]:
    """What each coin's price did on the home venue, and some falls elsewhere."""
    found = {}
    for facts in october_recipe().assets:
        for key, value in price_path(tape, HOME, facts.name, when).items():
            found[f"{key}_{facts.name}"] = value
    for venue, asset in _OTHER_FALLS:
        found[f"fall_{venue}_{asset}"] = price_path(tape, venue, asset, when)["fall"]
    return found


def _totals(count: Counted, when: Timing) -> dict[str, float]:
    """What was liquidated on all venues."""
    tape, span, until = count.tape, (when.start, when.end), when.after
    forty = (when.start, when.start + 40 * MINUTE)
    every = tape.markets_of()
    found = {
        "liquidated_usd": count.usd("liquidated", every, span, until),
        "liquidated_40min_usd": count.usd("liquidated", every, forty, forty[1]),
        "long_share": count.long_share(every, span, until),
    }
    found["peak_minute_share"], found["peak_minute"] = count.peak_minute(forty)
    for asset in ("BTC", "ETH", "SOL"):
        mine = tape.markets_of(None, asset)
        found[f"liquidated_{asset}_usd"] = count.usd("liquidated", mine, span, until)
    for venue in _VENUES:
        mine = tape.markets_of(venue)
        found[f"{venue}_usd"] = count.usd("liquidated", mine, span, until)
    for venue in (HOME, CHAIN):
        found[f"{venue}_long_share"] = count.long_share(tape.markets_of(venue), span, until)
    fund = tape.markets_of(HOME, *FUND_COINS)
    found["binance_fund_usd"] = count.usd("fund_draw", fund, span, until)
    return found


def _chain(count: Counted, when: Timing) -> dict[str, float]:
    """The replay of Hyperliquid, in its own window."""
    tape, span = count.tape, when.window

    def usd(kind: str, *assets: str) -> float:
        return count.usd(kind, tape.markets_of(CHAIN, *assets), span, span[1])

    mine = tape.markets_of(CHAIN)
    found = {"hl_window_usd": usd("liquidated"), "hl_adl_usd": usd("deleveraged")}
    ratio = {}
    for asset in dict.fromkeys(a for v, a in tape.markets if v == CHAIN):
        whole = usd("liquidated", asset)
        ratio[asset] = usd("deleveraged", asset) / whole if whole > 0 else np.nan
    for asset in _CHAIN_COINS:
        found[f"hl_window_{asset}_usd"] = usd("liquidated", asset)
        found[f"hl_adl_ratio_{asset}"] = ratio.get(asset, np.nan)
    known = [r for r in ratio.values() if np.isfinite(r)]
    found["hl_adl_ratio_mean"] = float(np.mean(known)) if known else np.nan
    found["hl_first_adl_s"] = count.first_deleveraging(mine, span)
    rows = tape.markets_of(CHAIN, *_ROW_COINS)
    found["hl_long_rows"] = count.side_of_rows("liquidated", 1, rows, span)
    found["hl_adl_short_rows"] = count.side_of_rows("deleveraged", -1, rows, span)
    found["hl_peak_minute_share"] = count.peak_minute_of_rows(mine, span)
    found["hl_negative_equity_usd"] = usd("shortfall")
    found["hl_vault_change"] = fund_change(tape, CHAIN, when)
    return found


@cache
def october_moments() -> tuple[Moment, ...]:
    """Every moment of 10 October 2025 with its target, in the order of :func:`measure`."""
    recipe = october_recipe()
    known = {f.key: _of_figure(f) for f in recipe.figures} | _of_paths(recipe)
    empty = Tape(markets=(), time=np.empty(0, dtype=np.int64), price=np.empty((0, 0)))
    names = list(measure(empty))
    missing = [name for name in names if name not in known]
    if missing:
        raise InternalError(f"no target is recorded for {', '.join(missing)}")
    return tuple(known[name] for name in names)


def _of_figure(figure: RecordedFigure) -> Moment:
    """A published figure as a target; what conflicts widens its scale."""
    one = np.isnan(figure.low)
    low, high = (figure.value, figure.value) if one else (figure.low, figure.high)
    if figure.unit in _LOGARITHMIC:
        scale = max(0.5 * float(np.log(high / low)), 0.2)
    else:
        scale = max(0.5 * (high - low), 2.5 if figure.unit == "min" else 0.05)
    return Moment(
        name=figure.key,
        text=figure.text,
        unit=figure.unit,
        target=figure.value,
        low=low,
        high=high,
        source=figure.source,
        confidence=figure.confidence,
        conflict=figure.conflict,
        fitted=figure.fitted,
        scale=scale,
    )


_PATH = {
    "fall": ("Fall of {} from 20:50 to the low", "share"),
    "low_minute": ("Low of {}, minutes after 20:50", "min"),
    "recovery_22": ("Part of the fall of {} recovered by 22:00", "share"),
    "recovery_24": ("Part of the fall of {} recovered by 24:00", "share"),
    "early_share": ("Part of the fall of {} made by 21:10", "share"),
    "range_after": ("Range of {}, 22:00 to 24:00, over its price at 22:00", "share"),
}
_FITTED = frozenset({"fall", "recovery_22"})


def _of_paths(recipe: Recipe) -> dict[str, Moment]:
    """What each coin's price did; every other coin by volume, from the first, is fitted."""
    found = {}
    for place, facts in enumerate(recipe.assets):
        for key, (text, unit) in _PATH.items():
            value = facts.path[key]
            # a candle tells the time of its low to its own length
            slack = 2.5 if unit == "min" else 0.0
            name = f"{key}_{facts.name}"
            found[name] = Moment(
                name=name,
                text=text.format(facts.name),
                unit=unit,
                target=value,
                low=value - slack,
                high=value + slack,
                source=facts.source,
                confidence="high",
                conflict="",
                fitted=place % 2 == 0 and key in _FITTED,
                scale={"low_minute": 5.0, "fall": max(0.02, 0.15 * value)}.get(key, 0.15),
            )
    return found
