"""ccxt's structures as rows of the market tables, in base units and USD.

Source: ccxt 4.5 (Python), ``parse_funding_rate``, ``parse_open_interest``,
``parse_long_short_ratio`` and ``parse_order_book`` of binance, bybit, okx, hyperliquid, deribit,
gate and htx. Amounts of contracts and books are the venue's own count: contracts of
``contractSize``, but for Bybit and Deribit, which count base units, or USD of inverse contracts,
and whose ``contractSize`` is something else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seawall.core import ContractType, Instrument, RuleError
from seawall.ingest.market.books import Band
from seawall.rulebook import Rules, parse_symbol

Row = dict[str, Any]
_MS = 1_000_000
_EARLIEST, _LATEST = 1_262_304_000_000, 4_102_444_800_000
"""2010 and 2100 in ms: what lies outside is no time in ms."""
OWN_UNITS = frozenset({"bybit", "deribit"})
"""Rulebooks whose venues count base units or USD, whatever the size of their contracts."""
_HIGHEST = 1e15
"""USD: above it nothing is a price."""
_HOURS = {"h": 1.0, "m": 1 / 60, "d": 24.0}


@dataclass(frozen=True, slots=True)
class Listed:
    """A perpetual contract as a venue lists it.

    Attributes
    ----------
    symbol
        ccxt's name.
    instrument
        Ours, with the size of a contract as the venue tells it.
    unit
        What one of the venue's amounts stands for: base units, or USD of an inverse contract.
    """

    symbol: str
    instrument: Instrument
    unit: float


def listed(
    markets: Mapping[str, Mapping[str, Any]],
    rules: Rules,
    venue: str,
    assets: frozenset[str] | None = None,
) -> list[Listed]:
    """The perpetual contracts among ccxt's markets that are traded, of the assets asked for."""
    found = []
    for symbol, market in markets.items():
        if not market.get("swap") or market.get("active") is False:
            continue
        kind = next((k for k in ContractType if market.get(k.value)), None)
        told = None if venue in OWN_UNITS else number(market.get("contractSize"))
        tick = number((market.get("precision") or {}).get("price"))
        try:
            if kind is None or parse_symbol(symbol).quote is None:
                continue
            size = told if told and told > 0 else None
            own = rules.instrument(venue, symbol, kind.value, size, tick if tick > 0 else None)
        except RuleError:
            continue  # not quoted in a dollar, or of a name that says nothing
        if assets is None or own.asset in assets:
            found.append(Listed(symbol, own, 1.0 if venue in OWN_UNITS else own.contract_size))
    return found


def number(value: Any) -> float:
    """A finite number, or NaN for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def row_of(of: Listed, time_ms: Any, received: int, source: str, **values: Any) -> Row:
    """A row of any table; of the time of its receipt where the venue tells none."""
    told = number(time_ms)
    time = int(told) * _MS if _EARLIEST < told < _LATEST else received
    i = of.instrument
    names = {"venue": i.venue, "instrument": i.symbol, "asset": i.asset}
    return {"time": time, "received": received, **names, **values, "source": source}


def instrument_row(of: Listed, received: int, source: str) -> Row:
    """A contract: how profit is paid, what one is, its smallest step of price (USD)."""
    i = of.instrument
    return row_of(
        of,
        None,
        received,
        source,
        contract_type=i.contract_type.value,
        settle=i.settle,
        contract_size=i.contract_size,
        unit=of.unit,
        tick=i.tick,
    )


def mark_row(of: Listed, told: Mapping[str, Any], received: int, source: str) -> Row | None:
    """Mark and index price, USD; None where no mark is told."""
    mark = number(told.get("markPrice"))
    if not 0 < mark < _HIGHEST:
        return None
    index = number(told.get("indexPrice"))
    prices = {"mark_price": mark, "index_price": index if 0 < index < _HIGHEST else math.nan}
    return row_of(of, told.get("timestamp"), received, source, **prices)


def funding_row(of: Listed, told: Mapping[str, Any], received: int, source: str) -> Row | None:
    """Rate of the running interval, a fraction, > 0 where longs pay; None where none is told."""
    rate = number(told.get("fundingRate"))
    if math.isnan(rate):
        return None
    due = number(told.get("fundingTimestamp"))
    return row_of(
        of,
        told.get("timestamp"),
        received,
        source,
        rate=rate,
        interval_hours=_hours(told.get("interval")),
        due=int(due) * _MS if _EARLIEST < due < _LATEST else 0,
    )


def interest_row(
    of: Listed, told: Mapping[str, Any], mark: float, received: int, source: str
) -> Row | None:
    """Open interest, counted once, in base units and USD; None where none is told.

    Parameters
    ----------
    mark
        USD, from which the other of the two is had; NaN where unknown.
    """
    info = told.get("info")
    if of.instrument.venue == "deribit" and isinstance(info, Mapping):
        # ccxt gives it as a value of linear perpetuals as well, where it counts base units
        amount = number(info.get("open_interest"))
    else:
        amount = number(told.get("openInterestAmount"))
    value = number(told.get("openInterestValue"))
    if of.instrument.inverse:
        usd = amount * of.unit if amount >= 0 else value
        base = usd / mark
    else:
        base = amount * of.unit if amount >= 0 else value / mark
        usd = base * mark if base * mark >= 0 else value
    base, usd = number(base), number(usd)
    if not (base >= 0 or usd >= 0):
        return None
    return row_of(of, told.get("timestamp"), received, source, base=base, usd=usd)


def ratio_row(
    of: Listed, told: Sequence[Mapping[str, Any]], received: int, source: str
) -> Row | None:
    """Accounts that are long to those that are short, and the share of the long; the latest told.

    How much they hold does not count.
    """
    last = max(told, key=lambda t: number(t.get("timestamp")), default=None)
    ratio = math.nan if last is None else number(last.get("longShortRatio"))
    if last is None or not ratio >= 0:
        return None
    shares = {"long_short": ratio, "long_share": ratio / (1 + ratio)}
    return row_of(of, last.get("timestamp"), received, source, **shares)


def depth_rows(
    of: Listed, bands: Sequence[Band], mid: float, time_ms: Any, received: int, source: str
) -> list[Row]:
    """A row a band: USD on each side, and whether the book was seen that far."""
    return [
        row_of(
            of,
            time_ms,
            received,
            source,
            mid=mid,
            band=b.band,
            bid_usd=b.bid_usd,
            ask_usd=b.ask_usd,
            bid_whole=b.bid_whole,
            ask_whole=b.ask_whole,
        )
        for b in bands
    ]


def _hours(interval: Any) -> float:
    """Hours of ccxt's ``8h``; NaN where it says nothing."""
    text = str(interval or "")
    return number(text[:-1]) * _HOURS.get(text[-1:], math.nan)
