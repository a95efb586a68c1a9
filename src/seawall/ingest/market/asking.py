"""One venue's round of questions: contracts, funding and marks, open interest, ratios, depth."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seawall.ingest.market import figures
from seawall.ingest.market.books import bands_of, mid_of, widest
from seawall.ingest.market.exchanges import exchange_of
from seawall.ingest.market.figures import Listed, Row, listed
from seawall.rulebook import Rules

Rows = dict[str, list[Row]]

_LEVELS = {"binance_usdm": 1000, "binance_coinm": 1000, "bybit": 500, "okx": 400, "deribit": 1000}
"""Levels a side to ask for, the most that a venue gives in one answer (ccxt 4.5 says them)."""
_GIVEN = {**_LEVELS, "hyperliquid": 20}
"""Levels a side that an answer has unless there are no more; of others a book counts as seen as far
as its last level."""
_COARSER: Mapping[str, tuple[dict[str, Any], ...]] = {
    "hyperliquid": ({}, {"nSigFigs": 4}, {"nSigFigs": 3}, {"nSigFigs": 2})
}
"""Of a venue that gives few levels: how to have them in coarser steps that reach further.
Hyperliquid docs, info endpoint, L2 book snapshot."""
_RATIO_PERIOD = "5m"
_ALSO_ASK = {"bybit": {"interval": "5m"}}
"""What else to say with the question for open interest, of which Bybit's is an hour old."""


class SlowDownError(Exception):
    """The venue says that it is asked too often."""


@dataclass(slots=True)
class Counts:
    """What became of a venue's questions.

    Attributes
    ----------
    rounds, late
        Rounds made; of these, those that began late as the one before took longer than the pace.
    calls, failed
        Questions asked; those without a usable answer, by kind of table.
    rows
        Rows told, by kind.
    error
        What the last failure was.
    last
        When the last round ended, UTC ns.
    """

    rounds: int = 0
    late: int = 0
    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    error: str = ""
    last: int = 0


class VenueAsking:
    """Asks one venue through ccxt, within its rate limit. A question that fails fails alone.

    Attributes
    ----------
    listed
        The contracts asked about.
    latest
        The last row by kind, instrument and, of depth, band.
    """

    def __init__(
        self,
        name: str,
        rules: Rules,
        assets: frozenset[str] | None,
        address: str,
        patience: float,
        relist: float,
    ):
        self.name = name
        self.counts = Counts()
        self.listed: list[Listed] = []
        self.latest: dict[tuple[str, str, float], Row] = {}
        self._rules, self._assets = rules, assets
        self._patience, self._relist = patience, relist
        self._exchange = exchange_of(name, rules, address, waits=False)
        self._listed_at = -float("inf")

    async def round(self, rows: Rows) -> None:
        """Ask everything once; rows are put into ``rows`` by kind as they come.

        Raises
        ------
        SlowDownError
            As soon as the venue says that it is asked too often.
        """
        try:
            await self._contracts(rows)
            marks = await self._funding_and_marks(rows)
            await self._open_interest(rows, marks)
            for of in self.listed:
                await self._ratio(rows, of)
                await self._depth(rows, of)
        finally:
            self.counts.rounds += 1
            self.counts.last = time.time_ns()

    async def close(self) -> None:
        """End the connections."""
        await self._exchange.close()

    async def _contracts(self, rows: Rows) -> None:
        if time.monotonic() - self._listed_at < self._relist:
            return

        def take(markets: Mapping[str, Any], received: int) -> Iterator[Row]:
            self.listed = listed(markets, self._rules, self.name, self._assets)
            self._listed_at = time.monotonic()
            for of in self.listed:
                yield figures.instrument_row(of, received, self._source("load_markets"))

        again = self.counts.rounds > 0
        await self._ask(rows, "instrument", partial(self._exchange.load_markets, again), take)

    async def _funding_and_marks(self, rows: Rows) -> dict[str, float]:
        """Rates, and the marks that come with them; marks by themselves where none do."""
        for group in self._groups():
            await self._of_each(rows, "funding", "fetch_funding_rate", group, self._funding_rows)
        marks = self._marks(rows)
        for group in self._groups():
            without = [of for of in group if of.symbol not in marks]
            if without and self._exchange.has.get("fetchMarkPrices"):
                await self._of_each(rows, "mark", "fetch_mark_price", without, self._mark_rows)
            elif without:
                await self._of_each(rows, "mark", "fetch_ticker", without, self._mark_rows)
        return self._marks(rows)

    async def _open_interest(self, rows: Rows, marks: Mapping[str, float]) -> None:
        def row(of: Listed, told: Any, received: int, source: str) -> Iterator[tuple[str, Row]]:
            mark = marks.get(of.symbol, float("nan"))
            made = figures.interest_row(of, told, mark, received, source)
            if made is not None:
                yield "open_interest", made

        also = _ALSO_ASK.get(self.name, {})
        for group in self._groups():
            await self._of_each(rows, "open_interest", "fetch_open_interest", group, row, **also)

    async def _ratio(self, rows: Rows, of: Listed) -> None:
        if not self._exchange.has.get("fetchLongShortRatioHistory"):
            return
        source = self._source("fetch_long_short_ratio_history")

        def take(told: Any, received: int) -> Iterator[Row]:
            made = figures.ratio_row(of, told, received, source)
            if made is not None:
                yield made

        await self._ask(
            rows,
            "ratio",
            partial(
                self._exchange.fetch_long_short_ratio_history, of.symbol, _RATIO_PERIOD, None, 1
            ),
            take,
        )

    async def _depth(self, rows: Rows, of: Listed) -> None:
        """The book, and coarser ones while the finest does not reach as far as is asked."""
        most, given = _LEVELS.get(self.name), _GIVEN.get(self.name, 0)
        source = self._source("fetch_order_book")
        seen: list[Any] = []
        first: list[tuple[float, Any, int]] = []

        def take(book: Any, received: int) -> Iterator[Row]:
            unit, inverse = of.unit, of.instrument.inverse
            seen.append(bands_of(book["bids"], book["asks"], unit, inverse, given))
            if not first:
                mid = mid_of(book["bids"], book["asks"])
                first.append((mid, book.get("timestamp"), received))
            return iter(())

        for params in _COARSER.get(self.name, ({},)):
            if seen and seen[-1][-1].bid_whole and seen[-1][-1].ask_whole:
                break
            await self._ask(
                rows,
                "depth",
                partial(self._exchange.fetch_order_book, of.symbol, most, params),
                take,
            )
        if first:
            mid, told, received = first[0]
            for row in figures.depth_rows(of, widest(seen), mid, told, received, source):
                self._keep(rows, "depth", row)

    async def _of_each(
        self,
        rows: Rows,
        kind: str,
        method: str,
        group: list[Listed],
        row_of: Callable[[Listed, Any, int, str], Iterator[tuple[str, Row]]],
        **also: Any,
    ) -> None:
        """Ask for all contracts at once where the venue tells them so, else one by one."""
        named = "".join(part.capitalize() for part in method.split("_"))
        named = named[0].lower() + named[1:]
        has = self._exchange.has
        at_once = has.get(f"{named}s") is True and method != "fetch_ticker"
        if at_once and await self._of_all(rows, kind, f"{method}s", group, row_of, also):
            return
        if has.get(named):
            source, ask_one = self._source(method), getattr(self._exchange, method)
            for of in group:

                def take(told: Any, received: int, of: Listed = of) -> Iterator[Row]:
                    for where, row in row_of(of, told, received, source):
                        self._keep(rows, where, row)
                    return iter(())

                await self._ask(rows, kind, partial(ask_one, of.symbol, dict(also)), take)

    async def _of_all(
        self,
        rows: Rows,
        kind: str,
        method: str,
        group: list[Listed],
        row_of: Callable[[Listed, Any, int, str], Iterator[tuple[str, Row]]],
        also: Mapping[str, Any],
    ) -> bool:
        """Ask for all contracts at once; False where ccxt can do so of others only (HTX)."""
        from ccxt import NotSupported

        source, ask_all = self._source(method), getattr(self._exchange, method)
        asked = True

        async def call() -> Mapping[str, Any]:
            nonlocal asked
            try:
                told: Mapping[str, Any] = await ask_all([of.symbol for of in group], dict(also))
            except NotSupported:
                asked = False
                return {}
            return told

        def take(told: Mapping[str, Any], received: int) -> Iterator[Row]:
            for of in group:
                if of.symbol in told:
                    for where, row in row_of(of, told[of.symbol], received, source):
                        self._keep(rows, where, row)
            return iter(())

        await self._ask(rows, kind, call, take)
        self.counts.calls -= not asked
        return asked

    def _funding_rows(
        self, of: Listed, told: Any, received: int, source: str
    ) -> Iterator[tuple[str, Row]]:
        made = figures.funding_row(of, told, received, source)
        if made is not None:
            yield "funding", made
        yield from self._mark_rows(of, told, received, source)

    def _mark_rows(
        self, of: Listed, told: Any, received: int, source: str
    ) -> Iterator[tuple[str, Row]]:
        made = figures.mark_row(of, told, received, source)
        if made is not None:
            yield "mark", made

    async def _ask(
        self,
        rows: Rows,
        kind: str,
        call: Callable[[], Awaitable[Any]],
        take: Callable[[Any, int], Iterator[Row]],
    ) -> None:
        """One question; whatever goes wrong with it is counted and goes no further."""
        from ccxt import DDoSProtection, RateLimitExceeded

        self.counts.calls += 1
        try:
            answer = await asyncio.wait_for(call(), self._patience)
            for row in take(answer, time.time_ns()):
                self._keep(rows, kind, row)
        except Exception as error:
            self.counts.failed[kind] += 1
            said = " ".join(str(error).split())[:200]
            self.counts.error = f"{kind}: {type(error).__name__}: {said}"
            if isinstance(error, (DDoSProtection, RateLimitExceeded)):
                raise SlowDownError from None

    def _keep(self, rows: Rows, kind: str, row: Row) -> None:
        rows.setdefault(kind, []).append(row)
        self.counts.rows[kind] += 1
        self.latest[kind, row["instrument"], row.get("band", 0.0)] = row

    def _marks(self, rows: Rows) -> dict[str, float]:
        """Marks of this round by ccxt's name."""
        told = {row["instrument"]: row["mark_price"] for row in rows.get("mark", ())}
        names = {of.symbol: of.instrument.symbol for of in self.listed}
        return {symbol: told[name] for symbol, name in names.items() if name in told}

    def _groups(self) -> list[list[Listed]]:
        """Contracts that may stand in one question: linear ones, inverse ones."""
        linear = [of for of in self.listed if not of.instrument.inverse]
        inverse = [of for of in self.listed if of.instrument.inverse]
        return [group for group in (linear, inverse) if group]

    def _source(self, method: str) -> str:
        return f"ccxt {self._exchange.id} {method}"
