"""The static cascade by brute force: every account marked again at every round.

From the definition: rounds from the shock; forced notional is size times mark at the round in
which it falls; an account falls when equity is no more than maintenance; stops fire before
liquidations; the log price moves from the shocked price by
``sign(F) * 0.01 * (|F| / depth) ** exponent``, F the cumulative forced buying less selling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from oracles import margin
from oracles.scenes import Scene
from seawall.core import CloseFee, MaintenanceBasis, PartialRule

TIE = 1e-12
NUDGE = 1.0 + 1e-9
FARTHEST = math.log(1e6)  # no price leaves the market by more than a factor of a million


@dataclass
class Result:
    factors: list[list[float]]
    forced: list[list[float]] = field(default_factory=list)
    stopped: list[list[float]] = field(default_factory=list)
    closings: list[tuple[int, int, float, bool]] = field(default_factory=list)
    turn: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    wallet: list[float] = field(default_factory=list)
    fees: list[float] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)


class Brute:
    def __init__(self, scene: Scene, balances: list[float] | None = None):
        self.scene = scene
        self.wallets = balances or [p.balance for p in scene.purses]
        self.members = scene.members()
        self.asset = [scene.assets.index(scene.contracts[x.contract].asset) for x in scene.legs]
        self.closing_fee = [self._closing_fee(i) for i in range(len(scene.legs))]

    def _closing_fee(self, i: int) -> float:
        leg = self.scene.legs[i]
        purse = self.scene.purses[leg.account]
        terms = self.scene.venues[purse.venue].margin
        if terms.close_fee is CloseFee.NONE:
            return 0.0
        p = margin.Position(leg, self.scene.contracts[leg.contract], terms.taker_fee)
        if terms.close_fee is CloseFee.BANKRUPTCY and purse.isolated:
            return float(margin._bybit_bust_fee(p, margin.D(self.wallets[leg.account])))
        return float(p.fee_to_close())

    def _value(self, i: int, share: float, price: float) -> float:
        leg = self.scene.legs[i]
        size = abs(leg.size) * share
        return size / price if self.scene.contracts[leg.contract].inverse else size * price

    def _profit(self, i: int, share: float, price: float) -> float:
        leg = self.scene.legs[i]
        if self.scene.contracts[leg.contract].inverse:
            return leg.size * share * (1 / leg.entry - 1 / price)
        return leg.size * share * (price - leg.entry)

    def _measure(self, i: int, share: float, price: float) -> float:
        """What the floors count of a leg: contracts, or its value at mark or at entry."""
        leg = self.scene.legs[i]
        contract = self.scene.contracts[leg.contract]
        if contract.table.by_contracts:
            return abs(leg.size) * share / contract.face
        terms = self.scene.venues[self.scene.purses[leg.account].venue].margin
        at_entry = terms.maintenance_basis is MaintenanceBasis.ENTRY
        return self._value(i, share, leg.entry if at_entry else price)

    def _need(self, i: int, share: float, price: float, was_cut: bool) -> float:
        leg = self.scene.legs[i]
        table = self.scene.contracts[leg.contract].table
        terms = self.scene.venues[self.scene.purses[leg.account].venue].margin
        size = self._measure(i, share, price)
        k = _bracket(table.floors, size, was_cut)
        at_entry = terms.maintenance_basis is MaintenanceBasis.ENTRY
        value = self._value(i, share, leg.entry if at_entry else price)
        inverse = self.scene.contracts[leg.contract].inverse
        coins = self._value(i, share, price) if inverse else abs(leg.size) * share
        rate = table.rates[k] + table.growth * coins
        if terms.fee_in_maintenance:
            rate += terms.taker_fee if math.isnan(leg.fee) else leg.fee
        return value * rate - table.cums[k] + self.closing_fee[i] * share

    def run(
        self, shock: list[float], depth: list[float], exponent: float, partial: bool = False
    ) -> Result:
        scene, assets = self.scene, range(len(self.scene.assets))
        held = [1.0] * len(scene.legs)
        cut: list[int | None] = [None] * len(scene.legs)
        out = Result([list(shock)], wallet=list(self.wallets), fees=[0.0] * len(scene.purses))
        flow = [0.0 for _ in assets]
        for turn in range(1, 100_000):
            factor = out.factors[-1]
            price = [leg.mark * factor[a] for leg, a in zip(scene.legs, self.asset, strict=True)]
            forced, stopped = [0.0 for _ in assets], [0.0 for _ in assets]
            before = len(out.closings)
            for account, rows in enumerate(self.members):
                self._stops(rows, held, price, out, turn, stopped, flow)
                mine = [i for i in rows if held[i] > 0]
                if not mine:
                    continue
                equity = out.wallet[account]
                equity += sum(self._profit(i, held[i], price[i]) for i in mine)
                need = sum(self._need(i, held[i], price[i], cut[i] is not None) for i in mine)
                gross = sum(self._value(i, held[i], price[i]) for i in mine)
                if equity - need > TIE * gross:
                    continue
                out.turn.setdefault(account, turn)
                out.last[account] = turn
                fee = 0.0
                # steps are for accounts that they can save: one below zero is taken over
                saved = equity > TIE * gross
                rules = scene.venues[scene.purses[account].venue].liquidation
                part = self._part(mine, held, price, equity) if partial and saved else 1.0
                for i in mine:
                    share = self._share(i, held[i], price[i], cut, partial and saved, part)
                    fee += rules.fee * self._value(i, held[i] * share, price[i])
                    usd = self._close(i, held, share, price, out, turn, False)
                    forced[self.asset[i]] += usd
                    flow[self.asset[i]] -= math.copysign(usd, scene.legs[i].size)
                fee = min(fee, max(equity, 0.0))
                out.wallet[account] -= fee
                if all(held[i] == 0 for i in rows):  # 0 after a fee that takes all, no rounding
                    out.wallet[account] = equity - fee
                out.fees[account] += fee
            if len(out.closings) == before:
                break
            out.forced.append(forced)
            out.stopped.append(stopped)
            out.factors.append([self._moved(shock[a], flow[a], depth[a], exponent) for a in assets])
        self._finish(out, held)
        return out

    @staticmethod
    def _moved(shock: float, flow: float, depth: float, exponent: float) -> float:
        if flow == 0:
            return shock
        size = min(0.01 * (abs(flow) / depth) ** exponent, FARTHEST)
        return shock * math.exp(math.copysign(size, flow))

    def _stops(
        self,
        rows: list[int],
        held: list[float],
        price: list[float],
        out: Result,
        turn: int,
        stopped: list[float],
        flow: list[float],
    ) -> None:
        for i in rows:
            leg = self.scene.legs[i]
            if held[i] == 0 or math.isnan(leg.stop):
                continue
            if leg.size > 0:
                hit = price[i] <= leg.stop * (1 + TIE)
            else:
                hit = price[i] >= leg.stop * (1 - TIE)
            if hit:
                usd = self._close(i, held, 1.0, price, out, turn, True)
                stopped[self.asset[i]] += usd
                flow[self.asset[i]] -= math.copysign(usd, leg.size)
                out.last[leg.account] = turn

    def _close(
        self,
        i: int,
        held: list[float],
        share: float,
        price: list[float],
        out: Result,
        turn: int,
        stop: bool,
    ) -> float:
        leg = self.scene.legs[i]
        going = held[i] * share
        inverse = self.scene.contracts[leg.contract].inverse
        usd = abs(leg.size) * going * (1.0 if inverse else price[i])
        out.wallet[leg.account] += self._profit(i, going, price[i])
        held[i] = 0.0 if share == 1.0 else held[i] - going
        out.closings.append((turn, i, usd, stop))
        return usd

    def _share(
        self, i: int, held: float, price: float, cut: list[int | None], partial: bool, part: float
    ) -> float:
        leg = self.scene.legs[i]
        rules = self.scene.venues[self.scene.purses[leg.account].venue].liquidation
        if not partial or rules.partial is PartialRule.FULL:
            return 1.0
        if rules.partial is PartialRule.SLICES:
            return self._slice(i, held, price) * part / self._usd(i, held, price)
        if rules.partial is PartialRule.JUST_ENOUGH:
            usd = self._usd(i, held, price)
            return min(math.ceil(part * usd / rules.least_usd) * rules.least_usd / usd, 1.0)
        if rules.partial is PartialRule.FRACTION:
            inverse = self.scene.contracts[leg.contract].inverse
            usd = abs(leg.size) * held * (1.0 if inverse else price)
            first = usd > rules.threshold_usd and cut[i] is None
            if first:
                cut[i] = 0
            return rules.fraction if first else 1.0
        floors = self.scene.contracts[leg.contract].table.floors
        size = self._measure(i, held, price)
        level = _bracket(floors, size, True)
        if cut[i] is not None:  # as of the bracket it was cut to, wherever its value has crept
            level = min(level, cut[i])
        level -= rules.tiers
        if level < 0:
            return 1.0
        cut[i] = level
        return 1.0 - floors[level + 1] / size

    def _usd(self, i: int, held: float, price: float) -> float:
        leg = self.scene.legs[i]
        inverse = self.scene.contracts[leg.contract].inverse
        return abs(leg.size) * held * (1.0 if inverse else price)

    def _slice(self, i: int, held: float, price: float) -> float:
        rules = self.scene.venues[self.scene.purses[self.scene.legs[i].account].venue].liquidation
        usd = self._usd(i, held, price)
        return min(max(rules.fraction * usd, rules.least_usd), usd)

    def _part(self, mine: list[int], held: list[float], price: list[float], equity: float) -> float:
        """What an account's positions share: how far slices shrink, how much is just enough."""
        rules = self.scene.venues[self.scene.purses[self.scene.legs[mine[0]].account].venue]
        if rules.liquidation.partial is PartialRule.SLICES:
            slices = sum(self._slice(i, held[i], price[i]) for i in mine)
            return min(rules.liquidation.most_usd / slices, 1.0)
        if rules.liquidation.partial is not PartialRule.JUST_ENOUGH:
            return 1.0
        fee = sum(rules.liquidation.fee * self._value(i, held[i], price[i]) for i in mine)

        def left(share: float) -> float:
            need = sum(self._need(i, held[i] * (1 - share), price[i], False) for i in mine)
            return equity - fee * share - need

        if left(1.0) <= 0:
            return 1.0
        no, yes = 0.0, 1.0
        while yes - no > 1e-14:
            middle = (no + yes) / 2
            no, yes = (no, middle) if left(middle) > 0 else (middle, yes)
        return yes

    def unit(self, account: int, factor: list[float]) -> float:
        """USD per unit of an account's currency at some price factors."""
        i = self.members[account][0]
        leg = self.scene.legs[i]
        inverse = self.scene.contracts[leg.contract].inverse
        return leg.mark * factor[self.asset[i]] if inverse else 1.0

    def _finish(self, out: Result, held: list[float]) -> None:
        rest = out.factors[-1]
        gone = [0.0] * len(self.members)
        for _, i, usd, stop in out.closings:
            gone[self.scene.legs[i].account] += 0.0 if stop else usd
        for account, rows in enumerate(self.members):
            closed = all(held[i] == 0 for i in rows)
            equity = out.wallet[account]
            for i in rows:
                if held[i] > 0:
                    equity += self._profit(
                        i, held[i], self.scene.legs[i].mark * rest[self.asset[i]]
                    )
            at = out.factors[out.last[account] - 1] if closed else rest
            dollars = equity * self.unit(account, at)
            # after a fee that took all, a rounding is no deficit
            nothing = closed and abs(dollars) <= TIE * gone[account]
            out.equity.append(0.0 if nothing else dollars)
            out.fees[account] *= self.unit(account, at)
            out.closed.append(closed)


def _bracket(floors: tuple[float, ...], size: float, lower_on_floor: bool) -> int:
    """Bracket of a size; one that was cut to a floor lies at the top of the bracket below it."""
    slack = NUDGE if lower_on_floor else 1.0
    return max(k for k, f in enumerate(floors) if k == 0 or size >= f * slack)
