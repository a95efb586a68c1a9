"""Answers about what is live: none of a moment that has passed, and none holds up the others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from room_server import PATIENCE, serving
from seawall.app.serve_command import room_of
from seawall.room.live import Picked

MANY = "/api/v1/live/tape?limit=5000"


def test_a_long_tape_holds_up_nobody_and_is_written_once(
    book_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free, made = threading.Event(), threading.Event(), []
    with serving(room_of(book_file)) as ask, ThreadPoolExecutor(3) as pool:
        live = ask.app.state.live
        plain = live.picked

        def held(wanted: Picked) -> Any:
            made.append(wanted.limit)
            begun.set()
            # where this is the loop itself, nobody is there to let it go
            assert free.wait(PATIENCE / 4)
            return plain(wanted)

        ask.until("/api/v1/live/statistics", lambda s: "events" in s)
        # all ask at one moment
        monkeypatch.setattr(live, "move", lambda: None)
        monkeypatch.setattr(live, "picked", held)
        first = pool.submit(ask, MANY)
        assert begun.wait(PATIENCE)
        assert ask("/api/v1/live").status == 200
        second = pool.submit(ask, MANY)
        free.set()
        told = [f.result() for f in (first, second)]
        assert [t.status for t in told] == [200, 200]
        assert told[0].body == told[1].body
        assert len(told[0].json()) == 5000
    assert made == [5000]


def test_what_is_made_while_time_goes_on_is_not_kept(ask: Any) -> None:
    live = ask.app.state.live
    plain = live.picked
    wanted = Picked(limit=3)

    def late(asked: Picked) -> Any:
        found = plain(asked)
        live.move()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "picked", late)
        live.once("tape", wanted)
        assert ("tape", wanted) not in live._made


def test_feeds_that_cannot_be_told_once_do_not_end_what_is_live(ask: Any) -> None:
    live = ask.app.state.live
    plain, asked, again = live.states, [], threading.Event()

    def states() -> Any:
        asked.append(None)
        if len(asked) == 1:
            raise OSError("the recorder does not answer")
        again.set()
        return plain()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "states", states)
        assert again.wait(PATIENCE / 4)
    assert ask("/api/v1/live/feeds").status == 200
