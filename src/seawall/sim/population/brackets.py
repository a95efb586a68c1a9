"""The brackets each market of the book is drawn within, read from the rulebooks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import Instrument, MarginSchedule, TierUnit
from seawall.rulebook import Rules
from seawall.sim.population.recipe import Recipe

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MarketBrackets:
    """One instrument at its mark, with the brackets that bind its positions.

    Parameters
    ----------
    instrument
        What is traded.
    schedule
        Its brackets.
    price
        Mark, USD.
    borrowed
        Whether the brackets are another venue's, and so must go with the rows.
    """

    instrument: Instrument
    schedule: MarginSchedule
    price: float
    borrowed: bool

    def _unit(self) -> float:
        """USD at the mark of one unit of the floors."""
        by_contract = self.schedule.unit is TierUnit.CONTRACTS
        return self.price * self.instrument.contract_size if by_contract else 1.0

    def row(self, usd: Floats) -> NDArray[np.intp]:
        """Bracket of each notional."""
        return self.schedule.bracket(usd / self._unit())

    def maintenance(self, usd: Floats) -> Floats:
        """Maintenance margin over notional at the mark, about: it places targets, no more."""
        k = self.row(usd)
        return np.maximum(self.schedule.rates[k] - self.schedule.deductions[k] / usd, 0.0)

    def leverage(self, usd: Floats) -> Floats:
        """Highest leverage allowed at each notional; at least 1.

        Where the venue does not say, the initial margin is taken at twice the maintenance.
        """
        top, rates = self.schedule.max_leverage, self.schedule.rates
        top = np.where(np.isnan(top), 0.5 / np.maximum(rates, 1e-9), top)
        return np.maximum(top[self.row(usd)], 1.0)

    def limit(self, leverage: float) -> float:
        """USD notional above which this leverage is not allowed; infinite if always.

        A market that never allows it answers the top of its first bracket.
        """
        floors = self.schedule.floors * self._unit()
        edges = np.append(floors[1:], np.inf)
        allowed = self.leverage(np.maximum(floors, 1e-9)) >= leverage
        return float(edges[allowed].max() if allowed.any() else edges[0])

    def own_rate(self, usd: Floats) -> Floats:
        """Maintenance rate that goes with each row; NaN where the rulebook has the brackets."""
        if not self.borrowed:
            return np.full(len(usd), np.nan)
        return self.schedule.rates[self.row(usd)]


def read_markets(recipe: Recipe, rules: Rules) -> list[list[MarketBrackets]]:
    """By venue and asset: every market of the book.

    A venue that has no brackets of a coin borrows the ones of the recipe's named venue; one
    whose rulebook stands on another's by design (HTX) keeps what the rulebook says.
    """
    lender = recipe.parameters["brackets_from"]
    table = []
    for venue in recipe.venues:
        by_design = bool(rules.identity(venue.name).brackets_of)
        row = []
        for asset in recipe.assets:
            instrument = rules.instrument(venue.name, asset.name, "linear")
            schedule = rules.schedule(venue.name, instrument.symbol, recipe.time)
            borrow = schedule.cautious and not by_design
            if borrow:
                symbol = rules.instrument(lender, asset.name, "linear").symbol
                schedule = rules.schedule(lender, symbol, recipe.time)
                # a row carries one rate, so the whole position stands at its bracket's
                schedule = replace(schedule, deductions=np.zeros_like(schedule.deductions))
            row.append(MarketBrackets(instrument, schedule, asset.mark, borrow))
        table.append(row)
    return table
