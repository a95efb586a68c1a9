"""Answers that no venue should give: counted each, and no end of a round, nor a figure."""

import asyncio
import copy
import math
import random

import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from made_venues import RestVenue
from made_venues.markets import MARKETS
from seawall.ingest.market.asking import VenueAsking
from seawall.ingest.market.tables import TABLES, MarketWriter, read
from seawall.rulebook import Rules

JUNK = (None, "", "x", "-1", "1e308", "1e400", "nan", -5, 0, 10**40, [], {}, [[]], True, "\0é")
ROUNDS = 12
ASKED = {"binance": "binance_usdm"}


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


def spoilt(answer, rng):
    """An answer in which something is junk, or gone."""
    value = copy.deepcopy(answer)
    found = [place for place in places(value) if place]
    if not found or rng.random() < 0.05:
        return rng.choice(JUNK)
    *way, last = rng.choice(found)
    inner = value
    for key in way:
        inner = inner[key]
    if rng.random() < 0.2:
        del inner[last]
    else:
        inner[last] = rng.choice(JUNK)
    return value


@pytest.mark.parametrize("name", MARKETS)
def test_no_answer_stops_a_round(tmp_path, name):
    rng = random.Random(name)
    sound = MARKETS[name]()

    def spoiling(path):
        def answer(asked):
            real = sound[path]
            value = real(asked) if callable(real) else real
            return spoilt(value, rng) if rng.random() < 0.3 else value

        return answer

    with RestVenue({path: spoiling(path) for path in sound}) as venue:

        async def run():
            asking = VenueAsking(
                ASKED.get(name, name), Rules.bundled(), None, venue.url, patience=20.0, relist=0.0
            )
            asking._exchange.enableRateLimit = False
            made = []
            try:
                for _ in range(ROUNDS):
                    rows = {}
                    await asking.round(rows)
                    made.append(rows)
            finally:
                await asking.close()
            return asking, made

        asking, made = asyncio.run(run())
    assert asking.counts.rounds == ROUNDS
    assert sum(asking.counts.failed.values()) > 0
    assert {kind for rows in made for kind in rows} >= {"instrument", "mark", "funding", "depth"}
    with MarketWriter(tmp_path) as writer:
        for rows in made:
            writer.write(rows)
    for kind in TABLES:
        for row in read(tmp_path, kind, -(2**62), 2**62):
            numbers = [v for v in row.values() if isinstance(v, float)]
            assert all(math.isfinite(v) for v in numbers)
            positive = ("mark_price", "index_price", "contract_size", "tick", "mid", "base", "usd")
            for column in (*positive, "bid_usd", "ask_usd", "long_short"):
                assert row.get(column) is None or row[column] >= 0
            assert row["time"] > 1_262_304_000 * 10**9
