"""From drawn positions to accounts and a book."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book
from seawall.sim.population.brackets import MarketBrackets
from seawall.sim.population.collateral import Margined
from seawall.sim.population.distributions import stream
from seawall.sim.population.drawn import Band, Drawn, Luck
from seawall.sim.population.recipe import Recipe

Ints = NDArray[np.int64]


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

    def __iter__(self) -> Iterator[str]:
        for place, venue in enumerate(self.venue.tolist(), start=1):
            yield f"{self.prefixes[venue]}-{place:06d}"


def lead_positions(
    drawn: Drawn, recipe: Recipe, traders: NDArray[np.int64], standing: int, seed: int
) -> Ints:
    """Shape (n,): the position that leads the account of each; itself for most.

    Within a venue and a band some positions in other coins join an account that holds BTC, and
    some of those a third one. With every price falling (or every one rising) they fall together
    no sooner than the first and no later than the last of them, so a band keeps its sums.

    Parameters
    ----------
    drawn
        All positions.
    recipe
        Shares of accounts with several positions.
    traders
        Shape (3, V): accounts of each falling band and venue.
    standing
        Accounts of the standing band.
    seed
        Of the draw.
    """
    lead = np.arange(len(drawn))
    share = recipe.parameters["extra_positions"]["falling"]
    held = np.bincount(drawn.venue[drawn.band == Band.STANDING], minlength=len(recipe.venues))
    spare = np.round(np.cumsum(np.append(0.0, held * (1.0 - standing / held.sum()))))
    for v, venue in enumerate(recipe.venues):
        for band in (Band.ORDINARY, Band.FALL, Band.RISE, Band.STANDING):
            rows = np.flatnonzero((drawn.venue == v) & (drawn.band == band))
            stands = band is Band.STANDING
            extra = spare[v + 1] - spare[v] if stands else round(traders[band, v] * share)
            rng = stream(seed, f"{venue.name}/{band.name}/accounts")
            # shorts in BTC that stand keep to themselves, so that the cluster at the round
            # price is counted by their own liquidation prices
            host = (drawn.asset[rows] == 0) & ((drawn.side[rows] > 0) | (not stands))
            join_accounts(lead, rows, drawn.asset[rows], host, int(extra), recipe, rng)
    return lead


def join_accounts(
    lead: Ints,
    rows: Ints,
    asset: Ints,
    host: NDArray[np.bool_],
    extra: int,
    recipe: Recipe,
    rng: np.random.Generator,
) -> None:
    """Let ``extra`` of the rows in other coins be led by rows in BTC, each host by one or two."""
    hosts, guests = rng.permutation(rows[host]), rng.permutation(np.flatnonzero(asset > 0))
    n = min(extra, len(hosts), len(guests))
    guests = guests[:n]
    lead[rows[guests]] = hosts[:n]
    second, third = rows[guests[asset[guests] == 1]], rows[guests[asset[guests] > 1]]
    m = min(round(recipe.parameters["third_leg_share"] * len(third)), len(second))
    lead[third[:m]] = lead[second[:m]]


def assemble(
    drawn: Drawn,
    margined: Margined,
    lead: Ints,
    markets: list[list[MarketBrackets]],
    recipe: Recipe,
    seed: int,
) -> Book:
    """The book: accounts in a random order, positions account by account."""
    leaders, group = np.unique(lead, return_inverse=True)
    m = len(leaders)
    number = np.empty(m, dtype=np.int64)
    number[np.argsort(drawn.luck[leaders, Luck.ORDER], kind="stable")] = np.arange(m)
    account = number[group]
    order = np.argsort(account, kind="stable")
    first = leaders[np.argsort(number)]
    venue = drawn.venue[first].astype(np.int32)
    accounts = Accounts(
        trader=np.arange(m, dtype=np.int32),
        venue=venue,
        isolated=~_cross(drawn, first, np.bincount(account) > 1, recipe),
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
        instruments=tuple(m.instrument for row in markets for m in row),
        traders=TraderLabels(tuple(v.prefix for v in recipe.venues), venue),
        venues=tuple(v.name for v in recipe.venues),
        currencies=("USD",),
        time=recipe.time,
        source=f"synthetic market of {recipe.title}, seed {seed}",
        notes=_notes(recipe, markets),
    )


def _cross(
    drawn: Drawn, first: Ints, several: NDArray[np.bool_], recipe: Recipe
) -> NDArray[np.bool_]:
    """Shape (m,): who margins across; all with several positions, then up to the venue's share."""
    share = np.array([v.cross_share for v in recipe.venues])
    venue = drawn.venue[first]
    total = np.bincount(venue, minlength=len(share))
    must = np.bincount(venue, several, len(share))
    rest = np.clip((share * total - must) / np.maximum(total - must, 1.0), 0.0, 1.0)
    return np.asarray(several | (drawn.luck[first, Luck.CROSS] < rest[venue]))


def _notes(recipe: Recipe, markets: list[list[MarketBrackets]]) -> tuple[str, ...]:
    """What every reader of the book must know."""
    said = [
        f"synthetic book: no row is a real account. Drawn {recipe.aim}",
    ]
    for venue, row in zip(recipe.venues, markets, strict=True):
        borrowed = [m.instrument.symbol for m in row if m.borrowed]
        if borrowed:
            said.append(
                f"{venue.name}: a maintenance rate after {recipe.parameters['brackets_from']}'s "
                f"brackets goes with every row in {', '.join(borrowed)}"
            )
    return tuple(said)
