"""What the room's own answers look like, for the OpenAPI document; commands have their schemas."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from seawall.room.feeds import State as FeedState
from seawall.room.jobs import State as JobState


class Command(BaseModel):
    """A command on offer."""

    command: str
    title: str
    answer: str = Field(alias="schema", description="Schema of its answer.")
    long: bool = Field(description="Asked as a job only.")


class Commands(BaseModel):
    """What there is."""

    version: str
    commands: list[Command]
    schemas: list[str]


class BookTold(BaseModel):
    """A book that can be named in a question; figures of it once it is ready."""

    book: str = Field(description="Its key.")
    name: str
    ready: bool
    error: str | None = None
    digest: str | None = None
    positions: int | None = None
    accounts: int | None = None
    assets: list[str] | None = None
    notes: list[str] | None = None


class CandlesTold(BaseModel):
    """A file of candles."""

    candles: str = Field(description="Its key.")
    name: str
    assets: list[str]
    start: str = Field(alias="from", description="UTC.")
    end: str = Field(alias="to", description="UTC.")
    step_seconds: float


class FileTold(BaseModel):
    """A file of the past or of brackets."""

    file: str = Field(description="Its key.")
    name: str
    bytes: int


class JobTold(BaseModel):
    """Where a job stands."""

    job: str = Field(description="Its key.")
    command: str
    state: JobState
    step: str
    ahead: int | None = Field(description="Jobs that go before it; null once it has begun.")
    seconds: float | None = Field(description="Since it began; null while it waits.")
    problem: dict[str, Any] | None = Field(description="By seawall.problem/1, where it failed.")
    result: str | None = Field(description="Path of its result, once it is done.")


class FeedTold(BaseModel):
    """How a feed is."""

    venue: str
    link: str = Field(description="The connection; the venue where it has one.")
    state: FeedState
    events: int | None
    last_event: str | None = Field(description="UTC.")
    coverage: str | None = Field(description="What it publishes; null where that differs.")
    heard_until: str | None = Field(description="UTC.")
    lag_seconds: float | None
    malformed: int | None
    dropped: int | None
    reconnects: int | None
    outage_seconds: float | None
    why: str | None


class FeedsTold(BaseModel):
    """Where what is shown comes from."""

    named: Literal["seawall.room-feeds/1"] = Field(alias="schema")
    source: str
    problem: str | None
    feeds: list[FeedTold]
    rules: dict[str, Any] = Field(description="By venue: how it publishes its liquidations.")


class Shown(BaseModel):
    """What is shown, and how far it is."""

    source: Literal["recording", "store"]
    title: str
    synthetic: bool
    pace: float | None = Field(description="Seconds of a recording a second.")
    start: str | None = Field(description="UTC.")
    now: str | None = Field(description="UTC.")
    assets: list[str] = Field(description="With a map through time.")
    columns: dict[str, int]


class EventTold(BaseModel):
    """A closing of the tape; side is that of the position."""

    time: str = Field(description="UTC.")
    venue: str
    instrument: str
    asset: str
    side: Literal["long", "short"]
    quantity: float = Field(description="Units of the asset.")
    price: float
    notional_usd: float
    kind: str
    coverage: str


class MapTold(BaseModel):
    """The map through time without its shades."""

    named: Literal["seawall.room-map/1"] = Field(alias="schema")
    asset: str
    kind: str
    start: str = Field(description="UTC.")
    columns: int
    rows: int
    first_second: float
    step_seconds: float
    low: float = Field(description="Lowest price.")
    high: float = Field(description="Highest price.")
    deepest_usd: float
    shades: str = Field(description="How a byte is read.")
    usd_of_shade: list[float] = Field(description="What each of the 256 shades stands for.")
    long: list[int] = Field(description="By row: 1 where longs are liquidated, 0 shorts.")
    candles: list[list[float]] = Field(description="Second, open, high, low, close.")


class CandlesShown(BaseModel):
    """Prices of what is shown."""

    named: Literal["seawall.room-candles/1"] = Field(alias="schema")
    asset: str
    kind: str
    source: str
    step_seconds: float
    candles: list[list[float]] = Field(description="Start (UTC s), open, high, low, close.")


class ClustersTold(BaseModel):
    """Clusters of the map at one of its moments."""

    price: float
    passed_usd: float = Field(description="What the price passed without a closing.")
    clusters: list[dict[str, Any]]


class WatchTold(BaseModel):
    """What is watched; more where something is."""

    running: bool
    error: str | None = None


class VenueRules(BaseModel):
    """A venue, and the days from which its rules are known."""

    venue: str
    rules_from: list[str]
    brackets_from: list[str]


class ScenarioTold(BaseModel):
    """What can be simulated."""

    name: str
    title: str
    question: str


class LeverTold(BaseModel):
    """A safeguard that can be laid over a scenario."""

    name: str
    title: str
    what: str
    source: str


FACTS: dict[str, Any] = {
    "rules": list[VenueRules],
    "scenarios": list[ScenarioTold],
    "levers": list[LeverTold],
    "studies": list[str],
}
"""Shapes of the lists that do not change while the server runs, by their names."""


def shaped(
    shape: Any, status: int = 200, *, tagged: bool = False
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's word on an answer of a shape; tagged ones may come as 304."""
    found: dict[int | str, dict[str, Any]] = {status: {"model": shape}}
    return found | ({304: {"description": "Not changed since the tag given"}} if tagged else {})
