"""How one venue margins, liquidates and shares losses, as frozen records.

The rulebooks fill these from dated files; the margin engine and the cascade read them. No
number of any venue stands here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class MaintenanceBasis(StrEnum):
    """The price at which a position's notional is taken for its maintenance margin."""

    MARK = "mark"
    ENTRY = "entry"


class CloseFee(StrEnum):
    """Whether the fee of closing at the bankruptcy price is set aside in the margins."""

    NONE = "none"
    ENTRY = "entry"
    """At the bankruptcy price implied by entry and leverage, whatever is added later."""
    BANKRUPTCY = "bankruptcy"
    """As ``entry`` in the printed margins; extra margin moves the fee with the bankruptcy price."""


class RatioForm(StrEnum):
    """What a venue prints as the margin ratio; liquidation is at 1 in both."""

    MAINTENANCE_OVER_EQUITY = "maintenance/equity"
    EQUITY_OVER_MAINTENANCE = "equity/maintenance"


class TickRule(StrEnum):
    """What a venue does to a liquidation price before printing it."""

    NONE = "none"
    ONE_TICK_TOWARD_MARK = "one_tick_toward_mark"
    """Isolated positions only: long one tick up, short one tick down (OKX)."""
    ROUND_TOWARD_ENTRY = "round_toward_entry"
    """Up to the next tick for a long, down for a short (Bybit)."""


class Surplus(StrEnum):
    """Who keeps what is left of the margin after a liquidation."""

    TRADER = "trader"
    FUND = "fund"


class PartialRule(StrEnum):
    """Which part of a position is closed first when partial steps are asked for."""

    FULL = "full"
    TIERS_DOWN = "tiers_down"
    """Down to the top of a lower bracket, ``tiers`` at a time; the lowest in full."""
    FRACTION = "fraction"
    """``fraction`` of a position above ``threshold_usd`` first, the rest at the next call."""
    SLICES = "slices"
    """``fraction`` of a position at each call, of no less than ``least_usd``; of all positions of
    an account together no more than ``most_usd``."""
    JUST_ENOUGH = "just_enough"
    """The same share of every position: the least after which the account stands, in whole
    steps of ``least_usd``."""


class Route(StrEnum):
    """Where the closing of a fallen account goes."""

    BOOK = "book"
    """Orders into the book first; what is still deficient afterwards is taken over."""
    ENGINE = "engine"
    """The last step is taken over at the bankruptcy price at once; the venue sells it."""


class MarkRule(StrEnum):
    """How a venue forms its mark price."""

    INDEX = "index"
    INDEX_PLUS_BASIS = "index_plus_basis"
    """Index plus an average of mid less index."""
    MEDIAN_OF_THREE = "median_of_three"
    """Of the index with funding to come, the index plus an average basis, and the last trade."""
    ORACLE_MEDIAN = "oracle_median"
    """Of the oracle plus a slow basis, the own book, and the weighted median of other venues'
    mids; where no other venue is there, an average of the own book over 30 s takes its place."""


class AdlTrigger(StrEnum):
    """When auto-deleveraging replaces the insurance fund."""

    FUND_EXHAUSTED = "fund_exhausted"
    FUND_DRAWDOWN = "fund_drawdown"
    """The fund has fallen ``drawdown`` from its peak."""
    ACCOUNT_NEGATIVE = "account_negative"
    """At once, for every account below zero; the fund is not asked."""


class AdlRank(StrEnum):
    """Order in which opposite positions are deleveraged, highest first."""

    PROFIT_TIMES_MARGIN_RATIO = "profit_times_margin_ratio"
    PROFIT_TIMES_LEVERAGE = "profit_times_leverage"
    PRICE_RATIO_TIMES_LEVERAGE = "price_ratio_times_leverage"
    RANDOM = "random"
    """By lot; the same for an account whenever and in whatever book it is drawn."""
    NONE = "none"
    """Nobody is deleveraged."""


class AdlPrice(StrEnum):
    """Price at which a counterparty is deleveraged."""

    BANKRUPTCY = "bankruptcy"
    MARK = "mark"
    PREVIOUS_MARK = "previous_mark"


@dataclass(frozen=True, slots=True)
class MarginTerms:
    """How a venue computes margins and prints them. Rates are fractions."""

    taker_fee: float = 0.0
    fee_in_maintenance: bool = False
    maintenance_basis: MaintenanceBasis = MaintenanceBasis.MARK
    close_fee: CloseFee = CloseFee.NONE
    ratio_form: RatioForm = RatioForm.MAINTENANCE_OVER_EQUITY
    tick_rule: TickRule = TickRule.NONE
    truncate_decimals: int | None = None
    round_up_decimals: int | None = None
    leverage_rate_decimals: int | None = None
    collateral_includes_pnl: bool = False


@dataclass(frozen=True, slots=True)
class LiquidationTerms:
    """What happens to an account that falls. Rates are fractions of the notional closed.

    ``bankruptcy_adjustment`` and ``spread_to_maintenance`` set the price at which a closing may
    fill, :func:`seawall.margin.fillable_price`; None where the order has no such limit.
    ``backstop`` is the share of the maintenance margin below which an account that the book has
    not saved is taken over, ``patience_seconds`` how long the book is tried before, and
    ``cooldown_seconds`` the pause after a first fraction.
    """

    fee: float = 0.0
    surplus: Surplus = Surplus.TRADER
    partial: PartialRule = PartialRule.FULL
    tiers: int = 1
    fraction: float = 1.0
    threshold_usd: float = 0.0
    least_usd: float = 0.0
    most_usd: float = math.inf
    bankruptcy_adjustment: float | None = None
    spread_to_maintenance: float | None = None
    route: Route = Route.BOOK
    backstop: float = 0.0
    cooldown_seconds: float = 0.0
    patience_seconds: float = math.inf


@dataclass(frozen=True, slots=True)
class LossTerms:
    """Who pays when an account's loss exceeds its margin.

    ``most_per_account_usd`` is what the fund pays at most for one account at one step.
    """

    fund_usd: float = 0.0
    trigger: AdlTrigger = AdlTrigger.FUND_EXHAUSTED
    drawdown: float = 1.0
    rank: AdlRank = AdlRank.PROFIT_TIMES_LEVERAGE
    price: AdlPrice = AdlPrice.BANKRUPTCY
    price_falls_back_to_mark_beyond: float | None = None
    socialised: bool = False
    most_per_account_usd: float = math.inf


@dataclass(frozen=True, slots=True)
class FundingTerms:
    """How a venue computes its funding rate. Rates are fractions per interval.

    ``premium_hours`` is the time over which a premium is paid back: of shorter intervals each
    pays its part.
    """

    interval_hours: float = 8.0
    interest: float = 0.0001
    damper: float = 0.0005
    cap: float | None = None
    premium_hours: float = 8.0


@dataclass(frozen=True, slots=True)
class MarkTerms:
    """How a venue forms its mark price, in words and as a rule.

    ``window_seconds`` is the time over which the basis is averaged: of points a second apart, or
    exponentially. The basis is held within ``bound`` of the index (a fraction). ``others`` are
    the weights of other venues' mids where the rule asks for them, ``lag_seconds`` how far
    the index is behind its sources, and ``every_seconds`` the time from one mark to the next (0:
    without end many).
    """

    text: str = ""
    rule: MarkRule = MarkRule.INDEX_PLUS_BASIS
    window_seconds: float = 30.0
    lag_seconds: float = 0.0
    every_seconds: float = 0.0
    exponential: bool = False
    bound: float = math.inf
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """All of one venue's rules in force on one day, apart from its brackets."""

    venue: str
    title: str
    margin: MarginTerms = MarginTerms()
    liquidation: LiquidationTerms = LiquidationTerms()
    loss: LossTerms = LossTerms()
    funding: FundingTerms = FundingTerms()
    mark: MarkTerms = MarkTerms()
    effective_from: str = ""
    sources: tuple[str, ...] = ()
