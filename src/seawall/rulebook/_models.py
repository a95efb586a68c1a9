"""The shape of a rulebook file: strict, frozen, with the path of a mistake in its message.

Only :mod:`seawall.rulebook._load` reads these; what it hands on are plain frozen records, so
that nothing else pays for the import of pydantic.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from seawall.core import (
    AdlPrice,
    AdlRank,
    AdlTrigger,
    CloseFee,
    MaintenanceBasis,
    MarkRule,
    PartialRule,
    RatioForm,
    Route,
    Surplus,
    TickRule,
    TierUnit,
)
from seawall.rulebook._feed_model import FeedModel

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Bound = Annotated[float, Field(gt=0)]
Row = Annotated[list[float], Field(min_length=2, max_length=4)]
"""``[floor, rate]``, ``[floor, rate, max_leverage]`` or ``[..., deduction]``."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sourced(_Strict):
    source: Text
    confidence: Text | None = None


class VenueModel(_Strict):
    """Who the venue is and how it writes names."""

    title: Text
    aliases: list[Text] = []
    contract_types: list[Literal["linear", "inverse"]] = Field(min_length=1)
    quote: Text = "USDT"
    linear: Text = "{base}{quote}"
    linear_dated: Text = "{base}{quote}-{expiry}"
    inverse: Text = "{base}USD"
    inverse_dated: Text = "{base}USD-{expiry}"
    examples: list[Text] = Field(min_length=1)
    thousand: Text = "1000"
    usd_is_inverse: bool = True
    inverse_bases: list[Text] = []
    """Coins whose bare name (``BTC``, ``BTC-PERPETUAL``) is the inverse contract."""
    ccxt: Text | None = None
    brackets_of: Text | None = None
    brackets_of_reason: Text | None = None
    source: Text

    @model_validator(mode="after")
    def _reason(self) -> VenueModel:
        if (self.brackets_of is None) != (self.brackets_of_reason is None):
            raise ValueError("brackets_of and brackets_of_reason go together")
        return self


class ContractsModel(_Sourced):
    """Contract sizes and ticks, by symbol."""

    sizes: dict[str, Positive] = {}
    inverse_size: Positive | None = None
    ticks: dict[str, Positive] = {}


class MarginModel(_Sourced):
    """``core.MarginTerms`` with a source."""

    taker_fee: Fraction
    fee_in_maintenance: bool = False
    maintenance_basis: MaintenanceBasis = MaintenanceBasis.MARK
    close_fee: CloseFee = CloseFee.NONE
    ratio_form: RatioForm = RatioForm.MAINTENANCE_OVER_EQUITY
    tick_rule: TickRule = TickRule.NONE
    truncate_decimals: Annotated[int, Field(ge=0, le=18)] | None = None
    round_up_decimals: Annotated[int, Field(ge=0, le=18)] | None = None
    leverage_rate_decimals: Annotated[int, Field(ge=0, le=18)] | None = None
    collateral_includes_pnl: bool = False


class LiquidationModel(_Sourced):
    """``core.LiquidationTerms`` with a source."""

    fee: Fraction
    surplus: Surplus
    partial: PartialRule
    tiers: Annotated[int, Field(ge=1)] = 1
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    threshold_usd: Amount = 0.0
    least_usd: Amount = 0.0
    most_usd: Bound = math.inf
    bankruptcy_adjustment: Positive | None = None
    spread_to_maintenance: Positive | None = None
    route: Route = Route.BOOK
    backstop: Annotated[float, Field(ge=0, lt=1)] = 0.0
    cooldown_seconds: Amount = 0.0
    patience_seconds: Annotated[float, Field(ge=0)] = math.inf

    @model_validator(mode="after")
    def _bounds(self) -> LiquidationModel:
        if self.least_usd > self.most_usd:
            raise ValueError("least_usd is above most_usd: no step can be both")
        counted = self.partial in (PartialRule.SLICES, PartialRule.JUST_ENOUGH)
        if counted and self.least_usd == 0:
            raise ValueError(f"{self.partial.value} needs least_usd, or its steps never end")
        return self


class LossModel(_Sourced):
    """``core.LossTerms`` with a source and the day the fund was counted."""

    fund_usd: Amount
    fund_as_of: date | None = None
    trigger: AdlTrigger
    drawdown: Annotated[float, Field(gt=0, le=1)] = 1.0
    rank: AdlRank
    price: AdlPrice
    price_falls_back_to_mark_beyond: Fraction | None = None
    socialised: bool = False
    most_per_account_usd: Bound = math.inf

    @model_validator(mode="after")
    def _dated(self) -> LossModel:
        if self.fund_usd > 0 and self.fund_as_of is None:
            raise ValueError("a fund above 0 needs fund_as_of, the day it was counted")
        return self


class FundingModel(_Sourced):
    """``core.FundingTerms`` with a source."""

    interval_hours: Positive
    interest: float
    damper: Amount
    cap: Positive | None = None
    premium_hours: Positive = 8.0


class MarkPriceModel(_Sourced):
    """``core.MarkTerms`` with a source."""

    text: Text
    rule: MarkRule = MarkRule.INDEX_PLUS_BASIS
    window_seconds: Amount = 30.0
    lag_seconds: Amount = 0.0
    every_seconds: Amount = 0.0
    exponential: bool = False
    bound: Bound = math.inf
    others: dict[Text, Positive] = {}


class RulesModel(_Strict):
    """A dated block of terms: the sections it states replace those of the block before."""

    effective_from: date
    margin: MarginModel | None = None
    liquidation: LiquidationModel | None = None
    loss: LossModel | None = None
    funding: FundingModel | None = None
    mark_price: MarkPriceModel | None = None


class TailModel(_Strict):
    """Brackets that go on by equal steps above the last row."""

    size: Positive
    first_floor: Positive | None = None
    rate: Fraction
    initial: Fraction
    first_initial: Fraction
    until_rate: Fraction


class TableModel(_Strict):
    """Brackets of one instrument, lowest first, with an optional regular tail or growing rate."""

    rows: list[Row] = Field(min_length=1)
    tail: TailModel | None = None
    growth: Amount = 0.0
    """By how much the rate grows with each unit of the coin held."""


class AnyModel(_Strict):
    """What an instrument gets that no block names: rows, or the greatest of those named."""

    rows: list[Row] = []
    tail: TailModel | None = None
    envelope: bool = False
    """Take the greatest requirement at each size among the linear instruments of the folder."""
    contract_usd: dict[str, Positive] = {}
    """USD value of a contract at which tiers by contracts enter the envelope, by symbol."""
    inverse: list[Row] = []
    """Rows for inverse instruments, in coin; those of linear ones where left out."""
    cautious: bool = True
    reason: Text

    @model_validator(mode="after")
    def _one_of(self) -> AnyModel:
        if self.envelope == bool(self.rows):
            raise ValueError("give either rows or envelope = true")
        if self.tail is not None and not self.rows:
            raise ValueError("a tail needs rows before it")
        return self


class BracketsModel(_Sourced):
    """A dated block of bracket tables; ``observed`` where it was seen later than it is used."""

    effective_from: date
    observed: date | None = None
    kind: Literal["continuous", "stepped"] = "continuous"
    unit: TierUnit = TierUnit.NOTIONAL
    rounding: Amount = 1e-6
    """How far, in its own unit, a printed deduction may lie from the continuous one."""
    instruments: dict[str, Text | list[Row] | TableModel] = {}
    """Rows by symbol; a symbol in place of rows has the same brackets as that one."""
    any: AnyModel | None = None

    @model_validator(mode="after")
    def _known_twins(self) -> BracketsModel:
        for symbol, table in self.instruments.items():
            if isinstance(table, str) and isinstance(self.instruments.get(table, ""), str):
                raise ValueError(f"{symbol} refers to {table}, which has no rows in this block")
        return self


class RuleFile(_Strict):
    """One TOML file of a venue's folder; a folder may spread its blocks over several."""

    venue: VenueModel | None = None
    contracts: list[ContractsModel] = []
    rules: list[RulesModel] = []
    brackets: list[BracketsModel] = []
    feed: list[FeedModel] = []
