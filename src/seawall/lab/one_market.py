"""The smallest market that shows an effect: one perpetual, beside its spot market if asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book, Instrument, Positions, parse_time
from seawall.core.hooks import Floor, Market
from seawall.rulebook import Rules
from seawall.rulebook.levers import Lever
from seawall.sim.behaviours import Behaviour
from seawall.sim.setup import Depth, Outside, Setup
from seawall.sim.shocks import Shock

Floats = NDArray[np.float64]

ASSET = "BTC"
VENUE = "generic"
PRICE = 100_000.0
_START = parse_time("2025-06-01T00:00:00Z")
FAINT_USD = 1.0
"""Open interest of a market whose traders are to move nothing."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Traders of one market: half of them long, the open interest the same on either side.

    Parameters
    ----------
    traders
        Their number, even.
    open_interest
        USD held on each side.
    leverage
        Median notional over equity; 0 for traders whom no price liquidates.
    spread
        Standard deviation of the log of leverage; ``most`` cuts it off above.
    maintenance
        Maintenance margin, a fraction of the notional.
    seed
        Of sizes and leverage; the same for every median, so that only margins differ.
    """

    traders: int = 2
    open_interest: float = FAINT_USD
    leverage: float = 0.0
    spread: float = 0.8
    most: float = 50.0
    maintenance: float = 0.01
    seed: int = 0

    def book(self, instrument: Instrument) -> Book:
        """Its positions, entered at the mark, each in isolated margin."""
        n = self.traders
        rng = np.random.default_rng([self.seed, 0xB0])
        side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
        usd = np.exp(rng.standard_normal(n))
        luck = np.exp(self.spread * rng.standard_normal(n))
        for sign in (1.0, -1.0):
            usd[side == sign] *= self.open_interest / usd[side == sign].sum()
        # a hundred times the notional outlasts any price
        leverage = np.minimum(self.leverage * luck, self.most) if self.leverage else 0.01
        blank, price = np.full(n, np.nan), np.full(n, PRICE)
        positions = Positions(
            row=np.arange(1, n + 1),
            account=np.arange(n, dtype=np.int32),
            instrument=np.zeros(n, dtype=np.int32),
            size=side * usd / PRICE,
            entry=price,
            mark=price,
            leverage=blank,
            stop=blank,
            rate=np.full(n, self.maintenance),
            amount=np.zeros(n),
            taker_fee=blank,
            reported_liquidation=blank,
            time=np.full(n, _START),
        )
        accounts = Accounts(
            trader=np.arange(n, dtype=np.int32),
            venue=np.zeros(n, dtype=np.int32),
            isolated=np.ones(n, dtype=np.bool_),
            balance=usd / leverage,
            settle=np.zeros(n, dtype=np.int32),
        )
        names = [f"trader-{k + 1}" for k in range(n)]
        return Book(
            positions, accounts, (instrument,), names, (VENUE,), ("USD",), _START, "synthetic crowd"
        )


@dataclass(frozen=True, slots=True)
class OneMarket:
    """What :meth:`setup` builds; amounts in USD, times in seconds, volatility a day."""

    seconds: float
    step: float = 1.0
    calm_depth: float = 100e6
    volume: float = 10e9
    volatility: float = 0.0
    spot: bool = False
    crowd: Crowd = field(default_factory=Crowd)
    depth: Depth = field(default_factory=Depth)
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    shocks: Mapping[str, Shock] = field(default_factory=dict)
    levers: Mapping[str, Lever] = field(default_factory=dict)

    def setup(self) -> Setup:
        """Ready to run."""
        instrument = Instrument(VENUE, f"{ASSET}USDT", ASSET)
        markets = [Market(VENUE, instrument, PRICE, self.calm_depth, self.volume)]
        if self.spot:
            beside = Instrument("spot", f"{ASSET}USD", ASSET)
            markets.append(Market("spot", beside, PRICE, self.calm_depth, self.volume))
        floor = Floor(
            tuple(markets), (VENUE,), (ASSET,), self.step, round(self.seconds / self.step)
        )
        return Setup(
            book=self.crowd.book(instrument),
            rules=Rules.bundled(),
            floor=floor,
            start=_START,
            depth={"": self.depth},
            outside=Outside({ASSET: self.volatility}),
            behaviours=self.behaviours,
            shocks=self.shocks,
            levers=self.levers,
            record_every=self.step,
        )


def log_mid(series: Mapping[str, Floats]) -> Floats:
    """Shape (T,): log mid of the perpetual."""
    return np.asarray(np.log(series["mid"][:, 0]))
