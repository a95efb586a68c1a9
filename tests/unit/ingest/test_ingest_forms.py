"""One book in every accepted form reads the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seawall.core import Book, InputError
from seawall.ingest import read_book

COLUMNS = (
    "account",
    "venue",
    "instrument",
    "side",
    "quantity",
    "entry_price",
    "mark_price",
    "margin_mode",
    "leverage",
    "collateral",
    "wallet_balance",
    "maintenance_margin_rate",
    "taker_fee",
    "time",
)

prices = st.floats(1e-6, 1e6, allow_nan=False)


@st.composite
def books(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of one to eight accounts, isolated and cross, some cells empty."""
    rows = []
    for k in range(draw(st.integers(1, 8))):
        shared = draw(st.booleans())
        rows.append(
            {
                "account": draw(st.sampled_from(["a b", "Zoë", 'q"uote', "x,y"])) + str(k),
                "venue": draw(st.sampled_from(["Binance", "OKX", "bybit", "hyperliquid"])),
                "instrument": draw(st.sampled_from(["BTC", "ETH/USDT:USDT", "SOLUSDT"])),
                "side": draw(st.sampled_from(["long", "Short", "BUY", "sell"])),
                "quantity": draw(st.floats(1e-6, 1e9, allow_nan=False)),
                "entry_price": draw(prices),
                "mark_price": draw(prices),
                "margin_mode": "cross" if shared else "isolated",
                "leverage": draw(st.one_of(st.none(), st.floats(0.5, 200))),
                "collateral": None if shared else draw(prices),
                "wallet_balance": draw(prices) if shared else None,
                "maintenance_margin_rate": draw(st.one_of(st.none(), st.floats(0, 0.5))),
                "taker_fee": draw(st.one_of(st.none(), st.floats(0, 0.01))),
                "time": "2025-11-20T23:59:59Z",
            }
        )
    return rows


def as_columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [r[name] for r in rows] for name in COLUMNS}


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(COLUMNS)
    writer.writerows([["" if r[n] is None else r[n] for n in COLUMNS] for r in rows])
    return out.getvalue()


def write_all(rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """The rows in every form that needs no further package."""
    lines = "\n".join(json.dumps(r) for r in rows) + "\n"
    paths = {name: folder / f"book.{name}" for name in ("csv", "tsv", "jsonl", "json", "csv.gz")}
    paths["csv"].write_text("\ufeff" + as_csv(rows), encoding="utf-8")
    paths["tsv"].write_text(as_csv(rows, "\t"), encoding="utf-8")
    paths["jsonl"].write_text(lines, encoding="utf-8")
    paths["json"].write_text(json.dumps(rows), encoding="utf-8")
    paths["csv.gz"].write_bytes(gzip.compress(as_csv(rows, ";").encode()))
    columns_file = folder / "columns.json"
    columns_file.write_text(json.dumps(as_columns(rows)), encoding="utf-8")
    parquet = folder / "book.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_json('{paths['jsonl']}')) TO '{parquet}' (FORMAT parquet)"
        )
    return {
        **paths,
        "columns.json": columns_file,
        "parquet": parquet,
        "rows": rows,
        "columns": as_columns(rows),
    }


def assert_same(one: Book, other: Book, what: str) -> None:
    for record in ("positions", "accounts"):
        for f in fields(getattr(one, record)):
            a, b = getattr(getattr(one, record), f.name), getattr(getattr(other, record), f.name)
            np.testing.assert_array_equal(a, b, f"{what}: {record}.{f.name}")
            assert a.dtype == b.dtype
    assert one.instruments == other.instruments, what
    assert list(one.traders) == list(other.traders), what
    assert (one.venues, one.currencies, one.time) == (other.venues, other.currencies, other.time)
    assert one.digest() == other.digest()


@given(rows=books())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_form_gives_the_same_columns(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    forms = write_all(rows, tmp_path_factory.mktemp("forms"))
    first = read_book(rows)
    for what, source in forms.items():
        assert_same(first, read_book(source), what)
    side = np.array([1 if r["side"].casefold() in ("long", "buy") else -1 for r in rows])
    quantity = np.array([r["quantity"] for r in rows])
    lot = np.array([first.instruments[k].contract_size for k in first.positions.instrument])
    np.testing.assert_array_equal(first.positions.size, side * quantity * lot)
    np.testing.assert_array_equal(first.positions.entry, [r["entry_price"] for r in rows])
    np.testing.assert_array_equal(
        first.positions.leverage,
        [math.nan if r["leverage"] is None else r["leverage"] for r in rows],
    )
    balance = [r["collateral"] or r["wallet_balance"] for r in rows]
    np.testing.assert_array_equal(first.accounts.balance, balance)
    assert [first.traders[k] for k in first.accounts.trader] == [r["account"] for r in rows]
    assert list(first.positions.row) == list(range(1, len(rows) + 1))


@given(rows=books())
@settings(max_examples=10, deadline=None)
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_data_frames_give_the_same_columns(library: str, rows: list[dict[str, Any]]) -> None:
    package = pytest.importorskip(library)
    columns = as_columns(rows)
    frame = package.table(columns) if library == "pyarrow" else package.DataFrame(columns)
    assert_same(read_book(rows), read_book(frame), library)


def test_a_table_known_only_by_the_arrow_capsule_is_read() -> None:
    polars = pytest.importorskip("polars")

    class Capsule:
        def __init__(self, frame: Any):
            self.frame = frame

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return self.frame.__arrow_c_stream__(requested_schema)

    columns = {"instrument": ["BTC"], "size": [-2.0], "entry_price": [9e4], "mark": [8e4]}
    columns["leverage"] = [5]
    book = read_book(Capsule(polars.DataFrame(columns)))
    assert book.positions.size.tolist() == [-2.0]


def test_numpy_columns_are_read() -> None:
    columns = {
        "instrument": np.array(["BTC", "ETH"]),
        "size": np.array([1.0, -2.0]),
        "entry_price": np.array([9e4, 3e3]),
        "mark_price": np.array([9e4, 3e3]),
        "leverage": np.array([5, 10]),
    }
    book = read_book(columns)
    assert book.positions.size.tolist() == [1.0, -2.0]
    assert book.positions.leverage.tolist() == [5.0, 10.0]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "parquet"])
def test_standard_input(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        dict.fromkeys(COLUMNS)
        | {
            "account": "a",
            "venue": "okx",
            "instrument": "BTC",
            "side": "long",
            "quantity": 3.0,
            "entry_price": 9e4,
            "mark_price": 8e4,
            "margin_mode": "isolated",
            "leverage": 2.0,
        }
    ]
    path = write_all(rows, tmp_path)[suffix]

    class Stdin:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin())
    book = read_book("-")
    assert_same(read_book(rows), book, suffix)
    assert book.source == "standard input"


def test_rubbish_on_standard_input_is_refused_before_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given < 1 << 20, "read on after the head had shown it to be rubbish"
            return b"no such thing\n" * (size // 14 + 1)

    class Stdin:
        buffer = Endless()

    monkeypatch.setattr("sys.stdin", Stdin())
    with pytest.raises(InputError, match="standard input: not a book of positions"):
        read_book("-")


def test_a_file_name_with_wild_cards_is_that_file_only(tmp_path: Path) -> None:
    for name, size in (("b[1]*.csv", 1), ("b1x.csv", 2)):
        text = f"instrument,size,entry_price,mark_price,leverage\nBTC,{size},9e4,9e4,5\n"
        (tmp_path / name).write_text(text)
    assert read_book(tmp_path / "b[1]*.csv").positions.size.tolist() == [1.0]


def test_blanks_around_names_and_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text(
        "account, Instrument ,Size,Entry Price,mark,LEVERAGE,stop_price\n"
        " a ,BTC ,1,9e4,9e4, 5 ,\n"
        'a,ETH,-1,3e3,3e3,5,""\n'
    )
    book = read_book(path)
    assert list(book.traders) == ["a"]
    assert [i.asset for i in book.instruments] == ["BTC", "ETH"]
    assert np.isnan(book.positions.stop).all()


def test_many_distinct_names_take_the_other_path(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    lines = [f"t{k // 2},BTC,{1 if k % 2 else -1},9e4,9e4,5" for k in range(9_000)]
    path.write_text("account,instrument,size,entry,mark,leverage\n" + "\n".join(lines) + "\n")
    book = read_book(path)
    assert len(book.traders) == 4_500
    assert [book.traders[k] for k in book.accounts.trader[:4]] == ["t0", "t0", "t1", "t1"]
