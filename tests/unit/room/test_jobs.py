"""The queue of long work."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from seawall.room.jobs import Jobs, Say, State
from seawall.room.problems import RefusedError


def test_what_was_cancelled_takes_nobodys_place() -> None:
    begun, free = threading.Event(), threading.Event()

    def work(say: Say) -> Any:
        begun.set()
        assert free.wait(60)
        say("one more step")

    jobs = Jobs(lambda _: b"{}", waiting=3)
    try:
        running = jobs.ask("simulate", work)
        assert begun.wait(60)
        waiting = [jobs.ask("simulate", work) for _ in range(3)]
        with pytest.raises(RefusedError, match="too many"):
            jobs.ask("simulate", work)
        for job in waiting:
            assert jobs.cancel(job.key).state is State.CANCELLED
        again = [jobs.ask("simulate", work) for _ in range(3)]
        with pytest.raises(RefusedError, match="too many"):
            jobs.ask("simulate", work)
        ended = threading.Event()
        last = jobs.cancel(again[-1].key)
        free.set()
        for _ in range(600):
            if jobs.get(again[1].key).state is State.DONE:
                break
            ended.wait(0.1)
        assert [jobs.get(j.key).state for j in (running, *again)] == [
            State.DONE, State.DONE, State.DONE, State.CANCELLED,
        ]  # fmt: skip
        assert last.work is None
    finally:
        free.set()
        jobs.close()
