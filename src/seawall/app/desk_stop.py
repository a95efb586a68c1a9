"""The command that says where to put a stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.book_options import (
    AtOption,
    BookArgument,
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
    VenueOption,
)
from seawall.app.desk_position import PathLike, among, position_of
from seawall.app.market_store import sources_of, with_depth
from seawall.app.progress import Say, silent
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.desk.resizing import Resizing
    from seawall.margin import MarginBook
    from seawall.report.model import Report
    from seawall.risk import Cluster

PATHS = 10_000


def stop(
    book: Book | MarginBook,
    row: int | None = None,
    *,
    candles: PathLike | None = None,
    store: PathLike | None = None,
    at: float | None = None,
    sigmas: float = 2.0,
    trigger: str | None = None,
    extra: float = 0.0,
    delay: float = 10.0,
    market: Book | MarginBook | None = None,
    tape: PathLike | None = None,
    depth: Mapping[str, float] | None = None,
    thinning: float | None = None,
    impact_exponent: float | None = None,
    funding: Mapping[str, float] | None = None,
    paths: int = PATHS,
    seed: int = 0,
    progress: Say = silent,
) -> Report:
    """Where to put a position's stop, how likely it fires, and what comes first.

    Parameters
    ----------
    row
        Of the position in the book; may be left out where there is only one.
    candles, store
        Candles of the account's assets, or a recorded tape; one of the two.
    at
        A stop to judge, USD; by default one is found.
    sigmas
        Daily standard deviations from the mark that are wanted.
    trigger
        ``mark``, ``last`` or ``index``; by default the mark where the venue has it.
    extra
        Distance from the liquidation price beyond what is needed, a fraction of it.
    delay
        Seconds from trigger to fill.
    market, tape
        Book or recorded tape whose clusters a stop is kept out of; one of the two or neither.
    depth, thinning, impact_exponent, funding, paths, seed, progress
        As for :func:`seawall.size`.

    Raises
    ------
    InputError
        If the stop lies beyond the liquidation price, would fire at once, or finds no room; if
        prices are missing, have gaps or are too short, or an argument is out of range.
    """
    from seawall.app.api import bound, impact_law
    from seawall.app.desk_odds import price_model, told_of_prices
    from seawall.core import InputError, Mistake
    from seawall.desk.resizing import Resizing
    from seawall.desk.stop import place
    from seawall.desk.stop_odds import Stops
    from seawall.report.desk_stop import stop_report
    from seawall.report.subject import warned

    checks = (
        ("--sigmas", sigmas, sigmas > 0.0, "above 0"),
        ("--margin", extra, 0.0 <= extra < 1.0, "0% to below 100%"),
        ("--delay", delay, delay >= 0.0, "seconds, 0 or more"),
    )
    wrong = [
        Mistake("out of range", name, value=f"{value:g}", allowed=allowed)
        for name, value, sound, allowed in checks
        if not sound
    ]
    if wrong:
        raise InputError(wrong)
    margin = bound(book)
    resizing = Resizing(margin, position_of(margin, row))
    model = price_model(resizing.base, candles, store, progress)
    progress("simulating prices")
    stops = Stops(
        resizing,
        model.paths(count=paths, seed=seed),
        depth=among(depth, model.assets),
        law=impact_law(impact_exponent, thinning),
        funding=among(funding, model.assets),
        delay=delay,
    )
    progress("walking the account along them")
    near = _crowds(resizing, stops.mark, stops.daily_sigma, market, tape)
    found = place(stops, sigmas=sigmas, trigger=trigger, extra=extra, at=at, clusters=near)
    made = stop_report(stops, found, model, market is None and tape is None)
    return warned(made, *told_of_prices(margin, model))


def _crowds(
    resizing: Resizing,
    mark: float,
    daily_sigma: float,
    market: Book | MarginBook | None,
    tape: PathLike | None,
) -> tuple[Cluster, ...]:
    from seawall.app.api import bound
    from seawall.core import InputError, Mistake
    from seawall.desk.crowding import clusters_of_book, clusters_of_store

    if market is not None and tape is not None:
        raise InputError(Mistake("two sources of clusters", "--market, --tape", allowed="one"))
    if market is not None:
        return clusters_of_book(bound(market), resizing.asset, mark, daily_sigma)
    if tape is not None:
        until = resizing.margin.book.time or None
        return clusters_of_store(tape, resizing.asset, mark, daily_sigma, until)
    return ()


def stop_command(
    book: BookArgument,
    row: RowOption = None,
    candles: CandlesOption = None,
    store: StoreOption = None,
    stop_at: Annotated[
        str | None,
        typer.Option("--stop", metavar="USD", help="A stop to judge; else one is found."),
    ] = None,
    sigmas: Annotated[float, typer.Option(help="Wanted, daily, from the mark.")] = 2.0,
    trigger: Annotated[
        str | None, typer.Option(help="mark, last or index; the mark where the venue has it.")
    ] = None,
    margin: Annotated[
        str, typer.Option(help="From the liquidation price, beyond what an order needs.")
    ] = "0%",
    delay: Annotated[float, typer.Option(help="Seconds from trigger to fill.")] = 10.0,
    market: Annotated[
        str | None, typer.Option(metavar="BOOK", help="Book whose clusters it keeps out of.")
    ] = None,
    tape: Annotated[
        str | None, typer.Option(metavar="DIR", help="Recorded tape whose clusters are taken.")
    ] = None,
    depth: DepthOption = None,
    thinning: ThinningOption = None,
    impact_exponent: ExponentOption = None,
    funding: FundingOption = None,
    paths: PathsOption = PATHS,
    seed: SeedOption = 0,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: VenueOption = None,
    price: PriceOption = None,
    at: AtOption = None,
    lenient: LenientOption = False,
) -> None:
    """Where to put a stop, how likely it fires, and whether liquidation comes first."""
    from seawall.app import cli, options

    depths = options.amounts(depth or (), "--depth")
    rates = options.changes(funding or (), "--funding")
    options.within(thinning, "--thinning", 1e6)
    options.within(impact_exponent, "--impact-exponent", 3.0)
    given = options.optional_amount(stop_at, "--stop")
    extra = options.change(margin, "--margin")
    past, marked = sources_of(store, candles)
    with progress_for(report) as say:
        read = cli._read(book, lenient, venue, price, at, say, marked)
        other = (
            None if market is None else cli._read(market, lenient, venue, price, at, say, marked)
        )
        own = options.of_book(depths, read.assets, "--depth")
        read, usd = with_depth(read, own, marked, at)
        made = stop(
            read,
            row,
            candles=candles,
            store=past,
            at=given,
            sigmas=sigmas,
            trigger=trigger,
            extra=extra,
            delay=delay,
            market=other,
            tape=tape,
            depth=usd,
            thinning=thinning,
            impact_exponent=impact_exponent,
            funding=options.of_book(rates, read.assets, "--funding"),
            paths=paths,
            seed=seed,
            progress=say,
        )
    show(made, format, report)
