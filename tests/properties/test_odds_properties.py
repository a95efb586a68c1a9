"""What must hold of the odds whatever the account: on the same paths, path by path."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.scenes import Leg, Purse, Scene, bound
from oracles.venues import CONTRACTS, PRICES, TERMS
from seawall.desk.passages import passages
from seawall.desk.paths import DAY, brownian
from seawall.margin import MarginBook

COVARIANCE = np.array([[0.0016, 0.0018], [0.0018, 0.0036]])
PATHS = brownian(("BTC", "ETH"), COVARIANCE, DAY, 3_600.0, 300, 11)
VENUES = [v for v in CONTRACTS if v != "deribit"]


@st.composite
def accounts(draw: st.DrawFn, highest: float = 40.0) -> tuple:
    """Venue, contracts, sizes in USD (signed), entries over mark, balance, funding per 8 h."""
    venue = draw(st.sampled_from(VENUES))
    known = [
        k for k, c in enumerate(CONTRACTS[venue])
        if c.asset in PATHS.assets and c.inverse == CONTRACTS[venue][0].inverse
    ]  # fmt: skip
    many = draw(st.integers(1, min(3, len(known))))
    if CONTRACTS[venue][known[0]].inverse:
        many = 1
    contracts = [known[k] for k in range(many)]
    sizes = [draw(st.sampled_from([1, -1])) * 10 ** draw(st.floats(2, 6)) for _ in range(many)]
    entries = [draw(st.floats(0.97, 1.03)) for _ in range(many)]
    leverage = draw(st.floats(2.0, highest))
    return (
        venue,
        contracts,
        sizes,
        entries,
        sum(map(abs, sizes)) / leverage,
        draw(st.floats(-0.002, 0.002)),
    )


def book(case: tuple, size: float = 1.0, more: float = 1.0, hedge: float = 0.0) -> MarginBook:
    """The account, its sizes scaled, its balance too, and each leg hedged by a share of itself."""
    venue, contracts, sizes, entries, balance, _ = case
    legs = []
    for k, usd, entry in zip(contracts, sizes, entries, strict=True):
        contract = CONTRACTS[venue][k]
        mark = PRICES[contract.asset]
        amount = usd if contract.inverse else usd / mark
        legs.append(Leg(0, k, size * amount, mark * entry, mark, 10.0))
        if hedge:
            legs.append(Leg(0, k, -hedge * amount, mark, mark, 10.0))
    coin = CONTRACTS[venue][contracts[0]].inverse
    unit = PRICES[CONTRACTS[venue][contracts[0]].asset] if coin else 1.0
    # what is closed of a position has been paid out: the balance keeps its profit
    realised = bound(
        Scene(CONTRACTS[venue], (TERMS[venue],), [Purse(0, 0, False, 1.0)], legs)
    ).pnl()[:: 2 if hedge else 1].sum() * (1.0 / size - 1.0)
    purse = Purse(0, 0, False, more * balance / unit + realised)
    return bound(Scene(CONTRACTS[venue], (TERMS[venue],), [purse], legs))


def fallen(margin: MarginBook, case: tuple) -> np.ndarray:
    funding = dict.fromkeys(margin.book.assets, case[5])
    paths = PATHS
    missing = [a for a in margin.book.assets if a not in paths.assets]
    if missing:
        # other contracts of the venue are listed but not held: any price will do
        from dataclasses import replace

        names = (*paths.assets, *missing)
        grown = {
            n: np.concatenate([getattr(paths, n)] + [getattr(paths, n)[:, :, :1]] * len(missing), 2)
            for n in ("close", "low", "high")
        }
        paths = replace(paths, assets=names, **grown)
    return passages(margin, paths, funding=funding).fallen[0] >= 0


@settings(max_examples=40)
@given(accounts(), st.floats(1.001, 3.0))
def test_more_collateral_never_raises_the_probability(case: tuple, more: float) -> None:
    poorer, richer = fallen(book(case), case), fallen(book(case, more=more), case)
    assert (richer <= poorer).all()


@settings(max_examples=40)
@given(accounts(), st.floats(0.05, 0.999))
def test_a_smaller_size_never_raises_the_probability(case: tuple, share: float) -> None:
    larger, smaller = fallen(book(case), case), fallen(book(case, size=share), case)
    assert (smaller <= larger).all()


@settings(max_examples=40)
@given(accounts(highest=4.0))
def test_a_perfect_hedge_never_raises_the_probability(case: tuple) -> None:
    hedged = book(case, hedge=1.0)
    # one that the account can open: what it has covers the initial margin of both legs
    assume((hedged.accounts_state().equity > hedged.accounts_state().initial).all())
    before, after = fallen(book(case), case), fallen(hedged, case)
    assert (after <= before).all()
    assert not after.any()
