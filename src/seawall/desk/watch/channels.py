"""Where warnings go: any service that apprise knows, each from a thread of its own.

A slow service delays nobody else, and neither it nor a broken one holds up the marks: messages
that wait for a channel are sent as one. One that never answers is given up after a deadline, which
its library's own limits (of each byte, not of the whole) do not give.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import Any

from seawall.core import InputError, Mistake

RETRIES = (0.5, 2.0, 5.0)
"""Seconds before each further try of a message that a service did not take."""
DEADLINE = 20.0
"""Seconds that a service has to take a message at one try."""
_HANGING = 8
"""Calls of a service that may hang at once; while so many do, it is not called again."""
_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: a line as title, more lines, how grave, and when the mark behind it came."""

    title: str
    body: str
    grave: bool
    received: int
    """Of ``time.perf_counter_ns``; 0 where no mark stands behind it."""


@dataclass(slots=True)
class Counts:
    """What became of the messages that a channel was told.

    ``nanoseconds`` holds from mark received to message taken by the service, the latest first
    dropped.
    """

    told: int = 0
    sent: int = 0
    failed: int = 0
    nanoseconds: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def waiting(self) -> int:
        """Messages of which nothing is known yet."""
        return self.told - self.sent - self.failed


class Channel:
    """One service, fed from a thread.

    Parameters
    ----------
    name
        What it is called in reports; bears no secret.
    send
        Takes title, body and whether it is grave; returns whether the service took it.
    retries
        Seconds to wait before each further try.
    deadline
        Seconds that each try may take.

    Attributes
    ----------
    on_turn
        Called from the channel's thread with False once the service takes a message no more, or
        does not answer, and with True once it does again.
    """

    on_turn: Callable[[bool], None] | None = None

    def __init__(
        self,
        name: str,
        send: Callable[[str, str, bool], bool],
        retries: tuple[float, ...] = RETRIES,
        deadline: float = DEADLINE,
    ):
        self.name, self.counts = name, Counts()
        self._send, self._retries, self._deadline = send, retries, deadline
        self._hanging: list[threading.Thread] = []
        self._waiting: deque[Message] = deque()
        self._change = threading.Condition()
        self._closing, self._works = False, True
        self._thread = threading.Thread(target=self._run, name=f"alerts {name}", daemon=True)
        self._thread.start()

    def tell(self, message: Message) -> None:
        """Have a message sent; returns at once."""
        with self._change:
            self.counts.told += 1
            self._waiting.append(message)
            self._change.notify()

    def close(self, patience: float) -> None:
        """Send what waits, for so many seconds at most, and stop; what is left stays counted."""
        close_all((self,), patience)

    def finish(self) -> None:
        """Have the thread end once it has sent what waits."""
        with self._change:
            self._closing = True
            self._change.notify()

    def join(self, patience: float) -> None:
        """Wait for that, for so many seconds at most."""
        self._thread.join(max(0.0, patience))

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._waiting and not self._closing:
                    self._change.wait()
                some = list(self._waiting)
                self._waiting.clear()
            if not some:
                return
            self._deliver(some)

    def _deliver(self, some: list[Message]) -> None:
        title, body, grave = _joined(some)
        for wait in (*self._retries, None):
            if self._tried(title, body, grave):
                now = time.perf_counter_ns()
                self.counts.sent += len(some)
                self.counts.nanoseconds.extend(now - m.received for m in some if m.received)
                self._turn(True)
                return
            with self._change:
                if wait is None or self._closing:
                    break
                self._change.wait_for(lambda: self._closing, wait)
        self.counts.failed += len(some)
        self._turn(False)

    def _turn(self, works: bool) -> None:
        if works != self._works and self.on_turn is not None:
            self.on_turn(works)
        self._works = works

    def _tried(self, title: str, body: str, grave: bool) -> bool:
        """Whether the service takes a message before the deadline, asked in a thread that it may
        keep: nothing else frees the channel from a call that hangs.
        """
        self._hanging = [t for t in self._hanging if t.is_alive()]
        if len(self._hanging) >= _HANGING:
            return False
        answer: SimpleQueue[bool] = SimpleQueue()

        def ask() -> None:
            try:
                answer.put(self._send(title, body, grave))
            except Exception:
                # whatever a service's library raises, the watch goes on; the count tells of it
                answer.put(False)

        thread = threading.Thread(target=ask, name=f"alert {self.name}", daemon=True)
        thread.start()
        try:
            return answer.get(timeout=self._deadline)
        except Empty:
            self._hanging.append(thread)
            self._turn(False)
            return False


def close_all(channels: Iterable[Channel], patience: float) -> None:
    """Have channels send what waits, all within so many seconds, and stop."""
    some = list(channels)
    end = time.monotonic() + patience
    for channel in some:
        channel.finish()
    for channel in some:
        channel.join(end - time.monotonic())


def _joined(some: list[Message]) -> tuple[str, str, bool]:
    if len(some) == 1:
        return some[0].title, some[0].body, some[0].grave
    worst = next((m for m in some if m.grave), some[0])
    bodies = "\n".join(m.body for m in some)
    return f"{worst.title} (and {len(some) - 1} more)", bodies, worst.grave


def open_channels(
    urls: Iterable[str], retries: tuple[float, ...] = RETRIES, deadline: float = DEADLINE
) -> tuple[Channel, ...]:
    """A channel for each of apprise's addresses: ``tgram://…``, ``slack://…``, ``json://…``.

    Raises
    ------
    InputError
        If apprise is not installed, or an address is none: its scheme is told, not its secrets.
    """
    given = list(urls)
    if not given:
        return ()
    if find_spec("apprise") is None:
        raise InputError(
            Mistake("apprise not installed", "--alert", mend="pip install 'seawall[alerts]'")
        )
    apprise: Any = import_module("apprise")
    log = logging.getLogger("apprise")
    # what it logs of an address may hold secrets
    log.propagate = False
    log.addHandler(logging.NullHandler())
    found, wrong = [], []
    for url in given:
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            shown = url.partition("://")[0] + "://…"
            allowed = "an address of apprise, such as json://127.0.0.1:8080 or tgram://token/chat"
            wrong.append(
                Mistake("no address of a service", "--alert", value=shown, allowed=allowed)
            )
        else:
            found.append(service)
    if wrong:
        raise InputError(wrong)
    return tuple(Channel(_name(s), _sender(apprise, s), retries, deadline) for s in found)


def _name(service: Any) -> str:
    return f"{service.service_name or type(service).__name__}"


def _sender(apprise: Any, service: Any) -> Callable[[str, str, bool], bool]:
    kinds = apprise.NotifyType

    def send(title: str, body: str, grave: bool) -> bool:
        kind = kinds.WARNING if grave else kinds.INFO
        # asked itself: apprise's own box calls from threads that hold up the end of the process
        return bool(service.notify(body=body, title=title, notify_type=kind))

    return send
