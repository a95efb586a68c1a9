"""The grading itself: on prices whose law is known, it says what is so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.desk.desk_books import START, made_candles

from seawall.core import InputError
from seawall.desk.grades import Grades, as_toml, grades
from seawall.desk.grading import MODELS, Trials, grade, graded_book
from seawall.desk.history import read_candles
from seawall.desk.paths import DAY
from seawall.desk.scores import brier, exceedances, reliability, reliability_by_group

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS


def trials_of(p: np.ndarray, y: np.ndarray) -> Trials:
    """Forecasts (N, K) of a day of K accounts named alike; every model the same."""
    n, k = p.shape
    place = np.full((len(MODELS), n, 1, 2, 1), 0.5)
    return Trials(
        ("A",), tuple(f"A long {j}" for j in range(k)), (DAY,), START + np.arange(n) * DAY_NS,
        np.repeat(p[None, :, :, None], len(MODELS), axis=0), y[:, :, None], p[:, :, None],
        y[:, :, None], place,
    )  # fmt: skip


def test_what_comes_as_often_as_predicted_is_called_calibrated_and_what_does_not_is_not() -> None:
    rng = np.random.default_rng(1)
    p = rng.choice([0.003, 0.03, 0.3], size=(300, 40))
    u = rng.random(p.shape)
    for factor, ratio in ((1.0, 1.0), (2.0, 2.0)):
        rows = reliability(trials_of(p, u < factor * p))
        found = {(r.above, r.below): r for r in rows}
        assert sum(r.forecasts for r in rows) == 2 * p.size
        middle = found[0.25, 0.5]
        assert middle.predicted == pytest.approx(0.3)
        assert middle.ratio == pytest.approx(ratio, rel=0.06)
        assert middle.calibrated == (ratio == 1.0)
        assert middle.low < middle.ratio < middle.high
        assert found[0.0, 1.0].calibrated == (ratio == 1.0)


def test_what_falls_together_leaves_more_to_chance_than_what_falls_alone() -> None:
    n, k, count, p = 200, 30, 1_000, 0.004
    plain = trials_of(np.full((n, k), p), np.zeros((n, k), dtype=np.bool_))
    rng = np.random.default_rng(5)

    def kept(fallen: np.ndarray) -> Trials:
        together = np.zeros((n, 1, 7, count), dtype=np.uint16)
        together[:, 0, 0] = fallen
        return replace(plain, together=together)

    alone = kept(rng.binomial(k, p, size=(n, count)))
    as_one = kept(k * (rng.random((n, count)) < p))
    found = [next(r for r in reliability(t) if r.below == 0.005) for t in (alone, as_one)]
    expected = n * k * p
    for row, spread in zip(found, (1.0, k), strict=True):
        half = 1.96 * np.sqrt(spread * expected) / expected
        assert row.chance_high - 1.0 == pytest.approx(half, rel=0.3)
        assert row.chance_low == pytest.approx(max(0.0, 1.0 - half), abs=0.2)
    # windows that overlap say one thing twice
    halved = replace(alone, time=START + np.arange(n) * DAY_NS // 2)
    wider = next(r for r in reliability(halved) if r.below == 0.005)
    gain = (wider.chance_high - wider.chance_low) / (found[0].chance_high - found[0].chance_low)
    assert gain == pytest.approx(np.sqrt(2.0), rel=0.2)
    assert all(np.isnan(r.chance_low) for r in reliability(plain))


def test_bins_too_thin_say_nothing() -> None:
    rows = reliability(trials_of(np.full((3, 2), 0.03), np.zeros((3, 2), dtype=np.bool_)))
    thin = next(r for r in rows if (r.above, r.below) == (0.02, 0.05))
    assert np.isnan(thin.low)
    assert thin.calibrated
    assert thin.ratio == 0.0


def test_each_asset_is_held_against_its_own_outcomes() -> None:
    rng = np.random.default_rng(3)
    p = np.full((200, 8), 0.4)
    y = rng.random(p.shape) < np.where(np.arange(8) < 4, 0.4, 0.8)
    trials = replace(
        trials_of(p, y), assets=("A", "B"),
        accounts=tuple(f"{a} long {k}" for a in ("A", "B") for k in range(4)),
    )  # fmt: skip
    found = reliability_by_group(trials)
    assert list(found) == ["A", "B"]
    for mine, group in ((slice(0, 4), "A"), (slice(4, 8), "B")):
        whole = next(r for r in found[group] if (r.above, r.below) == (0.0, 1.0))
        assert whole.forecasts == 800
        assert whole.ratio == pytest.approx(y[:, mine].mean() / 0.4)
        assert whole.calibrated == (group == "A")


def test_brier_scores_are_mean_squares_and_tell_the_better_model() -> None:
    rng = np.random.default_rng(2)
    p = rng.random((300, 10))
    y = rng.random(p.shape) < p
    trials = trials_of(p, y)
    worse = trials.probability.copy()
    worse[1] = 0.5
    whole = next(b for b in brier(replace(trials, probability=worse)) if b.group == "all")
    assert whole.score["seawall"] == pytest.approx(np.mean((p - y) ** 2))
    assert whole.score["ewma"] == pytest.approx(0.25)
    assert whole.low["ewma"] < whole.high["ewma"] < 0.0
    assert whole.score["normal"] == whole.score["seawall"]


def test_exceedances_are_counted_and_tested() -> None:
    rng = np.random.default_rng(3)
    trials = trials_of(np.zeros((400, 1)), np.zeros((400, 1), dtype=np.bool_))
    place = rng.random((3, 400, 1, 2, 1))
    # a model whose tail is too thin, and one whose exceedances come in runs
    place[1] **= 2
    place[2, :, 0, 0, 0] = 0.5
    place[2, 100:120, 0, 0, 0] = 0.01
    found = {(e.model, e.side, e.level): e for e in exceedances(replace(trials, place=place))}
    sound, thin, runs = (found[m, "low", 0.05] for m in MODELS)
    assert sound.count == int((place[0, :, 0, 0, 0] <= 0.05).sum())
    assert sound.coverage > 0.01 > thin.coverage
    assert runs.coverage > 0.9
    assert runs.independence < 1e-6
    assert sound.expected == pytest.approx(20.0)


def test_windows_that_overlap_are_left_out_of_the_tails() -> None:
    trials = trials_of(np.zeros((10, 1)), np.zeros((10, 1), dtype=np.bool_))
    halved = replace(trials, time=START + np.arange(10) * DAY_NS // 2)
    assert {e.windows for e in exceedances(halved)} == {5}


def test_a_walk_forward_over_made_prices_is_calibrated_and_looks_at_the_past_alone() -> None:
    candles = made_candles(("A", "B"), 1_500, seed=4)
    since, until = START + 900 * HOUR_NS, START + 1_450 * HOUR_NS
    options = {"leverages": (10.0, 20.0), "count": 500}
    found = grade(candles, (DAY,), 8 * 3_600.0, since, until, **options)
    assert found.probability.shape == (3, len(found.time), len(found.accounts), 1)
    assert (found.time % (8 * HOUR_NS) == 0).all()
    assert found.together is not None
    each = found.together.astype(float).sum(axis=2).mean(axis=-1)
    assert each == pytest.approx(found.probability[0].sum(axis=1))
    rows = {(r.above, r.below): r for r in reliability(found)}
    assert rows[0.0, 1.0].chance_low < rows[0.0, 1.0].ratio < rows[0.0, 1.0].chance_high
    predicted, came = found.probability[0].mean(), found.happened.mean()
    assert came == pytest.approx(predicted, rel=0.35)
    assert 0.05 < came < 0.6
    # other prices after the first forecast change nothing of it
    first = int(np.searchsorted(candles.time, found.time[0]))
    later = {n: getattr(candles, n).copy() for n in ("open", "high", "low", "close")}
    for column in later.values():
        column[first:] *= 1.5
    again = grade(replace(candles, **later), (DAY,), 8 * 3_600.0, since, until, **options)
    assert np.array_equal(again.probability[:, 0], found.probability[:, 0])


def test_nothing_to_grade_is_said() -> None:
    candles = made_candles(("A",), 600)
    with pytest.raises(InputError, match="no time to grade"):
        grade(candles, (DAY,), DAY, candles.end, candles.end + DAY_NS)


def test_the_graded_book_holds_what_it_says() -> None:
    margin = graded_book(("BTC", "ETH", "SOL"), (5.0, 10.0))
    assert len(margin.book.accounts) == 3 * 2 * 2 + 4
    leverage = margin.effective_leverage()
    assert leverage[:2] == pytest.approx([5.0, 10.0])
    assert leverage[-1] == pytest.approx(20.0)


def test_published_grades_are_read_back_and_found_by_probability() -> None:
    published = grades()
    assert {r.horizon for r in published.rows} == {3_600.0, DAY, 7 * DAY}
    for row in published.rows:
        middle = 0.5 * (row.above + row.below)
        assert published.of(row.horizon, middle) == row
        assert published.of(row.horizon, row.above) == row
    assert published.of(DAY, 1.0).below == 1.0
    assert published.of(60.0, 0.5) is None
    again = as_toml(published.rows, published.period, published.assets)
    import tomllib

    assert len(tomllib.loads(again)["bin"]) == len(published.rows)
    assert isinstance(published, Grades)


def test_odds_over_the_crash_of_october_2025_are_graded_on_real_candles(shared_data: Path) -> None:
    """A few weeks of the published walk forward: what it says of them must come out again."""
    file = shared_data / "candles" / "binance_perp_mark_1h.parquet"
    candles = read_candles(file, ("BTC", "ETH", "SOL"))
    ns = 1_759_276_800 * 10**9  # 2025-10-01
    found = grade(candles, (DAY,), DAY, ns, ns + 35 * DAY_NS, leverages=(5.0, 20.0), count=400)
    assert len(found.time) == 35
    whole = next(b for b in brier(found) if b.group == "all")
    assert whole.score["seawall"] < 0.1
    assert 0.6 < found.happened.mean() / found.probability[0].mean() < 1.6
    # the day of the crash: longs at 5x fell that no model gave more than a few percent
    crash = int(np.flatnonzero(found.time == ns + 9 * DAY_NS)[0])
    sol = found.accounts.index("SOL long 5x")
    assert found.happened[crash, sol, 0]
    assert found.probability[0, crash, sol, 0] < 0.05
    # and after it the model knew that the market was wild
    near = found.accounts.index("SOL long 20x")
    assert found.probability[0, crash + 1, near, 0] > 1.2 * found.probability[0, crash, near, 0]
