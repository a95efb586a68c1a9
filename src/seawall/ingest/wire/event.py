"""One event off the wire, and a batch of them as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from seawall.core.tape import DTYPES, Tape

_FIGURES = (
    "time",
    "received",
    "side",
    "quantity",
    "price",
    "notional",
    "kind",
    "coverage",
    "at_fill",
    "account",
    "event_id",
)
_NAMED = {"venue": "venues", "instrument": "instruments", "asset": "assets", "source": "sources"}


class WireEvent(msgspec.Struct, gc=False):
    """An event as :class:`seawall.core.tape.Tape` means it, names in full.

    Attributes
    ----------
    time, received
        UTC ns: when it happened by the venue's clock, when the message reached us.
    side
        Of the position that was closed: +1 long, -1 short.
    quantity
        Base units of the contract, > 0: of ``1000PEPEUSDT`` thousands of PEPE.
    price, notional
        USD, > 0.
    kind, coverage
        Codes of :class:`seawall.core.tape.Kind` and :class:`seawall.core.tape.Coverage`.
    at_fill
        Whether ``price`` is what the closing was filled at.
    account
        Hash of the account, 0 where the venue does not tell it.
    source
        Venue and channel it came by.
    """

    time: int
    received: int
    venue: str
    instrument: str
    asset: str
    side: int
    quantity: float
    price: float
    notional: float
    kind: int
    coverage: int
    at_fill: bool
    account: int
    event_id: int
    source: str


def tape_of(events: Sequence[WireEvent]) -> Tape:
    """Events as columns, in the order given."""
    columns: dict[str, Any] = {
        name: np.array([getattr(e, name) for e in events], dtype=DTYPES[name]) for name in _FIGURES
    }
    for name, table in _NAMED.items():
        codes: dict[str, int] = {}
        columns[name] = np.array(
            [codes.setdefault(getattr(e, name), len(codes)) for e in events], dtype=DTYPES[name]
        )
        columns[table] = tuple(codes)
    return Tape(**columns)
