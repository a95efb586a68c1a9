"""What a zero-intelligence market is made of, and what is counted in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.sim import _zero as k

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ZeroIntelligenceRules:
    """What the agents do at random, and what margin they have to hold.

    Events come one at a time. Their kinds are those of independent Poisson arrivals: limit orders
    at ``limit_rate``, market orders at ``market_rate``, and every resting order is cancelled at
    one rate, chosen so that about ``resting`` orders rest. By default 60% of the events add, 30%
    cancel and 10% are market orders.

    Parameters
    ----------
    agents
        Agents; each event but a cancellation is an order of one of them, drawn uniformly.
    resting
        Orders that rest on average, both sides; None: one an agent.
    limit_rate, market_rate
        Orders a unit of time. Only their ratio matters.
    band
        Limit prices lie 1 to ``band`` ticks, uniformly, inside the best price of the other side.
    limit_lots, market_lots
        Sizes of limit and of market orders: 1 to this many lots, uniformly.
    start_price
        Ticks; the grid goes from 1 to twice that.
    affordable_lots
        Lots at the start price that an agent's deposit lets it hold.
    leverage
        Leverage limits, dealt out to the agents in turn. An agent brings
        ``affordable_lots * start_price / leverage``.
    maintenance
        Maintenance margin, a fraction of the notional at mark; whole basis points.
    replaced
        Whether a liquidated agent leaves with what it has left and another comes with the same
        deposit; else it stays with what it has left.

    Source
    ------
    Order flow: Smith, Farmer, Gillemot and Krishnamurthy (2003), "Statistical theory of the
    continuous double auction"; prices from the best of the other side as in Farmer, Patelli and
    Zovko (2005), "The predictive power of zero intelligence in financial markets". Margin is ours.
    """

    agents: int = 1_000
    resting: int | None = None
    limit_rate: float = 0.6
    market_rate: float = 0.1
    band: int = 100
    limit_lots: int = 10
    market_lots: int = 32
    start_price: int = 20_000
    affordable_lots: int = 100
    leverage: tuple[int, ...] = (2, 2, 3, 3, 5, 5, 10, 10, 20, 100)
    maintenance: float = 0.005
    replaced: bool = True

    def __post_init__(self) -> None:
        mistakes = [
            Mistake(f"{name} out of range", value=str(value), allowed=f"{low:,} to {high:,}")
            for name, value, low, high in (
                ("agents", self.agents, 1, 10**7),
                ("resting", self.orders_resting, 1, 10**7),
                ("band", self.band, 1, self.start_price),
                ("limit_lots", self.limit_lots, 1, 10**6),
                ("market_lots", self.market_lots, 1, 10**6),
                ("start_price", self.start_price, 2, 10**7),
                ("affordable_lots", self.affordable_lots, 1, 10**6),
                *(("leverage", limit, 1, 1_000) for limit in self.leverage or (0,)),
            )
            if not low <= value <= high
        ]
        mistakes += self._rates_wrong() + self._maintenance_wrong()
        if mistakes:
            raise InputError(mistakes)

    def _rates_wrong(self) -> list[Mistake]:
        added, taken = self._lots_added_and_taken()
        if 0 < self.limit_rate < np.inf and 0 <= self.market_rate < np.inf and taken < added:
            return []
        return [
            Mistake(
                "market orders take as many lots as limit orders add, or a rate is out of range",
                value=f"{taken:g} against {added:g}",
                allowed="limit_rate > 0, market_rate >= 0, mean lots taken below mean lots added",
            )
        ]

    def _maintenance_wrong(self) -> list[Mistake]:
        points = self.maintenance * k.BASIS
        if (
            0 <= self.maintenance < 1 / max(self.leverage or (1,))
            and abs(points - round(points)) < 1e-9
        ):
            return []
        return [
            Mistake(
                "maintenance out of range",
                value=str(self.maintenance),
                allowed="whole basis points, at least 0, below the initial margin 1 / leverage",
            )
        ]

    def _lots_added_and_taken(self) -> tuple[float, float]:
        return (
            self.limit_rate * (1 + self.limit_lots) / 2,
            self.market_rate * (1 + self.market_lots) / 2,
        )

    @property
    def orders_resting(self) -> int:
        """Orders that rest on average."""
        return self.agents if self.resting is None else self.resting

    @property
    def cancel_rate(self) -> float:
        """Rate at which each resting order is cancelled: what is added and not taken, by order."""
        added, taken = self._lots_added_and_taken()
        return (1 - taken / added) * self.limit_rate / self.orders_resting

    def deposits(self) -> tuple[Ints, Ints]:
        """Deposits, ticks x lots, and leverage limits of the agents. Both of shape (agents,)."""
        limits = np.array(self.leverage, dtype=np.int64)
        limits = limits[np.arange(self.agents) % len(limits)]
        return self.affordable_lots * self.start_price // limits, limits


@dataclass(frozen=True, slots=True)
class OrderTally:
    """What happened, counted.

    Attributes
    ----------
    added, add_refused
        Limit orders that came to rest; refused for want of initial margin (or of room).
    cancelled
        Cancellations, those of liquidated agents among them.
    markets, market_refused
        Market orders; refused for want of initial margin.
    fills, lots
        Trades, liquidations among them, and their lots.
    liquidations, liquidated_lots
        Liquidation orders and what they closed.
    lapsed
        Lots of traders' market orders that found nothing to trade with.
    rechecked
        Agents judged because the mark reached their alarm.
    no_price
        Limit orders whose price would have lain outside the grid.
    """

    added: int
    add_refused: int
    cancelled: int
    markets: int
    market_refused: int
    fills: int
    lots: int
    liquidations: int
    liquidated_lots: int
    lapsed: int
    rechecked: int
    no_price: int


@dataclass(frozen=True, slots=True, eq=False)
class LiquidationLog:
    """The first 65,536 liquidations, as columns of shape (l,).

    Attributes
    ----------
    event
        Number of the event that set it off, from 0.
    agent
        Whose.
    mark
        Mark at which the agent was judged, ticks.
    cash, held
        What it had: ticks x lots, and lots (> 0 long).
    closed
        Lots its market order closed.
    paid
        What the fund paid for it, ticks x lots.
    """

    event: Ints
    agent: Ints
    mark: Ints
    cash: Ints
    held: Ints
    closed: Ints
    paid: Ints
