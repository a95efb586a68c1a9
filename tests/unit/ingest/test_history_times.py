"""Times of files against Python's own integers, and identifiers against those of live feeds."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_files import write_file
from seawall.core import parse_time
from seawall.ingest.history import read_history
from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

FIRST, LAST = 1_262_304_000, 4_102_444_800
"""2010 and 2100."""
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
SHARED = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def epochs(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Epochs as texts, whole and decimal, in mixed units; and what they are in ns."""
    rows = []
    for _ in range(draw(st.integers(1, 60))):
        unit = UNITS[draw(st.sampled_from(sorted(UNITS)))]
        whole = draw(st.integers(FIRST * 10**9 // unit + 1, LAST * 10**9 // unit - 1))
        digits = draw(st.integers(0, 9))
        part = draw(st.integers(0, 10**digits - 1))
        text = f"{whole}.{part:0{digits}d}" if digits else str(whole)
        exact = (Decimal(text) * unit).quantize(Decimal(1), ROUND_HALF_UP)
        rows.append((text, int(exact)))
    return rows


def _candles(times: list[str]) -> str:
    return "time,open,high,low,close\n" + "".join(f"{t},1,2,0.5,1.5\n" for t in times)


@SHARED
@given(epochs())
def test_epochs_of_any_unit_are_exact(tmp_path: Path, rows: list[tuple[str, int]]) -> None:
    found = read_history(write_file(tmp_path, "some.csv", _candles([t for t, _ in rows])))
    assert found.series is not None
    assert found.series.time.tolist() == [ns for _, ns in rows]
    for text, ns in rows:
        assert abs(parse_time(text) - ns) <= 1, "what is finer than a ns is cut"
        if "." not in text:
            assert parse_time(text) == parse_time(int(text)) == ns


@pytest.mark.parametrize("unit", sorted(UNITS))
@pytest.mark.parametrize("kind", ["csv", "json", "parquet integers", "parquet doubles"])
def test_thousands_of_random_epochs_are_exact(tmp_path: Path, unit: str, kind: str) -> None:
    rng = np.random.default_rng(11)
    scale = UNITS[unit]
    times = rng.integers(FIRST * 10**9 // scale, LAST * 10**9 // scale, 5_000)
    if kind == "parquet doubles":
        times = times.astype(np.float64).astype(np.int64)  # what a double can hold
    if kind == "csv":
        path = write_file(tmp_path, "some.csv", _candles([str(t) for t in times]))
    elif kind == "json":
        text = json.dumps([{"time": int(t), "open": 1, "high": 2, "low": 1, "close": 1.5}
                           for t in times])  # fmt: skip
        path = write_file(tmp_path, "some.json", text)
    else:
        path = tmp_path / "some.parquet"
        given_ = {"t": times.astype(np.float64 if kind.endswith("doubles") else np.int64)}
        with duckdb.connect() as made:
            made.register("given_", given_)
            made.execute(
                "COPY (SELECT t AS time, 1.0 AS open, 2.0 AS high, 1.0 AS low, 1.5 AS close "
                f"FROM given_) TO '{path}' (FORMAT parquet)"
            )
    found = read_history(path)
    assert found.series is not None
    if kind == "parquet doubles":
        # digits as Python writes them, which name the double and no other
        expected = [int(Decimal(repr(float(t))) * scale) for t in times]
    else:
        expected = [int(t) * scale for t in times]
    assert found.series.time.tolist() == expected


def test_decimal_seconds_of_doubles_are_what_they_are_written_as(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    times = rng.integers(FIRST * 1_000, LAST * 1_000, 3_000)
    path = tmp_path / "some.parquet"
    with duckdb.connect() as made:
        made.register("given_", {"t": times / 1_000.0})
        made.execute(
            "COPY (SELECT t AS time, 1.0 AS open, 2.0 AS high, 1.0 AS low, 1.5 AS close "
            f"FROM given_) TO '{path}' (FORMAT parquet)"
        )
    found = read_history(path)
    assert found.series is not None
    assert found.series.time.tolist() == [int(t) * 10**6 for t in times]
    assert [parse_time(t / 1_000.0) for t in times.tolist()] == found.series.time.tolist()


@SHARED
@given(
    st.lists(st.tuples(st.integers(FIRST, LAST - 1), st.integers(0, 10**9 - 1)), min_size=1),
    st.integers(0, 9),
)
def test_texts_are_exact_to_the_nanosecond(
    tmp_path: Path, moments: list[tuple[int, int]], digits: int
) -> None:
    texts, expected = [], []
    for seconds, ns in moments:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        part = f"{ns:09d}"[:digits]
        texts.append(f"{moment:%Y-%m-%dT%H:%M:%S}{'.' * bool(part)}{part}Z")
        expected.append(seconds * 10**9 + int(part.ljust(9, "0")))
    found = read_history(write_file(tmp_path, "some.csv", _candles(texts)))
    assert found.series is not None
    assert found.series.time.tolist() == expected


@pytest.mark.parametrize("text", ["0", "-1756000000", "1e40", "nan", "4102444801", "soon", "-0.5"])
def test_what_is_no_time_is_still_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(Exception, match="not a time"):
        read_history(write_file(tmp_path, "some.csv", _candles(["1756000000", text])))


def _closings(count: int) -> list[Closing]:
    chance = random.Random(13)
    return [
        Closing(
            number,
            "BTC",
            chance.choice((1, -1)),
            round(chance.uniform(20_000, 120_000), 1),
            round(chance.randrange(1, 500) * 0.01, 2),
            chance.randrange(1_740_000_000_000, 1_790_000_000_000),
        )
        for number in range(count)
    ]


_FILES = {
    "bybit": ("bybit", "BTCUSDT", 1.0),
    "binance_usdm": ("binance-futures", "BTCUSDT", 1.0),
    "okx": ("okex-swap", "BTC-USDT-SWAP", 0.01),
}
"""Tardis' name, the instrument, and how many coins its unit of size is."""


@pytest.mark.parametrize("venue", sorted(_FILES))
def test_a_file_of_what_was_recorded_has_the_same_identifiers(tmp_path: Path, venue: str) -> None:
    """Thousands of random milliseconds: live, by Tardis in µs, and as a table in every unit."""
    some = _closings(3_000)
    adapter, speech = ADAPTERS[venue], SPEECHES[venue]()
    context = adapter.context(Rules.bundled())
    live = []
    for one in some:
        context.begin((one.time_ms + 40) * 10**6)
        live += adapter.parse(speech.tell([one]), context)
    identities = [e.event_id for e in live]
    assert len(identities) == len(some)
    theirs, name, size = _FILES[venue]
    rows = [
        (c.time_ms, "sell" if c.side > 0 else "buy", c.price, round(c.quantity / size, 2))
        for c in some
    ]
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    tardis = head + "".join(
        f"{theirs},{name},{t * 1000},{t * 1000 + 40_000},,{s},{p},{v}\n" for t, s, p, v in rows
    )
    files = {"tardis_liquidations.csv": tardis}
    head = "time,venue,instrument,side,price,amount\n"
    for unit, written in (
        ("s", lambda t: f"{t // 1000}.{t % 1000:03d}"),
        ("ms", str),
        ("us", lambda t: f"{t}000"),
        ("ns", lambda t: f"{t}000000"),
        ("iso", lambda t: f"{np.datetime64(t, 'ms')}Z"),
    ):
        files[f"{unit}.csv"] = head + "".join(
            f"{written(t)},{venue},{name},{s},{p},{v}\n" for t, s, p, v in rows
        )
    for file, text in files.items():
        tape = read_history(write_file(tmp_path, file, text)).tape
        assert tape is not None
        assert tape.time.tolist() == [c.time_ms * 10**6 for c in some], file
        assert tape.event_id.tolist() == identities, file
        assert tape.price.tolist() == [c.price for c in some], file
        assert tape.quantity == pytest.approx([c.quantity for c in some], rel=1e-12), file
