"""Marks that are not to be believed: stale, out of order, or far from all that came before."""

import asyncio
import json
import os
import sys
import time

import pytest

from seawall.core import format_time
from seawall.desk.watch.feeds import AddressFeed, FileFeed
from seawall.desk.watch.levels import Level
from seawall.desk.watch.notices import FeedTold, SourceTold, Warned
from seawall.desk.watch.watched import JUMP, Mark, Watched
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.ingest import read_book
from seawall.report.desk_watch import is_grave, json_line, sentence, title_of
from seawall.rulebook import bind

BOOK = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral\n"
    "ann,binance,BTCUSDT,2.5,92000,{mark},isolated,10,23000\n"
)
SECOND = 10**9


def watched_of(tmp_path, mark=88_200):
    path = tmp_path / "book.csv"
    path.write_text(BOOK.format(mark=mark))
    return Watched(bind(read_book(path)))


def watch(watched, feed, until=None, **patience):
    """Run a watch to its end, or until it told so many notices; all that it told, and it."""
    told = []

    async def run():
        def tell(notices, _):
            told.extend(notices)
            if until is not None and until(told):
                watcher.stop()

        watcher = Watcher(watched, [feed], tell, patience=Patience(**patience))
        async with asyncio.timeout(200):
            await watcher.run()
        return watcher

    return told, asyncio.run(run())


def file_of(tmp_path, *rows):
    path = tmp_path / "marks.csv"
    path.write_text("time,asset,mark\n" + "".join(f"2026-11-23T{at}Z,{m}\n" for at, m in rows))
    return FileFeed(str(path))


class Document:
    """An address that always answers with the document that it has."""

    def __init__(self, rows):
        self.rows, self.url = rows, ""

    async def __aenter__(self):
        web = pytest.importorskip("aiohttp.web", reason="an extra: pip install 'seawall[live]'")

        async def answer(_):
            return web.json_response(self.rows())

        app = web.Application()
        app.router.add_get("/", answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()


def polled(watched, rows, until, **patience):
    """Watch a document that is asked for again and again."""
    told = []

    async def run():
        async with Document(rows) as there:
            watcher = Watcher(
                watched,
                [AddressFeed(there.url, every=0.02)],
                lambda notices, _: told.extend(notices),
                patience=Patience(**patience),
            )
            task = asyncio.create_task(watcher.run())
            async with asyncio.timeout(200):
                while not until(told, watcher):
                    await asyncio.sleep(0.02)
            watcher.stop()
            await task
            return watcher

    return told, asyncio.run(run())


@pytest.mark.parametrize("away", [-3 * 86_400, 3_600])
def test_a_document_that_bears_a_time_far_from_now_is_a_dead_feed(tmp_path, away):
    at = format_time(time.time_ns() + away * SECOND)
    told, watcher = polled(
        watched_of(tmp_path),
        lambda: [{"time": at, "asset": "BTC", "mark": 83_300}],
        lambda told, w: told and w.tally.marks > 30,
        silence=0.5,
    )
    (dead,) = told
    assert isinstance(dead, FeedTold)
    assert not dead.alive
    assert f"that of BTC is of {at}" in sentence(dead)
    assert watcher.watched.mark[0] == 88_200.0
    assert watcher.tally.stale == watcher.tally.marks


def test_a_document_that_is_written_no_more_is_a_dead_feed_once_it_is_old(tmp_path):
    rows = []

    def document():
        if not rows:
            rows.append({"timestamp": time.time_ns() // 10**6, "asset": "BTC", "mark": 84_900})
        return rows

    told, _ = polled(watched_of(tmp_path), document, lambda told, _: len(told) > 1, silence=1.5)
    assert [type(n) for n in told] == [Warned, FeedTold]


def test_a_mark_that_is_older_than_the_last_changes_nothing(tmp_path):
    now = time.time_ns()
    watched = watched_of(tmp_path)
    for price, back in ((84_900.0, 1), (83_300.0, 3), (84_950.0, 1)):
        watched.take([Mark("", "BTC", price, now - back * SECOND)])
    assert (watched.mark[0], watched.late) == (84_950.0, 1)


def test_a_file_is_played_by_its_times_whatever_its_order(tmp_path):
    feed = file_of(
        tmp_path, ("10:05:00", "BTC,88250"), ("10:01:00", "BTC,84900"), ("10:04:00", "BTC,83600")
    )
    told, watcher = watch(watched_of(tmp_path), feed)
    assert [n.level for n in told] == [Level.MARGIN_CALL, Level.IMMINENT, Level.CALM]
    assert (watcher.watched.mark[0], watcher.tally.stale) == (88_250.0, 0)


def test_one_bad_tick_is_told_as_such_and_warns_nobody(tmp_path):
    marks = (("10:00:00", "BTC,86600"), ("10:00:01", "BTC,0.0001"), ("10:00:02", "BTC,86601"))
    told, watcher = watch(watched_of(tmp_path), file_of(tmp_path, *marks))
    warned, doubted, refuted = told
    assert isinstance(warned, Warned)
    assert warned.level is Level.APPROACHING
    assert (doubted.about, doubted.bad, refuted.bad) == ("mark", True, False)
    assert "MARK IN DOUBT: binance_usdm BTCUSDT at 0.0001" in sentence(doubted)
    assert "0.0001 was not confirmed" in sentence(refuted)
    assert (title_of([doubted]), is_grave([doubted])) == ("A mark is in doubt", True)
    assert watcher.tally.warnings == 1
    assert json.loads(json_line(doubted, "2026-11-23T10:00:01Z"))["event"] == "mark"


def test_a_crash_is_believed_at_the_second_mark_though_that_is_another(tmp_path):
    marks = (("10:00:00", "BTC,86600"), ("10:00:01", "BTC,50000"), ("10:00:02", "BTC,44000"))
    told, watcher = watch(watched_of(tmp_path), file_of(tmp_path, *marks))
    assert [type(n) for n in told] == [Warned, SourceTold, Warned]
    assert (told[2].level, told[2].mark) == (Level.IMMINENT, 44_000.0)
    assert watcher.watched.mark[0] == 44_000.0


def test_marks_that_are_never_twice_alike_are_no_life(tmp_path):
    class Mad:
        live = True

        async def run(self, take):
            price = 0.001
            while True:
                price = 1e9 / price
                take([Mark("", "BTC", price)], 0)
                await asyncio.sleep(0.02)

    told, _ = watch(
        watched_of(tmp_path),
        Mad(),
        lambda told: any(isinstance(n, FeedTold) for n in told),
        silence=0.4,
    )
    assert not [n for n in told if isinstance(n, Warned)]


def test_one_message_does_not_confirm_itself_and_the_limit_is_as_told(tmp_path):
    watched = watched_of(tmp_path)
    far = 88_200.0 / (JUMP * 1.001)
    assert not len(watched.take([Mark("", "BTC", far), Mark("binance", "BTCUSDT", far)]))
    assert len(watched.take([Mark("", "BTC", far)]))
    assert not watched.doubts
    assert len(watched.take([Mark("", "BTC", far * JUMP * 0.999)]))
    assert not len(watched.take([Mark("", "BTC", 88_100.0 * JUMP)]))


def test_a_danger_that_eases_is_told_so_that_the_warning_is_not_the_last_word(tmp_path):
    marks = [(f"10:00:0{k}", f"BTC,{p}") for k, p in enumerate((83_600, 86_600, 86_500, 88_300))]
    told, _ = watch(watched_of(tmp_path), file_of(tmp_path, *marks))
    assert [n.level for n in told] == [Level.IMMINENT, Level.APPROACHING, Level.CALM]
    assert [is_grave([n]) for n in told] == [True, False, False]
    assert sentence(told[1]).startswith("approaching only, no longer imminent: ann on Binance")
    events = [json.loads(json_line(n, "2026-11-23T10:00:00Z"))["event"] for n in told]
    assert events == ["warning", "eased", "calm"]


def test_old_marks_of_standard_input_are_no_life(tmp_path, monkeypatch):
    told = []

    async def run():
        read, write = os.pipe()
        os.write(write, b'{"time": "2026-11-20T00:00:00Z", "asset": "BTC", "mark": 83300}\n')
        with os.fdopen(read) as pipe:
            monkeypatch.setattr(sys, "stdin", pipe)
            watcher = Watcher(
                watched_of(tmp_path),
                [FileFeed("-")],
                lambda n, _: told.extend(n),
                patience=Patience(silence=0.3),
            )
            task = asyncio.create_task(watcher.run())
            async with asyncio.timeout(200):
                while not told:
                    await asyncio.sleep(0.01)
            os.close(write)
            await task

    asyncio.run(run())
    assert [(type(n), n.ended) for n in told] == [(FeedTold, False), (FeedTold, True)]


def test_a_clock_that_is_ahead_does_not_make_all_that_follows_late(tmp_path):
    watched, now = watched_of(tmp_path), time.time_ns()
    watched.take([Mark("", "BTC", 86_600, now + 28 * SECOND)])
    for price in (84_900, 83_600):
        time.sleep(0.002)
        assert len(watched.take([Mark("", "BTC", price, time.time_ns())]))
    assert (watched.late, watched.mark[0]) == (0, 83_600)


def test_a_fall_that_goes_on_is_believed_at_its_second_mark(tmp_path):
    watched = watched_of(tmp_path, 86_600)
    assert not len(watched.take([Mark("", "BTC", 56_000)]))
    assert len(watched.take([Mark("", "BTC", 36_000)]))
    assert watched.mark[0] == 36_000
    assert not any(d.refuted for d in watched.doubts)
    # the other side does not confirm, and the old price refutes
    assert not len(watched.take([Mark("", "BTC", 10_000)]))
    assert not len(watched.take([Mark("", "BTC", 90_000)]))
    assert len(watched.take([Mark("", "BTC", 36_100)]))
    assert [d.refuted for d in watched.doubts] == [True]


def test_a_flapping_feed_is_told_of_once_within_the_silence(tmp_path):
    told = []
    watcher = Watcher(watched_of(tmp_path), [], lambda n, _: told.extend(n), patience=Patience())
    for _ in range(20):
        watcher.take([Mark("", "BTC", 0.0001)], 0)
        watcher.take([Mark("", "BTC", 88_200)], 0)
    doubts = [n for n in told if isinstance(n, SourceTold)]
    assert len(doubts) == 2
    assert is_grave(doubts[:1])
    assert not [n for n in told if isinstance(n, Warned)]
