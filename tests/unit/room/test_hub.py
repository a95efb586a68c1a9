"""Topics: every reader gets every event once and in order, or a snapshot that stands for them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from seawall.room.hub import BATCH, Hub, Reader


def drained(hub: Hub, reader: Reader) -> list[dict[str, object]]:
    frames = []
    while (frame := hub.next_frame(reader)) is not None:
        frames.append(json.loads(frame.text))
    return frames


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=30),
    st.integers(1, 64),
)
def test_what_a_reader_has_adds_up_to_all(steps: list[tuple[int, bool]], kept: int) -> None:
    hub, seen = Hub(), 0
    hub.topic("tape", lambda: {"so_far": hub.topics["tape"].last}, kept)
    reader = Reader({"tape": 0})
    told = 0
    for count, reads in steps:
        hub.tell("tape", *range(told + 1, told + count + 1))
        told += count
        if not reads:
            continue
        for frame in drained(hub, reader):
            if "snapshot" in frame:
                assert told - seen > kept
                assert frame["snapshot"] == {"so_far": told}
            else:
                assert frame["first"] == seen + 1
                assert frame["events"] == list(range(seen + 1, int(str(frame["last"])) + 1))
            seen = int(str(frame["last"]))
        assert seen == told
    assert len(hub.topics["tape"].ring) <= kept


def test_a_frame_holds_a_batch_at_most() -> None:
    hub = Hub()
    hub.topic("tape", dict, 4 * BATCH)
    hub.tell("tape", *range(3 * BATCH + 1))
    frames = drained(hub, Reader({"tape": 0}))
    assert [len(f["events"]) for f in frames] == [BATCH, BATCH, BATCH, 1]  # type: ignore[arg-type]


def test_a_busy_topic_does_not_hide_a_quiet_one() -> None:
    hub = Hub()
    hub.topic("tape", dict, 10_000)
    hub.topic("map", dict, 10)
    reader = Reader({"tape": 0, "map": 0})
    hub.tell("tape", *range(5000))
    hub.tell("map", "column")
    assert [f["topic"] for f in drained(hub, reader)[:2]] == ["tape", "map"]


def test_a_snapshot_is_made_once_for_all() -> None:
    hub, made = Hub(), []
    hub.topic("tape", lambda: made.append(1) or len(made))
    for _ in range(5):
        drained(hub, Reader({"tape": None}))
    assert len(made) == 1
