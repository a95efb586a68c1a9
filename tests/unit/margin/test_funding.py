"""Funding rates and payments."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.margin import funding_payment, funding_rate, impact_premium


@pytest.mark.parametrize(
    ("premium", "rate"),
    [(0.0, 0.0001), (0.0004, 0.0001), (0.0006, 0.0001), (0.001, 0.0005), (-0.001, -0.0005)],
)
def test_the_damper_holds_small_premiums_at_the_interest(premium: float, rate: float) -> None:
    assert funding_rate(np.array(premium), 0.0001, 0.0005) == pytest.approx(rate)


def test_the_cap_bounds_both_sides() -> None:
    got = funding_rate(np.array([0.1, -0.1]), 0.0001, 0.0005, cap=0.0075)
    assert got.tolist() == [0.0075, -0.0075]


def test_hyperliquids_hour() -> None:
    # (premium + clamp(0.01% - premium, 0.05%)) / 8
    premium = 0.002
    hourly = funding_rate(np.array(premium / 8), 0.0001 / 8, 0.0005 / 8, cap=0.04)
    assert hourly == pytest.approx((premium - 0.0005) / 8)


def test_longs_pay_a_positive_rate_and_shorts_receive_it() -> None:
    paid = funding_payment(np.array([2.0, -2.0]), np.array([100.0, 100.0]), np.array(0.001))
    assert paid.tolist() == pytest.approx([-0.2, 0.2])


def test_impact_premium_is_zero_inside_the_spread() -> None:
    assert impact_premium(np.array(99.0), np.array(101.0), np.array(100.0)) == 0.0
    assert impact_premium(np.array(101.0), np.array(102.0), np.array(100.0)) == pytest.approx(0.01)
    assert impact_premium(np.array(97.0), np.array(98.0), np.array(100.0)) == pytest.approx(-0.02)
