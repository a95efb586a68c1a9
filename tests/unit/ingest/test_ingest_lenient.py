"""Lenient reading: what is set aside, what goes with it, what stays fatal."""

from __future__ import annotations

from pathlib import Path

import pytest

from broken.sound_rows import cross, isolated
from seawall.core import InputError
from seawall.ingest import read_book
from seawall.ingest.reader import LISTED_ASIDE


def test_rows_keep_their_numbers_and_order() -> None:
    rows = [isolated(account=str(k), mark_price=-1 if k % 3 == 0 else 9e4) for k in range(10)]
    book = read_book(rows, lenient=True)
    assert book.positions.row.tolist() == [2, 3, 5, 6, 8, 9]
    assert list(book.traders) == ["1", "2", "4", "5", "7", "8"]
    assert [m.row for m in book.set_aside] == [1, 4, 7, 10]
    assert any(
        "rows set aside: 4 (mistakes listed: 4); most often: negative mark" in n for n in book.notes
    )


def test_ragged_rows_are_set_aside_and_numbered(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text(
        "account,instrument,size,entry_price,mark_price,leverage\n"
        "a,BTC,1,9e4,9e4,5\nb,BTC\nc,BTC,1,9e4,9e4,5\nd,BTC,1,9e4,9e4,5,6,7\ne,BTC,x,9e4,9e4,5\n"
    )
    book = read_book(path, lenient=True)
    assert book.positions.row.tolist() == [1, 3]
    assert [m.row for m in book.set_aside] == [2, 4, 5]


def test_a_cross_account_that_lost_a_leg_goes_whole() -> None:
    rows = [
        cross(),
        cross(instrument="BTCUSDT", entry_price="x"),
        cross(account="cid"),
        isolated(account="bob"),
        cross(venue="bybit"),
    ]
    book = read_book(rows, lenient=True)
    assert book.positions.row.tolist() == [3, 4, 5]
    assert [(m.row, m.column) for m in book.set_aside] == [(1, "account"), (2, "entry_price")]
    assert "another row of the same cross account" in book.set_aside[0].what


def test_an_isolated_loss_takes_nobody_along() -> None:
    book = read_book([cross(), isolated(account="bob", leverage=0)], lenient=True)
    assert book.positions.row.tolist() == [1]


def test_the_first_of_equal_rows_stays() -> None:
    rows = [cross(wallet_balance=None, account_value=40_000)] * 3
    book = read_book(rows, lenient=True)
    assert book.positions.row.tolist() == [1]
    assert book.accounts.balance.tolist() == pytest.approx([40_000 - 20 * 100])


def test_of_rows_that_contradict_each_other_none_stays() -> None:
    rows = [isolated(), isolated(quantity=9), isolated(account="cid")]
    assert read_book(rows, lenient=True).positions.row.tolist() == [3]


def test_an_account_with_two_wallets_goes_whole() -> None:
    rows = [
        cross(),
        cross(instrument="BTCUSDT"),
        cross(instrument="SOLUSDT", wallet_balance=1.0),
        isolated(),
    ]
    assert read_book(rows, lenient=True).positions.row.tolist() == [4]


def test_instruments_and_venues_of_rows_set_aside_are_gone() -> None:
    book = read_book(
        [isolated(venue="okx", instrument="ETH", leverage=0), isolated()], lenient=True
    )
    assert book.venues == ("binance_usdm",)
    assert [i.symbol for i in book.instruments] == ["BTCUSDT"]


def test_the_list_is_cut_the_count_is_not() -> None:
    bad = [isolated(account=str(k), mark_price=-1) for k in range(LISTED_ASIDE + 7)]
    book = read_book([isolated(), *bad], lenient=True)
    assert len(book.set_aside) == LISTED_ASIDE
    assert any(f"rows set aside: {LISTED_ASIDE + 7:,} " in n for n in book.notes)


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(InputError, match="no row is left after setting bad rows aside") as caught:
        read_book([isolated(mark_price=-1)], lenient=True)
    assert "negative mark price" in str(caught.value)


def test_the_structure_is_never_lenient(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown column"):
        read_book([isolated(colour="red")], lenient=True)
    with pytest.raises(InputError, match="no such file"):
        read_book(tmp_path / "none.csv", lenient=True)
    with pytest.raises(InputError, match="0 rows"):
        read_book([], lenient=True)
