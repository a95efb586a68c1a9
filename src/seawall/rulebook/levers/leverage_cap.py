"""No account may hold more than so many times its equity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import inf
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from seawall.core import MarginSchedule, TierUnit, continuous_deductions
from seawall.core.hooks import Floats, Floor, Hook, Traders
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers._where import (
    by_account,
    holds,
    notional_now,
    refuse_unknown,
    rows_under,
    shrink,
)
from seawall.rulebook.levers.position_limit import PositionLimit

_HALVINGS = 50


class CapBracket(BaseModel):
    """From a notional of ``floor_usd`` on, a position may be levered ``cap`` times at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor_usd: float = Field(gt=0, lt=inf, description="Notional from which it holds, USD")
    cap: float = Field(gt=0, description="Notional over equity")


class LeverageCap(Lever):
    """Cap leverage: flat, by bracket of notional, or lower when markets are volatile.

    An account's positions may need no more than its equity in all, each needing its notional
    over its cap. At the start the positions of an account above that are scaled down together
    until they fit; equity stays. Those who enter later meet the cap in the brackets. Off with
    ``cap`` infinite and no brackets.

    Assumes that traders keep their equity and give up notional, that the cap was announced long
    enough before the start for that to have moved no price, and that volatility is what it is at
    the start: the cap does not tighten in the middle of a run. Brackets by notional are not laid
    over a venue's brackets by contracts or over a rate that grows without brackets; there only
    ``cap`` enters the schedule. Accounts without equity are left as they are.
    """

    title: ClassVar[str] = "Leverage cap"
    source: ClassVar[str] = (
        "ESMA Decision (EU) 2018/796 (2x for cryptocurrencies, retail); Binance notice of "
        "2021-07-19 (20x for accounts of under 60 days); brackets as on every venue; volatility "
        "scaling as in Brunnermeier and Pedersen (2009), Review of Financial Studies 22"
    )

    cap: float = Field(
        default=inf,
        gt=0,
        description="Notional over equity, for positions below the first bracket",
    )
    brackets: tuple[CapBracket, ...] = Field((), description="Lower caps from some notional on")
    volatility: Mapping[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description=(
            "Standard deviation of daily log returns by asset; its caps are multiplied by "
            "min(1, calm_volatility / volatility)"
        ),
    )
    calm_volatility: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of daily log returns up to which the caps hold as stated",
    )
    maintenance: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description=("Maintenance rate asked at least, part of 1 / cap; 0 leaves the venue's"),
    )

    @model_validator(mode="after")
    def _consistent(self) -> LeverageCap:
        floors = [0.0, *(b.floor_usd for b in self.brackets)]
        caps = [self.cap, *(b.cap for b in self.brackets)]
        if any(b <= a for a, b in pairwise(floors)):
            raise ValueError("brackets must stand in rising order of floor_usd, each floor once")
        if any(b > a for a, b in pairwise(caps)):
            raise ValueError("a larger position may not have a higher cap than a smaller one")
        if bool(self.volatility) != (self.calm_volatility > 0):
            raise ValueError(
                "volatility and calm_volatility go together: give both, or neither for a cap that "
                "does not depend on volatility"
            )
        if self.maintenance > 0 and self.cap == inf:
            raise ValueError("maintenance is a share of 1 / cap: give a finite cap")
        return self

    def acts(self) -> bool:
        """Whether any cap is finite."""
        return self.cap < inf or bool(self.brackets)

    def against(self, other: Lever) -> str:
        """A position limit below the last bracket makes that bracket pointless."""
        if not isinstance(other, PositionLimit) or not self.brackets:
            return ""
        limit, floor = other.usd, self.brackets[-1].floor_usd
        if limit <= floor:
            return (
                f"the position limit of {limit:,.0f} USD keeps everyone below the bracket from "
                f"{floor:,.0f} USD: drop that bracket or raise the limit"
            )
        return ""

    def calmness(self, asset: str) -> float:
        """What an asset's caps are multiplied with, at most 1."""
        sigma = self.volatility.get(asset)
        return 1.0 if sigma is None else min(1.0, self.calm_volatility / sigma)

    def table(self) -> tuple[Floats, Floats]:
        """Floors (USD) and caps, lowest first."""
        floors = [0.0, *(b.floor_usd for b in self.brackets)]
        return np.array(floors), np.array([self.cap, *(b.cap for b in self.brackets)])

    def schedule(self, schedule: MarginSchedule, venue: str, asset: str) -> MarginSchedule:
        """Brackets with the caps laid over them."""
        if not self.acts() or not holds(self, venue, asset):
            return schedule
        floors, caps = self.table()
        if schedule.unit is TierUnit.CONTRACTS or schedule.growth > 0.0:
            floors, caps = floors[:1], caps[:1]
        caps = caps * self.calmness(asset)
        merged = np.union1d(schedule.floors, floors)
        old = schedule.bracket(merged)
        cap = caps[np.searchsorted(floors, merged, side="right") - 1]
        rates, deductions = schedule.rates[old], schedule.deductions[old]
        if self.maintenance > 0.0:
            rates = np.maximum(rates, self.maintenance / cap)
            if schedule.unit is TierUnit.NOTIONAL:
                deductions = continuous_deductions(merged, rates, float(deductions[0]))
        return replace(
            schedule,
            floors=merged,
            rates=rates,
            deductions=deductions,
            max_leverage=np.fmin(schedule.max_leverage[old], cap),
        )

    def admit(self, floor: Floor) -> Hook | None:
        """Nothing during the run; refuses names that the run does not have."""
        refuse_unknown("leverage_cap", {"volatility": self.volatility}, floor)
        return None

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Scale the positions of accounts above the cap down until they fit."""
        if not self.acts():
            return
        book = traders.book
        notional = np.where(rows_under(self, book), notional_now(traders), 0.0)
        calm = np.array([self.calmness(a) for a in book.assets])[book.asset_codes()]
        floors, caps = self.table()
        account = book.positions.account

        def need(share: Floats) -> Floats:
            size = notional * share[account]
            cap = caps[np.searchsorted(floors, size, side="right") - 1] * calm
            return by_account(traders, size / cap)

        low, high = np.zeros(len(book.accounts)), np.ones(len(book.accounts))
        whole = need(high)
        over = (whole > traders.equity) & (traders.equity > 0.0)
        if not self.brackets:
            low[over] = traders.equity[over] / whole[over]
        else:
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                fits = need(middle) <= traders.equity
                low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        scale = np.where(over, low, 1.0)
        shrink(traders, np.where(notional > 0.0, scale[account], 1.0))
