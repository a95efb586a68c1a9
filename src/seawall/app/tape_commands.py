"""The tape: recording, importing, asking and keeping, one command each."""

from __future__ import annotations

import typer

from seawall.app.plain_help import PlainGroup
from seawall.app.tape_poll import poll_command
from seawall.app.tape_record import record
from seawall.app.tape_rehearse import rehearse_command
from seawall.app.tape_stats_commands import (
    compare_days_command,
    concentration_command,
    import_command,
    stats_command,
)
from seawall.app.tape_upkeep import (
    compact_command,
    export_command,
    retain_command,
    verify_command,
)

tape_app = typer.Typer(
    cls=PlainGroup, help="The tape: record what is liquidated, and say how much of it was seen."
)


@tape_app.callback()
def _root() -> None:
    """Nothing of its own: every command stands for itself."""


tape_app.command("record")(record)
tape_app.command("rehearse")(rehearse_command)
tape_app.command("poll")(poll_command)
tape_app.command("import")(import_command)
tape_app.command("stats")(stats_command)
tape_app.command("compare")(compare_days_command)
tape_app.command("concentration")(concentration_command)
tape_app.command("verify")(verify_command)
tape_app.command("compact")(compact_command)
tape_app.command("export")(export_command)
tape_app.command("retain")(retain_command)
