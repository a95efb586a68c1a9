"""A recorded run played again: closings as a tape, candles and the map, at a chosen pace."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import format_time
from seawall.core.tape import COLUMNS, DTYPES, Coverage, Kind, Tape

CANDLE = 60
_TAKEOVER = 5
_KINDS = {0: Kind.LIQUIDATION, 1: Kind.PARTIAL, 5: Kind.TAKEOVER, 7: Kind.ADL}
_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """The map of one asset through time.

    Attributes
    ----------
    shades
        Shape (T, B): uint8, even in the logarithm; 0 nothing, 255 ``most`` USD.
    seconds
        Shape (T,): moments, from the start of the run.
    low, high
        Prices at the ends of the B bins, USD.
    mid
        Shape (T,): price, USD.
    long
        Shape (B,): whether a bin holds longs; shorts otherwise.
    """

    asset: str
    shades: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    low: float
    high: float
    most: float
    mid: NDArray[np.float64]
    long: NDArray[np.bool_]

    def candles(self, until: float = math.inf) -> list[list[float]]:
        """Rows of start (UTC s within the run), open, high, low, close; none after a moment."""
        rows: list[list[float]] = []
        shown = self.seconds <= until
        slots = (self.seconds[shown] // CANDLE).astype(np.int64)
        prices = self.mid[shown]
        for slot in np.unique(slots):
            p = prices[slots == slot]
            before = rows[-1][4] if rows else float(p[0])
            high, low = max(before, float(p.max())), min(before, float(p.min()))
            rows.append([float(slot * CANDLE), before, high, low, float(p[-1])])
        return rows


class Recording:
    """A run as ``seawall.app.recording`` writes it."""

    def __init__(self, file: Path | IO[bytes]):
        with np.load(file, allow_pickle=False) as stored:
            self._stored = {name: stored[name] for name in stored.files}
        self.title = str(self._stored["title"])
        self.digest = str(self._stored["digest"])
        self.start = int(self._stored["start"])
        self.length = float(self._stored["length"])
        self.seconds = self._stored["second"].astype(np.float64)
        self.tape = _tape_of(self._stored, self.start)
        self.assets = tuple(
            n[4:] for n in self._stored if n.startswith("map_") and n != "map_second"
        )

    @classmethod
    def embedded(cls) -> Recording:
        """The one that comes with Seawall: 21 November 2025, synthetic."""
        with (files("seawall.room") / "embedded.npz").open("rb") as file:
            return cls(file)

    def drawing(self, asset: str) -> Drawing:
        """The map of an asset; KeyError if there is none."""
        low, high = self._stored[f"edges_{asset}"]
        return Drawing(
            asset,
            self._stored[f"map_{asset}"],
            self._stored["map_second"].astype(np.float64),
            float(low),
            float(high),
            float(self._stored[f"most_{asset}"]),
            self._stored[f"mid_{asset}"].astype(np.float64),
            self._stored[f"side_{asset}"] > 0,
        )

    def rows(self, begin: float, end: float) -> slice:
        """Events after a moment of the run, up to another."""
        first, last = np.searchsorted(self.seconds, [begin, end], side="right")
        return slice(int(first), int(last))


def event_of(tape: Tape, row: int) -> dict[str, Any]:
    """One event as a reader is sent it."""
    return {
        "time": format_time(int(tape.time[row])),
        "venue": tape.venues[tape.venue[row]],
        "instrument": tape.instruments[tape.instrument[row]],
        "asset": tape.assets[tape.asset[row]],
        "side": "long" if tape.side[row] > 0 else "short",
        "quantity": float(tape.quantity[row]),
        "price": float(tape.price[row]),
        "notional_usd": float(tape.notional[row]),
        "kind": Kind(int(tape.kind[row])).name.lower(),
        "coverage": Coverage(int(tape.coverage[row])).name.lower(),
    }


def _tape_of(stored: dict[str, Any], start: int) -> Tape:
    """The closings of a run as a tape: everything is seen, as nothing stands between."""
    markets = [str(m) for m in stored["markets"]]
    symbols = [str(s) for s in stored["instruments"]]
    venues, venue = np.unique([m.partition(":")[0] for m in markets], return_inverse=True)
    assets, asset = np.unique([m.partition(":")[2] for m in markets], return_inverse=True)
    names, name = np.unique(symbols, return_inverse=True)
    row, n = stored["market"].astype(np.int64), len(stored["second"])
    time = start + np.rint(stored["second"].astype(np.float64) * _BILLION).astype(np.int64)
    price = stored["price"].astype(np.float64)
    usd = stored["usd"].astype(np.float64)
    columns: dict[str, Any] = {
        "time": time,
        "received": time,
        "venue": venue[row],
        "instrument": name[row],
        "asset": asset[row],
        "side": stored["side"],
        "quantity": usd / price,
        "price": price,
        "notional": usd,
        "kind": np.array([int(_KINDS[int(k)]) for k in stored["kind"]]),
        "coverage": np.full(n, int(Coverage.ALL)),
        "at_fill": stored["kind"] != _TAKEOVER,
        "account": stored["account"].astype(np.uint64) + 1,
        "event_id": np.arange(1, n + 1),
        "source": np.zeros(n),
    }
    cast = {c: np.asarray(columns[c]).astype(DTYPES[c]) for c in COLUMNS}
    return Tape(
        **cast,
        venues=tuple(map(str, venues)),
        instruments=tuple(map(str, names)),
        assets=tuple(map(str, assets)),
        sources=("recording",),
    )
