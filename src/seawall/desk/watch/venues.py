"""Marks live from venues through ccxt."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from seawall.core import InputError, Instrument, Mistake
from seawall.desk.watch.feeds import FeedBrokenError, Take
from seawall.desk.watch.watched import Mark
from seawall.ingest.market.exchanges import exchange_of
from seawall.rulebook import Rules

_MARKS = ("markPrice", "markPx", "mark_price", "mark")
"""What venues call a mark price in their own answers."""


def symbols_of(
    exchange: Any, venue: str, held: Sequence[Instrument], rules: Rules
) -> dict[str, Instrument]:
    """ccxt's symbols of instruments, once its markets are loaded.

    Raises
    ------
    InputError
        Naming instruments that the venue does not list.
    """
    wanted = {i.symbol: i for i in held}
    found: dict[str, Instrument] = {}
    for market in exchange.markets.values():
        if not market.get("contract") or market.get("option"):
            continue
        own = market["id"] if market["id"] in wanted else _own(rules, venue, market["symbol"])
        if own in wanted:
            found[market["symbol"]] = wanted[own]
    missing = [i.symbol for i in held if i not in found.values()]
    if missing:
        raise InputError([Mistake("not listed there", f"venue {venue}", value=m) for m in missing])
    return found


def _own(rules: Rules, venue: str, symbol: str) -> str:
    try:
        return rules.instrument(venue, symbol).symbol
    except InputError:
        return ""


class VenueFeed:
    """Marks of a venue's instruments through ccxt: pushed where it can, else asked for.

    Parameters
    ----------
    venue
        Name of the rulebook.
    held
        Instruments to follow.
    rules
        Which name them.
    url
        Where to connect in place of the venue's own address.
    every
        Seconds between questions, where a venue pushes no marks.
    """

    live = True

    def __init__(
        self,
        venue: str,
        held: Sequence[Instrument],
        rules: Rules,
        url: str = "",
        every: float = 5.0,
    ):
        self._venue, self._held, self._rules = venue, tuple(held), rules
        self._url, self._every = url, every
        self._wait = 0.0

    async def run(self, take: Take) -> None:
        """Hand over marks until the connection breaks.

        Raises
        ------
        InputError
            If an instrument is not listed there.
        FeedBrokenError
            If the venue cannot be reached, or hangs up.
        """
        exchange = exchange_of(self._venue, self._rules, self._url, pushes=True)
        errors: Any = import_module("ccxt").BaseError
        self._wait = 0.0
        try:
            await exchange.load_markets()
            symbols = symbols_of(exchange, self._venue, self._held, self._rules)
            while True:
                told = await self._ask(exchange, list(symbols))
                received = time.perf_counter_ns()
                marks = [
                    Mark(self._venue, symbols[s].symbol, price)
                    for s, price in _prices(told, symbols).items()
                ]
                if marks:
                    take(marks, received)
        except errors as error:
            said = " ".join(str(error).split())[:200]
            raise FeedBrokenError(f"{self._venue}: {type(error).__name__}: {said}") from None
        finally:
            await exchange.close()

    async def _ask(self, exchange: Any, symbols: list[str]) -> Any:
        """What the venue says next, by the best way that ccxt has for it."""
        for name in ("watchMarkPrices", "watchTickers"):
            if exchange.has.get(name):
                return await _method(exchange, name)(symbols)
        await asyncio.sleep(self._wait)
        self._wait = self._every
        for name in ("fetchMarkPrices", "fetchFundingRates", "fetchTickers"):
            if exchange.has.get(name):
                return await _method(exchange, name)(symbols)
        raise FeedBrokenError(f"{self._venue}: ccxt has no way to its marks")


def _method(exchange: Any, name: str) -> Callable[[list[str]], Any]:
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    method: Callable[[list[str]], Any] = getattr(exchange, snake)
    return method


def _prices(told: Any, symbols: Mapping[str, Instrument]) -> dict[str, float]:
    """Mark prices by symbol out of what ccxt made of an answer."""
    rows = [told] if "symbol" in told else list(told.values())
    found = {}
    for row in rows:
        price = row.get("markPrice") or next(
            (
                row["info"][n]
                for n in _MARKS
                if isinstance(row.get("info"), Mapping) and row["info"].get(n)
            ),
            None,
        )
        try:
            value = float(price)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if row.get("symbol") in symbols and math.isfinite(value) and value > 0:
            found[row["symbol"]] = value
    return found
