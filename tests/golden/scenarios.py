"""The named scenarios, and every number of theirs that must not move unnoticed.

Each is a small invented book under ``books/``, a shock and a law. :func:`results` recomputes it
through the Python API; the numbers that are expected stand in ``<name>.json``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from seawall.ingest import read_book
from seawall.liquidity import EMPIRICAL, ImpactLaw, daily_volatility_of
from seawall.margin import MarginBook
from seawall.risk import (
    Cascade,
    StaticCascade,
    band,
    banded,
    clusters,
    concentrations,
    ladder,
    liquidation_map,
    smallest_shock,
)
from seawall.rulebook import Rules, bind
from seawall.rulebook.rules import BUNDLE

FOLDER = Path(__file__).parent
LINEAR = ImpactLaw(exponent=1.0, thinning=1.0)
STEPS = (-0.02, -0.05, -0.1, -0.2, -0.4)
DRAWS = 40
# a user's own rules laid over the bundle must not reach the expected numbers
BUNDLED = Rules.from_folders(BUNDLE)


@dataclass(frozen=True)
class Scenario:
    """A book, a shock (relative changes by asset) and what the market gives to trade against."""

    book: str
    shock: Mapping[str, float]
    depth: Mapping[str, float] = field(default_factory=dict)
    law: ImpactLaw = LINEAR
    fund: float | Mapping[str, float] | None = None
    partial: bool = False


ALL_DEEP = {"BTC": 60e6, "ETH": 20e6, "SOL": 8e6}
THIN_FUNDS = {"binance_usdm": 60e3, "bybit": 200e3, "okx": 120e3, "hyperliquid": 15e3}

SCENARIOS: dict[str, Scenario] = {
    # the book of the method pages, small enough for paper
    "worked_example": Scenario("worked_example", {"BTC": -0.1}, {"BTC": 1e6}, fund=3_000.0),
    # every venue, linear and inverse, isolated and cross, hedges, stops, a row's own rate
    "five_venues_down": Scenario("five_venues", {"ALL": -0.06}, ALL_DEEP, EMPIRICAL),
    "five_venues_squeeze": Scenario("five_venues", {"BTC": 0.08, "ALL": 0.1}, ALL_DEEP, EMPIRICAL),
    "five_venues_defaults": Scenario("five_venues", {"BTC": -0.12}, law=EMPIRICAL),
    # one asset falls, three are sold
    "shared_collateral": Scenario(
        "shared_collateral", {"BTC": -0.1}, {"BTC": 1e6, "ETH": 2e6, "SOL": 5e5}
    ),
    "shared_collateral_square_root": Scenario(
        "shared_collateral",
        {"BTC": -0.1, "SOL": -0.02},
        {"BTC": 4e6, "ETH": 5e6, "SOL": 1e6},
        ImpactLaw(exponent=0.5, thinning=0.25),
    ),
    # a jump beyond bankruptcy: every trigger, order and price of deleveraging
    "empty_fund": Scenario(
        "empty_fund",
        {"BTC": -0.13, "ETH": -0.15},
        {"BTC": 8e6, "ETH": 3e6},
        ImpactLaw(0.5, 1.0),
        fund=THIN_FUNDS,
    ),
    "empty_fund_smaller_jump": Scenario(
        "empty_fund", {"ALL": -0.08}, {"BTC": 8e6, "ETH": 3e6}, fund=THIN_FUNDS
    ),
    "one_fund_for_all": Scenario(
        "empty_fund",
        {"BTC": -0.13, "ETH": -0.15},
        {"BTC": 8e6, "ETH": 3e6},
        ImpactLaw(0.5, 1.0),
        fund=4e5,
    ),
    # large positions over brackets, closed in full and by the venues' steps
    "brackets_in_full": Scenario("brackets", {"ALL": -0.05}, {"BTC": 90e6, "ETH": 60e6}),
    "brackets_by_steps": Scenario(
        "brackets", {"ALL": -0.05}, {"BTC": 90e6, "ETH": 60e6}, partial=True
    ),
    # a day on which Bybit judged by entry
    "rules_of_2024": Scenario(
        "rules_of_2024", {"ALL": -0.06}, {"BTC": 1e7, "ETH": 5e6, "ADA": 1e6}
    ),
}


def results(scenario: Scenario) -> dict[str, Any]:
    """Everything that is expected of one scenario, in JSON's types."""
    margin = _bound(scenario.book)
    engine = StaticCascade(margin, scenario.depth, scenario.law, scenario.partial)
    return _plain(
        {
            "check": _check(margin),
            "map": [_map(margin, asset) for asset in margin.book.assets],
            "concentration": list(concentrations(margin.book)),
            "stress": _stress(engine, engine.run(scenario.shock, scenario.fund)),
            "sweeps": _sweeps(engine, scenario),
        }
    )


@cache
def _bound(name: str) -> MarginBook:
    book = read_book(FOLDER / "books" / f"{name}.csv", rules=BUNDLED)
    return bind(book, BUNDLED)


def gross(scenario: Scenario) -> float:
    """USD notional of a scenario's book: the size that rounding errors are measured by."""
    return float(_bound(scenario.book).book.notional().sum())


def _check(margin: MarginBook) -> dict[str, Any]:
    state, mark = margin.accounts_state(), margin.book.positions.mark
    price = margin.liquidation_price()
    return {
        "positions": {
            "unrealised_pnl": margin.pnl(),
            "initial_margin": margin.initial(),
            "maintenance_margin": margin.maintenance(),
            "liquidation_price": price,
            "printed_liquidation_price": margin.printed_liquidation_price(),
            "bankruptcy_price": margin.bankruptcy_price(),
            "distance": price / mark - 1.0,
        },
        "accounts": {
            "balance": margin.balance,
            "equity": state.equity,
            "maintenance": state.maintenance,
            "printed_ratio": margin.printed_ratio(),
            "leverage": margin.effective_leverage(),
            "fall_of_all_assets": margin.joint_liquidation(dict.fromkeys(margin.book.assets, -1.0)),
        },
    }


def _map(margin: MarginBook, asset: str) -> dict[str, Any]:
    drawn = liquidation_map(margin, asset)
    sigma = float(daily_volatility_of([asset]).values[0])
    return {
        "asset": asset,
        "mark": drawn.mark,
        "first_edge": drawn.edges[0],
        "last_edge": drawn.edges[-1],
        "bins": len(drawn.centres),
        "long_usd": drawn.long_usd.sum(axis=1),
        "short_usd": drawn.short_usd.sum(axis=1),
        "below": drawn.below,
        "above": drawn.above,
        "never": drawn.never,
        "already": drawn.already,
        "clusters": list(clusters(drawn, sigma)),
    }


def _stress(engine: StaticCascade, run: Cascade) -> dict[str, Any]:
    book, settlement = run.margin.book, run.settlement
    by_asset = [book.asset_codes() == a for a in range(len(book.assets))]
    before = [np.average(book.positions.mark[x], weights=book.notional()[x]) for x in by_asset]
    return {
        "assets": book.assets,
        "price_before": before,
        "price_after_shock": np.array(before) * run.factor[0],
        "price_final": np.array(before) * run.factor[-1],
        "depth_usd": run.depth,
        "depth_defaulted": engine.assumed_depth.defaulted,
        "depth_guessed": engine.assumed_depth.guessed,
        "factor_by_round": run.factor,
        "forced_usd_by_round": run.forced,
        "stopped_usd_by_round": run.stopped,
        "rounds": run.rounds,
        "forced_notional_usd": run.forced_usd,
        "forced_notional_first_round_usd": run.first_round_usd,
        "cascade_multiplier": run.multiplier,
        "accounts_liquidated": run.accounts_liquidated,
        "round_of_account": run.turn,
        "closed": run.closed,
        "equity_before_waterfall_usd": run.equity,
        "fund_before_usd": settlement.total("fund_before"),
        "fund_after_usd": settlement.total("fund_after"),
        "adl_notional_usd": settlement.total("adl_notional"),
        "bad_debt_usd": settlement.total("bad_debt"),
        "venues": list(settlement.venues),
        "transfer_usd": settlement.transfer,
        "adl_usd_of_position": settlement.adl_usd,
    }


def _sweeps(engine: StaticCascade, scenario: Scenario) -> dict[str, Any]:
    way = dict.fromkeys(scenario.shock, 1.0)
    rungs = ladder(engine, way, STEPS)
    drawn = banded(engine, scenario.shock, draws=DRAWS)
    quarter = 0.25 * gross(scenario)
    reverse = smallest_shock(engine, way, "a quarter", lambda c: c.forced_usd >= quarter)
    return {
        "steps": STEPS,
        "forced_usd": rungs.forced.sum(axis=1),
        "rest": rungs.rest,
        "rounds": rungs.rounds,
        "band_of_forced_usd": None if drawn is None else band(drawn.forced.sum(axis=1)),
        "shock_that_forces_a_quarter": reverse.step,
    }


def _plain(value: Any) -> Any:
    """Lists, dictionaries, numbers and text; NaN and infinity as text that JSON can hold."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {k: _plain(getattr(value, k)) for k in value.__dataclass_fields__}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def expected(name: str) -> dict[str, Any]:
    """What stands in a scenario's file."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def moved(old: Any, new: Any, slack: float, where: str = "") -> Iterator[str]:
    """Every number that differs by more than 1e-9 of itself (and ``slack``), in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            if key in old and key in new:
                yield from moved(old[key], new[key], slack, f"{where}.{key}".lstrip("."))
            else:
                yield f"{where}.{key}".lstrip(".") + (" is gone" if key in old else " is not known")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for k, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from moved(a, b, slack, f"{where}[{k}]")
    elif not _same(old, new, slack):
        yield f"{where}: {old!r} was expected, {new!r} came"


def _same(old: Any, new: Any, slack: float) -> bool:
    if isinstance(old, float | int) and isinstance(new, float | int):
        if isinstance(old, bool) or isinstance(new, bool):
            return old is new
        return math.isclose(old, new, rel_tol=1e-9, abs_tol=slack)
    return bool(old == new)
