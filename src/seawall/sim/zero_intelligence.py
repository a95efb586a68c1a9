"""A market of zero-intelligence agents on margin: random orders in an order-by-order book."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.liquidity import _orders
from seawall.liquidity.layout import aligned, check_book, empty_book
from seawall.sim import _zero as k
from seawall.sim.streams import stream_key
from seawall.sim.zero_rules import LiquidationLog, OrderTally, ZeroIntelligenceRules

Ints = NDArray[np.int64]

_LOGGED = 65_536
_LARGEST = 10**14


class ZeroIntelligenceMarket:
    """The market as it stands; :meth:`run` lets events arrive.

    Parameters
    ----------
    rules
        See :class:`ZeroIntelligenceRules`.
    seed
        The same rules and seed give the same run, however it is cut into pieces.
    """

    def __init__(self, rules: ZeroIntelligenceRules | None = None, seed: int = 0):
        self.rules = rules = ZeroIntelligenceRules() if rules is None else rules
        ceiling = 2 * rules.start_price
        # were nothing traded, limit_rate / cancel_rate orders would rest
        rows = int(1.5 * rules.limit_rate / rules.cancel_rate) + 1_024
        # the last row is an agent of unlimited means that acts only when told to
        agent = aligned(rules.agents + 1, 8)
        agent[:-1, k.CASH], agent[:-1, k.LEVERAGE] = rules.deposits()
        agent[-1, [k.CASH, k.LEVERAGE]] = _LARGEST, 1
        agent[:, k.DEPOSIT], agent[:, k.OWN] = agent[:, k.CASH], -1
        state = np.zeros(8, dtype=np.int64)
        state[[k.MARK, k.LOW]] = rules.start_price, ceiling + 1
        self._market = k.Market(
            empty_book(ceiling, rows),
            agent,
            aligned(rules.agents + 1, 2),
            np.full((ceiling + 2, 2), -1, dtype=np.int64),
            state,
            np.zeros(len(fields(OrderTally)), dtype=np.int64),
            np.zeros((_LOGGED, len(fields(LiquidationLog))), dtype=np.int64),
        )
        self._flow = k.Flow(
            float(rules.limit_rate),
            float(rules.market_rate),
            rules.cancel_rate,
            rules.band,
            rules.limit_lots,
            rules.market_lots,
            round(rules.maintenance * k.BASIS),
            rules.agents,
            rules.replaced,
            stream_key(seed, "zero intelligence"),
        )

    def run(self, events: int) -> OrderTally:
        """Let ``events`` orders and cancellations arrive. Returns what happened in them."""
        before = self._market.tally.copy()
        k.run(self._market, self._flow, events)
        return OrderTally(*(self._market.tally - before).tolist())

    def settle(self) -> ZeroIntelligenceMarket:
        """Run until the book no longer knows that it was empty; returns itself.

        That is 6 mean lifetimes of an order.
        """
        rules = self.rules
        rate = rules.limit_rate + rules.market_rate + rules.cancel_rate * rules.orders_resting
        self.run(int(6 * rate / rules.cancel_rate))
        return self

    @property
    def events(self) -> int:
        """Events so far."""
        return int(self._market.state[k.EVENTS])

    @property
    def mark(self) -> int:
        """Middle of the best prices, rounded down, ticks; the last one while a side is empty."""
        return int(self._market.state[k.MARK])

    @property
    def best(self) -> tuple[int | None, int | None]:
        """Best bid and ask, ticks; None where a side is empty."""
        top = self._market.book.top
        bid, ask = int(top[_orders.BID]), int(top[_orders.ASK])
        return bid or None, ask if ask <= 2 * self.rules.start_price else None

    @property
    def resting(self) -> int:
        """Orders resting."""
        return int(self._market.book.top[_orders.RESTING])

    @property
    def cash(self) -> Ints:
        """Shape (agents,): ticks x lots; what was paid for the lots held is taken off."""
        return self._traders(k.CASH)

    @property
    def held(self) -> Ints:
        """Shape (agents,): lots, > 0 long."""
        return self._traders(k.HELD)

    @property
    def equity(self) -> Ints:
        """Shape (agents,): cash and lots held at the mark, ticks x lots."""
        return np.asarray(self.cash + self.held * self.mark, dtype=np.int64)

    @property
    def fund(self) -> int:
        """What the fund has paid for losses beyond margin, ticks x lots, <= 0."""
        return int(self._market.state[k.FUND])

    @property
    def liquidations(self) -> LiquidationLog:
        """The liquidations so far."""
        count = min(int(self._market.tally[k.LIQUIDATIONS]), _LOGGED)
        return LiquidationLog(*self._market.log[:count].T.copy())

    def _traders(self, column: int) -> Ints:
        return np.array(self._market.agent[:-1, column])

    def trade(self, side: int, lots: int) -> int:
        """A market order from outside (``side`` 1 buys, -1 sells) and all it sets off.

        Returns the lots that found nothing to trade with.
        """
        return int(k.order(self._market, self._flow, self.rules.agents, side, lots))

    def metaorder(self, side: int, slices: int, lots: int, pause: int) -> NDArray[np.float64]:
        """Market orders from outside, ``slices`` of ``lots`` each, ``pause`` events after each.

        Returns
        -------
        Mid prices in ticks before it and after each pause, shape (slices + 1,).
        """
        marks = np.empty(slices + 1, dtype=np.int64)
        k.work(self._market, self._flow, self.rules.agents, side, slices, lots, pause, marks)
        return marks / 2

    def check(self) -> None:
        """See that nothing is lost: cash, lots, orders; and that nobody due was passed over.

        Raises
        ------
        InternalError
            If cash or lots are not conserved, the book does not hold together, what an agent's
            resting orders add up to is wrong, or an agent at or below its maintenance margin
            stands though there is somebody to trade with.
        """
        agent, state = self._market.agent, self._market.state
        brought = int(agent[:, k.DEPOSIT].sum() + state[k.BROUGHT])
        _expect(int(agent[:, k.CASH].sum()) + self.fund == brought, "cash is not conserved")
        _expect(int(agent[:, k.HELD].sum()) == 0, "longs and shorts differ")
        order, _, _, top = self._market.book
        rows = np.flatnonzero(order[:, _orders.SIZE])
        check_book(self._market.book, lambda row, tag: True)
        bids = order[rows, _orders.PRICE] <= top[_orders.BID]
        for column, mine in ((k.BIDS, rows[bids]), (k.ASKS, rows[~bids])):
            lots = np.zeros(len(agent), dtype=np.int64)
            np.add.at(lots, order[mine, _orders.OWNER], order[mine, _orders.SIZE])
            _expect(bool(np.array_equal(lots, agent[:, column])), "lots of an agent's orders")
        points = round(self.rules.maintenance * k.BASIS)
        due = self.equity * k.BASIS <= points * np.abs(self.held) * self.mark
        due &= np.where(self.held > 0, self.best[0] is not None, self.best[1] is not None)
        _expect(not bool((due & (self.held != 0)).any()), "an agent due was not liquidated")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise InternalError(f"zero-intelligence market: {what}")
