"""The real files as they are."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from seawall.core import InputError, parse_time
from seawall.ingest import read_book
from seawall.rulebook import bind

FILE = "positions/hyperliquid_top_accounts.parquet"


@pytest.fixture(scope="module")
def path(shared_data: Path) -> Path:
    return shared_data / FILE


def rows_at_last(path: Path) -> dict[str, np.ndarray]:
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT *, file_row_number FROM read_parquet('{path}', file_row_number = true) "
            f"WHERE time = (SELECT max(time) FROM read_parquet('{path}')) ORDER BY file_row_number"
        ).fetchnumpy()


def test_last_snapshot(path: Path) -> None:
    book = read_book(path, venue="hyperliquid")
    rows = rows_at_last(path)
    reported = np.ma.filled(rows["reported_liquidation_price"], np.nan)
    assert len(book) == len(rows["size"]) == 2_525
    assert book.time == parse_time("2026-02-05T14:34:49.445874Z")
    np.testing.assert_array_equal(book.positions.row, rows["file_row_number"] + 1)
    side = np.where(rows["side"] == "Long", 1, -1)
    np.testing.assert_array_equal(book.positions.size, rows["size"] * side)
    np.testing.assert_allclose(book.notional(), rows["notional_usd"], rtol=1e-12)
    np.testing.assert_array_equal(book.positions.reported_liquidation, reported)
    assert len(book.traders) == 201
    assert book.accounts.isolated.all()
    text = " ".join(book.notes)
    assert "14 snapshots" in text
    assert "1,837 rows have a liquidation price" in text
    assert "688 rows have no liquidation price" in text
    assert "source_list" in text


def test_the_engine_gives_back_what_the_venue_printed(path: Path) -> None:
    book = read_book(path, venue="hyperliquid")
    price = bind(book).liquidation_price()
    reported = book.positions.reported_liquidation
    told = ~np.isnan(reported)
    np.testing.assert_allclose(price[told], reported[told], rtol=1e-9)
    assert np.isnan(price[~told]).all()


def test_an_earlier_snapshot(path: Path) -> None:
    book = read_book(path, venue="hyperliquid", when="2026-02-04T12:00:00Z")
    assert len(book) == 2_507
    assert any("2026-02-04T10:54:22Z" in n for n in book.notes)
    with pytest.raises(InputError, match="later than the time asked for"):
        read_book(path, venue="hyperliquid", when="2026-02-04T09:00:00Z")


@pytest.mark.parametrize(
    "name", ["tiers", "candles/binance_perp_mark_1h.parquet", "hyperliquid_oct10/results.json"]
)
def test_other_real_files_are_refused_in_words(shared_data: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_book(shared_data / name)
    assert str(shared_data / name) in str(caught.value)
