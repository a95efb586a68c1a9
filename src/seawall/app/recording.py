"""A run as a recording that the room replays: candles, closings and the map through time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from seawall.app.progress import Say, silent

ASSETS = ("BTC", "ETH", "SOL")
ROWS = 500
REACH = 0.14


def record_run(scenario: str | Path, target: Path, seed: int = 7, say: Say = silent) -> None:
    """Run a scenario and write what the room replays of it.

    Positions stand in the map at the liquidation price of the start, and leave it as they are
    closed; what is opened during the run is not drawn.
    """
    from seawall.app.sim_api import prepared
    from seawall.sim.engine import Simulation
    from seawall.sim.world import at_prices, margined

    known, setup = prepared(scenario, say)
    say("running")
    run = Simulation(setup, seed).run()
    say("drawing the map through time")
    margin = margined(setup, at_prices(setup.book, setup.floor))
    names = [m.name for m in run.floor.markets]
    kept: dict[str, Any] = {
        "title": np.array(known.model.title),
        "digest": np.array(known.digest()),
        "seed": np.array(seed),
        "start": np.array(run.start),
        "length": np.array(run.floor.seconds),
        "markets": np.array(names),
        "instruments": np.array([m.instrument.symbol for m in run.floor.markets]),
    }
    kept |= _events(run) | _maps(run, margin)
    np.savez_compressed(target, **kept)


def _events(run: Any) -> dict[str, Any]:
    """Closings by force, in order of time; ADL closings apart by their kind."""
    from seawall.core import _columns as c
    from seawall.sim.measures import FORCED

    found = run.events.of(*FORCED, c.ADL)
    order = np.argsort(found.second, kind="stable")
    return {
        "second": found.second[order].astype(np.float32),
        "kind": found.kind[order].astype(np.int8),
        "market": found.market[order].astype(np.int16),
        "side": np.sign(found.quantity[order]).astype(np.int8),
        "price": found.price[order].astype(np.float32),
        "usd": found.usd[order].astype(np.float32),
        "account": found.account[order].astype(np.int32),
    }


def _maps(run: Any, margin: Any) -> dict[str, Any]:
    from seawall.core import _columns as c
    from seawall.risk.heat import Closings, map_through_time, shades
    from seawall.sim.measures import FORCED

    book = margin.book
    found = run.events.of(*FORCED, c.ADL)
    held = found.position >= 0
    rows = found.position[held]
    share = np.abs(found.quantity[held]) / np.maximum(np.abs(book.positions.size[rows]), 1e-300)
    closings = Closings(rows, found.second[held], np.minimum(share, 1.0))
    prices, notional, codes = margin.liquidation_price(), book.notional(), book.asset_codes()
    long = book.positions.size > 0
    out: dict[str, Any] = {"map_second": run.second.astype(np.float32)}
    for asset in ASSETS:
        market = next(k for k, m in enumerate(run.floor.markets) if m.asset == asset)
        mid = run.series["mid"][:, market]
        edges = np.linspace(mid[0] * (1 - REACH), mid[0] * (1 + REACH / 2), ROWS + 1)
        mine = np.where(codes == book.assets.index(asset), prices, np.nan)
        longs = np.histogram(mine[long], edges, weights=notional[long])[0]
        shorts = np.histogram(mine[~long], edges, weights=notional[~long])[0]
        usd = map_through_time(mine, notional, edges, run.second, closings)
        coded, most = shades(usd)
        out |= {
            f"map_{asset}": coded,
            f"edges_{asset}": np.array([edges[0], edges[-1]]),
            f"most_{asset}": np.array(most),
            f"side_{asset}": np.where(longs >= shorts, 1, -1).astype(np.int8),
            f"mid_{asset}": mid.astype(np.float32),
        }
    return out
