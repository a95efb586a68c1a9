"""The synthetic market at the end of 20 November 2025.

See ``docs/methods/demo.md``: what is fitted, what merely comes out, what cannot hold at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book, InputError, Mistake
from seawall.margin import MarginBook
from seawall.rulebook import Rules
from seawall.sim.brackets import read_markets
from seawall.sim.collateral import Margined, margin_drawn
from seawall.sim.drawn import Band, Drawn
from seawall.sim.falling import draw_falling, ordinary_falls, plan_fall
from seawall.sim.population import stream
from seawall.sim.recipe import Recipe, RecordedFigure, load_recipe
from seawall.sim.record import ComparedFigure, compare_record
from seawall.sim.standing import draw_cluster, draw_standing

FEWEST_ACCOUNTS = 5_000
"""Below this, groups of the population come down to no account at all."""


@dataclass(frozen=True, slots=True)
class TraderLabels(Sequence[str]):
    """Names of synthetic traders, made when asked for: ``binance-000017``.

    Parameters
    ----------
    prefixes
        Label of each venue.
    venue
        Shape (m,): each trader's venue.
    """

    prefixes: tuple[str, ...]
    venue: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.venue)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[k] for k in range(*index.indices(len(self))))
        place = range(len(self))[index]
        return f"{self.prefixes[self.venue[place]]}-{place + 1:06d}"


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
    falling = draw_falling(recipe, plan, seed, scale)
    cluster = draw_cluster(recipe, seed, scale)
    laid = Drawn.join((falling, cluster))
    left = accounts - int(plan.traders.sum()) - len(cluster)
    standing = draw_standing(recipe, markets, laid, seed, left, scale)
    drawn = Drawn.join((laid, standing))
    margined = margin_drawn(drawn, recipe, markets, seed, rules)
    account = _merge(drawn, recipe, plan.traders, left, seed)
    book = _assemble(drawn, margined, account, recipe, seed)
    book = replace(
        book, instruments=tuple(m.instrument for row in markets for m in row)
    )
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


def _merge(
    drawn: Drawn, recipe: Recipe, traders: NDArray[np.int64], standing: int, seed: int
) -> NDArray[np.int64]:
    """Account of each position, from 0, numbered in a random order.

    Within a venue and a band some positions in other coins join an account that holds BTC, and
    some of those a third one: together they fall no sooner than the first and no later than the
    last of them, so the band keeps its sums.
    """
    lead = np.arange(len(drawn))
    held = np.bincount(drawn.venue[drawn.band == Band.STANDING], minlength=len(recipe.venues))
    spare = held * (1.0 - standing / held.sum())
    for v, venue in enumerate(recipe.venues):
        for band in (Band.ORDINARY, Band.FALL, Band.RISE, Band.STANDING):
            pool = np.flatnonzero((drawn.venue == v) & (drawn.band == band))
            rng = stream(seed, f"{venue.name}/{band.name}/accounts")
            if band is Band.STANDING:
                extra = round(spare[: v + 1].sum()) - round(spare[:v].sum())
            else:
                laid_in = int(((drawn.venue == v) & (drawn.band == Band.ALONE) & (
                    drawn.side > 0)).sum()) if band is Band.FALL else 0
                extra = len(pool) + laid_in - int(traders[band, v])
            lead[pool] = _join_pool(pool, drawn.asset[pool], extra, recipe, rng)
    leaders, account = np.unique(lead, return_inverse=True)
    return stream(seed, "order").permutation(len(leaders))[account]


def _join_pool(
    pool: NDArray[np.intp],
    asset: NDArray[np.int64],
    extra: int,
    recipe: Recipe,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """The position that leads each position's account: itself, or one in BTC."""
    lead = pool.copy()
    hosts, guests = rng.permutation(np.flatnonzero(asset == 0)), rng.permutation(
        np.flatnonzero(asset > 0)
    )
    n = min(extra, len(hosts), len(guests))
    lead[guests[:n]] = pool[hosts[:n]]
    joined = guests[:n]
    second, third = joined[asset[joined] == 1], joined[asset[joined] > 1]
    m = min(round(recipe.parameters["third_leg_share"] * len(third)), len(second))
    lead[third[:m]] = lead[second[:m]]
    return lead


def _assemble(
    drawn: Drawn,
    margined: Margined,
    account: NDArray[np.int64],
    recipe: Recipe,
    seed: int,
) -> Book:
    """The book, positions account by account; accounts of one position isolated or cross."""
    m = int(account.max()) + 1
    order = np.argsort(account, kind="stable")
    venue = np.zeros(m, dtype=np.int32)
    venue[account] = drawn.venue
    several = np.bincount(account, minlength=m) > 1
    share = np.array([v.cross_share for v in recipe.venues])
    by_venue = np.bincount(venue, minlength=len(share))
    merged = np.bincount(venue, several, len(share))
    single = np.clip((share * by_venue - merged) / (by_venue - merged), 0.0, 1.0)
    cross = several | (stream(seed, "cross").random(m) < single[venue])
    accounts = Accounts(
        trader=np.arange(m, dtype=np.int32),
        venue=venue,
        isolated=~cross,
        balance=np.bincount(account, margined.balance, m).astype(np.float64),
        settle=np.zeros(m, dtype=np.int32),
    )
    positions = replace(
        margined.positions.take(order),
        row=np.arange(1, len(drawn) + 1, dtype=np.int64),
        account=account[order].astype(np.int32),
        reported_liquidation=np.full(len(drawn), np.nan),
    )
    return Book(
        positions=positions,
        accounts=accounts,
        instruments=(),
        traders=TraderLabels(tuple(v.prefix for v in recipe.venues), venue),
        venues=tuple(v.name for v in recipe.venues),
        currencies=("USD",),
        time=recipe.time,
        source=f"synthetic market of 20 November 2025, seed {seed}",
        notes=NOTES,
    )


NOTES = (
    "synthetic book: no row is a real account. Drawn so that the published liquidations of 21 "
    "November 2025 come out when prices follow their path without impact",
    "coins whose brackets a venue's rulebook does not know carry Binance's with the row",
)
"""What every reader of the book must know."""
