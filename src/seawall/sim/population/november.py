"""The synthetic market at the end of 20 November 2025.

See ``docs/methods/demo.md``: what is fitted, what merely comes out, what cannot hold at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from seawall.core import Book, InputError, Mistake
from seawall.margin import MarginBook
from seawall.rulebook import Rules
from seawall.sim.population.assembly import assemble, lead_positions
from seawall.sim.population.brackets import read_markets
from seawall.sim.population.collateral import margin_drawn
from seawall.sim.population.drawn import Drawn
from seawall.sim.population.falling import draw_falling, ordinary_falls, plan_fall
from seawall.sim.population.recipe import RecordedFigure, load_recipe
from seawall.sim.population.record import ComparedFigure, compare_record
from seawall.sim.population.standing import draw_cluster, draw_standing

FEWEST_ACCOUNTS = 5_000
"""Below this, groups of the population come down to no account at all."""


@dataclass(frozen=True, slots=True, eq=False)
class DemoMarket:
    """A synthetic book and the record it was drawn to.

    Attributes
    ----------
    book
        Positions and accounts; one margin account a trader.
    marks
        USD price of each asset, the close of 20 November 2025.
    path_lows, path_highs
        Low and high of 21 November over the mark, by asset: 0.93 is 7% below.
    ordinary
        An ordinary day's fall as price factor by asset: one daily standard deviation.
    record
        The published figures, each with date, source, confidence and conflict.
    seed, accounts
        What it was drawn from and how many accounts it holds.
    scale
        ``accounts`` over the number that the record holds for: totals are recorded times this.
    """

    book: Book
    marks: dict[str, float]
    path_lows: dict[str, float]
    path_highs: dict[str, float]
    ordinary: dict[str, float]
    record: tuple[RecordedFigure, ...]
    seed: int
    accounts: int
    scale: float

    def compare(self, margin: MarginBook) -> tuple[ComparedFigure, ...]:
        """Every recorded figure beside what this book gives under its venues' rules.

        Prices follow their paths without impact of what is forced: longs to each asset's low
        of 21 November, shorts to its high. What falls counts at the price at which it falls.

        Parameters
        ----------
        margin
            This market's book, bound to rules.
        """
        return compare_record(
            margin,
            self.record,
            lows=self.path_lows,
            highs=self.path_highs,
            ordinary=self.ordinary,
            scale=self.scale,
        )


def november_2025(
    seed: int = 20251120, accounts: int = 500_000, rules: Rules | None = None
) -> DemoMarket:
    """Draw the market of the end of 20 November 2025.

    Parameters
    ----------
    seed
        Same seed, same book, to the last bit.
    accounts
        Margin accounts; totals grow in proportion, sizes of accounts stay alike.
    rules
        Rulebooks the book is drawn under; the bundled ones if None. Collateral is put down in
        dollars, so that other rules can then be tried on the same book.

    Raises
    ------
    InputError
        If there are too few accounts for the groups of the population.
    """
    if accounts < FEWEST_ACCOUNTS:
        raise InputError(
            Mistake(
                "too few accounts for the demo's market",
                column="accounts",
                value=str(accounts),
                allowed=f"{FEWEST_ACCOUNTS:,} or more",
            )
        )
    rules = rules or Rules.bundled()
    recipe = load_recipe()
    scale = accounts / recipe.accounts
    markets = read_markets(recipe, rules)
    plan = plan_fall(recipe, scale)
    falling = draw_falling(recipe, plan, seed)
    cluster = draw_cluster(recipe, seed, scale)
    laid = Drawn.join((falling, cluster))
    left = accounts - int(plan.traders.sum()) - len(cluster)
    standing = draw_standing(recipe, markets, laid, seed, left, scale)
    drawn = Drawn.join((laid, standing))
    margined = margin_drawn(drawn, recipe, markets, rules)
    lead = lead_positions(drawn, recipe, plan.traders, left, seed)
    book = assemble(drawn, margined, lead, markets, recipe, seed)
    facts = recipe.assets
    return DemoMarket(
        book=book,
        marks={a.name: a.mark for a in facts},
        path_lows={a.name: a.fall_to / a.mark for a in facts},
        path_highs={a.name: a.rise_to / a.mark for a in facts},
        ordinary={
            a.name: 1.0 - float(s) for a, s in zip(facts, ordinary_falls(recipe), strict=True)
        },
        record=recipe.figures,
        seed=seed,
        accounts=len(book.accounts),
        scale=scale,
    )
