"""Options that commands about a book share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BookArgument = Annotated[
    str,
    typer.Argument(
        metavar="BOOK",
        help="CSV, JSON Lines, JSON or Parquet; - for stdin; account:VENUE for your own.",
    ),
]
LenientOption = Annotated[
    bool, typer.Option("--lenient", help="Set faulty rows aside, count and list them.")
]
VenueOption = Annotated[str | None, typer.Option(help="Venue of rows that name none.")]
PriceOption = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="NAME=USD", help="Mark of rows without one; repeatable."),
]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="Time of the book, or its snapshot.")
]
DepthOption = Annotated[
    list[str] | None,
    typer.Option("--depth", metavar="ASSET=USD", help="USD within 1% of mid; repeatable."),
]
ThinningOption = Annotated[
    float | None,
    typer.Option(
        help="Depth that market makers leave: a share up to 1, or above 1 the multiple by which "
        "the book thins; 1 is no withdrawal."
    ),
]
ExponentOption = Annotated[
    float | None, typer.Option("--impact-exponent", help="1 is linear, 0.5 the square root.")
]
CandlesOption = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="Candles of the book's assets: a file, or a folder of them."),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Marks and depth polled there; prices of the past by them or a tape."
    ),
]
FundingOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ASSET=0.01%", help="Funding rate per 8 hours, > 0 paid by longs; repeatable."
    ),
]
RowOption = Annotated[int | None, typer.Option("--row", help="The position's row, from 1.")]
PathsOption = Annotated[int, typer.Option(min=500, max=100_000, help="Simulated paths.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of the paths.")]
VolatilityOption = Annotated[
    list[str] | None,
    typer.Option("--sigma", metavar="ASSET=2.5%", help="Daily volatility; repeatable."),
]
ShockOption = Annotated[
    list[str] | None,
    typer.Option("--shock", metavar="ASSET=-10%", help="Price shock; ALL for the rest."),
]
FundOption = Annotated[
    list[str] | None,
    typer.Option("--fund", metavar="[VENUE=]USD", help="One fund for all venues, or each its own."),
]
PartialOption = Annotated[
    bool, typer.Option("--partial", help="Close by the venues' partial steps.")
]
