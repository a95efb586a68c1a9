"""Figures of a tape against figures by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.risk import tapes

from seawall.core.tape import Coverage, Kind, Tape, empty_tape
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Label, Shows, SlotRule, unseen
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import groups, venue_shares
from seawall.risk.tape_statistics import changes, forced_share, longest_run, rank_of, statistics

MINUTE = 60 * tapes.SECOND


def _by_hand():
    return tapes.tape_of(
        time=tapes.START // MINUTE * MINUTE + np.array([0, 10, 70, 71, 200, 201]) * tapes.SECOND,
        venue=[0, 1, 0, 0, 2, 0],
        asset=[0, 0, 1, 0, 0, 0],
        side=[1, 1, -1, 1, 1, 1],
        notional=[100.0, 50.0, 300.0, 25.0, 25.0, 999.0],
        price=[10.0, 10.0, 20.0, 10.0, 10.0, 10.0],
        kind=[Kind.LIQUIDATION, Kind.PARTIAL, *[Kind.LIQUIDATION] * 3, Kind.ADL],
        account=[7, 0, 7, 8, 0, 9],
        venues=("bybit", "gate", "deribit"),
        instruments=("BTCUSDT",),
        assets=("BTC", "ETH"),
    )


def test_figures_by_hand():
    tape = _by_hand()
    got = statistics(tape, unseen(tape))
    assert (got.events, got.accounts) == (5, 2)
    assert (got.notional_usd, got.long_usd, got.short_usd) == (500.0, 200.0, 300.0)
    assert (got.adl_events, got.adl_usd) == (1, 999.0)
    assert got.largest is not None
    assert (got.largest.venue, got.largest.asset, got.largest.price) == ("bybit", "ETH", 20.0)
    assert got.largest.label is Label.MEASURED
    assert got.estimate.label is Label.MEASURED
    assert got.estimate.low == got.estimate.value == got.estimate.high == 500.0
    assert [(v.venue, v.share.value) for v in got.venues] == [
        ("bybit", 0.85),
        ("gate", 0.1),
        ("deribit", 0.05),
    ]
    assert got.top3_share.value == pytest.approx(1.0)
    assert got.minutes.events.tolist() == [2, 2, 0, 1]
    assert got.minutes.long_usd.tolist() == [150.0, 25.0, 0.0, 25.0]
    assert got.minutes.short_usd.tolist() == [0.0, 300.0, 0.0, 0.0]


def test_run_of_one_side():
    run = longest_run(_by_hand())
    assert run is not None
    # two longs before the short, two after: the larger in USD
    assert (run.side, run.events, run.notional_usd) == (1, 2, 150.0)


def test_groups():
    tape = _by_hand()
    got = groups(cells_of(tape, unseen(tape)), ("asset", "side"))
    assert [(g.names, g.events, g.notional_usd) for g in got] == [
        (("ETH", "short"), 1, 300.0),
        (("BTC", "long"), 4, 200.0),
    ]


def test_throttled_venue_gets_its_share_back():
    """Two venues of one rate, one of them thinned: half each, within the interval."""
    inside = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rate = made.constant(1.2, 3000, rng)
        complete, other = (made.whole(rate, rng, spread=0.7) for _ in range(2))
        seen = made.thinned(other, Shows.LATEST)
        tape = tapes.tape_of(
            time=np.concatenate([complete.time, seen.time]),
            notional=np.concatenate([complete.notional, seen.notional]),
            venue=np.repeat([0, 1], [len(complete), len(seen)]),
            coverage=np.repeat([Coverage.ALL, Coverage.ONE_A_SLOT], [len(complete), len(seen)]),
            venues=("bybit", "binance"),
        )
        shares = {v.venue: v for v in venue_shares(cells_of(tape, unseen(tape, draws=100)))}
        mine = shares["binance"]
        truth = other.notional.sum() / (other.notional.sum() + complete.notional.sum())
        assert mine.share_shown < 0.42
        assert mine.share.value == pytest.approx(truth, abs=0.04)
        assert mine.estimate.label is Label.MODELLED
        assert shares["bybit"].estimate.label is Label.MEASURED
        assert mine.share.low <= mine.share.value <= mine.share.high
        assert mine.share.value + shares["bybit"].share.value == pytest.approx(1.0)
        inside.append(mine.share.low <= truth <= mine.share.high)
    # nine of ten expected; six or fewer would be a chance of 1%
    assert sum(inside) >= 7


def test_a_part_without_a_rule_is_a_lower_bound():
    tape = tapes.tape_of(
        notional=[1.0, 2.0], venue=[0, 1], coverage=[Coverage.ALL, Coverage.SAMPLE],
        venues=("bybit", "okx"),
    )  # fmt: skip
    got = statistics(tape, unseen(tape))
    assert [v.estimate.label for v in got.venues] == [Label.LOWER_BOUND, Label.MEASURED]
    assert got.estimate.label is Label.LOWER_BOUND
    assert np.isnan(got.estimate.high)
    assert got.largest is not None
    assert got.largest.label is Label.LOWER_BOUND


def test_empty():
    got = statistics(empty_tape(), unseen(empty_tape()))
    assert (got.events, got.accounts, got.notional_usd) == (0, None, 0.0)
    assert got.largest is None
    assert got.longest_run is None
    assert got.venues == ()
    assert len(got.minutes.start) == 0


def test_rank_and_changes():
    rank = rank_of(5.0, np.array([1.0, 9.0, 5.0, np.nan]))
    assert (rank.place, rank.days) == (2, 4)
    assert rank.share_below == pytest.approx(1 / 3)
    assert changes({"a": 2.0}, {"a": 3.0})["a"] == (2.0, 3.0, 1.0, 1.5)
    assert np.isnan(forced_share(1.0, 0.0))
    assert forced_share(1.0, 4.0) == 0.25


def _two_venues(second: Coverage):  # type: ignore[no-untyped-def]
    """Bybit shows all it has, BTC; another venue has shown ETH."""
    tape = tapes.tape_of(
        notional=[10.0, 20.0], venue=[0, 1], asset=[0, 1], side=[1, -1],
        coverage=[Coverage.ALL, second], venues=("bybit", "gate"), assets=("BTC", "ETH"),
    )  # fmt: skip
    return tape, unseen(tape)


@pytest.mark.parametrize(
    ("coverage", "known", "label"),
    [
        (Coverage.ALL, {"unheard": ["gate"]}, Label.LOWER_BOUND),
        (Coverage.SAMPLE, {}, Label.LOWER_BOUND),
        (Coverage.ALL, {"imported": ["gate"]}, Label.IMPORTED),
        # of a venue that was not heard nothing at all may be stored
        (Coverage.ALL, {"unheard": ["okx"]}, Label.LOWER_BOUND),
        (Coverage.ALL, {}, Label.MEASURED),
    ],
)
def test_a_group_is_no_more_certain_than_the_venues_it_may_have_events_of(coverage, known, label):  # type: ignore[no-untyped-def]
    tape, left_out = _two_venues(coverage)
    cells = cells_of(tape, left_out, **known)
    for by in (("asset",), ("side",), ("asset", "side")):
        for group in groups(cells, by):
            assert group.estimate.label is label, (by, group.names)
            assert np.isnan(group.estimate.high) == (label is Label.LOWER_BOUND)
    # a group of one venue is as certain as that venue, wherever its name stands
    for by in (("venue",), ("venue", "asset"), ("side", "venue")):
        for group in groups(cells, by):
            if "bybit" in group.names:
                assert group.estimate.label is Label.MEASURED, by
            elif "okx" not in known.get("unheard", ()):
                assert group.estimate.label is label, by
    assert statistics(tape, left_out, **known).estimate.label is label


@pytest.mark.parametrize("unheard", [(), ("v",)])
def test_shares_are_of_the_figures_that_are_told(unheard):  # type: ignore[no-untyped-def]
    """Of a lower bound that is its end that holds: the table's shares are of the table's USD."""
    rng = np.random.default_rng(5)
    seen = made.thinned(made.whole(made.constant(1.0, 500, rng), rng), Shows.LATEST)
    beside = tapes.tape_of(notional=[0.4 * seen.notional.sum()] * 2, venues=("w",))
    tape = Tape.joined([seen, beside])
    window = (made.START, made.START + 500 * made.SECOND - 1)
    left_out = unseen(tape, {"v": SlotRule(1.0, Shows.LATEST)}, window)
    got = statistics(tape, left_out, unheard)
    said = {v.venue: v.estimate.told for v in got.venues}
    (slotted,) = (v.estimate for v in got.venues if v.venue == "v")
    assert slotted.label is (Label.LOWER_BOUND if unheard else Label.MODELLED)
    assert said["v"] == (slotted.low if unheard else slotted.value)
    assert (slotted.low < slotted.value) or unheard
    for venue in got.venues:
        assert venue.share.value == pytest.approx(said[venue.venue] / sum(said.values()))
        assert venue.share.low <= venue.share.value <= venue.share.high
    assert list(said.values()) == sorted(said.values(), reverse=True)
