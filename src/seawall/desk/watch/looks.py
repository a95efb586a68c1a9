"""Looks at what may not answer, at a book or at an account of an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from seawall.desk.watch.aside import aside

T = TypeVar("T")

GIVE_UP = 10.0
"""A late look is given up after so many times as long again as an answer may take."""


class Looks(Generic[T]):
    """Looks taken one after the other, of which one that hangs does not keep back the next.

    Parameters
    ----------
    work
        Looks; called in a thread, and in a second one while a look that was given up still hangs.
    answer
        Seconds that a look may take before it is late.
    late
        Is told of a look that is.
    """

    def __init__(self, work: Callable[[], T], answer: float, late: Callable[[], None]):
        self._work, self._answer, self._late = work, answer, late
        self._given_up: asyncio.Future[T] | None = None

    async def take(self) -> T:
        """What a look finds or raises; of one that is given up, what the next does.

        The answer of a look that was given up is ignored, however late it comes. No third is begun
        while two hang.
        """
        look = aside(self._work)
        if not await _done(look, self._answer):
            self._late()
        while not await _done(look, GIVE_UP * self._answer):
            if self._given_up is not None:
                both = {look, self._given_up}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if look.done():
                    break
            look.add_done_callback(_ignored)
            # at once: by its beginning a reader knows that the look before counts no more
            self._given_up, look = look, aside(self._work)
        return look.result()


async def _done(look: asyncio.Future[T], seconds: float) -> bool:
    done, _ = await asyncio.wait({look}, timeout=seconds)
    return bool(done)


def _ignored(look: asyncio.Future[T]) -> None:
    # an error that nobody asks for is complained of by the loop
    if not look.cancelled():
        look.exception()
