"""Subscriptions that were taken and then tell nothing; and from when on missed events are asked."""

import asyncio
import time as clock
from collections.abc import Sequence
from dataclasses import replace

import aiohttp
import pytest

from alone import run_alone
from loop_feed import ASKING, PACE, RULES, total
from seawall.ingest.record.account import Account
from seawall.ingest.rehearsal.closings import Closing, closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.outages import Heard
from seawall.ingest.wire import pauses
from seawall.ingest.wire.adapter import Link, Request
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.venues import ADAPTERS

HOUR_NS = 3_600 * 10**9


class Asked(type(ADAPTERS["okx"])):  # type: ignore[misc]
    """OKX's adapter with less patience for a feed that tells nothing; notes what is asked for."""

    def __init__(self, quiet: float = 3600.0) -> None:
        super().__init__()
        self.quiet = quiet
        self.spans: list[tuple[int, int]] = []

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        return [replace(k, quiet_seconds=self.quiet) for k in super().links(assets, instruments)]

    def missed(
        self, since_ms: int, until_ms: int, assets: Sequence[str] | None, seen: Sequence[str]
    ) -> list[Request]:
        self.spans.append((since_ms, until_ms))
        return []


def _run(
    adapter: Asked,
    account: Account,
    some: list[Closing],
    asked: int,
    mischief: Mischief | None = None,
    asking: Asking = ASKING,
) -> VenueFeed:
    """Record until so many spans have been asked for."""

    async def go() -> VenueFeed:
        async with LoopServer(SPEECHES["okx"](), some, mischief) as server:
            feed = VenueFeed(
                adapter, RULES, Inbox(), ["BTC", "ETH", "SOL"], server.url, PACE, asking,
                watch=account,
            )  # fmt: skip
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while len(adapter.spans) < asked:
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return feed

    return run_alone(go())


def test_a_taken_subscription_that_tells_nothing_is_an_outage_since_its_last_data() -> None:
    adapter, account = Asked(quiet=40.0), Account({})  # 40 s in the rehearsal's time: one
    begun = clock.time_ns()
    feed = _run(adapter, account, closings(3), asked=2)
    (counts,) = feed.counts.values()
    assert total(feed, "quiets") >= 1
    assert total(feed, "silences") == 0, "pings were answered"
    rows, _ = account.take()
    first = rows[0]
    assert first.why == "no events for long"
    assert begun <= counts.last_event
    # pongs came until it was left; the outage begins with the last event all the same
    assert abs(first.start - counts.last_event) < 0.2e9
    assert first.end - first.start > 0.9e9
    assert counts.outages > 0.9
    # what was missed is asked for from then on, and the overlap before
    since, _ = adapter.spans[1]
    assert since <= first.start / 1e6 - ASKING.overlap * 1000 + 50
    assert since > first.start / 1e6 - ASKING.overlap * 1000 - 1000


def test_a_feed_that_is_known_is_left_long_before_the_link_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its day made short: half a second of silence after closings that came at once."""
    monkeypatch.setattr(pauses, "_HOURS", 0)
    monkeypatch.setattr(pauses, "LEAST", 20.0)  # half a second in the rehearsal's time
    adapter, account = Asked(quiet=3600.0), Account({})
    feed = _run(adapter, account, closings(30), asked=2)
    assert total(feed, "quiets") >= 1
    (counts,) = feed.counts.values()
    first = account.take()[0][0]
    assert first.why == "no events for long"
    assert abs(first.start - counts.last_event) < 0.2e9
    assert 0.4e9 < first.end - first.start < 20e9


def test_after_a_cut_it_is_asked_from_the_last_data_although_pings_were_answered() -> None:
    adapter, account = Asked(), Account({})

    async def go() -> tuple[float, int]:
        async with LoopServer(SPEECHES["okx"](), closings(3)) as server:
            feed = VenueFeed(
                adapter, RULES, Inbox(), ["BTC", "ETH", "SOL"], server.url, PACE,
                replace(ASKING, overlap=0.0), watch=account,
            )  # fmt: skip
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while not feed.counts or not next(iter(feed.counts.values())).last_event:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(1.5)  # three times its ping of half a second or so
                cut = clock.time_ns()
                assert server._runner is not None
                assert server._runner.server is not None
                for link in server._runner.server.connections:
                    assert link.transport is not None
                    link.transport.close()
                while len(adapter.spans) < 2:
                    await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            (counts,) = feed.counts.values()
            return counts.last_event / 1e6, cut

    last, cut = run_alone(go())
    assert adapter.spans[1][0] <= last + 20
    # the outage begins with the last sign of life, which a pong is
    (outage,) = account.take()[0]
    assert last * 1e6 + 0.4e9 < outage.start <= cut + 0.2e9
    assert outage.end >= cut


@pytest.mark.parametrize("tries", [0, 1, 2])
def test_the_first_span_hangs_on_subscriptions_not_on_connections(tries: int) -> None:
    """Connections that get no answer to their subscription do not use the first asking up."""
    asking = replace(ASKING, past=1800.0)
    adapter = Asked()
    _run(adapter, Account({}), closings(3), 1, Mischief(deaf=tries), asking)
    since, until = adapter.spans[0]
    assert until - since == pytest.approx(1_800_000, abs=5)


@pytest.mark.parametrize(
    ("hours", "back"), [(5.0, 5 * 3600.0 + 60.0), (24 * 30.0, Asking().furthest)]
)
def test_after_a_restart_it_is_asked_from_when_listening_ended(hours: float, back: float) -> None:
    until = clock.time_ns() - int(hours * HOUR_NS)
    adapter = Asked()
    (link,) = adapter.links(["BTC"], ())
    account = Account({link.name: Heard("okx", until - HOUR_NS, until)})
    _run(adapter, account, closings(3), 1, None, replace(ASKING, past=60.0))
    since, now = adapter.spans[0]
    assert (now - since) / 1e3 == pytest.approx(back, abs=10)
