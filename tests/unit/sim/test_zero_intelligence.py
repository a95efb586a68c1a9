"""The zero-intelligence market: against a plain one, conservation, margin, liquidation, impact."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import InputError, InternalError
from seawall.sim import _zero
from seawall.sim.emergent_impact import measure_impact
from seawall.sim.streams import stream_key
from seawall.sim.zero_intelligence import ZeroIntelligenceMarket
from seawall.sim.zero_rules import ZeroIntelligenceRules

SMALL = ZeroIntelligenceRules(
    agents=8,
    resting=30,
    band=10,
    start_price=500,
    affordable_lots=40,
    leverage=(2, 3),
    maintenance=0.0,
)
STRESSED = ZeroIntelligenceRules(agents=300, resting=300, affordable_lots=50, leverage=(5, 20, 100))
MASK = (1 << 64) - 1


def bits(key: int, counter: int, place: int) -> int:
    """SplitMix64's output function, twice."""
    x = (key + counter * 0x9E3779B97F4A7C15) & MASK
    for extra in (place * 0xD1B54A32D192ED03, 0):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        x = ((x ^ (x >> 31)) + extra) & MASK
    return x


class PlainMarket:
    """The market without liquidations: dictionaries, searched in full whenever asked."""

    def __init__(self, rules: ZeroIntelligenceRules, seed: int):
        self.rules, self.key, self.event = rules, int(stream_key(seed, "zero intelligence")), 0
        deposits, limits = rules.deposits()
        self.cash, self.limits = deposits.tolist(), limits.tolist()
        self.held = [0] * rules.agents
        self.rows: dict[int, SimpleNamespace] = {}
        self.free: list[int] = []
        self.used = self.entered = self.refused = 0
        self.mark = rules.start_price

    def best(self, side: int) -> int | None:
        prices = [o.price for o in self.rows.values() if o.side == side]
        return None if not prices else max(prices) if side > 0 else min(prices)

    def open_lots(self, i: int, side: int) -> int:
        return sum(o.size for o in self.rows.values() if o.owner == i and o.side == side)

    def admits(self, i: int, side: int, lots: int) -> bool:
        worst = side * self.held[i] + self.open_lots(i, side) + lots
        equity = self.cash[i] + self.held[i] * self.mark
        good = worst <= 0 or Fraction(worst * self.mark, self.limits[i]) <= equity
        self.refused += not good
        return good

    def remove(self, row: int) -> None:
        del self.rows[row]
        self.free.append(row)

    def limit(self, i: int, side: int, offset: int, lots: int) -> None:
        other = self.best(-side)
        price = (self.mark + side if other is None else other) - side * offset
        if self.admits(i, side, lots):
            if self.free:
                row = self.free.pop()
            else:
                row, self.used = self.used, self.used + 1
            self.entered += 1
            self.rows[row] = SimpleNamespace(
                side=side, price=price, size=lots, owner=i, turn=self.entered
            )

    def market(self, i: int, side: int, lots: int) -> None:
        if not self.admits(i, side, lots):
            return
        while lots and (price := self.best(-side)) is not None:
            row = min(
                (r for r, o in self.rows.items() if o.side == -side and o.price == price),
                key=lambda r: self.rows[r].turn,
            )
            order = self.rows[row]
            filled = min(lots, order.size)
            for who, sign in ((i, side), (order.owner, -side)):
                self.cash[who] -= sign * filled * price
                self.held[who] += sign * filled
            lots -= filled
            order.size -= filled
            if not order.size:
                self.remove(row)

    def cancel(self, low: int) -> None:
        row, again = low * self.used >> 32, 2
        while row not in self.rows:
            row = (bits(self.key, self.event, again) >> 32) * self.used >> 32
            again += 1
        self.remove(row)

    def run(self, events: int) -> None:
        rules = self.rules
        for _ in range(events):
            one, two = bits(self.key, self.event, 0), bits(self.key, self.event, 1)
            high, low = one >> 32, one & 0xFFFFFFFF
            pick = high * 2.0**-32
            pick *= rules.limit_rate + rules.market_rate + rules.cancel_rate * len(self.rows)
            i, side = low * rules.agents >> 32, 1 if two & 1 else -1
            if pick < rules.limit_rate:
                lots = 1 + ((two & 0xFFFFFFFE) * rules.limit_lots >> 32)
                self.limit(i, side, 1 + ((two >> 32) * rules.band >> 32), lots)
            elif pick < rules.limit_rate + rules.market_rate:
                self.market(i, side, 1 + ((two >> 32) * rules.market_lots >> 32))
            elif self.rows:
                self.cancel(low)
            bid, ask = self.best(1), self.best(-1)
            if bid is not None and ask is not None:
                self.mark = (bid + ask) // 2
            self.event += 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_event_is_that_of_a_plain_market(seed: int) -> None:
    ours, plain = ZeroIntelligenceMarket(SMALL, seed), PlainMarket(SMALL, seed)
    refused = 0
    for _ in range(100):
        tally = ours.run(20)
        plain.run(20)
        ours.check()
        assert tally.liquidations == tally.no_price == 0
        refused += tally.add_refused + tally.market_refused
        assert ours.cash.tolist() == plain.cash
        assert ours.held.tolist() == plain.held
        assert (*ours.best, ours.mark) == (plain.best(1), plain.best(-1), plain.mark)
        assert ours.resting == len(plain.rows)
        assert refused == plain.refused
    assert refused > 100


def test_a_seed_is_a_run_however_it_is_cut() -> None:
    whole, parts, other = (ZeroIntelligenceMarket(STRESSED, seed) for seed in (5, 5, 6))
    tally = whole.run(30_000)
    some = [parts.run(n) for n in (1, 9_999, 0, 20_000)]
    assert tally.fills == sum(t.fills for t in some)
    assert whole.cash.tolist() == parts.cash.tolist()
    assert whole.liquidations.agent.tolist() == parts.liquidations.agent.tolist()
    other.run(30_000)
    assert whole.cash.tolist() != other.cash.tolist()


@pytest.mark.parametrize("replaced", [False, True])
def test_cash_and_lots_are_conserved_through_liquidations(replaced: bool) -> None:
    market = ZeroIntelligenceMarket(replace(STRESSED, replaced=replaced), seed=2)
    deposits = int(STRESSED.deposits()[0].sum())
    liquidated = 0
    for _ in range(60):
        liquidated += market.run(5_000).liquidations
        market.check()
        assert market.held.sum() == 0
        if not replaced:
            assert market.cash.sum() + market.fund == deposits
    assert liquidated > 20
    assert -market.fund == market.liquidations.paid.sum()


def due(cash: int, held: int, mark: int) -> bool:
    return held != 0 and Fraction(cash + held * mark) <= Fraction(1, 200) * abs(held) * mark


def test_those_at_maintenance_are_liquidated_at_once_and_nobody_else() -> None:
    market = ZeroIntelligenceMarket(STRESSED, seed=4)
    seen = 0
    for event in range(60_000):
        market.run(1)
        bid, ask = market.best
        if event % 40 == 0 and bid is not None and ask is not None:
            late = [
                i
                for i, (c, z) in enumerate(zip(market.cash, market.held, strict=True))
                if due(int(c), int(z), market.mark)
            ]
            assert late == []
        log = market.liquidations
        for n in range(seen, len(log.agent)):
            assert log.event[n] == event
            assert due(int(log.cash[n]), int(log.held[n]), int(log.mark[n]))
            assert 0 < log.closed[n] <= abs(log.held[n])
        seen = len(log.agent)
    assert seen > 5


@given(
    st.integers(-5_000, 5_000).filter(bool),
    st.integers(-(10**8), 10**8),
    st.integers(0, 900),
)
def test_the_liquidation_tick_parts_safe_ticks_from_others(
    held: int, cash: int, points: int
) -> None:
    agent = np.zeros((1, 8), dtype=np.int64)
    agent[0, [_zero.CASH, _zero.HELD]] = cash, held
    market, flow = SimpleNamespace(agent=agent), SimpleNamespace(maintenance=points)
    tick = int(_zero.liquidation_tick.py_func(market, flow, 0))

    def falls(price: int) -> bool:
        need = Fraction(points, 10_000) * abs(held) * price
        return cash + held * price <= need

    safer = 1 if held > 0 else -1
    if tick > 0:
        assert falls(tick)
    if tick + safer > 0:
        assert not falls(tick + safer)


def test_an_order_from_outside_moves_the_price_and_starts_liquidations() -> None:
    market = ZeroIntelligenceMarket(STRESSED, seed=9).settle()
    market.run(20_000)
    before, fallen = market.mark, len(market.liquidations.agent)
    market.trade(-1, 600)
    assert market.mark < before
    log = market.liquidations
    assert len(log.agent) > fallen
    assert (log.held[fallen:] > 0).any()
    market.check()


def test_who_has_nobody_to_trade_with_waits() -> None:
    market = ZeroIntelligenceMarket(STRESSED, seed=9).settle()
    market.run(20_000)
    # no bid is left, so that longs that fall cannot be closed
    assert market.trade(-1, 10**6) > 0
    assert market.best[0] is None
    market.run(20_000)
    market.check()
    assert None not in market.best


def test_check_finds_what_is_lost() -> None:
    market = ZeroIntelligenceMarket(SMALL).settle()
    market._market.agent[0, _zero.CASH] += 1
    with pytest.raises(InternalError, match="cash is not conserved"):
        market.check()


def test_the_default_mix_is_60_30_10() -> None:
    market = ZeroIntelligenceMarket(seed=1).settle()
    tally = market.run(200_000)
    adds, takes = tally.added + tally.add_refused, tally.markets + tally.market_refused
    assert adds / 200_000 == pytest.approx(0.6, abs=0.02)
    assert tally.cancelled / 200_000 == pytest.approx(0.3, abs=0.03)
    assert takes / 200_000 == pytest.approx(0.1, abs=0.01)
    assert market.resting == pytest.approx(1_000, rel=0.25)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"agents": 0}, "agents out of range"),
        ({"resting": -1}, "resting out of range"),
        ({"market_lots": 80}, "take as many lots"),
        ({"limit_rate": 0.0}, "rate is out of range"),
        ({"leverage": ()}, "leverage out of range"),
        ({"leverage": (5, 0)}, "leverage out of range"),
        ({"maintenance": 0.01}, "below the initial margin"),
        ({"maintenance": 0.00123}, "whole basis points"),
        ({"band": 30_000}, "band out of range"),
    ],
)
def test_rules_out_of_range_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(ZeroIntelligenceRules(), **wrong)


def test_impact_grows_with_size_but_less_than_in_proportion() -> None:
    rules = ZeroIntelligenceRules(agents=100, resting=1_000)
    measured = measure_impact(rules, sizes=(20, 60, 180, 540), repeats=60, pause=2, seed=3)
    assert (np.diff(measured.impact) > 0).all()
    assert measured.impact[0] > 2 * measured.standard_error[0]
    assert 0.3 < measured.exponent < 0.8
    assert measured.low < measured.exponent < measured.high
    # by hand: weighted least squares of the logarithms
    weight = measured.impact / measured.standard_error
    slope = np.polyfit(np.log(measured.size), np.log(measured.impact), 1, w=weight)[0]
    assert measured.exponent == pytest.approx(slope)


def test_impact_of_impossible_metaorders_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        measure_impact(ZeroIntelligenceRules(), sizes=(15,), repeats=1)
    assert len(caught.value.mistakes) == 3
    thin = ZeroIntelligenceRules(agents=10, resting=20)
    with pytest.raises(InputError, match="emptied a side"):
        measure_impact(thin, sizes=(10, 100_000), repeats=2, slice_lots=10, pause=0)
