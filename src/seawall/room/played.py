"""A recording played at a pace of its own: its closings, its statistics, its map."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from seawall.core import Mistake, format_time
from seawall.core.tape import Coverage
from seawall.risk.heat import usd_of_shades
from seawall.room.answers import Answer
from seawall.room.clustered import candles_of, clustered
from seawall.room.feeds import feed
from seawall.room.hub import Hub
from seawall.room.hub import encoded as text_of
from seawall.room.live import MAP, RECENT, TAPE, Figures, Live, Picked
from seawall.room.problems import RefusedError
from seawall.room.replay import CANDLE, Drawing, Recording, event_of

if TYPE_CHECKING:
    from seawall.core.tape import Tape
    from seawall.report.model import Report

_TICK = 0.25
_STATISTICS_EVERY = 2.0
_BILLION = 1_000_000_000


class Played(Live):
    """A recording on a clock of its own.

    Parameters
    ----------
    figures
        Statistics of a tape between two times (UTC ns) as a report.
    pace
        Seconds of the recording a second.
    begin
        Second of the recording at which it opens; it starts over at its end.
    """

    def __init__(
        self,
        recording: Recording,
        hub: Hub,
        figures: Figures,
        pace: float = 20.0,
        begin: float = 12_000.0,
    ):
        self.recording, self.pace, self.begin = recording, pace, begin
        self._figures = figures
        self._opened = time.monotonic()
        self._at = begin
        self._drawings = {a: recording.drawing(a) for a in recording.assets}
        self._columns = {a: self._until(d) for a, d in self._drawings.items()}
        self._drawn: dict[str, tuple[int, Answer, Answer]] = {}
        super().__init__(hub, _TICK, _STATISTICS_EVERY)

    @property
    def second(self) -> float:
        """Second of the recording that is shown."""
        return self._at

    def about(self) -> dict[str, Any]:
        """What is being shown, and how far it is."""
        start = self.recording.start
        return {
            "source": "recording",
            "title": self.recording.title,
            "synthetic": True,
            "pace": self.pace,
            "start": format_time(start),
            "now": format_time(start + int(self._at * _BILLION)),
            "assets": list(self.recording.assets),
            "columns": dict(self._columns),
        }

    def when(self) -> int:
        """The time of the recording that is shown."""
        return self.recording.start + int(self._at * _BILLION)

    def states(self) -> list[dict[str, Any]]:
        """A row a venue: all its events come from the recording."""
        tape, end = self.recording.tape, self._end()
        rows = []
        for code, venue in enumerate(tape.venues):
            mine = np.flatnonzero(tape.venue[:end] == code)
            if not (tape.venue == code).any():
                continue
            last = int(tape.time[mine[-1]]) if len(mine) else None
            rows.append(feed(venue, "recorded", len(mine), last, coverage=Coverage.ALL))
        return rows

    async def advance(self) -> None:
        """Tell what happened since the last look."""
        passed = (time.monotonic() - self._opened) * self.pace
        span = self.recording.length - self.begin
        at = self.begin + passed % span
        if at < self._at:
            self._columns = dict.fromkeys(self._columns, 0)
            self._at = self.begin
            self.hub.tell(MAP, {"restart": True, **self.about()})
            self._columns = {a: self._until(d) for a, d in self._drawings.items()}
        rows = self.recording.rows(self._at, at)
        self._at = at
        self.move()
        tape = self.recording.tape
        if rows.stop > rows.start:
            self.hub.tell(TAPE, *(event_of(tape, k) for k in range(rows.start, rows.stop)))
        for asset, drawing in self._drawings.items():
            self._tell_columns(asset, drawing)

    def report(self) -> Report:
        """Statistics of what was played so far."""
        at = self._at
        start, end = self.recording.start, self.recording.start + int(at * _BILLION)
        shown = self.recording.tape.take(slice(0, self.recording.rows(-1.0, at).stop))
        return self._figures(shown, start, end)

    def recent(self) -> list[dict[str, Any]]:
        """The last events, in order of time."""
        end, tape = self._end(), self.recording.tape
        return [event_of(tape, k) for k in range(max(0, end - RECENT), end)]

    def picked(self, wanted: Picked) -> list[dict[str, Any]]:
        """Closings so far that are like what is wanted, in order of time."""
        return picked_of(self.recording.tape, self._end(), wanted)

    def drawing(self, asset: str) -> tuple[Answer, Answer]:
        """The map of an asset up to now; made anew with each of its columns."""
        found, columns = self._known(asset), self._columns[asset]
        made = self._drawn.get(asset)
        if made is None or made[0] != columns:
            about = Answer.of(text_of(self._described(asset, found, columns)).encode(), level=1)
            cells = found.shades[:columns].tobytes()
            shades = Answer.of(cells, "application/octet-stream", level=1)
            made = self._drawn[asset] = (columns, about, shades)
        return made[1], made[2]

    def clusters(self, asset: str) -> dict[str, Any]:
        """Where the map of an asset clusters at the moment shown, by the rule of the command."""
        found = self._known(asset)
        k = self._columns[asset] - 1
        second = float(found.seconds[k])
        return {
            "schema": "seawall.room-clusters/1",
            "asset": asset,
            "kind": "modelled",
            "time": format_time(self.recording.start + int(second * _BILLION)),
        } | clustered(found, k)

    def candles(self, asset: str) -> dict[str, Any]:
        """Prices of an asset so far."""
        start = self.recording.start // _BILLION
        rows = [[start + s, *p] for s, *p in self._known(asset).candles(self._at)]
        return candles_of(asset, "simulated", self.recording.title, float(CANDLE), rows)

    def _known(self, asset: str) -> Drawing:
        if asset not in self._drawings:
            known = ", ".join(self._drawings)
            raise RefusedError(404, Mistake("no map of this", "asset", value=asset, allowed=known))
        return self._drawings[asset]

    def _described(self, asset: str, found: Drawing, columns: int) -> dict[str, Any]:
        step = float(found.seconds[1] - found.seconds[0]) if len(found.seconds) > 1 else 0.0
        return {
            "schema": "seawall.room-map/1",
            "asset": asset,
            "kind": "modelled",
            "start": format_time(self.recording.start),
            "columns": columns,
            "rows": found.shades.shape[1],
            "first_second": float(found.seconds[0]),
            "step_seconds": step,
            "low": found.low,
            "high": found.high,
            "deepest_usd": found.most,
            "usd_of_shade": usd_of_shades(found.most).tolist(),
            "long": found.long.astype(int).tolist(),
            "shades": "uint8 by column from the lowest price; 0 nothing, 1 to 255 even in the "
            "logarithm from a ten-thousandth of deepest_usd to deepest_usd",
            "candles": found.candles(self._at),
        }

    def _tell_columns(self, asset: str, drawing: Drawing) -> None:
        shown = self._until(drawing)
        for k in range(self._columns[asset], shown):
            text = base64.b64encode(drawing.shades[k].tobytes()).decode()
            event = {"asset": asset, "index": k, "second": float(drawing.seconds[k])}
            self.hub.tell(MAP, event | {"price": float(drawing.mid[k]), "shades": text})
        self._columns[asset] = shown

    def _until(self, drawing: Drawing) -> int:
        return int(np.searchsorted(drawing.seconds, self._at, side="right"))

    def _end(self) -> int:
        return int(self.recording.rows(-1.0, self._at).stop)


def picked_of(tape: Tape, end: int, wanted: Picked) -> list[dict[str, Any]]:
    """Of a tape's first events those that are like what is wanted, in order of time."""
    like = tape.notional[:end] >= wanted.least
    for name, names, codes in (
        (wanted.asset, tape.assets, tape.asset),
        (wanted.venue, tape.venues, tape.venue),
    ):
        if name is not None:
            like &= codes[:end] == (names.index(name) if name in names else -1)
    if wanted.side is not None:
        like &= (tape.side[:end] > 0) == (wanted.side == "long")
    rows = np.flatnonzero(like)
    if wanted.latest:
        rows = rows[max(0, len(rows) - wanted.limit) :]
    else:
        rows = np.sort(rows[np.argsort(-tape.notional[rows], kind="stable")[: wanted.limit]])
    return [event_of(tape, int(k)) for k in rows]
