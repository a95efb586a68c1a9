"""From which silence on a feed that has been heard for a day has stalled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.ingest.wire.pauses import LEAST, TIMES, Pauses
from seawall.ingest.wire.venues import ADAPTERS

HOUR, DAY = 3600.0, 86_400.0


def heard(pauses: list[float], begun: float = 50.0, hurry: float = 1.0) -> tuple[Pauses, float]:
    made, now = Pauses(hurry), begun
    made.note(now, 0.0)
    for pause in pauses:
        now += pause
        made.note(now, pause)
    return made, now


def test_until_a_day_is_known_the_link_says() -> None:
    made, now = heard([1.0] * 10_000)
    assert made.limit(now, HOUR) == HOUR
    assert Pauses().limit(1e9, HOUR) == HOUR


def test_a_feed_that_tells_something_every_minute_has_stalled_after_five() -> None:
    made, now = heard([60.0] * 1500)
    assert made.limit(now, HOUR) == LEAST
    made, now = heard([100.0] * 900)
    assert made.limit(now, HOUR) == TIMES * 100.0


@given(st.lists(st.floats(0.1, 4000.0), min_size=60, max_size=200))
def test_the_longest_of_the_last_day_counts(pauses: list[float]) -> None:
    made, now = heard(pauses)
    times, at = [], 50.0
    for pause in pauses:
        at += pause
        times.append((at, pause))
    limit = made.limit(now, 6 * HOUR)
    if now - 50.0 < DAY:
        assert limit == 6 * HOUR
        return
    least, most = (
        min(6 * HOUR, max(LEAST, TIMES * max(p for t, p in times if t > now - back)))
        for back in (DAY, DAY + HOUR)  # the oldest hour counts whole
    )
    assert least <= limit <= most


def test_a_silence_that_was_taken_for_a_stall_makes_it_more_patient() -> None:
    made, now = heard([10.0] * 9000)
    assert made.limit(now, HOUR) == LEAST
    made.note(now + 301.0, 301.0)
    assert made.limit(now + 301.0, HOUR) == TIMES * 301.0
    # and a day later, with nothing of the kind since, as before
    for k in range(9200):
        made.note(now + 301.0 + 10.0 * k, 10.0)
    assert made.limit(now + 301.0 + 92_000.0, HOUR) == LEAST


def test_rehearsals_are_in_a_hurry() -> None:
    made, now = heard([0.06] * 1500, hurry=1000.0)
    assert made.limit(now, 3.6) == pytest.approx(LEAST / 1000.0)


@pytest.mark.parametrize(
    ("venue", "coins", "others"),
    [
        ("bybit", {"bybit inverse"}, {"bybit linear"}),
        ("binance_coinm", {"binance_coinm"}, set()),
        ("binance_usdm", set(), {"binance_usdm"}),
        ("gate", {"gate btc"}, {"gate usdt"}),
    ],
)
def test_coin_margined_contracts_may_be_calm_for_hours(
    venue: str, coins: set[str], others: set[str]
) -> None:
    """Their first day: ten hours without an event are no outage there, and are one elsewhere."""
    links = ADAPTERS[venue].links(["BTC"], ["BTCUSDT", "BTCUSD"])
    made, now = heard([600.0] * 6)
    calm = {k.name for k in links if made.limit(now, k.quiet_seconds) > 10 * HOUR}
    assert calm == coins
    assert {k.name for k in links} == coins | others
    assert all(made.limit(now, k.quiet_seconds) <= DAY for k in links)
