"""Every documented or captured message means what its venue says it means."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import seawall.ingest.wire
from seawall.core.tape import Coverage, Side
from seawall.ingest.wire.adapter import Request
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

SAMPLES = Path(seawall.ingest.wire.__file__).parent / "samples"
RULES = Rules.bundled()
RECEIVED = 1_790_000_000_000_000_000


def of(venue: str) -> dict:
    return json.loads((SAMPLES / f"{venue}.json").read_text())


def cases(part: str) -> list:
    return [
        pytest.param(venue, one, id=f"{venue} {k}")
        for venue in ADAPTERS
        for k, one in enumerate(of(venue)[part])
    ]


def test_each_adapter_has_samples_and_each_sample_a_source() -> None:
    assert {p.stem for p in SAMPLES.glob("*.json")} == set(ADAPTERS)
    for venue in ADAPTERS:
        parts = of(venue)
        assert parts["venue"] == venue
        assert parts["messages"]
        assert parts["control"]
        for one in (*parts["messages"], *parts["control"], *parts["answers"]):
            assert len(one["source"]) > 10


@pytest.mark.parametrize(("venue", "sample"), cases("messages"))
def test_a_message_means(venue: str, sample: dict) -> None:
    adapter = ADAPTERS[venue]
    context = adapter.context(RULES)
    context.learn(sample.get("sizes", {}).items())
    context.begin(RECEIVED)
    events = adapter.parse(sample["raw"].encode(), context)
    assert len(events) == len(sample["events"])
    for event, wanted in zip(events, sample["events"], strict=True):
        for name, value in wanted.items():
            got = getattr(event, name)
            assert got == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)
        assert event.venue == venue
        assert event.received == RECEIVED
        assert event.notional == pytest.approx(event.quantity * event.price, rel=1e-12)
        assert event.side in (Side.LONG, Side.SHORT)
        assert event.coverage in set(Coverage)
        assert 0 < event.event_id < 2**64
    assert context.tally.malformed == 0


@pytest.mark.parametrize(("venue", "sample"), cases("control"))
def test_a_message_without_events_is_known_for_what_it_is(venue: str, sample: dict) -> None:
    adapter = ADAPTERS[venue]
    context = adapter.context(RULES)
    context.begin(RECEIVED)
    assert adapter.parse(sample["raw"], context) == []
    control = adapter.control(sample["raw"])
    assert control.said.value == sample["said"]
    assert control.reply == sample["reply"]
    assert context.tally.malformed == 0


@pytest.mark.parametrize(("venue", "sample"), cases("answers"))
def test_a_listing_gives_contract_sizes(venue: str, sample: dict) -> None:
    listing = ADAPTERS[venue].parse_listing(sample["raw"], Request("x"))
    assert dict(listing.sizes) == sample["sizes"]


@pytest.mark.parametrize("venue", ["htx"])
def test_a_compressed_frame_is_the_plain_one(venue: str) -> None:
    adapter = ADAPTERS[venue]
    for sample in of(venue)["messages"]:
        plain, packed = adapter.context(RULES), adapter.context(RULES)
        raw = sample["raw"].encode()
        assert adapter.parse(gzip.compress(raw), packed) == adapter.parse(raw, plain)
    for sample in of(venue)["control"]:
        assert adapter.control(gzip.compress(sample["raw"].encode())).reply == sample["reply"]


@pytest.mark.parametrize("venue", sorted(ADAPTERS))
def test_connections_have_an_address_of_the_venue_and_something_to_say(venue: str) -> None:
    names = ("BTCUSDT", "ETHUSDT", "BTCUSD") if venue == "bybit" else ()
    links = ADAPTERS[venue].links(["BTC"], names)
    assert links
    assert len({link.name for link in links}) == len(links)
    for link in links:
        assert link.url.startswith("wss://")
        assert link.frames
        assert link.acks > 0
        assert link.silence_seconds > link.ping_seconds
        for frame in link.frames:
            json.loads(frame)
