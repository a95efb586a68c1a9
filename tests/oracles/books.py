"""Random books for the cascade: venues of every kind, tiny and huge, cross, hedged, with stops."""

from __future__ import annotations

import dataclasses
import math
import random

from oracles.scenes import NAN, Contract, Leg, Purse, Scene, Table, ladder, steps
from oracles.venues import MARGIN
from seawall.core import (
    AdlPrice,
    AdlRank,
    AdlTrigger,
    LiquidationTerms,
    LossTerms,
    MarginTerms,
    PartialRule,
    Surplus,
    VenueTerms,
)

PRICES = {"BTC": 86_600.0, "ETH": 2_830.0, "SOL": 131.5}
BY_VALUE = ladder((0, 5e4, 3e5, 1e6, 4e6), (0.005, 0.01, 0.02, 0.05, 0.1))
BY_COIN = ladder((0, 1, 5, 20), (0.004, 0.01, 0.025, 0.05))
GROWING = Table((0.0,), (0.01,), (0.0,), growth=2e-4)  # four times Deribit's, to be felt
BY_LOT = steps((0, 50, 300, 2000, 9000), (0.004, 0.0065, 0.01, 0.015, 0.03))

TERMS = (
    VenueTerms(
        "binance",
        "tiers at mark, fee",
        MARGIN["binance_usdm"],
        LiquidationTerms(fee=0.0125, partial=PartialRule.TIERS_DOWN, tiers=1),
        LossTerms(rank=AdlRank.PROFIT_TIMES_MARGIN_RATIO),
    ),
    VenueTerms(
        "bybit_old",
        "at entry, surplus to the fund",
        MARGIN["bybit_old"],
        LiquidationTerms(surplus=Surplus.FUND, partial=PartialRule.TIERS_DOWN, tiers=1),
        LossTerms(
            trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.3, price_falls_back_to_mark_beyond=0.05
        ),
    ),
    VenueTerms(
        "bybit",
        "at mark, fee for closing",
        MARGIN["bybit_new"],
        LiquidationTerms(surplus=Surplus.FUND, partial=PartialRule.TIERS_DOWN, tiers=1),
        LossTerms(trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.3, socialised=True),
    ),
    VenueTerms(
        "okx",
        "by contracts",
        MARGIN["okx"],
        LiquidationTerms(surplus=Surplus.FUND, partial=PartialRule.TIERS_DOWN, tiers=2),
        LossTerms(trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.3, price=AdlPrice.MARK),
    ),
    VenueTerms(
        "hyperliquid",
        "a fifth first",
        MARGIN["hyperliquid"],
        LiquidationTerms(partial=PartialRule.FRACTION, fraction=0.2, threshold_usd=1e5),
        LossTerms(
            trigger=AdlTrigger.ACCOUNT_NEGATIVE,
            rank=AdlRank.PRICE_RATIO_TIMES_LEVERAGE,
            price=AdlPrice.PREVIOUS_MARK,
        ),
    ),
    VenueTerms("generic", "neutral", MarginTerms(), LiquidationTerms(), LossTerms(socialised=True)),
)

GROWING_TERMS = (
    VenueTerms(
        "deribit",
        "a rate that grows, just enough, losses shared by all",
        MARGIN["deribit"],
        LiquidationTerms(fee=0.0075, partial=PartialRule.JUST_ENOUGH, least_usd=3e3),
        LossTerms(rank=AdlRank.NONE, socialised=True),
    ),
    VenueTerms(
        "dydx",
        "by slices, then by lot",
        MARGIN["dydx"],
        LiquidationTerms(
            fee=0.015, partial=PartialRule.SLICES, fraction=0.25, least_usd=2e4, most_usd=4e5
        ),
        LossTerms(rank=AdlRank.RANDOM),
    ),
)


def without_fees(scene: Scene) -> Scene:
    """The same book where a liquidation costs nothing."""
    free = tuple(
        dataclasses.replace(v, liquidation=dataclasses.replace(v.liquidation, fee=0.0))
        for v in scene.venues
    )
    return Scene(scene.contracts, free, scene.purses, scene.legs)


def contracts() -> tuple[Contract, ...]:
    linear = tuple(Contract(a, False, 1.0, NAN, BY_VALUE) for a in PRICES)
    lots = tuple(
        Contract(a, False, f, NAN, BY_LOT) for a, f in zip(PRICES, (0.01, 0.1, 1.0), strict=True)
    )
    coin = tuple(Contract(a, True, 100.0, NAN, BY_COIN) for a in ("BTC", "ETH"))
    coin_lots = (Contract("BTC", True, 100.0, NAN, BY_LOT),)
    second = (Contract("BTC", False, 1.0, NAN, BY_VALUE),)  # as BTCUSDC beside BTCUSDT
    growing = tuple(
        Contract(a, inverse, 1.0, NAN, GROWING)
        for a, inverse in (("BTC", False), ("SOL", False), ("BTC", True), ("ETH", True))
    )
    return linear + lots + coin + coin_lots + second + growing


def _choices(venue: str) -> tuple[list[int], list[int]]:
    """Linear and inverse contracts that a venue lists."""
    if venue == "okx":
        return [3, 4, 5], [8]
    if venue == "deribit":
        return [10, 11], [12, 13]
    if venue in ("hyperliquid", "generic", "dydx"):
        return [0, 1, 2, 9], []
    return [0, 1, 2, 9], [6, 7]


def random_book(
    seed: int,
    accounts: int,
    *,
    cross: float = 0.5,
    stops: float = 0.2,
    graded: bool = False,
    terms: tuple[VenueTerms, ...] = TERMS,
) -> Scene:
    """Accounts at 0.2 to 25% of notional, tiny to huge, one in thirty of them below zero.

    ``graded``: of like size and evenly spread over their distance to liquidation, so that a
    shock sets off many rounds.
    """
    rng = random.Random(seed)
    scene = Scene(contracts(), terms)
    while len(scene.purses) < accounts:
        v = rng.randrange(len(terms))
        linear, inverse = _choices(terms[v].venue)
        together = rng.random() < cross
        group = linear
        if inverse and rng.random() < 0.35:
            group = [rng.choice(inverse)]
        chosen = rng.sample(group, rng.randint(1, len(group))) if together else [rng.choice(group)]
        account = len(scene.purses)
        mine = []
        for k in chosen:
            hedged = together and rng.random() < 0.2
            first = rng.choice((1, 1, -1))
            for side in (first, -first) if hedged else (first,):
                side = abs(side) if graded else side
                mine.append(_leg(rng, scene.contracts[k], k, account, side, stops, graded))
        scene.legs += mine
        scene.purses.append(Purse(rng.randrange(accounts), v, not together, 0.0))
        share = -0.01 if rng.random() < 0.03 else 10 ** rng.uniform(-2.7, -0.6)
        if graded:
            share = rng.uniform(0.03, 0.3)
        scene.purses[-1].balance = balance_for(scene, mine, share)
    return scene


def _leg(
    rng: random.Random,
    contract: Contract,
    k: int,
    account: int,
    side: int,
    stops: float,
    graded: bool,
) -> Leg:
    price = PRICES[contract.asset]
    usd = 10 ** (rng.uniform(4, 5.5) if graded else rng.uniform(0, 6.8))
    entry = price * math.exp(rng.gauss(0, 0.03))
    size = side * (usd if contract.inverse else usd / price)
    stop = price * (1 - side * rng.uniform(-0.002, 0.12)) if rng.random() < stops else NAN
    leverage = float(rng.choice((2, 5, 10, 20, 50)))
    return Leg(account, k, size, entry, price, leverage, stop)


def balance_for(scene: Scene, mine: list[Leg], share: float) -> float:
    """So that equity is a share of the notional."""
    value = profit = 0.0
    for leg in mine:
        if scene.contracts[leg.contract].inverse:
            value += abs(leg.size) / leg.mark
            profit += leg.size * (1 / leg.entry - 1 / leg.mark)
        else:
            value += abs(leg.size) * leg.mark
            profit += leg.size * (leg.mark - leg.entry)
    return value * share - profit


def dyadic_book(copies: int) -> Scene:
    """Thousands of accounts at the same thresholds, in numbers that floats hold exactly.

    Marks and entries are 1024, BTC's rate 1/8 and ETH's 1/4. Equity meets maintenance exactly at
    BTC 896 and 960 (longs), 1152 (shorts), ETH 768 (longs), 1280 (shorts), and for the cross
    accounts of 1 BTC and half an ETH where both stand at 896.
    """
    flat = Contract("BTC", table=Table((0.0,), (0.125,), (0.0,)))
    other = Contract("ETH", table=Table((0.0,), (0.25,), (0.0,)))
    scene = Scene((flat, other), (VenueTerms("a", "A"), VenueTerms("b", "B")))
    for n in range(copies):
        for k, size, balance in DYADIC:
            account = len(scene.purses)
            scene.purses.append(Purse(account, n % 2, n % 3 > 0, balance))
            scene.legs.append(Leg(account, k, size, 1024.0, 1024.0))
        account = len(scene.purses)
        scene.purses.append(Purse(account, n % 2, False, 416.0))
        scene.legs.append(Leg(account, 0, 1.0, 1024.0, 1024.0))
        scene.legs.append(Leg(account, 1, 0.5, 1024.0, 1024.0))
    return scene


DYADIC = (
    (0, 1.0, 240.0),  # 240 - 128 = 896 / 8
    (0, 1.0, 184.0),  # 184 - 64 = 960 / 8
    (0, -1.0, 272.0),  # 272 - 128 = 1152 / 8
    (1, 1.0, 448.0),  # 448 - 256 = 768 / 4
    (1, -1.0, 576.0),  # 576 - 256 = 1280 / 4
)


def scaled(scene: Scene, by: float) -> Scene:
    """The same book in a currency worth ``1 / by``: an inverse contract's coin stays a coin."""

    def table(c: Contract) -> Table:
        if c.inverse or c.table.by_contracts:
            return c.table
        t = c.table
        return Table(tuple(f * by for f in t.floors), t.rates, tuple(x * by for x in t.cums))

    contracts = tuple(
        dataclasses.replace(c, table=table(c), face=c.face * (by if c.inverse else 1))
        for c in scene.contracts
    )
    venues = tuple(
        dataclasses.replace(
            v,
            liquidation=dataclasses.replace(
                v.liquidation,
                threshold_usd=v.liquidation.threshold_usd * by,
                least_usd=v.liquidation.least_usd * by,
                most_usd=v.liquidation.most_usd * by,
            ),
        )
        for v in scene.venues
    )
    coin = {x.account for x in scene.legs if scene.contracts[x.contract].inverse}
    purses = [
        dataclasses.replace(p, balance=p.balance * (1 if a in coin else by))
        for a, p in enumerate(scene.purses)
    ]
    legs = [
        dataclasses.replace(
            x,
            size=x.size * (by if scene.contracts[x.contract].inverse else 1),
            entry=x.entry * by,
            mark=x.mark * by,
            stop=x.stop * by,
        )
        for x in scene.legs
    ]
    return Scene(contracts, venues, purses, legs)


def shuffled(scene: Scene, seed: int) -> tuple[Scene, list[int], list[int]]:
    """The same accounts and positions in another order, and where each went."""
    rng = random.Random(seed)
    accounts, legs = list(range(len(scene.purses))), list(range(len(scene.legs)))
    rng.shuffle(accounts)
    rng.shuffle(legs)
    place = {a: k for k, a in enumerate(accounts)}
    moved = [dataclasses.replace(scene.legs[i], account=place[scene.legs[i].account]) for i in legs]
    purses = [scene.purses[a] for a in accounts]
    return Scene(scene.contracts, scene.venues, purses, moved), accounts, legs


def relabelled(scene: Scene) -> Scene:
    """The same book with its contracts, and so its assets, in reverse order and renamed."""
    last = len(scene.contracts) - 1
    contracts = tuple(
        dataclasses.replace(c, asset=c.asset[::-1]) for c in reversed(scene.contracts)
    )
    legs = [dataclasses.replace(x, contract=last - x.contract) for x in scene.legs]
    return Scene(contracts, scene.venues, scene.purses, legs)
