"""The real client against servers that speak each venue's protocol, well and badly."""

from __future__ import annotations

import asyncio
import time as clock
from dataclasses import replace

import aiohttp
import pytest

from alone import run_alone
from loop_feed import ASKING, PACE, RULES, recorded, told, total, truth
from seawall.ingest.record.recent import Recent
from seawall.ingest.rehearsal.closings import closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.feed import VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.venues import ADAPTERS

VENUES = sorted(ADAPTERS)


@pytest.mark.parametrize("venue", VENUES)
def test_what_a_venue_tells_is_what_arrives(venue: str) -> None:
    some = closings(120)
    got, feed, _ = recorded(venue, some)
    assert told(got) == truth(some)
    assert total(feed, "malformed") == feed.context.tally.malformed == 0
    assert total(feed, "events") == len(some)


@pytest.mark.parametrize("venue", VENUES)
def test_a_feed_that_misbehaves_gives_the_clean_tape(venue: str) -> None:
    some = closings(400)
    wrong = Mischief(drop_every=9, overlap=3, twice=0.2, garbage=0.3, shuffle=5)
    got, feed, server = recorded(venue, some, wrong)
    assert told(Recent().fresh(got)) == truth(some)
    assert server.connections > 1
    assert total(feed, "connects") > 1
    assert total(feed, "malformed") > 0
    assert len(got) > len(some), "copies came, and only their identifiers told"


@pytest.mark.parametrize("venue", VENUES)
def test_a_silent_server_is_left_and_subscribed_to_again(venue: str) -> None:
    some = closings(60)
    got, feed, server = recorded(venue, some, Mischief(stall_after=2))
    assert told(got) == truth(some)
    assert total(feed, "silences") >= 1
    assert server.subscriptions >= 2


@pytest.mark.parametrize("venue", ["okx", "binance_usdm"])
def test_refused_connections_and_unanswered_subscriptions_are_tried_again(venue: str) -> None:
    some = closings(12)
    got, feed, server = recorded(venue, some, Mischief(away=2, deaf=1))
    assert told(got) == truth(some)
    assert total(feed, "failures") == 2
    assert total(feed, "unacknowledged") + total(feed, "silences") == 1
    assert server.connections == 4


@pytest.mark.parametrize("venue", ["okx", "htx", "deribit", "hyperliquid"])
def test_what_was_missed_during_a_gap_is_asked_for(venue: str) -> None:
    some = closings(120, int(clock.time() * 1000) - 30_000)
    got, feed, _ = recorded(venue, some, Mischief(drop_every=3, lose=1), past=some)
    assert told(Recent().fresh(got)) == truth(some)
    assert total(feed, "missed") > 0
    assert total(feed, "unanswered") == 0


@pytest.mark.parametrize("venue", ["binance_usdm", "bybit", "gate"])
def test_where_nothing_can_be_had_again_a_gap_stays_a_gap(venue: str) -> None:
    some = closings(200)
    wrong = Mischief(drop_every=3, lose=1)
    got, feed, _ = recorded(venue, some, wrong, until=lambda server, _: server.done)
    assert 0 < len(got) < len(some)
    assert total(feed, "questions") == 0
    assert total(feed, "outages") > 0


@pytest.mark.parametrize(
    ("venue", "ping"),
    [
        ("okx", "ping"),
        ("bybit", '{"op":"ping"}'),
        ("hyperliquid", '{"method":"ping"}'),
        ("gate", '"channel":"futures.ping"'),
    ],
)
def test_a_venue_is_pinged_in_its_own_words(venue: str, ping: str) -> None:
    def often(server: LoopServer, _: VenueFeed) -> bool:
        return sum(ping in h for h in server.speech.heard) >= 5

    _, feed, _ = recorded(venue, [], until=often)
    assert total(feed, "silences") == 0
    assert total(feed, "connects") == len(feed.counts), "each connection held"


def test_without_words_of_its_own_the_protocols_ping_is_used() -> None:
    _, feed, server = recorded("binance_usdm", [], until=lambda server, _: server.pings_seen >= 3)
    assert server.connections == 1
    assert total(feed, "silences") == 0


@pytest.mark.parametrize("venue", ["htx", "deribit", "binance_usdm"])
def test_a_venues_ping_is_answered(venue: str) -> None:
    def often(server: LoopServer, feed: VenueFeed) -> bool:
        # of WebSocket's own pings only a missing answer would show
        own = server.speech.ping() is not None
        return server.speech.pongs >= 4 if own else total(feed, "connects") > 0

    _, feed, _ = recorded(venue, [], until=often, pings=0.05)
    assert total(feed, "silences") == 0


def test_a_burst_beyond_the_queue_waits_first_and_is_counted_when_lost() -> None:
    some = closings(3000)
    box = Inbox(room=200, patience=30.0)
    got, feed, _ = recorded("okx", some, inbox=box)
    assert told(got) == truth(some)
    assert total(feed, "dropped") == 0
    assert box.most <= 200

    async def overflow() -> None:
        small = Inbox(room=20, patience=0.05)
        async with LoopServer(SPEECHES["okx"](), some) as server:
            feed = VenueFeed(ADAPTERS["okx"], RULES, small, ["BTC"], server.url, PACE, ASKING)
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while total(feed, "dropped") < 20:
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            held, lost = len(small), total(feed, "dropped")
            assert held <= 20 + 6, "one message may be in hand when it is stopped"
            assert held + lost == total(feed, "events")

    run_alone(overflow())


def test_waits_grow_and_are_drawn_at_random() -> None:
    pace = Pace(first=1.0, most=60.0)
    assert [pace.wait(n, 1.0) for n in (0, 1, 2, 6, 500)] == [1.0, 2.0, 4.0, 60.0, 60.0]
    assert pace.wait(3, 0.25) == 2.0


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_moves_only_the_receipt(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seawall.ingest.wire import connection

    class Jumping:
        """The system's clock, set differently after a while; the monotonic one runs on."""

        monotonic = staticmethod(clock.monotonic)
        time = staticmethod(clock.time)
        calls = 0

        def time_ns(self) -> int:
            self.calls += 1
            return clock.time_ns() + (int(jump * 1e9) if self.calls > 20 else 0)

    monkeypatch.setattr(connection, "time", Jumping())
    some = closings(200)
    got, feed, server = recorded("okx", some)
    assert told(got) == truth(some)
    assert server.connections == 1
    assert total(feed, "silences") == total(feed, "quiets") == 0
    assert abs(max(e.received for e in got) - min(e.received for e in got)) > 3e12


def test_a_feed_without_data_for_long_is_subscribed_to_again_although_it_answers() -> None:
    class Restless(type(ADAPTERS["okx"])):  # type: ignore[misc]
        """OKX's adapter with less patience."""

        def links(self, assets: object, instruments: object) -> list:
            return [replace(k, quiet_seconds=12.0) for k in super().links(assets, instruments)]

    async def go() -> None:
        async with LoopServer(SPEECHES["okx"](), []) as server:
            feed = VenueFeed(Restless(), RULES, Inbox(), ["BTC"], server.url, PACE, ASKING)
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while total(feed, "quiets") < 2:
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert total(feed, "silences") == 0
            assert server.connections >= 2

    run_alone(go())
