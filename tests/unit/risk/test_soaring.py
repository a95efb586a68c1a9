"""Draws in which a short squeeze finds no price."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from seawall.app import api
from seawall.ingest import read_book
from seawall.liquidity import EMPIRICAL, ImpactLaw
from seawall.report.encode import to_json
from seawall.report.schema import schema_of
from seawall.risk import StaticCascade, band, banded, soaring

# shorts of a thin coin, each of which is bought back a little above the one before
SHORTS = [
    {
        "account": f"s{k}",
        "venue": "binance",
        "instrument": "XYZUSDT",
        "size": -1000.0,
        "entry_price": 100.0,
        "mark_price": 100.0,
        "margin_mode": "isolated",
        "collateral": 1000.0 * (4.0 + 3.0 * k),
    }
    for k in range(60)
]


def test_a_band_ends_where_its_draws_do() -> None:
    values = np.arange(100.0)
    assert band(values).high == pytest.approx(94.05)
    few, many = values > 97, values > 80
    assert band(values, few).high == 94.0
    assert math.isinf(band(values, many).high)
    assert band(values, many).low == band(values, few).low == 4.0
    assert math.isinf(band(values, values >= 0).low)


def test_a_squeeze_without_end_is_told_and_not_counted() -> None:
    book = api.bound(read_book(SHORTS))
    depth = {"XYZ": 0.4e6}
    prepared = StaticCascade(book, depth, EMPIRICAL)
    drawn = banded(prepared, {"XYZ": 0.05}, draws=64)
    assert drawn is not None
    loose = soaring(drawn)[:, 0]
    # what tells them is the price itself, and the sum is more than the book's notional by far
    assert np.array_equal(loose, np.log(drawn.rest[:, 0] / drawn.shock[:, 0]) > math.log(10.0))
    assert 0.05 < loose.mean() < 1.0
    assert drawn.forced[loose].sum(axis=1).max() > 10 * 60 * 1000 * 100.0
    report = api.stress(book, {"XYZ": 0.05}, depth=depth)
    totals = report.payload["totals"]
    assert totals["unsettled_draws"] == int(loose.sum())
    assert math.isinf(totals["forced_notional_usd_high"])
    assert math.isinf(report.payload["assets"]["XYZ"]["price_final_high"])
    assert any(f"{int(loose.sum())} of 64 draws" in line for line in report.warnings)
    found = json.loads(to_json(report))
    Draft202012Validator(schema_of("stress")).validate(found)
    assert found["totals"]["forced_notional_usd_high"] is None
    assert found["totals"]["forced_notional_usd_low"] > 0


def test_a_fall_is_bounded_by_nothing_and_keeps_its_figures() -> None:
    longs = [{**row, "size": 1000.0, "collateral": row["collateral"] / 8} for row in SHORTS]
    book = api.bound(read_book(longs))
    report = api.stress(book, {"XYZ": -0.05}, depth={"XYZ": 0.02e6})
    totals = report.payload["totals"]
    assert totals["unsettled_draws"] == 0
    assert totals["forced_notional_usd_high"] <= 60 * 1000 * 100.0 * (1 + 1e-9)
    given = api.stress(book, {"XYZ": -0.05}, depth={"XYZ": 1e6}, law=ImpactLaw(1.0, 1.0))
    assert "unsettled_draws" not in given.payload["totals"]
