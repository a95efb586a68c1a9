"""Files of the past in every format, made here in their documented layout."""

from __future__ import annotations

import json

import numpy as np
import pytest

from made_files import SNAPSHOT, write_file
from seawall.core import InputError
from seawall.core.tape import Coverage, Kind
from seawall.ingest.history import What, read_history

MS = 1_000_000


def test_binance_snapshot_is_orders_not_rows(tmp_path):
    """Rows repeat and split orders; a contract is 100 USD; a sale closes a long."""
    found = read_history(
        write_file(tmp_path, "BTCUSD_PERP-liquidationSnapshot-2023-06-25.zip", SNAPSHOT)
    )
    tape = found.tape
    assert found.format == "binance archive"
    assert tape is not None
    assert tape.notional.tolist() == [700.0, 4300.0, 1000.0]
    assert tape.side.tolist() == [-1, -1, 1]
    assert tape.quantity == pytest.approx([700 / 30631.6, 4300 / 30631.6, 1000 / 30100.5])
    assert tape.venues == ("binance_coinm",)
    assert (tape.coverage == Coverage.ONE_A_SLOT).all()
    assert tape.at_fill.all()
    assert tape.time[0] == 1687656471926 * MS
    assert any("repeats" in n for n in found.notes)


def test_binance_snapshot_without_a_header(tmp_path):
    text = SNAPSHOT.partition("\n")[2]
    found = read_history(
        write_file(tmp_path, "ETHUSD_PERP-liquidationSnapshot-2023-06-25.csv", text)
    )
    assert found.tape is not None
    # ten USD a contract of everything but bitcoin
    assert found.tape.notional.tolist() == [70.0, 430.0, 100.0]


@pytest.mark.parametrize("header", [True, False])
def test_binance_klines(tmp_path, header):
    head = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore\n"
    )
    rows = (
        "1609459200000,28948.19,28997.5,28852.2,28983.5,1827.1,1609459499999,52e6,15283,1,2,0\n"
        "1609459500000,28983.5,28990,28900.0,28950.1,900,1609459799999,26e6,900,1,2,0\n"
    )
    path = write_file(tmp_path, "BTCUSDT-5m-2021-01-01.csv", head * header + rows)
    found = read_history(path)
    assert found.what is What.CANDLES
    assert found.series is not None
    assert found.series.time.tolist() == [1609459200000 * MS, 1609459500000 * MS]
    assert found.series.values["high"].tolist() == [28997.5, 28990.0]
    assert found.series.names["instrument"].names == ["BTCUSDT"]


def test_binance_coin_margined_series_are_in_usd(tmp_path):
    """A contract is worth 10 USD; where linear contracts have USD these have coins."""
    kline = "1609459200000,737,740,736,738.5,5000,1609459499999,67.7,15283,1,2,0\n" * 2
    found = read_history(write_file(tmp_path, "ETHUSD_PERP-5m-2021-01-01.csv", kline))
    assert found.series is not None
    assert found.series.names["venue"].names == ["binance_coinm"]
    assert found.series.values["volume"].tolist() == [67.7, 67.7]
    assert found.series.values["volume_usd"].tolist() == [50_000.0, 50_000.0]
    text = (
        "create_time,symbol,sum_open_interest,sum_open_interest_value,"
        "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,"
        "sum_taker_long_short_vol_ratio\n"
        "2025-11-02 00:05:00,BTCUSD_PERP,1000,0.9,2,1.9,1.87,0.76\n"
    )
    metrics = read_history(write_file(tmp_path, "BTCUSD_PERP-metrics-2025-11-02.csv", text))
    assert metrics.series is not None
    assert metrics.series.values["open_interest_usd"].tolist() == [100_000.0]
    assert metrics.series.values["open_interest_base"].tolist() == [0.9]


def test_a_series_takes_the_names_that_are_given(tmp_path):
    text = "time,open,high,low,close,volume\n2025-10-10,1,2,1,1.5,10\n"
    path = write_file(tmp_path, "BTC.csv", text)
    found = read_history(path, venue="binance", asset="BTC")
    assert found.series is not None
    assert {k: v.names for k, v in found.series.names.items()} == {
        "venue": ["binance"], "asset": ["BTC"],
    }  # fmt: skip


def test_binance_metrics_are_put_in_order(tmp_path):
    text = (
        "create_time,symbol,sum_open_interest,sum_open_interest_value,"
        "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,"
        "sum_taker_long_short_vol_ratio\n"
        "2025-11-02 00:10:00,BTCUSDT,76650.817,8431092392.86,2.05,1.9,1.87,0.97\n"
        '2025-11-02 00:05:00,BTCUSDT,76643.191,8430743345.68,"",1.9,1.87,0.76\n'
    )
    found = read_history(write_file(tmp_path, "BTCUSDT-metrics-2025-11-02.csv", text))
    assert found.what is What.OPEN_INTEREST
    assert found.series is not None
    assert found.series.time[0] == 1762041900 * 10**9
    assert found.series.values["open_interest_base"].tolist() == [76643.191, 76650.817]
    assert np.isnan(found.series.values["long_short_top_accounts"][0])


def test_binance_others(tmp_path):
    depth = read_history(
        write_file(tmp_path, "BTCUSDT-bookDepth-2025-01-01.csv",
               "timestamp,percentage,depth,notional\n2025-01-01 00:00:00,-5.00,100,9e6\n")
    )  # fmt: skip
    assert depth.series is not None
    assert depth.series.values["distance"].tolist() == [-0.05]
    trades = read_history(
        write_file(tmp_path, "BTCUSDT-aggTrades-2025-01-01.csv",
               "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,"
               "is_buyer_maker\n1,100.5,2,1,1,1735689600000,true\n")
    )  # fmt: skip
    assert trades.series is not None
    # the buyer rested, so the taker sold
    assert trades.series.values["side"].tolist() == [-1.0]
    funding = read_history(
        write_file(tmp_path, "BTCUSDT-fundingRate-2025-01.csv",
               "calc_time,funding_interval_hours,last_funding_rate\n1735689600001,8,0.0001\n")
    )  # fmt: skip
    assert funding.what is What.FUNDING


def test_bybit_trades(tmp_path):
    text = (
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,"
        "foreignNotional\n1735689600.0974,BTCUSDT,Sell,0.5,93000.1,ZeroMinusTick,x,1,0.5,46500\n"
    )
    found = read_history(write_file(tmp_path, "BTCUSDT2025-01-01.csv.gz", text))
    assert (found.format, found.what) == ("bybit archive", What.TRADES)
    assert found.series is not None
    assert abs(found.series.time[0] - 1735689600_097_400_000) < 1000


def test_okx_trades_are_contracts(tmp_path):
    text = (
        "instrument_name,trade_id,side,price,size,created_time\n"
        "BTC-USDT-SWAP,1,sell,104503.0,30.14,1748707200008\n"
    )
    found = read_history(write_file(tmp_path, "BTC-USDT-SWAP-trades-2025-06-01.zip", text))
    assert found.series is not None
    assert found.series.values["size"].tolist() == pytest.approx([0.3014])
    text = "instrument_name,funding_rate,funding_time\nBTC-USDT-SWAP,0.0001,1748707200000\n"
    assert read_history(write_file(tmp_path, "f.csv", text)).what is What.FUNDING


TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


def test_tardis_units_and_sides(tmp_path):
    """OKX counts contracts of 0.01 BTC, Deribit USD, Binance coins; buy closes a short."""
    text = (
        TARDIS + "okex-swap,BTC-USDT-SWAP,1700000000000000,1700000000100000,,sell,30000,50\n"
        "deribit,BTC-PERPETUAL,1700000001000000,1700000001100000,77,buy,30000,6000\n"
        "binance-futures,BTCUSDT,1700000002000000,1700000002100000,,buy,30000,2\n"
        "bitfinex-derivatives,BTCUSDT,1700000003000000,1700000003100000,9,sell,30000,1\n"
    )
    found = read_history(write_file(tmp_path, "x_liquidations_2023-11-14_ALL.csv.gz", text))
    tape = found.tape
    assert found.format == "tardis"
    assert tape is not None
    assert tape.notional.tolist() == pytest.approx([15_000.0, 6_000.0, 60_000.0, 30_000.0])
    assert tape.side.tolist() == [1, -1, -1, 1]
    assert tape.received[0] - tape.time[0] == 100 * MS
    assert [tape.venues[v] for v in tape.venue] == [
        "okx", "deribit", "binance_usdm", "bitfinex-derivatives",
    ]  # fmt: skip
    assert tape.coverage[2] == Coverage.ONE_A_SLOT
    assert tape.coverage[3] == Coverage.UNKNOWN
    assert any("bitfinex" in n for n in found.notes)


def test_tardis_and_live_binance_name_one_event_alike(tmp_path):
    from seawall.ingest.wire.venues import ADAPTERS
    from seawall.rulebook import Rules

    adapter = ADAPTERS["binance_usdm"]
    context = adapter.context(Rules.bundled())
    context.begin(1)
    order = {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "2", "p": "29000",
             "ap": "30000", "X": "FILLED", "l": "2", "z": "2", "T": 1700000002000}  # fmt: skip
    (live,) = adapter.parse(
        json.dumps({"e": "forceOrder", "E": 1700000002001, "o": order}), context
    )
    text = TARDIS + "binance-futures,BTCUSDT,1700000002000000,1700000002100000,,sell,30000,2\n"
    tape = read_history(write_file(tmp_path, "liquidations.csv", text)).tape
    assert tape is not None
    assert int(tape.event_id[0]) == live.event_id


def test_coinglass(tmp_path):
    row = {"exchange_name": "BINANCE", "symbol": "BTCUSDT", "base_asset": "BTC",
           "price": 87535.9, "usd_value": 205534.29, "side": 2, "time": 1745216319263}  # fmt: skip
    path = write_file(tmp_path, "orders.json", json.dumps({"code": "0", "data": [row]}))
    found = read_history(path)
    assert found.format == "coinglass"
    assert found.tape is not None
    assert found.tape.side.tolist() == [1]
    assert found.tape.notional.tolist() == [205534.29]
    assert found.tape.venues == ("binance_usdm",)
    sums = {"time": 1745216319263, "aggregated_long_liquidation_usd": 5.0,
            "aggregated_short_liquidation_usd": "2.5"}  # fmt: skip
    found = read_history(
        write_file(tmp_path, "sums.json", json.dumps({"data": [sums]})), asset="BTC"
    )
    assert found.what is What.LIQUIDATION_SUMS
    assert found.series is not None
    assert found.series.values["short_usd"].tolist() == [2.5]


def test_ccxt(tmp_path):
    event = {"info": {}, "symbol": "BTC/USDT:USDT", "contracts": 50.0, "contractSize": 0.01,
             "price": 30000.0, "side": "long", "baseValue": 0.5, "quoteValue": 15000.0,
             "timestamp": 1700000000000, "datetime": "2023-11-14T22:13:20Z"}  # fmt: skip
    path = write_file(tmp_path, "liq.json", json.dumps([event]))
    found = read_history(path, venue="okx")
    assert found.tape is not None
    assert found.tape.notional.tolist() == [15000.0]
    assert found.tape.side.tolist() == [1]
    with pytest.raises(InputError, match="do not name their venue"):
        read_history(path)
    candles = write_file(tmp_path, "c.json", json.dumps([[1700000000000, 1, 3, 0.5, 2, 9]]))
    found = read_history(candles, venue="okx", instrument="BTC/USDT:USDT")
    assert found.what is What.CANDLES
    assert found.series is not None
    assert found.series.values["low"].tolist() == [0.5]


def test_hyperliquid_fills(tmp_path):
    """Of a liquidation's two fills the liquidated user's counts; its ADL winner is apart."""

    def fill(side: str, tid: int, **more: object) -> dict[str, object]:
        return {"coin": "BTC", "px": "105000.0", "sz": "0.2", "side": side,
                "time": 1760130903127, "startPosition": "0.2", "dir": "Close Long",
                "closedPnl": "-1", "hash": "0x0", "oid": 1, "crossed": True, "fee": "1",
                "tid": tid, **more}  # fmt: skip

    told = {"liquidatedUser": "0xAA", "markPx": "105100", "method": "market"}
    block = {
        "block_number": 1, "block_time": "2025-10-10T21:15:03", "local_time": "x",
        "events": [
            ["0xaa", fill("A", 1, liquidation=told)],
            ["0xbb", fill("B", 1, liquidation=told)],
            ["0xcc", fill("B", 2, dir="Auto-Deleveraging")],
            ["0xdd", fill("B", 3)],
            ["0xaa", fill("A", 4, liquidation={**told, "method": "backstop"})],
        ],
    }  # fmt: skip
    path = write_file(
        tmp_path, "21_fills.json", json.dumps(block) + "\n" + json.dumps(block) + "\n"
    )
    found = read_history(path)
    tape = found.tape
    assert tape is not None
    assert len(tape) == 3, "both parties' fills, and a copy of the file, tell of it once"
    once = tape.once()
    assert sorted(once.kind.tolist()) == [Kind.LIQUIDATION, Kind.ADL, Kind.TAKEOVER]
    liquidated = once.take(once.kind == Kind.LIQUIDATION)
    assert liquidated.side.tolist() == [1]
    assert liquidated.notional.tolist() == [21_000.0]
    assert once.take(once.kind == Kind.ADL).side.tolist() == [-1]
    assert (once.coverage == Coverage.ALL).all()
    assert len(np.unique(once.account)) == 2


def test_hyperliquid_replay_and_live_feed_name_one_event_alike(tmp_path):
    from seawall.ingest.wire.venues import ADAPTERS
    from seawall.ingest.wire.venues.hyperliquid import VAULTS
    from seawall.rulebook import Rules

    told = {"liquidatedUser": "0xaa", "markPx": "105100", "method": "market"}
    fill = {"coin": "BTC", "px": "105000.0", "sz": "0.2", "side": "A", "time": 1760130903127,
            "startPosition": "0.2", "dir": "Close Long", "closedPnl": "-1", "hash": "0x0",
            "oid": 1, "crossed": True, "fee": "1", "tid": 9, "liquidation": told}  # fmt: skip
    adapter = ADAPTERS["hyperliquid"]
    context = adapter.context(Rules.bundled())
    context.begin(1)
    data = {"user": VAULTS[0], "fills": [{**fill, "side": "B"}]}
    (live,) = adapter.parse(json.dumps({"channel": "userFills", "data": data}), context)
    tape = read_history(write_file(tmp_path, "f.json", json.dumps(["0xaa", fill]) + "\n")).tape
    assert tape is not None
    assert (int(tape.event_id[0]), int(tape.side[0])) == (live.event_id, live.side)


def _fill(side: str, loser: str | None, method: str = "market", dir: str = "", tid: int = 9):
    mark = None if loser is None else {"liquidatedUser": loser, "markPx": "1", "method": method}
    return {"coin": "BTC", "px": "105000.0", "sz": "0.2", "side": side, "time": 1760130903127,
            "tid": tid, "dir": dir, "liquidation": mark}  # fmt: skip


DELEVERAGED = "Auto-Deleveraging"
LONG, SHORT = 1, -1


@pytest.mark.parametrize(
    ("user", "fill", "expected"),
    [
        # an order on the book, by either party's fill
        ("0xaa", _fill("A", "0xAA"), [(Kind.LIQUIDATION, LONG)]),
        ("VAULT", _fill("B", "0xaa"), [(Kind.LIQUIDATION, LONG)]),
        ("0xcc", _fill("B", "0xaa"), [(Kind.LIQUIDATION, LONG)]),
        # taken over by a vault
        ("0xaa", _fill("A", "0xaa", "backstop", "Liquidated Cross Long"), [(Kind.TAKEOVER, LONG)]),
        ("VAULT", _fill("B", "0xaa", "backstop"), [(Kind.TAKEOVER, LONG)]),
        # closed against a winner: two positions were
        ("0xee", _fill("B", "0xaa", "backstop", DELEVERAGED),
         [(Kind.TAKEOVER, LONG), (Kind.ADL, SHORT)]),
        ("VAULT", _fill("B", "0xaa", "market", DELEVERAGED),
         [(Kind.LIQUIDATION, LONG), (Kind.ADL, SHORT)]),
        # what a vault had taken over is no liquidation again, by whomever's fill
        ("0xee", _fill("B", "VAULT", "backstop", DELEVERAGED), [(Kind.ADL, SHORT)]),
        ("VAULT", _fill("A", "VAULT", "backstop", "Liquidated Cross Long"), [(Kind.ADL, SHORT)]),
        ("VAULT", _fill("A", "VAULT", "market", DELEVERAGED), [(Kind.ADL, SHORT)]),
        # but a vault's own position, closed on the book, is
        ("VAULT", _fill("A", "VAULT", "market", "Liquidated Cross Long"),
         [(Kind.LIQUIDATION, LONG)]),
        ("0xee", _fill("B", None, dir=DELEVERAGED), [(Kind.ADL, SHORT)]),
        ("0xee", _fill("B", "", dir="Liquidated Isolated Short"), [(Kind.LIQUIDATION, SHORT)]),
        ("0xdd", _fill("B", None), []),
    ],
)  # fmt: skip
def test_hyperliquid_fills_mean_the_same_live_and_in_files(tmp_path, user, fill, expected):
    from seawall.ingest.wire.venues import ADAPTERS
    from seawall.ingest.wire.venues.hyperliquid import VAULTS
    from seawall.rulebook import Rules

    fill = json.loads(json.dumps(fill).replace("VAULT", VAULTS[1]))
    user = VAULTS[1] if user == "VAULT" else user
    adapter = ADAPTERS["hyperliquid"]
    context = adapter.context(Rules.bundled())
    context.begin(1)
    data = {"user": user, "fills": [fill]}
    live = adapter.parse(json.dumps({"channel": "userFills", "data": data}), context)
    assert context.tally.malformed == 0
    tape = read_history(write_file(tmp_path, "f.json", json.dumps([user, fill]) + "\n")).tape
    assert tape is not None
    columns = ("kind", "side", "event_id", "account", "at_fill", "notional")
    assert [tuple(getattr(e, c) for c in columns) for e in live] == list(
        zip(*(getattr(tape, c).tolist() for c in columns), strict=True)
    )
    assert [(e.kind, e.side) for e in live] == expected
    assert len({e.event_id for e in live}) == len(expected)


def test_parties_of_one_trade_name_its_closings_alike():
    from seawall.ingest.wire.hyperliquid_fill import VAULTS, Fill, Liquidation, closings

    def told(user: str, side: str, loser: str, dir: str) -> dict[str, Kind]:
        fill = Fill("BTC", 1.0, 1.0, side, 1, 7, dir, Liquidation(loser, "backstop"))
        return {c.own: c.kind for c in closings(fill, user)}

    lost = told("0xaa", "A", "0xaa", "Liquidated Cross Long")
    assert lost.items() <= told("0xee", "B", "0xaa", DELEVERAGED).items()
    assert told(VAULTS[0], "A", VAULTS[0], "Liquidated Cross Long") == told(
        "0xee", "B", VAULTS[0], DELEVERAGED
    )
