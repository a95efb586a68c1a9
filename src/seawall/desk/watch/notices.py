"""What a watch has to tell: changes of level with what to do, dead feeds, stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.desk.hedging import move_survived
from seawall.desk.rescue import Costs, Cuts, Goal, collateral_to_add, cuts
from seawall.desk.watch.levels import Level
from seawall.desk.watch.watched import Change, Doubt, Key, Watched, called
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

_LEVELS = tuple(Level)
CUTS_OF = 25
"""Accounts of one notice for which the cheapest cut is looked for, the worst first."""
_NAMED = 10
"""Accounts that are named where many leave a book at once."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The cheapest cut that brings an account back; ``row`` is 0 for all positions alike."""

    row: int
    instrument: str
    side: str
    share: float
    notional_usd: float
    cost_usd: float
    put_back_usd: float


@dataclass(frozen=True, slots=True)
class Warned:
    """One account whose level changed, and what to do.

    Attributes
    ----------
    account, venue
        Who: the trader, and the rulebook's title.
    level, before
        What it is and was.
    ratio, equity_usd
        Margin ratio (infinite without equity), equity.
    row, instrument, side, mark, liquidation_price
        The position nearest to its liquidation price, in USD; NaN where none has one.
    move
        How far all prices can move together, up or down, before it falls; 0 if it is due,
        infinite where no move fells it.
    add_usd
        Collateral that brings it to ``goal``.
    cut
        Or this cut; None where none is enough, or the account is not among the worst.
    """

    account: str
    venue: str
    level: Level
    before: Level
    ratio: float
    equity_usd: float
    row: int
    instrument: str
    side: str
    mark: float
    liquidation_price: float
    move: float
    goal: Goal
    add_usd: float
    cut: Cut | None

    @property
    def distance(self) -> float:
        """Liquidation price over mark, less 1; NaN where there is none."""
        return self.liquidation_price / self.mark - 1.0

    @property
    def worse(self) -> bool:
        """Whether it is a warning and not an all-clear."""
        return self.level > self.before


@dataclass(frozen=True, slots=True)
class FeedTold:
    """A feed that has died, or lives again.

    Attributes
    ----------
    alive
        False if nothing has come for ``seconds``.
    instruments
        What it is of: ``binance_usdm BTCUSDT``.
    why
        What the connection said last; may be empty.
    ended
        Whether the watch ends with it.
    """

    alive: bool
    instruments: tuple[str, ...]
    seconds: float
    why: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class StopTold:
    """What became of a protective stop: ``planned``, ``placed``, ``refused``, or

    ``stands``: it was placed before; ``unsure``: an answer was lost on the way, and it may stand.
    """

    outcome: str
    venue: str
    instrument: str
    side: str
    amount: float
    trigger: float
    liquidation_price: float
    why: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class SourceTold:
    """Something about what is watched, or about its stops.

    Attributes
    ----------
    text
        In words.
    bad
        Whether it is an alarm.
    about
        ``book``: whether it can be read; ``accounts``: who left it or is in it again; ``mark``: one
        that is not believed; ``stops``.
    """

    text: str
    bad: bool
    about: str = "book"


Notice = Warned | FeedTold | StopTold | SourceTold


def moved(accounts: Mapping[Key, int], left: bool) -> SourceTold:
    """That accounts are in the book no more, or again, the most endangered first."""
    ordered = sorted(accounts.items(), key=lambda item: -item[1])
    named = [f"{called(key)} ({Level(level).words})" for key, level in ordered[:_NAMED]]
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    names = ", ".join(named) + more
    if not left:
        return SourceTold(f"in the book again, and watched: {names}", False, "accounts")
    text = (
        f"NOT IN THE BOOK any more, and watched no longer: {names}. Closed, liquidated or taken "
        "out of it: look at the venue."
    )
    return SourceTold(text, ordered[0][1] > Level.CALM, "accounts")


def doubted(watched: Watched) -> tuple[SourceTold, ...]:
    """Marks of what is held that the last message left in doubt, or that it refutes."""
    names, held = watched.names(), set(watched.held.tolist())
    return tuple(
        SourceTold(_doubt(" ".join(names[d.instrument]), d), not d.refuted, "mark")
        for d in watched.doubts
        if d.instrument in held
    )


def _doubt(name: str, doubt: Doubt) -> str:
    if doubt.refuted:
        return f"{name} is marked {doubt.before:,.10g}: {doubt.price:,.10g} was not confirmed"
    return (
        f"MARK IN DOUBT: {name} at {doubt.price:,.10g}, {doubt.price / doubt.before:,.4g} times "
        f"the mark before, {doubt.before:,.10g}. It counts once a second mark confirms it: look at "
        "the venue itself."
    )


def to_tell(change: Change) -> Change:
    """A change as it is told: what got worse first, the worst of all before the others.

    A fall to a lower level is told too: else a warning that is over would be the last word.
    """
    worse = change.level > change.before
    kept = np.lexsort((-change.ratio, -change.level, ~worse))
    return Change(change.account[kept], change.before[kept], change.level[kept], change.ratio[kept])


def warned(watched: Watched, change: Change, goal: Goal) -> tuple[Warned, ...]:
    """Each account of a change with its nearest position and its ways back, at present marks."""
    if not len(change):
        return ()
    now = watched.standing(change.account)
    every = np.arange(len(change), dtype=np.int64)
    add = collateral_to_add(now, every, goal)
    worse = np.flatnonzero(change.level > change.before)[:CUTS_OF].astype(np.int64)
    found = cuts(now, worse, goal, Costs.of(now)) if len(worse) else None
    unit = _usd_per_settled(now)
    equity = now.accounts_state().equity
    move = np.minimum(move_survived(now, True), move_survived(now, False))
    price, nearest = now.printed_liquidation_price(), _nearest(now)
    out = []
    for k in every.tolist():
        i = int(nearest[k])
        account, venue = _who(now, k)
        row, symbol, side = _position(now, i)
        out.append(
            Warned(
                account=account,
                venue=venue,
                level=_LEVELS[change.level[k]],
                before=_LEVELS[change.before[k]],
                ratio=float(change.ratio[k]),
                equity_usd=float(equity[k] * unit[k]),
                row=row,
                instrument=symbol,
                side=side,
                mark=float(now.book.positions.mark[i]),
                liquidation_price=float(price[i]),
                move=float(move[k]),
                goal=goal,
                add_usd=float(add[k] * unit[k]),
                cut=None if found is None else _cheapest(now, found, k, float(unit[k])),
            )
        )
    return tuple(out)


def _who(now: MarginBook, account: int) -> tuple[str, str]:
    a = now.book.accounts
    return now.book.traders[int(a.trader[account])], now.terms[int(a.venue[account])].title


def _position(now: MarginBook, i: int) -> tuple[int, str, str]:
    p = now.book.positions
    symbol = now.book.instruments[int(p.instrument[i])].symbol
    return int(p.row[i]), symbol, "long" if p.size[i] > 0 else "short"


def _usd_per_settled(now: MarginBook) -> Floats:
    """Shape (m,): USD per unit of each account's settlement currency, at the marks."""
    book, unit = now.book, np.ones(len(now.book.accounts))
    inverse = book.inverse()
    unit[book.positions.account[inverse]] = book.positions.mark[inverse]
    return unit


def _nearest(now: MarginBook) -> NDArray[np.int64]:
    """Shape (m,): the position of each account whose liquidation price is nearest to its mark."""
    p = now.book.positions
    gap = np.abs(np.log(now.liquidation_price() / p.mark))
    gap = np.where(np.isnan(gap), np.inf, gap)
    # where no position has a price of its own, the largest stands for the account
    order = np.lexsort((-now.book.notional(), gap, p.account))
    first = np.concatenate(([0], np.flatnonzero(np.diff(p.account[order])) + 1))
    return np.asarray(order[first], dtype=np.int64)


def _cheapest(now: MarginBook, found: Cuts, account: int, unit: float) -> Cut | None:
    mine = np.flatnonzero((found.account == account) & ~np.isnan(found.share))
    if not len(mine):
        return None
    k = int(mine[np.lexsort((found.notional_usd[mine], found.cost[mine]))[0]])
    i = int(found.position[k])
    row, symbol, side = (0, "", "") if i < 0 else _position(now, i)
    return Cut(
        row,
        symbol,
        side,
        float(found.share[k]),
        float(found.notional_usd[k]),
        float(found.cost[k]) * unit,
        float(found.put_back[k]) * unit,
    )
