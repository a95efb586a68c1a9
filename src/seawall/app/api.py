"""The commands as functions: the same nouns, the same report.

>>> import seawall
>>> book = seawall.read_book("book.csv")          # doctest: +SKIP
>>> report = seawall.stress(book, {"BTC": -0.1})  # doctest: +SKIP
>>> report.payload["totals"]["forced_notional_usd"]  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seawall.app.progress import Say, silent
from seawall.app.sim_api import PathLike, compare, replay, simulate
from seawall.core import Book, InputError, Mistake
from seawall.liquidity import EMPIRICAL, SQUARE_ROOT, ImpactLaw, daily_volatility_of
from seawall.margin import MarginBook
from seawall.report.model import Report
from seawall.rulebook import Rules, bind

if TYPE_CHECKING:
    from seawall.app.stress_prepared import PreparedBooks
    from seawall.sim import DemoMarket

__all__ = [
    "bound",
    "canonical_fund",
    "check",
    "compare",
    "demo",
    "explain",
    "impact_law",
    "map",
    "replay",
    "simulate",
    "stress",
]

DEMO_SHOCK = {"BTC": -0.03, "ETH": -0.035, "ALL": -0.04}
"""A shock of about half the fall of 21 November 2025 (BTC 86,600 to 80,600)."""


def bound(book: Book | MarginBook, rules: Rules | None = None) -> MarginBook:
    """The book under the rules in force on its day; a bound book is returned as it is."""
    return book if isinstance(book, MarginBook) else bind(book, rules)


def impact_law(exponent: float | None = None, thinning: float | None = None) -> ImpactLaw:
    """The empirical law, with what is given replacing what is estimated."""
    if exponent is None and thinning is None:
        return EMPIRICAL
    return ImpactLaw(
        exponent=EMPIRICAL.exponent if exponent is None else exponent,
        thinning=EMPIRICAL.thinning if thinning is None else thinning,
        exponent_se=EMPIRICAL.exponent_se if exponent is None else 0.0,
        thinning_log_sd=EMPIRICAL.thinning_log_sd if thinning is None else 0.0,
        source=EMPIRICAL.source
        if exponent is None
        else "exponent given" + ("" if thinning is not None else f"; thinning: {EMPIRICAL.source}"),
    )


def canonical_fund(
    margin: MarginBook, fund: float | Mapping[str, float] | None
) -> float | dict[str, float] | None:
    """A fund by venue under the venues' rulebook names; ``binance`` is each Binance in the book."""
    if fund is None or isinstance(fund, (int, float)):
        return fund
    names = {t.venue for t in margin.terms}
    rules = Rules.bundled()
    out: dict[str, float] = {}
    for name, usd in fund.items():
        known = {rules.canonical_venue(name, contract) for contract in ("linear", "inverse")}
        out |= dict.fromkeys(known & names or known, usd)
    return out


def check(
    book: Book | MarginBook,
    *,
    target_ratio: float = 0.5,
    volatility: Mapping[str, float] | None = None,
    market: Book | MarginBook | None = None,
    candles: PathLike | None = None,
    store: PathLike | None = None,
    odds_needed: bool = True,
    call_ratio: float = 0.8,
    funding: Mapping[str, float] | None = None,
    depth: Mapping[str, float] | None = None,
    paths: int | None = None,
    seed: int = 0,
    progress: Say = silent,
) -> Report:
    """Where each position is liquidated, how far that is, and with prices how likely.

    Parameters
    ----------
    target_ratio
        Margin ratio (maintenance / equity) to which collateral is to be brought, above 0, at
        most 1.
    volatility
        Daily standard deviation by asset; that of the simulated prices where there are odds, else
        bundled figures, for the rest.
    market
        Book whose clusters are named beside each position; by default the book's own.
    candles, store
        Candles of the book's assets, or a store of marks or of a tape: either adds the odds of a
        margin call and of liquidation within an hour, a day and a week.
    odds_needed
        Whether prices that do not suffice are refused; else a warning says why there are no odds.
    call_ratio
        Margin ratio at which a trader is called.
    funding
        Rate per 8 hours by asset, > 0 is paid by longs; the venue's interest for the rest.
    depth
        USD resting within 1% of mid by asset, for the cost of closing.
    paths, seed
        Simulated paths of prices, as many as take a few seconds by default.
    progress
        Called with what is being done.
    """
    from seawall.report.check import check_report

    if not 0 < target_ratio <= 1:
        raise InputError(
            Mistake(
                "margin ratio out of range",
                "--target-ratio",
                value=str(target_ratio),
                allowed="above 0, at most 1 (liquidation)",
            )
        )
    margin = bound(book)
    others = None if market is None else bound(market)

    def plain(simulated: Mapping[str, float]) -> Report:
        sigma = daily_volatility_of(margin.book.assets, {**simulated, **(volatility or {})})
        return check_report(margin, sigma, target_ratio, others)

    if candles is None and store is None:
        return plain({})
    from seawall.app.desk_odds import odds_report

    return odds_report(
        plain,
        margin,
        candles=candles,
        store=store,
        needed=odds_needed,
        call_ratio=call_ratio,
        funding=funding,
        depth=depth,
        paths=paths,
        seed=seed,
        progress=progress,
    )


def map(
    book: Book | MarginBook,
    *,
    assets: tuple[str, ...] = (),
    span: float = 0.35,
    width: float | None = None,
    volatility: Mapping[str, float] | None = None,
    clusters: int = 8,
) -> Report:
    """What would be forced at each price, its clusters, and the book's concentration.

    Parameters
    ----------
    assets
        Underlyings to map; by default the five with the largest notional.
    span
        Half-width of the price grid, as a share of mark.
    width
        Price step in USD; by default a round step near a quarter of a percent.
    volatility
        Daily standard deviation by asset; bundled figures for the rest.
    clusters
        Clusters named of each asset: the largest.
    """
    import numpy as np

    from seawall.report.map import map_report
    from seawall.risk import liquidation_map

    margin = bound(book)
    names = margin.book.assets
    if not assets:
        held = np.bincount(margin.book.asset_codes(), margin.book.notional(), len(names))
        assets = tuple(names[a] for a in np.argsort(-held, kind="stable")[:5])
    prices = margin.liquidation_price()
    maps = [liquidation_map(margin, a, span, width, prices) for a in assets]
    return map_report(margin, maps, daily_volatility_of(names, volatility), clusters)


def stress(
    book: Book | MarginBook,
    shock: Mapping[str, float],
    *,
    depth: Mapping[str, float] | None = None,
    thinning: float | None = None,
    impact_exponent: float | None = None,
    fund: float | Mapping[str, float] | None = None,
    law: ImpactLaw | None = None,
    partial: bool = False,
    draws: int = 64,
    seed: int = 0,
    ladder: tuple[float, ...] | None = None,
    liquidates_usd: float | None = None,
    volatility: Mapping[str, float] | None = None,
    prepared: PreparedBooks | None = None,
    progress: Say = silent,
) -> Report:
    """What a shock does to a book: the cascade, who pays, larger and smaller shocks.

    Parameters
    ----------
    shock
        Relative price change by asset, -0.1 for -10%; ``ALL`` for assets not named.
    depth
        USD resting within 1% of mid by asset; dated defaults for the rest.
    thinning
        Share of the depth that market makers leave (at most 1), or the multiple by which it
        thins (above 1); 1 is none. By default the empirical law's, with its uncertainty.
    impact_exponent
        1 is linear, 0.5 the square root. By default the empirical law's, with its uncertainty.
    fund
        Insurance fund in USD: one number for a single fund behind all venues, or by venue.
    law
        An impact law as a whole, in place of ``thinning`` and ``impact_exponent``.
    partial
        Use the venues' partial liquidation steps instead of closing accounts in full.
    draws, seed
        Draws of the uncertain law behind the 5-95% bands; 0 for none.
    ladder
        Sizes of the ladder's shocks, < 0.
    liquidates_usd
        Also find the smallest shock that liquidates this notional.
    volatility
        Daily standard deviation by asset, for the distances of clusters.
    prepared
        Keeps what shocks of one book and direction have in common, for whoever asks for many.
    progress
        Called with what is being done.
    """
    from seawall.app.stress_prepared import PreparedStress

    progress("binding the book to its venues' rules")
    margin = bound(book)
    # what is wrong with the question is told before the book is laid out
    sigma = daily_volatility_of(margin.book.assets, volatility)
    law = impact_law(impact_exponent, thinning) if law is None else law
    progress("laying out the book")
    lay_out = PreparedStress if prepared is None else prepared
    return lay_out(margin, depth, law, partial).report(
        shock,
        fund=canonical_fund(margin, fund),
        draws=draws,
        seed=seed,
        ladder=ladder,
        liquidates_usd=liquidates_usd,
        volatility=dict(zip(margin.book.assets, sigma.values, strict=True)),
        progress=progress,
    )


def explain(
    book: Book | MarginBook,
    row: int,
    *,
    shock: Mapping[str, float] | None = None,
    depth: Mapping[str, float] | None = None,
    thinning: float | None = None,
    impact_exponent: float | None = None,
    fund: float | Mapping[str, float] | None = None,
    partial: bool = False,
) -> Report:
    """The path of one row to its liquidation, and through a cascade if a shock is given."""
    from seawall.report.explain import explain_report
    from seawall.risk import StaticCascade

    margin = bound(book)
    cascade = None
    if shock:
        law = impact_law(impact_exponent, thinning)
        cascade = StaticCascade(margin, depth, law, partial).run(
            shock, canonical_fund(margin, fund)
        )
    return explain_report(margin, row, cascade)


def demo(
    *,
    accounts: int = 500_000,
    seed: int = 20251120,
    shock: Mapping[str, float] | None = None,
    progress: Say = silent,
    **options: Any,
) -> tuple[Report, DemoMarket]:
    """The synthetic market of November 2025, stressed, beside the published record.

    ``options`` are those of :func:`stress`. Returns the report and the market itself.
    """
    from seawall.report.demo import with_record
    from seawall.sim import november_2025

    progress(f"drawing a synthetic book of {accounts:,} accounts")
    market = november_2025(seed=seed, accounts=accounts)
    margin = bound(market.book)
    progress("setting the published record beside it")
    compared = market.compare(margin)
    options.setdefault("law", SQUARE_ROOT)
    report = stress(margin, shock or DEMO_SHOCK, progress=progress, **options)
    return with_record(report, compared), market
