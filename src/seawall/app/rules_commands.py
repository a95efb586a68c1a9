"""The commands about rulebooks: what is known, and how to bring it up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

rules_app = typer.Typer(help="The venues' dated rules.", no_args_is_help=True)
_SHOWN = 20


@rules_app.command("update")
def rules_update(
    venue: Annotated[str, typer.Option(help="Venue whose brackets to take.")],
    from_file: Annotated[
        Path | None, typer.Option(help="JSON as ccxt's fetch_leverage_tiers gives it.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Day they hold from; today if left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of your rules.")] = None,
) -> None:
    """Take a venue's present brackets, from the venue or a file, as a new dated block."""
    from seawall.app import options
    from seawall.app.progress import Progress
    from seawall.report.numbers import counted
    from seawall.rulebook import Rules, update_from_ccxt, update_from_file

    with Progress() as say:
        options.known_venue(venue, "--venue")
        say(f"brackets of {venue}")
        rules, day = Rules.bundled(), options.optional_day(date, "--date")
        if from_file is None:
            done = update_from_ccxt(venue, rules=rules, day=day, folder=out)
        else:
            done = update_from_file(venue, from_file, rules=rules, day=day, folder=out)
    sys.stdout.write(
        f"{done.venue}: {counted(done.symbols, 'instrument')}, "
        f"{counted(done.brackets, 'bracket')} from {done.day}; "
        f"{len(done.added)} not bundled, {len(done.changed)} changed, {len(done.skipped)} skipped\n"
        f"written to {done.path}\n"
    )
    for left in done.skipped[:_SHOWN]:
        sys.stderr.write(f"skipped {left}\n")
    if len(done.skipped) > _SHOWN:
        sys.stderr.write(f"and {len(done.skipped) - _SHOWN} more\n")


@rules_app.command("show")
def rules_show(
    venue: Annotated[str | None, typer.Argument(help="One venue; all if left out.")] = None,
) -> None:
    """Venues known, the days their rules and brackets begin, and how many instruments."""
    from seawall.rulebook import Rules

    rules = Rules.bundled()
    names = rules.venues() if venue is None else (rules.canonical_venue(venue),)
    for name in names:
        sys.stdout.write(
            f"{name:14} rules from {', '.join(map(str, rules.terms_days(name)))}; brackets from "
            f"{', '.join(map(str, rules.bracket_days(name))) or 'none'}; "
            f"{len(rules.symbols(name))} instruments\n"
        )
