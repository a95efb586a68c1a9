"""A server with a store: shows its own events, and keeps it as the commands do."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from made_tapes import DAY, made_tape
from room_server import PATIENCE, Asker, serving
from seawall.app import cli
from seawall.app.serve_command import room_of
from seawall.core import format_time
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter
from seawall.report.schema import schema_of

websockets = pytest.importorskip("websockets", reason="seawall[room] is not installed")
EVENTS = 900


def written(folder: Path, *tapes: Any) -> Path:
    with StoreWriter(folder) as writer:
        for tape in tapes:
            writer.append(tape)
            writer.roll()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    tape = made_tape(EVENTS, seed=5)
    half = EVENTS // 2
    return written(tmp_path / "tape", tape.take(slice(0, half)), tape.take(slice(half, None)))


@pytest.fixture
def ask(book_file: Path, store: Path) -> Iterator[Asker]:
    with serving(room_of(book_file, store)) as asker:
        asker.until("/api/v1/live/statistics", lambda s: "events" in s)
        yield asker


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert cli.run([*arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def done(ask: Asker, command: str, body: dict[str, Any]) -> Any:
    """What a job comes to."""
    asked = ask(f"/api/v1/jobs/{command}", "POST", body)
    assert asked.status == 202, asked.body
    job = ask.until(asked.headers["location"], lambda j: j["state"] in ("done", "failed"))
    return ask(job["result"]).json() if job["state"] == "done" else job["problem"]


def test_it_shows_its_own_events(ask: Asker, store: Path, capsys: Any) -> None:
    about = ask("/api/v1/live").json()
    assert (about["source"], about["synthetic"], about["assets"]) == ("store", False, [])
    tape = ask("/api/v1/live/tape?limit=5000").json()
    assert len(tape) == EVENTS
    kept = Store(store).read()
    assert [e["notional_usd"] for e in tape] == pytest.approx(kept.notional.tolist())
    shown = ask("/api/v1/live/statistics").json()
    expected = printed(capsys, "tape", "stats", "--store", str(store))
    for key in ("events", "largest"):
        assert shown[key] == expected[key], key
    # sums are made by several threads, whose order is in the last digits
    assert shown["notional_usd"] == pytest.approx(expected["notional_usd"], rel=1e-12)
    for mine, theirs in zip(shown["by_venue"], expected["by_venue"], strict=True):
        told = {k: v for k, v in theirs.items() if not isinstance(v, float)}
        assert {k: mine[k] for k in told} == told
        figures = {k: v for k, v in theirs.items() if isinstance(v, float)}
        assert {k: mine[k] for k in figures} == pytest.approx(figures, rel=1e-12)
    feeds = ask("/api/v1/live/feeds").json()
    assert feeds["source"] == "store"
    assert {f["venue"] for f in feeds["feeds"]} == {"binance_usdm", "bybit", "okx", "hyperliquid"}
    assert sum(f["events"] for f in feeds["feeds"]) == EVENTS
    assert {f["state"] for f in feeds["feeds"]} == {"stored"}
    assert ask("/api/v1/live/map/BTC").status == 404


def test_what_another_process_stores_is_told(ask: Asker, store: Path) -> None:
    async def go() -> list[dict[str, Any]]:
        url = f"ws://127.0.0.1:{ask.port}/ws"
        patient = {"open_timeout": PATIENCE, "ping_interval": None}
        async with websockets.connect(url, compression=None, **patient) as channel:
            await channel.recv()
            await channel.send('{"subscribe": {"tape": null}}')
            first = json.loads(await channel.recv())
            assert len(first["snapshot"]) == 200
            more = made_tape(7, seed=9, start=20_000 * DAY + DAY // 2, span=10**9, first_id=5000)
            more = replace(more, received=np.full(7, time.time_ns()))
            await asyncio.to_thread(written, store, more)
            events: list[dict[str, Any]] = []
            while len(events) < 7:
                frame = json.loads(await asyncio.wait_for(channel.recv(), PATIENCE / 4))
                events += frame.get("events", []) if frame.get("topic") == "tape" else []
            assert [e["price"] for e in events] == more.price.tolist()
            return events

    asyncio.run(go())
    assert len(ask("/api/v1/live/tape?limit=5000").json()) == EVENTS + 7


def test_upkeep_gives_what_the_commands_give(ask: Asker, store: Path, capsys: Any) -> None:
    found = ask("/api/v1/tape/verify").json()
    jsonschema.validate(found, schema_of("tape-verify"))
    expected = printed(capsys, "tape", "verify", "--store", str(store))
    assert {k: found[k] for k in expected} == expected
    made = done(ask, "tape/compact", {})
    jsonschema.validate(made, schema_of("tape-compact"))
    assert made["change"]["parts_before"] > made["change"]["parts_after"]
    day = format_time(20_001 * DAY)[:10]
    would = done(ask, "tape/retain", {"since": day})
    jsonschema.validate(would, schema_of("tape-retain"))
    told = printed(capsys, "tape", "retain", "--store", str(store), "--since", day, code=2)
    assert would["would_go"] == told["would_go"]
    assert would["would_go"]["events"] == EVENTS
    assert Store(store).extent()[0] == EVENTS
    gone = done(ask, "tape/retain", {"since": day, "yes": True})
    jsonschema.validate(gone, schema_of("tape-retain"))
    assert gone["change"]["events"] == EVENTS
    assert Store(store).extent()[0] == 0


def test_what_writes_cannot_be_set_off_by_a_link(ask: Asker) -> None:
    for path in ("tape/compact", "tape/retain?since=2030-01-01&yes=true", "tape/import?file=x"):
        assert ask(f"/api/v1/{path}").status in (404, 405), path
    foreign = {"origin": "https://evil.example"}
    body = {"since": "2030-01-01", "yes": True}
    assert ask("/api/v1/jobs/tape/retain", "POST", body, foreign).status == 403


@pytest.mark.parametrize("kind", ["csv", "parquet", "json", "arrow"])
def test_export_holds_every_event(ask: Asker, kind: str) -> None:
    reply = ask(f"/api/v1/tape/export?format={kind}&venues=okx,bybit")
    assert reply.status == 200, reply.body
    if kind == "csv":
        rows = len(reply.body.decode().splitlines()) - 1
    elif kind == "json":
        rows = len([json.loads(line) for line in reply.body.splitlines()])
    else:
        pytest.importorskip("pyarrow", reason="seawall[frames] is not installed")
        from pyarrow import ipc, parquet

        source = io.BytesIO(reply.body)
        table = (
            parquet.read_table(source) if kind == "parquet" else ipc.open_stream(source).read_all()
        )
        rows = table.num_rows
    whole = ask("/api/v1/live/tape?limit=5000").json()
    assert rows == sum(e["venue"] in ("okx", "bybit") for e in whole)
    assert ask("/api/v1/tape/export?venues=nowhere").status == 422


def test_a_file_of_the_past_is_sent_and_imported(ask: Asker, store: Path) -> None:
    sent = ask("/api/v1/tape/export?format=csv").body
    done(ask, "tape/retain", {"since": "2100-01-01", "yes": True})
    file = ask("/api/v1/files?name=old.csv", "POST", sent).json()
    made = done(ask, "tape/import", {"file": file["file"]})
    jsonschema.validate(made, schema_of("tape-import"))
    assert made["rows"] == EVENTS
    assert Store(store).extent()[0] == EVENTS
    assert str(store.parent) not in json.dumps(made)
    lost = done(ask, "tape/import", {"file": "../../etc/passwd"})
    assert lost["status"] == 404
    wrong = ask("/api/v1/files?name=bad.csv", "POST", b"a,b\n1,2\n").json()
    told = done(ask, "tape/import", {"file": wrong["file"]})
    assert told["status"] == 422
    assert "/tmp" not in json.dumps(told)
    assert "seawall-room" not in json.dumps(told)


def test_a_run_is_kept_below_the_store_and_shown_again(ask: Asker, store: Path) -> None:
    asked = {"scenario": "price-jump", "paired": False}
    made = done(ask, "simulate", {**asked, "save": "jump"})
    assert [p.name for p in (store / "runs").iterdir()] == ["jump.npz"]
    assert done(ask, "replay", {"run": "jump"}) == made
    assert str(store.parent) not in json.dumps(made)
    unknown = done(ask, "replay", {"run": "another"})
    assert (unknown["status"], "jump" in json.dumps(unknown)) == (404, True)
    out = ask("/api/v1/jobs/simulate", "POST", {**asked, "save": "../out"})
    assert out.status == 422


def test_no_name_of_a_run_leads_out_of_the_store(ask: Asker) -> None:
    for name in ("../up", "a/b", "/etc/passwd", "", "..", "a.b", "x" * 61):
        assert ask("/api/v1/jobs/replay", "POST", {"run": name}).status == 422, name


def test_rules_are_taken_over_below_the_store(ask: Asker, store: Path) -> None:
    tiers = {"BTC/USDT:USDT": [
        {"tier": 1, "minNotional": 0, "maxNotional": 50_000, "maintenanceMarginRate": 0.004,
         "maxLeverage": 125, "info": {"cum": "0"}},
    ]}  # fmt: skip
    file = ask("/api/v1/files?name=tiers.json", "POST", json.dumps(tiers).encode()).json()
    made = done(
        ask, "rules/update", {"venue": "binance", "file": file["file"], "date": "2026-01-05"}
    )
    jsonschema.validate(made, schema_of("rules-update"))
    assert (made["venue"], made["day"], made["instruments"]) == ("binance_usdm", "2026-01-05", 1)
    assert [p for p in (store / "rules").rglob("*") if p.is_file()]


def test_one_who_writes_meanwhile_is_told_of_without_a_path(ask: Asker, store: Path) -> None:
    with StoreWriter(store):
        told = done(ask, "tape/compact", {})
    assert told["status"] == 409
    assert str(store.parent) not in json.dumps(told)
