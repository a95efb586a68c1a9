"""Parts of a tape: notional of venues and groups, with what their feeds left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.risk.coverage import Estimate, Label
from seawall.risk.share_bounds import ShareLabel, share_bounds, top_bounds
from seawall.risk.tape_cells import Cells

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SATURATED_SHARE = 0.05
"""Share of an estimate that may come from saturated slots before it is a lower bound."""
_FIELDS = ("venue", "asset", "side")


@dataclass(frozen=True, slots=True)
class VenueShare:
    """A venue's part.

    Attributes
    ----------
    events, notional_usd, long_usd
        As shown.
    estimate
        USD with what was not shown.
    share
        Of the estimates of all venues, with what it can be: from the 5% of the least to the 95% of
        the most, 0 and 1 where no end can be told.
    share_label
        Which of its ends hold.
    share_shown
        Of what was shown.
    """

    venue: str
    events: int
    notional_usd: float
    long_usd: float
    estimate: Estimate
    share: Estimate
    share_label: ShareLabel
    share_shown: float


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one group, such as an asset and a side."""

    names: tuple[str, ...]
    events: int
    notional_usd: float
    long_usd: float
    largest_usd: float
    estimate: Estimate


def estimate(
    cells: Cells,
    rows: Mask | None = None,
    count: bool = False,
    venues: Iterable[str] | None = None,
) -> Estimate:
    """USD, or with ``count`` events, of some cells with what was not shown beside them.

    Where a feed tells no rule, was not heard all the time, or its slots are full, the figure is a
    lower bound: slots that are as good as always occupied are held at the rate that can still be
    told, and there is no upper end.

    Parameters
    ----------
    rows
        Shape (c,): the cells; all if None.
    venues
        Whose events may be among them, as in :func:`label_of`.
    """
    label = label_of(cells, rows, venues)
    rows = np.ones(len(cells.names), dtype=np.bool_) if rows is None else rows
    hidden = cells.hidden
    shown = float((cells.events if count else cells.usd)[rows].sum())
    beside = float((hidden.events if count else hidden.usd)[rows].sum())
    if label in (Label.MEASURED, Label.IMPORTED):
        return Estimate(shown, shown, shown, label)
    low, high = (float(x) for x in np.quantile(shown + _drawn(cells, rows, count), (0.05, 0.95)))
    if label is Label.MODELLED:
        return Estimate(shown + beside, min(low, shown + beside), max(high, shown + beside), label)
    held = float((hidden.held_events if count else hidden.held_usd)[rows].sum())
    # the draws are of the estimate: of what is held there is as much less
    floor = shown + (low - shown) * min(1.0, held / beside if beside > 0 else 1.0)
    return Estimate(shown + held, min(floor, shown + held), float("nan"), label)


def label_of(cells: Cells, rows: Mask | None = None, venues: Iterable[str] | None = None) -> Label:
    """What the USD of some cells, or of all, are called once what is missing has been added.

    Parameters
    ----------
    venues
        Whose events may be among them, shown or not; any venue's if None. An asset or a side is
        one of every venue: one that was not heard, or that shows a part, may have had events of
        it and have shown none.
    """
    rows = np.ones(len(cells.names), dtype=np.bool_) if rows is None else rows
    partly = {cells.names[k][0] for k in np.flatnonzero(cells.partly)}
    without, mine = cells.unheard | partly, cells.imported
    if venues is not None:
        without, mine = without & set(venues), mine & set(venues)
    if without:
        return Label.LOWER_BOUND
    whole = Label.IMPORTED if mine else Label.MEASURED
    if not cells.events[rows].any():
        return whole
    hidden = cells.hidden
    if (hidden.unruled + hidden.volleys)[rows].any():
        return Label.LOWER_BOUND
    if not cells.slotted[rows].any():
        return whole
    usd = float(cells.usd[rows].sum() + hidden.usd[rows].sum())
    full = float(hidden.full_usd[rows].sum())
    return Label.LOWER_BOUND if full > SATURATED_SHARE * usd else Label.MODELLED


def _drawn(cells: Cells, rows: Mask, count: bool) -> Floats:
    """Shape (draws,): draws of the unseen part of some cells."""
    drawn = cells.hidden.drawn_events if count else cells.hidden.drawn_usd
    if not drawn.size:
        return np.zeros(max(1, len(drawn)))
    return np.asarray(drawn[:, rows].sum(axis=1), dtype=np.float64)


def venue_shares(cells: Cells) -> tuple[VenueShare, ...]:
    """Venues by estimated notional, largest first; shares are of the sum of what is told of each.

    The interval of a share holds all that the venues may come to. Beside a venue that is only
    known from below the share of another is at most what is said; beside several, or of such a
    venue beside another, nothing is known of a share but that it lies between 0 and 1.
    """
    venues = sorted({n[0] for n, k in zip(cells.names, cells.events, strict=True) if k})
    if not venues:
        return ()
    rows = [cells.of(0, v) for v in venues]
    found = [estimate(cells, r, venues=(v,)) for v, r in zip(venues, rows, strict=True)]
    shown = np.array([float(cells.usd[r].sum()) for r in rows])
    values = np.array([e.told for e in found])
    drawn, floors = _parts(cells, dict(zip(venues, found, strict=True)))
    low, high = share_bounds(drawn, floors)
    long = cells.of(2, 1)
    shares = []
    for k, venue in enumerate(venues):
        value = float(values[k] / values.sum())
        ends = min(float(low[k]), value), max(float(high[k]), value)
        shares.append(
            VenueShare(
                venue=venue,
                events=int(cells.events[rows[k]].sum()),
                notional_usd=float(shown[k]),
                long_usd=float(cells.usd[rows[k] & long].sum()),
                estimate=found[k],
                share=Estimate(value, *ends, weakest(e.label for e in found)),
                share_label=_share_label(found, floors, k),
                share_shown=float(shown[k] / shown.sum()),
            )
        )
    return tuple(sorted(shares, key=lambda s: (-s.estimate.told, s.venue)))


def _parts(cells: Cells, venues: Mapping[str, Estimate]) -> tuple[Floats, Mask]:
    """Draws of venues' USD, the floor of those that are only known from below, and which are.

    Venues that showed nothing for not being heard come last: they may have had any.
    """
    drawn = []
    for venue, found in venues.items():
        mine = cells.of(0, venue)
        one = float(cells.usd[mine].sum()) + _drawn(cells, mine, False)
        drawn.append(np.full(len(one), found.low) if found.label is Label.LOWER_BOUND else one)
    floors = [e.label is Label.LOWER_BOUND for e in venues.values()]
    for _ in cells.unheard - venues.keys():
        drawn.append(np.zeros(len(drawn[0])))
        floors.append(True)
    return np.array(drawn), np.array(floors, dtype=np.bool_)


def _share_label(found: Sequence[Estimate], floors: Mask, k: int) -> ShareLabel:
    """What the share of the k-th venue is called."""
    if int(floors.sum()) > floors[k]:
        return ShareLabel.UNBOUNDED if floors[k] else ShareLabel.UPPER_BOUND
    return ShareLabel(weakest(e.label for e in found).value)


def top_share(cells: Cells, venues: Sequence[VenueShare], top: int = 3) -> tuple[Estimate, float]:
    """Share of the largest venues by estimate, and that of the largest by what was shown.

    The interval is of the largest, whichever they are: where venues are only known from below,
    others may be the largest than those that are by estimate.
    """
    if not venues:
        nan = float("nan")
        return Estimate(nan, nan, nan, Label.MEASURED), nan
    values = np.array([v.estimate.told for v in venues])
    shown = sorted((v.share_shown for v in venues), reverse=True)
    drawn, floors = _parts(cells, {v.venue: v.estimate for v in venues})
    value = float(values[:top].sum() / values.sum())
    low, high = top_bounds(drawn, floors, top)
    label = weakest(v.estimate.label for v in venues)
    label = Label.LOWER_BOUND if floors.any() else label
    return Estimate(value, min(low, value), max(high, value), label), float(sum(shown[:top]))


def weakest(labels: Iterable[Label]) -> Label:
    """The label of a figure made of several."""
    order = (Label.LOWER_BOUND, Label.MODELLED, Label.IMPORTED)
    there = set(labels)
    return next((x for x in order if x in there), Label.MEASURED)


def groups(cells: Cells, by: Sequence[str]) -> tuple[Group, ...]:
    """Figures by venue, asset, side or several of these together, largest first.

    Parameters
    ----------
    by
        Any of ``venue``, ``asset`` and ``side``.
    """
    fields = [_FIELDS.index(b) for b in by]
    members: dict[tuple[str | int, ...], list[int]] = {}
    for k, name in enumerate(cells.names):
        if cells.events[k]:
            members.setdefault(tuple(name[f] for f in fields), []).append(k)
    long = cells.of(2, 1)
    found = []
    for key, places in members.items():
        rows = np.zeros(len(cells.names), dtype=np.bool_)
        rows[places] = True
        names = tuple(side_name(c) if isinstance(c, int) else c for c in key)
        venues = [names[by.index("venue")]] if "venue" in by else None
        found.append(
            Group(
                names=names,
                events=int(cells.events[rows].sum()),
                notional_usd=float(cells.usd[rows].sum()),
                long_usd=float(cells.usd[rows & long].sum()),
                largest_usd=float(cells.largest_usd[rows].max()),
                estimate=estimate(cells, rows, venues=venues),
            )
        )
    return tuple(sorted(found, key=lambda g: (-g.notional_usd, g.names)))


def side_name(side: int) -> str:
    """``long`` or ``short``."""
    return "long" if side > 0 else "short"
