"""The engine and the oracles on one book, and whether they say the same."""

from __future__ import annotations

import numpy as np

from oracles.cascade import Brute, Result
from oracles.scenes import Scene, bound
from oracles.waterfall import Outcome, Waterfall
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import Cascade, StaticCascade


def assert_same(scene: Scene, got: Cascade, want: Result, equity: bool = True) -> None:
    """Every number of a cascade, to rounding."""
    factors = np.array(want.factors)
    assert got.factor.shape == factors.shape
    np.testing.assert_allclose(got.factor, factors, rtol=1e-10)
    shape = (-1, len(scene.assets))
    gross = float(got.margin.book.notional().sum())
    for ours, theirs in ((got.forced, want.forced), (got.stopped, want.stopped)):
        np.testing.assert_allclose(
            ours, np.array(theirs).reshape(shape), rtol=1e-9, atol=1e-13 * gross
        )
    turn = np.zeros(len(scene.purses), dtype=np.int64)
    for account, r in want.turn.items():
        turn[account] = r
    np.testing.assert_array_equal(got.turn, turn)
    np.testing.assert_array_equal(got.closed, want.closed)
    c = got.closings
    ours = sorted(
        zip(c.turn.tolist(), c.position.tolist(), c.usd.tolist(), c.stop.tolist(), strict=True)
    )
    theirs = sorted(want.closings)
    assert [(a, b, d) for a, b, _, d in ours] == [(a, b, d) for a, b, _, d in theirs]
    np.testing.assert_allclose([x[2] for x in ours], [x[2] for x in theirs], rtol=1e-8, atol=1e-9)
    pairs = {(scene.purses[a].trader, scene.purses[a].venue) for a in want.turn}
    assert got.accounts_liquidated == len(pairs)
    if equity:
        np.testing.assert_allclose(got.equity, want.equity, rtol=1e-8, atol=1e-13 * gross)


def both(
    scene: Scene, shock: list[float], depth: tuple[float, ...], exponent: float, partial: bool
) -> tuple[Cascade, Result]:
    law = ImpactLaw(exponent, 1.0)
    engine = StaticCascade(
        bound(scene), dict(zip(scene.assets, depth, strict=True)), law, partial=partial
    )
    brute = Brute(scene, engine.ledger.margin.balance.tolist())
    return engine.run(np.array(shock)), brute.run(shock, list(depth), exponent, partial)


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
