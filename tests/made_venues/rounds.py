"""Made venues polled once through the real ccxt."""

from __future__ import annotations

import asyncio
import contextlib
import math

from made_venues import gate_htx, markets
from made_venues.server import RestVenue
from seawall.ingest.market.exchanges import addresses
from seawall.ingest.market.poller import Poller, Polling
from seawall.ingest.market.tables import MarketWriter, read
from seawall.rulebook import Rules

EVER = (-(2**62), 2**62)
RULES = Rules.bundled()
MARKETS = markets.MARKETS | gate_htx.MARKETS


def one_round(tmp_path, venues, assets=("BTC", "ETH"), edit=lambda answers: None, patience=10.0):
    """Poll made venues once; the poller, the venues, and a reader of its rows."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name in venues:
            answers = MARKETS[name]()
            edit(answers)
            made[name] = stack.enter_context(RestVenue(answers))
        urls = addresses([f"{n}={v.url}" for n, v in made.items()], RULES)
        polling = Polling(tuple(venues), tuple(assets), patience=patience, urls=urls)

        async def run(writer):
            poller = Poller(polling, writer, RULES)
            await poller.run(once=True)
            return poller

        with MarketWriter(tmp_path) as writer:
            poller = asyncio.run(run(writer))

    def rows(kind):
        return {
            (r["venue"], r["instrument"], r.get("band")): r for r in read(tmp_path, kind, *EVER)
        }

    return poller, made, rows


def levels(mid, count, step, amount, usd, sign):
    """USD of a book made by equal steps, level by level."""
    prices = [mid * (1 + sign * step * k) for k in range(1, count + 1)]
    return math.fsum(amount * (1.0 if usd else price) for price in prices)
