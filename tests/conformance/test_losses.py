"""Every rule in ``rulebook/losses`` keeps the same promises; a new one needs no edit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite, loss_rules

RULES = loss_rules()
EXPECTED = {
    *("binance", "bybit", "okx", "hyperliquid", "dydx", "deribit", "paradex", "whitebit"),
    *("derive", "kraken", "percolator", "pro_rata", "risk_aware_pro_rata", "mirror_descent"),
    *("fewest_accounts", "leverage_draining", "queue", "none"),
}
COLUMNS = [n for n in Opposite.__slots__ if n not in ("side", "mark")]

everyone = pytest.mark.parametrize("name", sorted(RULES))
money = st.floats(0, 1e9) | st.sampled_from([0.0, 1e-9, 1.0, 1e6])
signed = st.floats(-1e8, 1e8) | st.sampled_from([0.0, 1e6])
price = st.floats(1e-3, 1e6)
size = st.floats(0, 1e6) | st.sampled_from([0.0, 1e-300, 1e-9, 1.0, 2.0])


@st.composite
def opposites(draw: st.DrawFn, side: float, mark: float, inverse: bool) -> Opposite:
    k = draw(st.integers(0, 12))
    kinds = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[float]) -> np.ndarray:
        some = draw(st.lists(values, min_size=kinds, max_size=kinds))
        return np.array([some[i % kinds] for i in range(k)], dtype=np.float64)

    quantity, entry = column(size), column(price)
    notional = quantity if inverse else quantity * mark
    cost = quantity * mark / entry if inverse else quantity * entry
    pnl = side * (cost - notional if inverse else notional - cost)
    balance, other = column(signed), column(signed)
    return Opposite(
        quantity=quantity,
        side=side,
        entry=entry,
        mark=mark,
        notional=notional,
        cost=cost,
        pnl=pnl,
        balance=balance,
        equity=balance + pnl + other,
        maintenance=0.01 * notional + column(money),
        gross=notional + column(money),
    )


@st.composite
def events(draw: st.DrawFn) -> tuple[Claim, Opposite]:
    inverse, sign, mark = draw(st.booleans()), draw(st.sampled_from([-1.0, 1.0])), draw(price)
    fund = draw(signed)
    claim = Claim(
        quantity=sign * draw(size),
        bankruptcy=draw(price | st.sampled_from([0.0, -5.0, np.inf, np.nan])),
        mark=mark,
        mark_before=draw(price | st.sampled_from([0.0, np.nan])),
        deficit=draw(money),
        fund=fund,
        fund_peak=max(fund, draw(money)),
        fund_start=draw(money),
        inverse=inverse,
        seconds=draw(st.floats(0, 1e5)),
        was_triggered=draw(st.booleans()),
    )
    return claim, draw(opposites(-sign, mark, inverse))


def allocate(rule: LossRule, claim: Claim, opposite: Opposite) -> Allocation:
    return rule.allocate(claim, opposite, np.random.default_rng(7))


def permuted(opposite: Opposite, order: np.ndarray) -> Opposite:
    return replace(opposite, **{name: getattr(opposite, name)[order] for name in COLUMNS})


def table(opposite: Opposite, allocation: Allocation) -> list[tuple[float, ...]]:
    """What befalls whom, whatever the order of rows: rows alike are not told apart."""
    rows = [getattr(opposite, name) for name in COLUMNS]
    return sorted(zip(*rows, allocation.closed, allocation.paid, strict=True))


def test_the_rules_of_the_product_are_there() -> None:
    assert set(RULES) >= EXPECTED


@everyone
def test_a_rule_says_what_it_is_and_where_it_is_from(name: str) -> None:
    rule = RULES[name]
    assert len(rule.title) >= 3
    assert len(rule.source) >= 7
    assert rule.__doc__
    assert rule().title == rule.title


@everyone
def test_an_unknown_parameter_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no_such_parameter"):
        RULES[name](**{"no_such_parameter": 1.0})


@everyone
@settings(max_examples=80)
@given(event=events())
def test_nothing_is_given_that_is_not_asked_for(name: str, event: tuple[Claim, Opposite]) -> None:
    claim, opposite = event
    rule = RULES[name]()
    done = allocate(rule, claim, opposite)
    assert done.closed.shape == done.paid.shape == (len(opposite),)
    assert np.isfinite(done.closed).all()
    assert np.isfinite(done.paid).all()
    assert np.isfinite(done.price)
    assert (done.closed >= 0).all()
    assert (done.closed <= opposite.quantity).all()
    assert done.closed.sum() <= abs(claim.quantity)
    assert (done.paid >= 0).all()
    assert (done.paid <= np.maximum(opposite.pnl, 0)).all()
    assert done.paid.sum() <= claim.deficit
    if not rule.triggered(claim):
        assert done.closed.sum() == 0
        assert done.paid.sum() == 0


@everyone
@settings(max_examples=50)
@given(event=events(), data=st.data())
def test_the_order_of_rows_does_not_matter(
    name: str, event: tuple[Claim, Opposite], data: st.DataObject
) -> None:
    claim, opposite = event
    order = np.array(data.draw(st.permutations(range(len(opposite)))), dtype=np.int64)
    shuffled = permuted(opposite, order)
    rule = RULES[name]()
    first = table(opposite, allocate(rule, claim, opposite))
    second = table(shuffled, allocate(rule, claim, shuffled))
    scale = max(abs(claim.quantity), claim.deficit, 1e-300)
    np.testing.assert_allclose(
        np.array(first, dtype=np.float64).reshape(-1, len(COLUMNS) + 2),
        np.array(second, dtype=np.float64).reshape(-1, len(COLUMNS) + 2),
        rtol=1e-9,
        atol=1e-12 * scale,
    )


@everyone
@settings(max_examples=40)
@given(event=events())
def test_nobody_is_brought_below_zero(name: str, event: tuple[Claim, Opposite]) -> None:
    claim, opposite = event
    done = allocate(RULES[name](), claim, opposite)
    if claim.inverse:
        cost = done.closed * (1.0 - claim.mark / done.price) * -opposite.side
    else:
        cost = done.closed * (done.price - claim.mark) * -opposite.side
    asked = np.maximum(cost, 0.0) + done.paid
    room = np.maximum(opposite.equity, 0.0)
    assert (asked <= room * (1 + 1e-9) + 1e-9).all()


@everyone
@settings(max_examples=20)
@given(event=events())
def test_no_claim_asks_for_nothing(name: str, event: tuple[Claim, Opposite]) -> None:
    claim, opposite = event
    empty = replace(claim, quantity=0.0, deficit=0.0)
    done = allocate(RULES[name](), empty, opposite)
    assert not done.closed.any()
    assert not done.paid.any()


@everyone
@settings(max_examples=20)
@given(event=events())
def test_the_same_draw_gives_the_same_allocation(name: str, event: tuple[Claim, Opposite]) -> None:
    claim, opposite = event
    rule = RULES[name]()
    one, two = allocate(rule, claim, opposite), allocate(rule, claim, opposite)
    np.testing.assert_array_equal(one.closed, two.closed)
    np.testing.assert_array_equal(one.paid, two.paid)


@everyone
def test_accounts_without_equity_and_broken_columns_are_left_out(name: str) -> None:
    columns: dict[str, Any] = dict.fromkeys(COLUMNS)
    for column in COLUMNS:
        columns[column] = np.array([0.0, np.nan, -1.0])
    columns["quantity"] = np.array([1.0, 1.0, 1.0])
    opposite = Opposite(side=-1.0, mark=90.0, **columns)
    claim = Claim(2.0, 95.0, 90.0, 92.0, 10.0, -10.0, 100.0, 100.0)
    done = allocate(RULES[name](), claim, opposite)
    assert not done.closed.any()
    assert not done.paid.any()
