"""The watch in motion: feeds of every kind, silence, broken connections, books that change."""

import asyncio
import json
import os
import sys
import time

import pytest

from seawall.core import InputError, Mistake
from seawall.desk.rescue import Goal
from seawall.desk.watch.feeds import (
    AddressFeed,
    FeedBrokenError,
    FileFeed,
    _broken,
    feed_of,
    marks_of,
)
from seawall.desk.watch.levels import Level, Thresholds
from seawall.desk.watch.notices import FeedTold, SourceTold, Warned
from seawall.desk.watch.watched import Mark, Watched
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.ingest import read_book
from seawall.report.desk_watch import is_grave, sentence, title_of
from seawall.rulebook import bind

HEAD = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral,"
    "wallet_balance\n"
)
BOOK = HEAD + "ann,binance,BTCUSDT,2.5,92000,86600,isolated,10,23000,\n"
RATIO = Thresholds(moves=())


def watched_of(tmp_path, text=BOOK, thresholds=RATIO):
    path = tmp_path / "book.csv"
    path.write_text(text)
    return Watched(bind(read_book(path)), thresholds)


class Said:
    """A feed that says marks at once, then does what it is told to."""

    def __init__(self, *steps, live=True):
        self.live, self._steps, self.runs = live, list(steps), 0

    async def run(self, take):
        self.runs += 1
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, Exception):
                raise step
            if step is None:
                await asyncio.Event().wait()
            elif isinstance(step, float) and step < 100:
                await asyncio.sleep(step)
            else:
                take([Mark("", "BTC", step)], time.perf_counter_ns())


def watch(watched, feeds, until=None, **options):
    """Run a watch to its end, or until so many notices; what it told and the watcher."""
    told = []

    async def run():
        def tell(notices, received):
            told.extend(notices)
            if until is not None and len(told) >= until:
                watcher.stop()

        watcher = Watcher(watched, feeds, tell, **options)
        async with asyncio.timeout(200):
            await watcher.run()
        return watcher

    return told, asyncio.run(run())


def test_a_file_of_marks_is_followed_to_its_end(tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text(
        "time,asset,mark\n2026-11-23T10:00:00Z,BTC,84200\n2026-11-23T10:01:00Z,BTC,83450\n"
        "2026-11-23T10:02:00Z,BTC,83200\n2026-11-23T10:02:00Z,ETH,2830\n"
    )
    told, watcher = watch(watched_of(tmp_path), [FileFeed(str(path))], goal=Goal(0.5))
    assert [w.level for w in told] == [Level.APPROACHING, Level.MARGIN_CALL]
    assert (watcher.tally.marks, watcher.tally.warnings, watcher.watched.unknown) == (4, 2, 1)


def test_json_lines_are_read_alike(tmp_path):
    path = tmp_path / "marks.jsonl"
    rows = [{"symbol": "BTC/USDT:USDT", "venue": "binance", "markPrice": p} for p in (84e3, 83.2e3)]
    path.write_text(json.dumps(rows[0]) + "\n\n" + json.dumps([rows[1]]) + "\n")
    told, _ = watch(watched_of(tmp_path), [feed_of(str(path))])
    assert [w.level for w in told] == [Level.MARGIN_CALL]


def test_an_account_in_danger_at_the_start_is_told_before_any_mark(tmp_path):
    watched = watched_of(tmp_path, BOOK.replace("86600", "83200"))
    told, _ = watch(watched, [Said(None)], until=1)
    assert told[0].level is Level.MARGIN_CALL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("asset,mark\nBTC,84200\nBTC,\nBTC,-3\n", ["row 2", "row 3", "holds no mark"]),
        ("asset,mark\n", ["0 rows"]),
        ("time,asset,mark\nyesterday,BTC,84200\n", ["no time", "yesterday"]),
        ('{"asset": "BTC", "mark": 1}\nnonsense\n', ["row 2", "holds no mark"]),
        (
            "time,asset,mark\n2026-11-23T10:00:00Z,BTC,84200\n,BTC,84300\n",
            ["row 2", "column time", "no time, while others have one"],
        ),
    ],
)
def test_a_bad_file_of_marks_is_refused_before_anything_is_told(tmp_path, text, words):
    path = tmp_path / "marks.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        watch(watched_of(tmp_path), [FileFeed(str(path))])
    for word in words:
        assert word in str(error.value)


def test_silence_is_an_alarm_once_and_marks_end_it(tmp_path):
    patience = Patience(silence=0.2)
    feed = Said(86_000.0, 0.9, 86_010.0, None)
    told, _ = watch(watched_of(tmp_path), [feed], until=2, patience=patience)
    dead, alive = told
    assert isinstance(dead, FeedTold)
    assert isinstance(alive, FeedTold)
    assert (dead.alive, alive.alive) == (False, True)
    assert dead.instruments == alive.instruments == ("binance_usdm BTCUSDT",)
    assert dead.seconds >= 0.2


def test_an_instrument_that_falls_silent_alone_is_told(tmp_path):
    text = BOOK + "eve,binance,ETHUSDT,1,2830,2830,isolated,2,1400,\n"
    steps = [s for _ in range(8) for s in (86_000.0, 0.1)]
    told, _ = watch(
        watched_of(tmp_path, text), [Said(*steps, None)], until=1, patience=Patience(silence=0.3)
    )
    assert told[0].instruments == ("binance_usdm ETHUSDT",)


def test_a_broken_feed_is_opened_again_and_its_words_are_told(tmp_path):
    patience = Patience(silence=0.3, reopen=0.01, most=0.05)
    feed = Said(FeedBrokenError("hung up"), FeedBrokenError("hung up"), 1.0, 83_200.0, None)
    told, watcher = watch(watched_of(tmp_path), [feed], until=3, patience=patience)
    assert watcher.tally.broken == 2
    assert feed.runs == 3
    assert (told[0].why, told[0].alive) == ("hung up", False)
    assert isinstance(told[2], Warned)


def test_the_book_is_read_again_and_what_cannot_be_read_is_told_once(tmp_path):
    first = watched_of(tmp_path)
    answers = [
        None,
        InputError("gone"),
        InputError("gone"),
        watched_of(tmp_path, BOOK.replace("23000", "15000")),
    ]

    def reread():
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    told, watcher = watch(
        first, [Said(86_000.0, None)], until=3, patience=Patience(reread=0.02), reread=reread
    )
    assert [type(n) for n in told] == [SourceTold, SourceTold, Warned]
    assert (told[0].bad, told[1].bad) == (True, False)
    assert told[2].level is Level.IMMINENT
    assert watcher.watched is not first
    assert watcher.watched.mark[0] == 86_000.0


def test_marks_come_over_a_socket_and_by_asking(tmp_path):
    aiohttp = pytest.importorskip("aiohttp", reason="an extra: pip install 'seawall[live]'")
    web = aiohttp.web if hasattr(aiohttp, "web") else __import__("aiohttp.web").web
    prices = iter([86_000.0, 83_450.0, 83_200.0, *[83_200.0] * 50])

    def said():
        return [{"venue": "binance", "asset": "BTC", "mark": next(prices)}, {"noise": 1}]

    async def socket(request):
        made = web.WebSocketResponse()
        await made.prepare(request)
        await made.send_str("not json")
        for _ in range(2):
            await made.send_json(said())
        await made.close()
        return made

    async def asked(request):
        return web.json_response(said())

    async def run():
        app = web.Application()
        app.router.add_get("/ws", socket)
        app.router.add_get("/", asked)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port, told = runner.addresses[0][1], []
        watched = watched_of(tmp_path)
        for url in (f"ws://127.0.0.1:{port}/ws", f"http://127.0.0.1:{port}/"):
            feed = AddressFeed(url, every=0.01)
            watcher = Watcher(
                watched,
                [feed],
                lambda notices, _: told.extend(n for n in notices if isinstance(n, Warned)),
                patience=Patience(reopen=0.01),
            )
            task = asyncio.create_task(watcher.run())
            wanted = 1 if url.startswith("ws") else 2
            async with asyncio.timeout(200):
                while len(told) < wanted:
                    await asyncio.sleep(0.01)
            watcher.stop()
            await task
        await runner.cleanup()
        return told

    told = asyncio.run(run())
    assert [w.level for w in told] == [Level.APPROACHING, Level.MARGIN_CALL]


def test_a_dead_feed_is_not_told_with_what_ails_another_or_is_over(tmp_path):
    text = BOOK + "cem,bybit,ETHUSDT,300,2900,2830,isolated,5,174000,\n"
    mended = Said(FeedBrokenError("binance_usdm: once"), *[86_600.0, 0.3] * 16, None)
    silent = Said(FeedBrokenError("bybit: hung up"), None)
    mended.venue, silent.venue = "binance_usdm", "bybit"
    told, _ = watch(watched_of(tmp_path, text), [mended, silent], 1,
                    patience=Patience(silence=4.0, reopen=0.01))  # fmt: skip
    assert told[0].instruments == ("bybit ETHUSDT",)
    assert told[0].why == "bybit: hung up"


def test_what_a_feed_said_before_it_was_mended_is_not_why_it_dies(tmp_path):
    feed = Said(FeedBrokenError("hung up"), 86_600.0, None)
    told, _ = watch(watched_of(tmp_path), [feed], 1, patience=Patience(silence=0.5, reopen=0.01))
    assert (told[0].alive, told[0].why) == (False, "")


def test_an_address_that_nobody_answers_is_broken():
    pytest.importorskip("aiohttp", reason="an extra: pip install 'seawall[live]'")
    for url in ("ws://127.0.0.1:9/", "http://127.0.0.1:9/"):
        with pytest.raises(FeedBrokenError, match=r"127\.0\.0\.1"):
            asyncio.run(AddressFeed(url).run(lambda *_: None))


@pytest.mark.parametrize(
    ("said", "marks"),
    [
        ({"asset": "BTC", "mark": "84200.5"}, [Mark("", "BTC", 84_200.5)]),
        ([{"venue": "okx", "symbol": "X", "price": 2}, 3], [Mark("okx", "X", 2.0)]),
        ({"asset": "BTC", "mark": "much"}, []),
        ({"asset": "BTC", "mark": 0}, []),
        ({"asset": 3, "mark": 5}, []),
        ({"mark": 5}, []),
        (None, []),
        ("text", []),
    ],
)
def test_messages_are_read_strictly(said, marks):
    assert marks_of(said) == marks


def test_what_a_library_raises_unforeseen_is_a_broken_feed_and_not_the_end(tmp_path):
    feed = Said(86_000.0, KeyError("markPrice"), 83_200.0, None)
    told, watcher = watch(watched_of(tmp_path), [feed], until=1, patience=Patience(reopen=0.01))
    assert (feed.runs, watcher.tally.broken) == (2, 1)
    assert told[0].level is Level.MARGIN_CALL


def test_an_error_that_ends_the_watch_is_told_before(tmp_path):
    wrong = InputError(Mistake("not listed there", "venue okx", value="BTC-USDT-SWAP"))
    told = []
    watcher = Watcher(
        watched_of(tmp_path), [Said(86_000.0, wrong)], lambda notices, _: told.extend(notices)
    )
    with pytest.raises(InputError, match="not listed there"):
        asyncio.run(watcher.run())
    assert [type(n) for n in told] == [FeedTold]
    assert told[0].ended
    assert "not listed there" in told[0].why
    assert is_grave(told)
    assert "THE WATCH ENDS" in sentence(told[0])
    assert told[0].instruments == ("binance_usdm BTCUSDT",)


def test_a_live_feed_that_ends_is_told_and_a_file_is_not(tmp_path):
    for live in (True, False):
        told, _ = watch(watched_of(tmp_path), [Said(86_000.0, live=live)])
        assert [isinstance(n, FeedTold) and n.ended for n in told] == [True] * live


def test_stops_that_fail_unforeseen_are_told(tmp_path):
    async def fails(watched, change):
        raise OSError("no space left on device")

    told, _ = watch(watched_of(tmp_path), [Said(83_200.0, None)], until=2, on_change=fails)
    assert told[1] == SourceTold(
        "stops could not be seen to: OSError: no space left on device", True, "stops"
    )
    assert title_of(told[1:]) == "Stops could not be seen to"


def test_looks_at_the_book_go_on_whatever_one_of_them_raises(tmp_path):
    looks = []

    def reread():
        looks.append(1)
        if len(looks) == 1:
            raise KeyError("positions")
        return

    told, _ = watch(
        watched_of(tmp_path), [Said(None)], until=2, reread=reread, patience=Patience(reread=0.02)
    )
    assert [n.bad for n in told] == [True, False]
    assert "KeyError" in told[0].text


def test_standard_input_goes_on_after_an_empty_line(tmp_path, monkeypatch):
    told = []

    async def run():
        read, write = os.pipe()
        os.write(write, b'{"asset": "BTC", "mark": 83450}\n\n{"asset": "BTC", "mark": 83200}\n')
        os.close(write)
        with os.fdopen(read) as pipe:
            monkeypatch.setattr(sys, "stdin", pipe)
            watcher = Watcher(watched_of(tmp_path), [FileFeed("-")], lambda n, _: told.extend(n))
            async with asyncio.timeout(200):
                await watcher.run()
        return watcher

    watcher = asyncio.run(run())
    assert watcher.tally.marks == 2
    assert [w.level for w in told[:-1]] == [Level.APPROACHING, Level.MARGIN_CALL]
    assert told[-1].ended


def test_no_part_of_an_addresses_secrets_is_told():
    url = "https://ann:hush%21@feed.test:8443/private/marks?token=s3cret&x=1"
    said = f"401, message='Unauthorized', url='{url}'; retry /private/marks?token=s3cret&x=1 hush!"
    with pytest.raises(FeedBrokenError) as broken, _broken(OSError, url):
        raise OSError(said)
    for secret in ("ann:", "hush", "s3cret", "private"):
        assert secret not in str(broken.value)
    assert "https://feed.test" in str(broken.value)
