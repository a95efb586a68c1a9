"""Slots fixed in time told from a pause after each event, and what a pause hides."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.risk import tapes

from seawall.core.tape import Coverage, Tape
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Label, Shows, SlotRule, unseen
from seawall.risk.slot_estimate import Shown
from seawall.risk.slot_rule import Gaps, after_pauses, chance_of_as_few, kept_to, live_row
from seawall.risk.tape_cells import SlottedFeed, cells_of, hidden_of
from seawall.risk.tape_shares import estimate, venue_shares
from seawall.risk.tape_statistics import statistics
from seawall.risk.together import together

SLOTS = 4_000
WINDOW = (made.START, made.START + SLOTS * made.SECOND - 1)
PAUSE = made.RULES["pause"]
MS = 1_000_000


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=80), st.integers(1, 3_000))
def test_a_pause_shows_the_first_event_after_it(times: list[int], length: int) -> None:
    time = np.sort(np.array(times, dtype=np.int64))
    shown, last = [], -length
    for k, t in enumerate(time.tolist()):
        if t - last >= length:
            shown.append(k)
            last = t
    assert after_pauses(time, length).tolist() == shown


def test_gaps_by_hand() -> None:
    """0.5 s, 0.94 s, 0.96 s, 1.5 s, and one of 2 s that is not near."""
    time = np.cumsum([0, 500, 940, 960, 1500, 2000]) * MS
    found = Gaps.of(time, 10**9)
    assert (found.near, found.close) == (4, 2)
    angles = 2 * np.pi * np.array([0.5, 0.94, 0.96, 1.5])
    assert found.turned.real == pytest.approx(np.cos(angles).sum())
    assert found.turned.imag == pytest.approx(np.sin(angles).sum())
    assert Gaps.joined([found, found]) == Gaps(8, 4, 2 * found.turned)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 0.95))
def test_chance_of_as_few_is_binomial(count: int, of: int, share: float) -> None:
    below = [
        math.exp(
            math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
            + k * math.log(share) + (of - k) * math.log1p(-share)
        )
        for k in range(min(count, of) + 1)
    ]  # fmt: skip
    assert chance_of_as_few(count, of, share) == pytest.approx(math.fsum(below), rel=1e-9)


def test_its_normal_limit_meets_it() -> None:
    for count in (90, 110, 125, 140):
        near, far = chance_of_as_few(count, 500, 0.25), chance_of_as_few(count, 501, 0.25)
        assert far == pytest.approx(near, rel=0.25, abs=1e-4)


def _seen(shape: str, level: float, rule: str, seed: int) -> tuple[Tape, Tape]:
    everything = made.SHAPES[shape](level, SLOTS, np.random.default_rng(seed))
    return everything, made.thinned_by(everything, made.RULES[rule])


@pytest.mark.parametrize("shape", list(made.SHAPES))
@pytest.mark.parametrize("rule", ["latest", "largest"])
@pytest.mark.parametrize("offset", [0, 430 * MS])
def test_fixed_slots_are_never_taken_for_a_pause(shape: str, rule: str, offset: int) -> None:
    """At any rate, wherever slots begin; near a third and more of the gaps are close."""
    for level in (0.1, 1.6, 6.0):
        _, seen = _seen(shape, level, rule, 11)
        gaps = Gaps.of(seen.time + offset, made.SECOND)
        assert kept_to(SlotRule(), gaps) == SlotRule()
        if gaps.near > 500:
            assert 0.28 < gaps.close / gaps.near < 0.5


@pytest.mark.parametrize("shape", list(made.SHAPES))
def test_a_pause_is_found(shape: str) -> None:
    _, seen = _seen(shape, 1.6, "pause", 12)
    gaps = Gaps.of(seen.time, made.SECOND)
    assert gaps.close == 0
    assert kept_to(SlotRule(), gaps) == replace(SlotRule(), pause=True)


def test_what_keeps_to_neither_is_not_estimated() -> None:
    """Slots of two seconds where the venue says one."""
    _, seen = _seen("constant", 1.6, "latest", 5)
    slow = tapes.tape_of(
        time=made.START + (seen.time - made.START) * 2, coverage=Coverage.ONE_A_SLOT
    )
    window = (made.START, made.START + 2 * SLOTS * made.SECOND - 1)
    found = unseen(slow, {"x": SlotRule()}, window, draws=5)
    assert found.unruled.all()
    assert (found.events == 0).all()
    told = estimate(cells_of(slow, found))
    assert (told.value, told.label) == (1000.0 * len(slow), Label.LOWER_BOUND)
    assert kept_to(SlotRule(), Gaps(400, 50)) is None


@pytest.mark.parametrize("tick", [1000, 500, 250, 100, 10])
@pytest.mark.parametrize("rule", ["latest", "largest"])
def test_rounded_times_tell_no_pause(tick: int, rule: str) -> None:
    """Whole seconds are never closer than a second, nor half ones than a half."""
    _, seen = _seen("constant", 1.6, rule, 5)
    gaps = Gaps.of(seen.time // (tick * MS) * (tick * MS), made.SECOND)
    assert kept_to(SlotRule(), gaps) == SlotRule()
    assert (gaps.near > 0) == (tick <= 100)


def test_times_of_a_clock_that_ticks_unevenly_tell_no_pause() -> None:
    """A feed that stamps events as it pushes them, some 5 ms after each second."""
    rng = np.random.default_rng(1)
    time = made.START + np.flatnonzero(rng.random(SLOTS) < 0.6) * made.SECOND
    gaps = Gaps.of(time + (rng.random(len(time)) * 5 * MS).astype(np.int64), made.SECOND)
    assert (gaps.near > 500, gaps.close) == (True, 0)
    assert kept_to(SlotRule(), gaps) == SlotRule()


def test_live_slots_by_hand() -> None:
    """Seen from 0 to 10 s; shown at 2.5, 3.6 and 7.1: 2, 0 and 2 empty slots, and 1 after."""
    time = np.array([2_500, 3_600, 7_100]) * MS
    row = live_row(time, 10**9, 0, 10_000 * MS)
    assert (row.gaps.tolist(), row.tail) == ([2, 0, 2], 1)
    # an event that comes before its pause is over, as clocks do not tick exactly, waits for none
    early = live_row(np.array([0, 990]) * MS, 10**9, 0, 1_000 * MS)
    assert (early.gaps.tolist(), early.tail) == ([0, 0], 0)


@pytest.mark.parametrize("shape", ["constant", "switching", "self-exciting"])
def test_a_pause_is_estimated_as_a_counter_that_is_not_paralysed(shape: str) -> None:
    """Slots would be told a quarter or more too little of these, in tight intervals."""
    truth, told, held, by_slots = 0, 0.0, 0, 0.0
    for seed in range(8):
        everything, seen = _seen(shape, 0.7, "pause", 60 + seed)
        found = unseen(seen, {"v": SlotRule(1.0, Shows.LATEST)}, WINDOW, draws=80, seed=seed)
        events = estimate(cells_of(seen, found), count=True)
        assert found.pauses.all()
        truth, told = truth + len(everything), told + events.value
        held += events.low <= len(everything) <= events.high or events.label is Label.LOWER_BOUND
        by_slots += -SLOTS * math.log1p(-len(seen) / SLOTS)
    assert told == pytest.approx(truth, rel=0.04)
    assert by_slots < 0.85 * truth
    # seven expected; four or fewer would be a chance of a half in a hundred
    assert held >= 5


def test_at_a_constant_rate_it_is_the_formula_of_the_counter() -> None:
    """n / (1 - n tau), of n shown a second (Knoll)."""
    ratios = []
    for seed in range(6):
        _, seen = _seen("constant", 1.0, "pause", 90 + seed)
        found = unseen(seen, {"v": SlotRule(1.0, Shows.LARGEST)}, WINDOW, draws=1)
        formula = len(seen) / (1 - len(seen) / SLOTS)
        ratios.append((len(seen) + found.events.sum()) / formula)
        # the event shown is like those in its pause, whatever the venue says of slots
        assert found.usd == pytest.approx(found.events * seen.notional)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)


def test_beyond_three_in_a_pause_only_a_floor_is_told() -> None:
    everything, seen = _seen("constant", 6.0, "pause", 3)
    found = unseen(seen, {"v": SlotRule()}, WINDOW, draws=20)
    told = estimate(cells_of(seen, found), count=True)
    assert found.pauses.all()
    assert told.label is Label.LOWER_BOUND
    # three beside each one shown
    assert told.value == pytest.approx(4 * len(seen), rel=0.02)
    assert told.value < len(everything)


def test_quiet_instruments_are_told_together() -> None:
    """None of thirty has enough gaps to tell; all together have, and are estimated so."""
    rng = np.random.default_rng(2)
    several = [made.whole(made.bursts(0.3, SLOTS, rng), rng) for _ in range(30)]
    parts = [made.thinned_by(tape, PAUSE) for tape in several]
    n = [len(p) for p in parts]
    assert max(n) < 300
    tape = tapes.tape_of(
        time=np.concatenate([p.time for p in parts]),
        notional=np.concatenate([p.notional for p in parts]),
        instrument=np.repeat(np.arange(30), n),
        coverage=Coverage.ONE_A_SLOT,
        instruments=tuple(f"i{k}" for k in range(30)),
        venues=("v",),
    )
    found = unseen(tape, None, WINDOW, draws=5)
    assert found.pauses.all()
    everything = sum(len(t) for t in several)
    assert len(tape) + found.events.sum() == pytest.approx(everything, rel=0.04)
    got = statistics(tape, found)
    assert got.pauses == ("v",)
    assert got.volleys == ()


def test_read_feed_by_feed_it_is_the_same() -> None:
    """As a store is read; the one found for a pause is named."""
    _, seen = _seen("constant", 0.7, "pause", 4)
    cell = np.zeros(len(seen), dtype=np.int64)
    one = Shown("i", seen.time, seen.notional, cell, *WINDOW)
    feed = SlottedFeed("v", SlotRule(), [one], ())
    hidden, _ = hidden_of([feed], 1, WINDOW, draws=10)
    found = unseen(seen, {"v": SlotRule()}, WINDOW, draws=10)
    assert hidden.pauses.tolist() == [len(seen)]
    assert hidden.events.sum() == pytest.approx(found.events.sum())
    assert hidden.drawn_usd.sum(axis=1) == pytest.approx(found.drawn_usd.sum(axis=1))


def test_orders_together_are_told_under_the_same_pause() -> None:
    """Volleys within a pause show one event; beside, a venue that shows all tells how many."""
    rng = np.random.default_rng(7)
    rate = np.full(SLOTS, 1.0)
    beside = made.volleys(rate, rng, 0.02)
    one = Shown("i", beside.time, beside.notional, np.zeros(len(beside), np.int64), *WINDOW)
    told = together({"w": [one]}, PAUSE)
    assert told.mean == pytest.approx(2.0, rel=0.1)
    everything = made.volleys(rate, rng, 0.02)
    tape = made.joined(made.thinned_by(everything, PAUSE), beside)
    found = unseen(tape, {"v": SlotRule()}, WINDOW, draws=60)
    assert found.together["v"].mean == pytest.approx(2.0, rel=0.1)
    (mine,) = [v for v in venue_shares(cells_of(tape, found)) if v.venue == "v"]
    guess = mine.events + found.events.sum()
    assert guess == pytest.approx(len(everything), rel=0.1)
