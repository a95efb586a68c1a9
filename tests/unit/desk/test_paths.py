"""Paths of prices: Brownian ones against theory, fitted ones against what they were fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from tests.unit.desk.desk_books import made_candles

from seawall.core import InputError
from seawall.desk.paths import DAY, Paths, brownian, covariance
from seawall.desk.prices import fit_prices

HOUR = 3_600.0


def test_brownian_paths_have_their_covariance_and_no_drift_of_prices() -> None:
    asked = np.array([[0.04, 0.018], [0.018, 0.09]])
    paths = brownian(("A", "B"), asked, DAY, HOUR, 40_000, 1)
    assert np.cov(paths.at(DAY).T) == pytest.approx(asked, abs=0.003)
    assert np.exp(paths.at(DAY)).mean(axis=0) == pytest.approx([1.0, 1.0], abs=0.006)


def test_brownian_extremes_are_those_of_continuous_time() -> None:
    # reflection: P(lowest <= -b) = 2 N(-b / s) without drift, however coarse the steps
    paths = brownian(("A",), np.array([[0.01]]), DAY, DAY / 2, 40_000, 2, drift=np.zeros(1))
    for b in (0.05, 0.1, 0.2):
        expected = 2 * norm.cdf(-b / 0.1)
        error = np.sqrt(expected * (1 - expected) / paths.count)
        assert abs((paths.lowest(DAY)[:, 0] <= -b).mean() - expected) < 4 * error
        assert abs((paths.highest(DAY)[:, 0] >= b).mean() - expected) < 4 * error


def test_a_path_is_cut_reordered_and_asked_for_what_it_has() -> None:
    paths = brownian(("A", "B"), np.diag([0.01, 0.04]), DAY, HOUR, 50, 3)
    assert paths.until(6 * HOUR).seconds == 6 * HOUR
    assert np.array_equal(paths.of(("B", "A")).at(DAY), paths.at(DAY)[:, ::-1])
    assert paths.thinned(7).count == 7
    with pytest.raises(InputError, match=r"no prices.*'C'.*A, B"):
        paths.of(("A", "C"))
    with pytest.raises(InputError, match="no step of the prices ends"):
        paths.steps(2 * DAY)
    with pytest.raises(InputError, match="no step of the prices ends"):
        paths.steps(60.0)


@pytest.fixture(scope="module")
def fitted() -> tuple:
    candles = made_candles(("A", "B"), 2_000)
    return candles, fit_prices(candles)


def test_fitted_paths_enclose_their_closes_and_are_decided_by_the_seed(fitted: tuple) -> None:
    _, model = fitted
    paths = model.paths(DAY, 500, 4)
    before = np.concatenate((np.zeros((500, 1, 2)), paths.close[:, :-1]), axis=1)
    assert (paths.low <= np.minimum(before, paths.close) + 1e-6).all()
    assert (paths.high >= np.maximum(before, paths.close) - 1e-6).all()
    assert np.array_equal(paths.close, model.paths(DAY, 500, 4).close)
    assert not np.array_equal(paths.close, model.paths(DAY, 500, 5).close)


def test_fitted_paths_are_as_wide_and_as_joint_as_the_past(fitted: tuple) -> None:
    candles, model = fitted
    changes = candles.changes()[0]
    day = model.paths(DAY, 20_000, 6).at(DAY)
    assert day.std(axis=0) == pytest.approx(changes.std(axis=0) * np.sqrt(24), rel=0.15)
    assert np.corrcoef(day.T)[0, 1] == pytest.approx(np.corrcoef(changes.T)[0, 1], abs=0.08)
    assert abs(day.mean(axis=0)).max() < 0.003
    assert model.daily_volatility == pytest.approx(day.std(axis=0), rel=0.08)


def test_tails_reach_beyond_what_was_seen_and_keep_what_falls_together(fitted: tuple) -> None:
    candles, model = fitted
    rows = model.hourly.residuals.rows
    v = model.hourly.volatility
    time = candles.time[1:]
    seen = candles.changes()[1] / (v.sigma * v.seasons(time)[:, None])
    assert (rows[:, 1].min(axis=0) < seen.min(axis=0)).all()

    # the joint frequency of the worst 2% of lows is that of the past
    def together(x: np.ndarray) -> float:
        worst = x <= np.quantile(x, 0.02, axis=0)
        return worst.all(axis=1).mean()

    assert together(rows[:, 1]) == pytest.approx(together(seen), abs=0.003)


def test_finer_candles_give_a_first_hour_in_their_own_steps() -> None:
    model = fit_prices(made_candles(("A",), 600, step=300.0))
    paths = model.paths(DAY, 200, 7)
    assert paths.ends[:13].tolist() == [*np.arange(300.0, 3_601.0, 300.0).tolist(), 7_200.0]
    assert paths.seconds == DAY
    assert model.paths(HOUR, 100, 7).ends[-1] == HOUR


@pytest.mark.parametrize(
    ("hours", "step", "words"),
    [(400, 3_600.0, "history is too short.*at least 21 days"), (4_000, 7_200.0, "wrong length")],
)
def test_history_that_cannot_be_fitted_is_refused(hours: int, step: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_prices(made_candles(("A",), hours, step=step))


def test_a_price_that_never_moves_is_refused() -> None:
    candles = made_candles(("A", "B"), 600)
    for column in (candles.open, candles.high, candles.low, candles.close):
        column[:, 1] = 1.0
    with pytest.raises(InputError, match=r"never moves.*'B'"):
        fit_prices(candles)


def test_paths_of_unequal_shape_are_ours() -> None:
    with pytest.raises(Exception, match="internal error"):
        Paths(("A",), np.ones(2), *(np.zeros((3, 2, k), np.float32) for k in (1, 1, 2)))


def test_what_followed_a_shock_follows_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    candles = made_candles(("A",), 1_500, sigma=0.003)
    rng = np.random.default_rng(8)
    change = np.diff(np.log(candles.close[:, 0]), prepend=np.log(100.0))
    for t in range(20, 1_490, 50):
        # shocks come in pairs
        change[t : t + 2] = rng.choice([-1.0, 1.0], 2) * 0.05
    close = 100.0 * np.exp(np.cumsum(change))[:, None]
    before = np.vstack(([[100.0]], close[:-1]))
    paired = replace(
        candles, close=close, open=before, low=np.minimum(before, close) * 0.999,
        high=np.maximum(before, close) * 1.001,
    )  # fmt: skip
    model = fit_prices(paired)

    def together() -> float:
        step = np.diff(model.paths(5 * DAY, 1_500, 9).close[:, :, 0], axis=1)
        large = np.abs(step) > 0.03
        return float((large[:, 1:] & large[:, :-1]).mean() / large.mean() ** 2)

    in_runs = together()
    monkeypatch.setattr("seawall.desk.prices.RUN", HOUR)
    # a part of it is in the volatility's own memory
    assert in_runs > 1.2 * together()


def test_a_horizon_within_a_step_is_refused_not_shortened() -> None:
    paths = brownian(("A",), np.array([[0.01]]), 6 * 3_600.0, 3_600.0, 10, 1)
    for horizon in (5_400.0, 1_800.0, 7 * 3_600.0):
        with pytest.raises(InputError, match="no step of the prices ends at this horizon"):
            paths.steps(horizon)
    assert paths.steps(7_200.0) == 2


def test_a_covariance_is_that_of_its_horizon() -> None:
    asked = np.array([[0.0009, 0.0006], [0.0006, 0.0016]])
    paths = brownian(("A", "B"), asked, DAY, 3_600.0, 40_000, 2)
    for horizon in (3_600.0, 6 * 3_600.0, DAY):
        assert np.allclose(covariance(paths, horizon), asked, rtol=0.05)
    slow = replace(paths, close=paths.close * np.float32(0.5))
    assert np.allclose(covariance(slow, DAY), asked / 4.0, rtol=0.05)
