"""The variants of the study of November 2025: what each changes, and against what it is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book
from seawall.liquidity import daily_volatility_of
from seawall.rulebook import bind
from seawall.rulebook.levers import levers
from seawall.sim.behaviours import behaviours
from seawall.sim.paired import faint
from seawall.sim.setup import Setup
from seawall.sim.shocks import shocks

CRISIS, ORDINARY, THIN = "crisis", "ordinary", "thin"
THINNING = 3.4
"""Depth that makers take away within a cascade: calm over thinned, the median of 639."""
POSITION_USD = 47.87e6
"""The largest order of 4 to 5 November 2025, USD."""
CLUSTER = (94_500.0, 95_500.0)
"""Where the shorts stand whose liquidation price is put at 95,000, USD."""
TOUCHED, SHORT_OF = 95_000.0, 93_500.0
LOW_SHARE = 0.65
"""Share of traders that the question puts at 1x to 3x."""

Change = Callable[[Setup, float], Setup]


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing changed.

    Parameters
    ----------
    key, text
        Stable name, and what it is in words.
    base
        Key of what it is held against; itself if it is a base.
    scenario
        ``crisis`` or ``ordinary``: what it is made from.
    group
        Table it belongs to.
    change
        Makes it from the scenario's setup and the share of the market that is simulated.
    """

    key: str
    text: str
    base: str
    scenario: str
    group: str
    change: Change


def _same(setup: Setup, share: float) -> Setup:
    return setup


def _faint(setup: Setup, share: float) -> Setup:
    return faint(setup)


def _levers(**chosen: Mapping[str, Any]) -> Change:
    def change(setup: Setup, share: float) -> Setup:
        kinds = levers()
        added = {name: kinds[name].model_validate(dict(p)) for name, p in chosen.items()}
        return replace(setup, levers={**setup.levers, **added})

    return change


def _behaviour(name: str, **parameters: Any) -> Change:
    def change(setup: Setup, share: float) -> Setup:
        added = behaviours()[name].model_validate(parameters)
        return replace(setup, behaviours={**setup.behaviours, name: added})

    return change


def _funds(setup: Setup, share: float) -> Setup:
    """Three times every fund; where there is none, as large a one as Bybit's."""
    least = setup.funds.get("bybit", 0.0)
    return replace(setup, funds={v: 3.0 * usd or least for v, usd in setup.funds.items()})


def _sale(market: str, at: float) -> Change:
    def change(setup: Setup, share: float) -> Setup:
        sale = shocks()["forced_sale"].model_validate(
            {"market": market, "usd": POSITION_USD * share, "at": at}
        )
        return replace(setup, shocks={**setup.shocks, "sale": sale})

    return change


def _rise(to: float, cluster: bool = True) -> Change:
    """Every outside price rises alike, BTC to a price, and stays there."""

    def change(setup: Setup, share: float) -> Setup:
        kind = shocks()["price_jump"]
        start = next(m.price for m in setup.floor.markets if m.asset == "BTC")
        jump = kind.model_validate({"change": to / start - 1.0, "at": 600.0, "over": 10_200.0})
        risen = replace(setup, shocks={"rise": jump})
        return risen if cluster else shrunk(risen, in_cluster(setup.book, setup))

    return change


def _btc_alone(setup: Setup, share: float) -> Setup:
    return replace(setup, shocks={"BTC": setup.shocks["BTC"]})


def _both(*changes: Change) -> Change:
    def change(setup: Setup, share: float) -> Setup:
        for one in changes:
            setup = one(setup, share)
        return setup

    return change


def in_cluster(book: Book, setup: Setup) -> NDArray[np.bool_]:
    """Shape (m,): accounts with a BTC short whose liquidation price lies in the cluster."""
    margin = bind(book, setup.rules, setup.start)
    price = margin.liquidation_price()
    mine = book.asset_codes() == book.assets.index("BTC")
    mine &= (book.positions.size < 0) & (price >= CLUSTER[0]) & (price <= CLUSTER[1])
    found = np.zeros(len(book.accounts), dtype=np.bool_)
    found[book.positions.account[mine]] = True
    return found


def shrunk(setup: Setup, accounts: NDArray[np.bool_]) -> Setup:
    """The same with some accounts so small that they move nothing."""
    book = setup.book
    share = np.where(accounts, 1e-12, 1.0)
    p, mine = book.positions, share[book.positions.account]
    positions = replace(p, size=p.size * mine, amount=p.amount * mine)
    small = replace(book.accounts, balance=book.accounts.balance * share)
    return replace(setup, book=replace(book, positions=positions, accounts=small))


_DYNAMIC = {"preset": "cme_dynamic"}
_CONCENTRATION = {"slope": 3.0, "above": 0.0005}
_DISCLOSED = {"published": True, "share": 0.3}
_FOUR = _both(
    _levers(
        coordinated_breaker=_DYNAMIC,
        leverage_cap={"cap": 20.0},
        disclosure=_DISCLOSED,
    ),
    _funds,
)
_ALL = _both(
    _FOUR,
    _levers(
        circuit_breaker={"preset": "luld"},
        concentration_margin={**_CONCENTRATION, "respond": "cut"},
        position_limit={"share": 0.005},
        price_bands={"preset": "okx_tier_1"},
        liquidation_throttle={"rate": 0.01},
    ),
)


def _sized_by_volatility(setup: Setup, share: float) -> Setup:
    """A cap of 20x for BTC, lower for a coin in proportion to its volatility."""
    assets = setup.floor.assets
    daily = dict(zip(assets, daily_volatility_of(assets).values.tolist(), strict=True))
    cap = {"cap": 20.0, "volatility": daily, "calm_volatility": daily["BTC"]}
    return _levers(leverage_cap=cap)(setup, share)


def _wary(setup: Setup, share: float) -> Setup:
    maker = setup.behaviours["market_maker"].model_copy(update={"wariness": 0.5})
    return replace(setup, behaviours={**setup.behaviours, "market_maker": maker})


def _thin(setup: Setup, share: float) -> Setup:
    """Every market's depth as makers leave it in a cascade, from the start."""
    floor = setup.floor
    markets = tuple(replace(m, depth=m.depth / THINNING) for m in floor.markets)
    return replace(setup, floor=replace(floor, markets=markets))


SAFEGUARDS: tuple[tuple[str, str, Change], ...] = (
    ("breaker luld", "Breaker, 5% in 5 min", _levers(circuit_breaker={"preset": "luld"})),
    ("breaker single", "Breaker, 3.5% in an hour", _levers(circuit_breaker=_DYNAMIC)),
    (
        "breaker together",
        "The same, all venues together",
        _levers(coordinated_breaker=_DYNAMIC),
    ),
    ("cap 20", "Leverage cap 20x", _levers(leverage_cap={"cap": 20.0})),
    ("cap 10", "Leverage cap 10x", _levers(leverage_cap={"cap": 10.0})),
    ("fund", "Funds three times as large", _funds),
    (
        "add-on",
        "Concentration add-on, positions cut before",
        _levers(concentration_margin={**_CONCENTRATION, "respond": "cut"}),
    ),
    (
        "add-on overnight",
        "Concentration add-on, positions held",
        _levers(concentration_margin=_CONCENTRATION),
    ),
    (
        "limit",
        "Position limit, 0.5% of open interest",
        _levers(position_limit={"share": 0.005}),
    ),
    (
        "throttle",
        "Forced orders, 1% of depth a second",
        _levers(liquidation_throttle={"rate": 0.01}),
    ),
    ("bands", "Price bands, 2% of index", _levers(price_bands={"preset": "okx_tier_1"})),
    ("smoothing", "Mark smoothed over 150 s", _levers(mark_smoothing={"window": 150.0})),
    ("disclosure", "Clusters disclosed, 30% near them halve", _levers(disclosure=_DISCLOSED)),
    (
        "disclosure hunted",
        "Clusters disclosed, makers wary, hunters",
        _both(
            _levers(disclosure={"published": True}),
            _behaviour("hunter"),
            _wary,
        ),
    ),
    ("four", "Breaker together, cap 20x, funds, disclosure", _FOUR),
    ("all", "Those, LULD, add-on, limit, bands and throttle", _ALL),
)
"""Every safeguard: key, in words, what it does to a setup."""

_CALM_ONLY = frozenset({"breaker luld", "cap 10", "add-on overnight", "limit"})
"""Not run again on thinned depth."""


def variants() -> tuple[Variant, ...]:
    """Everything that is run; bases first."""

    def advice(key: str, text: str, change: Change) -> Variant:
        return Variant(key, text, CRISIS, CRISIS, "traders", change)

    low = _levers(low_leverage={"share": LOW_SHARE})
    stops = _levers(stop_adoption={"share": LOW_SHARE})
    millions = f"${POSITION_USD / 1e6:.2f}M"
    return (
        Variant(CRISIS, "21 November", CRISIS, CRISIS, "bases", _same),
        Variant(ORDINARY, "Ordinary day", ORDINARY, ORDINARY, "bases", _same),
        Variant("crisis faint", "21 November without leverage", CRISIS, CRISIS, "bases", _faint),
        Variant("ordinary faint", "Ordinary, no leverage", ORDINARY, ORDINARY, "bases", _faint),
        _position("sale htx", f"{millions} of BTC sold at once on HTX", ORDINARY, "htx:BTC"),
        _position("sale binance", f"{millions} sold on Binance", ORDINARY, "binance_usdm:BTC"),
        _position("sale in crisis", f"{millions} sold on HTX amid the fall", CRISIS, "htx:BTC"),
        Variant("short of", "BTC to 93,500", "short of", ORDINARY, "squeeze", _rise(SHORT_OF)),
        Variant("touch", "BTC to 95,000", "short of", ORDINARY, "squeeze", _rise(TOUCHED)),
        Variant(
            "touch empty",
            "BTC to 95,000, nobody in the cluster",
            "short of",
            ORDINARY,
            "squeeze",
            _rise(TOUCHED, cluster=False),
        ),
        Variant("btc alone", "Only BTC falls", "btc faint", CRISIS, "spread", _btc_alone),
        Variant(
            "btc faint",
            "Only BTC falls, without leverage",
            "btc faint",
            CRISIS,
            "spread",
            _both(_btc_alone, _faint),
        ),
        advice("low leverage", "65% of traders at 1x to 3x", low),
        advice("stops", "65% of traders with stops", stops),
        advice("low and stops", "65% at 1x to 3x, and 65% with stops", _both(low, stops)),
        advice(
            "sized by volatility",
            "20x for BTC, less in proportion to volatility",
            _sized_by_volatility,
        ),
        advice(
            "cut after loss",
            "Half of traders cut to 1x to 3x after losing 30%",
            _behaviour("deleverager", share=0.5),
        ),
        *(Variant(k, x, CRISIS, CRISIS, "safeguards", change) for k, x, change in SAFEGUARDS),
        Variant(THIN, "21 November, depth thinned 3.4 times", THIN, CRISIS, "bases", _thin),
        *(
            Variant(f"thin {k}", x, THIN, CRISIS, "thin", _both(_thin, change))
            for k, x, change in SAFEGUARDS
            if k not in _CALM_ONLY
        ),
    )


def _position(key: str, text: str, base: str, market: str) -> Variant:
    # amid the second leg of the fall, or an hour into an ordinary one
    at = 8_400.0 if base == CRISIS else 3_600.0
    return Variant(key, text, base, base, "position", _sale(market, at))
