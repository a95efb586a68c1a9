"""Halving the step moves the published scenarios by little: October, in small, and November."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.lab.moments import measure
from seawall.lab.october import october_scenario, stored_fit
from seawall.lab.simulated import CODES, tape_of
from seawall.sim.engine import Simulation
from seawall.sim.run import Run
from seawall.sim.scenario import load_scenario
from seawall.sim.staging import stage

SEEDS = (1, 2, 3)


def october(step: float) -> dict[str, float]:
    """Means over seeds of what the first 46 minutes do to a fiftieth of the accounts."""
    fit = stored_fit()
    runs = []
    for seed in SEEDS:
        scenario = october_scenario(fit.values, seed, share=0.02, step=step, until=46.0)
        runs.append(measure(tape_of(Simulation(stage(scenario), seed).run()), CODES))
    return {k: float(np.mean([r[k] for r in runs])) for k in runs[0]}


def test_october_in_small() -> None:
    whole, half = october(1.0), october(0.5)
    assert half["liquidated_40min_usd"] == pytest.approx(whole["liquidated_40min_usd"], rel=0.1)
    assert half["hl_window_usd"] == pytest.approx(whole["hl_window_usd"], rel=0.15)
    # a few hundred closings of a fiftieth of the accounts
    assert half["hl_adl_usd"] == pytest.approx(whole["hl_adl_usd"], rel=0.35)
    assert half["hl_first_adl_s"] == pytest.approx(whole["hl_first_adl_s"], abs=15)
    assert half["peak_minute_share"] == pytest.approx(whole["peak_minute_share"], abs=0.08)
    for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE"):
        assert half[f"fall_{asset}"] == pytest.approx(whole[f"fall_{asset}"], abs=0.05), asset


def november(step: float) -> Run:
    base = load_scenario("november-2025")
    setup = stage(base)
    floor = replace(setup.floor, step=step, steps=round(setup.floor.seconds / step))
    return Simulation(replace(setup, floor=floor), 0).run()


def test_november() -> None:
    with ThreadPoolExecutor(2) as both:
        runs = list(both.map(november, (1.0, 0.5)))
    forced = [r.events.of(c.LIQUIDATION, c.PARTIAL, c.TAKEOVER) for r in runs]
    whole, half = (float(e.usd.sum()) for e in forced)
    assert half == pytest.approx(whole, rel=0.06)
    whole, half = (len(np.unique(e.account)) for e in forced)
    assert half == pytest.approx(whole, rel=0.03)
    lows = [np.nanmin(r.series["mid"], axis=0) / r.series["mid"][0] for r in runs]
    big = [k for k, m in enumerate(runs[0].floor.markets) if m.asset in ("BTC", "ETH")]
    np.testing.assert_allclose(lows[1][big], lows[0][big], atol=0.005)
