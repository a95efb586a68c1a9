"""Accounts walked along those paths alone on which anything can happen to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.desk.passages import CALL_RATIO, Passages, carries, passages
from seawall.desk.paths import Paths
from seawall.margin import MarginBook
from seawall.margin import _kernels as margin_kernels

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BLOCK = 6
"""Accounts that are walked together; few, so that those far from a fall are not drawn along."""
_SLACK = 1e-6
"""Share of all that an account carries: the walk's prices, of 32 bits, are off by up to 1e-7."""
_MOST = 0.8
"""Share of the paths above which a copy of those that are left is not worth making."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How far each asset goes on each path, shape (n, A) each.

    Attributes
    ----------
    lowest, highest
        Price over that at the start, at the lowest and the highest point of the path, the start
        among them.
    """

    lowest: Floats
    highest: Floats

    @classmethod
    def of(cls, paths: Paths) -> Reach:
        """How far the prices of ``paths`` go."""
        low = np.minimum(paths.low.min(axis=1), paths.close.min(axis=1))
        high = np.maximum(paths.high.max(axis=1), paths.close.max(axis=1))
        return cls(
            np.exp(np.minimum(low, 0.0).astype(np.float64)),
            np.exp(np.maximum(high, 0.0).astype(np.float64)),
        )


def screened(
    margin: MarginBook,
    paths: Paths,
    reach: Reach,
    *,
    call_ratio: float = CALL_RATIO,
    funding: Mapping[str, float] | None = None,
) -> Passages:
    """What :func:`seawall.desk.passages.passages` finds, figure by figure.

    An account that could pay its requirement with every position at its worst point of the path,
    and all funding of it paid, is neither called nor falls there: that path need not be walked.

    Parameters
    ----------
    margin
        Its accounts should lie so that those alike are neighbours.
    paths
        Prices of the book's assets, in its order.
    reach
        Of these paths.
    """
    idle = quiet(margin, paths, reach, call_ratio, funding)
    m, n = idle.shape
    found = Passages(
        paths,
        called=np.full((m, n), -1, dtype=np.int32),
        fallen=np.full((m, n), -1, dtype=np.int32),
        point=np.zeros((m, n), dtype=np.int8),
        share=np.zeros((m, n)),
        equity=np.zeros((m, n)),
        gap=np.zeros((m, n)),
    )
    for a in range(0, m, _BLOCK):
        b = min(a + _BLOCK, m)
        left = np.flatnonzero(~idle[a:b].all(axis=0))
        if not len(left):
            continue
        some = paths
        if len(left) < _MOST * n:
            parts = {name: getattr(paths, name)[left] for name in ("close", "low", "high")}
            some = replace(paths, **parts)
        else:
            left = np.arange(n)
        walked = passages(margin, some, call_ratio=call_ratio, funding=funding, accounts=(a, b))
        for name in ("called", "fallen", "point", "share", "equity", "gap"):
            getattr(found, name)[a:b, left] = getattr(walked, name)
    return found


def quiet(
    margin: MarginBook,
    paths: Paths,
    reach: Reach,
    call_ratio: float = CALL_RATIO,
    funding: Mapping[str, float] | None = None,
) -> Mask:
    """Shape (m, n): whether an account is surely neither called nor falls on a path."""
    book, x = margin.book, margin.lines
    m, n, account = len(book.accounts), paths.count, book.positions.account.tolist()
    code, inverse = book.asset_codes().tolist(), book.inverse().tolist()
    carry, value = carries(margin, funding), x.z * x.u
    cash = margin.balance - np.bincount(book.positions.account, x.z * x.u0, m)
    worth, need, paid = np.tile(cash[:, None], n), np.zeros((m, n)), np.zeros((m, n))
    gross = np.zeros((m, n))
    one, out = np.ones(n), np.empty(n)
    for i, a in enumerate(account):
        ends = (reach.lowest[:, code[i]], reach.highest[:, code[i]])
        if inverse[i]:
            ends = (1.0 / ends[1], 1.0 / ends[0])
        most = None
        for ratio in ends:
            margin_kernels.requirement(
                x.z[i] * one, x.u[i] * ratio, np.full(n, x.table[i]), x.add[i] * one,
                x.fixed[i] * one, x.rates, x.deductions, x.curves, out,
            )  # fmt: skip
            # convex in the price: between the ends it is never above both
            most = out.copy() if most is None else np.maximum(most, out)
        need[a] += most
        held = [value[i] * ratio for ratio in ends]
        worth[a] += np.minimum(*held)
        gross[a] += np.maximum(*np.abs(held))
        paid[a] += np.maximum(*(carry[i] * h for h in held))
    have = worth - np.maximum(paid, 0.0) * paths.seconds
    return np.asarray(need + _SLACK * (gross + need) < call_ratio * have)
