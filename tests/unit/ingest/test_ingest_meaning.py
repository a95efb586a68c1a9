"""What rows mean: sizes, defaults, marks, accounts, balances."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from broken.sound_rows import cross, isolated
from seawall.core import InputError, parse_time
from seawall.ingest import read_book

LINEAR_PNL = 1.5 * (86_600 - 86_000)


def one(row: dict[str, object], **options: object) -> tuple[float, float]:
    """Size and balance of a book of one row."""
    book = read_book([row], **options)  # type: ignore[arg-type]
    return float(book.positions.size[0]), float(book.accounts.balance[0])


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"side": "long"}, 1.5),
        ({"side": "SELL"}, -1.5),
        ({"side": None, "quantity": None, "size": -1.5}, -1.5),
        ({"side": "short", "quantity": None, "size": 1.5}, -1.5),
        ({"side": "BOTH", "quantity": None, "positionAmt": "-1.5"}, -1.5),
        ({"side": "short", "quantity": -1.5}, -1.5),
        ({"contract_size": 0.01}, 0.015),
        ({"venue": "okx", "instrument": "BTC-USDT-SWAP", "quantity": 150}, 1.5),
        ({"venue": "binance", "instrument": "BTCUSD_PERP", "quantity": 7}, 700),
        ({"venue": "bybit", "instrument": "BTCUSD", "quantity": 700, "side": "short"}, -700),
        ({"instrument": "BTC", "contract_type": "linear"}, 1.5),
    ],
)
def test_size_is_contracts_times_contract_size(changes: dict[str, object], size: float) -> None:
    assert one(isolated(**changes))[0] == pytest.approx(size, rel=1e-15)


def test_defaults_are_told() -> None:
    row = isolated(account=None, venue=None, margin_mode=None)
    book = read_book([row])
    assert book.venues == ("generic",)
    assert list(book.traders) == ["row-1"]
    assert book.accounts.isolated.all()
    text = " ".join(book.notes)
    assert "generic" in text
    assert "--venue" in text
    assert "no account is named" in text


def test_the_venue_option_fills_only_what_is_missing() -> None:
    rows = [isolated(venue=None, instrument="BTC"), isolated(venue="okx", instrument="ETH")]
    book = read_book(rows, venue="Hyperliquid")
    assert [i.venue for i in book.instruments] == ["hyperliquid", "okx"]
    assert any("1 rows name no venue: taken as Hyperliquid" in n for n in book.notes)


def test_what_the_row_gives_overrides_the_rulebook() -> None:
    book = read_book(
        [isolated(maintenance_margin_rate=0.02, maintenance_amount=5, taker_fee=0.001, tick=0.5)]
    )
    p = book.positions
    assert (p.rate[0], p.amount[0], p.taker_fee[0]) == (0.02, 5, 0.001)
    assert book.instruments[0].tick == 0.5


def test_isolated_margin_with_and_without_profit() -> None:
    assert one(isolated())[1] == 13_000
    with_profit = isolated(collateral=None, collateral_value=13_000 + LINEAR_PNL)
    assert one(with_profit)[1] == pytest.approx(13_000)
    assert math.isnan(one(isolated(collateral=None))[1])
    only_price = isolated(collateral=None, leverage=None, liquidation_price=80_000)
    assert math.isnan(one(only_price)[1])


def test_profit_may_exceed_the_margin_value() -> None:
    """Margin can be taken out against profit: what is left without it is below 0."""
    row = isolated(collateral=None, collateral_value=LINEAR_PNL - 100)
    assert one(row)[1] == pytest.approx(-100)


def test_inverse_profit_is_counted_in_coin() -> None:
    row = isolated(
        instrument="BTCUSD_PERP",
        venue="binance",
        quantity=100,
        collateral=None,
        collateral_value=0.02,
    )
    profit = 10_000 * (1 / 86_000 - 1 / 86_600)
    size, balance = one(row)
    assert size == 10_000
    assert balance == pytest.approx(0.02 - profit, rel=1e-12)


def test_cross_rows_share_an_account_by_venue_and_currency() -> None:
    rows = [
        cross(),
        cross(instrument="BTCUSDT", side="long", quantity=1, entry_price=9e4, mark_price=86_600),
        cross(venue="bybit", wallet_balance=5),
        cross(instrument="BTCUSD_PERP", venue="binance", quantity=3, wallet_balance=0.5),
        isolated(account="bob"),
    ]
    del rows[1]["wallet_balance"]
    book = read_book(rows)
    assert book.positions.account.tolist() == [0, 0, 1, 2, 3]
    assert book.accounts.balance.tolist() == [30_000, 5, 0.5, 13_000]
    assert book.accounts.isolated.tolist() == [False, False, False, True]
    assert [book.currencies[k] for k in book.accounts.settle] == ["USD", "USD", "BTC", "USD"]
    assert list(book.traders) == ["bob"]


def test_account_value_is_the_wallet_and_the_profit_of_all_its_positions() -> None:
    rows = [
        cross(wallet_balance=None, account_value=40_000),
        cross(
            wallet_balance=None,
            instrument="BTCUSDT",
            side="long",
            quantity=1,
            entry_price=90_000,
            mark_price=86_600,
        ),
    ]
    book = read_book(rows)
    profit = -20 * (2_800 - 2_900) + (86_600 - 90_000)
    assert book.accounts.balance.tolist() == pytest.approx([40_000 - profit])


def test_wallet_goes_before_account_value() -> None:
    assert one(cross(account_value=1))[1] == 30_000


def test_a_hedged_cross_account_holds_both_sides() -> None:
    book = read_book([cross(), cross(side="long", quantity=5)])
    assert book.positions.account.tolist() == [0, 0]
    assert book.positions.size.tolist() == [-20, 5]


@pytest.mark.parametrize("given", ["wallet_balance", "account_value"])
def test_a_wallet_without_a_mode_means_cross(given: str) -> None:
    rows = [cross(**{"margin_mode": None, "wallet_balance": None, given: 9_000.0})]
    assert not read_book(rows).accounts.isolated.any()


def test_cross_without_wallet_is_judged_by_printed_prices() -> None:
    rows = [
        cross(wallet_balance=None, liquidation_price=4_000),
        cross(wallet_balance=None, side="long", instrument="SOL"),
        cross(wallet_balance=None, instrument="XRPUSDT", leverage=5),
    ]
    book = read_book(rows)
    assert book.accounts.isolated.all()
    assert book.accounts.balance.tolist() == pytest.approx(
        [math.nan, 20 * 2_900 * 1.01, math.nan], nan_ok=True
    )
    text = " ".join(book.notes)
    assert "1 rows have a liquidation price and no usable wallet" in text
    assert "1 rows have no liquidation price where the venue prints one" in text
    assert "1 rows have neither wallet nor liquidation price" in text


def test_an_account_value_beside_printed_prices_is_not_believed() -> None:
    rows = [
        cross(margin_mode=None, wallet_balance=None, account_value=1e6, liquidation_price=3_500),
        cross(margin_mode=None, wallet_balance=None, account_value=1e6, side="long"),
    ]
    book = read_book(rows)
    assert book.accounts.isolated.all()
    assert book.accounts.balance.tolist() == pytest.approx(
        [math.nan, 20 * 2_900 * 1.01], nan_ok=True
    )
    assert any("shared collateral is not seen" in n for n in book.notes)


def test_marks_in_order_of_trust() -> None:
    rows = [
        isolated(account="a", mark_price=86_600),
        isolated(account="b", mark_price=None, notional_usd=1.5 * 86_500),
        isolated(account="c", mark_price=None, instrument="1000PEPEUSDT", entry_price=0.004),
        isolated(account="d", mark_price=None),
        isolated(account="e", mark_price=None, instrument="ETHUSDT", entry_price=3_000),
    ]
    book = read_book(rows, prices={"pepe": 0.000005, "ETHUSDT": 2_800, "DOGE": 1})
    assert book.positions.mark.tolist() == pytest.approx([86_600, 86_500, 0.005, 86_500, 2_800])
    text = " ".join(book.notes)
    for words in ("notional_usd / size", "from the prices given", "another row", "nothing", "DOGE"):
        assert words in text


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan])
def test_prices_given_must_be_prices(price: float) -> None:
    with pytest.raises(InputError, match="price of BTC"):
        read_book([isolated()], prices={"BTC": price})


def test_time_of_the_book() -> None:
    rows = [
        isolated(account="a", time="2025-11-20T10:00:00Z"),
        isolated(account="b", time="2025-11-20T13:00:00+02:00"),
        isolated(account="c", time=1_763_600_000),
    ]
    book = read_book(rows)
    assert book.time == parse_time("2025-11-20T11:00:00Z")
    assert book.positions.time[2] == 1_763_600_000 * 10**9
    assert read_book(rows, when="2024-01-31").time == parse_time("2024-01-31")
    assert read_book([isolated()]).time == 0


def test_snapshots_last_one_or_the_one_asked_for() -> None:
    times = ["2026-02-04T09:00:00Z", "2026-02-04T10:00:00Z", "2026-02-04T11:00:00Z"]
    rows = [isolated(time=t, quantity=k + 1.0) for k, t in enumerate(times)]
    rows.append(isolated(account="gone", time=times[0]))
    book = read_book(rows)
    assert book.positions.size.tolist() == [3]
    assert book.positions.row.tolist() == [3]
    assert any("3 snapshots" in n and "1 of 4 rows" in n for n in book.notes)
    earlier = read_book(rows, when="2026-02-04T10:59:00Z")
    assert earlier.positions.size.tolist() == [2]
    with pytest.raises(
        InputError, match=r"(?s)later than the time asked for.*2026-02-04T09:00:00Z"
    ):
        read_book(rows, when="2026-01-01")


def test_mistakes_in_snapshots_not_taken_do_not_matter() -> None:
    rows = [isolated(time="2026-02-04", entry_price=-1), isolated(time="2026-02-05")]
    assert len(read_book(rows)) == 1


def test_rows_at_different_times_are_no_snapshots() -> None:
    rows = [isolated(account="a", time="2025-01-01"), isolated(account="b", time="2025-01-02")]
    assert len(read_book(rows)) == 2


def test_columns_not_used_are_named() -> None:
    book = read_book([isolated(unrealized_pnl=900, adlQuantile=2)])
    assert "columns not used: unrealized_pnl, adlQuantile" in book.notes


def test_one_instrument_for_its_many_spellings() -> None:
    names = ["BTCUSDT", "BTC/USDT:USDT", "BTC", "btc-usdt"]
    rows = [isolated(account=str(k), instrument=n) for k, n in enumerate(names)]
    book = read_book(rows)
    assert len(book.instruments) == 1
    assert set(book.positions.instrument.tolist()) == {0}


def test_columns_are_dense_and_typed(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text("instrument,size,entry_price,mark_price,leverage\nBTC,1,2,3,4\nETH,-1,2,3,4\n")
    p = read_book(path).positions
    assert p.account.dtype == p.instrument.dtype == np.int32
    assert p.row.dtype == p.time.dtype == np.int64
    assert p.size.flags.c_contiguous
    assert p.entry.dtype == np.float64
