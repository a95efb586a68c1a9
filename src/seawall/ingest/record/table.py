"""The recorder's state as a table for the terminal."""

from __future__ import annotations

import time

from rich.table import Table

from seawall.ingest.record.recorder import Recorder


def live_table(recorder: Recorder) -> Table:
    """One row a connection, and what is written in the title."""
    waiting = len(recorder.inbox)
    table = Table(
        title=f"{recorder.written:,} events written, {recorder.copies:,} copies left out, "
        f"{waiting:,} waiting",
        title_justify="left",
    )
    table.add_column("connection")
    table.add_column("state")
    columns = ("events", "last event", "lag", "malformed", "dropped", "reconnects", "outage")
    for name in columns:
        table.add_column(name, justify="right")
    now = time.time_ns()
    for feed in recorder.feeds:
        for counts in feed.counts.values():
            ago = f"{(now - counts.last_event) / 1e9:,.0f} s ago" if counts.last_event else "–"
            table.add_row(
                counts.link,
                "subscribed" if counts.connected else "[red]away[/red]",
                f"{counts.events:,}",
                ago,
                f"{counts.lag:,.2f} s" if counts.last_event else "–",
                f"{counts.malformed + feed.context.tally.malformed:,}",
                f"{counts.dropped:,}",
                f"{max(counts.connects - 1, 0):,}",
                f"{counts.outages:,.0f} s",
            )
    return table
