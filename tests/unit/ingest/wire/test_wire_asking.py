"""Contracts and missed events over REST, and mistakes of our own."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Sequence

import aiohttp
import pytest

from alone import run_alone
from loop_feed import ASKING, PACE, RULES, total
from seawall.ingest.record.account import Account
from seawall.ingest.rehearsal.closings import closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.wire.adapter import Link
from seawall.ingest.wire.context import Context
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.venues import ADAPTERS
from seawall.ingest.wire.watch import Unwatched


def test_an_unknown_contract_is_asked_for_while_recording() -> None:
    async def go() -> None:
        some = closings(40)
        box = Inbox()
        async with LoopServer(SPEECHES["gate"](), some, Mischief(gap=0.1)) as server:
            feed = VenueFeed(ADAPTERS["gate"], RULES, box, None, server.url, PACE, ASKING)
            learn, feed._learn = feed._learn, _nothing
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
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
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
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
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
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
        some, box, got = closings(60, int(clock.time() * 1000) - 30_000), Inbox(), []
        asking = Asking(past=60.0, unsized=0.05, contracts=0.1, between=0.0)
        wrong = Mischief(drop_every=4, overlap=2, gap=0.02)
        async with LoopServer(SPEECHES["okx"](), some, wrong) as server:
            # a connection that our mistake ends loses what was on its way
            server.past = some
            assets = ["BTC", "ETH", "SOL"]
            feed = VenueFeed(mistaken(), RULES, box, assets, server.url, PACE, asking)
            if "listing" in where:
                for context in (feed.context, feed._past):
                    context.learn({f"{a}-USDT-SWAP": 1.0 for a in assets}.items())
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while not task.done() and (
                    not (server.done and feed.mistakes > 2)
                    or len({e.event_id for e in got}) < len(some)
                ):
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
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
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


def test_contracts_of_unknown_size_in_the_past_are_counted_and_asked_for() -> None:
    """They are left out, as live; the venue's list is asked for again and may know them."""
    asking = Asking(past=60.0, between=0.0, unsized=0.05)
    row = {"side": "sell", "posSide": "long", "bkPx": "5", "sz": "3", "ts": "1790000000123"}
    asked: list[str] = []

    def told(path: str, query: dict, body: str, past: object) -> object:
        asked.append(path)
        order = {"instId": "ODD-USDT-SWAP", "details": [row]}
        return {"code": "0", "data": [] if path.endswith("instruments") else [order]}

    async def go() -> VenueFeed:
        server = LoopServer(SPEECHES["okx"](), [])
        server.speech.rest = told  # type: ignore[method-assign]
        async with server:
            feed = VenueFeed(
                ADAPTERS["okx"], RULES, Inbox(), None, server.url, PACE, asking,
                seen=("ODD-USDT-SWAP",),
            )  # fmt: skip
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while not feed.context.tally.unsized:
                    await asyncio.sleep(0.02)
                before = len(asked)
                while not any(p.endswith("instruments") for p in asked[before:]):
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return feed

    feed = run_alone(go())
    assert feed.context.tally.unsized == 1
    assert total(feed, "missed") == 0


def test_what_cannot_be_read_of_the_past_is_counted_and_the_gap_stays() -> None:
    asking = Asking(past=60.0, between=0.0, unsized=0.05)
    trade = {"trade_id": "1", "instrument_name": "BTC-PERPETUAL", "amount": 10.0}
    trade["timestamp"] = 1_790_000_000_123
    trade |= {"direction": "sell", "price": 9e4, "liquidation": "T"}
    heard: list[tuple[str, int]] = []

    class Refills(Unwatched):
        """Hears what was had again."""

        def refilled(self, link: str, since: int) -> None:
            heard.append((link, since))

    async def go(rows: list[object]) -> VenueFeed:
        server = LoopServer(SPEECHES["deribit"](), [])
        server.speech.rest = (  # type: ignore[method-assign]
            lambda path, query, body, past: {"result": {"trades": rows, "has_more": False}}
        )
        async with server:
            feed = VenueFeed(
                ADAPTERS["deribit"], RULES, Inbox(), None, server.url, PACE, asking, Refills()
            )
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while total(feed, "questions") < 4:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.2)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return feed

    feed = run_alone(go([trade]))
    assert (feed.context.tally.malformed, len(heard)) == (0, 1)
    heard.clear()
    feed = run_alone(go([trade, {"trade_id": 2}]))
    assert total(feed, "missed") == feed.context.tally.malformed == 4
    assert heard == []
