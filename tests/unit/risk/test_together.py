"""How many events come in an instant, told by venues that show all of theirs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seawall.core.tape import Tape
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Label, Shows, SlotRule, unseen
from seawall.risk.slot_estimate import Mates, Shown
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import estimate
from seawall.risk.together import UNTOLD, Together, _below_largest, together

SLOTS = 4_000
WINDOW = (made.START, made.START + SLOTS * made.SECOND - 1)
RATE = np.full(SLOTS, 0.7)


def whole(tape: Tape) -> Shown:
    return Shown("j", tape.time, tape.notional, (tape.side > 0).astype(np.int64), *WINDOW)


@pytest.mark.parametrize("shows", list(Shows))
@pytest.mark.parametrize("lasting", [0.02, 0.001])
def test_volleys_that_another_venue_shows_are_estimated(shows: Shows, lasting: float) -> None:
    """Without it the events of the estimate are half too few, and no interval would hold them."""
    events, usd, held = [], [], 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        everything = made.volleys(RATE, rng, lasting)
        seen = made.thinned(everything, shows)
        tape = made.joined(seen, made.volleys(RATE, rng, lasting))
        found = unseen(tape, {"v": SlotRule(1.0, shows)}, WINDOW, draws=60, seed=seed)
        cells = cells_of(tape, found)
        mine = cells.of(0, "v")
        events.append((len(seen) + found.events.sum()) / len(everything) - 1)
        truth = everything.notional.sum()
        usd.append((seen.notional.sum() + found.usd.sum()) / truth - 1)
        told = estimate(cells, mine)
        held += told.low <= truth and not told.high < truth
        assert found.together["v"].mean == pytest.approx(2.0, rel=0.1)
        assert found.together["v"].told_by == ("w",)
    assert abs(np.mean(events)) < 0.04
    assert abs(np.mean(usd)) < 0.08
    assert held >= 3


@pytest.mark.parametrize("shows", list(Shows))
def test_where_the_other_venue_has_none_nothing_is_added(shows: Shows) -> None:
    rng = np.random.default_rng(3)
    told = together({"w": [whole(made.whole(RATE, rng))]}, SlotRule(1.0, shows))
    assert told.mean == 1.0
    assert 1.0 <= told.most < 1.06


@pytest.mark.parametrize("shows", list(Shows))
def test_where_no_venue_tells_the_upper_end_allows_for_two(shows: Shows) -> None:
    rng = np.random.default_rng(6)
    everything = made.volleys(RATE, rng, 0.001)
    seen = made.thinned(everything, shows)
    found = unseen(seen, {"v": SlotRule(1.0, shows)}, WINDOW, draws=100)
    assert found.together == {"v": Together()}
    cells = cells_of(seen, found)
    for count, truth in ((True, len(everything)), (False, everything.notional.sum())):
        told = estimate(cells, count=count)
        assert told.label is Label.MODELLED
        assert told.low < told.value < truth
        assert told.high > 0.95 * truth
    few = Shown("j", seen.time[:200], seen.notional[:200], np.zeros(200, np.int64), *WINDOW)
    assert together({"w": [few]}, SlotRule()).most == UNTOLD


def test_the_venue_with_the_most_sets_the_upper_end_and_all_set_the_mean() -> None:
    rng = np.random.default_rng(1)
    volleys, none = whole(made.volleys(RATE, rng, 0.01)), whole(made.whole(RATE, rng))
    told = together({"w": [volleys], "u": [none]}, SlotRule())
    assert told.told_by == ("u", "w")
    assert 1.25 < told.mean < 1.45  # of as many events each: 2 / (1 + 1/2)
    assert told.most > 1.9


def test_fills_of_one_order_count_once() -> None:
    """Five fills of each order, of one side and at one time, are no volley."""
    rng = np.random.default_rng(2)
    tape = made.whole(RATE, rng)
    again = np.repeat(np.arange(len(tape)), 5)
    fills = Shown(
        "j", tape.time[again], tape.notional[again] / 5, (tape.side[again] > 0) * 1, *WINDOW
    )
    assert together({"w": [fills]}, SlotRule()) == together({"w": [whole(tape)]}, SlotRule())


@pytest.mark.parametrize(("mean", "rate"), [(2.0, 0.7), (1.5, 1.2), (4.0, 0.2)])
def test_usd_beside_the_largest_of_volleys(mean: float, rate: float) -> None:
    """A slot's count is drawn volley by volley, its sizes are drawn, and the largest is shown."""
    rng = np.random.default_rng(11)
    slots = 60_000
    volleys = rng.poisson(rate, slots)
    count = np.array([rng.geometric(1 / mean, n).sum() for n in volleys])
    size = np.exp(rng.normal(size=count.sum()))
    slot = np.repeat(np.arange(slots), count)
    largest = np.zeros(slots)
    np.maximum.at(largest, slot, size)
    shown = largest[count > 0]
    n = len(shown)
    lonely = np.full(n, rate / -math.expm1(-rate) - 1)
    flat = np.full(n, rate)
    mates = Mates(flat, lonely, lonely, np.ones(n), "i", ())
    beside = _below_largest(mates, shown, mean)
    assert beside.sum() == pytest.approx(size.sum() - shown.sum(), rel=0.04)
