"""Clusters of a map through time at one of its moments, and candles as the page draws them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seawall.ingest.market.tables import read
from seawall.ingest.store.parts import literal
from seawall.liquidity import daily_volatility_of
from seawall.report.map import cluster_payload
from seawall.risk import clusters
from seawall.risk.heat import at_price, usd_of_shades

if TYPE_CHECKING:
    from seawall.core.tape import Tape
    from seawall.room.replay import Drawing

MOST = 40
"""Clusters told of a moment: the largest."""
_BILLION = 1_000_000_000


def clustered(drawing: Drawing, column: int) -> dict[str, Any]:
    """Price, clusters, and what the price passed without a closing, USD, of one moment."""
    usd = usd_of_shades(drawing.most)[drawing.shades[column]]
    edges = np.linspace(drawing.low, drawing.high, len(usd) + 1)
    mark = float(drawing.mid[column])
    drawn = at_price(drawing.asset, usd, drawing.long, edges, mark)
    sigma = float(daily_volatility_of((drawing.asset,)).values[0])
    found = clusters(drawn, sigma, MOST)
    return {
        "price": mark,
        "passed_usd": drawn.already,
        "clusters": [cluster_payload(c) for c in found],
    }


def candles_of(
    asset: str, kind: str, source: str, step: float, rows: list[list[float]]
) -> dict[str, Any]:
    """Candles as they are told: rows of start (UTC s), open, high, low, close (USD)."""
    return {
        "schema": "seawall.room-candles/1",
        "asset": asset,
        "kind": kind,
        "source": source,
        "step_seconds": step,
        "candles": rows,
    }


def filled(tape: Tape, asset: str, step: int) -> list[list[float]]:
    """Candles of the prices at which a tape's liquidations were filled; none where nothing was.

    Parameters
    ----------
    tape
        In order of time.
    step
        Seconds of a candle.
    """
    if asset not in tape.assets:
        return []
    mine = np.flatnonzero((tape.asset == tape.assets.index(asset)) & tape.at_fill)
    if not len(mine):
        return []
    price: NDArray[np.float64] = tape.price[mine]
    slot, first = np.unique(tape.time[mine] // (step * _BILLION), return_index=True)
    last = np.append(first[1:], len(mine)) - 1
    columns = (
        price[first],
        np.maximum.reduceat(price, first),
        np.minimum.reduceat(price, first),
        price[last],
    )
    rows: list[list[float]] = np.stack([slot * float(step), *columns], axis=1).tolist()
    return rows


def marked(
    store: Path, asset: str, window: tuple[int, int], step: int
) -> tuple[str, list[list[float]]]:
    """Candles of the marks that a store's poller kept, and of whose: the contract with the most.

    One contract, as the marks of several differ by their basis; none where no mark is stored.

    Parameters
    ----------
    window
        From the first moment to before the second, UTC ns.
    step
        Seconds of a candle.
    """
    query = f"""
        WITH mine AS (SELECT * FROM rows WHERE asset = {literal(asset)} AND mark_price > 0),
        most AS (
            SELECT venue, instrument FROM mine GROUP BY venue, instrument
            ORDER BY count(*) DESC, venue, instrument LIMIT 1
        )
        SELECT time // {step * _BILLION} AS slot, any_value(venue) AS venue,
            any_value(instrument) AS instrument, arg_min(mark_price, time) AS opened,
            max(mark_price) AS high, min(mark_price) AS low, arg_max(mark_price, time) AS closed
        FROM mine SEMI JOIN most USING (venue, instrument) GROUP BY slot ORDER BY slot
    """
    found = read(store, "mark", *window, query)
    rows = [[float(r["slot"] * step), r["opened"], r["high"], r["low"], r["closed"]] for r in found]
    whose = f"{found[0]['venue']} {found[0]['instrument']}" if found else ""
    return whose, rows
