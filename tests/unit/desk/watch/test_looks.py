"""Looks at a book that fail, end in a way of their own, find nothing, or hang."""

import asyncio
import threading

import pytest

from seawall.core import InternalError, NoPositionsError
from seawall.desk.watch.aside import aside
from seawall.desk.watch.levels import Thresholds
from seawall.desk.watch.looks import Looks
from seawall.desk.watch.notices import SourceTold
from seawall.desk.watch.watched import Watched
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.ingest import read_book
from seawall.rulebook import bind

BOOK = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral\n"
    "ann,binance,BTCUSDT,2.5,92000,86600,isolated,10,23000\n"
)


class Panic(BaseException):
    """Like what a compiled library raises that has lost its way."""


class Silent:
    """A live feed without a word."""

    live = True

    async def run(self, take):
        await asyncio.Event().wait()


def watched_of(tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return Watched(bind(read_book(path)), Thresholds(moves=()))


def looked(watched, looks, until, **patience):
    """What a watch tells that takes these looks one after the other, until it told so much."""
    told, left = [], list(looks)

    def reread():
        answer = left.pop(0) if left else None
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    async def run():
        def tell(notices, _):
            told.extend(notices)
            if len(told) >= until:
                watcher.stop()

        watcher = Watcher(
            watched, [Silent()], tell, reread=reread, patience=Patience(reread=0.02, **patience)
        )
        async with asyncio.timeout(20):
            await watcher.run()

    asyncio.run(run())
    return told


@pytest.mark.parametrize("raised", [Panic("lost"), SystemExit("lost"), StopIteration("lost")])
def test_whatever_ends_a_thread_is_handed_on(raised):
    def work():
        raise raised

    async def run():
        async with asyncio.timeout(20):
            await aside(work)

    with pytest.raises(InternalError, match=f"{type(raised).__name__}: lost") as error:
        asyncio.run(run())
    assert error.value.__cause__ is raised


def test_a_look_that_panics_is_told_by_its_name_and_the_book_is_read_again(tmp_path):
    told = looked(watched_of(tmp_path), [Panic("lost"), SystemExit(3)], 2)
    assert [n.bad for n in told] == [True, False]
    assert "Panic: lost" in told[0].text


def test_an_account_that_holds_nothing_has_answered(tmp_path):
    none, fails = NoPositionsError("no position"), KeyError("positions")
    looks = [fails, none, none, none, *[fails] * 4, None]
    told = looked(watched_of(tmp_path), looks, 5)
    assert all(isinstance(n, SourceTold) for n in told)
    assert [(n.about, n.bad) for n in told] == [
        ("book", True),
        ("book", False),
        ("accounts", False),
        ("book", True),
        ("book", False),
    ]
    assert "KeyError" in told[0].text
    assert "KeyError" in told[3].text
    assert "can be read again" in told[1].text
    assert "ann" in told[2].text


def test_a_look_that_hangs_for_good_keeps_back_no_other(tmp_path):
    never = threading.Event()
    try:
        told = looked(watched_of(tmp_path), [never.wait, KeyError("first"), None], 2, answer=0.02)
    finally:
        never.set()
    assert [n.bad for n in told] == [True, False]
    assert "no answer for 0.02 s" in told[0].text


def test_at_most_two_looks_hang_and_the_answer_of_one_given_up_is_ignored():
    doors, begun, late = [threading.Event() for _ in range(3)], [], []

    def work():
        k = len(begun)
        begun.append(k)
        doors[min(k, 2)].wait()
        if k == 0:
            raise KeyError("of a look given up")
        return k

    async def run():
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        looks = Looks(work, 0.01, lambda: late.append(1))
        look = asyncio.create_task(looks.take())
        async with asyncio.timeout(20):
            while len(begun) < 2:
                await asyncio.sleep(0.01)
            # long enough for several more to be given up
            await asyncio.sleep(0.5)
            assert (begun, look.done()) == ([0, 1], False)
            doors[0].set()
            while len(begun) < 3:
                await asyncio.sleep(0.01)
            doors[1].set()
            doors[2].set()
            assert await look >= 2
        assert not complaints

    try:
        asyncio.run(run())
    finally:
        for door in doors:
            door.set()
    assert late == [1]
