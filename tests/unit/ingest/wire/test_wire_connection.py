"""The real client against servers that speak each venue's protocol, well and badly."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import replace

import aiohttp
import pytest

from alone import run_alone
from seawall.ingest.record.account import Account
from seawall.ingest.record.recent import Recent
from seawall.ingest.rehearsal.closings import Closing, closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.wire.adapter import Link
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.context import Context
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

RULES = Rules.bundled()
PACE = Pace(first=0.02, most=0.1, steady=30.0, connect=5.0, acknowledge=3.0, hurry=40.0)
ASKING = Asking(past=0.0, overlap=60.0, unsized=0.05, between=0.0)
VENUES = sorted(ADAPTERS)


def run(
    venue: str,
    some: list[Closing],
    mischief: Mischief | None = None,
    until: Callable[[LoopServer, VenueFeed], bool] | None = None,
    past: list[Closing] | None = None,
    asking: Asking = ASKING,
    inbox: Inbox | None = None,
    seconds: float = 20.0,
    pings: float = 0.0,
) -> tuple[list[WireEvent], VenueFeed, LoopServer]:
    """Record a server until a condition holds; events in the order they came, copies included."""

    async def go() -> tuple[list[WireEvent], VenueFeed, LoopServer]:
        box = inbox or Inbox()
        got: list[WireEvent] = []
        async with LoopServer(SPEECHES[venue](pings), some, mischief) as server:
            server.past = past or ()
            feed = VenueFeed(
                ADAPTERS[venue], RULES, box, ["BTC", "ETH", "SOL"], server.url, PACE, asking
            )
            async with aiohttp.ClientSession() as session, asyncio.timeout(seconds):
                task = asyncio.create_task(feed.run(session))
                while not task.done():
                    await asyncio.sleep(0.02)
                    got += box.drain(10**9)
                    if (until or all_there(some, got))(server, feed):
                        break
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            got += box.drain(10**9)
        return got, feed, server

    return run_alone(go())


def all_there(some: list[Closing], got: list[WireEvent]) -> Callable[[LoopServer, VenueFeed], bool]:
    return lambda _server, _feed: len({e.event_id for e in got}) >= len(some)


def truth(some: list[Closing]) -> list[tuple]:
    return sorted(
        (c.time_ms * 1_000_000, c.asset, c.side, round(c.price, 6), round(c.quantity, 6))
        for c in some
    )


def told(events: list[WireEvent]) -> list[tuple]:
    return sorted(
        (e.time, e.asset, e.side, round(e.price, 6), round(e.quantity, 6)) for e in events
    )


def total(feed: VenueFeed, name: str) -> int:
    return sum(getattr(c, name) for c in feed.counts.values())


@pytest.mark.parametrize("venue", VENUES)
def test_what_a_venue_tells_is_what_arrives(venue: str) -> None:
    some = closings(120)
    got, feed, _ = run(venue, some)
    assert told(got) == truth(some)
    assert total(feed, "malformed") == feed.context.tally.malformed == 0
    assert total(feed, "events") == len(some)


@pytest.mark.parametrize("venue", VENUES)
def test_a_feed_that_misbehaves_gives_the_clean_tape(venue: str) -> None:
    some = closings(400)
    wrong = Mischief(drop_every=9, overlap=3, twice=0.2, garbage=0.3, shuffle=5)
    got, feed, server = run(venue, some, wrong)
    assert told(Recent().fresh(got)) == truth(some)
    assert server.connections > 1
    assert total(feed, "connects") > 1
    assert total(feed, "malformed") > 0
    assert len(got) > len(some), "copies came, and only their identifiers told"


@pytest.mark.parametrize("venue", VENUES)
def test_a_silent_server_is_left_and_subscribed_to_again(venue: str) -> None:
    some = closings(60)
    got, feed, server = run(venue, some, Mischief(stall_after=2))
    assert told(got) == truth(some)
    assert total(feed, "silences") >= 1
    assert server.subscriptions >= 2


@pytest.mark.parametrize("venue", ["okx", "binance_usdm"])
def test_refused_connections_and_unanswered_subscriptions_are_tried_again(venue: str) -> None:
    some = closings(12)
    got, feed, server = run(venue, some, Mischief(away=2, deaf=1))
    assert told(got) == truth(some)
    assert total(feed, "failures") == 2
    assert total(feed, "unacknowledged") + total(feed, "silences") == 1
    assert server.connections == 4


@pytest.mark.parametrize("venue", ["okx", "htx", "deribit", "hyperliquid"])
def test_what_was_missed_during_a_gap_is_asked_for(venue: str) -> None:
    some = closings(120, int(clock.time() * 1000) - 30_000)
    got, feed, _ = run(venue, some, Mischief(drop_every=3, lose=1), past=some)
    assert told(Recent().fresh(got)) == truth(some)
    assert total(feed, "missed") > 0
    assert total(feed, "unanswered") == 0


@pytest.mark.parametrize("venue", ["binance_usdm", "bybit", "gate"])
def test_where_nothing_can_be_had_again_a_gap_stays_a_gap(venue: str) -> None:
    some = closings(200)
    wrong = Mischief(drop_every=3, lose=1)
    got, feed, _ = run(venue, some, wrong, until=lambda server, _: server.done)
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

    _, feed, _ = run(venue, [], until=often)
    assert total(feed, "silences") == 0
    assert total(feed, "connects") == len(feed.counts), "each connection held"


def test_without_words_of_its_own_the_protocols_ping_is_used() -> None:
    _, feed, server = run("binance_usdm", [], until=lambda server, _: server.pings_seen >= 3)
    assert server.connections == 1
    assert total(feed, "silences") == 0


@pytest.mark.parametrize("venue", ["htx", "deribit", "binance_usdm"])
def test_a_venues_ping_is_answered(venue: str) -> None:
    def often(server: LoopServer, feed: VenueFeed) -> bool:
        # of WebSocket's own pings only a missing answer would show
        own = server.speech.ping() is not None
        return server.speech.pongs >= 4 if own else total(feed, "connects") > 0

    _, feed, _ = run(venue, [], until=often, pings=0.05)
    assert total(feed, "silences") == 0


def test_a_burst_beyond_the_queue_waits_first_and_is_counted_when_lost() -> None:
    some = closings(3000)
    box = Inbox(room=200, patience=30.0)
    got, feed, _ = run("okx", some, inbox=box)
    assert told(got) == truth(some)
    assert total(feed, "dropped") == 0
    assert box.most <= 200

    async def overflow() -> None:
        small = Inbox(room=20, patience=0.05)
        async with LoopServer(SPEECHES["okx"](), some) as server:
            feed = VenueFeed(ADAPTERS["okx"], RULES, small, ["BTC"], server.url, PACE, ASKING)
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while total(feed, "dropped") < 20:
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            held, lost = len(small), total(feed, "dropped")
            assert held <= 20 + 6, "one message may be in hand when it is stopped"
            assert held + lost == total(feed, "events")

    run_alone(overflow())


def test_an_unknown_contract_is_asked_for_while_recording() -> None:
    async def go() -> None:
        some = closings(40)
        box = Inbox()
        async with LoopServer(SPEECHES["gate"](), some, Mischief(gap=0.1)) as server:
            feed = VenueFeed(ADAPTERS["gate"], RULES, box, None, server.url, PACE, ASKING)
            learn, feed._learn = feed._learn, _nothing
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while feed.context.tally.unsized == 0:
                    await asyncio.sleep(0.01)
                feed._learn = learn
                before = feed.context.tally.unsized
                while not any(e.asset == "SOL" for e in box.drain(1000)):
                    await asyncio.sleep(0.01)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert before > 0

    run_alone(go())


async def _nothing(_session: object) -> None:
    return None


def test_waits_grow_and_are_drawn_at_random() -> None:
    pace = Pace(first=1.0, most=60.0)
    assert [pace.wait(n, 1.0) for n in (0, 1, 2, 6, 500)] == [1.0, 2.0, 4.0, 60.0, 60.0]
    assert pace.wait(3, 0.25) == 2.0


def test_new_contracts_are_subscribed_to_without_a_restart() -> None:
    asking = Asking(past=0.0, contracts=0.2, unsized=0.1, between=0.0)

    async def go() -> None:
        box = Inbox()
        names = ["BTCUSDT"]

        def listed(path: str, query: dict, body: str, past: object) -> object:
            rows = [{"symbol": n} for n in names] if query["category"] == "linear" else []
            return {"result": {"list": rows}}

        server = LoopServer(SPEECHES["bybit"](), closings(10))
        server.speech.rest = listed  # type: ignore[method-assign]
        async with server:
            feed = VenueFeed(ADAPTERS["bybit"], RULES, box, None, server.url, PACE, asking)
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while not server.subscriptions:
                    await asyncio.sleep(0.02)
                names.append("WIFUSDT")
                while not any("allLiquidation.WIFUSDT" in h for h in server.speech.heard):
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    run_alone(go())


def test_without_the_venues_list_topics_are_guessed_one_a_frame() -> None:
    (linear, inverse) = ADAPTERS["bybit"].links(["btc", "ETH"], ())
    assert linear.frames == (
        '{"op":"subscribe","args":["allLiquidation.BTCUSDT"]}',
        '{"op":"subscribe","args":["allLiquidation.ETHUSDT"]}',
    )
    assert inverse.acks == 2
    names = [f"X{k}USDT" for k in range(120)]
    (link,) = ADAPTERS["bybit"].links(None, names)
    assert len(link.frames) == link.acks == 3


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
    got, feed, server = run("okx", some)
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
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while total(feed, "quiets") < 2:
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert total(feed, "silences") == 0
            assert server.connections >= 2

    run_alone(go())


def test_a_mistake_of_ours_is_logged_and_the_connection_made_again() -> None:
    class Mistaken(type(ADAPTERS["okx"])):  # type: ignore[misc]
        """OKX's adapter with a mistake that shows once."""

        made = False

        def parse(self, raw: bytes | str, context: Context) -> list[WireEvent]:
            if "liquidation-orders" in str(raw) and "details" in str(raw) and not self.made:
                type(self).made = True
                raise ZeroDivisionError
            return super().parse(raw, context)

    async def go() -> tuple[list[WireEvent], int]:
        some, box = closings(60), Inbox()
        async with LoopServer(SPEECHES["okx"](), some, Mischief(gap=0.02)) as server:
            feed = VenueFeed(Mistaken(), RULES, box, None, server.url, PACE, ASKING)
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while not server.done or not len(box):
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return box.drain(1000), total(feed, "failures")

    got, failures = run_alone(go())
    assert got
    assert failures == 1


@pytest.mark.parametrize("where", ["parse_missed", "missed", "parse_listing", "listing"])
def test_a_mistake_of_ours_over_rest_ends_no_recording(where: str) -> None:
    def wrong(*_: object) -> object:
        raise ZeroDivisionError("a bug of ours")

    mistaken = type("Mistaken", (type(ADAPTERS["okx"]),), {where: wrong})

    async def go() -> tuple[list[WireEvent], VenueFeed, bool]:
        some, box, got = closings(60), Inbox(), []
        asking = Asking(past=60.0, unsized=0.05, contracts=0.1, between=0.0)
        wrong = Mischief(drop_every=4, overlap=2, gap=0.02)
        async with LoopServer(SPEECHES["okx"](), some, wrong) as server:
            assets = ["BTC", "ETH", "SOL"]
            feed = VenueFeed(mistaken(), RULES, box, assets, server.url, PACE, asking)
            if "listing" in where:
                feed.context.learn({f"{a}-USDT-SWAP": 1.0 for a in assets}.items())
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while not task.done() and not (server.done and feed.mistakes > 2):
                    await asyncio.sleep(0.02)
                    got += box.drain(1000)
                await asyncio.sleep(0.2)
                stands = not task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return got + box.drain(1000), feed, stands

    got, feed, stands = run_alone(go())
    assert stands
    assert len({e.event_id for e in got}) == 60
    if "missed" in where:
        assert feed.mistakes == total(feed, "unanswered") == total(feed, "connects")


def test_a_mistake_in_making_connections_is_an_outage_and_begun_again() -> None:
    class Mistaken(type(ADAPTERS["okx"])):  # type: ignore[misc]
        """Asked a second time for its links it fails, once."""

        calls = 0

        def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
            type(self).calls += 1
            if self.calls == 2:
                raise ZeroDivisionError("a bug of ours")
            return super().links(assets, instruments)

        listed = True

    async def go() -> tuple[list[WireEvent], VenueFeed, Account]:
        some, box, got, account = closings(60), Inbox(), [], Account({})
        asking = Asking(past=0.0, unsized=0.05, contracts=0.1, between=0.0)
        async with LoopServer(SPEECHES["okx"](), some, Mischief(gap=0.02)) as server:
            adapter = Mistaken()
            feed = VenueFeed(
                adapter, RULES, box, ["BTC", "ETH", "SOL"], server.url, PACE, asking, account
            )
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                task = asyncio.create_task(feed.run(session))
                while not task.done() and not feed.counts:
                    await asyncio.sleep(0.01)
                while not task.done() and not (server.done and feed.mistakes):
                    await asyncio.sleep(0.02)
                    got += box.drain(1000)
                    if feed._instruments and not feed.mistakes and total(feed, "connected"):
                        feed._instruments = ()
                await asyncio.sleep(0.3)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return got + box.drain(1000), feed, account

    got, feed, account = run_alone(go())
    assert feed.mistakes == 1
    assert total(feed, "connects") == 2
    assert len(got) > 10
    ended, _ = account.take()
    assert any("internal error" in o.why for o in ended)
