"""One file is a behaviour, a shock, a lever or a loss rule: dropped in, it runs from a scenario."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seawall.core import InputError
from seawall.core import _columns as c
from seawall.core.registry import PLUGINS
from seawall.rulebook.losses import loss_rules
from seawall.sim.behaviours import behaviours
from seawall.sim.engine import Simulation
from seawall.sim.scenario import load_scenario
from seawall.sim.shocks import shocks
from seawall.sim.staging import stage

FILES = {
    "behaviours/tide.py": '''
"""Buys and sells in turn."""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour


class Tide(Behaviour):
    """Trades a sine of USD in every market."""

    title: ClassVar[str] = "Tide"
    source: ClassVar[str] = "none"
    usd: float = Field(1000.0, ge=0, description="Greatest USD a second")

    def act(self, floor: Floor) -> Hook:
        """Orders of the turn."""
        return Hook(flow, np.array([self.usd]))


@hook
def flow(markets, own, p, clock, key, orders):
    usd = p[0] * math.sin(clock[c.SECONDS] / 60.0) * clock[c.DT]
    for m in range(markets.shape[0]):
        orders[m, c.QUANTITY] = usd / markets[m, c.MID]
''',
    "shocks/gap.py": '''
"""A gap."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Traders
from seawall.sim.shocks import Shock, Timeline


class Gap(Shock):
    """Every outside price is another from one second on."""

    title: ClassVar[str] = "Gap"
    source: ClassVar[str] = "none"
    at: float = Field(0.0, ge=0)
    change: float = Field(-0.1, gt=-1)

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Write the gap."""
        timeline.outside[timeline.seconds() >= self.at] += np.log1p(self.change)
''',
    "levers/early_close.py": '''
"""A venue that closes for good."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.rulebook.levers import Lever


class EarlyClose(Lever):
    """Halts its markets from a second on; 0 never."""

    title: ClassVar[str] = "Early close"
    source: ClassVar[str] = "none"
    at: float = Field(0.0, ge=0)

    def session(self, floor: Floor) -> Hook | None:
        """Close."""
        if self.at == 0:
            return None
        return Hook(close, np.concatenate(([self.at], floor.chosen(self.venues, self.assets))))


@hook
def close(markets, own, p, clock, key, orders):
    for m in range(markets.shape[0]):
        if p[1 + m] > 0.0 and clock[c.SECONDS] >= p[0]:
            markets[m, c.SESSION] = c.HALTED
''',
    "losses/everyone.py": '''
"""Every winner alike."""

from typing import ClassVar

import numpy as np

from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite


class Everyone(LossRule):
    """Closes the same share of every opposite position, always."""

    title: ClassVar[str] = "Everyone alike"
    source: ClassVar[str] = "none"

    def triggered(self, claim: Claim) -> bool:
        """Always."""
        return True

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Shares by size."""
        total = opposite.quantity.sum()
        share = min(abs(claim.quantity) / total, 1.0) if total > 0 else 0.0
        return Allocation(opposite.quantity * share, claim.mark, np.zeros(len(opposite)))
''',
}

SCENARIO = """
extends = "price-jump"
title = "Dropped in"
question = "Does what was dropped in run?"
reading = "It does."
sources = ["none"]
shocks = [{ kind = "gap", at = 60, change = -0.12 }]

[clock]
start = "2025-11-20T23:59:00Z"
length = "10m"
step = "1s"

[population]
kind = "drawn"
accounts = 3000

[behaviours.tide]
usd = 5000

[levers.early_close]
at = 300
venues = ["hyperliquid"]

[losses]
bybit = "everyone"
"""


@pytest.fixture
def dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "plugins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    monkeypatch.setenv(PLUGINS, str(tmp_path / "plugins"))
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    return tmp_path


def test_one_file_each_is_enough(dropped: Path) -> None:
    assert "tide" in behaviours()
    assert "gap" in shocks()
    assert "everyone" in loss_rules()
    setup = stage(load_scenario(dropped / "scenario.toml"))
    without = replace(setup, behaviours={k: v for k, v in setup.behaviours.items() if k != "tide"})
    run, quiet = Simulation(setup, 1).run(), Simulation(without, 1).run()
    markets = [m.name for m in run.floor.markets]
    at = {name: k for k, name in enumerate(markets)}
    chain = [k for name, k in at.items() if name.startswith("hyperliquid")]
    halted = run.series["session"][:, chain] == c.HALTED
    assert not halted[run.second < 300].any()
    assert halted[run.second > 301].all()
    spot = run.series["mid"][:, at["spot:BTC"]]
    before, after = (float(spot[run.second <= s][-1]) for s in (59, 62))
    assert after / before == pytest.approx(0.88, abs=0.03)
    assert (run.series["traded"] != quiet.series["traded"]).any()
    shared = run.events.of(c.ADL)
    assert len(shared)
    assert "bybit" in {run.floor.venues[v] for v in shared.venue}


def test_their_parameters_are_checked_as_any_other(dropped: Path) -> None:
    path = dropped / "scenario.toml"
    path.write_text(SCENARIO.replace("usd = 5000", "usd = -1\nsize = 3"))
    from seawall import simulate

    with pytest.raises(InputError, match=r"behaviours\.tide\.usd[\s\S]*behaviours\.tide\.size"):
        simulate(path)


def test_two_of_one_name_are_refused(dropped: Path) -> None:
    (dropped / "plugins" / "shocks" / "price_jump.py").write_text("")
    with pytest.raises(InputError, match=r"two plug-ins of one name.*price_jump"):
        shocks()


def test_a_file_that_is_no_plugin_says_so(dropped: Path) -> None:
    (dropped / "plugins" / "shocks" / "nothing.py").write_text("x = 1\n")
    with pytest.raises(InputError, match=r"one public class derived from Shock.*'none'"):
        shocks()
