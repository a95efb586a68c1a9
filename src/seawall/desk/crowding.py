"""Where other people's liquidations cluster: those of a book, or those that a tape has seen."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from seawall.core import InputError, Mistake
from seawall.margin import MarginBook
from seawall.risk import Cluster, LiquidationMap, clusters, liquidation_map
from seawall.risk.map import bin_width

SPAN = 0.35
"""Half-width of the prices looked at, as a share of the mark."""
DAYS = 7.0
"""Of a tape that are looked back on."""
_DAY_NS = 86_400 * 10**9


def clusters_of_book(
    market: MarginBook, asset: str, mark: float, daily_sigma: float
) -> tuple[Cluster, ...]:
    """Clusters of a book's liquidation prices, moved to a position's own mark, largest first.

    Raises
    ------
    InputError
        If the asset is not in the book.
    """
    drawn = liquidation_map(market, asset, SPAN)
    scale = mark / drawn.mark
    return tuple(
        Cluster(
            c.asset,
            c.side,
            c.peak * scale,
            c.low * scale,
            c.high * scale,
            c.notional_usd,
            c.distance,
            c.sigmas,
        )
        for c in clusters(drawn, daily_sigma)
    )


def clusters_of_store(
    folder: str | os.PathLike[str],
    asset: str,
    mark: float,
    daily_sigma: float,
    until: int | None = None,
    days: float = DAYS,
) -> tuple[Cluster, ...]:
    """Clusters of the prices at which a recorded tape's liquidations were filled.

    They tell where positions were closed, not where those that are left will be: prices at which
    people have been liquidated are prices around which people hold positions.

    Parameters
    ----------
    mark
        USD; prices within :data:`SPAN` of it count.
    until, days
        UTC ns of the end of what is looked at, by default that of the tape, and its length.

    Raises
    ------
    InputError
        If the tape has no liquidation of the asset there.
    """
    from seawall.ingest.store.parts import literal
    from seawall.ingest.store.store import EVER, Store

    low, high = mark * (1.0 - SPAN), mark * (1.0 + SPAN)
    bound = "" if until is None else f"AND time < {until}"
    query = (
        "SELECT time, price, side, notional_usd FROM {events} "
        f"WHERE at_fill AND asset = {literal(asset)} AND kind <> 'adl' {bound} "
        f"AND price BETWEEN {low!r} AND {high!r}"
    )
    with Store(Path(folder)) as store:
        found = store.answer(
            EVER, lambda c, events: c.execute(query.format(events=events)).fetchnumpy()
        )
    time = np.asarray(found["time"], dtype=np.int64)
    if not len(time):
        raise InputError(
            Mistake(
                "no liquidation at a known price near the mark",
                str(folder),
                value=f"{asset}, {low:,.6g} to {high:,.6g}",
            )
        )
    recent = time >= (time.max() if until is None else until) - days * _DAY_NS
    price, usd = (np.asarray(found[k], np.float64)[recent] for k in ("price", "notional_usd"))
    long = np.asarray(found["side"], dtype=np.int64)[recent] > 0
    step = bin_width(mark)
    edges = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1.0)
    sides = [np.histogram(price[s], edges, weights=usd[s])[0][None] for s in (long, ~long)]
    none = (0.0, 0.0)
    drawn = LiquidationMap(
        asset, mark, edges, sides[0], sides[1], ("tape",), none, none, never=0.0, already=0.0
    )
    return clusters(drawn, daily_sigma)
