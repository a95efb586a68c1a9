"""Figures of a simulated run agree with its events; new kinds of figures hold together."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from seawall.core import InternalError
from seawall.core import _columns as c
from seawall.report import Replay, Series, Unit
from seawall.report.numbers import text
from seawall.report.page.render import render_html
from seawall.report.simulate import simulate_report
from seawall.report.simulate_figures import (
    adl_chart,
    charted,
    price_charts,
    replay_of,
    waterfall_chart,
)
from seawall.report.simulate_tables import LABELS, label_of, unit_of
from seawall.sim.batch import Failure, Outcome, Task
from seawall.sim.bearers import waterfalls
from seawall.sim.paired import Domino
from seawall.sim.saved import SavedRun
from seawall.sim.summary import summarise
from unit.sim.test_sim_measures import BEFORE, ROWS, run

ABOUT: dict[str, Any] = {
    "name": "by-hand",
    "title": "By hand",
    "question": "What falls?",
    "reading": "Little.",
    "sources": ["made for a test"],
    "digest": "0" * 64,
    "settings": {},
    "source": "book.csv",
    "book_digest": "1" * 64,
    "accounts": 6,
    "positions": 5,
    "notes": ["no row is a real account"],
}


def saved(**changes: Any) -> SavedRun:
    return SavedRun(**{"run": run(), "equity_before": BEFORE, "about": ABOUT} | changes)


def test_charts_hold_what_the_events_hold() -> None:
    charts = {c.key: c for c in price_charts(run())}
    btc = {s.name: s for s in charts["price_BTC"].series}
    assert sum(btc["Longs"].y) == 180 + 88 + 240
    assert sum(btc["Shorts"].y) == 100
    assert sum(next(s for s in charts["price_ETH"].series if s.name == "Longs").y) == 0
    assert charted(run())[0] == "BTC"
    halts = [m.label for m in charts["price_BTC"].marks]
    assert halts == ["halt b"]


def test_deleveraging_stands_at_its_time_and_venue() -> None:
    shown = adl_chart(run())
    events = run().events.of(c.ADL)
    assert {s.name: s.y.sum() for s in shown.series} == {
        name: events.usd[events.venue == v].sum() for v, name in enumerate(run().floor.venues)
    }
    span = float(shown.series[0].x[1] - shown.series[0].x[0])
    for second, venue, usd in zip(events.second, events.venue, events.usd, strict=True):
        series = shown.series[int(venue)]
        bar = int(np.argmin(np.abs(np.asarray(series.x) - (second // span + 0.5) * span)))
        assert series.y[bar] >= usd > 0


def test_the_replay_holds_every_forced_closing_once() -> None:
    replay = replay_of(run())
    assert replay.names == ("a:BTC", "b:BTC", "a:ETH")
    assert replay.long_usd.sum(axis=0).tolist() == [180.0, 328.0, 0.0]
    assert replay.short_usd.sum(axis=0).tolist() == [100.0, 0.0, 0.0]
    frame = int(np.argmax(replay.long_usd[:, 0]))
    assert replay.second[frame] == 10.0
    assert replay.change[-1, 0] == pytest.approx(-0.1)


def test_a_replay_of_uneven_grids_is_refused() -> None:
    grid = np.zeros((2, 1))
    with pytest.raises(InternalError, match="grid of"):
        Replay("r", "R", [1.0, 2.0], ("a",), grid, grid, grid, np.zeros((1, 2)))


def test_intervals_have_the_length_of_their_series() -> None:
    with pytest.raises(InternalError, match="intervals"):
        Series("s", ["a"], [1.0], low=[0.0, 1.0], high=[2.0])


def test_the_waterfall_ends_at_what_nobody_paid() -> None:
    losses = waterfalls(run())
    steps = waterfall_chart(losses).series[0].y
    left = sum(step for step in steps if not np.isnan(step))
    assert left == pytest.approx(sum(w.bad_debt for w in losses))


def test_every_measure_has_a_label_and_a_unit() -> None:
    row = summarise(run(), BEFORE)
    for name in row:
        assert label_of(name) != name, name
        unit = unit_of(name)
        assert (unit is Unit.USD) == ("_usd" in name)
        assert (unit is Unit.DURATION) == name.partition(".")[0].endswith("_s")
    assert set(LABELS) <= set(row)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (61.7, "61.7 s"),
        (-5.0, "-5 s"),
        (120.0, "0:02:00"),
        (3725.4, "1:02:05"),
        (172_799.4, "47:59:59"),
        (172_799.6, "2 days"),
        (17_840_776.0, "206.5 days"),
        (-604_800.0, "-7 days"),
        (3e9, "34,722.2 days"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert text(seconds, Unit.DURATION) == words


def test_failures_and_other_runs_are_told() -> None:
    other = summarise(run(ROWS[:1]), BEFORE)
    report = simulate_report(
        saved(others=(Outcome(Task(0, 2), other, 0.1), Failure(Task(0, 3), "RuntimeError: no")))
    )
    assert any("1 run failed" in w for w in report.warnings)
    assert report.payload["failures"] == [{"seed": 3, "message": "RuntimeError: no"}]
    assert report.payload["runs"] == 2
    assert report.payload["spread"]["forced_usd"]["median"] == pytest.approx((608 + 180) / 2)
    assert any(t.key == "failures" for t in report.tables)


def test_nothing_happening_is_said() -> None:
    report = simulate_report(saved(run=run([])))
    assert report.answer[0] == "Nothing is liquidated in this run."
    assert report.payload["largest"] is None


def test_the_page_carries_the_run() -> None:
    made = simulate_report(saved(dominoes=(Domino(1, 10.0, 5.0),), paired={"x": 1.0}))
    page = render_html(made)
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.S)
    assert found is not None
    charts = {c["key"]: c for c in json.loads(found[1])}
    replay = charts["replay"]
    assert replay["kind"] == "replay"
    assert len(replay["change"]) == len(replay["second"]) == 120
    assert sum(map(sum, replay["long_usd"])) == pytest.approx(508.0)
    assert 'class="card replay wide"' in page
