"""Market tables on disk: written, merged, read, and what a crash leaves."""

import multiprocessing
import os
import shutil
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.core import InputError
from seawall.ingest.market.latest import latest_depth, latest_marks, note_of
from seawall.ingest.market.tables import FOLDER, MERGE_AT, TABLES, MarketWriter, days, read
from seawall.ingest.store.disk import StoreError

T = 1_795_392_000 * 10**9
SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86_400 * 10**9
EVER = (-(2**62), 2**62)


def mark(k, time, venue="bybit", instrument="BTCUSDT", asset="BTC"):
    names = {"venue": venue, "instrument": instrument, "asset": asset}
    prices = {"mark_price": 100.0 + k, "index_price": np.nan}
    return {"time": time, "received": time + 5, **names, **prices, "source": "made"}


def depth(time, venue, bid, ask, whole=True, band=0.01, asset="BTC"):
    names = {"venue": venue, "instrument": f"{asset}USDT", "asset": asset}
    usd = {"mid": 100.0, "band": band, "bid_usd": bid, "ask_usd": ask}
    seen = {"bid_whole": True, "ask_whole": whole}
    return {"time": time, "received": time, **names, **usd, **seen, "source": "made"}


def files(store, pattern="day=*/kind=*/*"):
    return sorted(p.name for p in (store / FOLDER).glob(pattern))


def test_rows_come_back_as_they_were(tmp_path):
    with MarketWriter(tmp_path) as writer:
        rows = [mark(0, T), mark(1, T + DAY, asset="ETH", instrument="ETHUSDT")]
        assert writer.write({"mark": rows, "depth": [depth(T, "okx", 5.0, 7.0)]}) == 3
    found = read(tmp_path, "mark", *EVER)
    assert found == [{**row, "index_price": None} for row in rows]
    assert read(tmp_path, "depth", *EVER) == [depth(T, "okx", 5.0, 7.0)]
    assert days(tmp_path) == ["2026-11-23", "2026-11-24"]
    assert read(tmp_path, "mark", T + 1, T + DAY) == []
    assert [r["asset"] for r in read(tmp_path, "mark", T, T + 1)] == ["BTC"]
    assert read(tmp_path, "ratio", *EVER) == []


def test_many_small_files_become_one_and_lose_nothing(tmp_path):
    writer = MarketWriter(tmp_path)
    for k in range(3 * MERGE_AT + 7):
        writer.write({"mark": [mark(k, T + k * SECOND)]})
        assert len(files(tmp_path)) < MERGE_AT
    writer.close()
    assert [r["mark_price"] for r in read(tmp_path, "mark", *EVER)] == [
        100.0 + k for k in range(3 * MERGE_AT + 7)
    ]


def test_a_merge_that_was_killed_counts_rows_once(tmp_path):
    with MarketWriter(tmp_path) as writer:
        for k in range(MERGE_AT - 1):
            writer.write({"mark": [mark(k, T + k * SECOND)]})
    folder = tmp_path / FOLDER / "day=2026-11-23" / "kind=mark"
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    with MarketWriter(tmp_path) as writer:
        writer.write({"mark": [mark(MERGE_AT - 1, T + MERGE_AT * SECOND)]})
    assert len(files(tmp_path)) == 1
    # as if it had been killed before the old ones went
    for path in kept.iterdir():
        shutil.copy(path, folder / path.name)
    (folder / "part-0000009999-0000009999.parquet.tmp").write_bytes(b"half")
    assert len(read(tmp_path, "mark", *EVER)) == MERGE_AT
    MarketWriter(tmp_path).close()
    assert len(files(tmp_path)) == 1
    assert len(read(tmp_path, "mark", *EVER)) == MERGE_AT


def test_numbers_go_on_after_a_merge_and_a_restart(tmp_path):
    for k in range(2 * MERGE_AT):
        with MarketWriter(tmp_path) as writer:
            writer.write({"mark": [mark(k, T + k * SECOND)]})
    prices = [r["mark_price"] for r in read(tmp_path, "mark", *EVER)]
    assert prices == [100.0 + k for k in range(2 * MERGE_AT)]


def written_until_killed(store, told):
    with MarketWriter(store) as writer:
        for k in range(10_000):
            writer.write({"mark": [mark(k, T + k * SECOND)], "depth": [depth(T + k, "okx", 1, 1)]})
            told.send(k)


@pytest.mark.parametrize("after", [1, 40, 70, 131])
def test_what_was_acknowledged_survives_a_kill(tmp_path, after):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=written_until_killed, args=(tmp_path, there))
    process.start()
    there.close()
    last = -1
    while last < after:
        last = here.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while here.poll():
        try:
            last = here.recv()
        except EOFError:
            break
    for kind in ("mark", "depth"):
        rows = read(tmp_path, kind, *EVER)
        assert len(rows) == len({r["time"] for r in rows})
        assert last + 1 <= len(rows) <= last + 2
    MarketWriter(tmp_path).close()


def test_one_writes_and_the_tape_beside_may_have_its_own_writer(tmp_path):
    from seawall.ingest.store.store import Store
    from seawall.ingest.store.verify import verify
    from seawall.ingest.store.writer import StoreWriter

    with StoreWriter(tmp_path), MarketWriter(tmp_path) as writer:
        writer.write({"mark": [mark(0, T)]})
        with pytest.raises(StoreError, match="another process writes"):
            MarketWriter(tmp_path)
    with Store(tmp_path) as store:
        assert verify(store, 6 * HOUR, lambda _: None).sound
    assert len(read(tmp_path, "mark", *EVER)) == 1


def test_a_damaged_file_is_named(tmp_path):
    with MarketWriter(tmp_path) as writer:
        writer.write({"mark": [mark(0, T)]})
    (path,) = (tmp_path / FOLDER).glob("day=*/kind=*/*")
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(StoreError, match="cannot be read"):
        read(tmp_path, "mark", *EVER)


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file, not the folder of a store"):
        MarketWriter(tmp_path / "file")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(TABLES)), st.integers(0, 3 * DAY), st.floats(1, 9)),
        max_size=20,
    )
)
def test_any_rows_are_kept_by_day_and_kind(tmp_path_factory, rows):
    store = tmp_path_factory.mktemp("store")
    made = {"BIGINT": 7, "VARCHAR": "x", "BOOLEAN": True}
    given_rows: dict = {}
    for kind, offset, value in rows:
        columns = TABLES[kind]
        row = {n: made.get(sql, value) for n, sql in columns.items()} | {"time": T + offset}
        given_rows.setdefault(kind, []).append(row)
    with MarketWriter(store) as writer:
        assert writer.write(given_rows) == len(rows)
    for kind in TABLES:
        found = read(store, kind, *EVER)
        key = [(r["time"], str(r)) for r in given_rows.get(kind, [])]
        assert sorted((r["time"], str(r)) for r in found) == sorted(key)


def stored(tmp_path, **rows):
    with MarketWriter(tmp_path) as writer:
        writer.write(rows)
    return tmp_path


def test_depth_is_the_latest_of_each_book_summed(tmp_path):
    store = stored(
        tmp_path,
        depth=[
            depth(T - 2 * HOUR, "gate", 9e9, 9e9),
            depth(T - 60 * SECOND, "okx", 1.0, 1.0),
            depth(T - 30 * SECOND, "okx", 10.0, 20.0, whole=False),
            depth(T, "bybit", 4.0, 2.0),
            depth(T, "bybit", 400.0, 200.0, band=0.05),
            depth(T, "bybit", 6.0, 8.0, asset="ETH"),
        ],
    )
    found = latest_depth(store)
    assert found["BTC"].usd == 15.0 + 3.0
    assert (found["BTC"].books, found["BTC"].venues) == (2, ("bybit", "okx"))
    assert (found["BTC"].time, found["BTC"].at_least) == (T - 30 * SECOND, True)
    assert (found["ETH"].usd, found["ETH"].at_least) == (7.0, False)
    assert latest_depth(store, T - 40 * SECOND)["BTC"].usd == 1.0
    assert latest_depth(store, T, 3 * HOUR)["BTC"].usd == 9e9 + 18.0
    words = note_of(found, ["BTC", "SOL"])
    assert "BTC 18 USD (2 books of bybit, okx, 2026-11-22T23:59:30Z, at least" in words
    assert note_of(found, ["SOL"]) == ""


def test_marks_are_the_median_of_instruments(tmp_path):
    rows = [
        mark(0, T, "bybit"),
        mark(5, T - SECOND, "okx", "BTC-USDT-SWAP"),
        mark(6, T - 2 * SECOND, "gate"),
        mark(900, T - 9 * SECOND, "gate"),
        mark(1, T, "bybit", "ETHUSDT", "ETH"),
    ]
    store = stored(tmp_path, mark=rows)
    assert latest_marks(store) == {"BTC": 105.0, "ETH": 101.0}


def test_a_store_without_depth_of_the_time_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no depth is stored here.*tape poll"):
        latest_depth(tmp_path)
    store = stored(tmp_path, depth=[depth(T, "okx", 1.0, 1.0)])
    with pytest.raises(InputError, match=r"no depth is stored of that time.*2026-11-23"):
        latest_depth(store, T - DAY)
