"""What a feed tells whoever keeps account of when it was heard."""

from __future__ import annotations

from typing import Protocol

from seawall.ingest.store.outages import OVERLOADED


class Watch(Protocol):
    """Told of each connection by its name; times are UTC ns."""

    def begins(self, venue: str, link: str) -> None:
        """It is about to be made."""

    def heard_before(self, link: str) -> int:
        """Until when an earlier recording heard it; 0 if none did."""

    def stands(self, venue: str, link: str) -> None:
        """Its subscription stands: it is heard from now on."""

    def refused(self, venue: str, link: str, why: str) -> None:
        """It stands, and a part of what was asked for is refused; nothing if ``why`` is empty."""

    def falls(self, link: str, heard: int, why: str) -> None:
        """It ended, and was heard last at a time."""

    def drops(self, venue: str, link: str, at: int, events: int, why: str = OVERLOADED) -> None:
        """Events of a message that came at a time were lost; of how many 0 if not known."""

    def refilled(self, link: str, since: int) -> None:
        """All that happened from a time until now was had by REST."""


class Unwatched:
    """Keeps no account."""

    def begins(self, venue: str, link: str) -> None:
        """Nothing."""

    def heard_before(self, link: str) -> int:
        """Never."""
        return 0

    def stands(self, venue: str, link: str) -> None:
        """Nothing."""

    def refused(self, venue: str, link: str, why: str) -> None:
        """Nothing."""

    def falls(self, link: str, heard: int, why: str) -> None:
        """Nothing."""

    def drops(self, venue: str, link: str, at: int, events: int, why: str = OVERLOADED) -> None:
        """Nothing."""

    def refilled(self, link: str, since: int) -> None:
        """Nothing."""
