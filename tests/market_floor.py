"""Small floors for tests of behaviours and shocks, and a loop that calls one hook by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seawall._jit import kernel
from seawall.core import (
    Accounts,
    Book,
    ContractType,
    Instrument,
    Positions,
)
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook, Market, Traders
from seawall.sim.streams import stream_key

DEPTH, VOLUME = 10e6, 8.64e9
PRICE = {"BTC": 100_000.0, "ETH": 4_000.0}


def make_floor(
    venues: tuple[str, ...] = ("alpha", "beta"),
    assets: tuple[str, ...] = ("BTC", "ETH"),
    spot: bool = True,
    step: float = 1.0,
    steps: int = 100,
    inverse: tuple[str, ...] = (),
) -> Floor:
    """One perpetual a venue and asset, then the spot markets; venues in ``inverse`` list those."""
    markets = []
    for venue in (*venues, "spot") if spot else venues:
        for asset in assets:
            coin = venue in inverse
            kind = ContractType.INVERSE if coin else ContractType.LINEAR
            instrument = Instrument(
                venue, f"{asset}-{venue}", asset, kind, settle=asset if coin else "USD"
            )
            markets.append(Market(venue, instrument, PRICE[asset], DEPTH, VOLUME))
    return Floor(tuple(markets), venues, assets, step, steps)


def make_table(floor: Floor) -> np.ndarray:
    """The markets at rest: everything at the price, no spread, depth calm."""
    table = np.zeros((len(floor), c.MARKET_COLUMNS))
    for row, market in enumerate(floor.markets):
        table[row, c.VENUE] = -1 if market.spot else floor.venues.index(market.venue)
        table[row, c.ASSET] = floor.assets.index(market.asset)
        table[row, c.SPOT] = market.spot
        table[row, c.INVERSE] = market.instrument.inverse
        for column in (c.BID, c.ASK, c.MID, c.LAST, c.INDEX, c.MARK, c.MARK_BEFORE):
            table[row, column] = market.price
        for column in (c.CALM, c.STANDING_BID, c.STANDING_ASK, c.NEXT_BID, c.NEXT_ASK):
            table[row, column] = market.depth
    table[:, c.WILL] = table[:, c.WILL_CAP] = 1.0
    table[:, c.FUNDING_EVERY] = 28_800.0
    return table


def set_price(table: np.ndarray, row: int, price: float) -> None:
    """Quote a market at another price, without spread."""
    table[row, [c.BID, c.ASK, c.MID, c.LAST]] = price


@kernel
def _call(function: Any, markets: Any, own: Any, parameters: Any, clock: Any, key: Any, out: Any):
    function(markets, own, parameters, clock, key, out)


class Caller:
    """Calls one hook step by step, its memory and its account kept as a run keeps them."""

    def __init__(self, hook: Hook, floor: Floor, seed: int = 1, name: str = "it"):
        count = len(floor)
        self.hook, self.floor = hook, floor
        self.own = np.concatenate((hook.memory, np.zeros(3 * count)))
        self.clock = np.array([0.0, 0.0, floor.step, float(floor.steps)])
        self.key = stream_key(seed, name)
        self.orders = np.zeros((count, c.ORDER_COLUMNS))

    @property
    def held(self) -> np.ndarray:
        """Quantity held by market, a view."""
        return self.own[-2 * len(self.floor) : -len(self.floor)]

    @property
    def cash(self) -> np.ndarray:
        """Cash of its trades by market, a view."""
        return self.own[-len(self.floor) :]

    @property
    def stands(self) -> np.ndarray:
        """Quantity of its resting orders that is left by market, a view."""
        return self.own[-3 * len(self.floor) : -2 * len(self.floor)]

    def step(self, table: np.ndarray) -> np.ndarray:
        """Orders of one step; the table may be written to."""
        self.orders[:] = 0.0
        _call(
            self.hook.kernel,
            table,
            self.own,
            self.hook.parameters,
            self.clock,
            self.key,
            self.orders,
        )
        self.clock[c.STEP] += 1
        self.clock[c.SECONDS] += self.clock[c.DT]
        return self.orders.copy()

    def fill(self, table: np.ndarray, orders: np.ndarray) -> None:
        """Trade the orders in full at the mid."""
        inverse = table[:, c.INVERSE] > 0
        quantity, mid = orders[:, c.QUANTITY], table[:, c.MID]
        self.held[:] += quantity
        self.cash[:] += np.where(inverse, quantity / mid, -quantity * mid)

    def run(self, table: np.ndarray, steps: int) -> np.ndarray:
        """Quantities of some steps in which all is filled, shape (steps, M)."""
        out = np.empty((steps, len(self.floor)))
        for k in range(steps):
            orders = self.step(table)
            self.fill(table, orders)
            out[k] = orders[:, c.QUANTITY]
        return out


def usd(table: np.ndarray, quantity: np.ndarray) -> np.ndarray:
    """USD of quantities at the mid."""
    return np.where(table[:, c.INVERSE] > 0, quantity, quantity * table[:, c.MID])


def make_traders(floor: Floor, count: int = 200, seed: int = 5) -> Traders:
    """Traders with one isolated position each, spread over the perpetuals of a floor."""
    rng = np.random.default_rng(seed)
    perps = [m for m in floor.markets if not m.spot]
    instruments = tuple(m.instrument for m in perps)
    which = np.arange(count, dtype=np.int32) % len(perps)
    mark = np.array([m.price for m in perps])[which]
    notional = rng.uniform(1e3, 1e5, count)
    side = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    coin = np.array([i.inverse for i in instruments])[which]
    leverage = rng.uniform(2.0, 20.0, count)
    venues = tuple(dict.fromkeys(m.venue for m in perps))
    nothing = np.full(count, np.nan)
    positions = Positions(
        row=np.arange(1, count + 1),
        account=np.arange(count, dtype=np.int32),
        instrument=which,
        size=side * np.where(coin, notional, notional / mark),
        entry=mark,
        mark=mark,
        leverage=leverage,
        stop=nothing,
        rate=nothing,
        amount=nothing,
        taker_fee=nothing,
        reported_liquidation=nothing,
        time=np.zeros(count, dtype=np.int64),
    )
    accounts = Accounts(
        trader=np.arange(count, dtype=np.int32),
        venue=np.array([venues.index(m.venue) for m in perps], dtype=np.int32)[which],
        isolated=np.ones(count, dtype=np.bool_),
        balance=notional / leverage,
        settle=np.zeros(count, dtype=np.int32),
    )
    names = [f"t{k}" for k in range(count)]
    book = Book(positions, accounts, instruments, names, venues, ("USD",), source="test")
    return Traders.of(book, notional / leverage)


def with_step(floor: Floor, step: float) -> Floor:
    """The same length in steps of another."""
    return replace(floor, step=step, steps=round(floor.seconds / step))
