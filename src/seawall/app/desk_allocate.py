"""The command that spreads an account over large caps, mid caps and stablecoins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.progress import Say, silent
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

if TYPE_CHECKING:
    from seawall.desk.allocate import Request
    from seawall.desk.limits import Limits
    from seawall.desk.optimise import Method
    from seawall.report.model import Report


def allocate(
    candles: str | os.PathLike[str],
    request: Request | None = None,
    *,
    assets: Sequence[str] | None = None,
    until: str | None = None,
    progress: Say = silent,
) -> Report:
    """Weights over large caps, mid caps and stablecoins, and what could liquidate them.

    Parameters
    ----------
    candles
        File of candles, or a folder with a file an asset.
    request
        What to allocate, and how: :class:`seawall.desk.allocate.Request`.
    assets
        Only these; by default all.
    until
        End of the history; by default that of the candles.
    progress
        Called with what is being done.

    Raises
    ------
    InputError
        If candles have gaps or are too few, limits conflict, or an extra is missing.
    """
    from seawall.core import parse_time
    from seawall.desk.allocate import allocate as found
    from seawall.desk.candle_sheet import read_sheet
    from seawall.report.desk_allocate import allocate_report

    end = None if until is None else parse_time(until)
    progress("reading candles")
    sheet = read_sheet(candles, assets)
    progress("finding weights")
    return allocate_report(found(sheet if end is None else sheet.between(0, end), request))


def allocate_command(
    candles: Annotated[
        Path, typer.Argument(metavar="CANDLES", help="File of candles, or a folder of them.")
    ],
    method: Annotated[str, typer.Option(help="cvar, parity, hrp or equal.")] = "cvar",
    leverage: Annotated[float, typer.Option(help="Of the coins.")] = 1.0,
    most_leverage: Annotated[float, typer.Option(help="Cap of the leverage.")] = 3.0,
    stable: Annotated[
        str, typer.Option(metavar="LOW:HIGH", help="Share of stablecoins.")
    ] = "5%:15%",
    large: Annotated[
        str, typer.Option(metavar="LOW:HIGH", help="Share of large caps.")
    ] = "40%:100%",
    mid: Annotated[str, typer.Option(metavar="LOW:HIGH", help="Share of mid caps.")] = "0%:45%",
    cap: Annotated[str, typer.Option(help="Greatest weight of one asset.")] = "40%",
    least: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=5%", help="Least weight; repeatable.")
    ] = None,
    most: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=20%", help="Greatest weight; repeatable.")
    ] = None,
    held: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=30%", help="Weight held now; repeatable.")
    ] = None,
    turnover: Annotated[
        str | None, typer.Option(help="Greatest sum of changes from what is held.")
    ] = None,
    fee: Annotated[str, typer.Option(help="Fee and slippage of what is traded.")] = "0.15%",
    aversion: Annotated[
        float | None, typer.Option(help="Weigh the mean return against it times the risk.")
    ] = None,
    asset: Annotated[
        list[str] | None, typer.Option(help="Only this asset of the candles; repeatable.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=mid", help="large, mid, stable; repeatable.")
    ] = None,
    large_from: Annotated[
        str, typer.Option(metavar="USD", help="Traded a day by a large cap.")
    ] = "100M",
    mid_from: Annotated[
        str, typer.Option(metavar="USD", help="Traded a day by a mid cap.")
    ] = "20M",
    quote: Annotated[
        str, typer.Option(help="Stablecoin that the prices are in; empty for none.")
    ] = "USDT",
    days: Annotated[int, typer.Option(help="Of history, 90 or more.")] = 180,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="End of the history.")] = None,
    equity: Annotated[str, typer.Option(metavar="USD", help="Of the account.")] = "10k",
    venue: Annotated[str, typer.Option(help="Whose margin rules hold.")] = "binance",
    depegs: Annotated[float, typer.Option(help="Of each stablecoin a year, assumed.")] = 0.1,
    paths: Annotated[int, typer.Option(min=100, max=100_000, help="Of the odds.")] = 4000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Weights over large caps, mid caps and stablecoins, and what could liquidate them."""
    request = request_of(
        method=method,
        leverage=leverage,
        most_leverage=most_leverage,
        stable=stable,
        large=large,
        mid=mid,
        cap=cap,
        least=least or (),
        most=most or (),
        held=held or (),
        turnover=turnover,
        fee=fee,
        aversion=aversion,
        group=group or (),
        large_from=large_from,
        mid_from=mid_from,
        quote=quote,
        days=days,
        equity=equity,
        venue=venue,
        depegs=depegs,
        paths=paths,
        seed=seed,
    )
    with progress_for(report) as say:
        made = allocate(candles, request, assets=asset, until=until, progress=say)
    show(made, format, report)


def request_of(
    *,
    method: str,
    leverage: float,
    most_leverage: float,
    stable: str,
    large: str,
    mid: str,
    cap: str,
    least: Sequence[str],
    most: Sequence[str],
    held: Sequence[str],
    turnover: str | None,
    fee: str,
    aversion: float | None,
    group: Sequence[str],
    large_from: str,
    mid_from: str,
    quote: str,
    days: int,
    equity: str,
    venue: str,
    depegs: float,
    paths: int,
    seed: int,
) -> Request:
    """What is to be allocated, read as the command line reads it.

    Raises
    ------
    InputError
        If an option cannot be read.
    """
    from seawall.app import options
    from seawall.desk.allocate import Request
    from seawall.desk.groups import GroupRule

    return Request(
        method=_method(method),
        limits=_limits((stable, large, mid), cap, least, most, held, turnover, most_leverage),
        rule=GroupRule(
            options.positive_amount(large_from, "--large-from"),
            options.positive_amount(mid_from, "--mid-from"),
        ),
        given=_named(group),
        quote=quote,
        leverage=leverage,
        days=days,
        equity_usd=options.optional_amount(equity, "--equity") or 0.0,
        venue=venue,
        fee=options.change(fee, "--fee"),
        aversion=options.within(aversion, "--aversion"),
        depegs_a_year=depegs,
        paths=paths,
        seed=seed,
    )


def _limits(
    spans: tuple[str, str, str],
    cap: str,
    least: Sequence[str],
    most: Sequence[str],
    held: Sequence[str],
    turnover: str | None,
    most_leverage: float,
) -> Limits:
    from seawall.app import options
    from seawall.desk.limits import Limits

    stable, large, mid = spans
    return Limits(
        stable=_span(stable, "--stable"),
        large=_span(large, "--large"),
        mid=_span(mid, "--mid"),
        cap=options.share(cap, "--cap"),
        least=options.fractions(least, "--least"),
        most=options.fractions(most, "--most"),
        turnover=None if turnover is None else options.share(turnover, "--turnover"),
        before=options.fractions(held, "--held"),
        most_leverage=options.within(most_leverage, "--most-leverage") or 0.0,
    )


def _method(name: str) -> Method:
    from seawall.core import InputError, Mistake
    from seawall.desk.optimise import Method

    if name not in list(Method):
        raise InputError(
            Mistake("no such method", "--method", value=name, allowed=", ".join(Method))
        )
    return Method(name)


def _span(words: str, option: str) -> tuple[float, float]:
    """``5%:15%``: two shares from 0 to 1, the lower first."""
    from seawall.app import options
    from seawall.core import InputError, Mistake

    low, colon, high = words.partition(":")
    wrong = InputError(
        Mistake(
            "not two shares", option, value=words, allowed="LOW:HIGH, 0% to 100%, such as 5%:15%"
        )
    )
    if not colon:
        raise wrong
    ends = [1.0 if x.strip() == "1" else options.change(x, option) for x in (low, high)]
    if not 0.0 <= ends[0] <= ends[1] <= 1.0:
        raise wrong
    return ends[0], ends[1]


def _named(pairs: Sequence[str]) -> dict[str, str]:
    from seawall.core import InputError, Mistake

    out = {}
    for pair in pairs:
        name, sign, kind = pair.partition("=")
        if not sign:
            raise InputError(
                Mistake("cannot be read", "--group", value=pair, allowed="ASSET=large, mid, stable")
            )
        out[name.strip()] = kind.strip()
    return out
