"""What may be asked of each command over the wire: the same names as on the command line."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from seawall.room.books import DEFAULT
from seawall.room.offers import Ask

Pairs = Annotated[list[str], Field(max_length=64)]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")]
"""A name of a kept run: it cannot lead anywhere."""
_NOTHING: list[str] = []


class BookAsk(Ask):
    """A question about a book."""

    book: str = Field(DEFAULT, max_length=40, description="Key of a book of /books.")


class MapAsk(BookAsk):
    """As ``seawall map``."""

    asset: Pairs = Field(_NOTHING, description="Underlyings to map.")
    span: str = Field("35%", description="Prices from mark - SPAN to mark + SPAN.")
    step: float | None = Field(None, description="Price step in USD.")
    clusters: int = Field(8, ge=1, le=200, description="Clusters named of an asset: the largest.")
    sigma: Pairs = Field(_NOTHING, description="Daily volatility: ASSET=2.5%.")


class StressAsk(BookAsk):
    """As ``seawall stress``."""

    shock: Pairs = Field(description="Price shocks: ASSET=-10%; ALL for the rest.", min_length=1)
    depth: Pairs = Field(_NOTHING, description="USD within 1% of mid: ASSET=250M.")
    fund: Pairs = Field(_NOTHING, description="USD, or VENUE=USD.")
    thinning: float | None = Field(None, description="Depth that market makers leave.")
    impact_exponent: float | None = Field(None, description="1 is linear, 0.5 the square root.")
    partial: bool = Field(False, description="Close by the venues' partial steps.")
    ladder: str | None = Field(None, description="Sizes of the ladder's shocks: -1%,-2%,-5%.")
    liquidates: str | None = Field(None, description="USD that the smallest shock is to force.")
    draws: int = Field(64, ge=0, le=1000, description="Draws behind the bands.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the draws.")
    sigma: Pairs = Field(_NOTHING, description="Daily volatility: ASSET=2.5%.")


class ExplainAsk(BookAsk):
    """As ``seawall explain``."""

    row: int = Field(ge=1, lt=2**31, description="Row number in the book, from 1.")
    shock: Pairs = Field(_NOTHING, description="Price shocks: ASSET=-10%.")
    depth: Pairs = Field(_NOTHING, description="USD within 1% of mid: ASSET=250M.")
    fund: Pairs = Field(_NOTHING, description="USD, or VENUE=USD.")
    thinning: float | None = Field(None, description="Depth that market makers leave.")
    impact_exponent: float | None = Field(None, description="1 is linear, 0.5 the square root.")
    partial: bool = Field(False, description="Close by the venues' partial steps.")


class ConcentrationAsk(BookAsk):
    """As ``seawall tape concentration``."""


class TapeStatsAsk(Ask):
    """As ``seawall tape stats``, of the store that the server shows."""

    window: str = Field("24h", description="Length.")
    at: str | None = Field(None, description="Where it ends; now if left out.")
    by: str = Field("venue", description="venue, asset, side: what to break it down by.")
    volume: float | None = Field(None, description="Volume, USD.")
    open_interest: float | None = Field(None, description="Open interest, USD.")


class TapeCompareAsk(Ask):
    """As ``seawall tape compare``, of the store that the server shows."""

    first: str = Field(description="A UTC day, such as 2025-10-10.", max_length=40)
    second: str = Field(description="Another.", max_length=40)


Levers = Annotated[dict[str, dict[str, Any]], Field(max_length=12)]
_NO_LEVERS: dict[str, dict[str, Any]] = {}
_OVER = "Safeguards laid over it, as in a scenario's section levers: name and settings of each."


class SimulateAsk(Ask):
    """As ``seawall simulate``, of a scenario that comes with Seawall."""

    scenario: str = Field(description="Name of a scenario.", max_length=80)
    seed: int = Field(0, ge=0, lt=2**31)
    runs: int = Field(1, ge=1, le=100)
    paired: bool = True
    domino: int = Field(0, ge=0, le=20)
    levers: Levers = Field(_NO_LEVERS, description=_OVER)
    save: RunName | None = Field(None, description="Keep the run by this name, for replay.")


class CompareAsk(Ask):
    """As ``seawall compare``, of scenarios that come with Seawall.

    Without ``reform`` it is the base that ``levers`` are laid over.
    """

    base: str = Field(description="Scenario as it is.", max_length=80)
    reform: str | None = Field(None, description="Scenario with the change.", max_length=80)
    levers: Levers = Field(_NO_LEVERS, description=_OVER)
    runs: int = Field(20, ge=2, le=200)
    seed: int = Field(0, ge=0, lt=2**31)


class TheoryAsk(Ask):
    """As ``seawall study theory``."""

    reduced: bool = True
