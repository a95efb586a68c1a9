"""Losses beyond collateral, paid in sequence: one venue, one round, one winner at a time.

Takes a brute-force cascade and hands back who paid what. Fees and surplus go in; deficits draw
on the fund as the rounds go by; what it does not pay is taken from the winners on the other side
in the venue's order and at its price, then from the fund again, then from all winners alike.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from oracles.cascade import Brute, Result
from seawall.core import AdlPrice, AdlRank, AdlTrigger, Surplus


@dataclass
class Bill:
    """One venue's waterfall, USD."""

    fees: float = 0.0
    surplus: float = 0.0
    deficits: float = 0.0
    paid_by_fund: float = 0.0
    adl_notional: float = 0.0
    adl_traders: set[int] = field(default_factory=set)
    paid_by_adl: float = 0.0
    socialised: float = 0.0
    bad_debt: float = 0.0


@dataclass
class Outcome:
    bills: list[Bill]
    funds: list[float]
    transfer: list[float]
    equity: list[float]
    deleveraged: dict[int, float]


class Waterfall:
    def __init__(self, brute: Brute, result: Result, funds: list[float], pooled: bool = False):
        self.brute, self.scene, self.result = brute, brute.scene, result
        self.pooled = pooled
        self.funds = funds[:1] if pooled else list(funds)
        self.peaks = list(self.funds)
        self.bills = [Bill() for _ in self.scene.venues]
        self.transfer = [0.0] * len(self.scene.purses)
        self.rest = result.factors[-1]
        self.deleveraged: dict[int, float] = {}
        touched = {self.scene.legs[i].account for _, i, _, _ in result.closings}
        self.winners = [i for i, x in enumerate(self.scene.legs) if x.account not in touched]
        self.price = [
            x.mark * self.rest[a] for x, a in zip(self.scene.legs, brute.asset, strict=True)
        ]
        self.unit = [brute.unit(a, self.rest) if m else 1.0 for a, m in enumerate(brute.members)]

    def run(self) -> Outcome:
        unpaid = self._funds_round_by_round()
        deficits = {a: max(-self.result.equity[a], 0.0) for a in unpaid}
        left = []
        for v in range(len(self.bills)):
            self._deleverage(v, unpaid, deficits)
            owed = sum(x for a, x in unpaid.items() if self._venue(a) == v)
            left.append(max(owed - self.bills[v].paid_by_adl, 0.0))
        # what is left falls on the funds again, whatever their trigger
        paid = self._draw(left, [0.0] * len(left))
        for v, terms in enumerate(self.scene.venues):
            left[v] -= paid[v]
            if terms.loss.socialised:
                left[v] -= self._socialise(v, left[v])
            self.bills[v].bad_debt = left[v]
        return Outcome(self.bills, self.funds, self.transfer, self.result.equity, self.deleveraged)

    def _venue(self, account: int) -> int:
        return self.scene.purses[account].venue

    def fallen(self) -> list[int]:
        r = self.result
        return [
            a
            for a in range(len(self.scene.purses))
            if a in r.turn or (r.closed[a] and r.equity[a] < 0)
        ]

    def _fund(self, v: int) -> int:
        return 0 if self.pooled else v

    def _draw(self, wanted: list[float], floors: list[float | None]) -> list[float]:
        """Paid to each venue; those behind one fund share it by what they want of it.

        A floor of None does not ask the fund at all.
        """
        paid = [0.0] * len(wanted)
        for fund in range(len(self.funds)):
            asking = [
                v for v in range(len(wanted)) if self._fund(v) == fund and floors[v] is not None
            ]
            total, have = sum(wanted[v] for v in asking), self.funds[fund]
            for v in asking:
                if wanted[v] > 0:
                    part = max(have - (floors[v] or 0.0), 0.0) * wanted[v] / total
                    paid[v] = min(wanted[v], part)
                    self.bills[v].paid_by_fund += paid[v]
            self.funds[fund] = max(have - sum(paid[v] for v in asking), 0.0)
        return paid

    def _funds_round_by_round(self) -> dict[int, float]:
        r = self.result
        unpaid: dict[int, float] = {}
        for turn in range(1, len(r.factors) + 1):
            now = [a for a in self.fallen() if r.last[a] == turn]
            wanted = [0.0] * len(self.bills)
            for a in now:
                v = self._venue(a)
                wanted[v] += self._close(v, a, unpaid)
            floors: list[float | None] = []
            for v, terms in enumerate(self.scene.venues):
                f = self._fund(v)
                self.peaks[f] = max(self.peaks[f], self.funds[f])
                trigger = terms.loss.trigger
                if trigger is AdlTrigger.ACCOUNT_NEGATIVE:
                    floors.append(None)
                elif trigger is AdlTrigger.FUND_DRAWDOWN:
                    floors.append(self.peaks[f] * (1 - terms.loss.drawdown))
                else:
                    floors.append(0.0)
            paid = self._draw(wanted, floors)
            for a in now:
                v = self._venue(a)
                if unpaid[a] > 0:
                    unpaid[a] *= 0.0 if paid[v] == wanted[v] else 1 - paid[v] / wanted[v]
        return unpaid

    def _close(self, v: int, a: int, unpaid: dict[int, float]) -> float:
        """Fee and surplus of a fallen account into its fund; its deficit, USD."""
        r, fund, bill = self.result, self._fund(v), self.bills[v]
        left = r.equity[a] if r.closed[a] else 0.0
        bill.fees += r.fees[a]
        self.funds[fund] += r.fees[a]
        if left > 0 and self.scene.venues[v].liquidation.surplus is Surplus.FUND:
            bill.surplus += left
            self.funds[fund] += left
            self.transfer[a] -= left
        unpaid[a] = max(-left, 0.0)
        self.transfer[a] += unpaid[a]
        bill.deficits += unpaid[a]
        return unpaid[a]

    def _deleverage(self, v: int, unpaid: dict[int, float], deficits: dict[int, float]) -> None:
        """Closings that left a deficit, by asset and side, against winners of the other side."""
        if self.scene.venues[v].loss.rank is AdlRank.NONE:
            return
        for asset in range(len(self.scene.assets)):
            for side in (1, -1):
                usd, owed = self._asked(v, asset, side, unpaid, deficits)
                if usd > 0:
                    self._take(v, asset, -side, usd, owed)

    def _asked(
        self, v: int, asset: int, side: int, unpaid: dict[int, float], deficits: dict[int, float]
    ) -> tuple[float, float]:
        r = self.result
        total = dict.fromkeys(unpaid, 0.0)
        for turn, i, usd, _ in r.closings:
            a = self.scene.legs[i].account
            if a in total and turn == r.last[a]:
                total[a] += usd
        all_usd = all_owed = 0.0
        for turn, i, usd, _ in r.closings:
            leg = self.scene.legs[i]
            a = leg.account
            if unpaid.get(a, 0.0) <= 0 or self._venue(a) != v or turn != r.last[a]:
                continue
            if self.brute.asset[i] != asset or (leg.size > 0) != (side > 0):
                continue
            part = usd * unpaid[a] / deficits[a]
            owed = self._priced(v, turn, asset, part, unpaid[a] * usd / total[a])
            inverse = self.scene.contracts[leg.contract].inverse
            all_usd += part * (1.0 if inverse else self.rest[asset] / r.factors[turn - 1][asset])
            all_owed += owed
        return all_usd, all_owed

    def _priced(self, v: int, turn: int, asset: int, usd: float, owed: float) -> float:
        loss = self.scene.venues[v].loss
        if loss.price is AdlPrice.MARK:
            return 0.0
        if loss.price is AdlPrice.PREVIOUS_MARK:
            now = self.result.factors[turn - 1][asset]
            before = self.result.factors[turn - 2][asset] if turn > 1 else 1.0
            return min(owed, usd * abs(before / now - 1))
        far = loss.price_falls_back_to_mark_beyond
        return 0.0 if far is not None and owed > far * usd else owed

    # winners

    def _profit(self, i: int) -> float:
        return self.brute._profit(i, 1.0, self.price[i]) * self.unit[self.scene.legs[i].account]

    def _notional(self, i: int) -> float:
        leg = self.scene.legs[i]
        inverse = self.scene.contracts[leg.contract].inverse
        return abs(leg.size) * (1.0 if inverse else self.price[i])

    def equity(self, account: int) -> float:
        """USD equity of an account that nothing was closed of, at rest."""
        wallet = self.brute.wallets[account] * self.unit[account]
        return wallet + sum(self._profit(i) for i in self.brute.members[account])

    def score(self, v: int, i: int) -> float:
        leg = self.scene.legs[i]
        a = leg.account
        profit, equity = self._profit(i), self.equity(a)
        rank = self.scene.venues[v].loss.rank
        if rank is AdlRank.RANDOM:
            return self._lot(i)
        if rank is AdlRank.PROFIT_TIMES_MARGIN_RATIO:
            mm = sum(self.brute._need(j, 1.0, self.price[j], False) for j in self.brute.members[a])
            wallet = self.brute.wallets[a] * self.unit[a]
            ratio = mm * self.unit[a] / equity if equity > 0 else 0.0
            return max(0.0, profit) / max(1.0, wallet) * ratio
        notional = self._notional(i)
        if rank is AdlRank.PROFIT_TIMES_LEVERAGE:
            inverse = self.scene.contracts[leg.contract].inverse
            cost = abs(leg.size) * (self.price[i] / leg.entry if inverse else leg.entry)
            gain = profit / cost
            leverage = notional / equity if equity > 0 else 1e300
            return gain * leverage if gain > 0 else gain / leverage
        ratio = self.price[i] / leg.entry if leg.size > 0 else leg.entry / self.price[i]
        return ratio * notional / equity if equity > 0 else 0.0

    def _lot(self, i: int) -> float:
        """The first 53 bits of a hash over who holds what, under the key ``0``."""
        leg = self.scene.legs[i]
        purse = self.scene.purses[leg.account]
        symbol = f"{self.scene.contracts[leg.contract].asset}-{leg.contract}"
        text = f"t{purse.trader}\n{symbol}\n{purse.isolated}\n{leg.size > 0}"
        drawn = hashlib.blake2b(text.encode(), digest_size=8, key=b"0").hexdigest()
        return (int(drawn, 16) >> 11) / 2**53

    def _take(self, v: int, asset: int, side: int, usd: float, owed: float) -> None:
        legs = self.scene.legs
        queue = [
            i
            for i in self.winners
            if self._venue(legs[i].account) == v
            and self.brute.asset[i] == asset
            and (legs[i].size > 0) == (side > 0)
        ]
        queue.sort(key=lambda i: -self.score(v, i))
        rate, bill = owed / usd, self.bills[v]
        for i in queue:
            a = legs[i].account
            room = self._notional(i) - self.deleveraged.get(i, 0.0)
            if rate > 0:
                room = min(room, max(self.equity(a) + self.transfer[a], 0.0) / rate)
            take = min(room, usd)
            if take <= 0:
                continue
            usd -= take
            self.deleveraged[i] = self.deleveraged.get(i, 0.0) + take
            self.transfer[a] -= take * rate
            bill.adl_notional += take
            bill.paid_by_adl += take * rate
            bill.adl_traders.add(self.scene.purses[a].trader)

    def _socialise(self, v: int, left: float) -> float:
        """In proportion to unrealised profit, no more than an account has."""
        have: dict[int, float] = {}
        for i in self.winners:
            a = self.scene.legs[i].account
            if self._venue(a) == v:
                have[a] = have.get(a, 0.0) + self._profit(i)
        have = {
            a: min(max(x, 0.0), max(self.equity(a) + self.transfer[a], 0.0))
            for a, x in have.items()
        }
        total = sum(have.values())
        taken = min(left, total)
        for a, x in have.items():
            self.transfer[a] -= taken * x / total if total > 0 else 0.0
        self.bills[v].socialised = taken
        return taken
