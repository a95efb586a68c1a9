"""Numbers that venues and others have printed, with where they stand."""

from __future__ import annotations

import numpy as np
import pytest

from oracles import venues
from oracles.scenes import Contract, Leg, Purse, Scene, Table, bound, ladder, one_leg, schedule_of
from seawall.core import MarginSchedule, MarginTerms, VenueTerms, continuous_deductions
from seawall.liquidity import ImpactLaw
from seawall.margin.deleveraging import profit_times_margin_ratio
from seawall.risk.cascade import StaticCascade


def flat(rate: float, asset: str = "BTC", **more: object) -> Contract:
    return Contract(asset, table=Table((0.0,), (rate,), (0.0,)), **more)  # type: ignore[arg-type]


def test_binance_deleveraging_score() -> None:
    # dev.binance.vision topic 17801: profit 40.2 on a wallet of 4.27 is 9.41; at a margin ratio of
    # 13.42% the score is 1.26
    wallet, profit, ratio = np.array([4.27]), np.array([40.2]), 0.1342
    need = ratio * (wallet + profit)
    percent = profit / wallet
    assert round(float(percent[0]), 2) == 9.41
    score = profit_times_margin_ratio(profit, wallet, need)
    assert round(float(score[0]), 2) == 1.26


def test_bybit_inverse_bankruptcy_price() -> None:
    # Bybit help, ADL example: long 5,000 USD at 7,890.08 with 50x is bankrupt at 7,735.37
    contract = Contract("BTC", inverse=True, tick=0.01, table=venues.COIN)
    for rules in ("bybit_old", "bybit_new"):
        book = one_leg(
            5000.0, 7890.08, 7890.08, np.nan, contract=contract, terms=venues.TERMS[rules],
            leverage=50.0,
        )  # fmt: skip
        assert book.bankruptcy_price()[0] == pytest.approx(7890.08 * 50 / 51, rel=1e-12)
        assert round(float(book.bankruptcy_price()[0]), 2) == 7735.37


def test_cross_liquidation_counts_the_other_positions() -> None:
    # TorchTrade issues 344 and 354: equity 5, one unit long at 100, rate 0.4%, 4 of maintenance
    # elsewhere: 99 / 0.996 = 99.40, not the 95.40 shown
    scene = Scene(
        (flat(0.004), flat(0.04, "ETH")),
        (VenueTerms("v", "V"),),
        [Purse(0, 0, False, 5.0)],
        [Leg(0, 0, 1.0, 100.0, 100.0), Leg(0, 1, 1.0, 100.0, 100.0)],
    )
    price = bound(scene).liquidation_price()[0]
    assert price == pytest.approx(99 / 0.996, rel=1e-12)
    assert round(float(price), 2) == 99.40


def test_deleveraging_at_the_bankruptcy_price() -> None:
    # dYdX docs, deleveraging: A long 500 at 1, B short 500 at 1, 100 of margin each; the price
    # jumps to 2; B is bankrupt at 1.2, where A is closed with a profit of 100
    scene = Scene(
        (flat(0.03, "ABC"),),
        (VenueTerms("v", "V"),),
        [Purse(0, 0, False, 100.0), Purse(1, 0, False, 100.0)],
        [Leg(0, 0, 500.0, 1.0, 1.0), Leg(1, 0, -500.0, 1.0, 1.0)],
    )
    margin = bound(scene)
    assert margin.bankruptcy_price()[1] == pytest.approx(1.2)
    got = StaticCascade(margin, {"ABC": np.inf}, ImpactLaw(1.0, 1.0)).run({"ABC": 1.0})
    assert got.turn.tolist() == [0, 1]
    assert got.settlement.adl_usd.tolist() == pytest.approx([1000.0, 0.0])
    final = got.equity + got.settlement.transfer
    assert final.tolist() == pytest.approx([200.0, 0.0])


def test_dydx_liquidation_prices() -> None:
    # dYdX abacus tests: 1 ETH at 1,000 with an account value of 100 and a rate of 3%
    terms = VenueTerms("dydx", "dYdX")
    for size, price in ((1.0, 927.8350515463918), (-1.0, 1067.9611650485438)):
        book = one_leg(size, 1000.0, 1000.0, 100.0, contract=flat(0.03), terms=terms)
        assert book.liquidation_price()[0] == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize("name", ["BTC", "ETH", "SOL", "ARB"])
def test_binance_maintenance_amounts_follow_their_recurrence(name: str) -> None:
    # Binance bracket tables of 2026-09 (FAQ b3c689c1f50a44cabb3a84e663b81d93)
    table = getattr(venues, name)
    ours = continuous_deductions(np.array(table.floors), np.array(table.rates))
    np.testing.assert_allclose(ours, table.cums, rtol=1e-9, atol=1e-6)
    schedule = schedule_of(table)
    for k in range(1, len(table.floors)):
        floor = table.floors[k]
        assert int(schedule.bracket(floor)) == k
        assert int(schedule.bracket(np.nextafter(floor, 0))) == k - 1
        below = table.rates[k - 1] * floor - table.cums[k - 1]
        assert table.rates[k] * floor - table.cums[k] == pytest.approx(below, rel=1e-9)


def test_binance_coin_maintenance_amount() -> None:
    # FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46: bracket of 20 BTC at 2.5% and 0.56; of 50 at 5%: 1.81
    amounts = continuous_deductions(np.array([20.0, 50.0]), np.array([0.025, 0.05]), first=0.56)
    assert amounts[1] == pytest.approx(1.81, abs=1e-12)


def test_bybit_deductions() -> None:
    # Bybit risk limits of BTCUSDT: deductions of 1,200 and 3,020 from the second level on,
    # 4,300 at 3.8 m, 20,500 at 8.5 m and 300,000 at 38 m (its caps are the floors here)
    floors = [0, 2e6, 2.6e6, 3.2e6, 3.8e6, 4.4e6, 5e6, 5.6e6, 8.5e6, 10e6, 14e6, 20e6, 28e6]
    rates = [
        0.005, 0.0056, 0.0063, 0.0067, 0.0071, 0.0077, 0.0091, 0.01, 0.013, 0.015, 0.016, 0.02,
        0.025,
    ]  # fmt: skip
    amounts = continuous_deductions(np.array(floors), np.array(rates))
    np.testing.assert_allclose(amounts[[1, 2, 3]], [1200, 3020, 4300], rtol=1e-12)
    np.testing.assert_allclose(amounts[[7, 12]], [20_500, 300_000], rtol=1e-12)


@pytest.mark.parametrize(
    ("leverage", "rate"), [(40, 0.0125), (25, 0.02), (20, 0.025), (10, 0.05), (5, 0.1), (3, 1 / 6)]
)
def test_hyperliquid_maintenance_is_half_the_initial_margin(leverage: int, rate: float) -> None:
    # Hyperliquid docs, margining: between 1.25% (40x) and 16.7% (3x)
    schedule = MarginSchedule.flat(1 / (2 * leverage))
    book = one_leg(1.0, 100.0, 100.0, 50.0, contract=flat(float(schedule.rates[0])))
    assert book.maintenance()[0] == pytest.approx(100 * rate, rel=1e-12)


def test_hyperliquid_tiers() -> None:
    # docs, margin tiers: BTC 40x to 150 m and 20x above: deduction 150 m x 1.25% = 1.875 m
    table = ladder((0, 150e6), (1 / 80, 1 / 40))
    assert table.cums[1] == pytest.approx(1.875e6)
    price = 100_000.0
    book = one_leg(2000.0, price, price, 1e8, contract=Contract("BTC", table=table))
    assert book.maintenance()[0] == pytest.approx(200e6 / 40 - 1.875e6)


def test_binance_cuts_margins_after_eight_decimals() -> None:
    # positionRisk responses recorded in ccxt: initial margin = notional x round(1 / leverage, 8)
    terms = VenueTerms("b", "B", margin=MarginTerms(truncate_decimals=8, leverage_rate_decimals=8))
    book = one_leg(0.123, 30000.0, 30001.37, 50.0, contract=flat(0.004), terms=terms, leverage=3.0)
    notional = 0.123 * 30001.37
    for got, rate in ((book.initial()[0], 0.33333333), (book.maintenance()[0], 0.004)):
        assert got == pytest.approx(np.floor(notional * rate * 1e8) / 1e8, abs=1e-12)


def test_okx_moves_isolated_prices_one_tick_toward_the_mark() -> None:
    # recorded OKX positions: isolated liqPx stands one tick nearer than the formula, cross does not
    contract = flat(0.004, tick=0.1)
    for size in (1.0, -1.0):
        for isolated in (True, False):
            book = one_leg(
                size, 100.0, 100.0, 10.0, contract=contract, terms=venues.TERMS["okx"],
                isolated=isolated,
            )  # fmt: skip
            raw, shown = book.liquidation_price()[0], book.printed_liquidation_price()[0]
            assert raw == pytest.approx((100 - 10 * size) / (1 - size * 0.0045))
            assert shown - raw == pytest.approx(0.1 * size if isolated else 0.0, abs=1e-12)


def test_bybit_rounds_toward_the_entry() -> None:
    contract = flat(0.005, tick=0.5)
    for size in (1.0, -1.0):
        book = one_leg(
            size, 100.0, 100.0, np.nan, contract=contract, terms=venues.TERMS["bybit_old"],
            leverage=13.0,
        )  # fmt: skip
        raw = book.liquidation_price()[0]
        wanted = np.ceil(raw / 0.5) * 0.5 if size > 0 else np.floor(raw / 0.5) * 0.5
        assert book.printed_liquidation_price()[0] == wanted
