"""The account of when a feed was heard: what becomes an outage, and what does not."""

from __future__ import annotations

from seawall.ingest.record.account import BURST, Account
from seawall.ingest.store.outages import LATE, Heard, Outage

S = 1_000_000_000
T = 1_790_000_000 * S


class Clock:
    def __init__(self) -> None:
        self.now = T

    def __call__(self) -> int:
        return self.now


def account(before: dict[str, Heard] | None = None) -> tuple[Account, Clock]:
    clock = Clock()
    return Account(before or {}, clock), clock


def test_a_first_subscription_ends_no_outage() -> None:
    made, clock = account()
    made.begins("okx", "okx")
    clock.now += S
    made.stands("okx", "okx")
    assert made.changed
    assert made.take() == ([], {"okx": Heard("okx", T + S, T + S)})
    assert not made.changed


def test_one_that_comes_late_does_and_what_never_came_is_told() -> None:
    made, clock = account()
    made.begins("okx", "okx")
    assert made.take()[1]["okx"] == Heard("okx", T, T, "not recording")
    clock.now += LATE + S
    made.stands("okx", "okx")
    rows, heard = made.take()
    assert rows == [Outage("okx", "okx", T, clock.now, "not recording")]
    assert heard["okx"].since == T


def test_an_outage_begins_with_the_last_sign_of_life_and_keeps_its_first_reason() -> None:
    made, clock = account()
    made.stands("bybit", "bybit linear")
    made.stored(T + 100 * S)
    clock.now = T + 100 * S
    made.falls("bybit linear", T + 40 * S, "silent")
    assert made.take()[1]["bybit linear"] == Heard("bybit", T, T + 40 * S, "silent")
    made.falls("bybit linear", T + 120 * S, "ClientConnectorError: no route")
    made.stored(T + 130 * S)
    clock.now = T + 140 * S
    made.stands("bybit", "bybit linear")
    rows, heard = made.take()
    assert rows == [Outage("bybit", "bybit linear", T + 40 * S, T + 140 * S, "silent")]
    assert heard["bybit linear"] == Heard("bybit", T, T + 140 * S)


def test_what_an_earlier_recording_heard_is_taken_up() -> None:
    before = {
        "okx": Heard("okx", T - 90 * S, T - 60 * S),
        "htx linear": Heard("htx", T - 90 * S, T - 80 * S, "silent"),
    }
    made, clock = account(before)
    made.begins("okx", "okx")
    clock.now += S
    made.stands("okx", "okx")
    rows, heard = made.take()
    assert rows == [Outage("okx", "okx", T - 60 * S, T + S, "not recording")]
    assert heard["okx"].since == T - 90 * S
    # a venue that is recorded no more stays as it was left
    assert heard["htx linear"] == before["htx linear"]


def test_drops_close_together_are_one_outage_that_grows() -> None:
    made, _ = account()
    made.stands("okx", "okx")
    made.drops("okx", "okx", T + S, 5)
    made.drops("okx", "okx", T + 2 * S, 7)
    (row,), _ = made.take()
    assert row == Outage("okx", "okx", T + S, T + 2 * S + 1, "overloaded", lost=12)
    made.drops("okx", "okx", T + 3 * S, 1)
    (row,), _ = made.take()
    assert (row.start, row.lost) == (T + S, 13)
    made.drops("okx", "okx", T + 3 * S + 2 * BURST, 2)
    (row,), _ = made.take()
    assert (row.start, row.lost) == (T + 3 * S + 2 * BURST, 2)


def test_what_was_had_by_rest_takes_the_outage_back_only_if_asked_far_enough() -> None:
    made, clock = account()
    made.stands("deribit", "deribit")
    made.falls("deribit", T + 10 * S, "silent")
    clock.now = T + 50 * S
    made.stands("deribit", "deribit")
    made.take()
    made.refilled("deribit", T + 11 * S)
    assert made.take()[0] == []
    made.refilled("deribit", T + 10 * S)
    assert made.take()[0] == [
        Outage("deribit", "deribit", T + 10 * S, T + 50 * S, "silent", refilled=True)
    ]


def test_a_machine_that_slept_did_not_record() -> None:
    made, _ = account()
    made.stands("okx", "okx")
    made.tick(T + S)
    made.stored(T + S)
    made.tick(T + 2 * S)
    assert made.take()[0] == []
    made.tick(T + 2 * S + LATE + 1)
    assert made.take()[0] == [Outage("okx", "okx", T + S, T + 2 * S + LATE + 1, "not recording")]


def test_a_clock_set_back_makes_no_outage() -> None:
    made, clock = account()
    made.stands("okx", "okx")
    made.falls("okx", T + 10 * S, "closed")
    clock.now = T + 5 * S
    made.stands("okx", "okx")
    assert made.take()[0] == []
