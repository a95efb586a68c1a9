"""The same crash under every loss rule, on the same noise: who gives up what.

See ``docs/methods/losses.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.lab.compare import mean_interval
from seawall.rulebook.losses import LossRule, loss_rules
from seawall.sim.bearers import waterfalls
from seawall.sim.engine import Simulation
from seawall.sim.run import Run
from seawall.sim.scenario import load_scenario
from seawall.sim.setup import Setup
from seawall.sim.shocks import shocks
from seawall.sim.staging import stage

Floats = NDArray[np.float64]
Say = Callable[[str], None]
Interval = tuple[float, float, float]

SCENARIO = "price-jump"
FALL = -0.12
"""Change of the outside prices within a minute: deep enough for deficits everywhere."""

MEASURES = (
    "forced_usd",
    "deficits_usd",
    "adl_usd",
    "adl_accounts",
    "given_up_usd",
    "overshoot_usd",
    "paid_usd",
    "fund_change_usd",
    "bad_debt_usd",
)


@dataclass(frozen=True, slots=True)
class SharedLoss:
    """What one rule did, means over seeds with 95% intervals.

    Attributes
    ----------
    rule, title
        Name of its file, and what it is.
    forced_usd
        Liquidated.
    deficits_usd
        By how much failed accounts were below zero.
    adl_usd, adl_accounts
        Closed by deleveraging, and accounts hit.
    given_up_usd
        What deleveraged winners gave up against the mark; < 0 if they gained.
    overshoot_usd
        What winners gave up and paid beyond all deficits, 0 or more.
    paid_usd
        What winners paid in cash.
    fund_change_usd
        Funds at the end less at the start, inventory at the mark.
    bad_debt_usd
        Funds below zero at the end.
    """

    rule: str
    title: str
    forced_usd: Interval
    deficits_usd: Interval
    adl_usd: Interval
    adl_accounts: Interval
    given_up_usd: Interval
    overshoot_usd: Interval
    paid_usd: Interval
    fund_change_usd: Interval
    bad_debt_usd: Interval


@dataclass(frozen=True, slots=True)
class SharingStudy:
    """Every rule on the same crash.

    Attributes
    ----------
    rows
        One a rule, in the order of names.
    seeds
        Of the runs.
    accounts
        In the book.
    """

    rows: tuple[SharedLoss, ...]
    seeds: tuple[int, ...]
    accounts: int


def run(
    seeds: Sequence[int] = range(5), reduced: bool = False, say: Say | None = None
) -> SharingStudy:
    """Run the crash under every rule.

    Funds are empty at the start, so that the rule decides; all venues follow the same rule.

    Parameters
    ----------
    seeds
        One run of each rule a seed.
    reduced
        A smaller book, a shorter run and two seeds.
    say
        Told how far it is.
    """
    seeds = tuple(seeds)[: 2 if reduced else None]
    setup = _setup(4000 if reduced else 20_000, 1200 if reduced else 3600)
    rows = []
    kinds = loss_rules()
    for k, (name, kind) in enumerate(kinds.items()):
        if say:
            say(f"loss rule {k + 1} of {len(kinds)}: {name}")
        rule: LossRule = kind()
        under = replace(setup, losses=dict.fromkeys(setup.floor.venues, rule))
        found = [_measure(Simulation(under, s).run()) for s in seeds]
        spans = {m: mean_interval(np.array([f[m] for f in found])) for m in MEASURES}
        rows.append(SharedLoss(rule=name, title=rule.title, **spans))
    return SharingStudy(tuple(rows), seeds, len(setup.book.accounts))


def _setup(accounts: int, seconds: int) -> Setup:
    scenario = load_scenario(SCENARIO)
    people = scenario.model.population.model_copy(update={"accounts": accounts})
    scenario = replace(scenario, model=scenario.model.model_copy(update={"population": people}))
    setup = stage(scenario)
    floor = replace(setup.floor, steps=round(seconds / setup.floor.step))
    fall = shocks()["price_jump"](change=FALL, at=60.0, over=60.0)  # type: ignore[call-arg]
    return replace(
        setup, floor=floor, shocks={"fall": fall}, funds=dict.fromkeys(floor.venues, 0.0)
    )


def _measure(done: Run) -> dict[str, float]:
    losses = waterfalls(done)
    closed, forced = (
        done.events.of(c.ADL),
        done.events.of(c.LIQUIDATION, c.PARTIAL, c.TAKEOVER),
    )
    deficits = sum(w.deficits for w in losses)
    given = sum(w.given_up for w in losses)
    paid = sum(w.socialised for w in losses)
    return {
        "forced_usd": float(forced.usd.sum()),
        "deficits_usd": deficits,
        "adl_usd": float(closed.usd.sum()),
        "adl_accounts": float(len(np.unique(closed.account))),
        "given_up_usd": given,
        "overshoot_usd": max(given + paid - deficits, 0.0),
        "paid_usd": paid,
        "fund_change_usd": float((done.fund_end - done.fund_start).sum()),
        "bad_debt_usd": float(done.bad_debt.sum()),
    }
