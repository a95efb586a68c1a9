"""Identifiers that two copies of one event share, whoever handed them over."""

from __future__ import annotations

from hashlib import blake2b

Contents = tuple[str, str, int, int, str, str]
"""Venue, instrument, time, side, price and quantity, as an identifier is made of them."""


def own_id(venue: str, identifier: str) -> int:
    """64 bits of the identifier that the venue itself gives an event."""
    return _hash(f"{venue}\0own\0{identifier}")


def account_id(account: str) -> int:
    """64 bits of an account's name, in any case; 0 for an empty one."""
    return _hash(f"account\0{account.lower()}") if account else 0


def contents_of(
    venue: str, instrument: str, time: int, side: int, price: float, quantity: float
) -> Contents:
    """What tells events of a venue without identifiers apart.

    Twelve digits of price and quantity count, so that a number of contracts times a face value
    is the same in whatever order it was worked out.

    Parameters
    ----------
    time
        UTC ns by the venue's clock.
    side
        Of the position, +1 or -1.
    quantity
        Base units.
    """
    return venue, instrument, time, side, f"{price:.12g}", f"{quantity:.12g}"


def content_id(contents: Contents, number: int = 0) -> int:
    """64 bits of an event's contents.

    Parameters
    ----------
    number
        How many events of the same message had the same contents before this one: two positions
        of one size closed in one millisecond at one price are two events.
    """
    venue, instrument, time, side, price, quantity = contents
    return _hash(f"{venue}\0{instrument}\0{time}\0{side}\0{price}\0{quantity}\0{number}")


def _hash(text: str) -> int:
    found = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
    return found or 1
