"""Marks out of a store's market tables."""

import asyncio
import time

import pytest

pytest.importorskip("seawall.ingest.market.tables", reason="no market tables here")

from seawall.desk.watch.feeds import StoreFeed
from seawall.desk.watch.watched import Mark
from seawall.ingest.market import tables


def row(price, venue="binance_usdm", name="BTCUSDT", late=0):
    now = time.time_ns() - late
    return {
        "time": now,
        "received": now,
        "venue": venue,
        "instrument": name,
        "asset": "BTC",
        "mark_price": price,
        "index_price": price,
        "source": "test",
    }


def timed(marks):
    """Marks without their times, which must be there."""
    assert all(time.time_ns() - m.time < 60 * 10**9 for m in marks)
    return [m._replace(time=0) for m in marks]


def test_what_was_stored_last_is_taken_and_then_what_is_new(tmp_path):
    taken = []

    async def follow():
        feed = StoreFeed(tmp_path, every=0.02)
        task = asyncio.create_task(feed.run(lambda marks, _: taken.append(sorted(timed(marks)))))
        async with asyncio.timeout(200):
            while len(taken) < 1:
                await asyncio.sleep(0.01)
            with tables.MarketWriter(tmp_path) as writer:
                writer.write({"mark": [row(3.0)]})
            while len(taken) < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with tables.MarketWriter(tmp_path) as writer:
        writer.write({"mark": [row(1.0)]})
        writer.write({"mark": [row(2.0), row(5.0, "okx", "BTC-USDT-SWAP")]})
    asyncio.run(follow())
    assert taken == [
        [Mark("binance_usdm", "BTCUSDT", 2.0), Mark("okx", "BTC-USDT-SWAP", 5.0)],
        [Mark("binance_usdm", "BTCUSDT", 3.0)],
    ]


def test_a_venue_whose_clock_is_behind_anothers_is_heard(tmp_path):
    taken = []

    async def follow():
        task = asyncio.create_task(
            StoreFeed(tmp_path, every=0.02).run(lambda marks, _: taken.extend(timed(marks)))
        )
        async with asyncio.timeout(200):
            while len(taken) < 1:
                await asyncio.sleep(0.01)
            with tables.MarketWriter(tmp_path) as writer:
                writer.write({"mark": [row(5.0, "okx", "BTC-USDT-SWAP", late=10 * 10**9)]})
            while len(taken) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with tables.MarketWriter(tmp_path) as writer:
        writer.write({"mark": [row(2.0)]})
    asyncio.run(follow())
    assert taken == [Mark("binance_usdm", "BTCUSDT", 2.0), Mark("okx", "BTC-USDT-SWAP", 5.0)]
