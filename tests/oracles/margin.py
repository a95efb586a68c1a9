"""Margins and liquidation prices by each venue's own printed formula, in ``Decimal``.

Nothing here is general: one function a venue and form, as its page writes it. A bracket is found
by trying each and keeping the price whose own notional selects it.

Notation of the venues: q size in base, s side, N face in USD, EP entry, WB wallet, cum the
bracket's maintenance amount, MMR its rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal, getcontext
from itertools import product

from oracles.deribit import deribit_prices
from oracles.scenes import Contract, Leg, Scene, Table

getcontext().prec = 60
D = Decimal
ONE = D(1)
INF = D("Infinity")


@dataclass(frozen=True)
class Bracket:
    floor: Decimal
    top: Decimal
    mmr: Decimal
    cum: Decimal

    def holds(self, size: Decimal) -> bool:
        return self.floor <= size < self.top


def brackets(table: Table) -> list[Bracket]:
    tops = [*table.floors[1:], math.inf]
    rows = zip(table.floors, tops, table.rates, table.cums, strict=True)
    return [Bracket(D(f), D(t), D(r), D(c)) for f, t, r, c in rows]


def bracket_at(table: Table, size: Decimal) -> Bracket:
    return next(b for b in brackets(table) if b.holds(size))


def cut(value: Decimal, places: int = 8) -> Decimal:
    return value.quantize(ONE.scaleb(-places), rounding=ROUND_DOWN)


def only(found: list[Decimal]) -> list[Decimal]:
    """Distinct positive prices."""
    kept: list[Decimal] = []
    for x in found:
        if x > 0 and all(abs(x - y) > D("1e-20") * x for y in kept):
            kept.append(x)
    return kept


class Position:
    """One leg in a venue's own symbols."""

    def __init__(self, leg: Leg, contract: Contract, taker: float):
        self.leg, self.contract = leg, contract
        self.inverse = contract.inverse
        self.s = ONE if leg.size > 0 else -ONE
        self.q = abs(D(leg.size))  # base units; face in USD (N) when inverse
        self.ep, self.mark = D(leg.entry), D(leg.mark)
        self.fee = D(taker) if math.isnan(leg.fee) else D(leg.fee)
        self.contracts = self.q / D(contract.face)

    def value(self, price: Decimal) -> Decimal:
        return self.q / price if self.inverse else self.q * price

    def upnl(self, price: Decimal) -> Decimal:
        if self.inverse:
            return self.s * (self.q / self.ep - self.q / price)
        return self.s * self.q * (price - self.ep)

    @property
    def lev(self) -> Decimal:
        return D(self.leg.leverage)

    def units(self, price: Decimal) -> Decimal:
        """Coins held: Deribit's S."""
        return self.q / price if self.inverse else self.q

    @property
    def growth(self) -> Decimal:
        return D(self.contract.table.growth)

    def bracket(self, price: Decimal) -> Bracket:
        size = self.contracts if self.contract.table.by_contracts else self.value(price)
        return bracket_at(self.contract.table, size)

    def fee_to_close(self) -> Decimal:
        """Bybit: q x bankruptcy price of entry and leverage x taker."""
        if math.isnan(self.leg.leverage) or (self.inverse and self.lev + self.s == 0):
            return D(0)  # a short of 1x in coin has no bankruptcy price
        if self.inverse:
            return self.q / (self.ep * self.lev / (self.lev + self.s)) * self.fee
        return self.q * self.ep * (1 - self.s / self.lev) * self.fee


# --- maintenance and initial margin ---------------------------------------------------------


def maintenance(venue: str, p: Position) -> Decimal:
    """As the venue prints it."""
    if venue == "bybit_old":
        b = p.bracket(p.ep)
        return p.value(p.ep) * b.mmr - b.cum + p.fee_to_close()
    b = p.bracket(p.mark)
    if venue == "binance_usdm":
        return cut(p.q * p.mark * b.mmr - b.cum)
    if venue == "binance_coinm":
        return p.q / p.mark * b.mmr - b.cum
    if venue == "bybit_new":
        return p.value(p.mark) * b.mmr - b.cum + p.fee_to_close()
    if venue == "okx":
        per = D(p.contract.face)
        return p.contracts * per * (1 / p.mark if p.inverse else p.mark) * b.mmr
    if venue == "deribit":
        s = p.units(p.mark)
        need = s * (b.mmr + p.growth * s)
        return need if p.inverse else need * p.mark
    if venue == "dydx":
        return (p.q * p.mark * b.mmr).quantize(ONE.scaleb(-6), rounding=ROUND_UP)
    return p.q * p.mark * b.mmr - b.cum  # hyperliquid


def needed(venue: str, p: Position) -> Decimal:
    """What equity is held against."""
    if venue == "okx":
        return maintenance(venue, p) + p.fee * p.value(p.mark)
    if venue == "binance_usdm":
        b = p.bracket(p.mark)
        return p.q * p.mark * b.mmr - b.cum
    if venue == "dydx":
        return p.q * p.mark * p.bracket(p.mark).mmr  # unrounded: it rounds what it prints
    return maintenance(venue, p)


def initial(venue: str, p: Position) -> Decimal:
    if venue == "binance_usdm":
        rate = (1 / p.lev).quantize(D("1e-8"), rounding=ROUND_HALF_EVEN)
        return cut(p.q * p.mark * rate)
    if venue == "bybit_old":
        return p.value(p.ep) / p.lev + p.fee_to_close()
    if venue == "bybit_new":
        return p.value(p.mark) / p.lev + p.fee_to_close()
    if venue == "deribit":
        return p.value(p.mark) * (1 / p.lev + p.growth * p.units(p.mark))
    return p.value(p.mark) / p.lev


# --- isolated liquidation price -------------------------------------------------------------


def isolated(venue: str, p: Position, margin: Decimal) -> list[Decimal]:
    """Every price that its own bracket accepts; empty where there is none."""
    return only(ISOLATED[venue](p, margin))


def _binance_usdm(p: Position, wb: Decimal) -> list[Decimal]:
    found = []
    for b in brackets(p.contract.table):
        lp = (wb + b.cum - p.s * p.q * p.ep) / (p.q * b.mmr - p.s * p.q)
        if lp > 0 and b.holds(p.q * lp):
            found.append(lp)
    return found


def _binance_coinm(p: Position, wb: Decimal) -> list[Decimal]:
    found = []
    for b in brackets(p.contract.table):
        below = wb + b.cum + p.s * p.q / p.ep
        if below == 0:
            continue
        lp = p.q * (b.mmr + p.s) / below
        if lp > 0 and b.holds(p.q / lp):
            found.append(lp)
    return found


def _bybit_old(p: Position, margin: Decimal) -> list[Decimal]:
    """``EP - s (IM - MM) / q - s extra / q``, margins at entry and free of fees."""
    b = p.bracket(p.ep)
    im, mm = p.value(p.ep) / p.lev, p.value(p.ep) * b.mmr - b.cum
    extra = margin - im - p.fee_to_close()
    if p.inverse:
        below = p.q / p.ep + p.s * (im - mm) + p.s * extra
        return [p.q / below] if below > 0 else []
    return [p.ep - p.s * (im - mm) / p.q - p.s * extra / p.q]


def _bybit_new(p: Position, margin: Decimal) -> list[Decimal]:
    extra = margin - p.value(p.ep) / p.lev - p.fee_to_close()
    found = []
    for b in brackets(p.contract.table):
        if p.inverse and p.s > 0:
            below = p.q / p.ep + p.q / (p.ep * p.lev) + extra / (1 + p.fee) + b.cum
            lp = p.q * (1 + b.mmr) / below if below != 0 else -ONE
        elif p.inverse:
            below = p.q / p.ep - p.q / (p.ep * p.lev) - extra / (1 - p.fee) - b.cum
            lp = p.q * (1 - b.mmr) / below if below != 0 else -ONE
        else:
            above = p.q * p.ep * (1 - p.s / p.lev) - p.s * (extra / (1 - p.s * p.fee) + b.cum)
            lp = above / (p.q * (1 - p.s * b.mmr))
        if lp > 0 and b.holds(p.value(lp)):
            found.append(lp)
    return found


def _okx(p: Position, e: Decimal, p0: Decimal | None = None) -> list[Decimal]:
    """Isolated: E the margin and p0 the entry; cross: E the equity and p0 the mark."""
    p0 = p.ep if p0 is None else p0
    mmr = bracket_at(p.contract.table, p.contracts).mmr
    if p.inverse:
        below = e + p.q / p0 if p.s > 0 else p.q / p0 - e
        above = p.q * (1 + mmr + p.fee) if p.s > 0 else p.q * (1 - mmr - p.fee)
        return [above / below] if below > 0 else []
    if p.s > 0:
        return [(p.q * p0 - e) / (p.q * (1 - mmr - p.fee))]
    return [(p.q * p0 + e) / (p.q * (1 + mmr + p.fee))]


def _hyperliquid(p: Position, margin: Decimal) -> list[Decimal]:
    """``-rawUsd / (szi - |szi| rate)``, the deduction added to rawUsd."""
    szi = p.s * p.q
    raw = margin - szi * p.ep
    found = []
    for b in brackets(p.contract.table):
        x = -(raw + b.cum) / (szi - p.q * b.mmr)
        if x > 0 and b.holds(p.q * x):
            found.append(x)
    return found


def _deribit(p: Position, wb: Decimal) -> list[Decimal]:
    return deribit_prices([p], wb)


ISOLATED = {
    "binance_usdm": _binance_usdm,
    "binance_coinm": _binance_coinm,
    "bybit_old": _bybit_old,
    "bybit_new": _bybit_new,
    "okx": _okx,
    "hyperliquid": _hyperliquid,
    "deribit": _deribit,
    "dydx": _hyperliquid,  # p' = (R + s p - E) / (s - |s| MMF): the same
}


def isolated_bankruptcy(venue: str, p: Position, margin: Decimal) -> list[Decimal]:
    """``EP - s WB / q``; Bybit: at entry and leverage, moved by extra margin net of its fee."""
    if venue.startswith("bybit"):
        extra = margin - p.value(p.ep) / p.lev - p.fee_to_close()
        if venue == "bybit_new":
            extra = extra / (1 + p.s * p.fee) if p.inverse else extra / (1 - p.s * p.fee)
        margin = p.value(p.ep) / p.lev + extra
    if p.inverse:
        below = p.q / p.ep + p.s * margin
        return [p.q / below] if below > 0 else []
    return only([p.ep - p.s * margin / p.q])


# --- cross ----------------------------------------------------------------------------------


def cross(venue: str, legs: list[Position], which: int, wallet: Decimal) -> list[Decimal]:
    """Prices of one instrument at which a cross account falls, the others at their marks."""
    mine = legs[which]
    same = [p for p in legs if p.leg.contract == mine.leg.contract]
    rest = [p for p in legs if p.leg.contract != mine.leg.contract]
    tmm = sum((needed(venue, p) for p in rest), D(0))
    upnl = sum((p.upnl(p.mark) for p in rest), D(0))
    if venue == "bybit_old":
        tmm += sum((needed(venue, p) for p in same), D(0))
        return only(_zero_crossing(same, wallet - tmm + upnl))
    if venue == "bybit_new":
        wallet -= sum((p.fee_to_close() for p in same), D(0))
    if venue == "okx" and len(same) == 1:
        e = wallet + mine.upnl(mine.mark) + upnl - tmm
        return only(_okx(mine, e, mine.mark))
    if venue == "deribit":
        return only(deribit_prices(same, wallet + upnl - tmm))
    if venue in ("hyperliquid", "dydx") and len(same) == 1:
        return only(_hyperliquid_cross(mine, wallet, upnl, tmm))
    return only(_binance_cross(same, wallet, upnl, tmm, venue == "okx"))


def _hyperliquid_cross(p: Position, wallet: Decimal, upnl: Decimal, tmm: Decimal) -> list[Decimal]:
    """``(M_other - ded - A + q p) / (q - |q| rate)`` with A the account value."""
    a = wallet + upnl + p.upnl(p.mark)
    szi = p.s * p.q
    found = []
    for b in brackets(p.contract.table):
        x = (tmm - b.cum - a + szi * p.mark) / (szi - p.q * b.mmr)
        if x > 0 and b.holds(p.q * x):
            found.append(x)
    return found


def _binance_cross(
    same: list[Position], wb: Decimal, upnl: Decimal, tmm: Decimal, with_fee: bool
) -> list[Decimal]:
    """The FAQ's formula with one, or a long and a short leg (cumL + cumS ...)."""
    found = []
    for combo in product(*(brackets(p.contract.table) for p in same)):
        cum = sum((b.cum for b in combo), D(0))
        rates = [b.mmr + (p.fee if with_fee else 0) for b, p in zip(combo, same, strict=True)]
        weights = list(zip(same, rates, strict=True))
        if same[0].inverse:
            above = sum((p.q * (r + p.s) for p, r in weights), D(0))
            below = wb - tmm + upnl + cum + sum((p.s * p.q / p.ep for p in same), D(0))
        else:
            above = wb - tmm + upnl + cum - sum((p.s * p.q * p.ep for p in same), D(0))
            below = sum((p.q * r - p.s * p.q for p, r in weights), D(0))
        if below == 0:
            continue
        lp = above / below
        if lp <= 0:
            continue
        fits = (
            b.holds(p.contracts if p.contract.table.by_contracts else p.value(lp))
            for b, p in zip(combo, same, strict=True)
        )
        if all(fits):
            found.append(lp)
    return found


def _zero_crossing(same: list[Position], left: Decimal) -> list[Decimal]:
    """Price at which ``left`` plus the profit of some legs of one instrument is nothing."""
    net = sum((p.s * p.q for p in same), D(0))
    if net == 0:
        return []
    if same[0].inverse:
        below = left + sum((p.s * p.q / p.ep for p in same), D(0))
        return [net / below] if below != 0 else []
    return [(sum((p.s * p.q * p.ep for p in same), D(0)) - left) / net]


def cross_bankruptcy(legs: list[Position], which: int, wallet: Decimal) -> list[Decimal]:
    mine = legs[which]
    same = [p for p in legs if p.leg.contract == mine.leg.contract]
    upnl = sum((p.upnl(p.mark) for p in legs if p not in same), D(0))
    return only(_zero_crossing(same, wallet + upnl))


# --- a whole book ---------------------------------------------------------------------------


@dataclass
class Answers:
    maintenance: list[Decimal]
    initial: list[Decimal]
    liquidation: list[list[Decimal]]
    bankruptcy: list[list[Decimal]]
    equity: list[Decimal]
    need: list[Decimal]


def answers(venue: str, scene: Scene, taker: float) -> Answers:
    """Every margin figure of a book on one venue."""
    p = [Position(leg, scene.contracts[leg.contract], taker) for leg in scene.legs]
    none: list[list[Decimal]] = [[] for _ in p]
    out = Answers([maintenance(venue, x) for x in p], [], none, [list(x) for x in none], [], [])
    out.initial = [D("NaN") if math.isnan(x.leg.leverage) else initial(venue, x) for x in p]
    for rows, purse in zip(scene.members(), scene.purses, strict=True):
        wallet = D(purse.balance)
        out.equity.append(wallet + sum((p[i].upnl(p[i].mark) for i in rows), D(0)))
        if purse.isolated and venue == "bybit_new":
            # extra margin moves the bankruptcy price, and the fee for closing there with it
            x = p[rows[0]]
            bust = _bybit_bust_fee(x, wallet)
            out.need.append(needed(venue, x) - x.fee_to_close() + bust)
        else:
            out.need.append(sum((needed(venue, p[i]) for i in rows), D(0)))
        for place, i in enumerate(rows):
            if purse.isolated:
                out.liquidation[i] = isolated(venue, p[i], wallet)
                out.bankruptcy[i] = isolated_bankruptcy(venue, p[i], wallet)
            else:
                legs = [p[j] for j in rows]
                out.liquidation[i] = cross(venue, legs, place, wallet)
                out.bankruptcy[i] = cross_bankruptcy(legs, place, wallet)
    return out


def _bybit_bust_fee(p: Position, margin: Decimal) -> Decimal:
    """Fee of closing at the bankruptcy price that the whole margin, less that fee, stands for.

    ``fee = taker x value(bust)`` and ``bust`` the price at which the margin less ``fee`` is gone.
    """
    side = -p.s if p.inverse else p.s
    return p.fee * (p.value(p.ep) - side * margin) / (1 - side * p.fee)
