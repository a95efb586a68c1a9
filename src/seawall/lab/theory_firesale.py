"""Fire sales of 48 European banks: the static cascade beside the Oxford model's published run."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book, Instrument, PartialRule, Positions, parse_time
from seawall.liquidity import ImpactLaw
from seawall.margin import MarginBook
from seawall.risk import Cascade, StaticCascade
from seawall.rulebook import Rules, bind

Floats = NDArray[np.float64]

LEAST, BUFFER, TARGET = 0.03, 0.04, 0.05
"""Leverage ratio at which a bank fails, below which it sells, and which it returns to."""
CASH_SHARE = 0.05
"""Cash over assets, as the Oxford model sets it."""
SYSTEMIC = 0.05
"""Share of failed banks below which the Oxford model reports none."""
_QUOTED_SHARE = 0.05
"""Part of a market whose sale moves the price by the price impact."""
_STEP = 100.0
"""Least step of a partial sale, million EUR: without one the sales would grow small for ever."""
_ASSETS = ("GOVERNMENT", "CORPORATE")
_TIME = parse_time("2018-12-31T00:00:00Z")

PUBLISHED_IMPACT = {
    0.0: 0.1458, 0.005: 0.1875, 0.01: 0.375, 0.015: 0.5208, 0.02: 0.6667,
    0.03: 0.7917, 0.035: 0.8958, 0.05: 0.9167, 0.10: 0.9375,
}  # fmt: skip
"""Extent of the systemic event by price impact, government bonds shocked by 20%."""
PUBLISHED_SHOCK = {
    0.075: (0.0, 0.372, 0.0, 0.905), 0.09: (0.0, 0.692, 0.0625, 0.913),
    0.12: (0.0625, 0.876, 0.0833, 0.921), 0.15: (0.125, 0.9145, 0.25, 0.9296),
    0.195: (0.354, None, 0.271, None), 0.24: (0.375, None, 0.375, None),
    0.30: (0.5208, 0.957, 0.5417, 0.984),
}  # fmt: skip
"""By shock, price impact 1%: extent and share sold by threshold, then by leverage target."""


@dataclass(frozen=True, slots=True, eq=False)
class Banks:
    """Balance sheets, million EUR, shape (b,).

    Attributes
    ----------
    capital, assets
        Common equity; it over the leverage ratio.
    bonds
        Government and corporate, shape (b, 2).

    Source
    ------
    European Banking Authority, EU-wide stress test 2018, as tabulated with the published code
    of Farmer, Kleinnijenhuis, Nahai-Williamson and Wetzer, "Foundations of system-wide financial
    stress testing with heterogeneous institutions" (2020).
    """

    capital: Floats
    assets: Floats
    bonds: Floats

    @property
    def cash(self) -> Floats:
        """Cash."""
        return CASH_SHARE * self.assets

    @property
    def other(self) -> Floats:
        """Loans and all else that cannot be sold."""
        return np.asarray(self.assets - self.cash - self.bonds.sum(axis=1))


@dataclass(frozen=True, slots=True)
class Sale:
    """One run.

    Attributes
    ----------
    shock
        Fall of government bonds, a fraction.
    impact
        Fall of a price as a twentieth of its market is sold.
    extent
        Share of banks that failed; 0 below 5%, as published.
    failed
        The same without that cut.
    sold
        Share of all bonds that was sold, by quantity.
    rounds
        Rounds of the cascade.
    """

    shock: float
    impact: float
    extent: float
    failed: float
    sold: float
    rounds: int


@cache
def european_banks() -> Banks:
    """The 48 banks."""
    with (Path(__file__).parent / "eba_2018.csv").open(encoding="utf-8") as file:
        rows = [[float(x) for x in row[1:]] for row in list(csv.reader(file))[1:]]
    capital, ratio, debt, government = np.array(rows).T
    return Banks(capital, 100.0 * capital / ratio, np.stack((government, debt - government), 1))


def fire_sale(shock: float, impact: float, targeting: bool = False) -> Sale:
    """Shock government bonds, and let banks sell.

    Parameters
    ----------
    shock
        Fall of government bonds, a fraction.
    impact
        Fall of a price as 5% of its market is sold, a fraction below 1.
    targeting
        Banks below 5% sell what restores it; else banks below 4% sell everything.
    """
    banks = european_banks()
    beta = -np.log(1.0 - impact) / _QUOTED_SHARE
    whole = banks.bonds.sum(axis=0)
    depth = 0.01 * whole / beta if impact > 0.0 else np.full(2, np.inf)
    cascade = StaticCascade(
        _margined(banks, targeting),
        dict(zip(_ASSETS, depth.tolist(), strict=True)),
        ImpactLaw(exponent=1.0, thinning=1.0),
        partial=targeting,
    ).run({_ASSETS[0]: -shock, _ASSETS[1]: 0.0})
    failed = np.zeros(len(banks.capital), dtype=np.bool_)
    sold = np.zeros(2)
    for below, quantity in _rounds(banks, cascade, targeting):
        failed |= below
        sold += quantity
    share = float(failed.mean())
    extent = share if share >= SYSTEMIC else 0.0
    return Sale(shock, impact, extent, share, float(sold.sum() / whole.sum()), cascade.rounds)


def _margined(banks: Banks, targeting: bool) -> MarginBook:
    """Bonds as positions in cross margin; what else a bank holds is taken off its capital.

    Equity of at least ``rate`` times all assets is equity less ``rate`` times what cannot be sold
    of at least ``rate`` times the bonds. Cash goes first to debts, and with it what it requires.
    """
    rate = TARGET if targeting else BUFFER
    unsold = banks.other if targeting else banks.other + banks.cash
    bank, kind = np.nonzero(banks.bonds)
    holders, account = np.unique(bank, return_inverse=True)
    n, m = len(bank), len(holders)
    blank, one = np.full(n, np.nan), np.ones(n)
    book = Book(
        positions=Positions(
            row=np.arange(1, n + 1),
            account=account.astype(np.int32),
            instrument=kind.astype(np.int32),
            size=banks.bonds[bank, kind],
            entry=one,
            mark=one,
            leverage=blank,
            stop=blank,
            rate=np.full(n, rate),
            amount=np.zeros(n),
            taker_fee=blank,
            reported_liquidation=blank,
            time=np.full(n, _TIME),
        ),
        accounts=Accounts(
            trader=np.arange(m, dtype=np.int32),
            venue=np.zeros(m, dtype=np.int32),
            isolated=np.zeros(m, dtype=np.bool_),
            balance=(banks.capital - rate * unsold)[holders],
            settle=np.zeros(m, dtype=np.int32),
        ),
        instruments=tuple(Instrument("generic", a, a) for a in _ASSETS),
        traders=[f"bank-{k + 1}" for k in holders],
        venues=("generic",),
        currencies=("USD",),
        time=_TIME,
        source="48 banks, 2018",
    )
    margin = bind(book, Rules.bundled())
    if not targeting:
        return margin
    terms = [
        replace(
            t,
            liquidation=replace(
                t.liquidation, partial=PartialRule.JUST_ENOUGH, least_usd=_STEP, most_usd=np.inf
            ),
        )
        for t in margin.terms
    ]
    return replace(margin, terms=tuple(terms))


def _rounds(
    banks: Banks, cascade: Cascade, targeting: bool
) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Round by round: which banks are below the least ratio, and what was sold of each bond.

    As in the Oxford model a sale brings the mean of the prices before and after its round. What
    it brings stays among the assets of a bank that sells everything, and pays debts of one that
    returns to its target.
    """
    held, factor = banks.bonds.copy(), cascade.factor
    bank, kind = np.nonzero(banks.bonds)
    equity = banks.capital + held @ (factor[0] - 1.0)
    unsold = banks.other + banks.cash
    proceeds = np.zeros(len(equity))
    yield equity < LEAST * (held @ factor[0] + unsold), np.zeros(2)
    closings = cascade.closings
    for turn in range(1, cascade.rounds + 1):
        rows = closings.turn == turn
        at = closings.position[rows]
        sale = np.zeros_like(held)
        np.add.at(sale, (bank[at], kind[at]), closings.usd[rows] / factor[turn - 1][kind[at]])
        equity = equity + (held - 0.5 * sale) @ (factor[turn] - factor[turn - 1])
        held -= sale
        if not targeting:
            proceeds += sale @ (factor[turn] + factor[turn - 1]) / 2.0
        below = equity < LEAST * (held @ factor[turn] + unsold + proceeds)
        yield below, sale.sum(axis=0)
