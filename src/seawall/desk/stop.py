"""Where to put a stop: before the liquidation, outside a cluster, as far as volatility asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.stop_odds import Firing, Needed, Stops
from seawall.desk.triggers import Trigger, trigger_of
from seawall.risk import Cluster

Floats = NDArray[np.float64]

SIGMAS = 2.0
"""Daily standard deviations from the mark at which a stop is put if nothing is in the way."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A stop, and why it stands there.

    Attributes
    ----------
    price, mark, liquidation
        USD; ``liquidation`` is NaN where no price of its own liquidates the account.
    bound
        The farthest price that the liquidation price leaves, USD; NaN like it.
    sigmas
        Daily standard deviations from the mark, >= 0.
    needed, trigger
        What keeps it from the liquidation price, and what makes it fire.
    why
        ``volatility``, ``liquidation``, ``beyond the cluster``, ``before the cluster``, ``inside
        the cluster`` or ``given``.
    cluster
        The one that moved it.
    firing
        Of this stop alone.
    others
        Of stops between the mark and the liquidation price.
    unprotected
        Shape (H,): probability of a liquidation without any stop.
    """

    price: float
    mark: float
    liquidation: float
    bound: float
    sigmas: float
    needed: Needed
    trigger: Trigger
    why: str
    cluster: Cluster | None
    firing: Firing
    others: Firing
    unprotected: Floats
    horizons: tuple[float, ...]
    paths: int


def place(
    stops: Stops,
    *,
    sigmas: float = SIGMAS,
    trigger: str | None = None,
    extra: float = 0.0,
    at: float | None = None,
    clusters: Sequence[Cluster] = (),
    others: int = 12,
) -> Placed:
    """Where to put a stop, and what it is worth there.

    Parameters
    ----------
    sigmas
        Daily standard deviations from the mark that are wanted.
    trigger
        ``mark``, ``last`` or ``index``; the mark where the venue has it.
    extra
        Distance from the liquidation price beyond what is needed, a fraction of it.
    at
        A price to judge instead of finding one, USD.
    clusters
        Of the position's asset, distances from the mark.
    others
        How many stops in between are told, too.

    Raises
    ------
    InputError
        If the stop asked for lies beyond the liquidation price or would fire at once, if there is
        no room for one, or the account is due for liquidation already.
    """
    r = stops.resizing
    venue = r.base.book.venues[int(r.base.book.accounts.venue[0])]
    how = trigger_of(venue, trigger)
    row = int(r.base.book.positions.row[r.own])
    if r.base.accounts_state().liquidatable[0]:
        raise InputError(
            Mistake("its account is due for liquidation: a stop would come too late",
                    r.margin.book.source, row, mend="See `seawall rescue`")
        )  # fmt: skip
    needed = stops.needed(how, extra)
    bound = stops.liquidation * (1.0 + r.side * needed.total)
    wrong = _refused(stops, needed, bound, at)
    if wrong is not None:
        raise InputError(replace(wrong, where=r.margin.book.source, row=row))
    cluster: Cluster | None = None
    if at is None:
        wished = stops.mark * float(np.exp(-r.side * sigmas * stops.daily_sigma))
        price, why = _farthest(wished, bound, r.side)
        price, why, cluster = _outside(price, why, stops, bound, clusters, needed)
    else:
        price, why = at, "given"
    end = bound if (stops.mark - bound) * r.side > 0.0 else stops.liquidation
    end = end if np.isfinite(end) else stops.mark * (1.0 - 0.5 * r.side)
    between = stops.mark + (end - stops.mark) * np.arange(1, others + 1) / others
    return Placed(
        price=price,
        mark=stops.mark,
        liquidation=stops.liquidation,
        bound=bound,
        sigmas=abs(float(np.log(price / stops.mark))) / stops.daily_sigma,
        needed=needed,
        trigger=how,
        why=why,
        cluster=cluster,
        firing=stops.firing(np.array([price])),
        others=stops.firing(between),
        unprotected=stops.unprotected,
        horizons=tuple(stops.horizons),
        paths=stops.paths.count,
    )


def _refused(stops: Stops, needed: Needed, bound: float, at: float | None) -> Mistake | None:
    """Why a stop cannot stand where it is asked for, or anywhere; None if it can."""
    mark, fall, side = stops.mark, stops.liquidation, stops.resizing.side
    if at is not None:
        beyond, short = ("below", "above") if side > 0 else ("above", "below")
        allowed = f"{short} {fall:,.6g}, {beyond} the mark of {mark:,.6g}"
        if not at > 0.0 or (mark - at) * side <= 0.0:
            what = "would fire at once: it is not on the losing side of the mark"
            return Mistake(what, value=f"{at:,.6g}", allowed=allowed)
        if np.isfinite(fall) and (at - fall) * side <= 0.0:
            what = (
                f"would never fire: the account is liquidated at {fall:,.6g}, before the price "
                "reaches the stop"
            )
            return Mistake(what, value=f"{at:,.6g}", allowed=allowed)
        return None
    if np.isfinite(fall) and (mark - bound) * side <= 0.0:
        return Mistake(
            "no room for a stop: liquidation is nearer than an order takes to fill",
            value=f"{abs(mark / fall - 1.0):.2%} from the mark to the liquidation price",
            allowed=f"more than {needed.total:.2%}",
            mend="Add collateral or cut the position; see `seawall rescue`",
        )
    return None


def _farthest(wished: float, bound: float, side: float) -> tuple[float, str]:
    """The wished price, or the farthest that the liquidation price leaves."""
    if np.isfinite(bound) and (wished - bound) * side < 0.0:
        return bound, "liquidation"
    return wished, "volatility"


def _outside(
    price: float,
    why: str,
    stops: Stops,
    bound: float,
    clusters: Sequence[Cluster],
    needed: Needed,
) -> tuple[float, str, Cluster | None]:
    """The price moved out of a cluster: past its far end if there is room, else before it."""
    side = stops.resizing.side
    pad = 1.0 + side * (needed.gap + needed.slippage)
    own = [c for c in clusters if (c.side == "long") == (side > 0)]
    for cluster in sorted(own, key=lambda c: abs(c.peak - price)):
        near, far = (cluster.high, cluster.low) if side > 0 else (cluster.low, cluster.high)
        if not (far / pad - price) * side <= 0.0 <= (near * pad - price) * side:
            continue
        if not np.isfinite(bound) or (far / pad - bound) * side >= 0.0:
            return far / pad, "beyond the cluster", cluster
        if (stops.mark - near * pad) * side > 0.0:
            return near * pad, "before the cluster", cluster
        return price, "inside the cluster", cluster
    return price, why, None
