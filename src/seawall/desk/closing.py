"""What closing a fallen account costs it: slippage through depth, fees, and who keeps the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import Surplus
from seawall.desk.passages import Passages
from seawall.liquidity import ONE_PERCENT, ImpactLaw
from seawall.margin import MarginBook

Floats = NDArray[np.float64]


def slipped(notional_usd: Floats | float, depth: Floats | float, law: ImpactLaw) -> Floats:
    """Mean price of an order less the price before it, a fraction of that, >= 0.

    The mean over the order's own way, of an order that moves the last price by the law.

    Parameters
    ----------
    depth
        USD within 1% of mid that rests there when the order comes.
    """
    moved = ONE_PERCENT * (np.abs(notional_usd) / np.asarray(depth)) ** law.exponent
    return np.asarray(-np.expm1(-moved / (1.0 + law.exponent)))


def taker_fees(margin: MarginBook) -> Floats:
    """Shape (n,): what taking costs each position, a fraction of its notional."""
    usual = np.array([t.margin.taker_fee for t in margin.terms])[margin.venue_of_positions()]
    own = margin.book.positions.taker_fee
    return np.where(np.isnan(own), usual, own)


class Closing:
    """What closing an account costs it, by its venue's rules and its assets' depth."""

    def __init__(self, margin: MarginBook, depth: Floats, law: ImpactLaw):
        self.margin, self.law = margin, law
        self.depth = depth * law.remaining
        book = margin.book
        self.taker = taker_fees(margin)
        self.fee = np.array([t.liquidation.fee for t in margin.terms])[book.accounts.venue]
        kept = np.array([t.liquidation.surplus is Surplus.FUND for t in margin.terms])
        self.to_fund = kept[book.accounts.venue]
        self.equity = margin.accounts_state().equity
        inverse = book.inverse()
        self.unit = np.ones(len(book.accounts))
        self.unit[book.positions.account[inverse]] = book.positions.mark[inverse]

    def costs(
        self, found: Passages, account: NDArray[np.intp], path: NDArray[np.intp]
    ) -> dict[str, Floats]:
        """USD of each fall: ``account`` within the block and ``path``, shape (f,) each."""
        slippage, fees, closed = (np.zeros(len(account)) for _ in range(3))
        edges = np.searchsorted(account, np.arange(len(found.fallen) + 1))
        for k in range(len(found.fallen)):
            mine = slice(edges[k], edges[k + 1])
            if edges[k] < edges[k + 1]:
                slippage[mine], fees[mine], closed[mine] = self._of_account(found, k, path[mine])
        whose = account + found.first
        unit = self.unit[whose]
        left = found.equity[account, path] - slippage - fees
        # a liquidation fee is taken from what is left of the margin, never below zero
        to_venue = np.clip(self.fee[whose] * closed, 0.0, np.maximum(left, 0.0))
        fees, left = fees + to_venue, left - to_venue
        kept = np.where(self.to_fund[whose], 0.0, np.maximum(left, 0.0))
        return {
            "loss_usd": unit * (self.equity[whose] - kept),
            "gap_usd": unit * found.gap[account, path],
            "slippage_usd": unit * slippage,
            "fees_usd": unit * fees,
            "shortfall_usd": unit * np.maximum(-left, 0.0),
        }

    def _of_account(
        self, found: Passages, k: int, path: NDArray[np.intp]
    ) -> tuple[Floats, Floats, Floats]:
        """Slippage, taker fees and what is closed in one account's falls, (f,) each."""
        margin, account = self.margin, k + found.first
        held = margin.order[margin.start[account] : margin.start[account + 1]]
        x, inverse = margin.lines, margin.book.inverse()[held][:, None]
        code = margin.book.asset_codes()[held]
        ratio = factors(found, k, path)[2][:, code].T
        size = np.abs(x.z[held] * x.u[held])[:, None] * np.where(inverse, 1.0 / ratio, ratio)
        slippage = self.slippage_of(held, ratio, code).sum(axis=0)
        return slippage, (self.taker[held][:, None] * size).sum(axis=0), size.sum(axis=0)

    def slippage_of(self, held: NDArray[np.int64], ratio: Floats, code: NDArray[Any]) -> Floats:
        """Shape (h, f): slippage of closing positions at prices over their marks, one order a coin.

        Of a coin that is held on both sides only what is left of the two slips: the position on the
        smaller side gains what the other loses by it.
        """
        book, x = self.margin.book, self.margin.lines
        inverse = book.inverse()[held][:, None]
        side = np.sign(book.positions.size[held])[:, None]
        worth = side * np.abs(x.z[held] * x.u[held])[:, None]
        worth = worth * np.where(inverse, 1.0 / ratio, ratio)
        out = np.empty_like(worth)
        for a in np.unique(code).tolist():
            mine = code == a
            flow = np.where(
                inverse[mine], side[mine] * np.abs(book.positions.size[held][mine])[:, None],
                worth[mine],
            ).sum(axis=0)  # fmt: skip
            way = np.sign(worth[mine].sum(axis=0))
            out[mine] = worth[mine] * way * slipped(flow, self.depth[a], self.law)
        return out


def factors(found: Passages, k: int, path: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Prices over marks of account ``k``'s falls on paths (f,), shape (f, A) each.

    At the close before the step of the fall, at the point of the step where the fall was met, and
    where the account was closed on the way.
    """
    step, point = found.fallen[k, path], found.point[k, path]
    prices = found.paths
    before = prices.close[path, np.maximum(step - 1, 0)] * (step > 0)[:, None]
    kinds = (prices.low, prices.high, prices.close)
    then = np.choose(point[:, None], [kind[path, step] for kind in kinds])
    start, end = np.exp(before.astype(np.float64)), np.exp(then.astype(np.float64))
    return start, end, start + found.share[k, path][:, None] * (end - start)
