"""The command line. Heavy modules are imported inside the commands, so that help is instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seawall.app.book_options import (
    AtOption,
    BookArgument,
    CandlesOption,
    DepthOption,
    ExponentOption,
    FundingOption,
    FundOption,
    LenientOption,
    PartialOption,
    PriceOption,
    ShockOption,
    StoreOption,
    ThinningOption,
    VenueOption,
    VolatilityOption,
)
from seawall.app.desk_allocate import allocate_command
from seawall.app.desk_rescue import rescue_command
from seawall.app.desk_size import size_command
from seawall.app.desk_stop import stop_command
from seawall.app.desk_watch import watch_command
from seawall.app.ending import exit_code_of
from seawall.app.market_store import MarketStoreOption, marks_of, sources_of, with_depth
from seawall.app.mcp_command import mcp_command
from seawall.app.plain_help import PlainGroup
from seawall.app.positions_commands import is_account, positions_command, read_account
from seawall.app.rules_commands import rules_app
from seawall.app.serve_command import serve_command
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show
from seawall.app.sim_commands import compare_command, replay_command, simulate_command
from seawall.app.study_commands import study_app
from seawall.app.tape_commands import tape_app

if TYPE_CHECKING:
    from seawall.core import Book

app = typer.Typer(
    name="seawall",
    cls=PlainGroup,
    help="Where leveraged positions are liquidated, where liquidations cluster, how a shock "
    "cascades through them, and who pays.\n\nExit codes: 0 done, 1 could not be done, 2 wrong "
    "input, 70 an error of Seawall's own.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(rules_app, name="rules")
app.add_typer(study_app, name="study")
app.add_typer(tape_app, name="tape")


def _version(asked: bool) -> None:
    """Print the version, if asked, and stop."""
    if asked:
        from seawall import __version__

        sys.stdout.write(f"seawall {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Nothing of its own: every command stands for itself."""


@app.command()
def check(
    book: BookArgument,
    target_ratio: Annotated[
        float, typer.Option(help="Margin ratio to bring accounts to; 1 is liquidation.")
    ] = 0.5,
    market: Annotated[
        str | None, typer.Option(metavar="BOOK", help="Book whose clusters are named.")
    ] = None,
    sigma: VolatilityOption = None,
    candles: CandlesOption = None,
    store: StoreOption = None,
    call_ratio: Annotated[
        float | None, typer.Option(help="Margin ratio at which you are called; 0.8.")
    ] = None,
    funding: FundingOption = None,
    depth: DepthOption = None,
    paths: Annotated[
        int | None, typer.Option(min=100, max=1_000_000, help="Simulated paths of prices.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the paths; 0.")] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: VenueOption = None,
    price: PriceOption = None,
    at: AtOption = None,
    lenient: LenientOption = False,
) -> None:
    """Where each position and account is liquidated, how far and with prices how likely that is."""
    from seawall.app import api, options

    volatility = options.fractions(sigma or (), "--sigma")
    rates = options.changes(funding or (), "--funding")
    depths = options.amounts(depth or (), "--depth")
    of_odds = {"--call-ratio": call_ratio, "--funding": funding, "--depth": depth,
               "--paths": paths, "--seed": seed}  # fmt: skip
    tape, marked = sources_of(store, candles)
    options.only_with_prices(of_odds, candles or tape)
    with progress_for(report) as say:
        read = _read(book, lenient, venue, price, at, say, marked)
        other = None if market is None else _read(market, lenient, venue, price, at, say, marked)
        given = options.of_book(depths, read.assets, "--depth")
        if candles or tape:
            read, given = with_depth(read, given, marked, at)
        made = api.check(
            read,
            target_ratio=target_ratio,
            volatility=options.of_book(volatility, read.assets, "--sigma"),
            market=other,
            candles=candles,
            store=tape,
            odds_needed=candles is not None or any(v is not None for v in of_odds.values()),
            call_ratio=0.8 if call_ratio is None else call_ratio,
            funding=options.of_book(rates, read.assets, "--funding"),
            depth=given,
            paths=paths,
            seed=seed or 0,
            progress=say,
        )
    show(made, format, report)


@app.command("map")
def map_command(
    book: BookArgument,
    asset: Annotated[list[str] | None, typer.Option(help="Underlying to map; repeatable.")] = None,
    span: Annotated[str, typer.Option(help="Prices from mark - SPAN to mark + SPAN.")] = "35%",
    step: Annotated[float | None, typer.Option(help="Price step in USD.")] = None,
    clusters: Annotated[
        int, typer.Option(min=1, max=200, help="Clusters named of an asset: the largest.")
    ] = 8,
    sigma: VolatilityOption = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: VenueOption = None,
    price: PriceOption = None,
    at: AtOption = None,
    store: MarketStoreOption = None,
    lenient: LenientOption = False,
) -> None:
    """What would be forced at each price, where it clusters, how concentrated the book is."""
    from seawall.app import api, options

    volatility, width = options.fractions(sigma or (), "--sigma"), options.within(step, "--step")
    reach = options.share(span, "--span")
    with progress_for(report) as say:
        read = _read(book, lenient, venue, price, at, say, store)
        chosen = options.of_book(dict.fromkeys(asset or (), 0.0), read.assets, "--asset")
        made = api.map(
            read,
            assets=tuple(chosen),
            span=reach,
            width=width,
            volatility=options.of_book(volatility, read.assets, "--sigma"),
            clusters=clusters,
        )
    show(made, format, report)


@app.command()
def stress(
    book: BookArgument,
    shock: ShockOption = None,
    depth: DepthOption = None,
    fund: FundOption = None,
    thinning: ThinningOption = None,
    impact_exponent: ExponentOption = None,
    partial: PartialOption = False,
    ladder: Annotated[
        str | None, typer.Option(metavar="-1%,-2%,...", help="Sizes of the ladder's shocks.")
    ] = None,
    liquidates: Annotated[
        str | None, typer.Option(metavar="USD", help="Also the smallest shock that forces this.")
    ] = None,
    draws: Annotated[int, typer.Option(min=0, max=10_000, help="Draws behind the bands.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    sigma: VolatilityOption = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: VenueOption = None,
    price: PriceOption = None,
    at: AtOption = None,
    store: MarketStoreOption = None,
    lenient: LenientOption = False,
) -> None:
    """What a shock does to the book: the cascade, the fund, who pays, and what would break it."""
    from seawall.app import api, options
    from seawall.core import InputError, Mistake

    moves = options.changes(shock or (), "--shock")
    if not moves:
        raise InputError(
            Mistake("no shock given", "--shock", allowed="ASSET=CHANGE such as --shock BTC=-10%")
        )
    market = _market(depth, fund, thinning, impact_exponent)
    volatility = options.fractions(sigma or (), "--sigma")
    rungs = options.ladder_of(ladder, up=max(moves.values(), key=abs) > 0)
    goal = options.optional_amount(liquidates, "--liquidates")
    with progress_for(report) as say:
        read = _read(book, lenient, venue, price, at, say, store)
        given = options.of_book(market["depth"], read.assets, "--depth")
        read, usd = with_depth(read, given, store, at)
        made = api.stress(
            read,
            options.of_book(moves, read.assets, "--shock", ("ALL",)),
            **market | {"depth": usd},
            partial=partial,
            draws=draws,
            seed=seed,
            ladder=rungs,
            liquidates_usd=goal,
            volatility=options.of_book(volatility, read.assets, "--sigma"),
            progress=say,
        )
    show(made, format, report)


@app.command()
def explain(
    book: BookArgument,
    row: Annotated[int, typer.Option(help="Row number in the book, from 1.")],
    shock: ShockOption = None,
    depth: DepthOption = None,
    fund: FundOption = None,
    thinning: ThinningOption = None,
    impact_exponent: ExponentOption = None,
    partial: PartialOption = False,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: VenueOption = None,
    price: PriceOption = None,
    at: AtOption = None,
    store: MarketStoreOption = None,
    lenient: LenientOption = False,
) -> None:
    """The path of one row: rules, margins, liquidation price, and its fall in a cascade."""
    from seawall.app import api, options

    moves = options.changes(shock or (), "--shock")
    market = _market(depth, fund, thinning, impact_exponent)
    with progress_for(report) as say:
        read = _read(book, lenient, venue, price, at, say, store)
        given = options.of_book(market["depth"], read.assets, "--depth")
        read, usd = with_depth(read, given, store, at)
        made = api.explain(
            read,
            row,
            shock=options.of_book(moves, read.assets, "--shock", ("ALL",)),
            **market | {"depth": usd},
            partial=partial,
        )
    show(made, format, report)


@app.command()
def demo(
    accounts: Annotated[
        int, typer.Option(min=1_000, max=5_000_000, help="Accounts to draw.")
    ] = 500_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the book.")] = 20251120,
    shock: ShockOption = None,
    format: FormatOption = Format.TABLE,
    report: Annotated[
        Path, typer.Option("--report", metavar="FILE.html", help="Where to write the page.")
    ] = Path("seawall-demo.html"),
) -> None:
    """The market of November 2025, synthetic, stressed, beside its published record."""
    from seawall.app import api, options

    moves = options.changes(shock or (), "--shock")
    with progress_for(report) as say:
        made, _ = api.demo(accounts=accounts, seed=seed, shock=moves or None, progress=say)
    show(made, format, report)


app.command("allocate")(allocate_command)
app.command("rescue")(rescue_command)
app.command("size")(size_command)
app.command("stop")(stop_command)
app.command("watch")(watch_command)
app.command("positions")(positions_command)
app.command("simulate")(simulate_command)
app.command("replay")(replay_command)
app.command("compare")(compare_command)
app.command("serve")(serve_command)
app.command("mcp")(mcp_command)


@app.command("schema")
def schema_command(
    name: Annotated[
        str | None, typer.Argument(help="Such as stress; all names if left out.")
    ] = None,
) -> None:
    """The JSON Schema of a command's JSON, or the names of all."""
    import json

    from seawall.report.schema import schema_names, schema_of

    if name is None:
        sys.stdout.write("".join(f"{known}\n" for known in schema_names()))
    else:
        sys.stdout.write(json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n")


def _read(
    book: str,
    lenient: bool,
    venue: str | None,
    price: list[str] | None,
    at: str | None,
    say: Any,
    store: Path | None = None,
    told: bool = False,
) -> Book:
    from seawall.app import options
    from seawall.ingest import read_book

    if venue is not None:
        options.known_venue(venue, "--venue")
    known: dict[str, Any] = {
        "lenient": lenient,
        "venue": venue,
        "prices": options.prices(price or (), "--price"),
        "marks": marks_of(store, at),
        "when": at,
    }
    if is_account(book):
        say(f"asking for the positions of {book}")
        read = read_account(book, known, told)
    else:
        say(f"reading {'standard input' if book == '-' else book}")
        read = read_book(book, **known)
    if read.set_aside:
        shown = read.set_aside[:20]
        sys.stderr.write("".join(f"set aside: {m}\n" for m in shown))
        if len(read.set_aside) > len(shown):
            sys.stderr.write(f"... and {len(read.set_aside) - len(shown)} more\n")
    return read


def _market(
    depth: list[str] | None,
    fund: list[str] | None,
    thinning: float | None,
    exponent: float | None,
) -> dict[str, Any]:
    """What forced orders meet: depth, funds and the impact law, read strictly."""
    from seawall.app import options

    funds = options.fund_of(fund or ())
    for venue in funds if isinstance(funds, dict) else ():
        options.known_venue(venue, "--fund")
    return {
        "depth": options.amounts(depth or (), "--depth"),
        "fund": funds,
        "thinning": options.within(thinning, "--thinning", 1e6),
        "impact_exponent": options.within(exponent, "--impact-exponent", 3.0),
    }


def main() -> None:
    """Run the command line; errors become one clear text on stderr and an exit code."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run a command and give its exit code; ``arguments`` are the process's own if left out."""
    return exit_code_of(lambda: app(arguments, prog_name="seawall", standalone_mode=False))
