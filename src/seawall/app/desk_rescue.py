"""The command that says how to come back from a margin call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.book_options import (
    AtOption,
    BookArgument,
    DepthOption,
    ExponentOption,
    LenientOption,
    PriceOption,
    ThinningOption,
    VenueOption,
)
from seawall.app.market_store import MarketStoreOption, with_depth
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.margin import MarginBook
    from seawall.report.model import Report


def rescue(
    book: Book | MarginBook,
    *,
    target_ratio: float = 0.5,
    survive: float = 0.0,
    accounts: Sequence[str] = (),
    depth: Mapping[str, float] | None = None,
    thinning: float | None = None,
    impact_exponent: float | None = None,
    cash: float = 0.0,
) -> Report:
    """The cheapest way back from a margin call for each account above a margin ratio.

    Parameters
    ----------
    target_ratio
        Margin ratio (maintenance / equity) to be brought to, above 0, below 1.
    survive
        Also far enough to survive that all prices move so far together, up or down.
    accounts
        Only these; by default all.
    depth
        USD resting within 1% of mid by asset; dated defaults for the rest.
    thinning, impact_exponent
        Of the impact law, as in :func:`seawall.stress`.
    cash
        USD that each account can add before anything is cut.
    """
    from seawall.app.api import bound, impact_law
    from seawall.desk.back import rescue as ways_back
    from seawall.desk.rescue import Costs, Goal
    from seawall.report.desk_rescue import rescue_report

    goal = Goal(target_ratio, survive)
    margin = bound(book)
    costs = Costs.of(margin, depth, impact_law(impact_exponent, thinning))
    return rescue_report(ways_back(margin, goal, traders=tuple(accounts), costs=costs, cash=cash))


def rescue_command(
    book: BookArgument,
    target_ratio: Annotated[
        float, typer.Option(help="Margin ratio to bring accounts to; 1 is liquidation.")
    ] = 0.5,
    survive: Annotated[
        str | None, typer.Option(metavar="10%", help="And a move of all prices, up or down.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this account; repeatable.")
    ] = None,
    cash: Annotated[
        str | None, typer.Option(metavar="USD", help="What each can add before it cuts.")
    ] = None,
    depth: DepthOption = None,
    thinning: ThinningOption = None,
    impact_exponent: ExponentOption = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
    venue: VenueOption = None,
    price: PriceOption = None,
    at: AtOption = None,
    store: MarketStoreOption = None,
    lenient: LenientOption = False,
) -> None:
    """The cheapest way back from a margin call: add, cut which position, or hedge."""
    from seawall.app import cli, options

    amounts = options.amounts(depth or (), "--depth")
    spare = options.fund_amount(cash, "--cash") if cash is not None else 0.0
    options.within(thinning, "--thinning", 1e6)
    options.within(impact_exponent, "--impact-exponent", 3.0)
    with progress_for(report) as say:
        read = cli._read(book, lenient, venue, price, at, say, store)
        own = options.of_book(amounts, read.assets, "--depth")
        read, usd = with_depth(read, own, store, at)
        made = rescue(
            read,
            target_ratio=target_ratio,
            survive=0.0 if survive is None else options.share(survive, "--survive"),
            accounts=account or (),
            depth=usd,
            thinning=thinning,
            impact_exponent=impact_exponent,
            cash=spare,
        )
    show(made, format, report)
