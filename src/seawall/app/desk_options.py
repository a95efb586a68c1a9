"""Options that the desk's commands share."""

from __future__ import annotations

from typing import Annotated

import typer

RowOption = Annotated[int | None, typer.Option("--row", help="The position's row, from 1.")]
CandlesOption = Annotated[
    str | None, typer.Option(metavar="PATH", help="Candles: a file, or a folder of them.")
]
StoreOption = Annotated[
    str | None, typer.Option(metavar="DIR", help="Recorded tape whose prices are used instead.")
]
DepthOption = Annotated[
    list[str] | None,
    typer.Option("--depth", metavar="ASSET=USD", help="USD within 1% of mid; repeatable."),
]
ThinningOption = Annotated[
    float | None, typer.Option(help="Depth that is left, or the multiple by which it thins.")
]
ExponentOption = Annotated[
    float | None, typer.Option("--impact-exponent", help="1 is linear, 0.5 the square root.")
]
FundingOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ASSET=0.01%", help="Rate per 8 hours, > 0 paid by longs; repeatable."),
]
PathsOption = Annotated[int, typer.Option(min=500, max=100_000, help="Simulated paths.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of the paths.")]
PriceOption = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="NAME=USD", help="Mark of rows without one; repeatable."),
]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="Time of the book, or its snapshot.")
]
LenientOption = Annotated[
    bool, typer.Option("--lenient", help="Set faulty rows aside, count and list them.")
]
