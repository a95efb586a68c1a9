"""A tape: what venues have published of forced closings, in one meaning, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core.errors import InternalError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

TAPE_SCHEMA = 1
"""Version of the columns below; a store says which it was written with."""


class Kind(IntEnum):
    """What happened to the position."""

    LIQUIDATION = 0
    """Closed by its venue, in the whole as far as the feed tells."""
    PARTIAL = 1
    """Reduced by its venue."""
    ADL = 2
    """A winner closed as the counterpart of a liquidation; never added to liquidations."""
    TAKEOVER = 3
    """Passed to the venue's engine, fund or vault at a price that is no trade: a liquidation, of
    which a tape holds no other record."""


class Side(IntEnum):
    """Side of the position that was closed; the order that closes a long is a sale."""

    LONG = 1
    SHORT = -1


class Coverage(IntEnum):
    """How much of what happened the feed that an event came by publishes."""

    ALL = 0
    """Every event, as the venue says."""
    ONE_A_SLOT = 1
    """At most one event a symbol and slot of time; the slot is the venue's rule."""
    SAMPLE = 2
    """A part without a stated rule."""
    UNKNOWN = 3


LIQUIDATED = (Kind.LIQUIDATION, Kind.PARTIAL, Kind.TAKEOVER)
"""Kinds that say that a loser's position was closed, each closing once."""


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Events in any order, a row each, all columns of one length n.

    Attributes
    ----------
    time
        Shape (n,): when it happened by the venue's clock, UTC ns.
    received
        Shape (n,): when it reached us, UTC ns; equal to ``time`` where nobody noted it.
    venue, instrument, asset, source
        Shape (n,): codes into ``venues``, ``instruments``, ``assets`` and ``sources``.
        An instrument is named as its venue names it.
    side
        Shape (n,): +1 a long was closed, -1 a short. Never the side of the order.
    quantity
        Shape (n,): base units, > 0; of an inverse contract what its face is worth at ``price``.
    price
        Shape (n,): USD, > 0; of the fill where ``at_fill``, else the bankruptcy price or another
        that is no trade.
    notional
        Shape (n,): USD, > 0: quantity times price, the face of an inverse contract.
    kind, coverage
        Shape (n,): codes of :class:`Kind` and :class:`Coverage`.
    at_fill
        Shape (n,): whether ``price`` is what the closing was filled at.
    account
        Shape (n,): hash of the account where the venue tells it, else 0.
    event_id
        Shape (n,): 64 bits that two copies of one event share and other events do not; of the
        venue's own identifier where it gives one, else of the message's contents.
    """

    time: Ints
    received: Ints
    venue: Codes
    instrument: Codes
    asset: Codes
    side: NDArray[np.int8]
    quantity: Floats
    price: Floats
    notional: Floats
    kind: NDArray[np.int8]
    coverage: NDArray[np.int8]
    at_fill: NDArray[np.bool_]
    account: NDArray[np.uint64]
    event_id: NDArray[np.uint64]
    source: Codes
    venues: tuple[str, ...]
    instruments: tuple[str, ...]
    assets: tuple[str, ...]
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, name)) for name in COLUMNS}
        if len(lengths) != 1:
            raise InternalError(f"columns of a tape differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Any) -> Tape:
        """The rows chosen by an index, mask or slice; names stay."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return Tape(**columns, **{name: getattr(self, name) for name in NAMES})

    def in_order(self) -> Tape:
        """Events by time, then receipt, then identifier."""
        return self.take(np.lexsort((self.event_id, self.received, self.time)))

    def once(self) -> Tape:
        """Every event once: of copies the one that was received first."""
        first = np.lexsort((self.received, self.event_id))
        ids = self.event_id[first]
        keep = np.ones(len(ids), dtype=np.bool_)
        keep[1:] = ids[1:] != ids[:-1]
        return self.take(np.sort(first[keep]))

    @staticmethod
    def joined(parts: Sequence[Tape]) -> Tape:
        """One tape of several, in the order given; names are those of any part."""
        tables: dict[str, tuple[str, ...]] = {}
        for name in NAMES:
            tables[name] = tuple(dict.fromkeys(x for p in parts for x in getattr(p, name)))
        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        for part in parts:
            for name in COLUMNS:
                values = getattr(part, name)
                table = _TABLE_OF.get(name)
                if table:
                    codes = {x: k for k, x in enumerate(tables[table])}
                    own = np.array([codes[x] for x in getattr(part, table)], dtype=np.int32)
                    values = own[values] if len(own) else values
                columns[name].append(values)
        if not parts:
            return empty_tape()
        made: dict[str, Any] = {k: np.concatenate(v) for k, v in columns.items()}
        return Tape(**made | tables)


_TABLE_OF = {
    "venue": "venues",
    "instrument": "instruments",
    "asset": "assets",
    "source": "sources",
}
NAMES = tuple(_TABLE_OF.values())
"""Attributes that hold names, not columns."""
COLUMNS = tuple(f.name for f in fields(Tape) if f.name not in NAMES)
"""Attributes that hold a value an event."""

DTYPES: dict[str, Any] = {
    "time": np.int64,
    "received": np.int64,
    "venue": np.int32,
    "instrument": np.int32,
    "asset": np.int32,
    "side": np.int8,
    "quantity": np.float64,
    "price": np.float64,
    "notional": np.float64,
    "kind": np.int8,
    "coverage": np.int8,
    "at_fill": np.bool_,
    "account": np.uint64,
    "event_id": np.uint64,
    "source": np.int32,
}


def empty_tape() -> Tape:
    """A tape without events."""
    columns = {name: np.zeros(0, dtype=kind) for name, kind in DTYPES.items()}
    return Tape(**columns, venues=(), instruments=(), assets=(), sources=())
