"""Traders who close a position that has won enough."""

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
from seawall.sim.behaviours._choice import positions_in
from seawall.sim.behaviours._flow import approach, bounded, ramp, tradable, units_of, usd_of
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_SHARE, _MEMORY, _BEGIN, _FULL, _PACE, _MOST, _WHERE = range(7)


class ProfitTaker(Behaviour):
    """A share of the positions closes once the price has moved its way: shorts in a fall.

    The part of the share that wants to have closed grows straight from nothing, where the mid is
    ``begin`` from its slow average, to all of it at ``full``. Whose turn it is was drawn before
    the run; a position that has no profit by then, or is gone, is passed over.

    Where an asset has a multiple, ``begin`` and ``full`` are that many times as far in the log of
    the price.

    Assumes that who takes a profit closes all of a position, at market, and does not come back;
    that willingness is independent of size, leverage and venue.
    """

    title: ClassVar[str] = "Profits taken"
    source: ClassVar[str] = (
        "Shefrin and Statman (1985), Journal of Finance 40, 777-790: winners are sold early; "
        "Odean (1998), Journal of Finance 53, 1775-1798: measured on accounts; open interest fell "
        "by a fifth and more on 10 October 2025, which needs both sides to close"
    )

    share: float = Field(0.2, ge=0, le=1, description="Share of positions that take profits")
    begin: float = Field(
        0.03,
        ge=0,
        lt=1,
        description="Move from the slow average at which it begins; fraction",
    )
    full: float = Field(
        0.15, gt=0, lt=1, description="Move at which all of the share has closed; fraction"
    )
    memory: float = Field(
        21_600.0, gt=0, le=2_592_000, description="Time constant of the slow average, s"
    )
    pace: float = Field(30.0, gt=0, le=604_800, description="Time constant of closing, s")
    most: float = Field(
        0.02,
        gt=0,
        le=1000,
        description="Most that closes a second, share of what rests within 1%",
    )
    multiples: dict[str, float] = Field(
        default_factory=dict,
        description="Moves of single assets as a multiple, in log; in (0, 100], 1 if not named",
    )

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Draw who is willing, and in which order."""
        here = positions_in(traders.book, self.venues, self.assets)
        luck, turn = rng.random((2, len(here)))
        willing = here & (luck < self.share)
        traders.turn[willing] = turn[willing]

    def act(self, floor: Floor) -> Hook | None:
        """What closes in each market; none if nobody is willing."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues)
        refusals.assets(self.assets)
        multiples = refusals.multiples(self.multiples)
        if self.full <= self.begin:
            refusals.add("full", "all have closed before it begins", self.full, "above begin")
        refusals.refuse()
        if self.share == 0:
            return None
        # a fall of x and a rise back from it are the same distance in the log
        head = [self.share, self.memory, -math.log1p(-self.begin), -math.log1p(-self.full)]
        head += [self.pace, self.most]
        where = named(floor, self.venues, self.assets)
        parameters = np.concatenate((head, where, multiples))
        return Hook(_act, parameters, np.zeros(4 * len(floor)))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own, by market: slow average of the log mid, open interest at the start, and the quantity
    # that longs and shorts have been asked to close so far
    dt, count = clock[c.DT], markets.shape[0]
    for m in range(count):
        if markets[m, c.MID] <= 0.0 or parameters[_WHERE + m] <= 0.0:
            continue
        log_mid = math.log(markets[m, c.MID])
        if own[count + m] == 0.0:
            own[m] = log_mid
            own[count + m] = markets[m, c.INTEREST]
        own[m] += (log_mid - own[m]) * approach(dt, parameters[_MEMORY])
        if not tradable(markets, m):
            continue
        move = (log_mid - own[m]) / parameters[_WHERE + count + m]
        short = 1 if move < 0.0 else 0
        gone = own[(2 + short) * count + m]
        part = ramp(abs(move), parameters[_BEGIN], parameters[_FULL])
        missing = parameters[_SHARE] * own[count + m] * part - gone
        if missing <= 0.0:
            continue
        usd = usd_of(markets, m, missing) * approach(dt, parameters[_PACE])
        usd = bounded(markets, m, usd if short else -usd, dt, parameters[_MOST])
        asked = units_of(markets, m, usd)
        orders[m, c.EXITS] = asked
        own[(2 + short) * count + m] += abs(asked)
