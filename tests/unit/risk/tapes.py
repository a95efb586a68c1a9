"""Tapes made for tests, column by column."""

from __future__ import annotations

import numpy as np

from seawall.core.tape import Coverage, Kind, Tape

START = 1_700_000_000 * 10**9
SECOND = 10**9


def tape_of(**columns: object) -> Tape:
    """A tape of the columns given, each of one length or a single value."""
    names = {k: columns.pop(k, ("x",)) for k in ("venues", "instruments", "assets", "sources")}
    n = max(np.size(v) for v in columns.values())
    given = {
        "time": START + np.arange(n) * SECOND,
        "venue": 0,
        "instrument": 0,
        "asset": 0,
        "side": 1,
        "price": 100.0,
        "notional": 1000.0,
        "kind": Kind.LIQUIDATION,
        "coverage": Coverage.ALL,
        "at_fill": True,
        "account": 0,
        "source": 0,
    } | columns
    kinds = {
        "time": np.int64, "venue": np.int32, "instrument": np.int32, "asset": np.int32,
        "side": np.int8, "price": np.float64, "notional": np.float64, "kind": np.int8,
        "coverage": np.int8, "at_fill": np.bool_, "account": np.uint64, "source": np.int32,
    }  # fmt: skip
    full = {k: np.broadcast_to(np.asarray(v, dtype=kinds[k]), n).copy() for k, v in given.items()}
    return Tape(
        **full,
        received=full["time"],
        quantity=full["notional"] / full["price"],
        event_id=np.arange(1, n + 1, dtype=np.uint64),
        **names,
    )
