"""Every file in ``rulebook/levers`` keeps the same promises; a new one needs no edit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from oracles.levers import Holding, drive, floor_of, traders_of
from seawall.core import Instrument
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook, Market
from seawall.core.registry import PLUGINS
from seawall.rulebook import Rules
from seawall.rulebook.levers import Lever, levers
from seawall.rulebook.levers._publish_kernel import publish
from seawall.sim.engine import Simulation
from seawall.sim.run import Run
from seawall.sim.setup import Depth, Outside, Setup
from seawall.sim.shocks.price_jump import PriceJump

LEVERS = levers()
ACTIVE: dict[str, dict[str, Any]] = {
    "circuit_breaker": {"reference": "extreme", "down": 0.02, "pause": 60, "within": True},
    "concentration_margin": {"slope": 0.5, "respond": "cut"},
    "coordinated_breaker": {"preset": "cme_dynamic"},
    "disclosure": {"published": True, "share": 0.9, "least": 0.01},
    "fund_target": {"usd": 1e9, "fee": 0.005},
    "leverage_cap": {"cap": 10, "maintenance": 0.5},
    "liquidation_throttle": {"rate": 0.001},
    "low_leverage": {"share": 0.65},
    "mark_smoothing": {"window": 60},
    "position_limit": {"share": 0.02},
    "price_bands": {"around": "index", "down": 0.003, "up": 0.003},
    "stop_adoption": {"share": 0.5},
}
"""Parameters under which each lever does something on the falling market below."""

everyone = pytest.mark.parametrize("name", sorted(LEVERS))
known = pytest.mark.parametrize("name", sorted(ACTIVE))


@cache
def falling() -> Setup:
    """300 traders on two venues and two coins that lose 12% in two minutes."""
    rules = Rules.bundled()
    draw = np.random.default_rng(1)
    n = 300
    leverage = np.exp(draw.uniform(np.log(2), np.log(50), n))
    size = draw.lognormal(0, 1, n) * draw.choice([-500.0, 500.0], n)
    venue, asset = draw.choice(["okx", "bybit"], n), draw.choice(["BTC", "ETH"], n)
    book = traders_of(
        [
            Holding(k, size[k], abs(size[k]) * 100 / leverage[k], str(venue[k]), str(asset[k]))
            for k in range(n)
        ]
    ).book
    markets = [
        Market(v, rules.instrument(v, a), 100.0, 3e5, 1e9)
        for v in ("okx", "bybit")
        for a in ("BTC", "ETH")
    ]
    markets += [
        Market("spot", Instrument("spot", f"{a}USD", a), 100.0, 3e6, 1e9) for a in ("BTC", "ETH")
    ]
    return Setup(
        book=book,
        rules=rules,
        floor=Floor(tuple(markets), ("okx", "bybit"), ("BTC", "ETH"), 1.0, 400),
        start=1_760_000_000_000_000_000,
        depth={"": Depth(anchor=0.05, spot_anchor=0.05)},
        outside=Outside({"BTC": 0.5, "ETH": 0.5}),
        shocks={"jump": PriceJump(change=-0.12, at=60, over=120)},
    )


def under(**chosen: Lever) -> Run:
    return Simulation(replace(falling(), levers=chosen), seed=3).run()


@cache
def without() -> Run:
    return under()


def differences(a: Run, b: Run) -> list[str]:
    """What differs between two runs, to the last bit."""
    found = [name for name in a.series if not np.array_equal(a.series[name], b.series[name])]
    for name in ("fund", "equity", "bad_debt"):
        if not np.array_equal(getattr(a, name), getattr(b, name)):
            found.append(name)
    for name in a.events.__slots__:
        if not np.array_equal(getattr(a.events, name), getattr(b.events, name), equal_nan=True):
            found.append(f"events.{name}")
    return found


def test_the_levers_of_the_product_are_there():
    assert set(LEVERS) >= set(ACTIVE)


@everyone
def test_it_says_what_it_is(name):
    kind = LEVERS[name]
    assert kind.title
    assert len(kind.source) > 20
    assert "Assumes" in (kind.__doc__ or "")
    for key, field in kind.model_fields.items():
        if key not in ("venues", "assets"):
            assert field.description, f"{name}.{key}"


@everyone
def test_neutral_is_bit_identical(name):
    kind = LEVERS[name]
    assert kind().neutral
    assert differences(without(), under(lever=kind())) == []
    assert differences(without(), under(lever=kind(venues=("okx",), assets=("BTC",)))) == []


def test_all_neutral_levers_together():
    assert differences(without(), under(**{n: kind() for n, kind in LEVERS.items()})) == []


@known
def test_it_acts_and_is_deterministic(name):
    lever = LEVERS[name](**ACTIVE[name])
    assert not lever.neutral
    first = under(**{name: lever})
    assert differences(without(), first)
    assert differences(first, under(**{name: lever})) == []


@known
def test_a_run_goes_on_from_a_file(name, tmp_path):
    setup = replace(falling(), levers={name: LEVERS[name](**ACTIVE[name])})
    straight = Simulation(setup, seed=3).run()
    begun = Simulation(setup, seed=3)
    begun.advance(150)
    saved = begun.save(tmp_path / "run.npz")
    assert differences(straight, Simulation.load(saved, setup).run()) == []


@known
def test_hooks_leave_other_markets_alone(name):
    floor = floor_of()
    idle = Hook(publish, np.zeros(len(floor)))
    rng = np.random.default_rng(5)
    prices = 100.0 * np.exp(np.cumsum(rng.normal(-0.001, 0.01, (200, len(floor))), axis=0))
    lever = LEVERS[name](**(ACTIVE[name] | {"venues": ("okx",), "assets": ("ETH",)}))
    at_rest = drive(idle, floor, prices)
    for phase in ("admit", "mark", "session", "liquidate"):
        hook = getattr(lever, phase)(floor)
        if hook is None:
            continue
        seen = drive(hook, floor, prices)
        for column, values in seen.items():
            others = [0, 2, 3, 4, 5]
            assert np.array_equal(values[:, others], at_rest[column][:, others]), (phase, column)
        assert any(not np.array_equal(seen[k][:, 1], at_rest[k][:, 1]) for k in seen)


def test_halts_are_events_and_hold_in_the_engine():
    run = under(halt=LEVERS["coordinated_breaker"](preset="cme_dynamic"))
    halts, resumes = run.events.of(c.HALT), run.events.of(c.RESUME)
    assert len(halts) >= 4
    for m in range(4):
        begin, end = halts.second[halts.market == m], resumes.second[resumes.market == m]
        twin = halts.second[halts.market == (m + 2) % 4]  # the same coin on the other venue
        assert np.array_equal(begin, twin)
        assert len(begin) >= len(end) >= 1
        assert np.allclose(end - begin[: len(end)], 120.0)
        shut = (run.second >= begin[0]) & (run.second < end[0])
        assert shut.sum() == 120
        assert not run.series["traded"][shut, m].any()
    assert not (run.series["session"][:, 4:] == c.HALTED).any()


DROPPED_IN = '''
"""A market holiday."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Hook
from seawall.rulebook.levers import Lever


class Holiday(Lever):
    """Closed for the first seconds. Assumes that nobody minds."""

    title: ClassVar[str] = "Holiday"
    source: ClassVar[str] = "The calendar on the wall of the test."

    length: float = Field(default=0.0, ge=0, description="s")

    def admit(self, floor):
        """Close, then open."""
        if self.length == 0:
            return None
        return Hook(close, np.concatenate(([self.length], floor.chosen(self.venues, self.assets))))


@hook
def close(markets, own, p, clock, key, orders):
    for i in range(markets.shape[0]):
        if p[1 + i] > 0.0:
            markets[i, c.SESSION] = c.HALTED if clock[c.SECONDS] < p[0] else c.OPEN
'''


def test_a_file_dropped_in_is_a_lever(tmp_path, monkeypatch):
    (tmp_path / "levers").mkdir()
    (tmp_path / "levers" / "holiday.py").write_text(DROPPED_IN)
    monkeypatch.setenv(PLUGINS, str(tmp_path))
    kind = levers()["holiday"]
    assert set(levers()) == {*LEVERS, "holiday"}
    assert differences(without(), under(holiday=kind())) == []
    run = under(holiday=kind(length=100.0, venues=("okx",)))
    session = run.series["session"]
    assert (session[:, :2] == c.HALTED).sum(axis=0).tolist() == [100, 100]
    assert not session[:, 2:].any()
