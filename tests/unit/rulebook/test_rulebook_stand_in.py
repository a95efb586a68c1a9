"""The greatest of the known brackets, as one continuous schedule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import MarginSchedule, RuleError, TierUnit
from seawall.rulebook._stand_in import chords, envelope, greatest

SIZES = np.concatenate(([0.0], np.geomspace(1e-3, 1e7, 400)))


def asked(schedule, sizes):
    """Margin asked, bracket by bracket as a venue reads its table."""
    k = np.searchsorted(schedule.floors, sizes, side="right") - 1
    return schedule.rates[k] * sizes - schedule.deductions[k]


@st.composite
def tables(draw):
    steps = draw(st.lists(st.floats(1, 1e5), max_size=6))
    count = len(steps) + 1
    rates = draw(st.lists(st.floats(1e-4, 0.2), min_size=count, max_size=count))
    return np.concatenate(([0.0], np.cumsum(steps))), np.sort(np.array(rates))


@given(st.lists(tables(), min_size=1, max_size=5))
def test_it_is_the_greatest_at_every_size_and_no_more(given_tables):
    schedules = [MarginSchedule.continuous(f, r) for f, r in given_tables]
    found = greatest([("X", s) for s in schedules], {}, "", "")
    expected = np.max([asked(s, SIZES) for s in schedules], axis=0)
    assert np.allclose(asked(found, SIZES), expected, rtol=1e-9, atol=1e-6)
    assert found.cautious
    assert found.unit is TierUnit.NOTIONAL


@given(tables(), st.floats(0.1, 1000))
def test_it_lies_above_tiers_by_contracts_without_a_jump(table, usd):
    floors, rates = table
    tiers = MarginSchedule.stepped(floors, rates * 0.1)
    found = greatest([("X", tiers)], {"X": usd}, "", "")
    sizes = np.concatenate((SIZES, floors * usd, np.nextafter(floors[1:] * usd, 0)))
    k = np.searchsorted(floors * usd, sizes, side="right") - 1
    need = tiers.rates[k] * sizes
    have = asked(found, sizes)
    assert np.all(have >= need * (1 - 1e-9) - 1e-6)
    lines = found.rates[:, None] * sizes - found.deductions[:, None]
    assert np.allclose(have, lines.max(axis=0), rtol=1e-9, atol=1e-6)


def test_chords_join_the_margins_just_after_the_jumps():
    slopes, deductions = chords(np.array([0.0, 100.0, 300.0]), np.array([0.01, 0.02, 0.04]))
    assert slopes.tolist() == pytest.approx([0.02, 0.05])
    assert deductions.tolist() == pytest.approx([0.0, 3.0])
    steep = chords(np.array([0.0, 100.0, 101.0]), np.array([0.1, 0.1, 0.2]))
    assert np.allclose(steep, [[0.1, 0.99], [0.0, 0.99 * 101 - 20.2]])
    assert [a.tolist() for a in chords(np.zeros(1), np.array([0.02]))] == [[0.02], [0.0]]


def test_lines_that_are_nowhere_the_greatest_fall_away():
    rates = np.array([0.01, 0.02, 0.05, 0.05, 0.03])
    floors, kept = envelope(rates, np.array([0.0, 0.0, 30.0, 90.0, 25.0]))
    assert floors.tolist() == pytest.approx([0, 1000])
    assert kept.tolist() == [0.02, 0.05]


def test_tiers_whose_contracts_have_no_value_are_left_out():
    tiers = MarginSchedule.stepped(np.array([0.0, 10.0]), np.array([0.3, 0.4]))
    plain = MarginSchedule.flat(0.02)
    found = greatest([("X", tiers), ("Y", plain)], {"Z": 1.0}, "", "")
    assert found.rates.tolist() == [0.02]
    with pytest.raises(RuleError, match=r"rulebook v.*brackets.any.envelope"):
        greatest([("X", tiers)], {}, "", "rulebook v")
