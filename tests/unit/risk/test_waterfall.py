"""The waterfall of losses, case by case: fund, deleveraging, socialised loss, conservation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oracles.books import balance_for, random_book
from oracles.scenes import Contract, Leg, Purse, Scene, Table, bound
from seawall.core import (
    AdlPrice,
    AdlRank,
    AdlTrigger,
    InputError,
    LiquidationTerms,
    LossTerms,
    Surplus,
    VenueTerms,
)
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import Cascade, StaticCascade

FLAT = Table((0.0,), (0.01,), (0.0,))


def scene_of(
    *legs: tuple[int, float, float, float],
    loss: LossTerms | None = None,
    liquidation: LiquidationTerms | None = None,
    contracts: tuple[Contract, ...] | None = None,
) -> Scene:
    """Legs as (contract, size, entry, balance), each a cross account, marked at 100."""
    terms = VenueTerms(
        "v", "V", loss=loss or LossTerms(), liquidation=liquidation or LiquidationTerms()
    )
    scene = Scene(contracts or (Contract("BTC", table=FLAT),), (terms,))
    for a, (k, size, entry, balance) in enumerate(legs):
        scene.purses.append(Purse(a, 0, False, balance))
        scene.legs.append(Leg(a, k, size, entry, 100.0, 10.0))
    return scene


def run(
    scene: Scene, factor: float, fund: float | dict | None = None, partial: bool = False
) -> Cascade:
    depth = dict.fromkeys(scene.assets, np.inf)
    engine = StaticCascade(bound(scene), depth, ImpactLaw(1.0, 1.0), partial)
    return engine.run(np.full(len(scene.assets), factor), fund=fund)


class TestFund:
    def test_fee_and_surplus_go_in_and_never_more_than_is_left(self) -> None:
        keeps = scene_of((0, 1.0, 100, 10.5), liquidation=LiquidationTerms(fee=0.004))
        v = run(keeps, 0.9).settlement.venues[0]
        assert (v.fees, v.surplus) == (pytest.approx(0.36), 0.0)
        assert v.fund_after == pytest.approx(0.36)
        takes = scene_of(
            (0, 1.0, 100, 10.5), liquidation=LiquidationTerms(fee=0.004, surplus=Surplus.FUND)
        )
        got = run(takes, 0.9)
        assert got.settlement.venues[0].surplus == pytest.approx(0.14)
        assert got.equity[0] + got.settlement.transfer[0] == pytest.approx(0.0)
        poor = scene_of((0, 1.0, 100, 10.1), liquidation=LiquidationTerms(fee=0.02))
        assert run(poor, 0.9).settlement.venues[0].fees == pytest.approx(0.1)

    def test_a_drawdown_of_the_peak_hands_over_to_deleveraging(self) -> None:
        # Bybit's own example: pool 1 m, loss 350 k: the fund pays 300 k, winners 50 k
        loss = LossTerms(trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.3, fund_usd=1e6)
        scene = scene_of((0, 1e5, 100, 6.5e5), (0, -1e5, 100, 1e6), loss=loss)
        v = run(scene, 0.9).settlement.venues[0]
        assert v.deficits == pytest.approx(350e3)
        assert v.paid_by_fund == pytest.approx(300e3)
        assert v.paid_by_adl == pytest.approx(50e3)
        assert v.fund_after == pytest.approx(700e3)
        # a seventh of the loss, a seventh of the position, at rest prices
        assert v.adl_notional == pytest.approx(9e6 / 7)

    def test_a_drawdown_counts_from_the_highest_balance(self) -> None:
        # pool 1 m, fills to 2 m, then loses 600 k: the fund has just reached its 30% and pays all
        loss = LossTerms(trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.3, fund_usd=1e6)
        liquidation = LiquidationTerms(surplus=Surplus.FUND)
        scene = scene_of(
            (0, 1e6, 100, 11e6), (0, 1e5, 100, 4e5), (0, -1e6, 100, 5e7),
            loss=loss, liquidation=liquidation,
            contracts=(Contract("BTC", table=Table((0.0,), (0.02,), (0.0,))),),
        )  # fmt: skip
        v = run(scene, 0.9).settlement.venues[0]
        assert v.surplus == pytest.approx(1e6)
        assert v.paid_by_fund == pytest.approx(6e5)
        assert v.paid_by_adl == 0.0
        assert v.fund_after == pytest.approx(1.4e6)

    def test_one_fund_for_all_venues_is_counted_once(self) -> None:
        scene = scene_of((0, 1.0, 100, 5.0))
        scene.venues = (scene.venues[0], replace(scene.venues[0], venue="w"))
        scene.purses.append(Purse(1, 1, False, 5.0))
        scene.legs.append(Leg(1, 0, 1.0, 100, 100.0))
        got = run(scene, 0.9, fund=100.0).settlement
        assert got.pooled
        assert got.total("fund_before") == 100.0
        assert got.total("fund_after") == pytest.approx(90.0)
        assert got.total("paid_by_fund") == pytest.approx(10.0)

    def test_venues_behind_one_fund_share_it_and_one_that_does_not_ask_takes_nothing(self) -> None:
        scene = scene_of((0, 1.0, 100, 4.0))
        first = scene.venues[0]
        negative = LossTerms(trigger=AdlTrigger.ACCOUNT_NEGATIVE)
        for order in ((first, replace(first, venue="w"), replace(first, venue="x", loss=negative)),
                      (replace(first, venue="x", loss=negative), first, first)):  # fmt: skip
            scene.venues = order
            scene.purses = [Purse(k, k, False, 4.0) for k in range(3)]
            scene.legs = [Leg(k, 0, 1.0, 100, 100.0) for k in range(3)]
            paid = {
                v.venue + str(k): v.paid_by_fund
                for k, v in enumerate(run(scene, 0.9, fund=9.0).settlement.venues)
            }
            # 6 each: the two that ask take 4.5 each, the third finds nothing left
            assert sorted(paid.values()) == pytest.approx([0.0, 4.5, 4.5])
            assert all(x == 0 for k, x in paid.items() if k.startswith("x"))

    def test_one_fund_that_cannot_pay_all_is_left_empty_to_the_last_bit(self) -> None:
        # shares of it need not add up to it: a last bit left over would not count as empty
        scene = scene_of((0, 1.0, 100, 4.0))
        for seed in range(40):
            rng = np.random.default_rng(seed)
            scene.venues = tuple(replace(scene.venues[0], venue=f"v{k}") for k in range(7))
            scene.purses = [Purse(k, k, False, rng.uniform(0.0, 9.0)) for k in range(7)]
            scene.legs = [Leg(k, 0, 1.0, 100, 100.0) for k in range(7)]
            assert run(scene, 0.9, fund=rng.uniform(1.0, 6.9)).settlement.total("fund_after") == 0.0

    @pytest.mark.parametrize("fund", [-1.0, float("nan"), {"v": -1.0}, {"nowhere": 1.0}])
    def test_funds_that_cannot_be(self, fund: object) -> None:
        with pytest.raises(InputError, match="fund"):
            run(scene_of((0, 1.0, 100, 5.0)), 0.9, fund=fund)  # type: ignore[arg-type]


class TestDeleveraging:
    def test_the_winner_is_closed_at_the_bankruptcy_price_of_the_loser(self) -> None:
        # loser busts at 95, mark 90: 5 a coin is taken from the winner, who keeps 5 of his 10
        got = run(scene_of((0, 1.0, 100, 5.0), (0, -3.0, 100, 50.0)), 0.9)
        s = got.settlement
        assert s.adl_usd.tolist() == pytest.approx([0.0, 90.0])
        assert s.transfer.tolist() == pytest.approx([5.0, -5.0])
        assert s.venues[0].bad_debt == 0.0

    def test_nobody_gives_up_more_than_his_position_or_his_equity(self) -> None:
        got = run(scene_of((0, 10.0, 100, 50.0), (0, -1.0, 100, 2.0), (0, -0.5, 500, 0.0)), 0.8)
        s = got.settlement
        assert s.adl_usd.tolist() == pytest.approx([0.0, 80.0, 40.0])
        assert s.venues[0].paid_by_adl == pytest.approx(15 * 1.5)
        assert s.venues[0].bad_debt == pytest.approx(150 - 22.5)
        # both winners' last penny: the loss of 90 a coin is more than a thin winner has
        thin = run(scene_of((0, 10.0, 500, 50.0), (0, -1.0, 100, 2.0)), 0.8).settlement
        assert thin.transfer[1] == pytest.approx(-22.0)

    def test_positions_of_one_account_share_its_equity(self) -> None:
        twice = (Contract("BTC", table=FLAT), Contract("BTC", table=FLAT))
        scene = scene_of((0, 10.0, 500, 50.0), (0, -1.0, 100, 2.0), contracts=twice)
        scene.legs.append(Leg(1, 1, -1.0, 100, 100.0))
        got = run(scene, 0.8)
        assert got.equity[1] == pytest.approx(42.0)
        assert got.equity[1] + got.settlement.transfer[1] == pytest.approx(0.0, abs=1e-9)
        assert got.settlement.venues[0].adl_accounts == 1

    def test_at_the_mark_nobody_pays_and_the_fund_does(self) -> None:
        loss = LossTerms(
            trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.3, fund_usd=5.0, price=AdlPrice.MARK
        )
        v = run(scene_of((0, 1.0, 100, 5.0), (0, -3.0, 100, 50.0), loss=loss), 0.9)
        v = v.settlement.venues[0]
        assert v.adl_notional == pytest.approx(90 * 3.5 / 5)
        assert v.paid_by_adl == 0.0
        assert v.paid_by_fund == pytest.approx(5.0)

    def test_beyond_the_fall_back_the_price_is_the_mark(self) -> None:
        near = LossTerms(price_falls_back_to_mark_beyond=0.06)
        far = LossTerms(price_falls_back_to_mark_beyond=0.05)
        legs = ((0, 1.0, 100.0, 5.0), (0, -3.0, 100.0, 50.0))  # bust 95 is 5.6% from 90
        assert run(scene_of(*legs, loss=near), 0.9).settlement.venues[0].paid_by_adl > 0
        v = run(scene_of(*legs, loss=far), 0.9).settlement.venues[0]
        assert v.paid_by_adl == 0.0
        assert v.bad_debt == pytest.approx(5.0)

    def test_an_account_below_zero_does_not_ask_the_fund_first(self) -> None:
        loss = LossTerms(
            trigger=AdlTrigger.ACCOUNT_NEGATIVE,
            rank=AdlRank.PRICE_RATIO_TIMES_LEVERAGE,
            price=AdlPrice.PREVIOUS_MARK,
            fund_usd=100.0,
        )
        v = run(scene_of((0, 1.0, 100, 5.0), (0, -3.0, 100, 50.0), loss=loss), 0.9)
        v = v.settlement.venues[0]
        assert v.paid_by_fund == 0.0
        assert v.paid_by_adl == pytest.approx(5.0)
        assert v.fund_after == 100.0

    def test_only_the_other_side_of_the_same_asset_on_the_same_venue(self) -> None:
        both = (Contract("BTC", table=FLAT), Contract("ETH", table=FLAT))
        scene = scene_of(
            (0, 1.0, 100, 5.0), (1, -3.0, 100, 50.0), (0, 3.0, 50, 50.0), contracts=both
        )
        scene.venues = (scene.venues[0], replace(scene.venues[0], venue="w"))
        scene.purses.append(Purse(3, 1, False, 50.0))
        scene.legs.append(Leg(3, 0, -3.0, 100, 100.0))
        s = run(scene, 0.9).settlement
        assert s.adl_usd.sum() == 0.0
        assert s.total("bad_debt") == pytest.approx(5.0)

    def test_a_fee_that_takes_all_leaves_no_deficit_to_deleverage_for(self) -> None:
        # rounding must not pass for a loss: a whole position would be deleveraged for 1e-12 USD
        scene = random_book(2, 150, cross=1.0, stops=0.3)
        scene.venues = tuple(
            replace(v, liquidation=LiquidationTerms(fee=0.2)) for v in scene.venues
        )
        for purse, rows in zip(scene.purses, scene.members(), strict=True):
            purse.balance = balance_for(scene, [scene.legs[i] for i in rows], 0.001)
        got = run(scene, 1.0, fund=0.0)
        assert (got.turn > 0).sum() > 100
        final = got.equity + got.settlement.transfer
        assert np.all(final[got.turn > 0] == 0.0)
        assert got.settlement.total("deficits") == 0.0
        assert got.settlement.adl_usd.sum() == 0.0


class TestSocialised:
    def test_the_rest_is_shared_by_profit_up_to_what_accounts_have(self) -> None:
        loss = LossTerms(socialised=True)
        scene = scene_of(
            (0, 1.0, 100, 5.0), (0, 2.0, 80, -15.0), (0, 1.0, 60, 0.0), loss=loss
        )  # longs only: nobody to deleverage
        s = run(scene, 0.9).settlement
        assert s.venues[0].socialised == pytest.approx(5.0)
        assert s.venues[0].bad_debt == 0.0
        assert s.transfer.tolist() == pytest.approx([5.0, -5.0 / 7, -30.0 / 7])

    def test_with_nobody_to_pay_it_stays_bad_debt(self) -> None:
        v = run(scene_of((0, 1.0, 100, 5.0), loss=LossTerms(socialised=True)), 0.9)
        assert v.settlement.venues[0].bad_debt == pytest.approx(5.0)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_money_only_changes_hands(seed: int, partial: bool) -> None:
    scene = random_book(seed, 150)
    margin = bound(scene)
    gross = float(margin.book.notional().sum())
    engine = StaticCascade(
        margin, dict.fromkeys(scene.assets, gross / 20), ImpactLaw(1.0, 1.0), partial
    )
    for shock in ({"ALL": -0.15}, {"ALL": 0.15}, {"BTC": -0.3, "ETH": 0.2}):
        for fund in (0.0, 1e-3 * gross, None, {"okx": 1e5}):
            got = engine.run(shock, fund=fund)
            s = got.settlement
            assert abs(s.conservation_error) < 1e-12
            final = got.equity + s.transfer
            assert final[got.closed].min(initial=0.0) >= -1e-9 * gross
            standing = ~got.closed & (got.equity > 0)
            assert final[standing].min(initial=0.0) >= -1e-12 * gross
            rest = got.factor[-1][margin.book.asset_codes()]
            at_rest = margin.book.notional() * np.where(margin.book.inverse(), 1.0, rest)
            assert np.all(s.adl_usd <= at_rest + 1e-12 * gross)
            for v in s.venues:
                assert v.fund_after >= 0.0
                assert v.bad_debt >= 0.0
                # a price of deleveraging is never beyond the mark's whole value
                assert v.paid_by_adl <= v.adl_notional * (1 + 1e-9)
                paid = v.paid_by_fund + v.paid_by_adl + v.socialised + v.bad_debt
                assert paid == pytest.approx(v.deficits, abs=1e-12 * gross)
