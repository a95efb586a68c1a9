"""What a run follows from outside, and the hooks it calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.core.hooks import Hook, Traders
from seawall.sim import _layout as layout
from seawall.sim.run import SERIES
from seawall.sim.setup import Setup
from seawall.sim.shocks import Timeline
from seawall.sim.streams import stream_key

Floats = NDArray[np.float64]

FLOWS = ("forced_sold", "forced_bought", "traded", "fund_held", "fund_cash")
"""Recorded beside ``SERIES``: USD since the last row, and the fund's inventory and cash."""


def timeline_of(setup: Setup, traders: Traders) -> Timeline:
    """The timeline with every shock written into it."""
    timeline = Timeline.quiet(setup.floor)
    for shock in setup.shocks.values():
        shock.apply(timeline, traders)
    return timeline


def outside_prices(setup: Setup, timeline: Timeline, seed: int) -> Floats:
    """Shape (steps + 1, A): log outside price; one factor common to all assets, and their own."""
    floor = setup.floor
    day = np.array([setup.outside.volatility.get(a, 0.0) for a in floor.assets])
    step = day * np.sqrt(floor.step / 86_400.0)
    rho = np.where(np.isnan(timeline.correlation), setup.outside.correlation, timeline.correlation)
    rho = np.clip(rho[1:, None], 0.0, 1.0)
    common = _stream(seed, "outside").standard_normal((floor.steps, 1))
    own = np.stack(
        [_stream(seed, f"outside {a}").standard_normal(floor.steps) for a in floor.assets], axis=1
    )
    noise = step * (np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own)
    walk = np.concatenate([np.zeros((1, len(floor.assets))), np.cumsum(noise, axis=0)])
    start = np.zeros(len(floor.assets))
    for market in reversed(floor.markets):
        start[floor.assets.index(market.asset)] = np.log(market.price)
    for market in floor.markets:
        if market.spot:
            start[floor.assets.index(market.asset)] = np.log(market.price)
    return np.ascontiguousarray(start + walk + timeline.outside)


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=int(stream_key(seed, name))))


def _edits(timeline: Timeline) -> Floats:
    step = timeline.floor.step
    rows = [
        (
            np.ceil(e.second / step - 1e-9),
            e.market,
            e.column,
            e.value,
            2.0 if e.add else float(e.multiply),
        )
        for e in sorted(timeline.edits, key=lambda e: e.second)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def _sales(timeline: Timeline) -> Floats:
    step = timeline.floor.step
    rows = []
    for s in timeline.sales:
        first = np.ceil(s.second / step - 1e-9)
        rows.append((s.market, first, first + max(round(s.over / step), 1), s.usd))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def hooks_of(setup: Setup) -> list[list[tuple[str, Hook]]]:
    """Hooks by phase: orders, admit, mark, session, liquidate; each with its stream's name."""
    floor = setup.floor

    def made(found: Iterable[tuple[str, Hook | None]]) -> list[tuple[str, Hook]]:
        return [(name, h) for name, h in found if h is not None]

    phases = [made((f"behaviour {n}", b.act(floor)) for n, b in setup.behaviours.items())]
    return phases + [
        made((f"lever {n} {phase}", getattr(v, phase)(floor)) for n, v in setup.levers.items())
        for phase in ("admit", "mark", "session", "liquidate")
    ]


def build_plan(
    setup: Setup, timeline: Timeline, seed: int, af: Floats
) -> tuple[Any, tuple[Hook, ...]]:
    """The plan of a run, and the hooks it calls by address, which must outlive it."""
    floor, m = setup.floor, len(setup.floor)
    phases = hooks_of(setup)
    flat = [item for found in phases for item in found]
    spans, memory, parameters = [], [], []
    at, read = 0, 0
    for k, (_, h) in enumerate(flat):
        # a behaviour's own account, quantity and cash by market, lies behind its memory
        room = np.zeros(2 * m if k < len(phases[0]) else 0)
        own = np.concatenate([h.memory, room])
        spans.append((at, at + len(own), read, read + len(h.parameters)))
        memory.append(own)
        parameters.append(h.parameters)
        at, read = at + len(own), read + len(h.parameters)
    firsts = np.cumsum([0] + [len(found) for found in phases])
    every = max(round(setup.record_every / floor.step), 1)
    rows = floor.steps // every + 1
    columns = np.array(list(SERIES.values()), dtype=np.int64)
    pledged = np.flatnonzero(af[:, c.PLEDGED] > 0.0)
    spot = np.full(len(floor.assets), -1, dtype=np.int64)
    for k, market in enumerate(floor.markets):
        if market.spot:
            spot[floor.assets.index(market.asset)] = k
    plan = layout.Plan(
        edits=_edits(timeline),
        sales=_sales(timeline),
        outside=outside_prices(setup, timeline, seed),
        peg=np.ascontiguousarray(timeline.peg),
        spot=spot,
        pledged=pledged.astype(np.int64),
        pledge=af[pledged, c.PLEDGED],
        memory=np.concatenate([*memory, np.zeros(1)]),
        parameters=np.concatenate([*parameters, np.zeros(1)]).astype(np.float64),
        spans=np.array(spans, dtype=np.int64).reshape(-1, 4),
        addresses=np.array([h.kernel.address for _, h in flat], dtype=np.int64),
        keys=np.array([stream_key(seed, name) for name, _ in flat], dtype=np.uint64),
        orders=np.zeros((m, c.ORDER_COLUMNS)),
        firsts=firsts.astype(np.int64),
        sessions=np.zeros(m),
        pace=1.0 - np.exp(-setup.engine_pace * floor.step),
        flows=np.zeros((m, 3)),
        record=np.zeros((rows, len(columns) + len(FLOWS), m)),
        record_second=np.zeros(rows),
        columns=columns,
        every=every,
        room=0,
        waits=np.zeros((len(phases[0]), m)),
    )
    return plan, tuple(h for _, h in flat)
