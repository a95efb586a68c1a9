"""Leveraged traders: stops, margin calls, and who enters when prices move."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook, Traders
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._choice import accounts_in, positions_in
from seawall.sim.behaviours._flow import approach, bounded, tradable, usd_of
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_TURNOVER, _HORIZON, _SCALE, _MOST, _WHERE = range(5)
_DAY = 86_400.0
_FARTHEST = 0.95


class LeveragedRetail(Behaviour):
    """How the leveraged traders of the population respond, and when others of them enter.

    Before the run it draws who sets a stop and where, who adds margin when called and how much,
    and which positions are still to be opened, at which leverage. In the run it opens those with
    the trend: longs after a rise, shorts after a fall.

    Assumes that draws are independent of size and side; that a stop lies evenly between two
    shares of the way from mark to bankruptcy; that whoever adds margin adds an exponentially
    distributed amount. Positions that have a stop already keep it.
    """

    title: ClassVar[str] = "Leveraged retail traders"
    source: ClassVar[str] = (
        "Cheng, Deng, Wang and Yan (2021), arXiv:2102.04591: leverage and forced closing on "
        "BitMEX; Soska et al. (2021), WWW '21, 1206-1217: small traders of perpetuals lean long; "
        "use of stops is not published: a free parameter"
    )

    stop_share: float = Field(
        0.2, ge=0, le=1, description="Share of positions without a stop that set one"
    )
    stop_near: float = Field(
        0.3, gt=0, lt=1, description="Nearest stop, share of the way from mark to bankruptcy"
    )
    stop_far: float = Field(
        0.8, gt=0, lt=1, description="Farthest stop, share of the way from mark to bankruptcy"
    )
    call_at: float = Field(
        0.8, ge=0, lt=1, description="Margin ratio at which traders are called; 0 never"
    )
    topup_share: float = Field(
        0.3, ge=0, le=1, description="Share of accounts that add margin when called"
    )
    topup_size: float = Field(
        0.5, ge=0, le=100, description="Mean of what they add, multiple of the equity at the start"
    )
    reserve: float = Field(
        0.0, ge=0, le=1, description="Share of positions not yet open at the start"
    )
    leverage: float = Field(
        0.0, ge=0, le=125, description="Median leverage of those when opened; 0 as in the book"
    )
    leverage_spread: float = Field(
        0.8, ge=0, le=3, description="Standard deviation of the log of that leverage"
    )
    leverage_cap: float = Field(
        125.0, gt=0, le=1000, description="Greatest leverage of those when opened"
    )
    turnover: float = Field(
        0.5,
        ge=0,
        le=1000,
        description="Entries at a full trend, multiple of a market's open interest a day",
    )
    horizon: float = Field(
        900.0,
        gt=0,
        le=604_800,
        description="Time constant of the average that a trend is read by, s",
    )
    scale: float = Field(
        0.01, gt=0, le=1, description="Log distance from that average that is a full trend"
    )

    most: float = Field(
        0.02,
        gt=0,
        le=1000,
        description="Most that enters a second, share of what rests within 1%",
    )

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Draw stops, answers to margin calls, and positions yet to be opened."""
        here = positions_in(traders.book, self.venues, self.assets)
        # always drawn for all, so that a change of one share moves nobody else's luck
        luck = rng.random((3, len(here)))
        normal = rng.standard_normal(len(here))
        self._stops(traders, here, luck[0], luck[1])
        self._reserve(traders, here & (luck[2] < self.reserve), normal)
        mine = accounts_in(traders.book, self.venues, self.assets)
        answers = mine & (rng.random(len(mine)) < self.topup_share)
        amount = self.topup_size * rng.standard_exponential(len(mine))
        traders.call[mine] = self.call_at
        traders.topup[answers] = amount[answers]

    def _stops(self, traders: Traders, here: NDArray[np.bool_], luck: Floats, way: Floats) -> None:
        p = traders.book.positions
        room = np.divide(
            traders.equity,
            traders.notional,
            out=np.zeros_like(traders.equity),
            where=traders.notional > 0,
        )
        distance = (self.stop_near + (self.stop_far - self.stop_near) * way) * room[p.account]
        price = p.mark * (1.0 - np.sign(p.size) * np.minimum(distance, _FARTHEST))
        chosen = here & (luck < self.stop_share) & np.isnan(traders.stop) & (distance > 0)
        traders.stop[chosen] = price[chosen]

    def _reserve(self, traders: Traders, dormant: NDArray[np.bool_], normal: Floats) -> None:
        book = traders.book
        usd = book.notional()
        if self.leverage > 0:
            account = book.positions.account
            drawn = self.leverage * np.exp(self.leverage_spread * normal)
            share = usd / np.maximum(traders.notional[account], np.finfo(np.float64).tiny)
            equity = np.maximum(traders.equity[account], 0.0)
            usd = np.minimum(drawn, self.leverage_cap) * equity * share
        traders.plan[dormant] = usd[dormant]

    def act(self, floor: Floor) -> Hook | None:
        """Entries with the trend; none if no position is held in reserve."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues)
        refusals.assets(self.assets)
        if self.stop_far < self.stop_near:
            refusals.add(
                "stop_far", "range of stops upside down", self.stop_far, "stop_near or more"
            )
        refusals.refuse()
        if self.reserve == 0 or self.turnover == 0:
            return None
        where = named(floor, self.venues, self.assets)
        head = [self.turnover, self.horizon, self.scale, self.most]
        return Hook(_act, np.concatenate((head, where)), np.zeros(len(floor) + 1))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own: average of each market's log mid, whether they have begun
    dt, count = clock[c.DT], markets.shape[0]
    begun = own[count] > 0.0
    own[count] = 1.0
    for m in range(count):
        if markets[m, c.MID] <= 0.0:
            continue
        log_mid = math.log(markets[m, c.MID])
        if not begun:
            own[m] = log_mid
        own[m] += (log_mid - own[m]) * approach(dt, parameters[_HORIZON])
        if parameters[_WHERE + m] <= 0.0 or not tradable(markets, m):
            continue
        trend = min(1.0, max(-1.0, (log_mid - own[m]) / parameters[_SCALE]))
        interest = usd_of(markets, m, markets[m, c.INTEREST])
        usd = trend * parameters[_TURNOVER] * interest * dt / _DAY
        orders[m, c.ENTRIES] = bounded(markets, m, usd, dt, parameters[_MOST])
