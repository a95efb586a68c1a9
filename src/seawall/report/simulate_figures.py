"""Charts of a simulated run: prices and liquidations over time, depth, funds, the replay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.report.model import Chart, ChartKind, Marker, Series, Shape, Tone, Unit
from seawall.report.replay import Replay
from seawall.sim.bearers import Waterfall
from seawall.sim.measures import forced, halts, outages, over_time
from seawall.sim.run import Run

Floats = NDArray[np.float64]

_SPANS = 240
"""Bars of a chart over time at most."""
_FRAMES = 240
"""Frames of a replay at most."""
_TONES = (Tone.PRICE, Tone.ACCENT, Tone.GAIN, Tone.LOSS, Tone.PLAIN, Tone.MUTED)
_ASSETS = 8
"""Assets that get charts of their own: those with most forced."""


def span_of(run: Run) -> float:
    """Seconds of a bar: the least whole number of recorded rows that makes few enough bars."""
    every = float(run.second[1] - run.second[0]) if len(run.second) > 1 else run.floor.step
    return every * max(1, int(np.ceil(run.floor.seconds / every / _SPANS)))


def charted(run: Run) -> list[str]:
    """Assets by what was forced in them, greatest first, as many as get charts."""
    rows = forced(run)
    code = np.array([run.floor.assets.index(m.asset) for m in run.floor.markets])
    usd = np.bincount(code[rows.market], rows.usd, len(run.floor.assets))
    return [run.floor.assets[k] for k in np.argsort(-usd, kind="stable")[:_ASSETS]]


def _rows(run: Run, asset: str, spot: bool = False) -> list[int]:
    return [k for k, m in enumerate(run.floor.markets) if m.asset == asset and m.spot == spot]


def _sampled(run: Run) -> tuple[Floats, NDArray[np.int64]]:
    """Middles of the bars and the recorded row at each one's end."""
    span = span_of(run)
    ends = np.arange(span, run.floor.seconds + 0.5 * span, span)
    place = np.clip(np.searchsorted(run.second, ends - 1e-9), 0, len(run.second) - 1)
    return ends - 0.5 * span, place


def price_charts(run: Run) -> tuple[Chart, ...]:
    """One an asset: what was forced by span as bars, mids of all venues as lines."""
    return tuple(_price_chart(run, asset) for asset in charted(run))


def _price_chart(run: Run, asset: str) -> Chart:
    x, place = _sampled(run)
    span = span_of(run)
    perps = _rows(run, asset)
    profile = over_time(run, span, np.array(perps))
    lines = [
        Series(
            run.floor.markets[k].venue,
            x,
            run.series["mid"][place, k],
            _TONES[n % len(_TONES)],
            second=True,
        )
        for n, k in enumerate(perps)
    ]
    return Chart(
        f"price_{asset}",
        f"{asset}: price by venue and what is liquidated",
        ChartKind.TIMELINE,
        "Time since the start",
        Unit.DURATION,
        f"USD liquidated per {span:g} s",
        Unit.USD,
        (
            _bars("Longs", x, profile.long_usd, Tone.LONG),
            _bars("Shorts", x, profile.short_usd, Tone.SHORT),
            *lines,
        ),
        marks=_halts(run, perps),
        y2_title=f"{asset}, USD",
        y2_unit=Unit.PRICE,
    )


def _bars(name: str, x: Floats, y: Floats, tone: Tone) -> Series:
    return Series(name, x, y[: len(x)], tone, Shape.BARS)


def _halts(run: Run, markets: Sequence[int], most: int = 6) -> tuple[Marker, ...]:
    found = [(t, k, "halt") for t, k in halts(run)] + [(t, k, "outage") for t, k in outages(run)]
    mine = sorted(x for x in found if x[1] in markets)[:most]
    return tuple(
        Marker(t, f"{what} {run.floor.markets[k].venue}", Tone.LOSS) for t, k, what in mine
    )


def depth_charts(run: Run) -> tuple[Chart, ...]:
    """One an asset: bids within 1% over what rests there when calm, by venue."""
    x, place = _sampled(run)
    charts = []
    for asset in charted(run):
        rows = [*_rows(run, asset), *_rows(run, asset, spot=True)]
        lines = tuple(
            Series(
                run.floor.markets[k].venue,
                x,
                run.series["standing_bid"][place, k],
                _TONES[n % len(_TONES)],
            )
            for n, k in enumerate(rows)
        )
        charts.append(
            Chart(
                f"depth_{asset}",
                f"{asset}: bids within 1%",
                ChartKind.TIMELINE,
                "Time since the start",
                Unit.DURATION,
                "USD",
                Unit.USD,
                lines,
            )
        )
    return tuple(charts)


def fund_chart(run: Run) -> Chart:
    """Each venue's fund over time, as a change from the start."""
    x, place = _sampled(run)
    change = run.fund - run.fund_start
    return Chart(
        "fund",
        "Insurance funds, change since the start",
        ChartKind.TIMELINE,
        "Time since the start",
        Unit.DURATION,
        "USD",
        Unit.USD,
        tuple(
            Series(name, x, change[place, v], _TONES[v % len(_TONES)])
            for v, name in enumerate(run.floor.venues)
        ),
        caption="What a fund took over is valued at the mark.",
    )


def adl_chart(run: Run) -> Chart:
    """What winners were deleveraged of over time, by venue."""
    x, _ = _sampled(run)
    span = span_of(run)
    rows = run.events.of(c.ADL)
    by_venue = [(name, rows.venue == v) for v, name in enumerate(run.floor.venues)]
    bar = np.minimum((rows.second / span).astype(np.int64), len(x) - 1)
    return Chart(
        "adl",
        "Auto-deleveraged, by venue",
        ChartKind.TIMELINE,
        "Time since the start",
        Unit.DURATION,
        f"USD deleveraged per {span:g} s",
        Unit.USD,
        tuple(
            _bars(
                name,
                x,
                np.bincount(bar[mine], rows.usd[mine], len(x)).astype(np.float64),
                _TONES[(v + 1) % len(_TONES)],
            )
            for v, (name, mine) in enumerate(by_venue)
        ),
        caption="Winners closed against what a venue could not place or pay, at the venue's price.",
    )


def waterfall_chart(losses: Sequence[Waterfall]) -> Chart:
    """Losses beyond collateral, step by step to what nobody paid; all venues together."""
    steps = (
        ("Losses beyond collateral", sum(w.deficits for w in losses)),
        ("Deleveraged winners", -sum(max(w.given_up, 0.0) for w in losses)),
        ("Paid by winners in cash", -sum(w.socialised for w in losses)),
        ("Insurance funds", -sum(w.by_fund for w in losses)),
        ("Left", float("nan")),
    )
    return Chart(
        "waterfall",
        "Losses beyond collateral, and who meets them",
        ChartKind.BARS,
        "",
        Unit.TEXT,
        "USD",
        Unit.USD,
        (Series("Loss left to meet", [s[0] for s in steps], [s[1] for s in steps], Tone.LOSS),),
        steps=True,
        caption="What winners give up is counted at the mark of the time they are closed; where "
        "it exceeds the losses, the funds keep the rest.",
    )


def replay_of(run: Run) -> Replay:
    """The run as frames, one market a row, perpetuals first."""
    markets = run.floor.markets
    order = sorted(range(len(markets)), key=lambda k: (markets[k].spot, markets[k].asset))
    order = [k for k in order if markets[k].asset in charted(run)]
    stride = max(1, int(np.ceil(len(run.second) / _FRAMES)))
    place = np.arange(stride - 1, len(run.second), stride)
    mid = run.series["mid"][place][:, order]
    calm = np.array([2.0 * markets[k].depth for k in order])
    standing = run.series["standing_bid"] + run.series["standing_ask"]
    rows = forced(run)
    edges = np.concatenate(([0.0], run.second[place]))
    frame = np.clip(np.searchsorted(edges, rows.second, side="left") - 1, 0, len(place) - 1)
    column = np.full(len(markets), -1)
    column[order] = np.arange(len(order))
    grids = []
    for side in (1.0, -1.0):
        chosen = (rows.quantity * side > 0) & (column[rows.market] >= 0)
        grid = np.zeros((len(place), len(order)))
        np.add.at(grid, (frame[chosen], column[rows.market[chosen]]), rows.usd[chosen])
        grids.append(grid)
    return Replay(
        key="replay",
        title="Every market over time",
        second=run.second[place],
        names=tuple(markets[k].name for k in order),
        change=mid / np.array([markets[k].price for k in order]) - 1.0,
        depth=standing[place][:, order] / calm,
        long_usd=grids[0],
        short_usd=grids[1],
        caption="Dot: price against the start. Disc: what is liquidated, its area the USD. Bar: "
        "depth within 1% over that when calm.",
    )
