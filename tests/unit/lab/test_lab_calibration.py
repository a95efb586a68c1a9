"""The search finds what is known and goes on where it stopped; draws are kept by loss alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import InputError
from seawall.lab.calibration import (
    Parameter,
    accept,
    band,
    best,
    robust_loss,
    search,
)

TRUE = {"slope": 1.4, "scale": 0.02}


@dataclass(frozen=True)
class Line:
    """A noisy line whose two numbers are to be found from three measurements."""

    noise: float = 0.01

    @property
    def parameters(self) -> Sequence[Parameter]:
        return (Parameter("slope", 0.0, 4.0), Parameter("scale", 0.001, 1.0, log=True))

    def measure(self, values: Mapping[str, float], seed: int) -> dict[str, float]:
        chance = np.random.default_rng(seed).normal(0.0, self.noise, 3)
        found = [values["slope"], values["slope"] ** 2, math.log10(values["scale"])]
        return {f"m{k}": x + e for k, (x, e) in enumerate(zip(found, chance, strict=True))}

    def loss(self, measured: Mapping[str, float]) -> float:
        aim = (TRUE["slope"], TRUE["slope"] ** 2, math.log10(TRUE["scale"]))
        return robust_loss((measured[f"m{k}"] - x) / 0.1 for k, x in enumerate(aim))


def test_known_parameters_are_recovered() -> None:
    pytest.importorskip("optuna")
    found = best(search(Line(), 150, seed=3, seeds=(1, 2)))
    assert found.values["slope"] == pytest.approx(TRUE["slope"], abs=0.1)
    assert math.log10(found.values["scale"] / TRUE["scale"]) == pytest.approx(0.0, abs=0.15)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    log = tmp_path / "log.jsonl"
    start = {"slope": 3.0, "scale": 0.5}
    whole = search(Line(), 25, seed=4, start=start)
    search(Line(), 11, seed=4, start=start, log=log)
    rest = search(Line(), 25, seed=4, start=start, log=log)
    assert rest == whole
    assert len(log.read_text().splitlines()) == 25
    assert whole[0].values == start


def test_a_narrow_search_stays_near_its_start() -> None:
    pytest.importorskip("optuna")
    start = {"slope": 1.0, "scale": 0.1}
    tried = search(Line(), 20, seed=5, start=start, radius=0.1)
    line = Line().parameters
    for trial in tried:
        for p in line:
            assert abs(p.place(trial.values[p.name]) - p.place(start[p.name])) <= 0.1 + 1e-9


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        json.dumps({"number": 0, "values": {"other": 1.0}, "loss": 1.0}),
        json.dumps({"number": 5, "values": TRUE, "loss": 1.0}),
    ],
)
def test_a_log_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    pytest.importorskip("optuna")
    log = tmp_path / "log.jsonl"
    log.write_text(text + "\n")
    with pytest.raises(InputError, match="trial") as told:
        search(Line(), 3, log=log)
    assert told.value.mistakes[0].row == 1


def test_draws_of_least_loss_are_kept_on_any_number_of_workers() -> None:
    one = accept(Line(), TRUE, 30, 8, spread=0.1, seed=6)
    assert one == accept(Line(), TRUE, 30, 8, spread=0.1, seed=6, workers=2)
    every = accept(Line(), TRUE, 30, 30, spread=0.1, seed=6)
    assert [d.loss for d in one] == sorted(d.loss for d in every)[:8]
    for draw in every:
        assert draw.loss == Line().loss(Line().measure(draw.values, draw.seed))
        assert 0.0 <= draw.values["slope"] <= 4.0
        assert 0.001 <= draw.values["scale"] <= 1.0


def test_accepted_draws_lie_around_the_truth() -> None:
    kept = accept(Line(), TRUE, 300, 30, spread=0.1, seed=7)
    slope = [d.values["slope"] for d in kept]
    low, _, high = band([d.values for d in kept], "slope")
    assert low < TRUE["slope"] < high
    assert max(slope) - min(slope) < 0.5


@given(
    st.floats(-5.0, 5.0),
    st.floats(0.01, 10.0),
    st.booleans(),
    st.floats(0.0, 1.0),
)
def test_place_undoes_at(low: float, width: float, log: bool, place: float) -> None:
    low = abs(low) + 0.01 if log else low
    p = Parameter("p", low, low + width, log)
    assert p.low - 1e-9 <= p.at(place) <= p.high + 1e-9
    assert p.place(p.at(place)) == pytest.approx(place, abs=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_no_single_moment_outweighs_all(errors: list[float]) -> None:
    loss = robust_loss(errors)
    assert 0.0 <= loss <= 16.0
    assert robust_loss([*errors, math.nan]) == pytest.approx(
        (loss * len(errors) + 16.0) / (len(errors) + 1)
    )
    small = [e / 1e7 for e in errors]
    assert robust_loss(small) == pytest.approx(np.mean(np.square(small)), rel=0.01, abs=1e-12)


def test_a_band_leaves_out_what_never_came_about() -> None:
    rows = [{"x": float(k), "y": math.nan} for k in range(101)] + [{"x": math.nan, "y": math.nan}]
    assert band(rows, "x") == pytest.approx((5.0, 50.0, 95.0))
    assert all(math.isnan(v) for v in band(rows, "y"))
