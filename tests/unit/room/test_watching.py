"""The watch of a room: warnings told to pages and channels, and nothing of an address shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from websockets.sync.client import connect

from room_server import PATIENCE, serving
from seawall.app.room_watch import WatchAsked, post_of
from seawall.app.serve_command import room_of
from seawall.core import InputError
from seawall.report.schema import schema_of

BOOK = """\
account,venue,instrument,side,quantity,entry_price,mark_price,margin_mode,collateral,wallet_balance
ann,binance,BTCUSDT,long,2.5,92000,86600,isolated,23000,
cem,bybit,ETHUSDT,long,300,2900,2830,isolated,174000,
"""
MARKS = """\
time,asset,mark
2026-01-01T00:00:00Z,BTC,86600
2026-01-01T00:00:01Z,BTC,84500
2026-01-01T00:00:02Z,BTC,83700
2026-01-01T00:00:02Z,DOGE,0.2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "book.csv").write_text(BOOK)
    (tmp_path / "marks.csv").write_text(MARKS)
    return tmp_path


class Mailbox(HTTPServer):
    """Takes what apprise sends as JSON."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.came: list[dict[str, Any]] = []


class _Take(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Mailbox)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    thread = threading.Thread(target=box.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield box
    box.shutdown()
    box.server_close()
    thread.join(5)


def test_warnings_are_told_with_what_to_do(folder: Path, mailbox: Mailbox) -> None:
    pytest.importorskip("apprise", reason="apprise is an extra: pip install 'seawall[alerts]'")
    address = f"json://me:a-secret-of-mine@127.0.0.1:{mailbox.server_port}/path-of-mine"
    asked = WatchAsked(True, str(folder / "marks.csv"), [address])
    with serving(room_of(folder / "book.csv", asked=asked)) as room:
        state = room.until("/api/v1/watch", lambda s: s.get("taken") == 4)
        recent = room.until("/api/v1/watch/recent", lambda r: len(r) >= 2)
        room.until("/api/v1/watch", lambda s: s["channels"][0]["sent"] >= 2)
        url = f"ws://127.0.0.1:{room.port}/ws"
        with connect(url, open_timeout=PATIENCE, ping_interval=None) as socket:
            socket.recv(PATIENCE / 4)
            socket.send(json.dumps({"subscribe": {"watch": None}}))
            frame = json.loads(socket.recv(PATIENCE / 4))
        bodies = room("/api/v1/watch").body + room("/api/v1/watch/recent").body
    for event in recent:
        jsonschema.validate(event, schema_of("watch/1"))
    levels = [e["level"] for e in recent if e["account"] == "ann"]
    assert levels == sorted(levels, key=["approaching", "margin call", "imminent"].index)
    assert levels[-1] == "imminent"
    assert all("add $" in e["text"] for e in recent)
    assert state["thresholds"]["moves"] == [0.05, 0.025, 0.01]
    assert (state["accounts"], state["unknown"]) == (2, 1)
    assert frame["snapshot"]["recent"] == recent
    (channel,) = frame["snapshot"]["state"]["channels"]
    assert (channel["address"], channel["failed"]) == ("json://…", 0)
    assert b"of-mine" not in bodies + json.dumps(frame).encode()
    assert any("ann" in m["message"] for m in mailbox.came)


def test_a_book_that_changes_is_watched_and_shown_anew(folder: Path) -> None:
    from dataclasses import replace

    from seawall.desk.watch.watcher import Patience

    room = room_of(folder / "book.csv", asked=WatchAsked(True, "http://127.0.0.1:9/"))
    assert room.post is not None
    quick = replace(room, post=replace(room.post, patience=Patience(reread=0.1)))
    with serving(quick) as asker:
        asker.until("/api/v1/watch", lambda s: s.get("running"))
        before = asker("/api/v1/check").json()
        assert len(before["positions"]) == 2
        (folder / "book.csv").write_text(BOOK + BOOK.splitlines()[1].replace("ann", "eve") + "\n")
        asker.until("/api/v1/watch", lambda s: s["accounts"] == 3)
        after = asker("/api/v1/check").json()
    assert [p["account"] for p in after["positions"]].count("eve") == 1


def test_a_watch_that_cannot_go_on_says_why_and_the_room_lives(folder: Path) -> None:
    (folder / "marks.csv").write_text("time,asset,mark\n2026-01-01T00:00:00Z,BTC,none\n")
    asked = WatchAsked(True, str(folder / "marks.csv"))
    with serving(room_of(folder / "book.csv", asked=asked)) as room:
        state = room.until("/api/v1/watch", lambda s: s.get("error"))
        assert "holds no mark" in state["error"]
        assert (state["running"], state["feed"]) == (False, "dead")
        assert room("/api/v1/check").status == 200


def test_without_being_asked_a_book_is_not_watched(folder: Path) -> None:
    with serving(room_of(folder / "book.csv")) as room:
        assert room("/api/v1/watch").json() == {"running": False, "error": None}
        assert room("/api/v1/watch/recent").json() == []


def test_the_example_is_watched_along_the_recording() -> None:
    with serving(room_of(accounts=5_000, pace=200.0)) as room:
        state = room.until("/api/v1/watch", lambda s: s.get("warnings"))
        assert (state["synthetic"], state["feed"], state["accounts"]) == (True, "recorded", 4)
        recent = room("/api/v1/watch/recent").json()
    first = next(e for e in recent if e["event"] == "warning")
    # by the recording's clock, not by ours
    assert first["time"].startswith("2025-11-21T")


@pytest.mark.parametrize(
    ("asked", "book", "where"),
    [
        (WatchAsked(True), None, "--watch"),
        (WatchAsked(False, alerts=["json://127.0.0.1"]), "book.csv", "--alert"),
        (WatchAsked(True, "nowhere.csv"), "book.csv", "--marks"),
        (WatchAsked(True, "store"), "book.csv", "--marks"),
        (WatchAsked(levels=("90%", "80%", "95%", "none")), "book.csv", "--approaching"),
        (WatchAsked(levels=("50%", "80%", "95%", "5%")), "book.csv", "--within"),
    ],
)
def test_what_cannot_be_watched_is_told(asked: WatchAsked, book: str | None, where: str) -> None:
    with pytest.raises(InputError) as caught:
        post_of(asked, book, None)
    assert where in str(caught.value)
