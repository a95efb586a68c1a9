"""What closing a fallen account costs it: slippage through depth, fees, and who keeps the rest."""

from __future__ import annotations

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


class Closing:
    """What closing an account costs it, by its venue's rules and its assets' depth."""

    def __init__(self, margin: MarginBook, depth: Floats, law: ImpactLaw):
        self.margin, self.law = margin, law
        self.depth = depth * law.remaining
        book = margin.book
        venue = margin.venue_of_positions()
        taker = np.array([t.margin.taker_fee for t in margin.terms])[venue]
        own = book.positions.taker_fee
        self.taker = np.where(np.isnan(own), taker, own)
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
        book, x = margin.book, margin.lines
        factor = _factors(found, k, path)
        slippage, fees, closed = (np.zeros(len(path)) for _ in range(3))
        code, inverse = book.asset_codes()[held], book.inverse()[held]
        for a in np.unique(code).tolist():
            phi = factor[:, a]
            flow, worth = np.zeros(len(path)), np.zeros(len(path))
            for i, coin in zip(held[code == a].tolist(), inverse[code == a].tolist(), strict=True):
                value = abs(x.z[i]) * x.u[i] * (1.0 / phi if coin else phi)
                side = np.sign(book.positions.size[i])
                fees += self.taker[i] * value
                closed += value
                worth += side * value
                flow += side * (abs(book.positions.size[i]) if coin else value)
            slippage += np.abs(worth) * slipped(flow, self.depth[a], self.law)
        return slippage, fees, closed


def _factors(found: Passages, k: int, path: NDArray[np.intp]) -> Floats:
    """Price over mark at which account ``k`` was closed on each path, shape (f, A)."""
    step, point = found.fallen[k, path], found.point[k, path]
    prices = found.paths
    before = prices.close[path, np.maximum(step - 1, 0)] * (step > 0)[:, None]
    kinds = (prices.low, prices.high, prices.close)
    then = np.choose(point[:, None], [kind[path, step] for kind in kinds])
    start, end = np.exp(before.astype(np.float64)), np.exp(then.astype(np.float64))
    return np.asarray(start + found.share[k, path][:, None] * (end - start))
