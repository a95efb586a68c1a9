"""Depth and volatility of an asset: as the user gives them, else dated defaults."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Assumed:
    """Values by asset, and which of them nobody gave.

    Attributes
    ----------
    values
        Shape (A,), in the order of the assets asked for.
    defaulted
        Assets whose value is a bundled figure for that asset.
    guessed
        Assets that no figure is known for.
    source
        Where the bundled figures come from.
    """

    values: Floats
    defaulted: tuple[str, ...]
    guessed: tuple[str, ...]
    source: str


@cache
def _bundled() -> dict[str, Any]:
    text = (resources.files(__package__) / "defaults.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def depth_of(assets: Sequence[str], given: Mapping[str, float] | None = None) -> Assumed:
    """USD resting within 1% of mid, one side, all venues together.

    Raises
    ------
    InputError
        If a given depth is not above 0 (infinity is allowed: no impact), or names an asset that
        is not among ``assets``.
    """
    block = _bundled()["depth"]
    return _chosen("depth", assets, given, block["usd"], min(block["usd"].values()), block)


def daily_volatility_of(assets: Sequence[str], given: Mapping[str, float] | None = None) -> Assumed:
    """Standard deviation of daily log returns, a fraction.

    Raises
    ------
    InputError
        As :func:`depth_of`.
    """
    block = _bundled()["volatility"]
    middle = float(np.median(list(block["daily"].values())))
    return _chosen("daily volatility", assets, given, block["daily"], middle, block)


def _chosen(
    what: str,
    assets: Sequence[str],
    given: Mapping[str, float] | None,
    known: Mapping[str, float],
    otherwise: float,
    block: Mapping[str, Any],
) -> Assumed:
    given = given or {}
    mistakes = [
        Mistake(f"{what} out of range", column=a, value=str(v), allowed="a number above 0")
        for a, v in given.items()
        if not v > 0
    ]
    mistakes += [
        Mistake(f"{what} of an asset that is not in the book", column=a, allowed=", ".join(assets))
        for a in given
        if a not in assets
    ]
    if mistakes:
        raise InputError(mistakes)
    values = np.array([given.get(a, known.get(a, otherwise)) for a in assets], dtype=np.float64)
    return Assumed(
        values,
        tuple(a for a in assets if a not in given and a in known),
        tuple(a for a in assets if a not in given and a not in known),
        f"{block['source']} (as of {block['as_of']}, {block['kind']})",
    )
