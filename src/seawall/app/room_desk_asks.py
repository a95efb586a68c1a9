"""What may be asked of the desk's commands over the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from seawall.app.room_asks import BookAsk, Pairs
from seawall.room.offers import Ask

_NOTHING: list[str] = []
MOST_PATHS = 20_000
"""Simulated paths of one question; the command line takes more."""

Paths = Annotated[int, Field(ge=500, le=MOST_PATHS, description="Simulated paths.")]
Seed = Annotated[int, Field(ge=0, lt=2**63, description="Of the paths.")]
Row = Annotated[int | None, Field(ge=1, lt=2**31, description="The position's row, from 1.")]
Candles = Annotated[str | None, Field(max_length=40, description="Key of a file of /candles.")]
Tape = Annotated[bool, Field(description="Or prices of the tape that this server shows.")]
Depth = Annotated[Pairs, Field(description="USD within 1% of mid: ASSET=250M.")]
Funding = Annotated[Pairs, Field(description="Rate per 8 hours: ASSET=0.01%, > 0 paid by longs.")]
Thinning = Annotated[float | None, Field(description="Depth that market makers leave.")]
Exponent = Annotated[float | None, Field(description="1 is linear, 0.5 the square root.")]


class PricedAsk(BookAsk):
    """A question that rests on prices of the past."""

    candles: Candles = None
    store: Tape = False
    depth: Depth = _NOTHING
    funding: Funding = _NOTHING

    def lasts(self) -> bool:
        """Not of a tape that grows."""
        return not self.store


class CheckAsk(PricedAsk):
    """As ``seawall check``."""

    target_ratio: float = Field(0.5, description="Margin ratio to bring accounts to.")
    market: str | None = Field(None, max_length=40, description="Book whose clusters are named.")
    sigma: Pairs = Field(_NOTHING, description="Daily volatility: ASSET=2.5%.")
    call_ratio: float | None = Field(None, description="Margin ratio at which you are called; 0.8.")
    paths: int | None = Field(None, ge=100, le=MOST_PATHS, description="Simulated paths.")
    seed: int | None = Field(None, ge=0, lt=2**63, description="Of the paths; 0.")


class SizeAsk(PricedAsk):
    """As ``seawall size``."""

    row: Row = None
    instrument: str | None = Field(None, max_length=60, description="Or one not there yet.")
    equity: str | None = Field(None, description="With instrument: USD that the account has.")
    side: str = Field("long", description="With instrument: long or short.")
    entry: str | None = Field(None, description="With instrument: its price; last close.")
    isolated: bool = Field(False, description="With instrument: a margin of its own.")
    venue: str | None = Field(None, max_length=40, description="Of instrument.")
    probability: str = Field("1%", description="Greatest probability of liquidation.")
    horizon: str = Field("7d", description="Such as 1h, 1d, 7d.")
    budget: str = Field("20%", description="Greatest expected shortfall (97.5%), of the equity.")
    cost: str = Field("0.2%", description="Greatest slippage of closing in a stressed book.")
    most_leverage: float | None = Field(None, description="Cap of the leverage.")
    target: str | None = Field(None, description="Daily volatility of the account aimed at.")
    edge: str | None = Field(None, description="Return a year that you expect, after costs.")
    edge_error: str | None = Field(None, description="Its standard error.")
    kelly_fraction: float = Field(0.5, description="Of the Kelly size.")
    band: str | None = Field(None, description="Half of the no-trade band; by its costs.")
    thinning: Thinning = None
    impact_exponent: Exponent = None
    paths: Paths = 5_000
    seed: Seed = 0


class StopAsk(PricedAsk):
    """As ``seawall stop``."""

    row: Row = None
    stop: str | None = Field(None, description="A stop to judge, USD; else one is found.")
    sigmas: float = Field(2.0, description="Wanted, daily, from the mark.")
    trigger: str | None = Field(None, max_length=20, description="mark, last or index.")
    margin: str = Field("0%", description="From the liquidation price, beyond what is needed.")
    delay: float = Field(10.0, description="Seconds from trigger to fill.")
    market: str | None = Field(None, max_length=40, description="Book whose clusters count.")
    tape: bool = Field(False, description="Clusters of the tape that this server shows.")
    thinning: Thinning = None
    impact_exponent: Exponent = None
    paths: Paths = 10_000
    seed: Seed = 0

    def lasts(self) -> bool:
        """Not of a tape that grows."""
        return not (self.store or self.tape)


class RescueAsk(BookAsk):
    """As ``seawall rescue``."""

    target_ratio: float = Field(0.5, description="Margin ratio to bring accounts to.")
    survive: str | None = Field(None, description="And a move of all prices, up or down.")
    account: list[str] = Field(_NOTHING, max_length=64, description="Only these accounts.")
    cash: str | None = Field(None, description="USD that each can add before it cuts.")
    depth: Depth = _NOTHING
    thinning: Thinning = None
    impact_exponent: Exponent = None


class AllocateAsk(Ask):
    """As ``seawall allocate``."""

    candles: str = Field(max_length=40, description="Key of a file of /candles.")
    method: str = Field("cvar", max_length=20, description="cvar, parity, hrp or equal.")
    leverage: float = Field(1.0, description="Of the coins.")
    most_leverage: float = Field(3.0, description="Cap of the leverage.")
    stable: str = Field("5%:15%", description="Share of stablecoins, LOW:HIGH.")
    large: str = Field("40%:100%", description="Share of large caps, LOW:HIGH.")
    mid: str = Field("0%:45%", description="Share of mid caps, LOW:HIGH.")
    cap: str = Field("40%", description="Greatest weight of one asset.")
    least: Pairs = Field(_NOTHING, description="Least weight: ASSET=5%.")
    most: Pairs = Field(_NOTHING, description="Greatest weight: ASSET=20%.")
    held: Pairs = Field(_NOTHING, description="Weight held now: ASSET=30%.")
    turnover: str | None = Field(None, description="Greatest sum of changes from what is held.")
    fee: str = Field("0.15%", description="Fee and slippage of what is traded.")
    aversion: float | None = Field(None, description="Weigh the mean return against it.")
    asset: list[str] = Field(_NOTHING, max_length=64, description="Only these assets.")
    group: Pairs = Field(_NOTHING, description="ASSET=mid: large, mid, stable.")
    large_from: str = Field("100M", description="USD traded a day by a large cap.")
    mid_from: str = Field("20M", description="USD traded a day by a mid cap.")
    quote: str = Field("USDT", max_length=20, description="Stablecoin that prices are in.")
    days: int = Field(180, ge=1, le=20_000, description="Of history, 90 or more.")
    until: str | None = Field(None, max_length=40, description="End of the history.")
    equity: str = Field("10k", description="USD of the account.")
    venue: str = Field("binance", max_length=40, description="Whose margin rules hold.")
    depegs: float = Field(0.1, description="Of each stablecoin a year, assumed.")
    paths: int = Field(4_000, ge=100, le=MOST_PATHS, description="Of the odds.")
    seed: Seed = 0
