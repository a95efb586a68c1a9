"""dYdX's quotes of a closing, against its integer arithmetic in ``Fraction``."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.margin import (
    bankruptcy_quote,
    bankruptcy_rating,
    fillable_price,
    insurance_fund_delta,
)
from seawall.margin.closing import rounded_down

MICRO = 1_000_000


def exact_quote(size: int, delta: int, price: int, ppm: int, equity: int, need: int) -> Fraction:
    """Sizes in millionths of a coin, price in whole dollars, money in millionths of a dollar."""

    def margin(held: int) -> int:
        return -(-abs(held) * price * ppm // MICRO)

    freed = abs(margin(size + delta) - margin(size))
    return Fraction(-delta * price - equity * freed // need, MICRO)


@given(
    st.integers(1, 10**9),
    st.sampled_from([1, -1]),
    st.floats(0.001, 1.0),
    st.integers(1, 100_000),
    st.sampled_from([30_000, 50_000, 100_000, 200_000]),
    st.floats(-0.5, 1.0),
    st.floats(1.0, 3.0),
)
def test_the_bankruptcy_quote_is_the_chains_to_a_millionth(
    held: int, side: int, part: float, price: int, ppm: int, equity: float, others: float
) -> None:
    size = side * held
    delta = -side * max(int(held * part), 1)
    need = int((held * price * ppm // MICRO + 1) * others)
    have = int(need * equity)
    want = exact_quote(size, delta, price, ppm, have, need)
    got = bankruptcy_quote(
        *(np.array(x) for x in (size / MICRO, delta / MICRO, price, ppm / MICRO)),
        np.array(have / MICRO),
        np.array(need / MICRO),
    )
    scale = abs(delta) * price / MICRO + abs(have) / MICRO
    assert float(got) == pytest.approx(float(want), abs=2e-6 + 1e-11 * scale)


def test_parts_in_turn_leave_an_account_with_nothing() -> None:
    size, price, rate, cash = 1.0, 50_000.0, 0.1, -47_000.0
    while size > 1e-9:
        equity, need = cash + size * price, size * price * rate
        delta = -min(0.25, size)
        cash += float(bankruptcy_quote(size, delta, price, rate, equity, need))
        size += delta
    assert cash == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_fillable_price_goes_from_the_oracle_to_the_spread(side: float) -> None:
    rate, need = 0.05, 100.0
    at = [
        float(fillable_price(side * 2.0, 1000.0, rate, equity, need, 1.0, 1.5))
        for equity in (150.0, 100.0, 50.0, 0.0, -80.0)
    ]
    away = 1.5 * rate * 1000.0
    want = [1000.0, 1000.0, 1000 - side * away / 2, 1000 - side * away, 1000 - side * away]
    np.testing.assert_allclose(at, want)


def test_a_steeper_adjustment_reaches_the_spread_sooner() -> None:
    equity = np.array([100.0, 75.0, 50.0, 25.0])
    np.testing.assert_allclose(bankruptcy_rating(equity, 100.0, 2.0), [0.0, 0.5, 1.0, 1.0])


def test_the_fund_takes_no_more_than_its_fee_and_pays_all_that_is_missing() -> None:
    delta, quote = np.array([-0.1, -0.1, -0.1, 0.1]), np.array([5100.0, 5100.0, 5100.0, -4900.0])
    fill = np.array([56_100.0, 51_051.0, 50_000.0, 49_490.0])
    got = insurance_fund_delta(delta, fill, quote, 0.005)
    np.testing.assert_allclose(got, [28.05, 5.1, -100.0, -49.0])


def test_rounding_forgives_the_last_bits_only() -> None:
    values = np.array([0.1 + 0.2, 1.0000005, -1.0000005, 2.9999999999999996, 7.0])
    np.testing.assert_array_equal(
        np.round(rounded_down(values), 12), [0.3, 1.0, -1.000001, 3.0, 7.0]
    )
