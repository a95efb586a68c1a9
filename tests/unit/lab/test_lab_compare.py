"""Paired comparison: intervals by Student's t, against tables and by simulation."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from seawall.core import InputError
from seawall.lab.compare import compare_rows, mean_interval, t_quantile
from seawall.sim.batch import Failure, Outcome, Result, Task


@pytest.mark.parametrize(
    ("degrees", "table"),
    # Fisher and Yates (1963), Statistical Tables, table III: two-sided 5%
    [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (19, 2.093), (30, 2.042), (120, 1.980)],
)
def test_quantiles_are_those_of_the_tables(degrees: int, table: float) -> None:
    assert t_quantile(0.975, degrees) == pytest.approx(table, abs=6e-4)


def test_many_degrees_are_normal() -> None:
    assert t_quantile(0.975, 100_000) == pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-4)


def test_an_interval_by_hand() -> None:
    mean, low, high = mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    half = 2.776445 * math.sqrt(2.5) / math.sqrt(5)
    assert mean == 3.0
    assert (low, high) == (pytest.approx(3 - half, rel=1e-6), pytest.approx(3 + half, rel=1e-6))


def test_intervals_of_one_value_or_none_are_unknown() -> None:
    assert mean_interval(np.array([2.0]))[0] == 2.0
    assert math.isnan(mean_interval(np.array([2.0]))[1])
    assert math.isnan(mean_interval(np.zeros(0))[0])


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        _, low, high = mean_interval(rng.standard_normal(6))
        held += low <= 0.0 <= high
    assert 0.935 < held / 2000 < 0.965


def results(base: list[float], reform: list[float]) -> list[Result]:
    out: list[Result] = []
    for seed, (a, b) in enumerate(zip(base, reform, strict=True)):
        out.append(Outcome(Task(0, seed), {"x": a, "same": 1.0}, 0.1))
        out.append(Outcome(Task(1, seed), {"x": b, "same": 1.0}, 0.1))
    return out


def test_the_difference_is_paired() -> None:
    base = [100.0, 5000.0, 20.0, 900.0]
    compared = compare_rows(results(base, [x - 10.0 - k for k, x in enumerate(base)]))
    found = compared.of("x")
    assert found.change[0] == -11.5
    assert found.clear
    assert found.change[2] < -9.0
    assert found.base[1] < 0 < found.base[2]  # the levels alone would show nothing
    assert found.pairs == 4


def test_no_difference_is_not_beyond_chance() -> None:
    compared = compare_rows(results([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]))
    assert compared.of("x").change == (0.0, 0.0, 0.0)
    assert not compared.of("x").clear
    assert not compared.of("same").clear


def test_a_seed_with_a_failure_is_left_out_and_told() -> None:
    rows = results([1.0, 2.0, 3.0], [2.0, 3.0, 5.0])
    rows[3] = Failure(Task(1, 1), "RuntimeError: felt unwell")
    compared = compare_rows(rows)
    assert compared.seeds == (0, 2)
    assert compared.of("x").change[0] == 1.5
    assert [f.message for f in compared.failures] == ["RuntimeError: felt unwell"]


def test_a_measure_undefined_under_one_counts_where_it_is_defined_under_both() -> None:
    compared = compare_rows(results([1.0, math.nan, 3.0], [2.0, 3.0, 5.0]))
    assert compared.of("x").pairs == 2
    assert compared.of("x").change[0] == 1.5


def test_too_few_runs_say_why() -> None:
    rows: list[Result] = [
        Failure(Task(s, k), "MemoryError: all gone") for k in (0, 1) for s in (0, 1)
    ]
    with pytest.raises(InputError, match="all gone"):
        compare_rows(rows)
