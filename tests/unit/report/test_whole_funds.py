"""A report says where the fund is the whole venue's and the book a part of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seawall import read_book, stress, to_json
from seawall.report.page import write_html
from seawall.report.terminal import to_terminal

WARNING = "The insurance fund is the whole venue's"
QUALIFIED = "leaves an insurance fund empty; the fund is the whole venue's, the book is not."


def book_of(long: float, short: float, venue: str = "bybit", more: str = "") -> Any:
    head = "account,venue,instrument,size,entry_price,mark_price,leverage,time\n"
    rows = "".join(
        f"{who},{venue},BTCUSDT,{size},80000,80000,5,2026-06-01T00:00Z\n"
        for who, size in (("ann", long), ("bob", -short))
        if size
    )
    return rows and head + rows + more


def asked(tmp_path: Path, text: str, **options: Any) -> Any:
    path = tmp_path / "book.csv"
    path.write_text(text)
    return stress(read_book(path), {"BTC": -0.05}, draws=2, ladder=(-0.05,), **options)


def told(report: Any) -> list[str]:
    return [w for w in report.warnings if w.startswith(WARNING)]


def test_a_small_book_without_a_fund_of_its_own_is_told_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = asked(tmp_path, book_of(2, 1))
    (warning,) = told(report)
    assert "Bybit ($400 M against $160 k)" in warning
    assert "--fund" in warning
    assert warning in json.loads(to_json(report))["warnings"]
    assert any(line.endswith(QUALIFIED) for line in report.answer)
    page = write_html(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "the book a small part of it" in page
    to_terminal(report)
    assert "the book a small part of it" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("fund", [1e6, {"bybit": 1e6}])
def test_a_fund_that_was_given_is_meant_for_the_book(tmp_path: Path, fund: Any) -> None:
    report = asked(tmp_path, book_of(2, 1), fund=fund)
    assert told(report) == []
    assert any(line.endswith("leaves an insurance fund empty.") for line in report.answer)


@pytest.mark.parametrize(("coins", "warns"), [(24_900, True), (25_100, False)])
def test_the_larger_side_of_the_book_is_its_open_interest(
    tmp_path: Path, coins: float, warns: bool
) -> None:
    # USD 400 m is a fifth of 2 bn, which is 25,000 BTC at 80,000; both sides count once
    for long, short in ((coins, coins), (coins, 0), (0, coins)):
        assert bool(told(asked(tmp_path, book_of(long, short)))) is warns


def test_each_venue_is_judged_by_its_own_part_of_the_book(tmp_path: Path) -> None:
    more = "cem,okx,BTC-USDT-SWAP,1,80000,80000,5,2026-06-01T00:00Z\n"
    large = book_of(30_000, 30_000, more=more)
    (warning,) = told(asked(tmp_path, large))
    assert "OKX ($400 M against $" in warning
    assert "Bybit" not in warning
    assert told(asked(tmp_path, large, fund={"okx": 1e6})) == []
    (other,) = told(asked(tmp_path, book_of(2, 1, more=more), fund={"okx": 1e6}))
    assert "Bybit" in other
    assert "OKX" not in other


def test_a_venue_whose_fund_is_not_known_is_not_warned_of(tmp_path: Path) -> None:
    assert told(asked(tmp_path, book_of(2, 1, venue="generic"))) == []
