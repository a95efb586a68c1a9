"""Connections that never say what they want: they wait for a while, and go first in a crowd."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_WITHIN = 10.0
"""Seconds in which a request's head must have come; browsers open connections ahead of need."""
WHOLE_WITHIN = 120.0
"""Seconds for its body, of which an upload may take 60."""
LONGEST_HEAD = 65_536
MOST = 2_000
_SPARE = 128
"""Files that a process needs besides its connections."""


def room_for() -> int:
    """How many connections are held at a time: :data:`MOST`, or what the system allows.

    The system's soft limit is raised as far as is needed and may be.
    """
    if sys.platform == "win32":
        return MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, max(soft - _SPARE, _SPARE))


class Patient(HttpToolsProtocol):
    """uvicorn's HTTP with an end to waiting.

    uvicorn counts a connection that has sent nothing against the same limit as one that is being
    served and never times it out, so that whoever opens enough of them shuts all others out. Here
    a request has to come in time, and in a crowd the connection that has been without a whole
    request the longest is closed for a new one.
    """

    most = MOST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in; the oldest of those that have not asked goes if there are too many."""
        super().connection_made(transport)
        self._head, self._in_head = 0, True
        self._due = self.loop.call_later(HEAD_WITHIN, transport.abort)
        # of this server: a process may run several, each with a loop of its own
        self._silent: dict[Patient, None] = self.server_state.__dict__.setdefault("silent", {})
        self._silent[self] = None
        if len(self.connections) > self.most:
            oldest = next(iter(self._silent))
            oldest._settled()
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._settled()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head is longer than any of ours."""
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """A request begins, perhaps the second of its connection."""
        self._head, self._in_head = 0, True
        self._wait(HEAD_WITHIN)
        self._silent[self] = None
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there; the body may take longer."""
        self._in_head = False
        self._wait(WHOLE_WITHIN)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All is said; from here on it is our turn."""
        self._settled()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It may ask again, and until then it may go."""
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self._silent[self] = None

    def handle_websocket_upgrade(self) -> None:
        """The WebSocket has limits of its own."""
        self._settled()
        super().handle_websocket_upgrade()

    def _wait(self, seconds: float) -> None:
        self._due.cancel()
        self._due = self.loop.call_later(seconds, self.transport.abort)

    def _settled(self) -> None:
        self._due.cancel()
        self._silent.pop(self, None)
