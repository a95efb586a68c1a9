"""A book laid out to be marked again and again at new prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall._jit import in_chunks
from seawall.core import Book
from seawall.margin import _kernels
from seawall.margin.lines import Lines

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Remarking:
    """Positions account by account, in as few bytes as marking them takes.

    Attributes
    ----------
    start
        Shape (m + 1,): where each account's positions start.
    value
        Shape (n,): signed exposure times driver at the marks.
    code
        Shape (n,): which of C pairs of driver and bracket lines a position has.
    asset, inverse
        Shape (C,): the driver of each pair.
    rates, deductions
        Shape (C, K), K > 1: bracket lines of each pair.
    rest, excess
        Shape (m,): balance less what the positions cost; maintenance that no price moves.
    bent, bent_account, bent_curve
        Shape (b,): positions whose requirement is quadratic in the driver, their accounts and
        the coefficients of the square.
    """

    start: Ints
    value: Floats
    code: Codes
    asset: Codes
    inverse: NDArray[np.bool_]
    rates: Floats
    deductions: Floats
    rest: Floats
    excess: Floats
    bent: Ints
    bent_account: Ints
    bent_curve: Floats

    @classmethod
    def of(cls, book: Book, lines: Lines, balance: Floats, start: Ints, order: Ints) -> Remarking:
        """Lay a book out; ``order`` and ``start`` are the positions account by account."""
        x, account, m = lines, book.positions.account, len(book.accounts)
        asset, inverse = book.asset_codes(), book.inverse()
        adds, add = np.unique(x.add, return_inverse=True)
        pair = (x.table * np.int64(len(adds)) + add) * len(book.assets) + asset
        _, first, code = np.unique(pair * 2 + inverse, return_index=True, return_inverse=True)
        value = x.z * x.u
        rates = x.rates[x.table[first]] + x.add[first][:, None]
        deductions = x.deductions[x.table[first]]
        pad = ((0, 0), (0, 1))
        curve = x.curves[x.table[order]]
        bent = np.flatnonzero(curve > 0.0)
        return cls(
            start=start,
            value=value[order],
            code=code[order].astype(np.int32),
            asset=asset[first],
            inverse=inverse[first],
            rates=np.pad(rates, pad, mode="edge"),
            deductions=np.pad(deductions, pad, mode="edge"),
            rest=balance - np.bincount(account, x.z * x.u0, m),
            excess=np.bincount(account, x.fixed, m).astype(np.float64),
            bent=bent,
            bent_account=account[order][bent].astype(np.int64),
            bent_curve=curve[bent],
        )

    def at(
        self,
        factor: Floats,
        threads: int | None = None,
        out: tuple[Floats, Floats] | None = None,
    ) -> tuple[Floats, Floats]:
        """Equity and maintenance of each account, shape (m,), settlement currency.

        ``factor`` has shape (A,): new price over mark by asset. ``out`` is what an earlier call
        returned, to write into.
        """
        phi = np.asarray(factor, dtype=np.float64)[self.asset]
        low, less = self.rates[:, 0], self.deductions[:, 0]
        above, more = self.rates - low[:, None], self.deductions - less[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            price = np.where(self.inverse, 1.0 / phi, phi)
            # brackets of the lowest one's rate share its line: the first steeper one ends it
            edge = np.where(above > 0, more / above, np.inf).min(axis=1)
        lowest = np.stack((price, low, less, edge), axis=1)
        m = len(self.rest)
        equity, needed = (np.empty(m), np.empty(m)) if out is None else out

        def part(a: int, b: int) -> None:
            _kernels.remark(
                self.start[a : b + 1],
                self.value,
                self.code,
                lowest,
                self.rates,
                self.deductions,
                self.rest[a:b],
                self.excess[a:b],
                equity[a:b],
                needed[a:b],
            )

        in_chunks(m, part, threads)
        if self.bent.size:
            value = self.value[self.bent] * price[self.code[self.bent]]
            needed += np.bincount(self.bent_account, self.bent_curve * value * value, m)
        return equity, needed
