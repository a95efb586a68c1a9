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
    found = listed(exchange, venue, held, rules)
    missing = [i.symbol for i in held if i not in found.values()]
    if missing:
        raise InputError([Mistake("not listed there", f"venue {venue}", value=m) for m in missing])
    return found


def listed(
    exchange: Any, venue: str, held: Sequence[Instrument], rules: Rules
) -> dict[str, Instrument]:
    """As :func:`symbols_of`, of those alone that the venue lists."""
    wanted = {i.symbol: i for i in held}
    found: dict[str, Instrument] = {}
    for market in exchange.markets.values():
        if not market.get("contract") or market.get("option"):
            continue
        own = market["id"] if market["id"] in wanted else _own(rules, venue, market["symbol"])
        if own in wanted:
            found[market["symbol"]] = wanted[own]
    return found


def _own(rules: Rules, venue: str, symbol: str) -> str:
    try:
        return rules.instrument(venue, symbol).symbol
    except InputError:
        return ""


class VenueFeed:
    """Marks of a venue's instruments through ccxt: pushed where it can, else asked for.

    Feeds of the same instruments of a venue are equal.

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
    lenient
        Follow what is listed there, so that only the rest falls silent; so it does in any case
        once all of them were found.
    """

    live = True

    def __init__(
        self,
        venue: str,
        held: Sequence[Instrument],
        rules: Rules,
        url: str = "",
        every: float = 5.0,
        lenient: bool = False,
    ):
        self._venue, self._held, self._rules = venue, tuple(held), rules
        self._url, self._every = url, every
        self._wait, self._lenient = 0.0, lenient

    @property
    def venue(self) -> str:
        """Rulebook of the venue that it follows."""
        return self._venue

    def _key(self) -> tuple[object, ...]:
        return self._venue, frozenset(i.symbol for i in self._held), self._url, self._every

    def __eq__(self, other: object) -> bool:
        """Whether it follows the same."""
        return isinstance(other, VenueFeed) and self._key() == other._key()

    def __hash__(self) -> int:
        """Of what it follows."""
        return hash(self._key())

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
            find = listed if self._lenient else symbols_of
            symbols = find(exchange, self._venue, self._held, self._rules)
            if not symbols:
                raise FeedBrokenError(f"{self._venue}: lists nothing of what is held")
            self._lenient = True
            while True:
                told = await self._ask(exchange, list(symbols))
                received = time.perf_counter_ns()
                marks = [
                    Mark(self._venue, symbols[s].symbol, price, at)
                    for s, (price, at) in _prices(told, symbols).items()
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


def _prices(told: Any, symbols: Mapping[str, Instrument]) -> dict[str, tuple[float, int]]:
    """Mark prices by symbol out of what ccxt made of an answer, with their times; 0 if unknown."""
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
            at = row.get("timestamp")
            found[row["symbol"]] = value, int(at * 1e6) if isinstance(at, int | float) else 0
    return found
