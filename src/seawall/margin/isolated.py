"""Many isolated linear positions under one schedule, as fast as memory gives them.

The same algebra as :class:`~seawall.margin.book.MarginBook`, without a book: columns in, columns
out. For screening many sizes, leverages or prices at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import in_chunks
from seawall.core import InputError, MarginSchedule, Mistake, TierUnit
from seawall.margin import _kernels
from seawall.margin.state import MarginState

Floats = NDArray[np.float64]
Numbers = tuple[float, ...]

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
        If columns differ in length or the brackets are counted in contracts.
    """
    columns = _columns(size=size, entry=entry, balance=balance)
    _, longs, shorts, deductions = _constants(schedule, taker_fee)
    price = np.empty(len(columns[0])) if out is None else out
    _same_length([*columns, price], ["size", "entry", "balance", "out"])

    def part(a: int, b: int) -> None:
        ours = [c[a:b] for c in columns]
        _kernels.linear_prices(*ours, longs, shorts, deductions, price[a:b])

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
    threads: int | None = None,
) -> tuple[MarginState, Floats]:
    """Margins of each position and its liquidation price, in one pass over the columns.

    Parameters
    ----------
    size, entry, mark, balance, leverage
        Shape (n,): signed base units, prices in USD, margin in USD without unrealised profit.
    schedule, taker_fee, threads
        As for :func:`isolated_liquidation_prices`; the fee is part of the maintenance margin.

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
    written = [np.empty(len(columns[0])) for _ in range(4)]

    def part(a: int, b: int) -> None:
        ours, out = [c[a:b] for c in columns], [w[a:b] for w in written]
        _kernels.linear_state(*ours, *constants, *out)

    in_chunks(len(columns[0]), part, threads)
    equity, initial, maintenance, price = written
    return MarginState(equity, initial, maintenance), price


def _columns(**named: Floats) -> list[Floats]:
    return [np.ascontiguousarray(c, dtype=np.float64) for c in named.values()]


def _same_length(columns: list[Floats], names: list[str]) -> None:
    shapes = [c.shape for c in columns]
    if len(set(shapes)) != 1 or len(shapes[0]) != 1:
        lengths = ", ".join(f"{n} {s}" for n, s in zip(names, shapes, strict=True))
        raise InputError(Mistake("columns of unequal length", value=lengths, allowed="one shape (n,)"))


def _constants(schedule: MarginSchedule, fee: float) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Rates, ``1 / (1 - rate)``, ``1 / (1 + rate)`` and deductions by bracket.

    Padded with the last bracket to a multiple of four, so that few lengths are ever compiled.
    """
    if schedule.unit is not TierUnit.NOTIONAL:
        raise InputError(
            Mistake("brackets counted in contracts", schedule.source, allowed="brackets by notional")
        )
    rates, deductions = schedule.rates + fee, schedule.deductions
    pad = (0, -len(rates) % _STEP)
    rates, deductions = (np.pad(c, pad, mode="edge") for c in (rates, deductions))
    columns = (rates, 1.0 / (1.0 - rates), 1.0 / (1.0 + rates), deductions)
    first, second, third, fourth = (tuple(c.tolist()) for c in columns)
    return first, second, third, fourth
