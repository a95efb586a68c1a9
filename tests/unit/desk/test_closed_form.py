"""First passage where nothing moves: no division by zero, and the answer that is left."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from seawall.desk.closed_form import touch_probability
from seawall.desk.paths import DAY


def test_a_price_that_does_not_move_touches_where_it_stands_and_nothing_else() -> None:
    distance = np.array([0.0, 0.1, -0.1, np.nan])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = touch_probability(distance, 0.0, DAY)
        both = touch_probability(np.array([-0.05, -0.05]), np.array([0.0, 0.04]), DAY)
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert both[0] == 0.0
    assert both[1] == pytest.approx(float(touch_probability(-0.05, 0.04, DAY)))


def test_a_drift_alone_carries_a_price_as_far_as_it_goes() -> None:
    distance = np.array([0.019, 0.021, -0.019])
    assert touch_probability(distance, 0.0, 2 * DAY, drift=0.01).tolist() == [1.0, 0.0, 0.0]
    # and is what little volatility tends to
    little = touch_probability(distance, 1e-5, 2 * DAY, drift=0.01)
    assert little == pytest.approx([1.0, 0.0, 0.0], abs=1e-9)
