"""What the book of 20 November 2025 is drawn from: figures, prices, parameters, each sourced."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import parse_time
from seawall.sim.population import SizeShape

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RecordedFigure:
    """One published figure of the crisis, as data.

    Parameters
    ----------
    key
        Its name, such as ``bybit_usd``.
    text
        What it counts, in words.
    value
        The figure; NaN where the source gives words only.
    unit
        ``USD``, ``traders``, ``USD each`` or ``share`` (a fraction).
    date
        ISO date it holds for, or words where the source gives none.
    source
        Where it was published.
    confidence
        ``high`` (primary, or several agree), ``medium`` (one decent source) or ``low``.
    fitted
        Whether the book is drawn to meet it; else it merely stands beside what comes out.
    conflict
        What it cannot hold together with; empty if nothing.
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

    @property
    def extensive(self) -> bool:
        """Whether it grows with the number of accounts drawn."""
        return self.unit in {"USD", "traders"}


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """One asset's prices around 20 November and its place in the market. Prices in USD.

    Parameters
    ----------
    name
        The underlying.
    source
        Where its prices were read.
    mark
        Close of 20 November.
    fall_to, rise_to
        Low and high of 21 November.
    day, weeks
        Low and high of 20 November, and of the four weeks to it.
    open_interest_to_btc
        Open interest against BTC's on a venue.
    liquidated_weight
        Its part of what was liquidated outside BTC and ETH, relative to the others.
    """

    name: str
    source: str
    mark: float
    fall_to: float
    rise_to: float
    day: tuple[float, float]
    weeks: tuple[float, float]
    open_interest_to_btc: float
    liquidated_weight: float


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
    """

    name: str
    prefix: str
    cross_share: float
    liquidated_traders: float
    tilt: dict[str, float]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the book is drawn from.

    Attributes
    ----------
    time
        UTC nanoseconds of the book.
    accounts
        Number of accounts the figures hold for.
    figures
        The record, in the order it is printed.
    assets, venues
        What the book holds.
    parameters
        Numbers of the draw, by name; ``november_2025.toml`` says where each comes from.
    """

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
def load_recipe() -> Recipe:
    """The recipe of ``november_2025.toml``."""
    path = resources.files(__package__) / "november_2025.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    assets = tuple(_asset(block, table["asset_source"]) for block in table["asset"])
    btc = assets[0].mark
    return Recipe(
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
    fields = {"liquidated_weight": 0.0, **block}
    fields["source"] = sources[fields["source"]]
    fields["day"], fields["weeks"] = tuple(fields["day"]), tuple(fields["weeks"])
    return AssetFacts(**fields)


def _venue(block: dict[str, Any]) -> VenueFacts:
    return VenueFacts(**{"liquidated_traders": np.nan, "tilt": {}, **block})
