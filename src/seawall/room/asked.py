"""One question that is under way: who waits for its answer, and how long it is worked on."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from starlette.requests import Request

from seawall.core import Mistake
from seawall.room.problems import RefusedError
from seawall.room.turns import Queued, Turns

T = TypeVar("T")
Gone = Callable[[], Awaitable[None]]
"""Comes back once one who asked has hung up."""


class Asked(Generic[T]):
    """A question, from its asking to its answer; used from one event loop but for :attr:`until`.

    Parameters
    ----------
    client
        Who asked first: in whose turn it is answered, unless one who joins has its turn sooner.
    patience
        Seconds for which it waits from the last asking, and is worked on from its turn.
    """

    def __init__(self, client: str, patience: float):
        self.queued, self.patience = Queued(client), patience
        self.until = math.inf
        """When working on it is given up, by the monotonic clock."""
        self.task: asyncio.Task[T]
        self._begun: float | None = None
        self._listeners = 0

    def begin(self) -> None:
        """Its turn has come."""
        self._begun = time.monotonic()
        self.until = self._begun + self.patience

    def join(self, turns: Turns, client: str) -> bool:
        """One more asks the same and is as patient; False if it is being given up.

        What has its turn is worked on for at most twice the patience, so that nobody holds it by
        asking on and on.
        """
        if self._begun is None:
            return turns.join(self.queued, client, self.patience)
        longer = max(self.until, time.monotonic() + self.patience)
        self.until = min(longer, self._begun + 2 * self.patience)
        return True

    async def answer(self, gone: Gone | None, dropped: Callable[[], None]) -> T:
        """The answer, for one of those who ask; one who leaves does not take it from the others.

        With the last that leaves it is dropped, unless it has its turn: then it may be kept.
        """
        leaving = None if gone is None else asyncio.ensure_future(gone())
        self._listeners += 1
        try:
            both = {self.task} if leaving is None else {self.task, leaving}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self.task.done():
                return self.task.result()
            # read by nobody
            raise RefusedError(503, Mistake("who asked has hung up"))
        finally:
            self._listeners -= 1
            if leaving is not None:
                leaving.cancel()
            if not self._listeners and self._begun is None and not self.task.done():
                self.task.cancel()
                dropped()


async def hung_up(request: Request) -> None:
    """Wait until the one behind a request is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
