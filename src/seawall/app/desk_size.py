"""The command that says how large a position may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.book_options import (
    AtOption,
    CandlesOption,
    DepthOption,
    ExponentOption,
    FundingOption,
    LenientOption,
    PathsOption,
    PriceOption,
    RowOption,
    SeedOption,
    StoreOption,
    ThinningOption,
)
from seawall.app.desk_position import NewPosition, PathLike, among, opened, position_of
from seawall.app.market_store import depth_of, sources_of
from seawall.app.progress import Say, silent
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.desk.size_limits import Wanted
    from seawall.desk.size_rules import Edge
    from seawall.margin import MarginBook
    from seawall.report.model import Report

PATHS = 5_000


def size(
    book: Book | MarginBook | NewPosition,
    row: int | None = None,
    *,
    candles: PathLike | None = None,
    store: PathLike | None = None,
    wanted: Wanted | None = None,
    edge: Edge | None = None,
    band: float | None = None,
    depth: Mapping[str, float] | None = None,
    thinning: float | None = None,
    impact_exponent: float | None = None,
    funding: Mapping[str, float] | None = None,
    paths: int = PATHS,
    seed: int = 0,
    progress: Say = silent,
) -> Report:
    """The largest size and leverage of a position within limits, and how to follow volatility.

    Parameters
    ----------
    book, row
        A book and the row of the position in it, or a position that is not there yet.
    candles, store
        Candles of the account's assets, or a recorded tape; one of the two.
    wanted
        The limits: :class:`seawall.desk.size.Wanted`.
    edge
        What is expected of the position: :class:`seawall.desk.size_rules.Edge`; None for nothing.
    band
        Half-width of the no-trade band, a part of the size; by default by its costs.
    depth, thinning, impact_exponent
        Of the impact law, as in :func:`seawall.stress`.
    funding
        Rate per 8 hours by asset, > 0 is paid by longs; the venue's interest for the rest.
    paths, seed
        Simulated paths of prices, and what decides them. More are drawn where fewer than ten
        liquidations of the wanted probability would be among them.
    progress
        Called with what is being done.

    Raises
    ------
    InputError
        If the row is not in the book, prices are missing, have gaps or are too short, a limit is
        out of range, or the account carries no position at all.
    """
    from seawall.app.api import bound, impact_law
    from seawall.app.desk_odds import history_of, told_of_prices
    from seawall.core import InputError, Mistake
    from seawall.desk import size_moves, size_rules
    from seawall.desk.prices import fit_prices
    from seawall.desk.resizing import Resizing
    from seawall.desk.size import Sizer, least_paths
    from seawall.desk.size import size as found
    from seawall.desk.size_limits import Wanted
    from seawall.report.desk_size import size_report
    from seawall.report.subject import warned

    if band is not None and not 0.0 < band <= 1.0:
        allowed = "above 0%, at most 100%: a part of the size"
        raise InputError(Mistake("out of range", "--band", value=f"{band:g}", allowed=allowed))
    new = isinstance(book, NewPosition)
    if isinstance(book, NewPosition):
        history = history_of((book.listed().asset,), 0, candles, store, progress)
        margin = opened(book, history)
        resizing = Resizing(margin, 0)
    else:
        margin = bound(book)
        resizing = Resizing(margin, position_of(margin, row))
        held = resizing.base.book
        history = history_of(held.assets, held.time, candles, store, progress)
    progress("fitting the model of prices")
    model = fit_prices(history)
    limits = wanted or Wanted()
    progress("simulating prices")
    sizer = Sizer(
        resizing,
        model.paths(limits.horizon, max(paths, least_paths(limits.probability)), seed),
        limits.horizon,
        among(depth, model.assets),
        impact_law(impact_exponent, thinning),
        among(funding, model.assets),
    )
    years = len(history) * history.step / 86_400.0 / size_rules.DAYS
    worth = None
    if edge is not None:
        worth = size_rules.kelly(edge, size_moves.daily_sigma(sizer), years)
        limits = replace(limits, kelly=worth.leverage)
    progress("walking the account along them at every size")
    made = found(sizer, limits, 0.0 if new else None)
    progress("and at other volatilities")
    nu = size_rules.volatility_of_volatility(model, resizing.asset, limits.horizon)
    moves = size_moves.plans(sizer, made, edge=edge, years=years, daily_nu=nu, band=band)
    told = size_report(sizer, made, moves, worth, model, new, paths)
    return warned(told, *told_of_prices(margin, model))


def size_command(
    book: Annotated[
        str | None, typer.Argument(metavar="[BOOK]", help="Book that holds the position.")
    ] = None,
    row: RowOption = None,
    instrument: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="Or one that is not there yet.")
    ] = None,
    equity: Annotated[
        str | None, typer.Option(metavar="USD", help="With --instrument: what the account has.")
    ] = None,
    side: Annotated[str, typer.Option(help="With --instrument: long or short.")] = "long",
    entry: Annotated[
        str | None, typer.Option(metavar="USD", help="With --instrument: its price; last close.")
    ] = None,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="With --instrument: a margin of its own.")
    ] = False,
    candles: CandlesOption = None,
    store: StoreOption = None,
    probability: Annotated[
        str, typer.Option(help="Greatest probability of a liquidation within the horizon.")
    ] = "1%",
    horizon: Annotated[str, typer.Option(metavar="7d", help="Such as 1h, 1d, 7d.")] = "7d",
    budget: Annotated[
        str, typer.Option(help="Greatest expected shortfall (97.5%), of the equity.")
    ] = "20%",
    cost: Annotated[
        str, typer.Option(help="Greatest slippage of closing it in a stressed book.")
    ] = "0.2%",
    most_leverage: Annotated[float | None, typer.Option(help="Cap of the leverage.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Daily volatility of the account that is aimed at.")
    ] = None,
    edge: Annotated[
        str | None, typer.Option(help="Return a year that you expect of it, after costs.")
    ] = None,
    edge_error: Annotated[
        str | None, typer.Option(help="Its standard error; that of a mean over the prices given.")
    ] = None,
    kelly_fraction: Annotated[float, typer.Option(help="Of the Kelly size.")] = 0.5,
    band: Annotated[
        str | None, typer.Option(help="Half of the no-trade band; by its costs.")
    ] = None,
    depth: DepthOption = None,
    thinning: ThinningOption = None,
    impact_exponent: ExponentOption = None,
    funding: FundingOption = None,
    paths: PathsOption = PATHS,
    seed: SeedOption = 0,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: Annotated[str | None, typer.Option(help="Of --instrument, or of rows without.")] = None,
    price: PriceOption = None,
    at: AtOption = None,
    lenient: LenientOption = False,
) -> None:
    """How large a position may be, by liquidation, loss, depth, edge and the venue's brackets."""
    from seawall.app import cli, options
    from seawall.desk.size_limits import Wanted
    from seawall.report.subject import warned

    worth = edge_of(edge, edge_error, kelly_fraction)
    depths = options.amounts(depth or (), "--depth")
    rates = options.changes(funding or (), "--funding")
    options.within(thinning, "--thinning", 1e6)
    options.within(impact_exponent, "--impact-exponent", 3.0)
    new = new_of(book, instrument, equity, venue, side, entry, isolated)
    limits = Wanted(
        probability=options.share(probability, "--probability"),
        horizon=options.seconds(horizon, "--horizon"),
        shortfall=options.share(budget, "--budget"),
        cost=options.share(cost, "--cost"),
        leverage=options.within(most_leverage, "--most-leverage"),
        volatility=None if target is None else options.share(target, "--target"),
    )
    past, marked = sources_of(store, candles)
    with progress_for(report) as say:
        of = new or cli._read(str(book), lenient, venue, price, at, say, marked)
        names = (of.listed().asset,) if isinstance(of, NewPosition) else of.assets
        given = options.of_book(depths, names, "--depth")
        usd, said = depth_of(names, given, marked, at)
        made = size(
            of,
            row,
            candles=candles,
            store=past,
            wanted=limits,
            edge=worth,
            band=None if band is None else options.share(band, "--band"),
            depth=usd,
            thinning=thinning,
            impact_exponent=impact_exponent,
            funding=options.of_book(rates, names, "--funding"),
            paths=paths,
            seed=seed,
            progress=say,
        )
    show(warned(made, *([said] if said else ())), format, report)


def edge_of(edge: str | None, error: str | None, fraction: float) -> Edge | None:
    """What is expected of the position, where anything is."""
    from seawall.app import options
    from seawall.desk.size_rules import Edge

    _idle(edge is None, "--edge", {"--edge-error": error})
    if edge is None:
        return None
    sigma = None if error is None else options.share(error, "--edge-error")
    return Edge(options.change(edge, "--edge"), sigma, fraction)


def new_of(
    book: str | None,
    instrument: str | None,
    equity: str | None,
    venue: str | None,
    side: str,
    entry: str | None,
    isolated: bool,
) -> NewPosition | None:
    """The position that is not there yet; None if a book is given instead."""
    from seawall.app import options
    from seawall.core import InputError, Mistake

    if (book is None) == (instrument is None):
        what = "nothing to size" if book is None else "two things to size"
        allowed = "BOOK and --row, or --instrument and --equity, not both"
        raise InputError(Mistake(what, "BOOK", allowed=allowed))
    if instrument is None:
        given = {"--equity": equity, "--entry": entry, "--isolated": isolated or None}
        _idle(True, "--instrument", given)
        return None
    if equity is None:
        raise InputError(Mistake("missing", "--equity", allowed="USD, with --instrument"))
    if venue is not None:
        options.known_venue(venue, "--venue")
    return NewPosition(
        instrument,
        options.optional_amount(equity, "--equity") or 0.0,
        venue or "binance",
        side,
        options.optional_amount(entry, "--entry"),
        isolated,
    )


def _idle(lacking: bool, wanted: str, given: Mapping[str, object]) -> None:
    """Refuse options that another one, which is not there, would need."""
    from seawall.core import InputError, Mistake

    idle = [name for name, value in given.items() if value is not None]
    if lacking and idle:
        mend = f"Give {wanted}, or leave it out"
        raise InputError([Mistake("nothing to use it for", name, mend=mend) for name in idle])
