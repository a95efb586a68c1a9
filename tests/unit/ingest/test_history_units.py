"""Files of the past: contracts and coins, takeovers, mappings of columns, refusals."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_files import SNAPSHOT, write_file
from seawall.core import InputError
from seawall.ingest.history import FORMATS, What, read_history

MS = 1_000_000


TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


@pytest.mark.parametrize("column", ["sz", "size", "amount", "qty", "quantity"])
def test_contracts_are_never_read_as_coins(tmp_path, column):
    """A venue that counts contracts: sized by its rulebook, or refused with the way out."""
    text = f"time,exchange,symbol,side,price,{column}\n"
    known = (
        "2026-01-01T00:00:00Z,okx,BTC-USDT-SWAP,sell,90000,100\n"
        "2026-01-01T00:00:01Z,gate,BTC_USDT,sell,90000,100\n"
        "2026-01-01T00:00:02Z,binance_coinm,BTCUSD_PERP,sell,90000,100\n"
        "2026-01-01T00:00:03Z,binance,ETHUSD_PERP,sell,3000,7\n"
        "2026-01-01T00:00:04Z,bybit,BTCUSD,sell,90000,455\n"
        "2026-01-01T00:00:05Z,bybit,BTCUSDT,sell,90000,2\n"
        "2026-01-01T00:00:06Z,nowhere,BTCUSDT,sell,90000,3\n"
    )
    found = read_history(write_file(tmp_path, "known.csv", text + known))
    assert found.tape is not None
    assert found.tape.notional == pytest.approx(
        [90_000.0, 900.0, 10_000.0, 70.0, 455.0, 180_000.0, 270_000.0]
    )
    assert found.tape.venues[:3] == ("okx", "gate", "binance_coinm")
    notes = " ".join(found.notes)
    assert f"(column {column}) of okx, gate, binance_coinm, bybit are taken as contracts" in notes
    assert f"(column {column}) of bybit are taken as base units" in notes
    assert "of nowhere are taken as base units: no rulebook says" in notes

    unknown = "2026-01-01T00:00:00Z,okx,ZZZ-USDT-SWAP,sell,9,5\n"
    path = write_file(tmp_path, "unknown.csv", text + unknown)
    with pytest.raises(InputError) as wrong:
        read_history(path)
    (mistake,) = wrong.value.mistakes
    assert (mistake.column, mistake.value) == (column, "ZZZ-USDT-SWAP")
    assert "okx counts contracts" in mistake.what
    for way in (f"quantity={column}:contracts", "--contract-size", "tape poll"):
        assert way in mistake.mend
    said = {"columns": {"quantity": f"{column}:contracts"}}
    for more, usd in (
        ({"contract_sizes": {"zzz-usdt-swap": 2.0}}, 90.0),
        ({"contract_sizes": {"": 3.0}}, 135.0),
        ({"polled_sizes": {"okx": {"ZZZ-USDT-SWAP": 0.5}}}, 22.5),
        ({**said, "contract_sizes": {"": 3.0}}, 135.0),
        ({"columns": {"quantity": f"{column}:base"}}, 45.0),
        ({"columns": {"quantity": f"{column}:usd"}}, 5.0),
    ):
        tape = read_history(path, **more).tape
        assert tape is not None
        assert tape.notional == pytest.approx([usd]), more
    left_out = read_history(path, **said)
    assert len(left_out) == 0
    assert any("left out for want of a size, 1:" in n for n in left_out.notes)


def test_a_row_may_say_the_size_of_its_contract(tmp_path):
    text = "time,exchange,symbol,side,price,sz,ctVal\n"
    rows = (
        "2026-01-01T00:00:00Z,okx,ZZZ-USDT-SWAP,sell,9,5,4\n"
        "2026-01-01T00:00:01Z,okx,BTC-USDT-SWAP,sell,90000,100,\n"
    )
    path = write_file(tmp_path, "rows.csv", text + rows)
    mapped = {"contract_size": "ctVal", "quantity": "sz:contracts"}
    tape = read_history(path, columns=mapped).tape
    assert tape is not None
    assert tape.notional == pytest.approx([180.0, 90_000.0])
    assert tape.assets == ("ZZZ", "BTC")
    renamed = write_file(tmp_path, "told.csv", text.replace("ctVal", "contract_size") + rows)
    again = read_history(renamed).tape
    assert again is not None
    assert again.event_id.tolist() == tape.event_id.tolist()


def test_contracts_of_a_venue_without_a_rulebook_are_not_guessed(tmp_path):
    text = "time,venue,symbol,side,price,contracts\n2026-01-01T00:00:00Z,nowhere,XUSDT,sell,9,5\n"
    path = write_file(tmp_path, "c.csv", text)
    assert len(read_history(path)) == 0
    tape = read_history(path, contract_sizes={"": 2.0}).tape
    assert tape is not None
    assert tape.notional.tolist() == [90.0]


def test_a_takeover_that_is_told_besides_its_liquidation_is_left_out(tmp_path):
    """Told instead of it, it is the only record and is kept."""
    import shutil

    from seawall.rulebook import Rules

    own = Path(Rules.bundled()._files["hyperliquid"][0]).parent
    folder = tmp_path / "venues" / "hyperliquid"
    shutil.copytree(own, folder)
    text = (
        "time,venue,symbol,side,price,notional_usd,kind\n"
        "2026-01-01T00:00:00Z,hyperliquid,BTC,long,90000,100,takeover\n"
    )
    path = write_file(tmp_path, "t.csv", text)
    assert len(read_history(path)) == 1
    venue = folder / "venue.toml"
    venue.write_text(venue.read_text().replace('takeovers = "instead"', 'takeovers = "beside"'))
    found = read_history(path, rules=Rules.from_folders(folder.parent))
    assert len(found) == 0
    assert any("left out, 1: takeovers" in n for n in found.notes)


def test_what_is_no_table_is_refused_in_words(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_history(tmp_path)
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, 3_000, dtype=np.uint8).tobytes()
    damaged = {"noise.csv": noise, "noise.parquet": noise,
               "cut.parquet": b"PAR1" + b"\x1b[31m" + noise + b"PAR1"}  # fmt: skip
    for name, contents in damaged.items():
        path = tmp_path / name
        path.write_bytes(contents)
        with pytest.raises(InputError) as wrong:
            read_history(path)
        said = str(wrong.value)
        assert said.isprintable(), name
        assert len(said) < 500, name
        assert "\ufffd" not in said


def test_mapping_of_columns(tmp_path):
    text = "when,what,which,how_much,at\n2025-11-20T10:00:00Z,BTCUSDT,long,2,90000\n"
    path = write_file(tmp_path, "mine.csv", text)
    found = read_history(
        path,
        venue="bybit",
        columns={"time": "when", "instrument": "what", "side": "which", "quantity": "how_much",
                 "price": "at"},
    )  # fmt: skip
    assert found.tape is not None
    assert found.tape.notional.tolist() == [180_000.0]
    with pytest.raises(InputError) as wrong:
        read_history(path, venue="bybit", columns={"time": "then", "colour": "what"})
    assert {m.what for m in wrong.value.mistakes} == {
        "no such column", "no such meaning of a column",
    }  # fmt: skip


def test_all_mistakes_at_once_with_their_rows(tmp_path):
    text = (
        "time,venue,instrument,side,price,notional_usd\n"
        "2025-11-20,bybit,BTCUSDT,long,90000,10\n"
        "soon,bybit,BTCUSDT,long,90000,10\n"
        "2025-11-20,bybit,BTCUSDT,up,90000,10\n"
        "2025-11-20,bybit,BTCUSDT,long,-3,\n"
    )
    with pytest.raises(InputError) as wrong:
        read_history(write_file(tmp_path, "bad.csv", text))
    told = {(m.row, m.column, m.what) for m in wrong.value.mistakes}
    assert told == {
        (2, "time", "not a time"),
        (3, "side", "an unknown word"),
        (4, "price", "not above 0"),
        (4, "notional_usd", "an empty cell"),
    }


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("e.csv", "", "empty|no known format"),
        ("x.csv", "colour,shape\nred,round\n", "no known format"),
        ("x.json", "[", "no known format"),
        ("h.csv", "time,venue,instrument,side,price,notional_usd\n", "0 rows"),
        ("z.zip", "colour,shape\nred,round\n", "no known format"),
    ],
)
def test_refusals(tmp_path, name, text, says):
    with pytest.raises(InputError, match=says):
        read_history(write_file(tmp_path, name, text))


def test_unknown_format_and_missing_file(tmp_path):
    path = write_file(tmp_path, "x.csv", "time,open,high,low,close\n2025-01-01,1,2,1,2\n")
    with pytest.raises(InputError, match="no such format"):
        read_history(path, format="telex")
    with pytest.raises(InputError, match="no such file"):
        read_history(tmp_path / "nothing.csv")
    assert read_history(path, format="generic").what is What.CANDLES
    assert len(FORMATS) == 10


SAMPLES = {
    "a_liquidations.csv": TARDIS
    + "okex-swap,BTC-USDT-SWAP,1700000000000000,1700000000100000,,sell,30000,50\n",
    "BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv": SNAPSHOT,
    "orders.json": '{"data": [{"exchange_name": "BINANCE", "symbol": "BTCUSDT", "price": 87535.9,'
    ' "usd_value": 2055.2, "side": 2, "time": 1745216319263}]}',
    "fills.json": '{"block_number": 1, "events": [["0xaa", {"coin": "BTC", "px": "105000", "sz":'
    ' "0.2", "side": "A", "time": 1760130903127, "dir": "Close Long", "tid": 9, "liquidation":'
    ' {"liquidatedUser": "0xaa", "method": "market"}}]]}\n',
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 12), st.binary(max_size=6)), max_size=4),
)
def test_damaged_files_are_refused_never_a_crash(tmp_path, name, damage):
    raw = bytearray(SAMPLES[name].encode())
    for at, gone, put in damage:
        place = at % (len(raw) + 1)
        raw[place : place + gone] = put
    path = tmp_path / name
    path.write_bytes(bytes(raw))
    rows = 1
    with suppress(InputError):
        found = read_history(path)
        rows = len(found) or len(found.notes)
    # anything but an InputError has failed the test; what was read holds rows, or says which it
    # left out
    assert rows > 0
