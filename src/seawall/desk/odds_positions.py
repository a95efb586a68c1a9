"""What each position adds to the cost of its account's fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.desk.closing import Closing, factors
from seawall.desk.passages import Passages

Floats = NDArray[np.float64]
COSTS = ("loss_usd", "gap_usd", "slippage_usd", "fees_usd")


def shares_of_costs(
    found: Passages,
    horizons: Sequence[float],
    closing: Closing,
    costs: Mapping[str, Floats],
    out: Mapping[str, Floats],
) -> None:
    """Fill in (n, H) means over the falls of each position's account, NaN where there is none.

    What a position loses is its way from the mark to the closing with its slippage and fees; what
    the account loses beyond that of all its positions (funding paid on the way, what the venue
    keeps, less what is owed) is shared out by their size. The shares of an account add up to it.

    Parameters
    ----------
    costs
        Of each fall, accounts one after the other: what :meth:`.Closing.costs` gave.
    out
        Of the whole book, by the names in :data:`COSTS`.
    """
    account, path = np.nonzero(found.fallen >= 0)
    edges = np.searchsorted(account, np.arange(len(found.fallen) + 1))
    ends = [found.paths.steps(h) for h in horizons]
    for k in range(len(found.fallen)):
        mine = slice(edges[k], edges[k + 1])
        if edges[k] == edges[k + 1]:
            continue
        step = found.fallen[k, path[mine]]
        held, parts = _of_account(
            found, closing, k, path[mine], {name: costs[name][mine] for name in COSTS}
        )
        for h, end in enumerate(ends):
            by = step < end
            if by.any():
                for name, values in parts.items():
                    out[name][held, h] = values[:, by].mean(axis=1)


def _of_account(
    found: Passages,
    closing: Closing,
    k: int,
    path: NDArray[np.intp],
    costs: Mapping[str, Floats],
) -> tuple[NDArray[np.int64], dict[str, Floats]]:
    """An account's positions, and what each costs in each of its falls, (h, f), USD."""
    margin, account = closing.margin, k + found.first
    held = margin.order[margin.start[account] : margin.start[account + 1]]
    book, x = margin.book, margin.lines
    code, inverse = book.asset_codes()[held], book.inverse()[held][:, None]
    before, then, closed = (f[:, code].T for f in factors(found, k, path))
    worth = (x.z[held] * x.u[held])[:, None]

    def value(ratio: Floats) -> Floats:
        return np.asarray(worth * np.where(inverse, 1.0 / ratio, ratio))

    unit = closing.unit[account]
    size = np.abs(value(closed))
    weight = size / size.sum(axis=0)
    moved = value(then) - value(before)
    total = moved.sum(axis=0)
    # the gap is a part of the way that all of them went in that step
    with np.errstate(divide="ignore", invalid="ignore"):
        went = np.where(total != 0.0, costs["gap_usd"] / unit / -total, 0.0)
    slippage = unit * closing.slippage_of(held, closed, code)
    taker = unit * closing.taker[held][:, None] * size
    fees = taker + weight * (costs["fees_usd"] - taker.sum(axis=0))
    own = unit * (worth - value(closed)) + slippage + fees
    return held, {
        "loss_usd": own + weight * (costs["loss_usd"] - own.sum(axis=0)),
        "gap_usd": -unit * went * moved,
        "slippage_usd": slippage,
        "fees_usd": fees,
    }
