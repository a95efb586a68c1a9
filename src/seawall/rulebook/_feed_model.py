"""The shape of a ``[[feed]]`` block: what a venue publishes of its liquidations, and how."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(min_length=7, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FeedModel(BaseModel):
    """A dated block; the latest that has begun is in force."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effective_from: date
    """First day of it, UTC."""
    observed: date | None = None
    """The day it was read, where the day it began is not known."""
    channel: Name
    """The channel, as the venue names it."""
    coverage: Literal["all", "one_a_slot", "sample", "unknown"]
    """How much of what happens is published."""
    slot_seconds: Seconds = 0.0
    """Length of a slot of which one event a symbol is published, for ``one_a_slot``."""
    slot_keeps: Literal["latest", "largest", "unknown", ""] = ""
    """Which of a slot's events is published."""
    side: Literal["order", "position", "both"]
    """What the message's side is of; ``both`` where it states the two."""
    price: Literal["fill", "bankruptcy", "order"]
    """What the price is: of the fill, of bankruptcy, or the limit of the venue's order."""
    quantity: Literal["base", "contracts", "contracts_or_usd"]
    """``contracts_or_usd``: base units of linear contracts, USD of inverse ones."""
    identified: Literal["own", "contents"]
    """Whether the venue gives its events identifiers."""
    takeovers: Literal["instead", "beside", ""] = ""
    """Whether what the venue takes over is told instead of its liquidation, or besides."""
    accounts: bool = False
    """Whether it tells whose position it was."""
    push_seconds: Seconds = 0.0
    """How long the venue gathers events before it sends them."""
    missed: Name | None = None
    """Where events of the past can be had again; none if left out."""
    text: Text
    """The rule in words."""
    source: Text
    """Where it was read, in a few words."""
    confidence: Text | None = None
    """What the source says and what is inferred from it."""

    @model_validator(mode="after")
    def _slot(self) -> FeedModel:
        slotted = self.coverage == "one_a_slot"
        if slotted != (self.slot_seconds > 0) or slotted != bool(self.slot_keeps):
            raise ValueError("slot_seconds and slot_keeps go with coverage = 'one_a_slot' only")
        return self
