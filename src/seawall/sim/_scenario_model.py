"""The shape of a scenario file: strict, frozen, with the path of a mistake in its message."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


SPANS = 'a span of time such as "100ms", "1s", "90m", "24h" or "2d"'
"""What a span of time looks like, in words."""


def seconds_of(text: Any) -> float:
    """Seconds of a span such as ``"100ms"``, ``"1s"``, ``"90m"``, ``"1h"``, ``"2d"``."""
    found = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"Input should be {SPANS}")
    return float(found[1]) * _UNITS[found[2]]


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Span = Annotated[float, BeforeValidator(seconds_of)]
Assets = dict[Text, Positive]
Parameters = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClockModel(_Strict):
    """When it starts, how long it lasts, how finely it is cut."""

    start: Text
    length: Annotated[Span, Field(gt=0, le=31 * 86_400)]
    step: Annotated[Span, Field(ge=0.1, le=60.0)] = 1.0
    record: Annotated[Span, Field(gt=0)] | None = None


class VenueModel(_Strict):
    """The markets of one venue: everything by asset.

    ``depth`` is USD within 1% of the mid on each side, ``volume`` USD traded a day, ``price``
    replaces the asset's, ``contract`` the contract that the venue's rulebook would take, and
    ``open_interest`` is what a drawn population holds on each side, USD.
    """

    depth: Annotated[Assets, Field(min_length=1)]
    volume: Annotated[Assets, Field(min_length=1)]
    price: Assets = {}
    contract: dict[Text, Text] = {}
    open_interest: Assets = {}


class PopulationMarketsModel(_Strict):
    """Markets as the population holds them, venue by venue.

    ``depth`` is USD within 1% by asset, all venues together, shared out by open interest; not
    asked of a population that knows its own. ``volume_to_interest`` is a day's volume over open
    interest; ``spot_depth`` and ``spot_volume`` what spot has of all perpetuals' together.
    """

    depth: Assets = {}
    volume_to_interest: Positive
    spot_depth: Positive = 1.0
    spot_volume: Positive = 0.2


class DepthChange(_Strict):
    """What ``setup.Depth`` says, for some markets."""

    width: Annotated[float, Field(ge=1e-5, le=0.02)] | None = None
    shape: Annotated[float, Field(gt=0, le=5)] | None = None
    refill: Annotated[float, Field(ge=0, le=100)] | None = None
    cancel: Annotated[float, Field(ge=0, le=100)] | None = None
    permanent: Share | None = None
    follow: Share | None = None
    spot_follow: Share | None = None
    anchor: Annotated[float, Field(ge=0, le=10)] | None = None
    spot_anchor: Annotated[float, Field(ge=0, le=10)] | None = None


class DepthModel(DepthChange):
    """The same for all markets, with exceptions by asset and by market name (``venue:asset``)."""

    assets: dict[Text, DepthChange] = {}
    markets: dict[Text, DepthChange] = {}


class OutsideModel(_Strict):
    """Noise of the outside prices."""

    volatility: dict[Text, Annotated[float, Field(ge=0, le=2)]] = {}
    correlation: Share = 0.7


class BookPopulation(_Strict):
    """Positions from a file, its path as seen from the scenario's own folder."""

    kind: Literal["book"]
    path: Text


class NovemberPopulation(_Strict):
    """The market of 20 November 2025, of the size asked for."""

    kind: Literal["november-2025"]
    accounts: Annotated[int, Field(ge=5_000, le=5_000_000)] = 500_000
    seed: Annotated[int, Field(ge=0)] = 20251120


class OctoberPopulation(_Strict):
    """The market of 10 October 2025; ``mix`` replaces parameters it was fitted with."""

    kind: Literal["october-2025"]
    share: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0)] = 20251010
    mix: Parameters = {}


class LeverageBand(_Strict):
    """Share of the open interest held at a leverage between two bounds, even in its log."""

    low: Annotated[float, Field(gt=0, le=200)]
    high: Annotated[float, Field(gt=0, le=200)]
    share: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _ordered(self) -> LeverageBand:
        if self.low > self.high:
            raise ValueError("low must not exceed high")
        return self


class SizeModel(_Strict):
    """Log-normal sizes with a Pareto tail, USD of notional between two bounds."""

    log_sd: Annotated[float, Field(ge=0, le=5)] = 1.8
    tail_share: Annotated[float, Field(ge=0.0001, le=0.5)] = 0.02
    tail_index: Annotated[float, Field(gt=0.5, le=10)] = 1.3
    least: Positive = 50.0
    most: Positive = 100e6

    @model_validator(mode="after")
    def _ordered(self) -> SizeModel:
        if self.least > self.most:
            raise ValueError("least must not exceed most")
        return self


class StopModel(_Strict):
    """Who sets stops, and how far: shares of the way from the mark to where equity is gone."""

    share: Share = 0.0
    nearest: Share = 0.2
    farthest: Share = 0.8

    @model_validator(mode="after")
    def _ordered(self) -> StopModel:
        if self.nearest > self.farthest:
            raise ValueError("nearest must not exceed farthest")
        return self


class DrawnPopulation(_Strict):
    """Accounts drawn from stated distributions; every market's open interest is met."""

    kind: Literal["drawn"]
    accounts: Annotated[int, Field(ge=1, le=5_000_000)]
    seed: Annotated[int, Field(ge=0)] = 1
    leverage: Annotated[list[LeverageBand], Field(min_length=1)]
    short_leverage: list[LeverageBand] = []
    long_accounts: Annotated[float, Field(gt=0, lt=1)] = 0.5
    size: SizeModel = SizeModel()
    stop: StopModel = StopModel()
    entry: Annotated[float, Field(ge=0, le=1)] = 0.02
    cross: Share = 0.0

    @field_validator("leverage", "short_leverage")
    @classmethod
    def _whole(cls, bands: list[LeverageBand]) -> list[LeverageBand]:
        total = sum(band.share for band in bands)
        if bands and abs(total - 1.0) > 1e-6:
            raise ValueError(f"the shares of all bands must sum to 1, not {total:g}")
        return bands


Population = Annotated[
    BookPopulation | NovemberPopulation | OctoberPopulation | DrawnPopulation,
    Field(discriminator="kind"),
]


class EngineModel(_Strict):
    """How venues' own engines act."""

    pace: Annotated[float, Field(ge=0, le=10)] = 0.05
    latency: Annotated[float, Field(gt=0, le=600)] = 1.0


class ScenarioModel(_Strict):
    """A scenario file as a whole."""

    title: Text
    question: Text
    reading: Text
    sources: Annotated[list[Text], Field(min_length=1)]
    clock: ClockModel
    prices: Assets = {}
    venues: dict[Text, VenueModel] = {}
    markets: PopulationMarketsModel | None = None
    depth: DepthModel = DepthModel()
    outside: OutsideModel = OutsideModel()
    population: Population
    behaviours: dict[Text, Parameters] = {}
    shocks: list[Parameters] = []
    levers: dict[Text, Parameters] = {}
    losses: dict[Text, str | Parameters] = {}
    funds: dict[Text, Amount] = {}
    engine: EngineModel = EngineModel()
