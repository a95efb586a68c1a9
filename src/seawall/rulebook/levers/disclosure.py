"""Where liquidations cluster is published, and traders respond."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from seawall.core.hooks import Floats, Floor, Hook, Traders
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers import _publish_kernel as k
from seawall.rulebook.levers._where import (
    Rows,
    liquidation_distance,
    notional_now,
    rows_under,
    shrink,
)


class Disclosure(Lever):
    """Publish how much is due to be liquidated near the price, market by market.

    During the run the engine fills the columns of what is due within 2%, which behaviours may
    read: makers that step back, traders that hunt. Before it, a share of those whose own
    liquidation stands at or near a published cluster act on that: they cut, or set a stop. Off
    with ``published`` false.

    Assumes that what is published is true and understood, and that the response was over before
    the start. Whether publication draws hunters is up to the behaviours in the scenario.
    """

    title: ClassVar[str] = "Disclosure of concentration"
    source: ClassVar[str] = (
        "Positions on Hyperliquid are public; large-trader reports as of 17 CFR part 15 and the "
        "CFTC's Commitments of Traders publish concentration; Brunnermeier and Pedersen (2005), "
        "Predatory trading, Journal of Finance 60, for what others then do"
    )

    published: bool = Field(False, description="Whether it is published")
    share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description=(
            "Share of traders near a cluster who respond, by head; the same lots whatever the share"
        ),
    )
    respond: Literal["cut", "stop"] = Field(
        "cut",
        description="cut the position, or set a stop where there is none",
    )
    cut: float = Field(
        default=0.5, gt=0, le=1, description="Part of the position that is cut; fraction"
    )
    before: float = Field(
        default=0.7,
        gt=0,
        lt=1,
        description="Part of the way from the mark to liquidation at which a stop stands; fraction",
    )
    width: float = Field(
        default=0.005,
        gt=0,
        le=0.1,
        description="Width of a range of liquidation prices; fraction of the mark",
    )
    least: float = Field(
        default=0.02,
        gt=0,
        le=1,
        description=(
            "Part of all notional on its side of the instrument that makes a range a "
            "cluster; fraction"
        ),
    )
    reach: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Farthest cluster that is published; fraction of the mark",
    )
    near: float = Field(
        default=0.005,
        ge=0,
        le=0.5,
        description=(
            "How far beside a cluster one's own liquidation still counts as near it; "
            "fraction of the mark"
        ),
    )
    maintenance: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description="Maintenance rate reckoned with where a row of the book gives none",
    )

    @model_validator(mode="after")
    def _needs_publication(self) -> Disclosure:
        if self.share > 0 and not self.published:
            raise ValueError(
                "share is above 0 but nothing is published: nobody can respond; set published = "
                "true, or share = 0"
            )
        return self

    def admit(self, floor: Floor) -> Hook | None:
        """Publication in the chosen markets."""
        chosen = floor.chosen(self.venues, self.assets)
        if not self.published or not chosen.any():
            return None
        return Hook(kernel=k.publish, parameters=chosen)

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """What traders near a cluster do before the start."""
        book = traders.book
        if self.share == 0.0 or not len(book):
            return
        lot = rng.random(len(book.traders))
        acts = lot[book.accounts.trader[book.positions.account]] < self.share
        distance = liquidation_distance(traders, self.maintenance)
        acts &= self._near_cluster(traders, distance) & rows_under(self, book)
        if self.respond == "cut":
            shrink(traders, np.where(acts, 1.0 - self.cut, 1.0))
            return
        side = np.sign(book.positions.size)
        price = book.positions.mark * (1.0 - side * self.before * distance)
        sets = acts & np.isnan(traders.stop) & (distance > 0.0) & (price > 0.0)
        traders.stop[sets & (traders.plan == 0.0)] = price[sets & (traders.plan == 0.0)]

    def _near_cluster(self, traders: Traders, distance: Floats) -> Rows:
        """Shape (n,): whether the own liquidation stands at or near a cluster."""
        positions = traders.book.positions
        bins = int(np.ceil(self.reach / self.width))
        around = int(np.ceil(self.near / self.width))
        group = 2 * positions.instrument.astype(np.int64) + (positions.size > 0.0)
        groups = 2 * len(traders.book.instruments)
        place = np.minimum(distance / self.width, bins).astype(np.int64)
        notional = notional_now(traders)
        held = np.bincount(group * (bins + 1) + place, notional, groups * (bins + 1))
        held = held.reshape(groups, bins + 1)
        whole = held.sum(axis=1, keepdims=True)
        cluster = (held >= self.least * whole) & (whole > 0.0)
        cluster[:, bins] = False  # beyond reach
        near: Rows = np.zeros(cluster.shape, dtype=np.bool_)
        for shift in range(-min(around, bins), min(around, bins) + 1):
            source = cluster[:, max(0, -shift) : bins + 1 - max(0, shift)]
            near[:, max(0, shift) : bins + 1 - max(0, -shift)] |= source
        found: Rows = near[group, place]
        return found
