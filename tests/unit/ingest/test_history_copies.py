"""Rows of a file that are told twice: said with their number, and once where two cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from made_files import write_file
from made_tapes import DAY, made_tape
from seawall.app.cli import app
from seawall.ingest.history import read_history
from seawall.ingest.store.near_copies import near_copies
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.verify import verify
from seawall.ingest.store.writer import StoreWriter

HEAD = "time,venue,instrument,side,price,notional_usd\n"


def _rows(venue: str, count: int) -> list[str]:
    return [
        f"2026-08-25T00:0{k % 10}:57.637Z,{venue},BTCUSDT,long,{100 + k},{500 + k}\n"
        for k in range(count)
    ]


@pytest.mark.parametrize("venue", ["bybit", "nowhere"])
def test_copies_are_told_and_count_where_two_alike_may_be(tmp_path: Path, venue: str) -> None:
    rows = _rows(venue, 10)
    found = read_history(write_file(tmp_path, "a.csv", HEAD + "".join(rows + rows)))
    assert found.tape is not None
    assert len(found.tape) == 20
    assert len(set(found.tape.event_id.tolist())) == 20
    (note,) = [n for n in found.notes if "exact copies" in n]
    assert f"of {venue}, 10:" in note


def test_a_feed_of_one_a_slot_never_tells_two_alike(tmp_path: Path) -> None:
    rows = _rows("binance_usdm", 10)
    found = read_history(write_file(tmp_path, "a.csv", HEAD + "".join(rows + rows + rows[:3])))
    once = read_history(write_file(tmp_path, "b.csv", HEAD + "".join(rows)))
    assert found.tape is not None
    assert once.tape is not None
    assert found.tape.event_id.tolist() == once.tape.event_id.tolist()
    (note,) = [n for n in found.notes if "exact copies" in n]
    assert note.startswith("left out, 13: exact copies of other rows of binance_usdm")
    assert not any("exact copies" in n for n in once.notes)


def test_rows_that_differ_in_anything_are_no_copies(tmp_path: Path) -> None:
    rows = _rows("bybit", 10)
    other = [r.replace("long", "short") for r in rows] + [r.replace(",10", ",11") for r in rows]
    found = read_history(write_file(tmp_path, "a.csv", HEAD + "".join(rows + other)))
    assert found.tape is not None
    assert not any("exact copies" in n for n in found.notes)


def _import(store: Path, path: Path) -> dict:
    done = CliRunner().invoke(
        app, ["tape", "import", str(path), "--store", str(store), "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_another_source_of_stored_events_is_warned_of(tmp_path: Path) -> None:
    """Dollars rounded to cents give other identifiers: the file is taken, and it is said."""
    rows = [(1_756_000_000_000 + 977 * k, 100.0 + k, round(0.123 * (k + 1), 3)) for k in range(40)]
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    first = write_file(
        tmp_path, "bybit_liquidations.csv",
        head + "".join(f"bybit,BTCUSDT,{t}000,{t}000,,sell,{p},{v}\n" for t, p, v in rows),
    )  # fmt: skip
    text = json.dumps(
        [{"exchange_name": "Bybit", "symbol": "BTCUSDT", "price": p, "side": 2, "time": t,
          "usd_value": round(p * v, 2)} for t, p, v in rows]
    )  # fmt: skip
    store = tmp_path / "store"
    assert not any("two sources" in w for w in _import(store, first)["warnings"])
    assert not any("two sources" in w for w in _import(store, first)["warnings"])
    again = _import(store, write_file(tmp_path, "coinglass.json", text))
    new = again["new_events"]
    assert new > 20
    (warning,) = [w for w in again["warnings"] if "two sources" in w]
    assert warning.startswith(f"{new} events of bybit")
    with Store(store) as opened:
        assert near_copies(opened, EVER) == {"bybit": new}
        noted = [f for f in verify(opened).findings if "two sources" in f.what]
        assert sum(f.count for f in noted) == new
        assert not any(f.fault for f in noted)


@pytest.mark.parametrize("at_once", [1, 7, 10**6])
def test_near_copies_do_not_depend_on_the_stretches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """A second source tells some events of one venue again, over days."""
    monkeypatch.setattr("seawall.ingest.store.near_copies.AT_ONCE", at_once)
    every = made_tape(400, seed=3, span=3 * DAY)
    again = np.random.default_rng(5).random(400) < 0.3
    second = replace(
        every,
        notional=every.notional * 1.001,
        event_id=every.event_id ^ np.uint64(1),
        sources=("elsewhere",),
    ).take(again & (every.venue == 0))
    assert len(second) > 10
    with StoreWriter(tmp_path / "store") as writer:
        writer.append(every)
        writer.append(second)
        writer.roll()
        assert near_copies(writer, EVER) == {every.venues[0]: len(second)}
