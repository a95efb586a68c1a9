"""The recording that comes with Seawall is the run it says, and plays in order."""

from __future__ import annotations

import itertools
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from seawall.core.tape import Kind
from seawall.room.replay import Recording, event_of
from seawall.sim.scenario import load_scenario


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.embedded()


def test_it_is_of_the_scenario_beside_it(recording: Recording) -> None:
    scenario = load_scenario(Path(str(files("seawall.room") / "embedded.toml")))
    assert recording.digest == scenario.digest()
    assert recording.title == scenario.model.title


def test_the_map_is_as_large_as_promised(recording: Recording) -> None:
    for asset in recording.assets:
        drawn = recording.drawing(asset)
        assert drawn.shades.shape[0] >= 1000
        assert drawn.shades.shape[1] >= 500
        assert drawn.shades.dtype == np.uint8
        assert drawn.low < drawn.mid.min() < drawn.mid.max() < drawn.high


def test_every_event_is_played_once_however_time_is_cut(recording: Recording) -> None:
    cuts = [-1.0, *np.sort(np.random.default_rng(3).uniform(0, recording.length, 200))]
    cuts.append(recording.length + 1)
    spans = [recording.rows(a, b) for a, b in itertools.pairwise(cuts)]
    assert [s.start for s in spans[1:]] == [s.stop for s in spans[:-1]]
    assert (spans[0].start, spans[-1].stop) == (0, len(recording.tape))


def test_candles_hold_every_price(recording: Recording) -> None:
    drawn = recording.drawing("BTC")
    rows = np.array(drawn.candles())
    assert (np.diff(rows[:, 0]) == 60).all()
    assert np.isclose(rows[:, 2].max(), drawn.mid.max())
    assert np.isclose(rows[:, 3].min(), drawn.mid.min())
    assert (rows[1:, 1] == rows[:-1, 4]).all()
    assert len(drawn.candles(until=3600.0)) == 61


def test_a_takeover_is_no_trade(recording: Recording) -> None:
    tape = recording.tape
    assert (tape.at_fill == (tape.kind != int(Kind.TAKEOVER))).all()
    assert (np.diff(tape.time) >= 0).all()
    told = event_of(tape, 0)
    assert told["notional_usd"] == pytest.approx(told["quantity"] * told["price"])
