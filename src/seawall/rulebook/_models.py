"""The shape of a rulebook file: strict, frozen, with the path of a mistake in its message.

Only :mod:`seawall.rulebook._load` reads these; what it hands on are plain frozen records, so
that nothing else pays for the import of pydantic. The text below a key is its line on the page
of all keys, which ``python docs/make_rulebook_keys.py`` writes.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

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
    """Where it was read, in a few words; repeated by every output."""
    confidence: Text | None = None
    """What the source says and what is inferred from it; repeated by no output."""


def _written(form: str) -> str:
    try:
        form.format(base="BTC", quote="USDT", expiry="260925")
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ValueError("a name is put together from {base}, {quote} and {expiry}") from None
    if "{base}" not in form:
        raise ValueError("without {base} every instrument has the same name")
    return form


Form = Annotated[Text, AfterValidator(_written)]


class VenueModel(_Strict):
    """Who the venue is and how it writes names."""

    title: Text
    """Name that people read."""
    aliases: list[Text] = []
    """Other names it goes by in a book, in any case and spacing; may be shared with another venue
    that has the other type of contract."""
    contract_types: list[Literal["linear", "inverse"]] = Field(min_length=1)
    """Types of contract it has."""
    quote: Text = "USDT"
    """What a linear contract is quoted in where its name does not say."""
    linear: Form = "{base}{quote}"
    """How it writes a linear perpetual, from ``{base}``, ``{quote}`` and ``{expiry}``."""
    linear_dated: Form = "{base}{quote}-{expiry}"
    """The same for a linear contract with a day of delivery."""
    inverse: Form = "{base}USD"
    """The same for an inverse perpetual."""
    inverse_dated: Form = "{base}USD-{expiry}"
    """The same for an inverse contract with a day of delivery."""
    examples: list[Text] = Field(min_length=1)
    """Names that a refusal shows as what could have been written."""
    thousand: Text = "1000"
    """What it writes before a coin that it counts by the thousand: ``k`` for kPEPE."""
    usd_is_inverse: bool = True
    """Whether a name quoted in USD is an inverse contract where it says no more."""
    inverse_bases: list[Text] = []
    """Coins whose bare name (``BTC``, ``BTC-PERPETUAL``) is the inverse contract."""
    ccxt: Text | None = None
    """The exchange's name in ccxt; without it brackets and prices cannot be asked for."""
    brackets_of: Text | None = None
    """Venue whose ``[brackets.any]`` stands in for this one's own."""
    brackets_of_reason: Text | None = None
    """Why it does; goes with ``brackets_of`` and is told in every output."""
    source: Text
    """Where it was read, in a few words."""

    @model_validator(mode="after")
    def _reason(self) -> VenueModel:
        if (self.brackets_of is None) != (self.brackets_of_reason is None):
            raise ValueError("brackets_of and brackets_of_reason go together")
        return self


class ContractsModel(_Sourced):
    """Contract sizes and ticks, by symbol."""

    sizes: dict[str, Positive] = {}
    """Units of the coin (USD of an inverse contract) in one contract, by symbol."""
    inverse_size: Positive | None = None
    """USD in one inverse contract that ``sizes`` does not name; 1 without it."""
    ticks: dict[str, Positive] = {}
    """Least step of the price, by symbol."""


class MarginModel(_Sourced):
    """How margins are computed and printed."""

    taker_fee: Fraction
    """Fee of an order that takes from the book."""
    fee_in_maintenance: bool = False
    """Whether the taker fee is added to the maintenance rate."""
    maintenance_basis: MaintenanceBasis = MaintenanceBasis.MARK
    """The price at which the notional is taken for the maintenance margin."""
    close_fee: CloseFee = CloseFee.NONE
    """Whether the fee of closing at the bankruptcy price is set aside in the margins."""
    ratio_form: RatioForm = RatioForm.MAINTENANCE_OVER_EQUITY
    """What is printed as the margin ratio; liquidation is at 1 in both."""
    tick_rule: TickRule = TickRule.NONE
    """What is done to a liquidation price before it is printed."""
    truncate_decimals: Annotated[int, Field(ge=0, le=18)] | None = None
    """Decimals after which printed margins are cut off."""
    round_up_decimals: Annotated[int, Field(ge=0, le=18)] | None = None
    """Decimals to which a maintenance margin is rounded up."""
    leverage_rate_decimals: Annotated[int, Field(ge=0, le=18)] | None = None
    """Decimals to which the initial rate 1 / leverage is rounded."""
    collateral_includes_pnl: bool = False
    """Whether margins that the venue exports contain the unrealised profit; no figure uses it."""


class LiquidationModel(_Sourced):
    """What happens to an account that falls."""

    fee: Fraction
    """Fee of a liquidation, of the notional closed."""
    surplus: Surplus
    """Who keeps what is left of the margin."""
    partial: PartialRule
    """Which part of a position is closed first, where partial steps are asked for."""
    tiers: Annotated[int, Field(ge=1)] = 1
    """Brackets of one step of ``tiers_down``."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the position that one step of ``fraction`` or ``slices`` closes."""
    threshold_usd: Amount = 0.0
    """Notional above which ``fraction`` closes a part, in USD."""
    least_usd: Amount = 0.0
    """Least notional of one step of ``slices``, size of a step of ``just_enough``, in USD."""
    most_usd: Bound = math.inf
    """Greatest notional of one step of ``slices`` over an account's positions, in USD."""
    bankruptcy_adjustment: Positive | None = None
    """With ``spread_to_maintenance``: how fast the price at which a closing may fill falls."""
    spread_to_maintenance: Positive | None = None
    """How far it may fall, in maintenance rates; without the two there is no such limit."""
    route: Route = Route.BOOK
    """Where the closing goes."""
    backstop: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the maintenance margin below which an account is taken over."""
    cooldown_seconds: Amount = 0.0
    """Pause after a first fraction."""
    patience_seconds: Annotated[float, Field(ge=0)] = math.inf
    """How long the book is tried before an account is taken over."""

    @model_validator(mode="after")
    def _bounds(self) -> LiquidationModel:
        if self.least_usd > self.most_usd:
            raise ValueError("least_usd is above most_usd: no step can be both")
        counted = self.partial in (PartialRule.SLICES, PartialRule.JUST_ENOUGH)
        if counted and self.least_usd == 0:
            raise ValueError(f"{self.partial.value} needs least_usd, or its steps never end")
        return self


class LossModel(_Sourced):
    """Who pays when an account's loss exceeds its margin."""

    fund_usd: Amount
    """Insurance fund in USD; 0 where it is not known."""
    fund_as_of: date | None = None
    """Day on which it was counted; needed where it is above 0."""
    trigger: AdlTrigger
    """When auto-deleveraging replaces the fund."""
    drawdown: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How far below its peak the fund stops paying, for ``fund_drawdown``."""
    rank: AdlRank
    """Order in which opposite positions are deleveraged, highest first."""
    price: AdlPrice
    """Price at which a counterparty is deleveraged."""
    price_falls_back_to_mark_beyond: Fraction | None = None
    """Distance of the bankruptcy price from the mark beyond which the mark is taken."""
    socialised: bool = False
    """Whether what is left is shared among those who gained."""
    most_per_account_usd: Bound = math.inf
    """What the fund pays at most for one account at one step, in USD."""

    @model_validator(mode="after")
    def _dated(self) -> LossModel:
        if self.fund_usd > 0 and self.fund_as_of is None:
            raise ValueError("a fund above 0 needs fund_as_of, the day it was counted")
        return self


class FundingModel(_Sourced):
    """How the funding rate is computed; rates are fractions an interval."""

    interval_hours: Positive
    """Time from one payment to the next."""
    interest: float
    """Interest part of the rate."""
    damper: Amount
    """How far the rate may lie from the premium towards the interest."""
    cap: Positive | None = None
    """Greatest rate, either way."""
    premium_hours: Positive = 8.0
    """Time over which a premium is paid back: of a shorter interval each pays its part."""


class MarkPriceModel(_Sourced):
    """How the mark price is formed, in words and as a rule of the simulator."""

    text: Text
    """The rule in words."""
    rule: MarkRule = MarkRule.INDEX_PLUS_BASIS
    """The rule of the simulator."""
    window_seconds: Amount = 30.0
    """Time over which the basis is averaged."""
    lag_seconds: Amount = 0.0
    """How far the index is behind its sources."""
    every_seconds: Amount = 0.0
    """Time from one mark to the next; 0 for without end many."""
    exponential: bool = False
    """Whether the average is exponential, not of points a second apart."""
    bound: Bound = math.inf
    """How far the basis may take the mark from the index."""
    others: dict[Text, Positive] = {}
    """Weights of other venues' mids, by venue, for ``oracle_median``."""


class RulesModel(_Strict):
    """A dated block of terms: the sections it states replace those of the block before."""

    effective_from: date
    """First day of these terms, UTC."""
    margin: MarginModel | None = None
    """Section, below; the first block must state all five."""
    liquidation: LiquidationModel | None = None
    """Section, below."""
    loss: LossModel | None = None
    """Section, below."""
    funding: FundingModel | None = None
    """Section, below."""
    mark_price: MarkPriceModel | None = None
    """Section, below."""


class TailModel(_Strict):
    """Brackets that go on by equal steps above the last row."""

    size: Positive
    """From one floor to the next, in the unit of the block."""
    first_floor: Positive | None = None
    """First floor of the tail; one ``size`` above the last row without it."""
    rate: Fraction
    """What each adds to the maintenance rate."""
    initial: Fraction
    """What each adds to the initial rate."""
    first_initial: Fraction
    """Initial rate of the first."""
    until_rate: Fraction
    """Maintenance rate of the last."""


class TableModel(_Strict):
    """Brackets of one instrument, lowest first, with an optional regular tail or growing rate."""

    rows: list[Row] = Field(min_length=1)
    """``[floor, rate, max_leverage, deduction]`` each, the last two optional."""
    tail: TailModel | None = None
    """Regular steps above the last row, below."""
    growth: Amount = 0.0
    """By how much the rate grows with each unit of the coin held."""


class AnyModel(_Strict):
    """What an instrument gets that no block names: rows, or the greatest of those named."""

    rows: list[Row] = []
    """As those of an instrument, in USD."""
    tail: TailModel | None = None
    """Regular steps above the last row, below."""
    envelope: bool = False
    """Take the greatest requirement at each size among the linear instruments of the folder."""
    contract_usd: dict[str, Positive] = {}
    """USD value of a contract at which tiers by contracts enter the envelope, by symbol."""
    inverse: list[Row] = []
    """Rows for inverse instruments, in coin; those of linear ones where left out."""
    cautious: bool = True
    """Whether outputs name every instrument that it stands in for."""
    reason: Text
    """Why these; told in outputs."""

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
    """First day these brackets are used for, UTC."""
    observed: date | None = None
    """Day they were read, where that is later."""
    kind: Literal["continuous", "stepped"] = "continuous"
    """``continuous``: deductions join the brackets; ``stepped``: all at the rate of its tier."""
    unit: TierUnit = TierUnit.NOTIONAL
    """What floors count."""
    rounding: Amount = 1e-6
    """How far, in its own unit, a printed deduction may lie from the continuous one."""
    instruments: dict[str, Text | list[Row] | TableModel] = {}
    """Rows by symbol; a symbol in place of rows has the same brackets as that one."""
    any: AnyModel | None = None
    """What an instrument gets that no block names, below."""

    @model_validator(mode="after")
    def _known_twins(self) -> BracketsModel:
        for symbol, table in self.instruments.items():
            if isinstance(table, str) and isinstance(self.instruments.get(table, ""), str):
                raise ValueError(f"{symbol} refers to {table}, which has no rows in this block")
        return self


class RuleFile(_Strict):
    """One TOML file of a venue's folder; a folder may spread its blocks over several."""

    venue: VenueModel | None = None
    """Who the venue is: once, in ``venue.toml``."""
    contracts: list[ContractsModel] = []
    """Sizes and ticks; undated, any number of blocks."""
    rules: list[RulesModel] = []
    """Dated terms, at least one block."""
    brackets: list[BracketsModel] = []
    """Dated bracket tables."""
    feed: list[FeedModel] = []
    """What it publishes of its liquidations, dated; none if left out."""
