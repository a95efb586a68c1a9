"""Who pays for losses beyond collateral, against a sequential count in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.books import random_book
from oracles.cascade import Brute
from oracles.scenes import Scene, bound
from oracles.waterfall import Outcome, Waterfall
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import Cascade, StaticCascade

SHOCKS = ([0.85, 0.8, 0.9], [0.93, 0.95, 0.9], [1.15, 1.2, 1.1], [0.8, 1.2, 1.0])
RATIOS = (0.0, 1e-4, 0.02)


def settled(
    scene: Scene, shock: list[float], depth: float, partial: bool, fund: float, pooled: bool
) -> tuple[Cascade, Outcome]:
    engine = StaticCascade(
        bound(scene), dict.fromkeys(scene.assets, depth), ImpactLaw(1.0, 1.0), partial
    )
    brute = Brute(scene, engine.ledger.margin.balance.tolist())
    want = brute.run(shock, [depth] * len(scene.assets), 1.0, partial)
    names = [v.venue for v in scene.venues]
    got = engine.run(np.array(shock), fund=fund if pooled else dict.fromkeys(names, fund))
    return got, Waterfall(brute, want, [fund] * len(names), pooled).run()


def assert_same_bill(scene: Scene, got: Cascade, want: Outcome) -> None:
    gross = float(got.margin.book.notional().sum())
    near = {"rtol": 1e-7, "atol": 1e-11 * gross}
    for venue, bill, k in zip(
        got.settlement.venues, want.bills, range(len(want.bills)), strict=True
    ):
        for name in (
            "fees", "surplus", "deficits", "paid_by_fund", "adl_notional", "paid_by_adl",
            "socialised", "bad_debt",
        ):  # fmt: skip
            np.testing.assert_allclose(
                getattr(venue, name), getattr(bill, name), err_msg=f"{venue.venue} {name}", **near
            )
        assert venue.adl_accounts == len(bill.adl_traders), venue.venue
        after = want.funds[0] if got.settlement.pooled else want.funds[k]
        np.testing.assert_allclose(venue.fund_after, after, **near)
    adl = np.zeros(len(scene.legs))
    for i, usd in want.deleveraged.items():
        adl[i] = usd
    np.testing.assert_allclose(got.settlement.adl_usd, adl, **near)
    # fees of single closings stand in the engine's transfer, of steps in its equity: add them up
    final = [e + t for e, t in zip(want.equity, want.transfer, strict=True)]
    np.testing.assert_allclose(got.equity + got.settlement.transfer, final, **near)


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("pooled", [False, True], ids=["by venue", "pooled"])
@pytest.mark.parametrize("seed", range(4))
def test_random_books(seed: int, pooled: bool, partial: bool) -> None:
    scene = random_book(seed, 150)
    gross = float(bound(scene).book.notional().sum())
    for shock, ratio in zip(SHOCKS, (0.0, 1e-4, 0.02, 1e-3), strict=True):
        got, want = settled(scene, shock, gross / 20, partial, ratio * gross, pooled)
        assert_same_bill(scene, got, want)
        assert abs(got.settlement.conservation_error) < 1e-9
