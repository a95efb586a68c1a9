"""A watch whose book changes on the disk: read again, broken, whole again, cut short."""

import asyncio
import os
import time

import pytest

from seawall.app.desk_watch import Feeds, Source
from seawall.desk.watch.levels import Level, Thresholds
from seawall.desk.watch.notices import FeedTold, SourceTold, Warned
from seawall.desk.watch.watched import Mark
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.rulebook import Rules

HEAD = (
    "account,venue,instrument,side,quantity,entry_price,mark_price,margin_mode,leverage,"
    "collateral,wallet_balance\n"
)
ANN = "ann,binance,BTCUSDT,long,2.5,92000,{btc},isolated,10,23000,\n"
EVE = "eve,binance,ETHUSDT,long,300,2900,{eth},isolated,10,80000,\n"
LEVELS = Thresholds()


def book_of(btc=88_200, eth=2_830):
    return HEAD + (ANN + EVE).format(btc=btc, eth=eth)


class Told(list):
    """What a watch told; :meth:`until` waits for so much of it."""

    async def until(self, enough, seconds=200.0):
        async with asyncio.timeout(seconds):
            while not enough(self):
                await asyncio.sleep(0.01)

    async def read(self):
        """Wait until the book was read as it is now."""
        await self.until(lambda t: t.source.changed == t.source.stamp())

    def of(self, kind):
        return [n for n in self if isinstance(n, kind)]


class Quiet:
    """A live feed that says what it is given to say, and nothing else."""

    live = True

    def __init__(self, every=0.0, **marks):
        self.marks, self._every = marks, every

    async def run(self, take):
        while True:
            marks = [Mark("", asset, price) for asset, price in self.marks.items()]
            if marks:
                take(marks, time.perf_counter_ns())
            await asyncio.sleep(self._every or 0.05)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(book_of())
    return path


def written(path, text):
    """Write a file as editors do: never half there, and never within a tick of the clock."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def watching(path, script, feeds=(), **patience):
    """Watch a book of a file with the command's own reader while ``script`` goes on."""
    told = Told()
    told.after = lambda: None

    def look(source):
        found = source.again(LEVELS)
        if found is not None:
            told.after()
        return found

    async def run():
        told.source = source = Source(str(path), None, (), False, Rules.bundled())
        watcher = Watcher(
            source.watched(LEVELS),
            feeds or [Quiet()],
            lambda notices, _: told.extend(notices),
            patience=Patience(**{"silence": 60.0, "reread": 0.1, **patience}),
            reread=lambda: look(source),
        )
        task = asyncio.create_task(watcher.run())
        await script(told, watcher)
        watcher.stop()
        await task
        return watcher

    return told, asyncio.run(run())


async def looks(count=4, reread=0.1):
    await asyncio.sleep(reread * count + 0.2)


def test_a_book_that_stays_broken_is_not_said_to_be_read_again(file):
    async def script(told, watcher):
        written(file, HEAD + "ann,binance,BTCUSDT,long,much,92000,86600,isolated,10,23000,\n")
        await told.until(lambda t: t.of(SourceTold))
        await looks()
        assert [n.bad for n in told.of(SourceTold)] == [True]
        written(file, book_of().replace("23000", "11600"))
        await told.until(lambda t: t.of(Warned))

    told, _ = watching(file, script)
    assert [(n.bad, n.text) for n in told.of(SourceTold)][1:] == [
        (False, "the book can be read again")
    ]
    assert [n.level for n in told.of(Warned)] == [Level.IMMINENT]


def test_a_book_that_is_gone_and_comes_back_as_it_was_is_told_twice(file):
    away = file.with_suffix(".away")

    async def script(told, watcher):
        os.replace(file, away)
        await told.until(lambda t: t.of(SourceTold))
        await looks()
        os.replace(away, file)
        await told.until(lambda t: len(t.of(SourceTold)) == 2)
        await looks()

    told, _ = watching(file, script)
    assert [n.bad for n in told] == [True, False]


async def touched(path, until):
    """Write the same book again and again, so that every look reads it anew."""
    async with asyncio.timeout(200):
        while not until():
            written(path, path.read_text())
            await asyncio.sleep(0.03)


@pytest.mark.parametrize("reread", [0.1, 0.35])
def test_looks_at_the_book_neither_hide_a_dead_feed_nor_repeat_its_alarm(file, reread):
    feed = Quiet()

    async def script(told, watcher):
        read = [watcher.watched]

        def enough():
            if watcher.watched is not read[-1]:
                read.append(watcher.watched)
            return told and len(read) > 5

        await touched(file, enough)
        assert [n.alive for n in told] == [False]
        feed.marks = {"BTC": 88_200.0, "ETH": 2_830.0}
        await told.until(lambda t: len(t) == 2)

    told, _ = watching(file, script, [feed], silence=0.3, reread=reread)
    assert [(n.alive, set(n.instruments)) for n in told] == [
        (alive, {"binance_usdm BTCUSDT", "binance_usdm ETHUSDT"}) for alive in (False, True)
    ]


def test_a_mark_of_the_book_counts_where_no_feed_says_one(file):
    async def script(told, watcher):
        written(file, book_of(btc=83_300))
        await told.until(lambda t: t.of(Warned))

    told, _ = watching(file, script)
    assert [(n.level, n.mark) for n in told] == [(Level.IMMINENT, 83_300.0)]


def test_a_feed_that_lives_says_better_than_the_book(file):
    feed = Quiet(BTC=84_900.0)

    async def script(told, watcher):
        await told.until(lambda t: t.of(Warned))
        written(file, book_of(btc=83_300, eth=2_600))
        await told.until(lambda t: len(t.of(Warned)) == 2)
        # the book is changed again, but not its mark of BTC; then BTC's feed falls silent
        feed.marks = {}
        await told.until(lambda t: t.of(FeedTold))
        written(file, book_of(btc=83_300, eth=2_601))
        await told.until(lambda _: watcher.watched.mark[1] == 2_601.0)
        assert watcher.watched.mark[0] == 84_900.0
        written(file, book_of(btc=83_400, eth=2_601))
        await told.until(lambda t: len(t.of(Warned)) == 3)

    told, _ = watching(file, script, [feed], silence=1.0)
    assert [(n.account, n.mark) for n in told.of(Warned)] == [
        ("ann", 84_900.0),
        ("eve", 2_600.0),
        ("ann", 83_400.0),
    ]


def test_what_a_later_book_holds_is_marked_by_each_reading_that_no_feed_corrects(file):
    file.write_text(HEAD + ANN.format(btc=88_200))

    async def script(told, watcher):
        for eth in (2_830, 2_750, 2_680):
            written(file, book_of(eth=eth))
            await told.until(lambda _, eth=eth: watcher.watched.mark[1:].tolist() == [eth])

    told, _ = watching(file, script, [Quiet(BTC=88_200.0)])
    assert [(n.account, n.mark) for n in told.of(Warned)] == [("eve", 2_750.0), ("eve", 2_680.0)]


def test_what_a_later_book_holds_is_followed_live(file):
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    from watched_venue import WatchedVenue

    file.write_text(HEAD + ANN.format(btc=88_200))
    doge = "dot,binance,DOGEUSDT,long,300,0.15,0.15,isolated,10,10,\n"
    rules = Rules.bundled()

    async def run():
        async with WatchedVenue() as there:
            there.marks |= {"BTC": 88_200.0, "ETH": 2_830.0}
            told, source = Told(), Source(str(file), None, (), False, rules)
            watcher = Watcher(
                source.watched(LEVELS),
                Feeds("live", None, rules, {"binance_usdm": there.url}, 5.0, 0.0),
                lambda notices, _: told.extend(notices),
                patience=Patience(silence=5.0, reread=0.1),
                reread=lambda: source.again(LEVELS),
            )
            task = asyncio.create_task(watcher.run())
            await there.followed()
            await there.push(BTC=88_210.0)
            # one that the venue does not list is silent, and takes nothing else with it
            written(file, book_of() + doge)
            async with asyncio.timeout(200):
                while not told.of(Warned):
                    await there.push(BTC=88_220.0, ETH=2_640.0)
                    await asyncio.sleep(0.1)
            async with asyncio.timeout(200):
                while not told.of(FeedTold):
                    await there.push(BTC=88_220.0, ETH=2_640.0)
                    await asyncio.sleep(0.1)
            watcher.stop()
            await task
            return told

    told = asyncio.run(run())
    assert [(n.account, n.mark) for n in told.of(Warned)] == [("eve", 2_640.0)]
    assert told.of(FeedTold)[0].instruments == ("binance_usdm DOGEUSDT",)


def accounts_told(told):
    return [(n.bad, n.text) for n in told.of(SourceTold) if n.about == "accounts"]


def test_a_book_that_is_half_written_at_one_look_drops_nobody(file):
    file.write_text(book_of(btc=83_300, eth=2_750))

    async def script(told, watcher):
        await told.until(lambda t: len(t.of(Warned)) == 2)
        halves = []

        def whole():
            if not halves:
                halves.append(told.source.changed)
                written(file, book_of(btc=83_300, eth=2_750))

        # whole again before the next look, however long this machine takes
        told.after = whole
        written(file, HEAD + ANN.format(btc=83_300))
        await told.until(lambda t: halves)
        await told.read()
        await looks()
        assert len(watcher.watched.level) == 2

    told, _ = watching(file, script)
    assert [n.account for n in told.of(Warned)] == ["ann", "eve"]
    assert accounts_told(told) == []


def test_an_account_that_leaves_the_book_is_told_and_its_level_remembered(file):
    file.write_text(book_of(btc=83_300, eth=2_750))

    async def script(told, watcher):
        await told.until(lambda t: len(t.of(Warned)) == 2)
        written(file, HEAD + EVE.format(eth=2_750))
        await told.until(accounts_told)
        assert len(watcher.watched.level) == 1
        await looks()
        written(file, book_of(btc=83_300, eth=2_750))
        await told.until(lambda t: len(accounts_told(t)) == 2)
        await looks()
        assert watcher.watched.level.tolist() == [Level.IMMINENT, Level.APPROACHING]

    told, _ = watching(file, script)
    (bad, left), (worse, back) = accounts_told(told)
    assert (bad, worse) == (True, False)
    assert "ann on binance_usdm, BTCUSDT long (imminent)" in left
    assert "look at the venue" in left
    assert "eve" not in left + back
    assert "ann on binance_usdm, BTCUSDT long (imminent)" in back
    assert [n.level for n in told.of(Warned)] == [Level.IMMINENT, Level.APPROACHING]


def test_who_comes_back_calm_is_told_so(file):
    file.write_text(book_of(btc=83_300))

    async def script(told, watcher):
        await told.until(lambda t: t.of(Warned))
        written(file, HEAD + EVE.format(eth=2_830))
        await told.until(accounts_told)
        written(file, book_of(btc=92_000))
        await told.until(lambda t: len(t.of(Warned)) == 2)

    told, _ = watching(file, script)
    assert [n.level for n in told.of(Warned)] == [Level.IMMINENT, Level.CALM]


def test_a_book_of_which_every_look_misses_something_else_is_believed_in_the_end(file):
    rows = [f"t{k},binance,ETHUSDT,long,1,2900,2830,isolated,10,600,\n" for k in range(40)]
    file.write_text(HEAD + "".join(rows))

    async def script(told, watcher):
        first, left = watcher.watched, list(rows)
        async with asyncio.timeout(200):
            while watcher.watched is first:
                left = left[:-1] or rows[:1]
                written(file, HEAD + "".join(left))
                await asyncio.sleep(0.1)

    told, _ = watching(file, script, reread=0.3)
    ((bad, text),) = accounts_told(told)[:1]
    assert not bad
    assert "(calm)" in text


def test_a_book_without_any_position_is_told_once_and_judged_no_more(file):
    whole = book_of(btc=83_300)
    file.write_text(whole)
    feed = Quiet(BTC=83_300, ETH=2_830)

    async def script(told, watcher):
        await told.until(lambda t: t.of(Warned))
        written(file, HEAD)
        await told.until(lambda t: watcher.watched.empty)
        assert not watcher.watched.held_names()
        before = len(told)
        feed.marks = {"BTC": 60_000, "ETH": 1_000}
        await asyncio.sleep(0.5)
        assert len(told) == before
        feed.marks = {"BTC": 83_300, "ETH": 2_830}
        written(file, whole)
        await told.until(lambda t: not watcher.watched.empty)
        await asyncio.sleep(0.5)

    told, _ = watching(file, script, [feed])
    words = [n.text for n in told.of(SourceTold)]
    gone = [w for w in words if "ann" in w]
    assert "imminent" in gone[0].casefold()
    # who returns keeps the level: nothing is warned of twice
    assert len([n for n in told.of(Warned) if n.account == "ann"]) == 1
