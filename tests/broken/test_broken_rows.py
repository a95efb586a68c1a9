"""Rows that cannot be true: each mistake with its row, column and value, all of them at once."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broken.sound_rows import Row, cross, isolated
from seawall.core import InputError
from seawall.ingest import read_book

NUMBERS = (
    "quantity",
    "entry_price",
    "mark_price",
    "leverage",
    "collateral",
    "collateral_value",
    "contract_size",
    "maintenance_margin_rate",
    "maintenance_amount",
    "taker_fee",
    "tick_size",
    "stop_price",
    "liquidation_price",
    "notional_usd",
)

ROWS: dict[str, tuple[Row, str, tuple[str, ...]]] = {
    "text in a number": (isolated(entry_price="abc"), "entry_price", ("not a number", "'abc'")),
    "thousands separators": (
        isolated(entry_price="86,000.5"),
        "entry_price",
        ("'86,000.5'", "without thousands separators"),
    ),
    "currency sign": (isolated(mark_price="$86000"), "mark_price", ("currency signs",)),
    "percent": (isolated(maintenance_margin_rate="0.5%"), "maintenance_margin_rate", ("0.005",)),
    "true for a number": (isolated(leverage=True), "leverage", ("not a number", "'True'")),
    "NaN in text": (isolated(leverage="NaN"), "leverage", ("not a finite number", "empty")),
    "infinity": (isolated(mark_price=math.inf), "mark_price", ("not a finite number", "'inf'")),
    "negative price": (isolated(mark_price=-1), "mark_price", ("negative mark price", "'-1'")),
    "price of zero": (isolated(entry_price=0), "entry_price", ("of zero", "more than 0")),
    "no entry price": (isolated(entry_price=math.nan), "entry_price", ("missing value",)),
    "zero quantity": (isolated(quantity=0), "quantity", ("zero quantity", "Drop the row")),
    "no quantity": (isolated(quantity=""), "quantity", ("missing value",)),
    "no side": (isolated(side=""), "side", ("missing value", "long or short")),
    "unknown side": (isolated(side="up"), "side", ("unknown side", "'up'", "buy or sell")),
    "side against sign": (
        isolated(quantity=None, size=-2),
        "side",
        ("contradict", "'long, -2'", "negative size"),
    ),
    "negative quantity of a long": (isolated(quantity=-2), "side", ("contradict",)),
    "size against quantity": (isolated(size=2), "quantity", ("differs from size",)),
    "no instrument": (isolated(instrument=" "), "instrument", ("missing value",)),
    "unreadable instrument": (isolated(instrument="B?T"), "instrument", ("'B?T'", "BTCUSDT")),
    "instrument in another currency": (
        isolated(instrument="BTC/EUR:EUR"),
        "instrument",
        ("EUR",),
    ),
    "unknown venue": (isolated(venue="binanse"), "venue", ("unknown venue", "binance_usdm")),
    "unknown mode": (isolated(margin_mode="margin"), "margin_mode", ("unknown margin mode",)),
    "unknown type": (isolated(contract_type="quanto"), "contract_type", ("linear or inverse",)),
    "type against name": (
        isolated(contract_type="inverse"),
        "instrument",
        ("contract type", "'BTCUSDT'"),
    ),
    "negative collateral": (isolated(collateral=-5), "collateral", ("negative collateral",)),
    "leverage of zero": (isolated(leverage=0), "leverage", ("at most 1000",)),
    "leverage too high": (isolated(leverage=1001), "leverage", ("out of bounds", "1001")),
    "rate in percent": (
        isolated(maintenance_margin_rate=5),
        "maintenance_margin_rate",
        ("less than 1", "fractions"),
    ),
    "negative amount": (isolated(maintenance_amount=-1), "maintenance_amount", ("at least 0",)),
    "fee in percent": (isolated(taker_fee=5), "taker_fee", ("out of bounds",)),
    "liquidation above a long": (
        isolated(liquidation_price=90_000),
        "liquidation_price",
        ("wrong side", "above entry 86000 and mark 86600 of a long"),
    ),
    "liquidation below a short": (
        isolated(side="sell", liquidation_price=80_000),
        "liquidation_price",
        ("wrong side", "of a short"),
    ),
    "stop above a long": (
        isolated(stop_price=86_600),
        "stop_price",
        ("wrong side", "not below the mark 86600", "would have fired"),
    ),
    "stop below a short": (isolated(side="short", stop_price=1), "stop_price", ("not above",)),
    "not a time": (isolated(time="yesterday"), "time", ("not a time", "ISO 8601")),
    "no mark": (
        isolated(mark_price=None, instrument="ETHUSDT"),
        "mark_price",
        ("missing value", "--price ETH=PRICE"),
    ),
    "isolated margin unknown": (
        isolated(collateral=None, leverage=None),
        "collateral",
        ("margin of an isolated position unknown", "leverage or liquidation_price"),
    ),
    "cross margin unknown": (
        cross(wallet_balance=None, leverage=5),
        "wallet_balance",
        ("margin of a cross position unknown", "account_value"),
    ),
    "cross without account": (
        cross(account=None),
        "account",
        ("cross position without an account",),
    ),
    "collateral on a cross row": (cross(collateral=5), "collateral", ("on a cross row",)),
    "wallet on an isolated row": (
        isolated(collateral=None, wallet_balance=5),
        "wallet_balance",
        ("isolated row without collateral",),
    ),
}


def refused(rows: list[Row], **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_book(rows, **options)
    return caught.value


@pytest.mark.parametrize("name", ROWS)
def test_message_names_row_column_and_value(name: str) -> None:
    row, column, words = ROWS[name]
    error = refused([isolated(account="sound", instrument="SOLUSDT"), row])
    assert error.total == 1
    (mistake,) = error.mistakes
    assert (mistake.row, mistake.column) == (2, column)
    assert str(error).startswith(f"the table given, row 2, column {column}: ")
    assert mistake.allowed
    for word in words:
        assert word in str(error)


@pytest.mark.parametrize("name", ROWS)
def test_lenient_reading_sets_the_row_aside(name: str) -> None:
    row, column, _ = ROWS[name]
    book = read_book([isolated(account="sound", instrument="SOLUSDT"), row], lenient=True)
    assert book.positions.row.tolist() == [1]
    assert [(m.row, m.column) for m in book.set_aside] == [(2, column)]
    assert any(n.startswith("rows set aside: 1 ") for n in book.notes)


@given(st.sampled_from(NUMBERS), st.sampled_from(["x1", "1,000", "--", "1e", "NaN", "-inf"]))
def test_no_number_column_takes_text(column: str, text: str) -> None:
    error = refused([isolated(**{column: text})])
    assert any(m.column == column and m.value == text for m in error.mistakes)


def test_all_mistakes_at_once_by_row() -> None:
    names = ("negative price", "zero quantity", "unknown venue", "no side")
    rows = [ROWS[name][0] for name in names]
    error = refused(rows)
    assert [m.row for m in error.mistakes] == [1, 2, 3, 4]
    assert error.total == 4


def test_several_mistakes_of_one_row() -> None:
    error = refused([isolated(entry_price="x", leverage=0, side="up")])
    assert {m.column for m in error.mistakes} == {"entry_price", "leverage", "side"}


def test_mistakes_beyond_the_limit_are_counted() -> None:
    rows = [isolated(account=str(k), mark_price=-1) for k in range(50)]
    error = refused(rows, mistakes_limit=3)
    assert [m.row for m in error.mistakes] == [1, 2, 3]
    assert error.total == 50
    assert "and 47 more" in str(error)


def test_duplicate_row() -> None:
    error = refused([isolated(), cross(), isolated()])
    assert "row 3: duplicate row: the same as row 1" in str(error)
    assert error.total == 1


def test_one_position_twice_with_other_values() -> None:
    for again in (isolated(quantity=3), isolated(instrument="BTC/USDT:USDT", leverage=20)):
        message = str(refused([isolated(), again]))
        assert "row 2" in message
        assert "those of row 1, other values differ" in message


@pytest.mark.parametrize(
    "other",
    [
        isolated(side="short"),
        isolated(venue="bybit"),
        isolated(account="cid"),
        isolated(instrument="ETHUSDT"),
        isolated(margin_mode="cross", collateral=None, wallet_balance=9.0),
    ],
)
def test_another_side_venue_account_instrument_or_mode_is_no_duplicate(other: Row) -> None:
    assert len(read_book([isolated(), other])) == 2


@pytest.mark.parametrize("column", ["wallet_balance", "account_value"])
def test_wallets_of_one_cross_account_must_agree(column: str) -> None:
    rows = [
        cross(**{"wallet_balance": None, column: 5.0}),
        cross(**{"wallet_balance": None, column: 6.0, "instrument": "BTCUSDT"}),
    ]
    error = refused(rows)
    (mistake,) = error.mistakes
    assert (mistake.row, mistake.column, mistake.value) == (2, column, "6.0")
    assert "differs from row 1 of the same cross account" in str(error)


def test_each_settlement_currency_needs_its_wallet() -> None:
    rows = [cross(), cross(instrument="BTCUSD_PERP", venue="binance_usdm", wallet_balance=None)]
    rows[1] |= {"instrument": "BTCUSD", "venue": "bybit"}
    rows[0] |= {"venue": "bybit"}
    assert "no wallet for this settlement currency" in str(refused(rows))
