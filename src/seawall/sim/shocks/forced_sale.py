"""A large sale that has to be made."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals, listed
from seawall.sim.shocks import Sale, Shock, Timeline


class ForcedSale(Shock):
    """Sells (or buys) an amount in a market, or closes the positions of a trader of the book.

    Name either ``market`` and ``usd``, or ``account``. A trader's positions are taken out of the
    book at the start, on all venues, and an outside account closes them at the time given, each in
    its market: whatever happens before, they are not liquidated. Amounts are at the marks of the
    book; what is not filled is tried again.

    Assumes a seller who takes any price.
    """

    title: ClassVar[str] = "Forced sale"
    source: ClassVar[str] = (
        "Single orders of 33.95, 47.87 and 96.51 million USD in November 2025 (published "
        "liquidation tapes)"
    )

    market: str = Field("", description="Market, as `venue:asset` or `spot:asset`")
    usd: float = Field(0.0, ge=0, le=1e13, description="Amount to trade there, USD")
    buys: bool = Field(False, description="Whether it buys: a short that has to be covered")
    account: str = Field("", description="Trader of the book, by name, who has to close everything")
    at: float = Field(0.0, ge=0, le=1e9, description="When it begins, s")
    over: float = Field(0.0, ge=0, le=1e9, description="Time it is spread over, s; 0 at once")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Add the order, or the orders that close a trader's positions."""
        refusals = Refusals(self, timeline.floor)
        refusals.begins("at", self.at)
        refusals.ends("over", self.at, self.over)
        amounts: dict[int, float] = {}
        if bool(self.account) == bool(self.market):
            got = f"market {self.market!r}, account {self.account!r}"
            refusals.add("market", "neither or both named", got, "either market or account")
        elif self.market:
            amounts = self._single(timeline, refusals)
        else:
            amounts = self._closing(timeline, traders, refusals)
        refusals.refuse()
        for market, usd in amounts.items():
            timeline.sales.append(Sale(self.at, market, usd, self.over))

    def _single(self, timeline: Timeline, refusals: Refusals) -> dict[int, float]:
        names = [m.name for m in timeline.floor.markets]
        refusals.known("market", "market", [self.market], names)
        if self.usd == 0:
            refusals.add("usd", "nothing to sell", "0", "above 0, USD")
        if self.market not in names:
            return {}
        return {names.index(self.market): self.usd if self.buys else -self.usd}

    def _closing(
        self, timeline: Timeline, traders: Traders, refusals: Refusals
    ) -> dict[int, float]:
        book = traders.book
        for key, given in (("usd", self.usd), ("buys", self.buys)):
            if given:
                refusals.add(key, "given by the account's positions", given, "none with account")
        if self.account not in book.traders:
            refusals.known("account", "trader", [self.account], list(book.traders))
            return {}
        trader = book.accounts.trader == list(book.traders).index(self.account)
        rows = np.flatnonzero(trader[book.positions.account])
        rows = rows[traders.scale[rows] > 0]
        places = {m.instrument: k for k, m in enumerate(timeline.floor.markets)}
        usd = book.notional() * traders.scale * -np.sign(book.positions.size)
        amounts: dict[int, float] = {}
        for row in rows:
            instrument = book.instruments[int(book.positions.instrument[row])]
            if instrument in places:
                market = places[instrument]
                amounts[market] = amounts.get(market, 0.0) + float(usd[row])
                traders.scale[row] = traders.plan[row] = 0.0
            else:
                market_names = listed([m.name for m in timeline.floor.markets])
                refusals.add(
                    "account",
                    "holds a position in no market of the run",
                    instrument.symbol,
                    market_names,
                )
        if not rows.size:
            refusals.add("account", "holds no open position", self.account, "a trader with one")
        return {market: total for market, total in amounts.items() if total != 0.0}
