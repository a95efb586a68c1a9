"""Frames written once for all: a WebSocket message in the bytes that any client is sent."""

from __future__ import annotations

import asyncio
import struct
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "seawall.frames"
"""Key under which a connection that can take written frames says so in its scope."""
_TEXT = 0x81


def framed(payload: bytes) -> bytes:
    """One unmasked text message, whole in one frame.

    Source: RFC 6455, section 5.2; what a server sends is never masked.
    """
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload


class Taker(Protocol):
    """A connection that takes written frames."""

    writable: asyncio.Event
    """Set while it has taken most of what it was given."""

    def put(self, frame: bytes) -> None:
        """Give it a frame; RuntimeError if it is closed."""


class SharedFrames(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket that also takes frames as they stand.

    Encoding, framing and checking a message anew for each of two hundred clients took most of the
    server's time; the bytes are the same for all.
    """

    def handle_connect(self, event: Request) -> None:
        """Offer the way in the scope, before the application sees it."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            offered: dict[str, Any] = {EXTENSION: self}
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), **offered}

    def put(self, frame: bytes) -> None:
        """Write a frame; nothing of ours is ever sent in fragments that it could fall between."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise RuntimeError("closed")
        self.transport.write(frame)
