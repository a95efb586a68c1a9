"""The account of when a feed was heard: what becomes an outage, and what does not."""

from __future__ import annotations

from seawall.ingest.record.account import BURST, Account
from seawall.ingest.store.outages import LATE, Heard, Outage, assets_asked
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter

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


def test_which_assets_were_asked_for_is_kept_from_one_recording_to_the_next(tmp_path) -> None:
    clock = Clock()
    heard: dict[str, Heard] = {}
    for assets in (None, ["ETH", "BTC"], ["BTC", "ETH"], None, ["SOL"]):
        made = Account(heard, clock, assets)
        made.begins("okx", "okx")
        made.stands("okx", "okx")
        clock.now += 100 * S
        made.stored(clock.now)
        _, heard = made.take()
    assert heard["okx"].asked == (
        (T + 100 * S, "BTC,ETH"), (T + 300 * S, ""), (T + 400 * S, "SOL"),
    )  # fmt: skip
    with StoreWriter(tmp_path) as writer:
        writer.keep_heard([], heard)
    with Store(tmp_path) as store:
        for start, end, choices in (
            (0, 100, {""}), (0, 101, {"", "BTC,ETH"}), (150, 250, {"BTC,ETH"}),
            (250, 350, {"BTC,ETH", ""}), (400, 900, {"SOL"}), (-50, 0, set()),
        ):  # fmt: skip
            window = (T + start * S, T + end * S)
            assert assets_asked(store, window) == {"okx": choices}, (start, end)


def test_what_is_lost_for_several_reasons_is_told_by_each() -> None:
    """Rows of one message: the log knows a row by connection and start, so none may share both."""
    made, _ = account()
    made.stands("okx", "okx")
    for k in range(3):
        made.drops("okx", "okx", T + k * S, 2, "rows that could not be read")
        made.drops("okx", "okx", T + k * S, 1, "rows of contracts of unknown size")
        made.drops("okx", "okx", T + k * S, 5)
    rows, _ = made.take()
    assert {r.why: r.lost for r in rows} == {
        "rows that could not be read": 6,
        "rows of contracts of unknown size": 3,
        "overloaded": 15,
    }
    assert len({(r.link, r.start) for r in rows}) == 3
    assert not made.changed
    made.drops("okx", "okx", T + 4 * S, 1)
    assert not made.changed, "one that grows waits for the next beat"
    assert [r.lost for r in made.take()[0]] == [16]


def test_a_part_that_is_refused_is_an_outage_of_its_own_over_restarts() -> None:
    made, clock = account()
    made.begins("bybit", "linear")
    made.stands("bybit", "linear")
    made.refused("bybit", "linear", "")
    assert made.take()[0] == []
    clock.now += S
    began = clock.now
    made.refused("bybit", "linear", "refused, 1 subscription: A")
    clock.now += S
    made.refused("bybit", "linear", "refused, 1 subscription: A")
    rows, heard = made.take()
    assert rows == []
    assert heard["linear in part"].until == began
    assert heard["linear in part"].since == heard["linear"].since
    again, later = account(dict(heard))
    later.now = clock.now + 5 * S
    again.begins("bybit", "linear")
    again.stands("bybit", "linear")
    again.refused("bybit", "linear", "refused, 2 subscriptions: B")
    (_, changed), heard = again.take()
    assert (changed.link, changed.start, changed.end) == ("linear in part", began, later.now)
    assert heard["linear in part"].until == later.now
    later.now += S
    again.refused("bybit", "linear", "")
    (row,), heard = again.take()
    assert (row.why, row.end - row.start) == ("refused, 2 subscriptions: B", S)
    assert "linear in part" not in heard
