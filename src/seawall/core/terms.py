"""How one venue margins, liquidates and shares losses, as frozen records.

The rulebooks fill these from dated files; the margin engine and the cascade read them. No
number of any venue stands here.
"""

from __future__ import annotations

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
    """As ``ENTRY`` in the printed margins; extra margin moves the fee with the bankruptcy price."""


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
    leverage_rate_decimals: int | None = None
    collateral_includes_pnl: bool = False


@dataclass(frozen=True, slots=True)
class LiquidationTerms:
    """What happens to an account that falls. Rates are fractions of the notional closed."""

    fee: float = 0.0
    surplus: Surplus = Surplus.TRADER
    partial: PartialRule = PartialRule.FULL
    tiers: int = 1
    fraction: float = 1.0
    threshold_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class LossTerms:
    """Who pays when an account's loss exceeds its margin."""

    fund_usd: float = 0.0
    trigger: AdlTrigger = AdlTrigger.FUND_EXHAUSTED
    drawdown: float = 1.0
    rank: AdlRank = AdlRank.PROFIT_TIMES_LEVERAGE
    price: AdlPrice = AdlPrice.BANKRUPTCY
    price_falls_back_to_mark_beyond: float | None = None
    socialised: bool = False


@dataclass(frozen=True, slots=True)
class FundingTerms:
    """How a venue computes its funding rate. Rates are fractions per interval."""

    interval_hours: float = 8.0
    interest: float = 0.0001
    damper: float = 0.0005
    cap: float | None = None


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """All of one venue's rules in force on one day, apart from its brackets."""

    venue: str
    title: str
    margin: MarginTerms = MarginTerms()
    liquidation: LiquidationTerms = LiquidationTerms()
    loss: LossTerms = LossTerms()
    funding: FundingTerms = FundingTerms()
    mark_price: str = ""
    effective_from: str = ""
    sources: tuple[str, ...] = ()
