"""Parts of a tape: notional of venues and groups, with what their feeds left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import Coverage, Tape
from seawall.risk.coverage import (
    SATURATED,
    SATURATED_SHARE,
    Estimate,
    Label,
    Unseen,
    liquidations,
)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PARTLY = (Coverage.SAMPLE, Coverage.UNKNOWN)


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
        Of the estimates of all venues, with its 5-95% interval; ``label`` is that of ``estimate``.
    share_shown
        Of what was shown.
    """

    venue: str
    events: int
    notional_usd: float
    long_usd: float
    estimate: Estimate
    share: Estimate
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


def estimate(tape: Tape, left_out: Unseen, rows: Mask, count: bool = False) -> Estimate:
    """USD, or with ``count`` events, of some rows with what was not shown beside them.

    Where a feed tells no rule, or its slots are full, the figure is a lower bound: slots that
    are as good as always occupied are held at the rate that can still be told, and there is no
    upper end.

    Parameters
    ----------
    rows
        Shape (n,): whole cells (a venue, an asset and a side) of the tape.
    """
    mine = rows & liquidations(tape)
    shown = float(mine.sum()) if count else float(tape.notional[mine].sum())
    beside = left_out.events if count else left_out.usd
    hidden = float(beside[mine].sum())
    label = label_of(tape, left_out, mine)
    if label is Label.MEASURED:
        return Estimate(shown, shown, shown, label)
    drawn = _drawn(left_out, mine, count)
    low, high = (float(x) for x in np.quantile(shown + drawn, (0.05, 0.95)))
    if label is Label.MODELLED:
        return Estimate(shown + hidden, min(low, shown + hidden), max(high, shown + hidden), label)
    value = shown + float((beside * _held(left_out))[mine].sum())
    return Estimate(value, min(low, value), float("nan"), label)


def label_of(tape: Tape, left_out: Unseen, mine: Mask) -> Label:
    """What the USD of some events are called once what is missing has been added."""
    if not mine.any():
        return Label.MEASURED
    coverage = tape.coverage[mine]
    if np.isin(coverage, _PARTLY).any() or left_out.unruled[mine].any():
        return Label.LOWER_BOUND
    if not (coverage == Coverage.ONE_A_SLOT).any():
        return Label.MEASURED
    whole = float(tape.notional[mine].sum() + left_out.usd[mine].sum())
    full = float(left_out.usd[mine & left_out.saturated].sum())
    return Label.LOWER_BOUND if full > SATURATED_SHARE * whole else Label.MODELLED


def _held(left_out: Unseen) -> Floats:
    """Shape (n,): what is left of an event's unseen part at the highest rate that can be told."""
    most = SATURATED / -np.expm1(-SATURATED) - 1.0
    beside = np.maximum(left_out.events, 1e-300)
    return np.where(left_out.saturated, np.minimum(1.0, most / beside), 1.0)


def _drawn(left_out: Unseen, mine: Mask, count: bool) -> Floats:
    """Shape (draws,): draws of the unseen part of the cells that some rows are in."""
    drawn = left_out.drawn_events if count else left_out.drawn_usd
    if not drawn.size:
        return np.zeros(max(1, len(drawn)))
    return np.asarray(drawn[:, np.unique(left_out.cell[mine])].sum(axis=1), dtype=np.float64)


def venue_shares(tape: Tape, left_out: Unseen) -> tuple[VenueShare, ...]:
    """Venues by estimated notional, largest first; shares are of the estimates' sum.

    The interval of a share holds what the estimates leave open. A venue that publishes a part
    without a rule enters with what it shows: its own share is then at least, and that of the
    others at most, what is said.
    """
    mine = liquidations(tape)
    codes = [c for c in range(len(tape.venues)) if (mine & (tape.venue == c)).any()]
    if not codes:
        return ()
    rows = [mine & (tape.venue == c) for c in codes]
    found = [estimate(tape, left_out, r) for r in rows]
    shown = np.array([float(tape.notional[r].sum()) for r in rows])
    drawn = np.array(
        [x + _drawn(left_out, r, False) for x, r in zip(shown, rows, strict=True)]
    ).reshape(len(rows), -1)
    values = np.array([e.value for e in found])
    shares = []
    for k, code in enumerate(codes):
        share = _share(values, drawn, np.arange(len(codes)) == k, found[k].label)
        shares.append(
            VenueShare(
                venue=tape.venues[code],
                events=int(rows[k].sum()),
                notional_usd=float(shown[k]),
                long_usd=float(tape.notional[rows[k] & (tape.side > 0)].sum()),
                estimate=found[k],
                share=share,
                share_shown=float(shown[k] / shown.sum()),
            )
        )
    return tuple(sorted(shares, key=lambda s: (-s.estimate.value, s.venue)))


def _share(values: Floats, drawn: Floats, these: Mask, label: Label) -> Estimate:
    value = float(values[these].sum() / values.sum())
    ratio = drawn[these].sum(axis=0) / drawn.sum(axis=0)
    low, high = (float(x) for x in np.quantile(ratio, (0.05, 0.95)))
    return Estimate(value, min(low, value), max(high, value), label)


def top_share(
    tape: Tape, left_out: Unseen, venues: Sequence[VenueShare], top: int = 3
) -> tuple[Estimate, float]:
    """Share of the largest venues by estimate, and that of the largest by what was shown."""
    if not venues:
        nan = float("nan")
        return Estimate(nan, nan, nan, Label.MEASURED), nan
    mine = liquidations(tape)
    values = np.array([v.estimate.value for v in venues])
    drawn = []
    for v in venues:
        rows = mine & (tape.venue == tape.venues.index(v.venue))
        drawn.append(v.notional_usd + _drawn(left_out, rows, False))
    shown = sorted((v.share_shown for v in venues), reverse=True)
    label = weakest(v.estimate.label for v in venues)
    share = _share(values, np.array(drawn), np.arange(len(values)) < top, label)
    return share, float(sum(shown[:top]))


def weakest(labels: Iterable[Label]) -> Label:
    """The label of a figure made of several."""
    order = (Label.LOWER_BOUND, Label.MODELLED)
    there = set(labels)
    return next((x for x in order if x in there), Label.MEASURED)


def groups(tape: Tape, left_out: Unseen, by: Sequence[str]) -> tuple[Group, ...]:
    """Figures by venue, asset, side or several of these together, largest first.

    Parameters
    ----------
    by
        Any of ``venue``, ``asset`` and ``side``.
    """
    mine = np.flatnonzero(liquidations(tape))
    if not len(mine):
        return ()
    columns: dict[str, NDArray[Any]] = {
        "venue": tape.venue,
        "asset": tape.asset,
        "side": tape.side,
    }
    keys = np.array([columns[b][mine] for b in by], dtype=np.int64).T
    known, place = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(place.reshape(-1), kind="stable")
    edges = np.cumsum(np.bincount(place.reshape(-1), minlength=len(known)))
    found = []
    for key, rows in zip(known.tolist(), np.split(mine[order], edges[:-1]), strict=True):
        part = tape.take(rows)
        every = np.ones(len(rows), dtype=np.bool_)
        found.append(
            Group(
                names=tuple(_name(tape, b, c) for b, c in zip(by, key, strict=True)),
                events=len(rows),
                notional_usd=float(part.notional.sum()),
                long_usd=float(part.notional[part.side > 0].sum()),
                largest_usd=float(part.notional.max()),
                estimate=estimate(part, _of_rows(left_out, rows), every),
            )
        )
    return tuple(sorted(found, key=lambda g: (-g.notional_usd, g.names)))


def _of_rows(left_out: Unseen, rows: NDArray[np.int64]) -> Unseen:
    """The same of some of the tape's rows, which must be whole cells."""
    return replace(
        left_out,
        events=left_out.events[rows],
        usd=left_out.usd[rows],
        saturated=left_out.saturated[rows],
        unruled=left_out.unruled[rows],
        cell=left_out.cell[rows],
    )


def _name(tape: Tape, column: str, code: int) -> str:
    if column == "side":
        return side_name(code)
    return (tape.venues if column == "venue" else tape.assets)[code]


def side_name(side: int) -> str:
    """``long`` or ``short``."""
    return "long" if side > 0 else "short"
