"""Protective stops: where they stand, and that the real ccxt places them as it should."""

import asyncio
import json
import pickle

import numpy as np
import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from seawall.core import InputError
from seawall.desk.watch.audit import Audit, broken_at
from seawall.desk.watch.feeds import FeedBrokenError
from seawall.desk.watch.levels import Level, Thresholds
from seawall.desk.watch.notices import StopTold, Warned
from seawall.desk.watch.orders import StopDesk, stop_key
from seawall.desk.watch.stops import planned, wrong_side
from seawall.desk.watch.venues import VenueFeed
from seawall.desk.watch.watched import Mark, Watched
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.ingest import read_book
from seawall.report.desk_watch import is_grave, sentence
from seawall.rulebook import Rules, bind
from watched_venue import WatchedVenue

HEAD = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral,"
    "wallet_balance\n"
)
LONG = "me,{venue},BTCUSDT,2.5,92000,86600,isolated,10,23000,\n"
SHORT = "me,{venue},ETHUSDT,-30,2700,2830,isolated,10,8000,\n"
RATIO = Thresholds(moves=())
VENUES = {"binance": "binance_usdm", "bybit": "bybit"}


@pytest.fixture
def keys(monkeypatch):
    for venue in ("BINANCE", "BYBIT"):
        monkeypatch.setenv(f"SEAWALL_{venue}_STOP_KEY", "a-stop-key")
        monkeypatch.setenv(f"SEAWALL_{venue}_STOP_SECRET", "a-stop-secret")


def book_of(tmp_path, rows):
    path = tmp_path / "book.csv"
    path.write_text(HEAD + rows)
    return bind(read_book(path))


@pytest.mark.parametrize("part", [0.1, 0.25, 0.9])
def test_a_stop_stands_between_the_mark_and_the_liquidation_price(tmp_path, part):
    margin = book_of(tmp_path, (LONG + SHORT).format(venue="binance"))
    for stop, price in zip(planned(margin, part), margin.liquidation_price(), strict=True):
        assert stop.why_not == ""
        assert stop.liquidation_price == price
        assert abs(stop.trigger - price) == pytest.approx(part * abs(stop.mark - price))
        assert wrong_side(stop, stop.trigger) == ""
        assert wrong_side(stop, price) != ""
        assert wrong_side(stop, 2 * price - stop.trigger) != ""
    long, short = planned(margin, part)
    assert (long.side, long.contracts, short.side, short.contracts) == ("sell", 2.5, "buy", 30)


def test_what_no_stop_can_save_is_told_why(tmp_path):
    rows = LONG.format(venue="binance").replace("23000", "13000") + (
        "you,binance,BTCUSDT,1,86600,86600,cross,5,,1000000\n"
    )
    due, safe = planned(book_of(tmp_path, rows))
    assert "too late" in due.why_not
    assert "no price against it" in safe.why_not


def test_contracts_are_counted_in_the_venues_size(tmp_path):
    rows = "me,okx,BTC-USDT-SWAP,150,92000,86600,isolated,10,14000,\n"
    (stop,) = planned(book_of(tmp_path, rows))
    assert stop.contracts == pytest.approx(150)


async def session(there, venue, tmp_path, rows, *, place, until, marks=()):
    """Watch a book live at a loopback venue through ccxt, until something is told or taken."""
    rules, name = Rules.bundled(), VENUES[venue]
    watched = Watched(book_of(tmp_path, rows), RATIO)
    log = Audit(tmp_path / "log.jsonl")
    desk = StopDesk(log, rules, place=place, urls={name: there.url})
    desk.prepare(watched)
    told = []
    held = [watched.margin.book.instruments[k] for k in watched.held.tolist()]
    watcher = Watcher(
        watched,
        [VenueFeed(name, held, rules, there.url)],
        lambda notices, _: told.extend(notices),
        patience=Patience(reopen=0.01),
        on_change=desk.answer,
    )
    task = asyncio.create_task(watcher.run())
    try:
        await there.followed()
        async with asyncio.timeout(200):
            for mark in marks:
                await there.push(BTC=mark)
                await asyncio.sleep(0.2)
            while not until(told, there):
                assert not task.done()
                await asyncio.sleep(0.02)
    finally:
        watcher.stop()
        await task
        await desk.close()
        log.close()
    return told


def run(venue, tmp_path, rows, *, refuse="", **how):
    """One session at a venue of its own; what was told, and the venue."""

    async def watch():
        async with WatchedVenue(refuse=refuse) as there:
            return await session(there, venue, tmp_path, rows, **how), there

    return asyncio.run(watch())


def log_of(tmp_path):
    return [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]


def stops(told):
    return [n for n in told if isinstance(n, StopTold)]


def test_a_margin_call_places_one_reduce_only_stop_at_binance(tmp_path, keys):
    told, there = run(
        "binance",
        tmp_path,
        LONG.format(venue="binance"),
        place=True,
        marks=(84_000.0, 83_200.0, 83_140.0),
        until=lambda told, _: (
            any(getattr(n, "level", 0) == Level.IMMINENT for n in told) and stops(told)
        ),
    )
    (order,) = there.orders
    assert order["symbol"] == "BTCUSDT"
    assert (order["side"], order["type"]) == ("SELL", "STOP_MARKET")
    assert (order["reduceOnly"], order["workingType"]) == ("true", "MARK_PRICE")
    assert float(order["quantity"]) == 2.5
    assert 83_132.53 < float(order["triggerPrice"]) < 83_200
    assert [n.outcome for n in stops(told)] == ["placed"]
    assert [line["event"] for line in log_of(tmp_path)] == ["sending", "placed"]
    assert broken_at(tmp_path / "log.jsonl") == 0
    for text in ((tmp_path / "log.jsonl").read_text(), repr(told)):
        assert "a-stop-secret" not in text
        assert "a-stop-key" not in text
        assert "signature" not in text


def test_bybit_gets_the_same_order_in_its_own_words(tmp_path, keys):
    rows = LONG.format(venue="bybit").replace("23000", "23200")
    told, there = run(
        "bybit", tmp_path, rows, place=True, marks=(83_250.0,), until=lambda told, _: stops(told)
    )
    assert [n.outcome for n in stops(told)] == ["placed"], stops(told)
    (order,) = there.orders
    assert (order["side"], order["orderType"], order["category"]) == ("Sell", "Market", "linear")
    assert order["reduceOnly"] is True
    assert order["triggerBy"] == "MarkPrice"
    assert float(order["qty"]) == 2.5
    assert str(order["triggerDirection"]) == "2"


def test_a_dry_run_asks_the_venue_nothing_and_needs_no_key(tmp_path, monkeypatch):
    monkeypatch.delenv("SEAWALL_BINANCE_STOP_KEY", raising=False)
    told, there = run(
        "binance",
        tmp_path,
        LONG.format(venue="binance"),
        place=False,
        marks=(83_200.0,),
        until=lambda told, _: stops(told),
    )
    assert [n.outcome for n in stops(told)] == ["planned"]
    assert (there.orders, there.said) == ([], [])
    (line,) = log_of(tmp_path)
    assert (line["event"], line["dry_run"], line["reduce_only"]) == ("planned", True, True)


def test_everybodys_position_gets_its_stop(tmp_path):
    """Two traders with the same isolated position, and one of them a cross one beside it."""
    rows = LONG.format(venue="binance") + LONG.format(venue="binance").replace("me,", "you,")
    cross = "you,binance,BTCUSDT,8,86600,86600,cross,20,,30500\n"
    told, _ = run(
        "binance",
        tmp_path,
        rows + cross,
        place=False,
        marks=(83_200.0, 83_190.0),
        until=lambda told, _: len(stops(told)) >= 3,
    )
    assert sorted((n.account, n.outcome, n.amount) for n in stops(told)) == [
        ("me", "planned", 2.5),
        ("you", "planned", 2.5),
        ("you", "planned", 8.0),
    ]
    assert [line["account"] for line in log_of(tmp_path)].count("you") == 2
    assert "for me, reduce-only" in sentence(stops(told)[0])


def test_a_refusal_is_told_and_tried_again_at_the_next_level(tmp_path, keys):
    told, there = run(
        "binance",
        tmp_path,
        LONG.format(venue="binance"),
        place=True,
        refuse="Order would immediately trigger.",
        marks=(83_200.0, 83_140.0),
        until=lambda told, _: len(stops(told)) == 2,
    )
    assert {n.outcome for n in stops(told)} == {"refused"}
    assert "immediately trigger" in stops(told)[0].why
    assert there.orders == []
    assert len(there.said) == 2


def test_a_wrong_secret_is_refused_and_not_repeated_anywhere(tmp_path, keys, monkeypatch):
    monkeypatch.setenv("SEAWALL_BINANCE_STOP_SECRET", "not-the-secret")
    told, _ = run(
        "binance",
        tmp_path,
        LONG.format(venue="binance"),
        place=True,
        marks=(83_200.0,),
        until=lambda told, _: stops(told),
    )
    assert stops(told)[0].outcome == "refused"
    assert "not-the-secret" not in repr(told) + (tmp_path / "log.jsonl").read_text()


def test_marks_are_followed_live_and_a_venue_that_hangs_up_is_broken(tmp_path):
    rules, marks = Rules.bundled(), []

    async def follow(venue):
        async with WatchedVenue() as there:
            held = [rules.instrument(venue, name) for name in ("BTCUSDT", "ETHUSDT")]
            feed = VenueFeed(venue, held, rules, there.url)
            task = asyncio.create_task(feed.run(lambda some, _: marks.extend(some)))
            await there.followed()
            async with asyncio.timeout(200):
                while len(marks) < 2:
                    await asyncio.sleep(0.01)
                await there.push(BTC=85_000.5)
                while marks[-1].price != 85_000.5:
                    await asyncio.sleep(0.01)
                await there.hang_up()
                with pytest.raises(FeedBrokenError, match=venue):
                    await task

    for venue in ("binance_usdm", "bybit"):
        marks.clear()
        asyncio.run(follow(venue))
        assert {(m.venue, m.name, m.price) for m in marks} == {
            (venue, "BTCUSDT", 86_600.0),
            (venue, "ETHUSDT", 2_830.0),
            (venue, "BTCUSDT", 85_000.5),
        }


def test_an_instrument_that_the_venue_does_not_list_is_told():
    rules = Rules.bundled()

    async def follow():
        async with WatchedVenue() as there:
            held = [rules.instrument("binance_usdm", "DOGEUSDT")]
            await VenueFeed("binance_usdm", held, rules, there.url).run(lambda *_: None)

    with pytest.raises(InputError, match="DOGEUSDT"):
        asyncio.run(follow())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (LONG.format(venue="hyperliquid").replace("BTCUSDT", "BTC"), "stops cannot be placed"),
        ((LONG + SHORT.replace("me", "you")).format(venue="binance"), "several traders"),
        (
            LONG.format(venue="okx").replace("BTCUSDT", "BTC-USDT-SWAP").replace("2.5", "250"),
            "SEAWALL_OKX_STOP_KEY, SEAWALL_OKX_STOP_SECRET, SEAWALL_OKX_STOP_PASSWORD",
        ),
    ],
)
def test_what_could_not_be_placed_is_refused_before_the_watch_begins(tmp_path, rows, words):
    rows = rows.replace("23000", "60000") if "okx" in rows else rows
    desk = StopDesk(Audit(tmp_path / "log.jsonl"), Rules.bundled(), place=True)
    with pytest.raises(InputError, match=words):
        desk.prepare(Watched(book_of(tmp_path, rows), RATIO))


def test_a_key_shows_itself_nowhere(keys):
    key = stop_key("binance_usdm")
    assert "a-stop" not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)
    said = key.redacted("GET https://x/y?signature=abc a-stop-secret (a-stop-key)")
    assert said == "GET https://x/y?*** *** (***)"


def test_a_reading_key_is_not_taken_for_stops(monkeypatch):
    for part in ("KEY", "SECRET"):
        monkeypatch.setenv(f"SEAWALL_BINANCE_{part}", "only-to-read")
        monkeypatch.delenv(f"SEAWALL_BINANCE_STOP_{part}", raising=False)
    with pytest.raises(InputError, match="SEAWALL_BINANCE_STOP_KEY"):
        stop_key("binance_usdm")


def test_warnings_come_beside_stops(tmp_path):
    told, _ = run(
        "binance",
        tmp_path,
        LONG.format(venue="binance"),
        place=False,
        marks=(83_200.0,),
        until=lambda told, _: stops(told),
    )
    assert [n.level for n in told if isinstance(n, Warned)] == [Level.MARGIN_CALL]
    assert np.isfinite(stops(told)[0].trigger)


def outcomes(told):
    return [n.outcome for n in stops(told)]


NAMES = {"binance": ("clientAlgoId", "BTCUSDT"), "bybit": ("orderLinkId", "BTCUSDT")}


def ids(venue, there):
    return [order[NAMES[venue][0]] for order in there.orders]


@pytest.mark.parametrize("venue", VENUES)
def test_a_stop_that_stands_is_not_placed_again_after_a_restart(tmp_path, keys, venue):
    rows = LONG.format(venue=venue)
    base = 83_180.0
    if venue == "bybit":
        rows, base = rows.replace("23000", "23200"), 83_230.0

    async def twice():
        async with WatchedVenue() as there:
            how = {"place": True, "until": lambda told, _: stops(told)}
            first = await session(there, venue, tmp_path, rows, marks=(base + 20,), **how)
            # the trigger, a part of the way to the mark, is another by then
            again = await session(there, venue, tmp_path, rows, marks=(base,), **how)
            there.gone |= set(ids(venue, there))
            third = await session(there, venue, tmp_path, rows, marks=(base + 5,), **how)
            return first, again, third, there

    first, again, third, there = asyncio.run(twice())
    assert (outcomes(first), outcomes(again), outcomes(third)) == (
        ["placed"],
        ["stands"],
        ["placed"],
    )
    # told as it was sent, not as it would be sent now
    assert stops(again)[0].trigger == stops(first)[0].trigger != stops(third)[0].trigger
    assert "stop stands" in sentence(stops(again)[0])
    assert len(set(ids(venue, there))) == 2


def test_an_order_whose_answer_was_lost_is_asked_for_before_another_is_sent(tmp_path, keys):
    rows = LONG.format(venue="binance")

    async def twice():
        async with WatchedVenue(losses=["after"], mute=True) as there:
            how = {"place": True, "until": lambda told, _: stops(told)}
            # taken, but neither the answer nor the question after it comes through
            first = await session(there, "binance", tmp_path, rows, marks=(83_200.0,), **how)
            mute = await session(there, "binance", tmp_path, rows, marks=(83_190.0,), **how)
            there.mute = False
            last = await session(there, "binance", tmp_path, rows, marks=(83_180.0,), **how)
            return first, mute, last, there

    first, mute, last, there = asyncio.run(twice())
    assert [outcomes(t) for t in (first, mute, last)] == [["unsure"], ["unsure"], ["stands"]]
    assert len(there.orders) == 1
    assert is_grave(stops(first))


def test_an_order_that_never_arrived_is_sent_again_under_its_id(tmp_path, keys):
    async def watch():
        async with WatchedVenue(losses=["before"]) as there:
            told = await session(
                there,
                "binance",
                tmp_path,
                LONG.format(venue="binance"),
                place=True,
                marks=(83_200.0, 83_140.0),
                until=lambda told, _: len(stops(told)) == 2,
            )
            return told, there

    told, there = asyncio.run(watch())
    assert outcomes(told) == ["unsure", "placed"]
    sent = [line for line in log_of(tmp_path) if line["event"] == "sending"]
    assert [line["client_id"] for line in sent] == ids("binance", there) * 2
    assert sent[0]["trigger"] != sent[1]["trigger"]


def test_a_lost_answer_to_an_order_that_stands_is_no_doubt(tmp_path, keys):
    async def watch():
        async with WatchedVenue(losses=["after"]) as there:
            return await session(
                there,
                "binance",
                tmp_path,
                LONG.format(venue="binance"),
                place=True,
                marks=(83_200.0,),
                until=lambda told, _: stops(told),
            )

    (told,) = stops(asyncio.run(watch()))
    assert told.outcome == "placed"
    assert "its answer was lost, but it stands" in told.why


def test_a_stop_that_protects_nothing_any_more_is_no_reason_to_place_none(tmp_path, keys):
    async def twice():
        async with WatchedVenue() as there:
            how = {"place": True, "until": lambda told, _: stops(told)}
            low = LONG.format(venue="binance").replace("23000", "30000")
            await session(there, "binance", tmp_path, low, marks=(80_400.0,), **how)
            there.marks["BTC"] = 86_600.0
            rows = LONG.format(venue="binance")
            told = await session(there, "binance", tmp_path, rows, marks=(83_200.0,), **how)
            return told, there

    told, there = asyncio.run(twice())
    assert outcomes(told) == ["placed"]
    assert len(set(ids("binance", there))) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (SHORT.replace("me", "you"), "one key cannot belong to several traders"),
        ("me,bybit,BTCUSDT,2.5,92000,86600,isolated,10,23200,\n", "no key was given for it"),
    ],
)
def test_a_later_book_gets_no_stop_that_the_first_would_have_been_refused(
    tmp_path, keys, more, words
):
    rows = LONG.format(venue="binance")

    async def answered():
        async with WatchedVenue() as there:
            desk = StopDesk(
                Audit(tmp_path / "log.jsonl"),
                Rules.bundled(),
                place=True,
                urls={"binance_usdm": there.url},
            )
            desk.prepare(Watched(book_of(tmp_path, rows), RATIO))
            later = Watched(book_of(tmp_path, rows + more.format(venue="binance")), RATIO)
            later.take([Mark("", "BTC", 83_200.0), Mark("", "ETH", 2_950.0)])
            told = await desk.answer(later, later.judge())
            await desk.close()
            return told, there

    told, there = asyncio.run(answered())
    assert [n.outcome for n in told if words in n.why] != []
    assert all(n.outcome == "refused" for n in told if words in n.why)
    assert {o["symbol"] for o in there.orders} <= {"BTCUSDT"}
    assert len(there.orders) == (0 if "traders" in words else 1)
