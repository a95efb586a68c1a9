"""The market of 10 October 2025, 20:45 UTC: accounts by leverage, before the crash.

See ``docs/methods/october.md``: what was recorded, what is inferred, what is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book, InputError, Mistake
from seawall.rulebook import Rules
from seawall.sim.population.assembly import assemble
from seawall.sim.population.brackets import read_markets
from seawall.sim.population.collateral import margin_drawn
from seawall.sim.population.leveraged import (
    PopulationMix,
    draw_leveraged,
    draw_stops,
    lead_same_class,
)
from seawall.sim.population.recipe import Recipe, RecordedFigure, load_recipe

Floats = NDArray[np.float64]

LEAST_SHARE = 0.01
"""Below this, groups of the population come down to a handful of accounts."""


@dataclass(frozen=True, slots=True, eq=False)
class LeveragedMarket:
    """A synthetic book drawn by leverage, and what was recorded of its day.

    Attributes
    ----------
    book
        Positions with stops, and accounts. Instruments are the markets that were traded, venue
        by venue in the recipe's order, coins by volume.
    marks
        USD price of each asset.
    open_interest
        Shape (M,): USD of each instrument of the book, each side counted once.
    depth
        Shape (M,): USD within 1% of mid on one side before the crash, by instrument.
    record
        The published figures, each with date, source, confidence, range and conflict.
    mix
        The free parameters it was drawn with.
    seed, share
        What it was drawn from; accounts over those of the full size.
    weight
        Accounts of the full size that each account stands for: 1 / ``share``. Sizes and
        balances are already times this, so sums hold for any share.
    """

    book: Book
    marks: dict[str, float]
    open_interest: Floats
    depth: Floats
    record: tuple[RecordedFigure, ...]
    mix: PopulationMix
    seed: int
    share: float
    weight: float


def october_mix() -> PopulationMix:
    """The default free parameters of the market of 10 October 2025."""
    return PopulationMix.of(october_recipe())


@cache
def october_recipe() -> Recipe:
    """Figures, venues, assets and parameters of ``october_2025.toml``."""
    return load_recipe("october_2025")


def october_2025(
    seed: int = 20251010,
    share: float = 1.0,
    mix: PopulationMix | None = None,
    rules: Rules | None = None,
) -> LeveragedMarket:
    """Draw the market of 10 October 2025, 20:45 UTC.

    Parameters
    ----------
    seed
        Same seed, share and mix: same book, to the last bit.
    share
        Part of the 500,000 accounts to draw, 0.01 to 1. Each then stands for ``1 / share`` of
        them: sizes and balances are scaled up, so open interest is the same, while each row
        carries the maintenance rate of an account of the size drawn.
    mix
        Free parameters; :func:`october_mix` if None.
    rules
        Rulebooks the book is drawn under; the bundled ones if None.

    Raises
    ------
    InputError
        If the share or a free parameter is out of its range.
    """
    return draw_market(october_recipe(), seed, share, mix, rules)


def draw_market(
    recipe: Recipe,
    seed: int,
    share: float = 1.0,
    mix: PopulationMix | None = None,
    rules: Rules | None = None,
) -> LeveragedMarket:
    """Draw the market of any recipe that is drawn by leverage; see :func:`october_2025`."""
    if not LEAST_SHARE <= share <= 1.0:
        raise InputError(
            Mistake(
                "the share of accounts is out of its range",
                "population",
                column="share",
                value=f"{share:g}",
                allowed=f"{LEAST_SHARE:g} to 1",
            )
        )
    mix = mix or PopulationMix.of(recipe)
    mix.check()
    _known_venues(mix, recipe)
    if mix.cross_share is not None:
        venues = tuple(replace(v, cross_share=mix.cross_share) for v in recipe.venues)
        recipe = replace(recipe, venues=venues)
    rules = rules or Rules.bundled()
    markets = read_markets(recipe, rules)
    weight = 1.0 / share
    drawn = draw_leveraged(recipe, markets, mix, seed, round(recipe.accounts * share), weight)
    margined = margin_drawn(drawn, recipe, markets, rules, weight)
    stop = draw_stops(drawn, recipe, mix.stop_share, seed)
    margined = replace(margined, positions=replace(margined.positions, stop=stop))
    lead = lead_same_class(drawn, recipe, mix.several_share, seed)
    book, used = _traded(assemble(drawn, margined, lead, markets, recipe, seed))
    if weight > 1.0:
        said = f"each account stands for {weight:g}: rows carry the maintenance rate of one"
        book = replace(book, notes=(*book.notes, said))
    return LeveragedMarket(
        book=book,
        marks={a.name: a.mark for a in recipe.assets},
        open_interest=recipe.open_interest().ravel()[used],
        depth=depth_before(recipe).ravel()[used],
        record=recipe.figures,
        mix=mix,
        seed=seed,
        share=share,
        weight=weight,
    )


def _known_venues(mix: PopulationMix, recipe: Recipe) -> None:
    """See that no venue is given leverage of its own that is not in the market."""
    names = [v.name for v in recipe.venues]
    mistakes = [
        Mistake(
            "no such venue in the market",
            "population",
            column=column,
            value=name,
            allowed=", ".join(names),
        )
        for column in ("leverage_high_at", "leverage_low_at")
        for name in getattr(mix, column)
        if name not in names
    ]
    if mistakes:
        raise InputError(mistakes)


def depth_before(recipe: Recipe) -> Floats:
    """Shape (V, A): USD within 1% of mid on one side, before the crash."""
    venue = np.array([v.depth_to_mean for v in recipe.venues])
    asset = np.array([a.depth_to_btc for a in recipe.assets])
    return np.asarray(recipe.value("btc_depth_usd") * np.outer(venue, asset))


def _traded(book: Book) -> tuple[Book, NDArray[np.intp]]:
    """The book with only the instruments that have a position, and which of the table they are."""
    used, place = np.unique(book.positions.instrument, return_inverse=True)
    positions = replace(book.positions, instrument=place.astype(np.int32))
    instruments = tuple(book.instruments[k] for k in used)
    return replace(book, positions=positions, instruments=instruments), used.astype(np.intp)
