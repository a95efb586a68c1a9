"""Ranks of auto-deleveraging."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import AdlRank
from seawall.margin.deleveraging import (
    deleveraging_score,
    price_ratio_times_leverage,
    profit_times_leverage,
    profit_times_margin_ratio,
)


def one(x: float) -> np.ndarray:
    return np.array([float(x)])


def test_binance_takes_the_accounts_margin_ratio_not_the_positions() -> None:
    # a wallet of 1, a profit of 10 here, a loss of 8 elsewhere: the account's equity is 3
    score = profit_times_margin_ratio(one(10), one(1), one(1.5), one(3))
    assert score[0] == pytest.approx(10 * 0.5)


def test_binance_counts_no_ratio_without_equity_and_no_profit_below_zero() -> None:
    score = profit_times_margin_ratio(
        np.array([5.0, -5.0]), np.array([-6.0, 20.0]), np.array([1.0, 1.0])
    )
    assert score.tolist() == [0.0, 0.0]


def test_leveraged_return_orders_winners_by_and_losers_against_leverage() -> None:
    pnl, cost = np.array([10.0, 10.0, -10.0, -10.0]), np.full(4, 100.0)
    notional = cost + pnl
    equity = np.array([10.0, 100.0, 9.0, 90.0])
    score = profit_times_leverage(pnl, cost, notional, equity)
    assert score[0] > score[1] > 0 > score[2] > score[3]
    np.testing.assert_allclose(score[:2], [0.1 * 11, 0.1 * 1.1])


def test_leveraged_return_of_an_inverse_contract_counts_in_coin() -> None:
    # 1,000 USD bought at 100 and worth 250: cost 10 coins, profit 6, at 2.5 times the price
    face, entry, mark = 1000.0, 100.0, 250.0
    pnl = face * (1 / entry - 1 / mark) * mark
    score = deleveraging_score(
        AdlRank.PROFIT_TIMES_LEVERAGE,
        side=one(1),
        entry=one(entry),
        mark=one(mark),
        notional=one(face),
        cost=one(face / entry * mark),
        pnl=one(pnl),
        balance=one(500),
        equity=one(500 + pnl),
        maintenance=one(5),
    )
    assert score[0] == pytest.approx(0.6 * face / (500 + pnl))


def test_hyperliquids_index_mirrors_for_shorts() -> None:
    score = price_ratio_times_leverage(
        np.array([1.0, -1.0]), np.array([80.0, 100.0]), np.array([100.0, 80.0]), one(50), one(25)
    )
    assert score.tolist() == [2.5, 2.5]


def test_scores_are_finite_whatever_the_account() -> None:
    n = 4
    for rank in AdlRank:
        score = deleveraging_score(
            rank,
            side=np.ones(n),
            entry=np.full(n, 100.0),
            mark=np.full(n, 120.0),
            notional=np.full(n, 120.0),
            cost=np.full(n, 100.0),
            pnl=np.full(n, 20.0),
            balance=np.array([0.0, -20.0, -30.0, 1e-300]),
            equity=np.array([20.0, 0.0, -10.0, 20.0]),
            maintenance=np.ones(n),
        )
        assert np.isfinite(score).all(), rank
