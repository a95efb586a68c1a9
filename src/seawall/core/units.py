"""Time and number conventions at the edge.

Inside, time is UTC nanoseconds since 1970 (``int``, 0 where unknown); outside, ISO 8601.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

from seawall.core.errors import InputError, Mistake

UNKNOWN_TIME = 0
_SECOND_NS = 1_000_000_000


def parse_time(text: str | int | float | datetime) -> int:
    """UTC nanoseconds of an ISO 8601 time, a date, or an epoch number.

    Epoch numbers are read as seconds, milliseconds, microseconds or nanoseconds by their size.
    A time without a zone is UTC.

    Raises
    ------
    InputError
        If the text is neither.
    """
    if isinstance(text, datetime):
        stamp = text if text.tzinfo else text.replace(tzinfo=UTC)
        return _nanoseconds(stamp)
    if isinstance(text, str) and not text.strip().lstrip("-").replace(".", "", 1).isdigit():
        try:
            stamp = datetime.fromisoformat(text.strip())
        except ValueError:
            raise InputError(
                Mistake(
                    "not a time",
                    value=text,
                    allowed="ISO 8601 such as 2025-11-20 or 2025-11-20T23:59:59Z",
                )
            ) from None
        return _nanoseconds(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))
    # a float has no room for the ns of our days: the digits are counted as they are written
    digits = text if isinstance(text, int) else str(text).strip()
    number = Decimal(digits) if math.isfinite(float(text)) else Decimal("Infinity")
    for scale in (_SECOND_NS, 1_000_000, 1_000, 1):
        if abs(number) < 10**11 * (_SECOND_NS // scale):
            return int(number * scale)
    raise InputError(
        Mistake("not a time", value=str(text), allowed="an epoch before the year 5138")
    )


def _nanoseconds(stamp: datetime) -> int:
    delta = stamp - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * _SECOND_NS + delta.microseconds * 1_000


def format_time(nanoseconds: int) -> str:
    """ISO 8601 text, to the second, of UTC nanoseconds; ``"unknown"`` for 0."""
    if nanoseconds == UNKNOWN_TIME:
        return "unknown"
    stamp = datetime.fromtimestamp(nanoseconds // _SECOND_NS, tz=UTC)
    return stamp.isoformat().replace("+00:00", "Z")
