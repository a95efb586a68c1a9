"""The coverage estimate on tapes whose left-out events are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.risk import tapes

from seawall.core.tape import Coverage, Kind, Tape, empty_tape
from seawall.risk import coverage_check as made
from seawall.risk._rate_model import (
    OCCUPIED,
    RATES,
    RateModel,
    _likelihood,
    fit,
    powers_of,
    row_of,
)
from seawall.risk.coverage import Label, Shows, SlotRule, unseen
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import estimate

SLOTS = 4_000
WINDOW = (made.START, made.START + SLOTS * made.SECOND - 1)


def _found(tape: Tape, shows: str, **more: int):  # type: ignore[no-untyped-def]
    rules = {"v": SlotRule(1.0, Shows(shows))}
    return unseen(tape, rules, WINDOW, **{"draws": 60, **more})


@pytest.mark.parametrize("shows", ["latest", "largest"])
@pytest.mark.parametrize(
    ("shape", "level", "events_within", "usd_within"),
    [
        (made.constant, 0.105, 0.03, 0.06),
        (made.constant, 0.7, 0.03, 0.06),
        (made.constant, 1.609, 0.04, 0.06),
        (made.wandering, 0.3, 0.04, 0.06),
        (made.bursts, 0.7, 0.04, 0.06),
    ],
)
def test_bias_is_small(shape, level, events_within, usd_within, shows):  # type: ignore[no-untyped-def]
    events, usd = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        all_of_it = made.whole(shape(level, SLOTS, rng), rng, spread=1.0)
        seen = made.thinned(all_of_it, Shows(shows))
        found = _found(seen, shows, draws=1)
        events.append((len(seen) + found.events.sum()) / len(all_of_it) - 1)
        usd.append((seen.notional + found.usd).sum() / all_of_it.notional.sum() - 1)
    assert abs(np.mean(events)) < events_within
    assert abs(np.mean(usd)) < usd_within


def test_intervals_hold_what_they_say():
    inside = 0
    for seed in range(30):
        rng = np.random.default_rng(100 + seed)
        all_of_it = made.whole(made.constant(1.0, 1500, rng), rng)
        seen = made.thinned(all_of_it, Shows.LATEST)
        ends = (made.START, made.START + 1500 * made.SECOND - 1)
        found = unseen(seen, None, ends, draws=80, seed=seed)
        left_out = len(all_of_it) - len(seen)
        low, high = np.quantile(found.drawn_events.sum(axis=1), (0.05, 0.95))
        inside += low <= left_out <= high
    # 27 expected; 22 or fewer would be a chance of 2%
    assert inside >= 23


@pytest.mark.parametrize("shows", ["latest", "largest"])
@pytest.mark.parametrize("shape", ["switching", "cascades"])
def test_intervals_hold_where_the_rate_jumps(shape, shows):  # type: ignore[no-untyped-def]
    """A rate that switches, with larger orders while it is high, and cascades."""
    held = []
    for seed in range(12):
        rng = np.random.default_rng(400 + seed)
        all_of_it = made.SHAPES[shape](1.6, SLOTS, rng)
        seen = made.thinned(all_of_it, Shows(shows))
        cells = cells_of(seen, _found(seen, shows, seed=seed, draws=100))
        usd, events = estimate(cells), estimate(cells, count=True)
        truths = (float(all_of_it.notional.sum()), len(all_of_it))
        for told, truth in zip((usd, events), truths, strict=True):
            # of a lower bound the upper end is NaN: it says nothing of what is above
            held.append(told.low <= truth and not told.high < truth)
    # of 24 some 22 expected; 17 or fewer would be a chance of 2%, were they independent
    assert sum(held) >= 18


def test_largest_is_not_taken_for_typical():
    rng = np.random.default_rng(5)
    all_of_it = made.whole(made.constant(1.5, SLOTS, rng), rng)
    seen = made.thinned(all_of_it, Shows.LARGEST)
    hidden = all_of_it.notional.sum() - seen.notional.sum()
    right = _found(seen, "largest", draws=1).usd.sum()
    wrong = _found(seen, "latest", draws=1).usd.sum()
    assert right == pytest.approx(hidden, rel=0.08)
    assert wrong > 1.5 * hidden


def test_full_slots_tell_only_a_floor():
    n = 600
    tape = tapes.tape_of(
        time=made.START + np.arange(n) * made.SECOND,
        notional=np.full(n, 100.0),
        coverage=Coverage.ONE_A_SLOT,
    )
    found = unseen(tape, draws=40)
    told = estimate(cells_of(tape, found))
    assert found.saturated.all()
    assert told.label is Label.LOWER_BOUND
    assert np.isnan(told.high)
    # at 3 a slot 2.157 stand beside each one shown
    assert told.value == pytest.approx(n * 100.0 * 3.157, rel=0.01)
    assert told.low <= told.value


def test_only_throttled_liquidations_are_corrected():
    tape = tapes.tape_of(
        time=made.START + np.arange(400) * made.SECOND,
        coverage=np.where(np.arange(400) % 2, Coverage.ONE_A_SLOT, Coverage.ALL),
        kind=np.where(np.arange(400) % 4 == 3, Kind.ADL, Kind.LIQUIDATION),
    )
    found = unseen(tape, draws=3)
    mine = (tape.coverage == Coverage.ONE_A_SLOT) & (tape.kind == Kind.LIQUIDATION)
    assert (found.events[~mine] == 0).all()
    assert (found.events[mine] > 0).all()


def test_nothing_in_nothing_out():
    found = unseen(empty_tape())
    assert len(found.events) == 0
    assert found.drawn_usd.shape == (200, 0)


def test_same_seed_same_draws():
    rng = np.random.default_rng(1)
    seen = made.thinned(made.whole(made.constant(0.5, 500, rng), rng), Shows.LATEST)
    a, b = (unseen(seen, draws=5, seed=7).drawn_usd for _ in range(2))
    assert (a == b).all()


def test_venue_slots_need_not_begin_with_ours():
    rng = np.random.default_rng(9)
    all_of_it = made.whole(made.constant(1.0, SLOTS, rng), rng)
    seen = made.thinned(all_of_it, Shows.LATEST)
    shifted = replace(seen, time=seen.time + 400_000_000)
    found = _found(shifted, "latest", draws=1)
    assert len(seen) + found.events.sum() == pytest.approx(len(all_of_it), rel=0.06)


@given(st.integers(0, 2**32 - 1), st.integers(17, 24))
@settings(deadline=None, max_examples=30)
def test_likelihood_of_a_constant_rate_is_bernoulli(seed: int, state: int) -> None:
    rng = np.random.default_rng(seed)
    occupied = np.flatnonzero(rng.random(60) < 0.4)
    if not len(occupied):
        return
    row = row_of(occupied, 0, 59)
    assert int(row.gaps.sum()) + row.tail + len(row.gaps) == 60
    # with a memory far beyond the row the chain stays in the state in which it starts
    model = RateModel(float(np.log(RATES[state])), 0.001, 1e9)
    start, move = model.start_and_move()
    assert np.diagonal(move).min() > 1 - 1e-5
    n = len(occupied)
    of_each = n * np.log(-np.expm1(-RATES)) - (60 - n) * RATES
    closed = np.log((start * np.exp(of_each - of_each.max())).sum()) + of_each.max()
    got = _likelihood(model, [row])
    assert got == pytest.approx(closed, abs=1e-3)
    # which is that of the level's own state wherever the data do not speak far against it
    if of_each.max() - of_each[state] < 2:
        assert got == pytest.approx(of_each[state], abs=0.05)


@pytest.mark.parametrize("jumps", [0.0, 0.01])
def test_passing_over_empty_slots_equals_going_through_them(jumps: float) -> None:
    model = RateModel(-1.0, 0.8, 20.0, jumps=jumps)
    start, move = model.start_and_move()
    assert move.sum(axis=1) == pytest.approx(1.0)
    assert start @ move == pytest.approx(start, abs=1e-9)
    occupied = np.array([3, 4, 9, 30, 77])
    row = row_of(occupied, 0, 99)
    here, slow = start.copy(), 0.0
    for slot in range(100):
        here = here @ move
        here *= -np.expm1(-RATES) if slot in occupied else np.exp(-RATES)
        slow += np.log(here.sum())
        here /= here.sum()
    assert _likelihood(model, [row]) == pytest.approx(slow, rel=1e-9)


def test_model_weights_sum_to_one():
    rng = np.random.default_rng(2)
    occupied = np.flatnonzero(rng.random(300) < 0.3)
    models = fit([row_of(occupied, 0, 299)])
    assert sum(m.weight for m in models) == pytest.approx(1.0)


def test_check_tells_bias_and_intervals():
    (row,) = [
        r for r in made.check(("constant",), (0.7,), tapes=4, slots=1500, draws=40)
        if r.rule == "latest"
    ]  # fmt: skip
    assert row.occupancy == pytest.approx(1 - np.exp(-0.7), abs=0.04)
    assert row.shown == pytest.approx((1 - np.exp(-0.7)) / 0.7, abs=0.04)
    assert abs(row.events_bias) < 0.06
    assert abs(row.told_events_bias) < 0.06
    assert row.told == 1.0
    assert np.isnan(row.floors_hold)


def test_a_tape_that_breaks_the_rule_is_left_as_it_is():
    """Five events in every second did not come by a feed that shows one."""
    tape = tapes.tape_of(
        time=made.START + np.repeat(np.arange(100), 5) * made.SECOND,
        coverage=Coverage.ONE_A_SLOT,
        notional=np.full(500, 10.0),
    )
    found = unseen(tape, draws=4)
    told = estimate(cells_of(tape, found))
    assert found.unruled.all()
    assert (found.events == 0).all()
    assert (told.value, told.label) == (5_000.0, Label.LOWER_BOUND)


@pytest.mark.parametrize(("begins", "ends"), [(0, 20_000), (60_000, 80_000)])
@pytest.mark.parametrize("level", [0.45, 0.9])
def test_a_busy_stretch_beside_a_long_silence(level: float, begins: int, ends: int) -> None:
    """Hours without an event are all but impossible at the stretch's rate; a number comes out."""
    rng = np.random.default_rng(8)
    rate = np.zeros(80_000)
    rate[begins:ends] = level
    everything = made.whole(rate, rng)
    seen = made.thinned(everything, Shows.LATEST)
    assert len(seen) > 6_000
    window = made.START, made.START + len(rate) * made.SECOND - 1
    found = unseen(seen, {"v": SlotRule(1.0, Shows.LATEST)}, window, draws=40)
    assert np.isfinite(found.drawn_usd).all()
    assert np.isfinite(found.held).all()
    assert len(seen) + found.events.sum() == pytest.approx(len(everything), rel=0.04)


def test_the_chance_of_a_silence_that_a_steady_rate_forbids() -> None:
    """It is below the smallest number, and its logarithm is the sum all the same."""
    model = RateModel(-0.6, 0.15, 4.0)
    start, move = model.start_and_move()
    row = row_of(np.array([9_000]), 0, 9_999)
    here, slow = start.copy(), 0.0
    for slot in range(10_000):
        here = (here @ move) * (OCCUPIED if slot == 9_000 else np.exp(-RATES))
        slow += np.log(here.sum())
        here /= here.sum()
    assert slow < -2_000
    assert _likelihood(model, [row]) == pytest.approx(slow, rel=1e-9)
    powers, scales = powers_of(move)
    for k in (1, 8, 14):
        at_once = powers[k - 1] @ powers[k - 1] * np.exp(2 * scales[k - 1] - scales[k])
        assert powers[k] == pytest.approx(at_once, rel=1e-9)


def test_the_chance_of_a_silence_of_a_year() -> None:
    """Weights that powers to a scale raise are brought back too, turn by turn."""
    model = RateModel(-9.8, 0.15, 1_000.0, jumps=0.03)
    start, move = model.start_and_move()
    silent = 365 * 86_400
    row = row_of(np.array([0, silent + 1]), 0, silent + 1)
    here, slow = start @ move * OCCUPIED, 0.0
    power, of_power = move * np.exp(-RATES), 0.0
    for bit in range(silent.bit_length()):
        if silent >> bit & 1:
            here = here @ power
            slow += of_power
        power, of_power = power @ power, 2.0 * of_power
        slow, of_power = slow + np.log(here.sum()), of_power + np.log(power.sum())
        here, power = here / here.sum(), power / power.sum()
    slow += np.log((here @ move * OCCUPIED).sum())
    assert slow < -1_000
    assert _likelihood(model, [row]) == pytest.approx(slow, rel=1e-9)
