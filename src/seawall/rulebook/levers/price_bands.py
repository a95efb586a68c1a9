"""Orders are filled only within a band around the index, the mark or a mean."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from seawall.core.hooks import Floor, Hook
from seawall.rulebook.levers import Lever, _window
from seawall.rulebook.levers import _band_kernel as k

RULES = {
    "index": k.AROUND_INDEX,
    "mark": k.AROUND_MARK,
    "mean": k.AROUND_MEAN,
    "premium": k.WITH_PREMIUM,
}


def _okx(x: float, y: float, z: float) -> Mapping[str, Any]:
    return {
        "around": "premium",
        "opening_band": x,
        "premium_band": y,
        "down": z,
        "up": z,
        "window": 120.0,
        "opening_seconds": 0.0,
    }


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "okx_tier_1": _okx(0.02, 0.02, 0.05),
        "okx_tier_2": _okx(0.04, 0.04, 0.08),
        "okx_tier_3": _okx(0.06, 0.06, 0.15),
        "okx_tier_4": _okx(0.06, 0.06, 0.20),
        "binance_percent_price": {"around": "mark", "down": 0.05, "up": 0.05},
        "luld_bands": {"around": "mean", "down": 0.05, "up": 0.05, "window": 300.0},
    }
)
"""Bands in use; a parameter given beside a preset goes before it."""


class PriceBands(Lever):
    """Fill orders only between two prices; what is left of a forced order waits for the next step.

    No halt: trading goes on inside the band. By premium, with I the index, A the mean of mid less
    index and Y the ``premium_band``, the highest price is min(max(I, I (1 + Y) + A), I (1 + up)),
    the lowest its mirror image. Off with ``down`` and ``up`` infinite and, around
    ``premium``, ``premium_band`` infinite too.

    Assumes that everyone, makers apart, is refused alike.
    """

    title: ClassVar[str] = "Price bands"
    source: ClassVar[str] = (
        "OKX, Price limit rules (X, Y, Z by tier; mean premium over the last 2 minutes since 2024, "
        "10 and 5 before); Binance exchangeInfo, filter PERCENT_PRICE (0.95 and 1.05 of the mark "
        "for BTCUSDT); Limit Up-Limit Down plan, section V"
    )

    preset: (
        Literal[
            "okx_tier_1",
            "okx_tier_2",
            "okx_tier_3",
            "okx_tier_4",
            "binance_percent_price",
            "luld_bands",
        ]
        | None
    ) = Field(
        None,
        description=(
            "Bands in use, by name: okx_tier_1 to okx_tier_4, binance_percent_price, luld_bands"
        ),
    )
    around: Literal["index", "mark", "mean", "premium"] = Field(
        "index",
        description=(
            "Middle of the band: index, mark, mean of the mid, or premium: the index shifted "
            "by the mean premium, within an outer band"
        ),
    )
    down: float = Field(
        default=inf, gt=0, description="Lower edge below the middle; fraction, infinite for none"
    )
    up: float = Field(
        default=inf, gt=0, description="Upper edge above the middle; fraction, infinite for none"
    )
    premium_band: float = Field(default=inf, gt=0, description="Y of the rule by premium; fraction")
    opening_band: float = Field(
        default=inf,
        gt=0,
        description=("Band about the index in the first seconds, by premium only; fraction"),
    )
    opening_seconds: float = Field(
        default=0.0,
        ge=0,
        description=("How long that holds, from the start of the run, s"),
    )
    window: float = Field(
        default=300.0, gt=0, le=21_600, description="Time that a mean looks back, s"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        chosen = PRESETS.get(str(given.get("preset"))) if isinstance(given, dict) else None
        return {**chosen, **given} if chosen else given

    @model_validator(mode="after")
    def _consistent(self) -> PriceBands:
        if self.around != "premium" and (self.premium_band < inf or self.opening_band < inf):
            raise ValueError(
                'premium_band and opening_band belong to around = "premium"; '
                f"around is {self.around!r}"
            )
        widest = min(self.down, self.up)
        if self.premium_band < inf and self.premium_band > widest:
            raise ValueError(
                f"premium_band {self.premium_band:g} is wider than the outer band {widest:g} and "
                "would never hold; make it smaller, or down and up larger"
            )
        return self

    def admit(self, floor: Floor) -> Hook | None:
        """The bands of the chosen markets."""
        chosen = floor.chosen(self.venues, self.assets)
        finite = min(self.down, self.up, self.premium_band, self.opening_band) < inf
        if not finite or not chosen.any():
            return None
        size = max(1, round(self.window / floor.step))
        each = _window.mean_room(size) if self.around in ("mean", "premium") else 0
        at = each * (np.cumsum(chosen) - 1)
        head = np.zeros(k.HEAD)
        head[k.RULE], head[k.DOWN], head[k.UP] = RULES[self.around], self.down, self.up
        head[k.PREMIUM_BAND], head[k.OPENING_BAND] = self.premium_band, self.opening_band
        head[k.OPENING_SECONDS], head[k.WINDOW] = self.opening_seconds, size
        return Hook(
            kernel=k.bands,
            parameters=np.concatenate((head, np.where(chosen > 0.0, at, -1.0))),
            memory=np.zeros(int(each * chosen.sum())),
        )
