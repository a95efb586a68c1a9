"""A portfolio over large caps, mid caps and stablecoins, and what leverage does to its account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.allocation_odds import Account, Broken, Rung, Stressed, broken, ladder, stressed
from seawall.desk.candle_sheet import Sheet
from seawall.desk.depeg_risk import EventRisk, event_risk
from seawall.desk.groups import Group, GroupRule, group_assets, turnover_usd
from seawall.desk.limits import Limits, held
from seawall.desk.optimise import Method, find_weights, require_skfolio
from seawall.desk.stablecoins import YEAR_DAYS, stress_days, stress_events

Floats = NDArray[np.float64]

LEAST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Request:
    """What to allocate, and how.

    Attributes
    ----------
    method, limits, rule
        How weights are found, within which limits, and what counts as a large or mid cap.
    given
        Asset to group, where the rule shall not decide.
    quote
        Stablecoin that the prices are in: 1 USD by definition, with depegs of its own.
    leverage
        Of the coins: each coin's notional is leverage x weight x equity.
    days
        Days of history; at least 90.
    equity_usd, venue
        The account.
    fee
        Cost of a change, a fraction of what is traded: fee and slippage.
    aversion
        See :func:`~seawall.desk.optimise.find_weights`.
    depegs_a_year, venue_failures_a_year
        Assumed, not measured: events are too few to count.
    paths, seed
        Of the odds of liquidation.
    """

    method: Method = Method.CVAR
    limits: Limits = field(default_factory=Limits)
    rule: GroupRule = field(default_factory=GroupRule)
    given: Mapping[str, str] = field(default_factory=dict)
    quote: str = "USDT"
    leverage: float = 1.0
    days: int = 180
    equity_usd: float = 10_000.0
    venue: str = "binance"
    fee: float = 0.0015
    aversion: float | None = None
    depegs_a_year: float = 0.1
    venue_failures_a_year: float = 0.02
    paths: int = 4000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """One asset of an allocation; weights and shares are fractions, ``notional_usd`` levered.

    ``risk_share`` is of the loss on the worst days there were, ``event_share`` of that with depegs
    and a failing venue among the days.
    """

    asset: str
    group: Group
    weight: float
    before: float
    notional_usd: float
    daily_volatility: float
    risk_share: float
    event_share: float


@dataclass(frozen=True, slots=True)
class Allocation:
    """Weights, their risk, and what could liquidate the account.

    ``day`` is the end of the history, UTC ns. ``expected_depeg_loss`` is of the stablecoin share a
    year, ``expected_collateral_loss`` if all collateral is in one, as that of perpetuals. Risk
    figures are of the days looked back at, of the account at its leverage, as fractions of equity,
    losses > 0.
    """

    request: Request
    holdings: tuple[Holding, ...]
    left_out: tuple[tuple[str, str], ...]
    day: int
    days: int
    daily_volatility: float
    shortfall: float
    drawdown: float
    turnover: float
    cost: float
    stresses: tuple[Stressed, ...]
    ladder: tuple[Rung, ...]
    broken: tuple[Broken, ...]
    events: EventRisk
    expected_depeg_loss: float
    expected_collateral_loss: float
    expected_venue_loss: float
    notes: tuple[str, ...]

    def broken_at(self) -> Broken:
        """The odds with broken collateral at the request's own leverage."""
        return next(b for b in self.broken if b.leverage == self.request.leverage)

    def rung(self, moved: str) -> Rung:
        """The odds at the request's own leverage."""
        return next(
            r for r in self.ladder if r.leverage == self.request.leverage and r.moved == moved
        )


def allocate(sheet: Sheet, request: Request | None = None) -> Allocation:
    """Find weights and hold them against what has happened.

    Raises
    ------
    InputError
        If limits contradict each other or the leverage, the history is too short, or an extra is
        missing.
    """
    request = request or Request()
    require_skfolio()
    _require_leverage(request)
    sheet = sheet.hourly()
    assets, groups, left_out = _chosen(sheet, request)
    day, returns = daily_returns(sheet, assets, request)
    days_of_stress = stress_days(returns, assets, groups, request.depegs_a_year)
    weights = find_weights(
        returns,
        assets,
        groups,
        request.limits,
        request.method,
        days_of_stress,
        request.aversion,
        request.fee,
    )
    levered = np.array([1.0 if groups[a] is Group.STABLE else request.leverage for a in assets])
    account = returns @ (weights * levered)
    coins = [a for a in assets if groups[a] is not Group.STABLE]
    before = held(request.limits, assets)
    turnover = float(np.abs(weights - before).sum()) + sum(
        w for a, w in request.limits.before.items() if a not in assets
    )
    stable = float(sum(w for w, a in zip(weights, assets, strict=True) if a not in coins))
    held_coins = Account.of(
        sheet, coins, weights[: len(coins)], stable, request.days, request.equity_usd, request.venue
    )
    events = event_risk(
        returns,
        weights * levered,
        assets,
        days_of_stress,
        request.venue_failures_a_year / YEAR_DAYS,
        stress_events().venue_lost,
    )
    loss = float(np.mean([e.loss for e in stress_events().depegs]))
    return Allocation(
        request=request,
        holdings=_holdings(request, assets, groups, weights, before, returns, levered, events),
        left_out=left_out,
        day=day,
        days=len(returns),
        daily_volatility=float(account.std(ddof=1)),
        shortfall=_shortfall(account),
        drawdown=_drawdown(account),
        turnover=turnover,
        cost=turnover * request.fee,
        stresses=stressed(held_coins, request.leverage),
        ladder=ladder(held_coins, request.leverage, request.paths, request.seed),
        broken=broken(
            held_coins, request.leverage, request.paths, request.seed, request.depegs_a_year
        ),
        events=events,
        expected_depeg_loss=stable * request.depegs_a_year * loss,
        expected_collateral_loss=request.depegs_a_year * loss,
        expected_venue_loss=request.venue_failures_a_year * stress_events().venue_lost,
        notes=(*_short_of(request, len(returns)), *held_coins.margin(request.leverage).notes),
    )


def _short_of(request: Request, days: int) -> tuple[str, ...]:
    """A line that says so where the candles hold fewer days than were asked for."""
    if days >= request.days:
        return ()
    return (f"{days} days of history, not the {request.days} asked for: there are no more",)


def _require_leverage(request: Request) -> None:
    if not 0.0 < request.leverage <= request.limits.most_leverage:
        raise InputError(
            Mistake(
                "leverage and its cap conflict",
                "--leverage, --most-leverage",
                value=f"leverage {request.leverage:g}x",
                allowed=f"above 0 and at most {request.limits.most_leverage:g}x (--most-leverage)",
                mend="Lower the leverage, or raise the cap",
            )
        )


def _chosen(
    sheet: Sheet, request: Request
) -> tuple[tuple[str, ...], dict[str, Group], tuple[tuple[str, str], ...]]:
    """Coins and then stablecoins that can be held, their groups, and who is left out and why."""
    if request.days < LEAST_DAYS:
        raise InputError(
            Mistake(
                "history too short",
                "--days",
                value=str(request.days),
                allowed=f"{LEAST_DAYS} or more",
            )
        )
    groups = group_assets(sheet, request.rule, request.given)
    traded = turnover_usd(sheet, request.rule.days)
    closes = sheet.daily_closes()[1][-(request.days + 1) :]
    if len(closes) < LEAST_DAYS + 1:
        raise InputError(
            Mistake(
                "history too short",
                sheet.source,
                value=f"{max(len(closes) - 1, 0)} days",
                allowed=f"{LEAST_DAYS} days or more",
            )
        )
    kept, left_out = [], []
    for k, asset in enumerate(sheet.assets):
        missing = int((~np.isfinite(closes[:, k])).sum())
        if groups[asset] is Group.OTHER:
            left_out.append((asset, "stands for gold, a currency or another coin"))
        elif groups[asset] is Group.SMALL:
            usd = f"{traded[asset] / 1e6:,.1f}" if np.isfinite(traded[asset]) else "no"
            left_out.append((asset, f"{usd} M USD traded a day, under the mid caps' threshold"))
        elif missing:
            left_out.append((asset, f"no price on {missing} of {len(closes)} days"))
        else:
            kept.append(asset)
    stables = [a for a in kept if groups[a] is Group.STABLE]
    coins = [a for a in kept if a not in stables]
    if request.quote and request.quote not in kept:
        stables.append(request.quote)
        groups[request.quote] = Group.STABLE
    return (*coins, *stables), groups, tuple(left_out)


def daily_returns(sheet: Sheet, assets: Sequence[str], request: Request) -> tuple[int, Floats]:
    """End of the last day, UTC ns, and relative changes of the last days, shape (D, A)."""
    ends, closes = sheet.daily_closes()
    closes = closes[-(request.days + 1) :]
    moved = {a: closes[1:, k] / closes[:-1, k] - 1.0 for k, a in enumerate(sheet.assets)}
    still = np.zeros(len(closes) - 1)
    return int(ends[-1]), np.column_stack([moved.get(a, still) for a in assets])


def _holdings(
    request: Request,
    assets: Sequence[str],
    groups: Mapping[str, Group],
    weights: Floats,
    before: Floats,
    returns: Floats,
    levered: Floats,
    events: EventRisk,
) -> tuple[Holding, ...]:
    exposure = weights * levered
    account = returns @ exposure
    worst = account <= np.quantile(account, 0.05)
    loss = -returns[worst].mean(axis=0) * exposure
    share = loss / loss.sum() if loss.sum() != 0.0 else loss
    return tuple(
        Holding(
            a,
            groups[a],
            float(weights[k]),
            float(before[k]),
            float(exposure[k]) * request.equity_usd,
            float(returns[:, k].std(ddof=1)),
            float(share[k]),
            float(events.shares[k]),
        )
        for k, a in sorted(enumerate(assets), key=lambda item: -weights[item[0]])
    )


def _shortfall(account: Floats) -> float:
    """Mean loss of the worst twentieth of days."""
    return float(-account[account <= np.quantile(account, 0.05)].mean())


def _drawdown(account: Floats) -> float:
    """Greatest fall from a peak, rebalanced every day."""
    worth = np.cumprod(np.maximum(1.0 + account, 0.0))
    peak = np.maximum.accumulate(np.concatenate(([1.0], worth)))[1:]
    return float((1.0 - worth / peak).max())
