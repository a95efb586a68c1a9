"""Work in a thread of its own, for which nobody has to wait at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from seawall.core import InternalError

T = TypeVar("T")


def aside(work: Callable[[], T]) -> asyncio.Future[T]:
    """What ``work`` returns or raises, in the running loop.

    What is raised beside the exceptions of a program (an exit, a library's panic) comes as an
    :class:`InternalError` that names it.

    A loop that ends waits for the threads of its own pool, and the interpreter for them after it:
    an exchange that never answers would keep a watch from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(error: Exception | None, found: list[T]) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(found[0])
        else:
            future.set_exception(error)

    def go() -> None:
        error: Exception | None = None
        found: list[T] = []
        try:
            found.append(work())
        except BaseException as raised:
            error = _handed_on(raised)
        # a loop that has ended in the meantime needs no answer
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, error, found)

    threading.Thread(target=go, daemon=True).start()
    return future


def _handed_on(raised: BaseException) -> Exception:
    # a future takes no StopIteration, and what is no Exception would end the loop that awaits it
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    error = InternalError(f"{type(raised).__name__}: {raised}")
    error.__cause__ = raised
    return error
