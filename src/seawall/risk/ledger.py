"""A book laid out for the cascade: single accounts sorted by exit, joint ones in rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall._jit import workers
from seawall.core import LiquidationTerms, PartialRule
from seawall.margin import MarginBook, drivers
from seawall.risk import _layout as layout
from seawall.risk.slack import modes, watch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

_STEPS = {
    PartialRule.FULL: layout.FULL,
    PartialRule.TIERS_DOWN: layout.TIERS_DOWN,
    PartialRule.FRACTION: layout.FRACTION,
    PartialRule.SLICES: layout.SLICES,
    PartialRule.JUST_ENOUGH: layout.JUST_ENOUGH,
}


@dataclass(frozen=True, eq=False)
class Ledger:
    """Columns of the cascade's kernels, and the way back to the book.

    Attributes
    ----------
    margin
        The book under its rules.
    partial
        Whether accounts are closed by the venues' partial steps; else in full.
    groups, single
        Sorted exits of accounts with one position, and the position behind each.
    joint, rules
        Accounts that are marked again each round.
    joint_accounts, joint_positions
        The book's account and position behind each joint row.
    """

    margin: MarginBook
    partial: bool
    groups: Any
    single: Ints
    joint: Any
    rules: Any
    joint_accounts: Ints
    joint_positions: Ints
    _spare: list[Any] = field(default_factory=list, repr=False)

    @property
    def assets(self) -> tuple[str, ...]:
        """Underlyings, in the order of every array by asset."""
        return self.margin.book.assets

    @cached_property
    def lone(self) -> tuple[Ints | Floats, ...]:
        """Lone positions account by account, in columns.

        Place in :attr:`single`, group, position, account, z * u, balance less z * u0, the coin's
        mark or 0, USD at mark.
        """
        margin, p, x = self.margin, self.margin.book.positions, self.margin.lines
        place = np.argsort(p.account[self.single], kind="stable")
        rows = self.single[place]
        group = np.searchsorted(self.groups.offset, place, side="right") - 1
        account, z = p.account[rows].astype(np.int64), x.z[rows]
        mark = np.where(margin.book.inverse()[rows], p.mark[rows], 0.0)
        rest = margin.balance[account] - z * x.u0[rows]
        worth, usd = z * x.u[rows], margin.book.notional()[rows]
        return place, group, rows, account, worth, rest, mark, usd

    @cached_property
    def lone_fee(self) -> Floats:
        """Liquidation fee of the venue of each of :attr:`lone`."""
        rate = np.array([t.liquidation.fee for t in self.margin.terms])
        return rate[self.margin.book.accounts.venue[self.lone[3]]]

    @cached_property
    def joint_mark(self) -> Floats:
        """Mark of the coin each joint account is settled in, 0 for USD."""
        book = self.margin.book
        first = self.joint_positions[self.joint.start[:-1]]
        return np.where(book.inverse()[first], book.positions.mark[first], 0.0)

    @cached_property
    def accounts(self) -> Ints:
        """Accounts in the order of outcomes: lone ones, then joint ones."""
        account = self.margin.book.positions.account
        return np.concatenate((account[self.single].astype(np.int64), self.joint_accounts))

    def borrow(self) -> Any:
        """Working columns, one set per thread; :meth:`give_back` them as they were."""
        try:
            return self._spare.pop()
        except IndexError:
            return self._work()

    def give_back(self, work: Any) -> None:
        """Keep restored working columns for the next cascade: filling memory takes longer."""
        if len(self._spare) < workers():
            self._spare.append(work)

    def _work(self) -> Any:
        j, whole = self.joint, self.rules.whole
        n, m = len(j.hot), len(j.base)
        return layout.Work(
            # accounts that are closed in full leave their columns as they were
            hot=j.hot if whole else j.hot.copy(),
            fixed=j.cold[:, layout.FIXED].copy(),
            cut=np.zeros(n, dtype=np.int8),
            base=j.base if whole else j.base.copy(),
            alarm=j.alarm.copy(),
            turns=np.zeros((m, 2), dtype=np.int32),
            after=np.zeros((m, 2)),
            near=np.empty(m + 1, dtype=np.int32),
            fallen=np.empty(m, dtype=np.int32),
            woken=np.empty(m, dtype=np.int32),
            touched=np.empty(m, dtype=np.int32),
            lengths=np.zeros(5, dtype=np.int64),
            sight=np.zeros(4),
            settled=j.alarm.copy(),
            gone=np.zeros(m, dtype=np.bool_),
            early=np.empty(m, dtype=np.int32),
            sums=np.zeros((2, 2 * len(self.assets))),
            altered=np.zeros(m, dtype=np.bool_),
        )

    def path(self, rows: int) -> Any:
        """Room for ``rows`` rounds."""
        a = len(self.assets)
        return layout.Path(
            factor=np.ones((rows + 1, a)),
            forced=np.zeros((rows, a)),
            stopped=np.zeros((rows, a)),
            fallen=np.zeros(rows, dtype=np.int64),
            bounds=np.zeros((rows + 1, len(self.groups.asset)), dtype=np.int64),
        )


def build_ledger(margin: MarginBook, partial: bool = False) -> Ledger:
    """Sort and lay out a book once; any number of cascades then run on it."""
    excess = margin.accounts_state().excess
    exits = _exits(margin, excess, partial)
    rows, accounts, members = _joint_rows(margin, excess, exits)
    row_of = np.zeros(len(margin.book.accounts), dtype=np.int32)
    row_of[accounts] = np.arange(len(accounts))
    groups, single = _sort_groups(margin, exits, row_of)
    return Ledger(
        margin=margin,
        partial=partial,
        groups=groups,
        single=single,
        joint=rows,
        rules=_rules(margin, partial),
        joint_accounts=accounts,
        joint_positions=members,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Exits:
    """How positions leave, shape (n,).

    ``factor`` is the price factor at which a lone position does, ``by_stop`` whether by its
    stop. ``joint`` positions are marked again each round; ``asleep`` are those of them whose
    exit is known but need not be their last: they wake when it is passed.
    """

    factor: Floats
    by_stop: NDArray[np.bool_]
    joint: NDArray[np.bool_]
    asleep: NDArray[np.bool_]


def _exits(margin: MarginBook, excess: Floats, partial: bool) -> _Exits:
    book, x = margin.book, margin.lines
    inverse, size = book.inverse(), book.positions.size
    alone = margin.alone
    liquidation = np.full(len(book), np.nan)
    if alone.any():
        liquidation[alone] = margin.lone_liquidation_drivers(alone)
    long = size > 0
    never = np.where(long, 0.0, np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        exit_driver = liquidation / x.u
        factor = drivers(exit_driver, inverse)
        stop = book.positions.stop / book.positions.mark
    # where no positive root exists an account never falls, or is too deep below ever to stand
    under = excess[book.positions.account] <= 0
    rootless = np.where(under, np.where(long, np.inf, 0.0), never)
    factor = np.where(np.isnan(factor), rootless, factor)
    has_stop = ~np.isnan(stop)
    nearer = has_stop & np.where(long, stop >= factor, stop <= factor)
    # a stop beyond the liquidation price decides only in a jump, and a requirement that outruns
    # the profit brings down from either side: such an account is marked again
    joint = ~alone | (has_stop & ~nearer) | ((x.curves[x.table] > 0.0) & (x.z > 0.0))
    asleep = np.zeros(len(book), dtype=np.bool_)
    if partial:
        asleep = ~joint & ~nearer & ~_at_once(margin, factor)
    return _Exits(np.where(nearer, stop, factor), nearer, joint | asleep, asleep)


def _at_once(margin: MarginBook, factor: Floats) -> NDArray[np.bool_]:
    """Whether the venue's first step closes a lone position in full wherever it falls.

    Its value then is at most that at its exit, if it loses as its driver falls.
    """
    book, x, terms = margin.book, margin.lines, margin.terms
    venue, inverse = margin.venue_of_positions(), book.inverse()
    with np.errstate(divide="ignore", invalid="ignore"):
        most = np.abs(x.z) * x.u * np.where(x.z > 0, drivers(factor, inverse), np.inf)
    rules = [t.liquidation for t in terms]
    usd = np.where(inverse, book.notional(), most)
    small = usd <= np.array([_closed_in_full(r) for r in rules])[venue]
    kind = np.array([_STEPS[r.partial] for r in rules])[venue]
    floor = np.array([_floors(margin, r.tiers) for r in rules])[venue, margin.schedule]
    mode = modes(margin)
    size = np.where(mode == layout.BY_VALUE, most, np.abs(x.z) * x.u0)
    size = np.where(mode == layout.BY_CONTRACTS, _contracts(margin), size)
    # a hair below the floor: sizes are computed again, in another order, when they fall
    within = size < floor * (1.0 - 1e-9)
    by_floor = kind == layout.TIERS_DOWN
    return np.asarray((kind == layout.FULL) | np.where(by_floor, within, small))


def _closed_in_full(rules: LiquidationTerms) -> float:
    """USD up to which the first step of a venue that counts USD closes a lone position in full."""
    if rules.partial is PartialRule.FRACTION:
        return rules.threshold_usd
    return min(rules.least_usd, rules.most_usd)


def _floors(margin: MarginBook, tiers: int) -> list[float]:
    """Size below which a step of some brackets closes all, by schedule."""
    return [float(s.floors[tiers]) if tiers < len(s.floors) else np.inf for s in margin.schedules]


def _contracts(margin: MarginBook) -> Floats:
    sizes = np.array([i.contract_size for i in margin.book.instruments])
    p = margin.book.positions
    return np.asarray(np.abs(p.size) / sizes[p.instrument])


def _sort_groups(margin: MarginBook, exits: _Exits, row_of: Codes) -> tuple[Any, Ints]:
    """Lone positions by group and exit; those of the last groups only wake."""
    book = margin.book
    members = np.flatnonzero(~exits.joint | exits.asleep)
    asset, inverse = book.asset_codes()[members], book.inverse()[members]
    short = book.positions.size[members] < 0
    waking = exits.asleep[members].astype(np.int64)
    code = waking * len(book.assets) + asset
    code = ((code * 2 + inverse) * 2 + short) * 2 + exits.by_stop[members]
    key = np.where(short, exits.factor[members], -exits.factor[members])
    order = np.concatenate([np.zeros(0, dtype=np.int64), *_by_group(code, key)])
    members, code = members[order], code[order]
    present, begins = np.unique(code, return_index=True)
    offset = np.append(begins, len(members)).astype(np.int64)
    notional = book.notional()[members]
    weight = np.concatenate(
        [np.append(0.0, np.cumsum(notional[a:b])) for a, b in pairwise(offset)] or [np.zeros(0)]
    )
    last = present // 8
    groups = layout.Groups(
        offset=offset,
        asset=(last % len(book.assets)).astype(np.int64),
        side=np.where(present // 2 % 2 == 1, -1.0, 1.0),
        inverse=(present // 4 % 2 == 1),
        stop=(present % 2 == 1),
        waking=last >= len(book.assets),
        key=np.ascontiguousarray(key[order]),
        weight=weight,
        wake=row_of[book.positions.account[members]],
    )
    return groups, members[: offset[np.searchsorted(last, len(book.assets))]]


def _by_group(code: Ints, key: Floats) -> list[Ints]:
    """Members of each group in the order of their keys: one sort a group, not one of all."""
    counts = np.bincount(code)
    ends = np.cumsum(counts)
    small = np.int16 if counts.size < 2**15 else np.int64  # numpy sorts short codes by radix
    gathered = np.argsort(code.astype(small), kind="stable")
    parts = [gathered[e - c : e] for c, e in zip(counts, ends, strict=True) if c]
    return [part[np.argsort(key[part], kind="stable")] for part in parts]


def _joint_rows(margin: MarginBook, excess: Floats, exits: _Exits) -> tuple[Any, Ints, Ints]:
    """Joint accounts, those nearest to falling first: a cascade then reads memory in order."""
    book, x, p = margin.book, margin.lines, margin.book.positions
    m, members = len(book.accounts), np.flatnonzero(exits.joint)
    counts = np.bincount(p.account[members], minlength=m)
    accounts = np.flatnonzero(counts)
    watched = watch(margin, excess, members)
    asleep = np.zeros(m, dtype=np.bool_)
    asleep[p.account[exits.asleep]] = True
    alarm = np.where(asleep, np.inf, watched.alarm)
    with np.errstate(divide="ignore", invalid="ignore"):
        wait = alarm / np.maximum(watched.fall, watched.rise)
    accounts, gate = _in_blocks(accounts, wait, counts)
    gate = gate[np.isfinite(gate)]
    rank = np.zeros(m, dtype=np.int64)
    rank[accounts] = np.arange(len(accounts))
    order = members[np.argsort(rank[p.account[members]], kind="stable")]
    start = np.append(0, np.cumsum(counts[accounts])).astype(np.int64)
    asset = book.asset_codes()[order]
    driver = asset + len(book.assets) * book.inverse()[order]
    cost, fixed = x.z * x.u0, x.fixed
    parts = np.bincount(p.account[members], (cost + fixed)[members], m)
    cold = (fixed, cost, book.notional(), _contracts(margin), x.grown)
    joint = layout.Joint(
        start=start,
        base=(margin.balance - parts)[accounts],
        fall=_single_precision(watched.fall[accounts], np.inf),
        rise=_single_precision(watched.rise[accounts], np.inf),
        alarm=_single_precision(alarm[accounts], -np.inf),
        gate=gate,
        venue=book.accounts.venue[accounts].astype(np.int64),
        stopping=bool(watched.stops[accounts].any()),
        stops=watched.stops[accounts],
        sound=(watched.alarm > 0)[accounts] & ~watched.stops[accounts],
        hot=np.stack([(x.z * x.u)[order], x.add[order]], axis=1),
        tags=np.stack([x.table[order].astype(np.int32), driver.astype(np.int32)], axis=1),
        cold=np.stack([column[order] for column in cold], axis=1),
        ladder=np.stack([margin.schedule[order], modes(margin)[order]], axis=1).astype(np.int32),
        level=watched.level[order],
        driven=np.isin(np.arange(2 * len(book.assets)), driver),
    )
    return joint, accounts.astype(np.int64), order.astype(np.int64)


def _in_blocks(accounts: Ints, wait: Floats, counts: Ints) -> tuple[Ints, Floats]:
    """Accounts in blocks of rising wait, within a block by their number of positions.

    Loops over the positions of equal numbers are foreseen by the processor. Also each block's
    least wait.
    """
    accounts = accounts[np.argsort(wait[accounts], kind="stable")]
    gate = wait[accounts[:: layout.BLOCK]]
    block = np.arange(len(accounts)) // layout.BLOCK * (int(counts.max(initial=0)) + 1)
    return accounts[np.argsort(block + counts[accounts], kind="stable")], gate


def _single_precision(values: Floats, toward: float) -> NDArray[np.float32]:
    """Rounded the safe way: what is read every round takes half the memory.

    Infinite stays infinite: that is how the kernels know who sleeps.
    """
    single = np.nextafter(values.astype(np.float32), np.float32(toward), dtype=np.float32)
    return np.where(np.isinf(values), np.float32(np.inf), single)


def _rules(margin: MarginBook, partial: bool) -> Any:
    longest = max(len(s.floors) for s in margin.schedules)
    floors = np.full((len(margin.schedules), longest), np.inf)
    ladders = np.zeros((len(margin.schedules), 2, longest))
    for row, s in enumerate(margin.schedules):
        n = len(s.floors)
        floors[row, :n] = s.floors
        ladders[row, 0, :n], ladders[row, 1, :n] = s.deductions, s.rates
    terms = [t.liquidation for t in margin.terms]
    # without partial steps and stops no column of a joint account ever changes
    whole = not partial and bool(np.isnan(margin.book.positions.stop).all())
    return layout.Rules(
        whole=whole,
        steps=np.array([[_STEPS[t.partial] if partial else layout.FULL, t.tiers] for t in terms]),
        rates=np.array([[t.fraction, t.threshold_usd, t.least_usd, t.most_usd] for t in terms]),
        fees=np.array([t.fee for t in terms]),
        lines=np.stack([margin.lines.rates, margin.lines.deductions]),
        bent=bool((margin.lines.curves > 0.0).any()),
        curves=margin.lines.curves,
        floors=floors,
        ladders=ladders,
    )
