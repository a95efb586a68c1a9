"""A store that is followed: each event told once, and none lost to a look that failed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_tapes import DAY, made_tape
from seawall.ingest.store.writer import StoreWriter
from seawall.room.followed import Followed
from seawall.room.hub import Hub
from seawall.room.live import TAPE, Picked

EVENTS, MORE = 60, 7
ALL = Picked(limit=5000)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    written(tmp_path / "tape", made_tape(EVENTS, seed=5))
    return tmp_path / "tape"


def later() -> Any:
    more = made_tape(MORE, seed=9, start=20_000 * DAY + DAY // 2, span=10**9, first_id=5000)
    return replace(more, received=np.full(MORE, time.time_ns()))


def written(folder: Path, tape: Any) -> None:
    with StoreWriter(folder) as writer:
        writer.append(tape)


def test_events_are_there_once_they_are_told_and_not_before(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who comes while a store is read has an event in the snapshot, or is told of it."""
    live = Followed(store, Hub(), lambda _: None)  # type: ignore[arg-type, return-value]
    asyncio.run(live.advance())
    assert (len(live.picked(ALL)), live.hub.topics[TAPE].last) == (EVENTS, 0)
    written(store, later())
    plain, during = live._heard, []

    def heard(*given: Any) -> Any:
        during.append(len(live.picked(ALL)))
        return plain(*given)

    monkeypatch.setattr(live, "_heard", heard)
    asyncio.run(live.advance())
    assert during == [EVENTS]
    assert (len(live.picked(ALL)), live.hub.topics[TAPE].last) == (EVENTS + MORE, MORE)


def test_a_look_that_fails_loses_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Followed(store, Hub(), lambda _: None)  # type: ignore[arg-type, return-value]
    asyncio.run(live.advance())
    written(store, later())

    def broken(*given: Any) -> Any:
        raise OSError("the disk does not answer")

    for place, name in ((live, "_heard"), (live._store, "answer")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, broken)
            with pytest.raises(OSError, match="does not answer"):
                asyncio.run(live.advance())
    asyncio.run(live.advance())
    assert (len(live.picked(ALL)), live.hub.topics[TAPE].last) == (EVENTS + MORE, MORE)


def test_what_is_imported_beside_it_is_shown_and_no_news(store: Path) -> None:
    """Events of files are received when they happened: before the last that is known."""
    live = Followed(store, Hub(), lambda _: None)  # type: ignore[arg-type, return-value]
    asyncio.run(live.advance())
    written(store, later())
    asyncio.run(live.advance())
    told = live.hub.topics[TAPE].last
    old = made_tape(MORE, seed=11, span=10**9, first_id=9000)
    written(store, replace(old, received=old.time))
    asyncio.run(live.advance())
    assert len(live.picked(ALL)) == EVENTS + 2 * MORE
    assert live.hub.topics[TAPE].last == told
    # and what comes after it is news again, once
    last = made_tape(MORE, seed=12, start=20_000 * DAY + DAY // 2, span=10**9, first_id=9900)
    written(store, replace(last, received=np.full(MORE, time.time_ns())))
    for _ in range(2):
        asyncio.run(live.advance())
    assert live.hub.topics[TAPE].last == told + MORE
    assert len(live.picked(ALL)) == EVENTS + 3 * MORE


def test_what_is_taken_out_of_it_is_gone(store: Path) -> None:
    later_day = made_tape(MORE, seed=9, start=20_002 * DAY, span=10**9, first_id=5000)
    written(store, replace(later_day, received=np.full(MORE, time.time_ns())))
    live = Followed(store, Hub(), lambda _: None)  # type: ignore[arg-type, return-value]
    asyncio.run(live.advance())
    assert len(live.picked(ALL)) == MORE
    with StoreWriter(store) as writer:
        writer.roll()
        gone = [p for p in writer.manifest().parts if p.first >= 20_002 * DAY]
        writer.replace_parts(gone, lambda _: [])
    asyncio.run(live.advance())
    assert len(live.picked(ALL)) == EVENTS


def test_what_is_stored_while_the_day_is_read_again_is_told(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Followed(store, Hub(), lambda _: None)  # type: ignore[arg-type, return-value]
    asyncio.run(live.advance())
    old = made_tape(MORE, seed=11, span=10**9, first_id=9000)
    written(store, later())
    written(store, replace(old, received=old.time))
    plain = live._day

    def day(since: int, received: int | None = None) -> Any:
        found = plain(since, received)
        if received is not None:
            more = made_tape(3, seed=12, start=20_000 * DAY + DAY // 2, span=10**9, first_id=9900)
            written(store, replace(more, received=np.full(3, time.time_ns())))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(live, "_day", day)
        asyncio.run(live.advance())
    asyncio.run(live.advance())
    assert live.hub.topics[TAPE].last == MORE + 3
    assert len(live.picked(ALL)) == EVENTS + 2 * MORE + 3
