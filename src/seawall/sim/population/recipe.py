"""What a synthetic book is drawn from: figures, prices, parameters, each with its source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import parse_time
from seawall.sim.population.distributions import SizeShape

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RecordedFigure:
    """One published figure of an event, as data.

    Parameters
    ----------
    key
        Its name, such as ``bybit_usd``.
    text
        What it counts, in words.
    value
        The figure; NaN where the source gives words only.
    unit
        ``USD``, ``traders``, ``USD each``, ``share`` (a fraction), ``s``, ``min`` or ``count``.
    date
        ISO date it holds for, or words where the source gives none.
    source
        Where it was published.
    confidence
        ``high`` (primary, or several agree), ``medium`` (one decent source) or ``low``.
    fitted
        Whether the book, or the parameters of a fit, are made to meet it; else it merely stands
        beside what comes out.
    conflict
        What it cannot hold together with; empty if nothing.
    low, high
        Range where sources conflict or bound it from one side only; NaN where there is none.
    """

    key: str
    text: str
    value: float
    unit: str
    date: str
    source: str
    confidence: str
    fitted: bool
    conflict: str = ""
    low: float = np.nan
    high: float = np.nan

    @property
    def extensive(self) -> bool:
        """Whether it grows with the number of accounts drawn."""
        return self.unit in {"USD", "traders"}


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """One asset's prices around the event and its place in the market. Prices in USD.

    A book drawn to where accounts fell needs ``fall_to``, ``rise_to``, ``day`` and
    ``liquidated_weight``; one drawn to leverage does not.

    Parameters
    ----------
    name
        The underlying.
    source
        Where its prices were read.
    mark
        Price of the book.
    weeks
        Low and high of the four weeks before.
    day
        Low and high of the day before; NaN where not used.
    fall_to, rise_to
        Low and high of the day after; NaN where not used.
    open_interest_to_btc
        Open interest against BTC's on a venue, before the venue's tilt.
    liquidated_weight
        Its part of what was liquidated outside BTC and ETH, relative to the others.
    depth_to_btc
        Depth against BTC's; NaN where not used.
    path
        What its price did in the event, by name: ratios and minutes, no prices.
    """

    name: str
    source: str
    mark: float
    weeks: tuple[float, float]
    day: tuple[float, float] = (np.nan, np.nan)
    fall_to: float = np.nan
    rise_to: float = np.nan
    open_interest_to_btc: float = 1.0
    liquidated_weight: float = 0.0
    depth_to_btc: float = np.nan
    path: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """One venue of the book.

    Parameters
    ----------
    name
        Name of its rulebook.
    prefix
        What its traders' labels begin with.
    cross_share
        Share of its margin accounts in cross margin.
    liquidated_traders
        Traders liquidated there; NaN where they are shared out by notional.
    tilt
        Open interest in a coin against the common ratio to BTC.
    depth_to_mean
        BTC depth against the mean of the venues; NaN where not used.
    """

    name: str
    prefix: str
    cross_share: float
    liquidated_traders: float
    tilt: dict[str, float]
    depth_to_mean: float = np.nan


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the book is drawn from.

    Attributes
    ----------
    title
        The day or moment of the book, in words.
    aim
        What it was drawn to, in words: the end of the note every book carries.
    time
        UTC nanoseconds of the book.
    accounts
        Number of accounts the figures hold for.
    figures
        The record, in the order it is printed.
    assets, venues
        What the book holds.
    parameters
        Numbers of the draw, by name; the TOML file says where each comes from.
    """

    title: str
    aim: str
    time: int
    accounts: int
    figures: tuple[RecordedFigure, ...]
    assets: tuple[AssetFacts, ...]
    venues: tuple[VenueFacts, ...]
    parameters: dict[str, Any]

    def value(self, key: str) -> float:
        """The figure recorded under a key."""
        return next(f.value for f in self.figures if f.key == key)

    def by_venue(self, ending: str) -> Floats:
        """Shape (V,): the figures ``<venue>_<ending>``."""
        return np.array([self.value(f"{v.name}_{ending}") for v in self.venues])

    def size_shape(self) -> SizeShape:
        """How sizes of positions are distributed within a group."""
        p = self.parameters
        return SizeShape(p["size_log_sd"], p["tail_share"], p["tail_index"])

    def open_interest(self) -> Floats:
        """Shape (V, A): open interest in USD at the marks, each side counted once."""
        ratio = np.array(
            [
                [a.open_interest_to_btc * v.tilt.get(a.name, 1.0) for a in self.assets]
                for v in self.venues
            ]
        )
        return np.asarray(self.by_venue("btc_oi_usd")[:, None] * ratio)


@cache
def load_recipe(name: str = "november_2025") -> Recipe:
    """The recipe of a file in this folder, such as ``november_2025.toml``."""
    path = resources.files(__package__) / f"{name}.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    assets = tuple(_asset(block, table["asset_source"]) for block in table["asset"])
    btc = assets[0].mark
    return Recipe(
        title=table["market"]["title"],
        aim=table["market"]["aim"],
        time=parse_time(table["market"]["as_of"]),
        accounts=table["market"]["accounts"],
        figures=tuple(_figure(block, btc) for block in table["figure"]),
        assets=assets,
        venues=tuple(_venue(block) for block in table["venue"]),
        parameters=table["recipe"],
    )


def _figure(block: dict[str, Any], btc: float) -> RecordedFigure:
    fields = dict(block)
    coins = fields.pop("thousand_btc", None)
    if coins is not None:
        fields["value"] = coins * 1e3 * btc
    return RecordedFigure(**{"value": np.nan, **fields})


def _asset(block: dict[str, Any], sources: dict[str, str]) -> AssetFacts:
    fields = dict(block)
    fields["source"] = sources[fields["source"]]
    ratios = fields.pop("weeks_to_mark", None)
    if ratios is not None:
        fields["weeks"] = [fields["mark"] * ratio for ratio in ratios]
    for name in ("day", "weeks"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return AssetFacts(**fields)


def _venue(block: dict[str, Any]) -> VenueFacts:
    return VenueFacts(**{"liquidated_traders": np.nan, "tilt": {}, **block})
