"""Levels of danger: where they begin, that they do not tremble, and what is told of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import InputError
from seawall.desk.rescue import Goal
from seawall.desk.watch.levels import Level, Thresholds
from seawall.desk.watch.notices import to_tell, warned
from seawall.desk.watch.watched import Mark, Watched
from seawall.ingest import read_book
from seawall.margin import MarginBook
from seawall.rulebook import Rules, bind

HEAD = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral,"
    "wallet_balance\n"
)
BOOK = (
    HEAD
    + """\
ann,binance,BTCUSDT,2.5,92000,86600,isolated,10,23000,
bob,hyperliquid,BTC,-40,88000,86600,cross,20,,400000
bob,hyperliquid,ETH,100,2900,2830,cross,20,,
cem,bybit,ETHUSDT,300,2900,2830,isolated,5,174000,
dee,okx,BTC-USDT-SWAP,1500,90000,86600,isolated,8,170000,
fay,binance,BTCUSD_PERP,9000,90000,86600,isolated,20,0.55,
pip,binance,1000PEPEUSDT,1000000,0.01,0.01,isolated,5,3000,
"""
)
RATIO = Thresholds(moves=())


@pytest.fixture
def margin(tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return bind(read_book(path))


def walk(ratios, thresholds=RATIO):
    level, seen = np.zeros(1, dtype=np.int8), []
    for ratio in ratios:
        level = thresholds.settled(level, np.array([ratio]))
        seen.append(int(level[0]))
    return seen


def test_levels_begin_at_their_thresholds():
    assert walk([0.49, 0.5, 0.79, 0.8, 0.94, 0.95, 1.0, np.inf]) == [0, 1, 1, 2, 2, 3, 3, 3]


def test_a_level_is_left_below_its_threshold_by_the_hysteresis():
    assert walk([0.8, 0.79, 0.73, 0.71, 0.46, 0.44]) == [2, 2, 2, 1, 1, 0]
    assert walk([0.96, 0.2]) == [3, 0]
    assert walk([0.8, np.nan]) == [2, 2]


@given(st.lists(st.floats(0.455, 0.545), min_size=1, max_size=50))
def test_a_ratio_that_trembles_on_a_threshold_changes_the_level_once(ratios):
    seen = walk([0.0, 0.55, *ratios])
    assert seen[1:] == [1] * (len(ratios) + 1)


@given(st.lists(st.floats(0, 1.2), min_size=1, max_size=30))
def test_no_level_is_too_low_and_none_is_held_too_long(ratios):
    for ratio, level in zip(ratios, walk(ratios), strict=True):
        assert level >= sum(ratio >= t for t in (0.5, 0.8, 0.95))
        assert level <= sum(ratio >= t * 0.9 for t in (0.5, 0.8, 0.95))


def test_moves_count_as_ratios_do():
    of = Thresholds(moves=(0.05, 0.025, 0.01))
    levels = []
    for survives in (0.06, 0.049, 0.052, 0.024, 0.009, 0.0108, 0.0112, 0.056):
        before = np.array([levels[-1] if levels else 0], dtype=np.int8)
        now = of.settled(before, np.array([0.1]), lambda m, s=survives: np.array([s <= m]))
        levels.append(int(now[0]))
    assert levels == [0, 1, 1, 2, 3, 3, 2, 0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Thresholds(0.5, 0.4), "--margin-call"),
        (lambda: Thresholds(imminent=1.1), "imminent <= 1"),
        (lambda: Thresholds(hysteresis=1.0), "--hysteresis"),
        (lambda: Thresholds(moves=(0.01, 0.02, 0.03)), "--within"),
        (lambda: Thresholds(moves=(0.05,)), "--within"),
        (lambda: Thresholds(moves=(0.95, 0.2, 0.1)), "--within"),
    ],
)
def test_thresholds_out_of_order_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_marks_judge_accounts_as_the_margin_engine_does_at_those_marks(margin, tmp_path):
    watched = Watched(margin)
    watched.take([Mark("", "BTC", 84_000.0), Mark("bybit", "ETHUSDT", 2_700.0)])
    watched.judge()
    text = BOOK.replace("86600", "84000").replace("2900,2830,isolated", "2900,2700,isolated")
    path = tmp_path / "moved.csv"
    path.write_text(text)
    expected = bind(read_book(path)).accounts_state()
    assert watched.ratio == pytest.approx(expected.ratio, rel=1e-12)
    alone = watched.standing(np.arange(len(margin.book.accounts)))
    assert isinstance(alone, MarginBook)
    assert alone.accounts_state().ratio == pytest.approx(expected.ratio, rel=1e-12)


@pytest.mark.parametrize(
    ("mark", "moved"),
    [
        (Mark("", "BTC", 2.0), ["BTCUSDT", "BTC", "BTC-USDT-SWAP", "BTCUSD_PERP"]),
        (Mark("hyperliquid", "BTC", 2.0), ["BTC"]),
        (Mark("binance", "BTCUSDT", 2.0), ["BTCUSDT"]),
        (Mark("binance", "BTC/USDT:USDT", 2.0), ["BTCUSDT"]),
        (Mark("binance", "BTC/USD:BTC", 2.0), ["BTCUSD_PERP"]),
        (Mark("okx", "BTC/USDT:USDT", 2.0), ["BTC-USDT-SWAP"]),
        (Mark("", "BTC-USDT-SWAP", 2.0), ["BTC-USDT-SWAP"]),
        (Mark("", "1000PEPEUSDT", 2.0), ["1000PEPEUSDT"]),
        (Mark("nowhere", "BTC", 2.0), []),
        (Mark("", "DOGE", 2.0), []),
    ],
)
def test_names_of_marks_find_their_instruments(margin, mark, moved):
    watched = Watched(margin)
    # so far from the book's marks, it takes a second one
    assert not len(watched.take([mark]))
    assert sorted(d.instrument for d in watched.doubts) == sorted(watched.take([mark]).tolist())
    seen = watched.take([mark])
    symbols = [margin.book.instruments[k].symbol for k in seen.tolist()]
    assert sorted(symbols) == sorted(moved)
    assert watched.unknown == 3 * (not moved)
    assert all(watched.mark[k] == 2.0 for k in seen.tolist())


def test_an_assets_price_is_multiplied_for_contracts_of_thousands(margin):
    watched = Watched(margin)
    watched.take([Mark("", "PEPE", 0.00001)])
    (k,) = watched.take([Mark("", "PEPE", 0.00001)])
    assert watched.mark[k] == pytest.approx(0.01)


def test_what_got_worse_is_told_once_with_its_ways_back(margin):
    watched, goal = Watched(margin, RATIO), Goal(0.5)
    assert not len(watched.judge())
    watched.take([Mark("", "BTC", 83_200.0)])
    told = warned(watched, to_tell(watched.judge()), goal)
    ann = next(w for w in told if w.account == "ann")
    assert (ann.level, ann.before, ann.row) == (Level.MARGIN_CALL, Level.CALM, 1)
    assert ann.ratio == pytest.approx(0.832)
    assert ann.add_usd == pytest.approx(2 * 832 - 1_000)
    assert ann.cut is not None
    assert ann.cut.row == 1
    assert 0 < ann.cut.share < 1
    assert ann.liquidation_price == pytest.approx(83_132.53, abs=0.01)
    assert not len(watched.judge())
    watched.take([Mark("", "BTC", 83_300.0)])
    eased = warned(watched, to_tell(watched.judge()), goal)
    assert [(w.level, w.before, w.worse) for w in eased if w.account == "ann"] == [
        (Level.APPROACHING, Level.MARGIN_CALL, False)
    ]
    assert not len(watched.judge())
    watched.take([Mark("", "BTC", 86_600.0)])
    calm = warned(watched, to_tell(watched.judge()), goal)
    assert [(w.account, w.worse) for w in calm if w.account == "ann"] == [("ann", False)]


def test_a_new_reading_goes_on_from_the_levels_and_marks_of_the_old(margin, tmp_path):
    old = Watched(margin, RATIO)
    old.take([Mark("", "BTC", 83_200.0)])
    old.judge()
    lines = BOOK.splitlines(keepends=True)
    path = tmp_path / "later.csv"
    path.write_text(lines[0] + "".join(reversed(lines[1:])))
    fresh = Watched(bind(read_book(path)), RATIO, Rules.bundled())
    fresh.carry(old, np.ones(len(old.mark), dtype=np.bool_))
    assert not len(fresh.judge())
    assert sorted(fresh.level.tolist()) == sorted(old.level.tolist())
