"""What a run comes to, one figure a function.

*Forced* is what venues close of failing accounts: liquidations and their parts at the price of
their fills, and what a venue's fund takes over, at the mark. Stops, traders' own cuts and
auto-deleveraging (the counterpart of a takeover) are counted apart. Measures that need a run
beside the run take one from :mod:`seawall.sim.paired`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.sim.run import Events, Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FORCED = (c.LIQUIDATION, c.PARTIAL, c.TAKEOVER)
"""Kinds of events that are forced closings of a position."""

_DAY = 86_400.0


def forced(run: Run) -> Events:
    """Forced closings, by row."""
    return run.events.of(*FORCED)


def forced_usd(run: Run, side: int = 0) -> float:
    """USD forced; of longs if ``side`` > 0, of shorts if < 0."""
    rows = forced(run)
    chosen = np.ones(len(rows), dtype=np.bool_) if side == 0 else rows.quantity * side > 0
    return float(rows.usd[chosen].sum())


def accounts_forced(run: Run) -> int:
    """Margin accounts that had a position closed by force."""
    return len(np.unique(forced(run).account))


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Forced closings over even spans of time, columns of one length.

    ``second`` is where a span begins; ``accounts`` counts an account in every span it is hit.
    """

    second: Floats
    long_usd: Floats
    short_usd: Floats
    accounts: Ints


def over_time(run: Run, span: float = 60.0, market: Ints | None = None) -> Profile:
    """Forced closings by span, a minute unless said; of some markets if their rows are given."""
    rows = forced(run)
    chosen = slice(None) if market is None else np.isin(rows.market, market)
    count = max(1, int(np.ceil(run.floor.seconds / span - 1e-9)))
    place = np.minimum((rows.second[chosen] / span).astype(np.int64), count - 1)
    usd, long = rows.usd[chosen], rows.quantity[chosen] > 0
    pairs = np.unique(np.column_stack((place, rows.account[chosen])), axis=0)
    return Profile(
        second=np.arange(count, dtype=np.float64) * span,
        long_usd=np.bincount(place, usd * long, count).astype(np.float64),
        short_usd=np.bincount(place, usd * ~long, count).astype(np.float64),
        accounts=np.bincount(pairs[:, 0], minlength=count),
    )


def venue_shares(run: Run) -> dict[str, float]:
    """Share of the forced USD by venue; 0 everywhere if nothing was forced."""
    rows = forced(run)
    names = run.floor.venues
    usd = np.bincount(rows.venue, rows.usd, len(names))
    total = usd.sum() or 1.0
    return dict(zip(names, (usd / total).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest single liquidation: one position, its parts together.

    ``second`` is that of its first part; ``account`` and ``position`` index the book.
    """

    usd: float
    account: int
    position: int
    market: str
    second: float


def largest_single(run: Run) -> Largest | None:
    """The position of which most was forced; None if nothing was."""
    rows = forced(run)
    if not len(rows):
        return None
    total = np.bincount(rows.position, rows.usd)
    k = int(np.argmax(total))
    first = int(np.argmax(rows.position == k))
    return Largest(
        usd=float(total[k]),
        account=int(rows.account[first]),
        position=k,
        market=run.floor.markets[int(rows.market[first])].name,
        second=float(rows.second[first]),
    )


def first_adl_delay(run: Run) -> float:
    """Seconds from the first forced closing to the first auto-deleveraging; NaN without one."""
    deleveraged, closed = run.events.of(c.ADL), forced(run)
    if not len(deleveraged) or not len(closed):
        return float("nan")
    return float(deleveraged.second[0] - closed.second[0])


def adl_ratios(run: Run, by: str = "venue") -> dict[str, float]:
    """Auto-deleveraged over forced USD by ``venue`` or ``asset``; NaN where nothing was forced."""
    floor = run.floor
    names = floor.venues if by == "venue" else floor.assets
    code = np.array([floor.assets.index(m.asset) for m in floor.markets])

    def summed(rows: Events) -> Floats:
        place = rows.venue if by == "venue" else code[rows.market]
        return np.bincount(place, rows.usd, len(names)).astype(np.float64)

    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = summed(run.events.of(c.ADL)) / summed(forced(run))
    return dict(zip(names, np.where(np.isfinite(ratio), ratio, np.nan).tolist(), strict=True))


def cascade_multiplier(run: Run, alone: Run, share: float) -> float:
    """All that is forced over what the shock alone forces, of positions open at the start.

    Both at the prices of the start, so that a deeper fall does not make the same positions less.

    Parameters
    ----------
    run
        The run.
    alone
        Its :func:`~seawall.sim.paired.faint` counterpart: the same noise and shocks, every
        position so small that forced orders move no price.
    share
        How small: its quantities are divided by it.

    Returns
    -------
    float
        NaN where the shock alone forces nothing.
    """
    single = _of_start(alone) / share
    return _of_start(run) / single if single > 0 else float("nan")


def _of_start(run: Run) -> float:
    """USD forced of positions open at the start, at the start's prices."""
    rows = forced(run)
    entered = np.unique(run.events.of(c.ENTRY).position)
    unit = np.array([1.0 if m.instrument.inverse else m.price for m in run.floor.markets])
    usd = np.abs(rows.quantity) * unit[rows.market]
    return float(usd[~np.isin(rows.position, entered)].sum())


def volatility(run: Run, asset: str, span: float = 60.0) -> float:
    """Realised volatility a day of an asset's perpetuals: root of the mean square log return.

    Of the mid, from one span to the next (a minute, or the recorded rows where they are rarer),
    over all perpetuals of the asset.
    """
    rows = [k for k, m in enumerate(run.floor.markets) if m.asset == asset and not m.spot]
    every = float(run.second[1] - run.second[0]) if len(run.second) > 1 else run.floor.step
    stride = max(1, round(span / every))
    mid = run.series["mid"][::stride, rows]
    if len(mid) < 2:
        return float("nan")
    moves = np.diff(np.log(mid), axis=0)
    return float(np.sqrt(np.mean(moves**2) * _DAY / (stride * every)))


def amplification(run: Run, alone: Run, asset: str) -> float:
    """Volatility with leverage over that without: of a run and of its faint counterpart."""
    calm = volatility(alone, asset)
    return volatility(run, asset) / calm if calm > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class FundPath:
    """A venue's fund, USD, its inventory at the mark: at the start, lowest, at the end."""

    start: float
    lowest: float
    end: float
    lowest_second: float


def fund_paths(run: Run) -> dict[str, FundPath]:
    """How each venue's fund fared."""
    path = np.vstack((run.fund_start, run.fund, run.fund_end))
    second = np.concatenate(([0.0], run.second, [run.floor.seconds]))
    low = np.argmin(path, axis=0)
    return {
        name: FundPath(
            start=float(path[0, v]),
            lowest=float(path[low[v], v]),
            end=float(path[-1, v]),
            lowest_second=float(second[low[v]]),
        )
        for v, name in enumerate(run.floor.venues)
    }


@dataclass(frozen=True, slots=True)
class Fall:
    """How an asset followed the one that leads, over all of its perpetuals.

    Attributes
    ----------
    change
        Lowest mean mid over the first, less 1.
    trough
        Second of it.
    after_lead
        Seconds from the leader's trough to its own, > 0 later.
    beta
        Slope of its log returns on the leader's, a minute apart.
    lag
        Seconds by which its returns follow the leader's best: of the greatest correlation.
    """

    change: float
    trough: float
    after_lead: float
    beta: float
    lag: float


def spread_to_assets(run: Run, lead: str = "BTC", span: float = 60.0) -> dict[str, Fall]:
    """How the fall of one asset spread to the others.

    Parameters
    ----------
    run
        The run.
    lead
        The asset that others are compared with; the first one if it is not there.
    span
        Seconds between the prices that beta is taken from; the lag is of recorded rows.
    """
    floor = run.floor
    lead = lead if lead in floor.assets else floor.assets[0]
    level = {a: mean_mid(run, a) for a in floor.assets}
    trough = {a: float(run.second[int(np.argmin(x))]) for a, x in level.items()}
    every = float(run.second[1] - run.second[0]) if len(run.second) > 1 else floor.step
    stride = max(1, round(span / every))
    found = {}
    for asset, path in level.items():
        found[asset] = Fall(
            change=float(path.min() / path[0] - 1.0),
            trough=trough[asset],
            after_lead=trough[asset] - trough[lead],
            beta=_beta(level[lead][::stride], path[::stride]),
            lag=_lag(level[lead], path) * every,
        )
    return found


def mean_mid(run: Run, asset: str) -> Floats:
    """Shape (T,): mean mid of an asset's perpetuals, of all its markets if it has none."""
    markets = run.floor.markets
    rows = [k for k, m in enumerate(markets) if m.asset == asset and not m.spot]
    rows = rows or [k for k, m in enumerate(markets) if m.asset == asset]
    return np.asarray(run.series["mid"][:, rows].mean(axis=1))


def _beta(lead: Floats, other: Floats) -> float:
    x, y = np.diff(np.log(lead)), np.diff(np.log(other))
    spread = float(np.sum((x - x.mean()) ** 2)) if len(x) > 1 else 0.0
    return float(np.sum((x - x.mean()) * (y - y.mean())) / spread) if spread > 0 else float("nan")


def _lag(lead: Floats, other: Floats, most: int = 120) -> float:
    """Rows by which returns of ``other`` follow those of ``lead`` best."""
    x, y = np.diff(np.log(lead)), np.diff(np.log(other))
    most = min(most, len(x) // 4)
    if len(x) < 4 or not x.any() or not y.any():
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    n = len(x)
    together = [
        float(np.sum(x[max(0, -k) : n - max(0, k)] * y[max(0, k) : n - max(0, -k)]))
        for k in range(-most, most + 1)
    ]
    return float(np.argmax(together) - most)


@dataclass(frozen=True, slots=True)
class Gap:
    """The widest gap between an asset's mids on different venues: highest over lowest, less 1."""

    widest: float
    second: float
    high: str
    low: str


def gaps_between_venues(run: Run) -> dict[str, Gap]:
    """How far venues came apart, by asset with at least two perpetuals; open markets only."""
    found = {}
    for asset in run.floor.assets:
        rows = [k for k, m in enumerate(run.floor.markets) if m.asset == asset and not m.spot]
        if len(rows) < 2:
            continue
        mid = run.series["mid"][:, rows]
        mid = np.where(run.series["session"][:, rows] == c.OPEN, mid, np.nan)
        some = np.isfinite(mid).sum(axis=1) >= 2
        if not some.any():
            continue
        high, low = np.fmax.reduce(mid, axis=1), np.fmin.reduce(mid, axis=1)
        gap = np.where(some, high / low - 1.0, -1.0)
        t = int(np.argmax(gap))
        names = [run.floor.markets[k].venue for k in rows]
        found[asset] = Gap(
            widest=float(gap[t]),
            second=float(run.second[t]),
            high=names[int(np.nanargmax(mid[t]))],
            low=names[int(np.nanargmin(mid[t]))],
        )
    return found


def halts(run: Run) -> list[tuple[float, int]]:
    """Second and market of every halt of trading in a perpetual, as the recorded rows show it.

    A venue that is down is none: see :func:`outages`.
    """
    return _begun(run, c.HALTED)


def outages(run: Run) -> list[tuple[float, int]]:
    """Second and market of every outage of a perpetual, as the recorded rows show it."""
    return _begun(run, c.DOWN)


def halted_seconds(run: Run) -> float:
    """Seconds for which trading was halted, outages apart, summed over perpetuals, as recorded."""
    perps = [k for k, m in enumerate(run.floor.markets) if not m.spot]
    every = float(run.second[1] - run.second[0]) if len(run.second) > 1 else run.floor.step
    return float((run.series["session"][:, perps] == c.HALTED).sum() * every)


def _begun(run: Run, session: float) -> list[tuple[float, int]]:
    perps = np.array([k for k, m in enumerate(run.floor.markets) if not m.spot])
    shut = run.series["session"][:, perps] == session
    begun = shut & ~np.vstack((np.zeros((1, len(perps)), dtype=np.bool_), shut[:-1]))
    rows, columns = np.nonzero(begun)
    return [(float(run.second[t]), int(perps[k])) for t, k in zip(rows, columns, strict=True)]
