"""From a scenario to a :class:`~seawall.sim.setup.Setup`: population, markets, checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from seawall.core import Book, InputError, Mistake, parse_time
from seawall.core.hooks import Floor, Market, Traders
from seawall.margin import MarginBook
from seawall.rulebook import Rules, bind
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers.fund_target import FundTarget
from seawall.sim import _scenario_model as m
from seawall.sim.drawing import draw_book
from seawall.sim.scenario import Scenario
from seawall.sim.setup import Depth, Outside, Setup
from seawall.sim.shocks import Timeline
from seawall.sim.staged_markets import Depths, held_in, markets_of, refusal, stated_markets

_ROWS = 3600
"""Rows a run is recorded in at most, where a scenario does not say how often."""
_FARTHEST = 0.2
"""Relative gap beyond which a scenario's price and its book's mark cannot both be meant."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Who stands in the markets, and what is known of those.

    Attributes
    ----------
    book
        Positions and accounts.
    depth
        USD within 1% by venue and asset, where the population knows it.
    """

    book: Book
    depth: Depths


def stage(scenario: Scenario, book: Book | None = None, rules: Rules | None = None) -> Setup:
    """Make a scenario ready to run.

    Parameters
    ----------
    scenario
        What is simulated.
    book
        The positions of :attr:`Scenario.book_path`, where the scenario names a file; None where
        its population is drawn.
    rules
        Rulebooks; the bundled ones if None.

    Raises
    ------
    InputError
        With every mistake that markets, population and plug-ins have together.
    """
    rules = rules or Rules.bundled()
    start = _start(scenario)
    steps = _steps(scenario)
    if scenario.model.markets is not None and scenario.model.venues:
        raise refusal(scenario, [("markets and venues exclude each other", "markets", None)])
    if isinstance(scenario.model.population, m.DrawnPopulation):
        markets = stated_markets(scenario, rules, {})
        floor = _floor(scenario, markets, steps)
        book = draw_book(scenario.model, floor, rules, start, str(scenario.path))
    else:
        people = populate(scenario, book, rules)
        book = people.book
        _refuse_empty(scenario, book)
        floor = _floor(scenario, markets_of(scenario, rules, people.book, people.depth), steps)
    margin = bind(book, rules, start)
    _check(scenario, floor, margin)
    model = scenario.model
    return Setup(
        book=book,
        rules=rules,
        floor=floor,
        start=start,
        depth=_depth(model.depth, floor),
        outside=Outside(dict(model.outside.volatility), model.outside.correlation),
        behaviours=dict(scenario.behaviours),
        shocks=dict(scenario.shocks),
        levers=dict(scenario.levers),
        losses=dict(scenario.losses),
        funds=dict(model.funds),
        engine_pace=model.engine.pace,
        latency=model.engine.latency,
        record_every=_record(scenario, floor),
    )


def populate(scenario: Scenario, book: Book | None, rules: Rules) -> Population:
    """The population of a scenario that is not drawn to its markets."""
    chosen = scenario.model.population
    if isinstance(chosen, m.NovemberPopulation):
        from seawall.sim.population.november import november_2025

        return Population(november_2025(chosen.seed, chosen.accounts, rules).book, {})
    if isinstance(chosen, m.OctoberPopulation):
        from seawall.sim.population.october import october_2025, october_mix

        unknown = sorted(set(chosen.mix) - set(october_mix().__dataclass_fields__))
        if unknown:
            raise refusal(scenario, [("unknown key", f"population.mix.{k}", None) for k in unknown])
        market = october_2025(
            chosen.seed, chosen.share, replace(october_mix(), **chosen.mix), rules
        )
        names = [(i.venue, i.asset) for i in market.book.instruments]
        return Population(market.book, dict(zip(names, market.depth.tolist(), strict=True)))
    if book is None:
        raise refusal(scenario, [("the book must be read first", "population.path", None)])
    return Population(book, {})


def _depth(model: m.DepthModel, floor: Floor) -> dict[str, Depth]:
    """How depth lies: what holds for all, changed for the asset, changed for the market."""
    calm = model.model_dump(exclude={"assets", "markets"}, exclude_none=True)
    by_asset = {k: v.model_dump(exclude_none=True) for k, v in model.assets.items()}
    own = {k: v.model_dump(exclude_none=True) for k, v in model.markets.items()}
    found = {"": Depth(**calm)}
    for market in floor.markets:
        change = by_asset.get(market.asset, {}) | own.get(market.name, {})
        if change:
            found[market.name] = Depth(**calm | change)
    return found


def _start(scenario: Scenario) -> int:
    try:
        return parse_time(scenario.model.clock.start)
    except InputError as error:
        mended = [
            replace(x, where=str(scenario.path), column="clock.start") for x in error.mistakes
        ]
        raise InputError(mended) from None


def _steps(scenario: Scenario) -> int:
    """Steps of the run, where step, length and record go together."""
    clock, wrong = scenario.model.clock, []
    steps = round(clock.length / clock.step)
    if clock.step > clock.length:
        wrong.append(
            ("a step longer than the run", "clock.step", f"{clock.step:g} s of {clock.length:g} s")
        )
    elif abs(steps * clock.step - clock.length) > 1e-6:
        wrong.append(
            ("the run is not a whole number of steps", "clock.length", f"{clock.length:g} s")
        )
    if clock.record is not None:
        every = round(clock.record / clock.step)
        if every < 1 or abs(every * clock.step - clock.record) > 1e-6:
            wrong.append(("not a whole number of steps", "clock.record", f"{clock.record:g} s"))
        elif clock.record > clock.length:
            wrong.append(("recorded less than once", "clock.record", f"{clock.record:g} s"))
    if wrong:
        raise refusal(scenario, wrong)
    return steps


def _record(scenario: Scenario, floor: Floor) -> float:
    if scenario.model.clock.record is not None:
        return scenario.model.clock.record
    return floor.step * max(1, math.ceil(floor.steps / _ROWS))


def _refuse_empty(scenario: Scenario, book: Book) -> None:
    if not len(book) or not len(book.accounts):
        raise refusal(scenario, [("a book with no accounts", "population", book.source or None)])


def _floor(scenario: Scenario, markets: list[Market], steps: int) -> Floor:
    venues = dict.fromkeys(x.venue for x in markets if not x.spot)
    assets = tuple(dict.fromkeys(x.asset for x in markets))
    if not venues:
        raise refusal(scenario, [("no venue but spot", "venues", None)])
    return Floor(tuple(markets), tuple(venues), assets, scenario.model.clock.step, steps)


def _check(scenario: Scenario, floor: Floor, margin: MarginBook) -> None:
    """What only markets, population and plug-ins together can show."""
    wrong = [*_off_floor(scenario, floor, margin.book), *_names(scenario, floor)]
    wrong += list(_contradictions(scenario))
    mistakes = list(refusal(scenario, dict.fromkeys(wrong)).mistakes) if wrong else []
    mistakes += _refused(scenario, floor, margin)
    if mistakes:
        raise InputError(mistakes)


def _off_floor(scenario: Scenario, floor: Floor, book: Book) -> Iterator[tuple[Any, ...]]:
    """Positions without a market, and prices that a book and a scenario do not share."""
    by_name = {(x.venue, x.asset): x for x in floor.markets}
    markets = ", ".join(x.name for x in floor.markets if not x.spot)
    used = np.unique(book.positions.instrument).tolist()
    held = held_in(book)
    for k in used:
        i = book.instruments[k]
        market = by_name.get((i.venue, i.asset))
        if market is None:
            what = "positions in a market that is not there"
            yield what, "population", f"{i.venue}:{i.asset}", markets
        elif market.instrument.inverse != i.inverse:
            what = "positions in a contract of the other type than the market's"
            yield what, f"venues.{i.venue}.contract.{i.asset}", i.symbol
        elif not abs(market.price / held[i.venue, i.asset].mark - 1.0) <= _FARTHEST:
            mark = held[i.venue, i.asset].mark
            what = "the price is far from the book's mark"
            yield what, f"prices.{i.asset}", f"{market.price:g} against {mark:g}"


def _names(scenario: Scenario, floor: Floor) -> Iterator[tuple[Any, ...]]:
    """Names of markets, venues and assets that are not there."""
    model = scenario.model
    markets = {x.name for x in floor.markets}
    listed = {"markets": markets, "venues": set(floor.venues), "assets": set(floor.assets)}
    for name in model.depth.markets:
        if name not in markets:
            key = f'depth.markets."{name}"'
            yield "a market that is not there", key, name, ", ".join(sorted(markets))
    for asset in model.depth.assets:
        if asset not in floor.assets:
            key = f"depth.assets.{asset}"
            yield "an asset that is not there", key, asset, ", ".join(floor.assets)
    for section, names in (("funds", model.funds), ("losses", scenario.losses)):
        for venue in names:
            if venue not in floor.venues:
                allowed = ", ".join(floor.venues)
                yield "a venue that is not there", f"{section}.{venue}", venue, allowed
    for asset in model.outside.volatility:
        if asset not in floor.assets:
            key = f"outside.volatility.{asset}"
            yield "an asset that is not there", key, asset, ", ".join(floor.assets)
    for name, lever in scenario.levers.items():
        for scope in ("venues", "assets"):
            for one in getattr(lever, scope):
                if one not in listed[scope]:
                    what = f"{'a venue' if scope == 'venues' else 'an asset'} that is not there"
                    yield what, f"levers.{name}.{scope}", one, ", ".join(sorted(listed[scope]))


def _contradictions(scenario: Scenario) -> Iterator[tuple[Any, ...]]:
    """Pairs of levers, and levers and settings, that cannot stand together."""
    named = list(scenario.levers.items())
    for k, (name, lever) in enumerate(named):
        for other, second in named[k + 1 :]:
            why = _contradicts(lever, second) or _contradicts(second, lever)
            if why:
                what = f"levers {name} and {other} contradict each other: {why}"
                yield what, f"levers.{other}", None
    for name, lever in named:
        for venue in scenario.model.funds:
            if isinstance(lever, FundTarget) and lever.sets(venue):
                what = (
                    f"lever {name} sets the fund of {venue}, which [funds] states too; "
                    "leave one of them out"
                )
                yield what, f"levers.{name}", None


def _contradicts(lever: Lever, other: Lever) -> str:
    """Why a lever cannot stand beside another, if it has an opinion."""
    asked = getattr(lever, "contradicts", None)
    return str(asked(other)) if asked else ""


def _refused(scenario: Scenario, floor: Floor, margin: MarginBook) -> list[Mistake]:
    """What behaviours, levers and shocks refuse when they are tried on an empty timeline."""
    timeline = Timeline.quiet(floor)
    traders = Traders.of(margin.book, margin.accounts_state().equity.copy())
    tries: list[tuple[str, Callable[[], Any]]] = []
    for name, behaviour in scenario.behaviours.items():
        tries.append((f"behaviours.{name}", partial(behaviour.act, floor)))
    for name, lever in scenario.levers.items():
        hooks = (lever.admit, lever.mark, lever.session, lever.liquidate)
        tries += [(f"levers.{name}", partial(hook, floor)) for hook in hooks]
    for name, shock in scenario.shocks.items():
        tries.append((scenario.places[name], partial(shock.apply, timeline, traders)))
    found: list[Mistake] = []
    for place, attempt in tries:
        try:
            attempt()
        except InputError as error:
            for mistake in error.mistakes:
                tail = f".{mistake.column}" if mistake.column else ""
                found.append(replace(mistake, where=str(scenario.path), column=place + tail))
    return list(dict.fromkeys(found))
