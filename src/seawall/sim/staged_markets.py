"""The markets of a scenario: as its tables state them, or as its population holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seawall.core import Book, InputError, Instrument, Mistake
from seawall.core.hooks import Market
from seawall.rulebook import Rules
from seawall.sim.scenario import Scenario

SPOT = "spot"

Depths = Mapping[tuple[str, str], float]
"""USD within 1% by venue and asset."""


def markets_of(scenario: Scenario, rules: Rules, book: Book, depth: Depths) -> list[Market]:
    """Markets as stated, or as the population holds them."""
    held = held_in(book)
    if scenario.model.markets is None:
        return stated_markets(scenario, rules, held)
    return _of_population(scenario, depth, held)


@dataclass(frozen=True, slots=True)
class Held:
    """One contract of a book: its mark and what is held in it, USD, the larger side."""

    instrument: Instrument
    mark: float
    usd: float


def held_in(book: Book) -> dict[tuple[str, str], Held]:
    """The contract most held of each venue and asset."""
    code, n = book.positions.instrument, len(book.instruments)
    usd, long = book.notional(), book.positions.size > 0
    side = [np.bincount(code[mine], usd[mine], n) for mine in (long, ~long)]
    total = np.bincount(code, usd, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mark = np.bincount(code, usd * book.positions.mark, n) / total
    found: dict[tuple[str, str], Held] = {}
    for k in np.argsort(-total, kind="stable").tolist():
        i = book.instruments[k]
        if total[k] > 0:
            held = Held(i, float(mark[k]), float(max(side[0][k], side[1][k])))
            found.setdefault((i.venue, i.asset), held)
    return dict(sorted(found.items(), key=lambda x: book.venues.index(x[0][0])))


def _marks(held: Mapping[tuple[str, str], Held]) -> dict[str, float]:
    """Mark of each asset where most is held."""
    best: dict[str, Held] = {}
    for (_, asset), one in held.items():
        if asset not in best or one.usd > best[asset].usd:
            best[asset] = one
    return {a: one.mark for a, one in best.items()}


def _of_population(
    scenario: Scenario, known: Depths, held: Mapping[tuple[str, str], Held]
) -> list[Market]:
    stated = scenario.model.markets
    assert stated is not None
    total: dict[str, float] = {}
    for (_, asset), one in held.items():
        total[asset] = total.get(asset, 0.0) + one.usd
    out: list[Market] = []
    wrong: list[tuple[Any, ...]] = []
    for (venue, asset), one in held.items():
        depth = known.get((venue, asset))
        if asset in stated.depth:
            depth = stated.depth[asset] * one.usd / total[asset]
        if depth is None:
            wrong.append(("depth is not known for an asset held", f"markets.depth.{asset}", None))
            continue
        volume = one.usd * stated.volume_to_interest
        out.append(Market(venue, one.instrument, one.mark, depth, volume))
    if wrong:
        raise refusal(scenario, dict.fromkeys(wrong))
    for asset, mark in _marks(held).items():
        mine = [x for x in out if x.asset == asset]
        depth = stated.spot_depth * sum(x.depth for x in mine)
        volume = stated.spot_volume * sum(x.volume for x in mine)
        out.append(Market(SPOT, _spot(asset), mark, depth, volume))
    return out


def stated_markets(
    scenario: Scenario, rules: Rules, held: Mapping[tuple[str, str], Held]
) -> list[Market]:
    """Markets of the tables ``[venues.NAME]``; prices not stated are the book's."""
    marks = _marks(held)
    model = scenario.model
    wrong: list[tuple[Any, ...]] = []
    if not model.venues:
        raise refusal(scenario, [("no market is stated", "venues", None)])
    out = []
    for name, venue in model.venues.items():
        key = f"venues.{name}"
        canonical = name if name == SPOT else _canonical(rules, name)
        if canonical is None:
            allowed = ", ".join((*rules.venues(), SPOT))
            wrong.append(("unknown venue", key, name, allowed))
            continue
        known = set(venue.depth)
        for section in ("volume", "price", "contract", "open_interest"):
            extra = sorted(set(getattr(venue, section)) - known)
            wrong += [("no depth is given for it", f"{key}.{section}.{a}", None) for a in extra]
        for asset, depth in venue.depth.items():
            mine = held.get((canonical, asset))
            price = venue.price.get(asset) or model.prices.get(asset)
            price = price or (mine.mark if mine else marks.get(asset))
            if price is None:
                wrong.append(("the price is missing", f"prices.{asset}", None))
            if asset not in venue.volume:
                wrong.append(("the volume is missing", f"{key}.volume.{asset}", None))
            if price is None or asset not in venue.volume:
                continue
            try:
                traded = _instrument(rules, canonical, asset, venue.contract.get(asset), mine)
            except InputError as error:
                wrong += [(x.what, f"{key}.contract.{asset}", x.value) for x in error.mistakes]
                continue
            out.append(Market(canonical, traded, price, depth, venue.volume[asset]))
    if wrong:
        raise refusal(scenario, dict.fromkeys(wrong))
    return out


def _canonical(rules: Rules, name: str) -> str | None:
    try:
        return rules.canonical_venue(name)
    except InputError:
        return None


def _instrument(
    rules: Rules, venue: str, asset: str, contract: str | None, held: Held | None
) -> Instrument:
    if venue == SPOT:
        return _spot(asset)
    if contract is None and held is not None:
        return held.instrument
    return rules.instrument(venue, contract or asset)


def _spot(asset: str) -> Instrument:
    return Instrument(SPOT, f"{asset}USD", asset)


def refusal(scenario: Scenario, wrong: Any) -> InputError:
    """Mistakes in a scenario from rows of what, key, value and what is allowed."""
    return InputError(
        Mistake(
            w[0], str(scenario.path), column=w[1], value=w[2], allowed=w[3] if len(w) > 3 else ""
        )
        for w in wrong
    )
