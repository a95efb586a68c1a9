"""Replayed price paths: points, files, bars, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from market_floor import make_floor, make_traders
from seawall.core import InputError
from seawall.sim.shocks import Timeline
from seawall.sim.shocks.price_path import PricePath

FLOOR = make_floor(steps=600)


def path_of(floor=FLOOR, **fields) -> np.ndarray:
    timeline = Timeline.quiet(floor)
    PricePath(**({"asset": "BTC"} | fields)).apply(timeline, make_traders(floor, 8))
    assert not timeline.outside[:, 1:].any()
    return np.exp(timeline.outside[:, 0])


def write(folder: Path, text: str, name: str = "path.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


MINUTES = """time,close,venue
2025-10-10T21:00:00Z,200,a
2025-10-10T21:02:00Z,160,a
2025-10-10T21:01:00Z,180,a
2025-10-10T21:01:00Z,999,b
2025-10-10T21:05:00Z,190,a
"""


def test_points_are_joined_by_straight_lines_in_log() -> None:
    path = path_of(points=((0, 50), (100, 40), (300, 45)), at=200)
    assert (path[:201] == 1).all()
    np.testing.assert_allclose(path[300], 0.8)
    np.testing.assert_allclose(path[250], np.sqrt(0.8))
    np.testing.assert_allclose(path[500:], 0.9)


def test_only_ratios_to_where_it_begins_count() -> None:
    points = ((0, 50), (100, 40), (300, 45))
    scaled = tuple((t, 1000 * p) for t, p in points)
    np.testing.assert_allclose(path_of(points=points), path_of(points=scaled))
    late = path_of(points=points, begin="50")
    np.testing.assert_allclose(late[0], 1)
    np.testing.assert_allclose(late[50], np.sqrt(0.8))
    np.testing.assert_allclose(late[250:], 0.9 / np.sqrt(0.8))


def test_paths_and_their_sum() -> None:
    timeline = Timeline.quiet(FLOOR)
    for asset in ("BTC", "ETH", "BTC"):
        shock = PricePath(asset=asset, points=((0, 10), (60, 9)))
        shock.apply(timeline, make_traders(FLOOR, 8))
    np.testing.assert_allclose(np.exp(timeline.outside[-1]), [0.81, 0.9])


def test_a_csv_is_read_in_the_order_of_time_and_by_row(tmp_path: Path) -> None:
    file = write(tmp_path, MINUTES)
    path = path_of(file=file, only={"venue": "a"})
    np.testing.assert_allclose(path[[0, 60, 120, 300, 600]], [1, 0.9, 0.8, 0.95, 0.95])
    late = path_of(file=file, only={"venue": "a"}, begin="2025-10-10T21:01:00Z", at=100)
    assert (late[:101] == 1).all()
    np.testing.assert_allclose(late[160], 160 / 180)


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_epoch_numbers_are_read_by_their_size(tmp_path: Path, scale: int) -> None:
    begin = 1_760_130_000
    rows = "\n".join(f"{(begin + 60 * k) * scale},{100 - k}" for k in range(5))
    path = path_of(file=write(tmp_path, "t,p\n" + rows), time="t", price="p")
    np.testing.assert_allclose(path[[0, 60, 240]], [1, 0.99, 0.96], rtol=1e-6)


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    csv = write(tmp_path, MINUTES)
    parquet = tmp_path / "it's [one].parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE it AS SELECT * FROM read_csv(?)", [csv])
        target = str(parquet).replace("'", "''")
        connection.execute(f"COPY it TO '{target}' (FORMAT parquet)")
    np.testing.assert_array_equal(
        path_of(file=str(parquet), only={"venue": "a"}), path_of(file=csv, only={"venue": "a"})
    )


def test_bars_are_walked_to_both_extremes_against_their_direction_first(tmp_path: Path) -> None:
    text = "time,open,high,low,close\n0,100,101,80,90\n300,90,99,70,95\n"
    path = 100 * path_of(file=write(tmp_path, text), bars=True)
    np.testing.assert_allclose(
        path[[0, 100, 200, 300, 400, 500, 600]], [100, 101, 80, 90, 70, 99, 95]
    )
    assert path.min() == pytest.approx(70)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "file: neither or both given"),
        ({"file": "x.csv", "points": ((0, 1), (1, 2))}, "file: neither or both given"),
        ({"asset": "DOGE", "points": ((0, 1), (1, 2))}, "asset: unknown asset .*BTC, ETH"),
        ({"points": ((0, 1), (1, -2))}, r"points.1: price out of range \(got '-2.0'\)"),
        ({"points": ((0, 1), (1, np.nan))}, "points.1: price out of range"),
        ({"points": ((5, 1), (5, 2))}, "points.1: time out of order"),
        ({"points": ((0, 1),)}, "begin: outside the series"),
        (
            {"points": ((0, 1), (9, 2)), "begin": "10"},
            "begin: outside the series .*from 0 to before 9",
        ),
        ({"points": ((0, 1), (9, 2)), "begin": "soon"}, "not a time"),
        ({"points": ((0, 1), (9, 2)), "at": 600}, "at: a time after the end"),
        ({"file": "nowhere.csv"}, "no such file"),
        ({"file": "book.xlsx"}, "a file of another kind"),
    ],
)
def test_what_cannot_be_replayed_is_refused(fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        path_of(**fields)


@pytest.mark.parametrize(
    ("text", "fields", "words"),
    [
        (MINUTES, {"price": "last"}, "no such column in path.csv .*'last'.*time, close, venue"),
        (MINUTES, {"bars": True}, "no such column in path.csv .*'open'"),
        (MINUTES, {}, "rows of path.csv that cannot be used .*1 in column time.*one row a time"),
        (MINUTES, {"only": {"venue": "c"}}, "no row of path.csv is meant"),
        ("time,close\n0,5\n1,0\n2,-1\n3,\n", {}, "3 in column close.*prices above 0"),
        ("time,close\n0,5\nsoon,6\n", {}, "1 in column time"),
        ("time,open,high,low,close\n0,1,1,1,1\n", {"bars": True}, "a single bar"),
    ],
)
def test_what_a_file_lacks_is_told(tmp_path: Path, text: str, fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        path_of(file=write(tmp_path, text), **fields)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read"):
        path_of(file=str(tmp_path / "x.parquet"))


def test_the_recorded_fall_of_october_is_met_to_its_low(shared_data: Path) -> None:
    file = shared_data / "candles" / "binance_perp_5m" / "BTC.parquet"
    floor = make_floor(steps=3600)
    begin = "2025-10-10T20:50:00Z"
    bars = path_of(floor=floor, file=str(file), bars=True, begin=begin)
    closes = path_of(floor=floor, file=str(file), begin=begin)
    with duckdb.connect(":memory:") as connection:
        first, low = connection.execute(
            f"SELECT first(open ORDER BY time), min(low) FROM '{file}' "
            "WHERE time >= '2025-10-10 20:50Z' AND time < '2025-10-10 21:50Z'"
        ).fetchone()
    assert bars[0] == closes[0] == 1
    # the walk of all bars passes through the open of the chosen one at its first second
    assert bars.min() == pytest.approx(low / first, rel=1e-3)
    assert closes.min() > bars.min()
