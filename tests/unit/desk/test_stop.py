"""Stops against what can be worked out by other means, and what must hold of all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.made_tapes import made_tape
from tests.unit.desk.desk_books import book_of, cross, isolated

from seawall.core import InputError
from seawall.core.tape import Kind
from seawall.desk.closed_form import touch_probability
from seawall.desk.crowding import clusters_of_book, clusters_of_store
from seawall.desk.passages import standard_error
from seawall.desk.paths import DAY, Paths, brownian
from seawall.desk.resizing import Resizing
from seawall.desk.stop import place
from seawall.desk.stop_odds import Stops
from seawall.desk.triggers import LAST_BEHIND, trigger_of
from seawall.ingest.store.writer import StoreWriter
from seawall.liquidity import ImpactLaw
from seawall.risk import Cluster
from seawall.rulebook import bind

HOUR = 3_600.0
COVARIANCE = np.array([[0.0016, 0.0018], [0.0018, 0.0036]])
PATHS = brownian(("BTC", "ETH"), COVARIANCE, 7 * DAY, HOUR, 4_000, 31)
FREE = {"BTC": 0.0}


def stops_of(margin, position=0, paths=PATHS, **more) -> Stops:
    return Stops(Resizing(margin, position), paths, **more)


def one_path(close: list[float], low: list[float], high: list[float] | None = None) -> Paths:
    high = high or [max(a, b) for a, b in zip([100.0, *close[:-1]], close, strict=True)]
    parts = [np.log(np.array(x, np.float64) / 100.0)[None, :, None] for x in (close, low, high)]
    ends = np.arange(1, len(close) + 1) * HOUR
    return Paths(("BTC",), ends, *(p.astype(np.float32) for p in parts))


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_stop_far_from_liquidation_fires_as_a_brownian_price_touches_it(side: float) -> None:
    paths = brownian(("BTC",), COVARIANCE[:1, :1], DAY, HOUR, 40_000, 32)
    margin = book_of(cross("BTC", side, 1_000.0))
    stops = stops_of(margin, paths=paths, horizons=(6 * HOUR, DAY), funding=FREE)
    price = 100.0 * np.exp(-side * np.array([0.02, 0.04, 0.08]))
    found = stops.firing(price)
    for k, horizon in enumerate(stops.horizons):
        expected = touch_probability(np.log(price / 100.0), 0.04, horizon)
        error = standard_error(expected, paths.count)
        assert (np.abs(found.fires[:, k] - expected) < 4.0 * error + 1e-9).all()
        assert found.closed_form[:, k] == pytest.approx(expected, rel=0.1, abs=2e-4)
    assert (found.liquidated == 0.0).all()


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_nearer_stops_fire_more_and_come_too_late_less(side: float) -> None:
    margin = book_of(isolated("BTC", side, 12.0))
    stops = stops_of(margin, delay=600.0)
    fall = stops.liquidation
    price = 100.0 + (fall - 100.0) * np.linspace(0.05, 0.999, 12)
    found = stops.firing(price)
    assert (np.diff(found.fires, axis=0) <= 0.0).all()
    assert (np.diff(found.liquidated, axis=0) >= 0.0).all()
    assert (np.diff(found.fires, axis=1) >= 0.0).all()
    assert found.liquidated[-1, -1] > 0.0
    # nothing is left of the account that could fall after the fill
    assert (found.after == 0.0).all()
    assert (found.total == found.liquidated).all()
    assert (found.fires + found.liquidated <= 1.0).all()
    slower = stops_of(margin, delay=1_200.0).firing(price)
    assert (slower.liquidated >= found.liquidated).all()


def test_in_one_step_the_way_to_the_fill_decides() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0))
    fall = stops_of(margin).liquidation
    low = fall - 15.0
    path = one_path([99.0, fall - 4.0], [98.5, low])
    stop = fall + 1.0
    # in 36 s of an hour a tenth of the way left: from the stop that is past the liquidation
    assert stop - 0.1 * (stop - low) < fall
    for delay, fires in ((0.0, 1.0), (36.0, 0.0)):
        stops = stops_of(margin, paths=path, horizons=(HOUR, 2 * HOUR), delay=delay, funding=FREE)
        found = stops.firing(np.array([stop]))
        assert found.fires[0].tolist() == [0.0, fires]
        assert found.liquidated[0].tolist() == [0.0, 1.0 - fires]
    late = stops_of(margin, paths=one_path([fall - 1.0, 99.0], [fall - 1.0, 90.5]),
                    horizons=(2 * HOUR,), funding=FREE)  # fmt: skip
    assert late.firing(np.array([fall - 0.5])).liquidated[0, 0] == 1.0


def test_the_gap_is_what_the_price_goes_on() -> None:
    margin = book_of(cross("BTC", 1.0, 1_000.0))
    path = one_path([99.0, 90.0], [98.5, 89.0])
    stops = stops_of(margin, paths=path, horizons=(2 * HOUR,), delay=36.0, funding=FREE)
    found = stops.firing(np.array([95.0]))
    assert found.fires[0, 0] == 1.0
    assert found.gap[0, 0] == pytest.approx(0.1 * (95.0 - 89.0) / 95.0, rel=1e-4)


def walked_by_hand(paths: Paths, sizes: dict[str, float], cash: float, stop: float | None,
                   rates: dict[str, float], hours: int, delay: float) -> np.ndarray:  # fmt: skip
    """1 of a liquidation before the stop on the first asset, 2 after it, 0 for none, path by path.

    Positions at 100, of which the first is long and stopped at ``stop``, each with one rate of
    maintenance; step by step in plain numbers, without fees, slippage and funding.
    """
    out = np.zeros(paths.count, dtype=int)
    own = next(iter(sizes))

    def stands(held: dict[str, float], money: float, prices: dict[str, float]) -> bool:
        equity = money + sum(q * (prices[a] - 100.0) for a, q in held.items())
        return equity > sum(abs(q) * prices[a] * rates[a] for a, q in held.items())

    for p in range(paths.count):
        held, money, before = dict(sizes), cash, dict.fromkeys(sizes, 100.0)
        for t in range(hours):
            low, high, close = (
                {a: 100.0 * float(np.exp(x[p, t, k])) for k, a in enumerate(paths.assets)}
                for x in (paths.low, paths.high, paths.close)
            )
            if own in held and stop is not None and low[own] <= stop:
                met = (before[own] - stop) / (before[own] - low[own])
                share = met + (1.0 - met) * (delay / HOUR) ** 0.5
                # the way in a thousand parts: does the account last to the fill? What came first of
                # the stop and a fall at the highs is not known, and counts as the fall
                way = np.linspace(0.0, share, 1_000)
                first = next((x for x in (low, high, close) if not stands(held, money, x)), None)
                end = close if first is close else low
                on = [{a: before[a] + w * (end[a] - before[a]) for a in held} for w in way]
                if first is high or not all(stands(held, money, prices) for prices in on):
                    out[p] = 1
                    break
                money += held.pop(own) * (before[own] + share * (low[own] - before[own]) - 100.0)
            if not all(stands(held, money, prices) for prices in (low, high, close)):
                out[p] = 1 if own in held else 2
                break
            before = close
    return out


def test_after_its_fill_the_rest_of_the_account_walks_on() -> None:
    margin = book_of(cross("BTC", 10.0, 110.0), cross("ETH", -9.0, 110.0))
    free = bind(
        replace(
            margin.book,
            positions=replace(margin.book.positions, taker_fee=np.zeros(2)),
        )
    )
    paths = PATHS.thinned(300)
    horizons = (DAY, 7 * DAY)
    stops = stops_of(free, paths=paths, horizons=horizons, delay=400.0,
                     funding=dict.fromkeys(("BTC", "ETH"), 0.0),
                     depth=dict.fromkeys(("BTC", "ETH"), 1e18))  # fmt: skip
    price = np.array([88.0, 93.0, 97.0])
    found = stops.firing(price)
    rates = {
        a: float(free.schedules[free.schedule[k]].rates[0]) for k, a in enumerate(PATHS.assets)
    }
    sizes = {"BTC": 10.0, "ETH": -9.0}
    for h, hours in enumerate((24, 168)):
        without = walked_by_hand(paths, sizes, 110.0, None, rates, hours, 400.0)
        assert stops.unprotected[h] == pytest.approx(np.mean(without > 0))
        for k, stop in enumerate(price.tolist()):
            own = walked_by_hand(paths, sizes, 110.0, stop, rates, hours, 400.0)
            assert found.liquidated[k, h] == pytest.approx(np.mean(own == 1))
            assert found.after[k, h] == pytest.approx(np.mean(own == 2))
            assert found.total[k, h] == pytest.approx(np.mean(own > 0))
            apart = (own > 0) != (without > 0)
            assert found.change_se[k, h] == pytest.approx(np.sqrt(apart.mean() / paths.count))
    # the hedge is gone: the nearer its stop, the likelier the other side falls alone
    assert (np.diff(found.after[:, -1]) > 0.0).all()
    assert (found.total[:, -1] > stops.unprotected[-1]).all()


def test_the_fill_costs_slippage_and_fee_and_funding_was_paid_before() -> None:
    two = PATHS.thinned(1_000)
    plain = book_of(cross("BTC", 10.0, 110.0), cross("ETH", -9.0, 110.0))
    at = np.array([93.0])

    def after(margin=plain, **more) -> float:
        more = {"funding": {"BTC": 0.0, "ETH": 0.0}} | more
        return float(stops_of(margin, paths=two, **more).firing(at).after[0, -1])

    dear = replace(plain.book, positions=replace(plain.book.positions, taker_fee=np.full(2, 0.02)))
    assert after(bind(dear)) > after()
    assert after(depth={"BTC": 1e3, "ETH": 1e12}) > after()
    assert after(funding={"BTC": 0.004, "ETH": 0.0}) != after()
    # a short's stop, and a hedge in coins: the mirror holds
    short = book_of(cross("BTC", -10.0, 110.0), cross("ETH", 9.0, 110.0))
    found = stops_of(short, paths=two).firing(np.array([107.0]))
    assert found.after[0, -1] > 0.0
    assert found.total[0, -1] > stops_of(short, paths=two).unprotected[-1]


def test_other_positions_may_fell_the_account_first() -> None:
    margin = book_of(cross("BTC", 1.0, 60.0), cross("ETH", 20.0, 60.0))
    found = stops_of(margin).firing(np.array([85.0]))
    assert found.liquidated[0, -1] > 0.3
    alone = stops_of(book_of(cross("BTC", 1.0, 60.0))).firing(np.array([85.0]))
    assert alone.liquidated[0, -1] == 0.0


def test_slippage_is_the_laws_in_a_calm_and_a_thin_book() -> None:
    law = ImpactLaw(exponent=0.5, thinning=4.0)
    margin = book_of(isolated("BTC", 100.0, 3.0))
    found = stops_of(margin, depth={"BTC": 1e5}, law=law).firing(np.array([90.0]))
    assert found.calm[0] == pytest.approx(-np.expm1(-0.01 * np.sqrt(9_000 / 1e5) / 1.5))
    assert found.stressed[0] == pytest.approx(-np.expm1(-0.01 * np.sqrt(9_000 / 2.5e4) / 1.5))


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_stop_stands_where_volatility_asks_and_before_the_liquidation(side: float) -> None:
    margin = book_of(isolated("BTC", side, 5.0))
    stops = stops_of(margin)
    found = place(stops, sigmas=2.0)
    assert found.why == "volatility"
    assert found.price == pytest.approx(100.0 * np.exp(-side * 2.0 * stops.daily_sigma))
    assert found.sigmas == pytest.approx(2.0)
    near = place(stops, sigmas=6.0, extra=0.01)
    assert near.why == "liquidation"
    assert near.price == pytest.approx(stops.liquidation * (1.0 + side * near.needed.total))
    assert near.needed.extra == 0.01
    assert (stops.liquidation - near.price) * side < 0.0
    assert place(stops, sigmas=4.0).firing.fires[0, -1] < found.firing.fires[0, -1]


def test_room_is_slippage_gap_lag_and_funding() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0))
    free = stops_of(margin, funding=FREE).needed(trigger_of("binance_usdm", "mark"))
    paid = stops_of(margin, funding={"BTC": 0.0004}).needed(trigger_of("binance_usdm", "last"))
    assert (free.lag, free.funding) == (0.0, 0.0)
    assert paid.lag == LAST_BEHIND
    assert paid.funding == pytest.approx(0.0004 * 21)
    assert paid.total == pytest.approx(paid.slippage + paid.gap + paid.lag + paid.funding)
    # the liquidation price after a week of it is what the stop keeps away from
    margin_after = book_of(isolated("BTC", 1.0, 10.0, collateral=10.0 - 0.84))
    moved = margin_after.liquidation_price()[0] / margin.liquidation_price()[0] - 1.0
    assert moved == pytest.approx(paid.funding, rel=0.15)
    assert stops_of(margin, funding={"BTC": -0.01}).needed(trigger_of("okx")).funding == 0.0
    slow = stops_of(margin, funding=FREE, delay=3_600.0).needed(trigger_of("okx"))
    assert slow.gap > free.gap


@pytest.mark.parametrize(
    ("size", "at", "words"),
    [
        (1.0, 85.0, "would never fire: the account is liquidated at 90.3614, before"),
        (-1.0, 115.0, "would never fire: the account is liquidated at 109.562, before"),
        (1.0, 100.5, "would fire at once"),
        (-1.0, 99.0, "would fire at once"),
        (1.0, -4.0, "would fire at once|would never fire"),
    ],
)
def test_a_stop_beyond_liquidation_or_the_mark_is_refused_with_the_reason(size, at, words) -> None:
    stops = stops_of(book_of(isolated("BTC", size, 10.0)))
    with pytest.raises(InputError, match=words):
        place(stops, at=at)


def test_where_no_stop_can_stand_it_is_said_why() -> None:
    with pytest.raises(InputError, match=r"no room for a stop.*allowed: more than"):
        place(stops_of(book_of(isolated("BTC", 1.0, 100.0)), delay=600.0))
    due = book_of(isolated("BTC", 1.0, 10.0, collateral=0.1))
    with pytest.raises(InputError, match="due for liquidation"):
        place(stops_of(due))
    with pytest.raises(InputError, match=r"no such trigger there.*allowed: mark"):
        trigger_of("hyperliquid", "last")
    given = place(stops_of(book_of(isolated("BTC", 1.0, 10.0))), at=90.4)
    assert (given.why, given.price) == ("given", 90.4)


def test_triggers_are_the_venues() -> None:
    assert trigger_of("binance_usdm").by == "mark"
    assert not trigger_of("binance_usdm").usual
    assert trigger_of("binance_usdm", "last").usual
    assert trigger_of("hyperliquid").usual
    unknown = trigger_of("generic")
    assert (unknown.by, unknown.lag, unknown.source) == ("last", LAST_BEHIND, "")


def crowd(low: float, high: float, side: str = "long") -> Cluster:
    peak = 0.5 * (low + high)
    return Cluster("BTC", side, peak, low, high, 1e6, peak / 100.0 - 1.0, 0.0)


def test_a_stop_is_kept_out_of_the_nearest_cluster() -> None:
    stops = stops_of(book_of(isolated("BTC", 1.0, 5.0)), funding=FREE)
    wished = place(stops).price
    around = crowd(wished - 1.0, wished + 1.0)
    beyond = place(stops, clusters=[crowd(50.0, 51.0), around])
    assert beyond.why == "beyond the cluster"
    assert beyond.cluster is around
    assert beyond.price == pytest.approx(around.low, rel=0.02)
    assert beyond.price < around.low
    # past its far end there is no room: before it, then
    wide = crowd(stops.liquidation - 1.0, wished + 1.0)
    before = place(stops, clusters=[wide])
    assert before.why == "before the cluster"
    assert wide.high < before.price < wide.high * 1.02
    everywhere = crowd(stops.liquidation - 1.0, 99.99)
    assert place(stops, clusters=[everywhere]).why == "inside the cluster"
    # those of the other side, and those elsewhere, are in nobody's way
    for idle in (crowd(wished - 1.0, wished + 1.0, "short"), crowd(60.0, 70.0)):
        assert place(stops, clusters=[idle]).price == wished


def test_clusters_of_a_book_are_moved_to_the_positions_mark() -> None:
    market = book_of(*(isolated("BTC", 50.0, 10.0 + 0.01 * k) for k in range(5)))
    found = clusters_of_book(market, "BTC", 200.0, 0.04)
    fall = market.liquidation_price()
    assert found[0].low <= 2.0 * fall.min() <= 2.0 * fall.max() <= found[0].high
    assert found[0].side == "long"
    with pytest.raises(InputError, match="no such asset"):
        clusters_of_book(market, "SOL", 200.0, 0.04)


def test_clusters_of_a_tape_are_where_it_saw_liquidations(tmp_path: Path) -> None:
    tape = made_tape(4_000, seed=3)
    price = np.where(np.arange(4_000) % 2 == 0, 3_000.0, tape.price)
    with StoreWriter(tmp_path) as writer:
        writer.append(replace(tape, price=price, notional=tape.quantity * price))
    found = clusters_of_store(tmp_path, "BTC", 3_200.0, 0.03)
    assert {c.side for c in found} == {"long", "short"}
    assert all(c.low <= 3_000.0 <= c.high for c in found[:2])
    mine = (tape.asset == 0) & tape.at_fill & (tape.kind != Kind.ADL) & (price == 3_000.0)
    expected = (tape.quantity * price)[mine & (tape.side > 0)].sum()
    longs = next(c for c in found if c.side == "long")
    assert longs.notional_usd == pytest.approx(expected, rel=0.2)
    assert longs.notional_usd >= expected
    with pytest.raises(InputError, match="no liquidation at a known price near the mark"):
        clusters_of_store(tmp_path, "BTC", 1.0, 0.03)
