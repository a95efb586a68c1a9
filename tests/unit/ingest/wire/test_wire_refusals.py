"""Subscriptions that a venue refuses in part: the rest is heard, and what is not is an outage."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from alone import run_alone
from loop_feed import ASKING, PACE, RULES, told, total, truth
from seawall.app.tape_heard import known_of
from seawall.ingest.record.account import Account
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.rehearsal.closings import Closing, closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.outages import outages, recorded_since
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter
from seawall.ingest.wire.adapter import Link
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.subscribing import Subscribing
from seawall.ingest.wire.venues import ADAPTERS, bybit

Until = Callable[[LoopServer, VenueFeed, list[WireEvent]], bool]
SLOW = replace(ASKING, contracts=3600.0)


def _record(
    venue: str,
    some: list[Closing],
    refuse: tuple[str, ...],
    until: Until,
    account: Account,
    asking: Asking = SLOW,
    pace: Pace = PACE,
) -> tuple[list[WireEvent], VenueFeed, LoopServer]:
    async def go() -> tuple[list[WireEvent], VenueFeed, LoopServer]:
        box, got = Inbox(), []
        wrong = Mischief(refuse=refuse, gap=0.005)
        async with LoopServer(SPEECHES[venue](), some, wrong) as server:
            feed = VenueFeed(
                ADAPTERS[venue], RULES, box, ["BTC", "ETH", "SOL"], server.url, pace, asking,
                watch=account,
            )  # fmt: skip
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while not until(server, feed, got):
                    await asyncio.sleep(0.02)
                    got += box.drain(10**9)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            got += box.drain(10**9)
        return got, feed, server

    return run_alone(go())


def _all(count: int) -> Until:
    return lambda _server, _feed, got: len({e.event_id for e in got}) >= count


def _without_sol(count: int) -> list[Closing]:
    return [c for c in closings(2 * count) if c.asset != "SOL"][:count]


@pytest.mark.parametrize("a_frame", [1, 2, 50])
def test_one_unknown_topic_costs_itself_alone(monkeypatch: pytest.MonkeyPatch, a_frame: int):
    """Alone in a frame, or among topics that are good: the others are heard, this is an outage."""
    monkeypatch.setattr(bybit, "_TOPICS_A_FRAME", a_frame)
    some, account = _without_sol(30), Account({})
    got, feed, server = _record("bybit", some, ("SOLUSDT",), _all(30), account)
    assert told(got) == truth(some)
    assert total(feed, "connects") == 2, "the linear connection held, and the inverse one"
    asked = " ".join(server.speech.heard)
    assert "allLiquidation.BTCUSDT" in asked
    rows, heard = account.take()
    assert rows == []
    part = heard["bybit linear in part"]
    assert part.why == ("refused, 1 subscription: handler not found,topic:allLiquidation.SOLUSDT")
    assert heard["bybit linear"].why == ""
    assert part.since == heard["bybit linear"].since
    assert "bybit inverse in part" not in heard


def test_of_okx_one_type_of_contract_may_be_refused():
    some, account = closings(30), Account({})
    got, _, _ = _record("okx", some, ("FUTURES",), _all(30), account)
    assert told(got) == truth(some)
    _, heard = account.take()
    assert "instType:FUTURES" in heard["okx in part"].why


def test_the_list_is_asked_for_again_and_ends_the_outage():
    """The refusal has it asked for long before its time; it no longer names what was refused."""
    some, account = _without_sol(400), Account({})

    def relisted(server: LoopServer, feed: VenueFeed, _: list[WireEvent]) -> bool:
        if total(feed, "refused"):
            server.speech.delisted = {"SOLUSDT"}
        linear = feed.counts.get("bybit linear")
        return linear is not None and linear.subscribed >= 2

    _, feed, _ = _record("bybit", some, ("SOLUSDT",), relisted, account)
    assert not any("SOL" in name for name in feed._instruments)
    rows, heard = account.take()
    assert "bybit linear in part" not in heard
    assert [r.link for r in rows if r.why.startswith("refused")] == ["bybit linear in part"]


def test_what_is_refused_is_asked_for_again_on_the_same_connection():
    some, account = closings(60), Account({})

    def taken(server: LoopServer, feed: VenueFeed, _: list[WireEvent]) -> bool:
        if total(feed, "refused") >= 4:  # of the frame, of its half, of the topic, and again
            server.speech.refused = set()
        sol = [h for h in server.speech.heard if h.count("allLiquidation.") == 1 and "SOL" in h]
        return len(sol) >= 3 and "bybit linear in part" not in account._before

    never = replace(SLOW, unsized=3600.0)
    _, feed, _ = _record(
        "bybit", some, ("SOLUSDT",), taken, account, never, replace(PACE, again=0.3)
    )
    assert total(feed, "connects") == 2
    rows, heard = account.take()
    assert "bybit linear in part" not in heard
    (row,) = rows
    assert row.end - row.start > 0.25e9


def test_a_venue_that_refuses_everything_is_left():
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT")

    def tried(_server: LoopServer, feed: VenueFeed, _: list[WireEvent]) -> bool:
        return total(feed, "connects") >= 6

    account = Account({})
    got, feed, _ = _record("bybit", closings(3), names, tried, account)
    assert got == []
    assert not feed.counts["bybit linear"].connected
    assert account.take()[1]["bybit linear"].since >= account.take()[1]["bybit linear"].until


def test_the_store_calls_the_venue_a_lower_bound_while_a_topic_is_refused(tmp_path: Path):
    """Through recorder and store, and over a restart after which all is taken."""

    async def record(refuse: tuple[str, ...]) -> tuple[int, int]:
        some = _without_sol(40)
        async with LoopServer(SPEECHES["bybit"](), some, Mischief(refuse=refuse)) as server:
            recording = Recording(
                ("bybit",), ("BTC", "ETH", "SOL"), {"bybit": server.url}, tick=0.05, beat=0.1,
                pace=PACE, asking=SLOW,
            )  # fmt: skip
            recorder = Recorder(recording, StoreWriter(tmp_path), RULES)
            running = asyncio.create_task(recorder.run())
            while recorder.written + recorder.copies < 40:
                await asyncio.sleep(0.02)
            begun = clock.time_ns()
            await asyncio.sleep(0.6)
            recorder.stop()
            await running
            return begun, max(link.until for link in recorder.account._links.values())

    first = run_alone(record(("SOLUSDT",)))
    with Store(tmp_path) as store:
        found = outages(store, *first, now=first[1])
        assert [(o.link, o.refilled) for o in found] == [("bybit linear in part", False)]
        assert known_of(store, first).unheard == {"bybit"}
        since = recorded_since(store)["bybit"]
        assert since <= first[0]
    second = run_alone(record(()))
    with Store(tmp_path) as store:
        assert recorded_since(store)["bybit"] == since
        assert known_of(store, second).unheard == frozenset()
        assert known_of(store, first).unheard == {"bybit"}


def _half(frame: str) -> tuple[str, ...]:
    middle = len(frame) // 2
    return (frame[:middle], frame[middle:]) if middle else ()


@pytest.mark.parametrize("bad", ["", "q", "aq", "abcd", "fghq"])
def test_any_bad_names_are_found_one_by_one(bad: str):
    link = Link("x", "ws://x", ("abcdefgh", "ijklmnopq"), acks=2, parted=_half)
    asked, taken = Subscribing(link), []
    for _ in range(200):
        for frame in asked.due():
            if set(frame) & set(bad):
                asked.refuses(frame)
            else:
                asked.takes()
                taken.append(frame)
    assert asked.answered
    assert sorted("".join(taken)) == sorted(set("abcdefghijklmnopq") - set(bad))
    assert sorted(asked.refused) == sorted(bad)
    assert asked.taken == len(taken)
    asked.again()
    assert asked.answered == (not bad)
    assert asked.due() == [c for c in link.frames[0] + link.frames[1] if c in bad][:1]
