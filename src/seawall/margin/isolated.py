"""Many isolated linear positions under one schedule, as fast as memory gives them.

The same algebra as :class:`~seawall.margin.book.MarginBook`, without a book: columns in, columns
out. For screening many sizes, leverages or prices at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import in_chunks
from seawall.core import InputError, MarginSchedule, Mistake, TierUnit
from seawall.margin import _isolated
from seawall.margin.state import MarginState

Floats = NDArray[np.float64]

_STEP = 4


def isolated_liquidation_prices(
    size: Floats,
    entry: Floats,
    balance: Floats,
    schedule: MarginSchedule,
    taker_fee: float = 0.0,
    out: Floats | None = None,
    threads: int | None = None,
) -> Floats:
    """Price at which each position's equity meets its maintenance margin.

    Parameters
    ----------
    size
        Shape (n,): signed, base units, > 0 long.
    entry, balance
        Shape (n,): entry price in USD; margin without unrealised profit, USD.
    schedule
        Brackets by notional.
    taker_fee
        Added to every rate, where the venue counts it in the maintenance margin.
    out
        Where to write, shape (n,); a fresh array by default.
    threads
        By default all that :func:`seawall._jit.workers` gives.

    Returns
    -------
    Shape (n,), USD; NaN where no positive price liquidates the position.

    Raises
    ------
    InputError
        If columns differ in length, the brackets are counted in contracts or the rate grows with
        the size.
    """
    columns = _columns(size=size, entry=entry, balance=balance)
    _, longs, shorts, deductions = _constants(schedule, taker_fee)
    price = np.empty(len(columns[0])) if out is None else out
    _same_length([*columns, price], ["size", "entry", "balance", "out"])

    def part(a: int, b: int) -> None:
        ours = [c[a:b] for c in columns]
        _isolated.linear_prices(*ours, longs, shorts, deductions, price[a:b])

    in_chunks(len(price), part, threads)
    return price


def isolated_states(
    size: Floats,
    entry: Floats,
    mark: Floats,
    balance: Floats,
    leverage: Floats,
    schedule: MarginSchedule,
    taker_fee: float = 0.0,
    out: tuple[MarginState, Floats] | None = None,
    threads: int | None = None,
) -> tuple[MarginState, Floats]:
    """Margins of each position and its liquidation price, in one pass over the columns.

    Parameters
    ----------
    size, entry, mark, balance, leverage
        Shape (n,): signed base units, prices in USD, margin in USD without unrealised profit.
    schedule, taker_fee, threads
        As for :func:`isolated_liquidation_prices`; the fee is part of the maintenance margin.
    out
        What an earlier call returned, to write into; fresh arrays by default.

    Returns
    -------
    The margins, USD, initial margin being notional at mark over leverage; and the liquidation
    prices, NaN where there is none. All of shape (n,).

    Raises
    ------
    InputError
        As :func:`isolated_liquidation_prices`.
    """
    names = ["size", "entry", "mark", "balance", "leverage"]
    columns = _columns(size=size, entry=entry, mark=mark, balance=balance, leverage=leverage)
    _same_length(columns, names)
    constants = _constants(schedule, taker_fee)
    if out is None:
        equity, initial, maintenance, price = (np.empty(len(columns[0])) for _ in range(4))
        out = MarginState(equity, initial, maintenance), price
    state, price = out
    written = [state.equity, state.initial, state.maintenance, price]
    _same_length([columns[0], *written], ["size", "equity", "initial", "maintenance", "price"])

    def part(a: int, b: int) -> None:
        ours, theirs = [c[a:b] for c in columns], [w[a:b] for w in written]
        _isolated.linear_state(*ours, *constants, *theirs)

    in_chunks(len(price), part, threads)
    return out


def _columns(**named: Floats) -> list[Floats]:
    return [np.ascontiguousarray(c, dtype=np.float64) for c in named.values()]


def _same_length(columns: list[Floats], names: list[str]) -> None:
    shapes = [c.shape for c in columns]
    if len(set(shapes)) != 1 or len(shapes[0]) != 1:
        lengths = ", ".join(f"{n} {s}" for n, s in zip(names, shapes, strict=True))
        raise InputError(
            Mistake("columns of unequal length", value=lengths, allowed="one shape (n,)")
        )


def _constants(schedule: MarginSchedule, fee: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Rates, ``1 / (1 - rate)``, ``1 / (1 + rate)`` and deductions of the bracket lines.

    Padded with the last bracket to a multiple of four, as the kernels take them.
    """
    if schedule.unit is not TierUnit.NOTIONAL:
        what = "brackets counted in contracts"
        raise InputError(Mistake(what, schedule.source, allowed="brackets by notional"))
    if schedule.growth > 0.0:
        what = "a rate that grows with the size"
        raise InputError(Mistake(what, schedule.source, allowed="brackets by notional"))
    rates, deductions = _upper_lines(schedule.rates + fee, schedule.deductions)
    rates, deductions = _padded(rates), _padded(deductions)
    return rates, 1.0 / (1.0 - rates), 1.0 / (1.0 + rates), deductions


def _upper_lines(rates: Floats, deductions: Floats) -> tuple[Floats, Floats]:
    """The lines that are the greatest somewhere: each overtakes the one before, in their order.

    All of them where the margin is continuous; given deductions may hide one behind others.
    """
    kept: list[tuple[float, float, float]] = []
    for rate, less in zip(rates.tolist(), deductions.tolist(), strict=True):
        begins = 0.0
        while kept:
            above, below, since = kept[-1]
            if rate > above:
                begins = (less - below) / (rate - above)
                if begins > since:
                    break
            elif less >= below:
                begins = np.inf
                break
            kept.pop()
            begins = 0.0
        if begins < np.inf:
            kept.append((rate, less, begins))
    columns = np.array(kept)
    return columns[:, 0], columns[:, 1]


def _padded(column: Floats) -> Floats:
    return np.concatenate((column, np.full(-len(column) % _STEP, column[-1])))
