"""Study of 10 October 2025: what is free, how a run of it is made and held against the record.

The scenario ``october-2025`` holds the fitted values; here is the rule by which they, and what was
known of each coin before the crash, become its tables. See ``docs/methods/october.md``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from seawall.core import InternalError
from seawall.lab.calibration import Draw, Parameter, Values, robust_loss
from seawall.lab.moments import measure, october_moments
from seawall.lab.simulated import CODES, tape_of
from seawall.sim._scenario_file import laid_over, read_tables
from seawall.sim.engine import Simulation
from seawall.sim.scenario import Scenario, find_scenario, scenario_of
from seawall.sim.staging import stage

NAME = "october-2025"
BASE_VOLATILITY = 0.015
"""Hourly volatility of BTC, 10 September to 10 October 2025 14:00 UTC, to a day; two digits."""
CALM = 3.3
"""Volatility that leaves makers calm, multiple of the coin's own: news of an ordinary day."""
POPULATION_SEED = 20251010


@dataclass(frozen=True, slots=True)
class Coins:
    """What was known of each coin before the crash, by asset.

    Parameters
    ----------
    volatility
        Of hourly returns, over BTC's.
    beta
        Slope of its hourly returns on BTC's.
    """

    volatility: dict[str, float]
    beta: dict[str, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """What the search found.

    Parameters
    ----------
    parameters
        What is free, with ranges.
    values
        Of least loss.
    draws
        Accepted draws: values and seed, without what they measured.
    coins
        Per coin, before the crash.
    """

    parameters: tuple[Parameter, ...]
    values: dict[str, float]
    draws: tuple[Draw, ...]
    coins: Coins


@cache
def stored_fit() -> Fit:
    """The fit that comes with Seawall."""
    text = (files("seawall.lab") / "october_fit.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    rows = known["parameter"]
    names = [row["name"] for row in rows]
    draws = tuple(
        Draw(dict(zip(names, row[1:], strict=True)), int(row[0]), {}, 0.0) for row in known["draws"]
    )
    return Fit(
        parameters=tuple(
            Parameter(r["name"], r["low"], r["high"], r.get("log", False), r["text"]) for r in rows
        ),
        values={row["name"]: float(row["value"]) for row in rows},
        draws=draws,
        coins=Coins(known["volatility"], known["beta"]),
    )


@dataclass(frozen=True, slots=True)
class OctoberProblem:
    """The fit to 10 October 2025 as a :class:`~seawall.lab.calibration.Problem`.

    Parameters
    ----------
    share
        Part of the accounts that is drawn.
    step
        Seconds a step.
    until
        Minutes from 20:45 UTC on that a run lasts; from 196 on all moments are measured.
    """

    share: float = 0.05
    step: float = 3.0
    until: float = 76.0

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is free."""
        return stored_fit().parameters

    def measure(self, values: Values, seed: int) -> dict[str, float]:
        """Every moment of one run; the seed draws its accounts as well."""
        scenario = october_scenario(values, seed, self.share, self.step, self.until)
        run = Simulation(stage(scenario), seed).run()
        return measure(tape_of(run), CODES)

    def loss(self, measured: Mapping[str, float]) -> float:
        """Robust mean over the fitted moments; see :func:`~seawall.lab.calibration.robust_loss`."""
        return robust_loss(m.error(measured[m.name]) for m in october_moments() if m.fitted)


def october_scenario(
    values: Values, seed: int = 0, share: float = 0.1, step: float = 1.0, until: float = 196.0
) -> Scenario:
    """The scenario ``october-2025`` with other values of the free parameters.

    Raises
    ------
    InputError
        If a value is out of the range that its place in the scenario allows.
    """
    path = find_scenario(NAME)
    changes = october_tables(values, stored_fit().coins)
    record = step * max(1, round(6.0 / step))
    changes["clock"] = {
        "length": f"{60 * until:g}s",
        "step": f"{step:g}s",
        "record": f"{record:g}s",
    }
    changes["population"] |= {"seed": POPULATION_SEED + seed, "share": share}
    return scenario_of(laid_over(read_tables(path, find_scenario), changes), path)


def october_tables(values: Values, coins: Coins) -> dict[str, Any]:
    """Tables of the scenario that the free parameters and the coins decide.

    Nothing here is chosen coin by coin: noise, calm and level widths go with the coin's
    volatility, the news with its beta to a power, what dip buyers ask with its volatility to a
    power.
    """
    unknown = set(values) ^ {p.name for p in stored_fit().parameters}
    if unknown:
        raise InternalError(f"not a value for each parameter: {', '.join(sorted(unknown))}")
    v, vol = values, coins.volatility
    news = {a: _three(b ** v["beta_power"]) for a, b in coins.beta.items()}
    return {
        "outside": {"volatility": {a: _three(BASE_VOLATILITY * x) for a, x in vol.items()}},
        "population": {
            "mix": {
                "leverage_low": v["leverage_low"],
                "leverage_high": v["leverage_high"],
                "leverage_high_at": {"hyperliquid": v["hyperliquid_high"]},
                "stop_share": v["stop_share"],
            }
        },
        "depth": {
            "permanent": v["permanent"],
            "anchor": v["anchor"],
            "spot_anchor": v["spot_anchor"],
            "assets": {a: {"width": _width(x)} for a, x in vol.items()},
        },
        "behaviours": {
            "market_maker": {
                "withdrawal": v["withdrawal"],
                "contagion": v["contagion"],
                "floor": v["floor"],
                "calm_volatility": _three(CALM * BASE_VOLATILITY),
                "asset_volatility": {a: _three(CALM * BASE_VOLATILITY * x) for a, x in vol.items()},
            },
            "dip_buyer": {
                "capital": v["dip_depth"],
                "turnover": v["dip_volume"],
                "multiples": {a: _three(x ** v["risk_power"]) for a, x in vol.items()},
            },
            "momentum": {"capacity": v["momentum"]},
            "leveraged_retail": {"reserve": v["entries"]},
            "deleverager": {"share": v["cuts"]},
            "profit_taker": {"share": v["profits"]},
        },
        "losses": {"hyperliquid": {"liquidator": v["liquidator"]}},
        "shocks": [
            {
                "name": "announcement",
                "kind": "price_jump",
                "change": -v["slow_news"],
                "at": 300,
                "over": 1500,
                "multiples": news,
            },
            {
                "name": "panic",
                "kind": "price_jump",
                "change": -v["sudden_news"],
                "at": v["sudden_at"],
                "over": v["sudden_over"],
                "reverts": v["reverts"],
                "half_life": v["half_life"],
                "multiples": news,
            },
        ],
    }


def _three(value: float) -> float:
    """A derived number to three digits, as the scenario states it."""
    return float(f"{value:.3g}")


def _width(volatility: float) -> float:
    """Width of a price level: 5 basis points times relative volatility, at most 40."""
    return _three(min(max(0.0005 * volatility, 0.0005), 0.004))
