"""Odds against what can be worked out by other means."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.desk.desk_books import book_of, cross, isolated

from seawall.core import InputError
from seawall.desk.closed_form import account_passage, first_passage, touch_probability
from seawall.desk.odds import HORIZONS, odds
from seawall.desk.passages import passages, standard_error
from seawall.desk.paths import DAY, Paths, brownian
from seawall.liquidity import ImpactLaw
from seawall.margin import MarginBook

HOUR = 3_600.0
FREE = {"BTC": 0.0, "ETH": 0.0}
COVARIANCE = np.array([[0.0016, 0.0018], [0.0018, 0.0036]])


def one_path(close: list[float], low: list[float] | None = None, high: list[float] | None = None,
             asset: str = "BTC") -> Paths:  # fmt: skip
    """One path given by prices over 100, hour by hour."""
    before = [100.0, *close[:-1]]
    low = [min(a, b) for a, b in zip(before, close, strict=True)] if low is None else low
    high = [max(a, b) for a, b in zip(before, close, strict=True)] if high is None else high
    parts = [np.log(np.array(x, np.float64) / 100.0)[None, :, None] for x in (close, low, high)]
    ends = np.arange(1, len(close) + 1) * HOUR
    return Paths((asset,), ends, *(p.astype(np.float32) for p in parts))


def within(found: float, expected: float, count: int, errors: float = 4.0) -> bool:
    return abs(found - expected) <= errors * float(standard_error(np.array(expected), count)) + 1e-9


def test_first_passage_is_the_reflection_principle_and_its_limits() -> None:
    from scipy.stats import norm

    b = np.array([0.5, 1.0, 3.0])
    assert first_passage(b, np.zeros(3), 4.0) == pytest.approx(2 * norm.cdf(-b / 2.0))
    assert first_passage(np.array([0.0, np.nan, 50.0]), np.zeros(3), 1.0).tolist() == [1, 0, 0]
    # with a drift towards it, it is reached for certain in the end; away from it, exp(-2 m b)
    assert first_passage(np.array([1.0]), np.array([0.5]), 1e4) == pytest.approx(1.0)
    assert first_passage(np.array([1.0]), np.array([-0.5]), 1e4) == pytest.approx(np.exp(-1.0))


@pytest.mark.parametrize("size", [1.0, -1.0])
@pytest.mark.parametrize("leverage", [10.0, 20.0])
def test_closed_form_agrees_with_simulation_of_a_brownian_price(
    size: float, leverage: float
) -> None:
    margin = book_of(isolated("BTC", size, leverage))
    paths = brownian(("BTC",), COVARIANCE[:1, :1], DAY, HOUR, 40_000, 5)
    found = odds(margin, paths, (6 * HOUR, DAY), funding={"BTC": 0.0})
    for k, horizon in enumerate(found.horizons):
        level = np.log(margin.liquidation_price()[0] / 100.0)
        expected = float(touch_probability(level, 0.04, horizon))
        assert within(found.fall[0, k], expected, paths.count)
        assert within(found.touch[0, k], expected, paths.count)
        exact = account_passage(margin, COVARIANCE[:1, :1], horizon, {"BTC": 0.0})
        assert exact[0] == pytest.approx(expected, rel=1e-6)


def test_closed_form_agrees_with_simulation_of_an_account_of_several_assets() -> None:
    margin = book_of(cross("BTC", 10.0, 120.0), cross("ETH", 10.0, 120.0))
    # closes alone, in small steps: extremes of two assets do not come at one moment
    paths = brownian(("BTC", "ETH"), COVARIANCE, DAY, 300.0, 8_000, 6)
    plain = Paths(paths.assets, paths.ends, paths.close, paths.close, paths.close)
    found = passages(margin, plain, funding=FREE).probability(DAY)[0]
    expected = float(account_passage(margin, COVARIANCE, DAY, FREE)[0])
    # steps of five minutes miss some passages: Broadie, Glasserman and Kou's 0.5826 sigma sqrt(dt)
    assert 0.1 < expected < 0.6
    assert expected * 0.9 < found < expected * 1.05


def test_an_account_falls_where_the_margin_engine_says() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0))
    price = float(margin.liquidation_price()[0])
    for lowest, fallen in ((price * 1.0001, -1), (price * 0.9999, 1)):
        path = one_path([99.0, 98.0, 99.0], low=[98.5, lowest, 97.0])
        found = passages(margin, path, funding={"BTC": 0.0})
        assert found.fallen[0, 0] == fallen
    called = passages(margin, one_path([91.0, 90.55]), funding={"BTC": 0.0}, call_ratio=0.6)
    ratio = margin.remarked(np.array([0.9055])).ratio[0]
    assert 0.6 < ratio < 1.0
    assert (called.called[0, 0], called.fallen[0, 0]) == (1, -1)


def test_an_account_that_is_due_now_falls_at_once() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0, collateral=0.1))
    found = odds(margin, one_path([100.0, 101.0]), (HOUR,))
    assert found.fall[0, 0] == found.call[0, 0] == found.touch[0, 0] == 1.0
    assert found.funding_seconds[0] == 0.0


def test_funding_alone_brings_an_account_down_when_it_says() -> None:
    margin = book_of(isolated("BTC", 1.0, 50.0), isolated("BTC", -1.0, 50.0))
    flat = one_path([100.0] * 200)
    found = odds(margin, flat, (HOUR,), funding={"BTC": 0.001})
    state = margin.accounts_state()
    hours = state.excess[0] / (100.0 * 0.001 / 8.0)
    assert found.funding_seconds[0] == pytest.approx(hours * HOUR)
    assert np.isinf(found.funding_seconds[1])
    walked = passages(margin, flat, funding={"BTC": 0.001})
    assert walked.fallen[:, 0].tolist() == [int(np.ceil(hours)) - 1, -1]


def test_loss_is_made_of_gap_slippage_and_fees() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0))
    law = ImpactLaw(exponent=0.5, thinning=1.0)
    path = one_path([95.0, 80.0])
    found = odds(margin, path, (2 * HOUR,), funding={"BTC": 0.0}, depth={"BTC": 1e4}, law=law,
                 closing_seconds=144.0)  # fmt: skip
    # 144 s of an hour: a fifth of the way from where it fell to the lowest price
    price = float(margin.liquidation_price()[0])
    closed = price - 0.2 * (price - 80.0)
    slippage = closed * -np.expm1(-0.01 * np.sqrt(closed / 1e4) / 1.5)
    terms = margin.terms[0]
    equity = margin.accounts_state().equity[0] + closed - 100.0
    taker = terms.margin.taker_fee * closed
    assert found.gap_usd[0, 0] == pytest.approx(price - closed, rel=1e-4)
    assert found.slippage_usd[0, 0] == pytest.approx(slippage, rel=1e-4)
    left = equity - slippage - taker
    assert found.shortfall_usd[0, 0] == pytest.approx(max(-left, 0.0), rel=1e-3)
    fee = taker + min(max(left, 0.0), terms.liquidation.fee * closed)
    assert found.fees_usd[0, 0] == pytest.approx(fee, rel=1e-4)
    assert found.loss_usd[0, 0] <= margin.accounts_state().equity[0] + 1e-9


def test_sigmas_are_those_of_the_paths() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0), cross("BTC", 2.0, 40.0), cross("ETH", -1.0, 40.0))
    paths = brownian(("BTC", "ETH"), COVARIANCE, DAY, DAY, 20_000, 8)
    found = odds(margin, paths, (DAY,))
    level = np.log(margin.liquidation_price() / 100.0)
    assert found.position_sigmas[0] == pytest.approx(level[0] / 0.04, rel=0.03)
    c = np.array([200.0, -100.0])
    sd = np.sqrt(c @ COVARIANCE @ c)
    excess = margin.accounts_state().excess
    assert found.sigmas == pytest.approx([excess[0] / 4.0, excess[1] / sd], rel=0.04)


def test_probabilities_rise_with_the_horizon_and_a_call_comes_first() -> None:
    margin = book_of(isolated("BTC", 1.0, 20.0), isolated("ETH", -2.0, 10.0))
    paths = brownian(("BTC", "ETH"), COVARIANCE, 7 * DAY, HOUR, 3_000, 9)
    found = odds(margin, paths, HORIZONS)
    assert (np.diff(found.fall, axis=1) >= 0).all()
    assert (found.call >= found.fall).all()
    assert (found.fall_se > 0).all()


def test_accounts_do_not_depend_on_the_block_they_are_walked_in() -> None:
    rows = [isolated("BTC", 1.0, 5.0 + k) for k in range(30)]
    margin: MarginBook = book_of(*rows)
    paths = brownian(("BTC",), COVARIANCE[:1, :1], DAY, HOUR, 500, 10)
    whole = passages(margin, paths)
    part = passages(margin, paths, accounts=(7, 12))
    assert np.array_equal(whole.fallen[7:12], part.fallen)
    assert np.array_equal(whole.equity[7:12], part.equity)


def test_wrong_arguments_are_named() -> None:
    margin = book_of(isolated("BTC", 1.0, 10.0))
    path = one_path([100.0])
    with pytest.raises(InputError, match=r"no prices.*'BTC'"):
        odds(margin, one_path([100.0], asset="ETH"), (HOUR,))
    with pytest.raises(InputError, match="no step of the prices ends"):
        odds(margin, path, (DAY,))
    with pytest.raises(InputError, match="call_ratio"):
        odds(margin, path, (HOUR,), call_ratio=1.5)
    with pytest.raises(InputError, match=r"funding of an asset.*DOGE"):
        odds(margin, path, (HOUR,), funding={"DOGE": 0.1})


def test_what_positions_add_is_what_their_accounts_lose() -> None:
    margin = book_of(cross("BTC", 10.0, 60.0), cross("ETH", -3.0, 60.0), cross("BTC", -2.0, 60.0),
                     isolated("ETH", 2.0, 20.0), isolated("BTC", 1.0, 1.0))  # fmt: skip
    paths = brownian(("BTC", "ETH"), COVARIANCE, 7 * DAY, HOUR, 1_000, 9)
    found = odds(margin, paths, depth={"BTC": 1e4, "ETH": 1e4})
    account = margin.book.positions.account
    for name in ("loss_usd", "gap_usd", "slippage_usd", "fees_usd"):
        of_positions, of_accounts = getattr(found, f"position_{name}"), getattr(found, name)
        for h in range(len(HORIZONS)):
            total = np.bincount(account, of_positions[:, h], 3)
            assert total == pytest.approx(of_accounts[:, h], nan_ok=True), name
    # the hedge gains where its account falls, and a position that never falls costs nothing known
    assert found.position_loss_usd[0, 2] > 60.0
    assert found.position_loss_usd[2, 2] < 0.0
    assert found.position_gap_usd[2, 2] < 0.0
    assert np.isnan(found.position_loss_usd[4]).all()


def test_a_positions_part_is_its_own_way_its_slippage_and_its_fee() -> None:
    margin = book_of(cross("BTC", 10.0, 50.0), cross("ETH", -1.0, 50.0))
    law = ImpactLaw(exponent=0.5, thinning=4.0)
    two = one_path([94.0]), one_path([98.0], asset="ETH")
    paths = Paths(
        ("BTC", "ETH"), two[0].ends,
        *(np.concatenate([getattr(p, n) for p in two], axis=2) for n in ("close", "low", "high")),
    )  # fmt: skip
    found = odds(margin, paths, (HOUR,), funding=FREE, depth={"BTC": 1e5, "ETH": 1e5}, law=law,
                 closing_seconds=144.0)  # fmt: skip
    walked = passages(margin, paths, funding=FREE, closing_seconds=144.0)
    share = float(walked.share[0, 0])
    btc, eth = 100.0 - 6.0 * share, 100.0 - 2.0 * share
    slip = [-np.expm1(-0.01 * np.sqrt(v / 2.5e4) / 1.5) for v in (10 * btc, eth)]
    value = np.array([10 * btc, eth])
    taker, fee = margin.terms[0].margin.taker_fee, margin.terms[0].liquidation.fee
    assert found.position_slippage_usd[:, 0] == pytest.approx(value * slip, rel=1e-4)
    left = 50.0 - 10.0 * (100 - btc) + (100 - eth) - (value * slip).sum() - taker * value.sum()
    venue = min(fee * value.sum(), max(left, 0.0)) * value / value.sum()
    assert found.position_fees_usd[:, 0] == pytest.approx(taker * value + venue, rel=1e-4)
    # in 144 s of an hour a fifth of the way that was left
    met = (share - 0.2) / 0.8
    assert found.position_gap_usd[:, 0] == pytest.approx(
        (share - met) * np.array([60.0, -2.0]), rel=1e-3
    )
    own = np.array([10.0 * (100 - btc), eth - 100.0]) + value * slip + taker * value + venue
    rest = (found.loss_usd[0, 0] - own.sum()) * value / value.sum()
    assert found.position_loss_usd[:, 0] == pytest.approx(own + rest, rel=1e-4)


def test_a_positions_own_funding_fells_its_account_in_time() -> None:
    margin = book_of(cross("BTC", 10.0, 300.0), cross("ETH", -5.0, 300.0))
    paths = brownian(("BTC", "ETH"), COVARIANCE, DAY, HOUR, 50, 9)
    found = odds(margin, paths, (DAY,), funding={"BTC": 0.0008, "ETH": 0.0008})
    excess = margin.accounts_state().excess[0]
    assert found.position_funding_seconds[0] == pytest.approx(excess / (1_000 * 0.0008 / 28_800))
    assert found.position_funding_seconds[1] == np.inf
    assert found.funding_seconds[0] == pytest.approx(2.0 * found.position_funding_seconds[0])
