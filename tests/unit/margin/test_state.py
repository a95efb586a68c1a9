"""Margin ratios at the edges of what a float holds."""

from __future__ import annotations

import warnings

import numpy as np

from seawall.margin.state import MarginState


def test_a_ratio_is_infinite_without_equity_and_where_it_is_next_to_nothing() -> None:
    equity = np.array([2.0, 5e-324, 1e-300, 0.0, -1.0])
    state = MarginState(equity, np.full(5, np.nan), np.array([1.0, 1.0, 1e10, 1.0, 1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ratio = state.ratio
    assert ratio.tolist() == [0.5, np.inf, np.inf, np.inf, np.inf]
    assert state.liquidatable.tolist() == [False, True, True, True, True]
