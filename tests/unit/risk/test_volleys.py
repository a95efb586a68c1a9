"""Volleys within a slot, told from chance by where the shown events stand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.risk import tapes

from seawall.risk import coverage_check as made
from seawall.risk.coverage import Label, Shows, SlotRule, unseen
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import estimate
from seawall.risk.volleys import (
    WITHIN,
    chance_of_as_many,
    close_pairs,
    expected_pairs,
    hides_volleys,
)

SLOTS = 4_000
WINDOW = (made.START, made.START + SLOTS * made.SECOND - 1)


@pytest.mark.parametrize("shows", list(Shows))
@pytest.mark.parametrize("rate", [0.3, 1.6])
def test_pairs_of_a_poisson_process_are_as_expected(rate: float, shows: Shows) -> None:
    """Counted over 60,000 slots, against the closed form."""
    rng = np.random.default_rng(4)
    seen = made.thinned(made.whole(np.full(60_000, rate), rng), shows)
    adjacent = np.diff(seen.time // made.SECOND) == 1
    got = close_pairs(seen.time, adjacent, made.SECOND)
    expected = expected_pairs(np.full(int(adjacent.sum()), rate), shows is Shows.LATEST)
    assert np.abs(got - expected).max() < 4 * math.sqrt(expected.max())
    assert got.sum() > 0
    assert not hides_volleys(got, expected)


def test_pairs_by_hand() -> None:
    """Four events in a row of slots: 150 ms, 1 s and 1 ms apart, the last not of neighbours."""
    time = np.array([900, 1050, 2050, 2051]) * 1_000_000
    adjacent = np.array([True, True, False])
    assert dict(zip(WITHIN, close_pairs(time, adjacent, 10**9).tolist(), strict=True)) == {
        0.2: 1, 0.05: 0, 0.01: 0, 0.002: 0,
    }  # fmt: skip


@given(st.integers(0, 60), st.floats(0.01, 40.0))
def test_chance_is_that_of_a_poisson_count(count: int, mean: float) -> None:
    below = math.fsum(
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count)
    )
    assert chance_of_as_many(count, mean) == pytest.approx(1 - below, abs=1e-9)


def _label(tape, shows: Shows) -> Label:  # type: ignore[no-untyped-def]
    seen = made.thinned(tape, shows)
    found = unseen(seen, {"v": SlotRule(1.0, shows)}, WINDOW, draws=20)
    told = estimate(cells_of(seen, found))
    assert told.low <= tape.notional.sum()
    return told.label


@pytest.mark.parametrize("shows", list(Shows))
def test_volleys_leave_no_upper_end(shows: Shows) -> None:
    rng = np.random.default_rng(8)
    rate = np.full(SLOTS, 0.5)
    assert _label(made.volleys(rate, rng, 0.2), shows) is Label.LOWER_BOUND
    assert _label(made.whole(rate, rng), shows) is Label.MODELLED


def test_volleys_of_many_quiet_instruments_are_seen_together() -> None:
    """None of forty instruments has enough events to tell; all together have."""
    rng = np.random.default_rng(2)
    parts = [made.thinned(made.volleys(np.full(SLOTS, 0.03), rng, 0.2), Shows.LATEST)
             for _ in range(40)]  # fmt: skip
    n = [len(p) for p in parts]
    assert max(n) < 300
    tape = tapes.tape_of(
        time=np.concatenate([p.time for p in parts]),
        notional=np.concatenate([p.notional for p in parts]),
        instrument=np.repeat(np.arange(40), n),
        coverage=made.Coverage.ONE_A_SLOT,
        instruments=tuple(f"i{k}" for k in range(40)),
    )
    found = unseen(tape, None, WINDOW, draws=5)
    assert found.volleys.all()
    assert estimate(cells_of(tape, found)).label is Label.LOWER_BOUND
