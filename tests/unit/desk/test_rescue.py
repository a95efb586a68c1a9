"""Ways back from a margin call: recomputed by hand, by another walk, and as properties."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.core import InputError
from seawall.desk.back import rescue
from seawall.desk.contributions import contributions
from seawall.desk.copies import Copies
from seawall.desk.hedging import hedges, move_survived
from seawall.desk.rescue import Costs, Goal, collateral_to_add, cuts
from seawall.ingest import read_book
from seawall.liquidity import ImpactLaw
from seawall.margin import MarginBook
from seawall.rulebook import bind

HEAD = (
    "account,venue,instrument,size,entry_price,mark_price,margin_mode,leverage,collateral,"
    "wallet_balance\n"
)
BOOK = (
    HEAD
    + """\
ann,binance,BTCUSDT,2.5,92000,86600,isolated,10,14600,
bob,hyperliquid,BTC,-40,80000,86600,cross,20,,330000
bob,hyperliquid,ETH,-100,2700,2830,cross,20,,
cem,bybit,ETHUSDT,300,2900,2830,isolated,5,26000,
dee,binance,ETHUSDT,200,3000,2830,cross,20,,60000
dee,binance,SOLUSDT,1000,150,130,cross,20,,
eve,okx,BTC-USDT-SWAP,3000,87000,86600,cross,20,,40000
fay,binance,BTCUSD_PERP,9000,90000,86600,isolated,20,0.55,
gus,deribit,BTC-PERPETUAL,900000,90000,86600,isolated,20,0.6,
"""
)


def bound(tmp_path, text=BOOK):
    path = tmp_path / "book.csv"
    path.write_text(text)
    return bind(read_book(path))


@pytest.fixture
def margin(tmp_path):
    return bound(tmp_path)


def every(margin):
    return np.arange(len(margin.book.accounts))


def changed(margin, account, keep, extra):
    """The account alone, made anew from the book's rows: kept parts of its rows, more balance."""
    book = margin.book
    rows = np.flatnonzero(book.positions.account == account)
    p = book.positions.take(rows)
    p = replace(p, size=p.size * np.asarray(keep), account=np.zeros(len(rows), dtype=np.int32))
    a = replace(
        book.accounts,
        **{
            name: getattr(book.accounts, name)[[account]]
            for name in ("trader", "venue", "isolated", "settle")
        },
        balance=margin.balance[[account]] + extra,
    )
    alone = replace(book, positions=p, accounts=a)
    return MarginBook(alone, margin.terms, margin.schedules, margin.schedule[rows])


def test_collateral_by_hand(margin):
    """2.5 BTC at 86,600 is in Binance's first bracket: 0.4%. Equity 14,600 - 13,500 = 1,100."""
    add = collateral_to_add(margin, np.array([0]), Goal(0.5))
    need = Decimal("0.004") * Decimal("2.5") * 86_600
    assert add[0] == pytest.approx(float(need / Decimal("0.5") - 1_100), abs=1e-6)


@pytest.mark.parametrize("goal", [Goal(0.5), Goal(0.2), Goal(0.5, 0.08), Goal(0.9, 0.3)])
def test_collateral_is_enough_and_no_less_would_be(margin, goal):
    add = collateral_to_add(margin, every(margin), goal)
    for a, extra in enumerate(add.tolist()):
        n = int((margin.book.positions.account == a).sum())
        assert meets(changed(margin, a, np.ones(n), extra), goal, 1e-9)
        if extra > 0:
            assert not meets(changed(margin, a, np.ones(n), extra * (1 - 1e-6) - 1e-9), goal, 0)


def meets(made, goal, slack):
    """Whether an account meets a goal, by its state at the marks and at moved ones."""
    if not made.accounts_state().ratio[0] <= goal.ratio * (1 + slack):
        return False
    for by in (1 - goal.move, 1 + goal.move):
        p = made.book.positions
        moved = replace(made.book, positions=replace(p, mark=p.mark * by))
        state = MarginBook(moved, made.terms, made.schedules, made.schedule).accounts_state()
        if goal.move and not state.excess[0] >= -slack * abs(state.equity[0]) - slack:
            return False
    return True


@pytest.mark.parametrize("goal", [Goal(0.5), Goal(0.3, 0.05)])
def test_cuts_are_enough_and_no_less_would_be(margin, goal):
    free = Costs.of(margin, dict.fromkeys(margin.book.assets, np.inf))
    found = cuts(margin, every(margin), goal, free)
    some = 0
    for k, a in enumerate(found.account.tolist()):
        rows = np.flatnonzero(margin.book.positions.account == a)
        mine = np.ones(len(rows), bool) if found.position[k] < 0 else rows == found.position[k]
        x = margin.lines

        def after(share, rows=rows, mine=mine, a=a, x=x):
            """Closed at mark: profit is paid out, the fee is paid, the rest stands."""
            part = np.where(mine, share, 0.0)
            paid = margin.pnl()[rows] - free.fee[rows] * np.abs(x.z[rows]) * x.u[rows]
            keep = np.where(mine, max(1 - share, 1e-12), 1.0)
            return changed(margin, a, keep, float((paid * part).sum()))

        share = found.share[k]
        if np.isnan(share):
            assert not meets(after(1.0), goal, 0)
        elif share > 0:
            some += 1
            assert meets(after(share), goal, 1e-7)
            assert not meets(after(share - 1e-5), goal, 0)
    assert some >= 6


def test_a_cut_pays_for_its_way_through_the_book(margin):
    law = ImpactLaw(exponent=1.0, thinning=1.0)
    costs = Costs.of(margin, {"BTC": 50e6}, law)
    found = cuts(margin, np.array([1]), Goal(0.5), costs)
    of_btc = int(np.flatnonzero(found.position == 1)[0])
    usd = found.notional_usd[of_btc]
    slipped = usd * 0.01 * (usd / 50e6) / 2
    assert found.cost[of_btc] == pytest.approx(usd * costs.fee[1] + slipped)
    free = cuts(margin, np.array([1]), Goal(0.5), Costs.of(margin, {"BTC": np.inf}))
    assert free.share[of_btc] < found.share[of_btc]


def test_an_isolated_cut_says_what_has_to_go_back(margin):
    found = cuts(margin, np.array([0]), Goal(0.5))
    share, cost = found.share[0], found.cost[0]
    assert found.put_back[0] == pytest.approx(share * 1_100 - cost)
    assert cuts(margin, np.array([1]), Goal(0.5)).put_back.tolist() == [0, 0, 0]


def test_cash_added_first_leaves_less_to_cut(margin):
    bob = np.array([1])
    need = collateral_to_add(margin, bob, Goal(0.5))[0]
    shares = [cuts(margin, bob, Goal(0.5), cash=part * need).share[2] for part in (0, 0.5, 1)]
    assert shares[0] > shares[1] > shares[2] == 0.0


def test_parts_add_up_and_leave_the_ratio_they_say(margin):
    found = contributions(margin, every(margin))
    ratio = margin.accounts_state().ratio
    for a in range(len(ratio)):
        assert found.part[found.account == a].sum() == pytest.approx(ratio[a])
    (of_btc,) = np.flatnonzero(found.position == 1)
    eth = changed(margin, 1, [1e-12, 1.0], float(margin.pnl()[1]))
    assert found.without[of_btc] == pytest.approx(eth.accounts_state().ratio[0])
    assert found.without[found.position == 0] == 0.0


def test_the_marginal_part_of_a_large_position_is_more_than_its_part(tmp_path):
    text = HEAD + "z,binance,BTCUSDT,2000,86600,86600,cross,5,,40000000\n"
    found = contributions(bound(tmp_path, text), np.array([0]))
    assert found.marginal[0] > 1.5 * found.part[0]


HEDGED = (
    HEAD
    + """\
bob,hyperliquid,ETH,3000,2830,2830,cross,20,,300000
oth,hyperliquid,BTC,1,86600,86600,cross,20,,50000
far,binance,BTCUSDT,1,86600,86600,cross,20,,50000
"""
)


def test_a_hedge_is_the_least_that_survives_the_move(tmp_path):
    margin = bound(tmp_path, HEDGED)
    costs = Costs.of(margin, dict.fromkeys(margin.book.assets, np.inf))
    now = float(move_survived(margin, up=False)[0])
    (hedge,) = hedges(margin, 0, 2 * now, costs)
    assert margin.book.instruments[hedge.instrument].symbol == "BTC"
    assert hedge.size < 0
    assert hedge.move == pytest.approx(2 * now, rel=1e-6)
    text = HEDGED + f"bob,hyperliquid,BTC,{hedge.size!r},86600,86600,cross,20,,\n"
    text = text.replace("300000", repr(300_000 - hedge.cost))
    made = bound(tmp_path, text)
    assert float(move_survived(made, up=False)[0]) == pytest.approx(2 * now, rel=1e-6)
    assert float(made.accounts_state().ratio[0]) == pytest.approx(hedge.ratio)
    assert hedge.ratio > margin.accounts_state().ratio[0]


def test_what_has_no_other_instrument_has_no_hedge(tmp_path):
    margin = bound(tmp_path, HEDGED)
    assert hedges(margin, 2, 0.5, Costs.of(margin)) == ()


def test_a_rescue_holds_the_worst_first_and_only_those_that_are_short(margin):
    found = rescue(margin, Goal(0.5))
    assert (np.diff(np.where(np.isinf(found.ratio), 1e9, found.ratio)) <= 0).all()
    ratio = margin.accounts_state().ratio
    assert set(found.accounts.tolist()) == set(np.flatnonzero(ratio > 0.5).tolist())
    assert (found.add > 0).all()
    only = rescue(margin, Goal(0.5), traders=["bob"])
    assert [margin.book.traders[margin.book.accounts.trader[a]] for a in only.accounts] == ["bob"]
    assert (found.move_after >= found.move).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda m: Goal(1.0), "margin ratio out of range"),
        (lambda m: Goal(0.5, -0.1), "move out of range"),
        (lambda m: rescue(m, traders=["zoe"]), "zoe"),
    ],
)
def test_what_cannot_be_aimed_at_is_refused(margin, make, words):
    with pytest.raises(InputError, match=words):
        make(margin)


@settings(max_examples=20)
@given(
    sizes=st.lists(st.floats(0.01, 400), min_size=1, max_size=3),
    sides=st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3),
    wallet=st.floats(100, 1e7),
    ratio=st.floats(0.05, 0.95),
    move=st.sampled_from([0.0, 0.02, 0.2]),
)
def test_properties_of_the_ways_back(tmp_path_factory, sizes, sides, wallet, ratio, move):
    """What is added is enough; a larger goal asks for no less; a good account for nothing."""
    names = (("BTCUSDT", 86_600.0), ("ETHUSDT", 2_830.0), ("SOLUSDT", 130.0))
    rows = "".join(
        f"a,binance,{name},{size * side!r},{price},{price},cross,20,,{wallet!r}\n"
        for size, side, (name, price) in zip(sizes, sides, names, strict=False)
    )
    margin = bound(tmp_path_factory.mktemp("book"), HEAD + rows)
    one, goal = np.array([0]), Goal(ratio, move)
    add = collateral_to_add(margin, one, goal)
    copies = Copies(margin, one).moved(goal.factors)
    assert goal.short(copies, None, margin.balance + add)[0] <= 1e-6 * (1 + add[0] + wallet)
    assert (collateral_to_add(margin, one, Goal(ratio / 2, move)) >= add - 1e-6).all()
    assert (collateral_to_add(margin, one, Goal(ratio, min(move + 0.1, 0.9))) >= add - 1e-6).all()
    found = cuts(margin, one, goal)
    shares = found.share[~np.isnan(found.share)]
    assert ((shares >= 0) & (shares <= 1)).all()
    if add[0] == 0:
        assert (found.share == 0).all()
