"""Figures by questions to a store: those of the same tape's columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.app.feeds import alike, named, several_venues
from tests.unit.risk import tapes

from made_tapes import made_tape
from seawall.app import tape_figures, tape_stats
from seawall.core.tape import Coverage, Kind, Tape, empty_tape
from seawall.ingest.store import queries
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter
from seawall.risk import coverage
from seawall.risk import coverage_check as made
from seawall.risk.coverage import Label, Shows, SlotRule
from seawall.risk.tape_shares import groups
from seawall.risk.tape_statistics import Run, joined_run, longest_run, runs_of
from seawall.rulebook import Rules

HOUR = 3600 * made.SECOND
WINDOW = made.START, made.START + HOUR


def rules_of(venues: Any) -> Mapping[str, SlotRule]:
    return tape_stats.slot_rules(tape_stats.feeds_of(venues, WINDOW[1] - 1, Rules.bundled()))


def stored(folder: Path, tape: Tape) -> Store:
    """In parts and in the log, some events twice."""
    writer = StoreWriter(folder)
    half = len(tape) // 2
    writer.append(tape.take(slice(0, half)))
    writer.roll()
    writer.append(tape.take(slice(max(0, half - 5), len(tape))))
    return writer


def by_both(folder: Path, tape: Tape, window: tuple[int, int] = WINDOW) -> tuple[Any, Any]:
    """Figures by questions and by columns, and groups by everything."""
    inside = tape.take((tape.time >= window[0]) & (tape.time < window[1])).in_order()
    with stored(folder, tape) as store:
        found, cells = tape_figures.figures(store, window, rules_of, 60)
    ends = (window[0], window[1] - 1)
    expected, whole = tape_stats.figures_of(_sorted_names(inside), ends, None, 60)
    by = ("venue", "asset", "side")
    return (found, *groups(cells, by)), (expected, *groups(whole, by))


def _sorted_names(tape: Tape) -> Tape:
    """As a store reads it: only names that occur, in order, since draws go by their order."""
    tables: dict[str, Any] = {}
    for column in ("venue", "instrument", "asset", "source"):
        names = getattr(tape, column + "s")
        codes = getattr(tape, column)
        known = sorted({names[c] for c in np.unique(codes)})
        place = {x: k for k, x in enumerate(known)}
        tables[column] = np.array([place[names[c]] for c in codes], dtype=np.int32)
        tables[column + "s"] = tuple(known)
    return replace(tape, **tables)


def test_several_venues_come_to_the_same(tmp_path):
    got, expected = by_both(tmp_path, several_venues())
    alike(got, expected)
    found = got[0]
    labels = {v.venue: v.estimate.label for v in found.venues}
    assert set(labels.values()) == set(Label) - {Label.IMPORTED}
    assert found.unruled == ("binance_usdm",)
    assert found.adl_events > 0
    assert found.takeover_events > 0
    assert found.estimate.value > 1.02 * found.notional_usd
    assert found.minutes.unseen_usd.sum() > 0


def test_a_window_is_cut_at_its_edges(tmp_path):
    tape = several_venues(5)
    edge = int(np.sort(tape.time)[len(tape) // 2])
    got, expected = by_both(tmp_path, tape, (WINDOW[0] + 7 * 10**11, edge))
    alike(got, expected)
    assert got[0].events < len(tape) // 2


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("coverage", list(Coverage))
def test_hardly_any_events(tmp_path, count, coverage):
    tape = several_venues()
    mine = np.flatnonzero((tape.coverage == coverage) & (tape.kind == Kind.LIQUIDATION))[:count]
    got, expected = by_both(tmp_path, tape.take(mine) if count else empty_tape())
    alike(got, expected)
    assert got[0].events == count
    assert (got[0].largest is None) == (count == 0)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_any_tape_comes_to_the_same(seed: int, n: int) -> None:
    tape = made_tape(n, seed, made.START, HOUR)
    with TemporaryDirectory() as folder:
        alike(*by_both(Path(folder), tape))


def test_reading_in_small_pieces_changes_nothing(tmp_path, monkeypatch):
    tape = several_venues()
    whole, read = queries.columns, []

    def watched(*given: Any) -> dict[str, Any]:
        found = whole(*given)
        read.append(len(found["time"]))
        return found

    monkeypatch.setattr(queries, "columns", watched)
    monkeypatch.setattr(tape_figures, "AT_ONCE", 400)
    monkeypatch.setattr(tape_figures, "STRETCH", 100_000)
    # of venues that show all, only so many events are read of an instrument
    monkeypatch.setattr(tape_figures, "MOST_EVENTS", 400)
    monkeypatch.setattr(coverage, "MOST_EVENTS", 400)
    got, expected = by_both(tmp_path, tape)
    alike(got, expected)
    # but for an instrument alone, of which more are needed at once
    assert sorted(read)[-3] <= 400 < len(tape) / 5
    assert len(read) > 12


def test_stretches_of_days_come_close_to_the_whole(tmp_path, monkeypatch):
    """Twelve days of a wandering rate, estimated in one stretch and in several."""
    rng = np.random.default_rng(11)
    parts = []
    day = 86_400
    for k in range(12):
        everything = made.whole(made.wandering(0.7, 600, rng), rng, spread=1.0)
        part = made.thinned(everything, Shows.LARGEST)
        parts.append(replace(part, time=part.time + k * day * made.SECOND))
    tape = named(parts, [("binance_usdm", "BTCUSDT", 1)] * sum(map(len, parts)), rng)
    window = made.START, made.START + 12 * day * made.SECOND
    got, expected = by_both(tmp_path / "whole", tape, window)
    alike(got, expected)
    monkeypatch.setattr(tape_figures, "STRETCH", 800)
    cut, _ = by_both(tmp_path / "cut", tape, window)
    for name in ("estimate", "events_estimate"):
        whole, parted = getattr(got[0], name), getattr(cut[0], name)
        assert parted.value == pytest.approx(whole.value, rel=0.03)
        assert parted.low == pytest.approx(whole.low, rel=0.04)
    assert cut[0].events == got[0].events
    alike(cut[0].longest_run, got[0].longest_run)


@given(st.lists(st.sampled_from((1, -1)), min_size=1, max_size=50), st.data())
def test_runs_are_joined_over_stretches(sides: list[int], data: st.DataObject) -> None:
    n = len(sides)
    tape = tapes.tape_of(side=np.array(sides), notional=2.0 ** np.arange(n))
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1)) if n > 1 else st.just(set())))
    parts = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    found = [runs_of(tape.time[p], tape.side[p], tape.notional[p]) for p in parts]
    walked = max(_walked(tape), key=lambda r: (r.events, r.notional_usd))
    assert joined_run(found) == longest_run(tape) == walked
    assert joined_run([]) is None


def _walked(tape: Tape) -> list[Run]:
    runs: list[Run] = []
    for k in range(len(tape)):
        side, usd, time = int(tape.side[k]), float(tape.notional[k]), int(tape.time[k])
        if runs and runs[-1].side == side:
            last = runs.pop()
            runs.append(Run(side, last.events + 1, last.notional_usd + usd, last.start, time))
        else:
            runs.append(Run(side, 1, usd, time, time))
    return runs


def test_a_venue_that_was_not_heard_is_a_lower_bound(tmp_path):
    tape = several_venues()
    with stored(tmp_path, tape) as store:
        found, _ = tape_figures.figures(store, WINDOW, rules_of, 60, unheard=["bybit"])
    labels = {v.venue: v.estimate for v in found.venues}
    assert labels["bybit"].label is Label.LOWER_BOUND
    assert np.isnan(labels["bybit"].high)
    assert labels["bybit"].value == labels["bybit"].low
    assert found.estimate.label is Label.LOWER_BOUND
