"""A watch as it runs: feeds in, lines, alerts and stops out, and a clean end."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seawall.desk.rescue import Goal
    from seawall.desk.watch.channels import Channel
    from seawall.desk.watch.feeds import Feed
    from seawall.desk.watch.notices import Notice
    from seawall.desk.watch.orders import StopDesk
    from seawall.desk.watch.watched import Watched
    from seawall.desk.watch.watcher import Watcher
    from seawall.rulebook import Rules

_DRAIN = 5.0
"""Seconds that channels have together at the end to send what waits."""


@dataclass(frozen=True, slots=True)
class StopsAsked:
    """Whether and which protective stops are asked for."""

    wanted: bool
    place: bool
    at: str
    margin: float
    hedge_mode: bool
    audit: Path


@dataclass(frozen=True, slots=True)
class Asked:
    """What is watched, and who is told."""

    watched: Watched
    feeds: Callable[[Watched], Sequence[Feed]]
    addresses: Sequence[str]
    bell: bool
    lines: bool
    goal: Goal
    patience: Any
    seconds: float | None
    reread: Callable[[], Watched | None]
    stops: StopsAsked
    rules: Rules
    urls: dict[str, str]


def run(asked: Asked) -> None:
    """Watch until stopped, or until the feeds end; what waits is sent before."""
    from seawall.desk.watch.channels import close_all, open_channels

    asked.feeds(asked.watched)  # what is wrong with them is refused before anything is begun
    channels = open_channels(asked.addresses)
    for channel in channels:
        channel.on_turn = partial(_channel_turned, channel, channels)
    desk = _stop_desk(asked)

    async def watching() -> Watcher:
        from seawall.desk.watch.watcher import Watcher

        watcher = Watcher(
            asked.watched,
            asked.feeds,
            lambda notices, received: _tell(asked, channels, notices, received),
            goal=asked.goal,
            patience=asked.patience,
            reread=asked.reread,
            on_change=None if desk is None else desk.answer,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, watcher.stop)
        if asked.seconds is not None:
            loop.call_later(asked.seconds, watcher.stop)
        try:
            await watcher.run()
        finally:
            if desk is not None:
                await desk.close()
        return watcher

    try:
        done = asyncio.run(watching())
    finally:
        close_all(channels, _DRAIN)
    sys.stderr.write(_summary(done, channels))


def _stop_desk(asked: Asked) -> StopDesk | None:
    if not asked.stops.wanted:
        return None
    from seawall.core import InputError, Mistake
    from seawall.desk.watch.audit import Audit
    from seawall.desk.watch.levels import Level
    from seawall.desk.watch.orders import StopDesk

    at = {level.name.replace("_", "-").lower(): level for level in Level if level}
    if asked.stops.at not in at:
        allowed = ", ".join(at)
        raise InputError(Mistake("no level", "--stops-at", value=asked.stops.at, allowed=allowed))
    desk = StopDesk(
        Audit(asked.stops.audit),
        asked.rules,
        place=asked.stops.place,
        at=at[asked.stops.at],
        margin=asked.stops.margin,
        hedge_mode=asked.stops.hedge_mode,
        urls=asked.urls,
    )
    desk.prepare(asked.watched)
    return desk


def _tell(
    asked: Asked, channels: Sequence[Channel], notices: Sequence[Notice], received: int
) -> None:
    from seawall.core import format_time
    from seawall.desk.watch.channels import Message
    from seawall.report.desk_watch import body_of, is_grave, json_line, sentence, title_of

    grave = is_grave(notices)
    message = Message(title_of(notices), body_of(notices), grave, received)
    for channel in channels:
        channel.tell(message)
    now = format_time(time.time_ns())
    shown = (f"{now}  {sentence(n)}" if asked.lines else json_line(n, now) for n in notices)
    sys.stdout.write("".join(f"{line}\n" for line in shown))
    sys.stdout.flush()
    if asked.bell and grave:
        sys.stderr.write("\a")
        sys.stderr.flush()


def _channel_turned(channel: Channel, channels: Sequence[Channel], works: bool) -> None:
    """Tell, by what is left, that a service takes no alerts: silence would look like calm."""
    from seawall.desk.watch.channels import Message

    title = f"{channel.name} takes alerts again" if works else f"{channel.name} takes no alerts"
    body = (
        "What was not delivered is not sent again: see the terminal."
        if works
        else ("Alerts are not delivered there: look for them here and on the terminal.")
    )
    sys.stderr.write(f"{title}. {body}\n")
    sys.stderr.flush()
    for other in channels:
        if other is not channel:
            other.tell(Message(title, body, not works, 0))


def _summary(done: Watcher, channels: Sequence[Channel]) -> str:
    from seawall.report.numbers import counted

    t = done.tally
    text = (
        f"watched {counted(len(done.watched.level), 'account')} for {t.seconds:.1f} s: "
        f"{counted(t.marks, 'mark')}, {counted(t.warnings, 'warning')}"
    )
    if done.watched.unknown:
        text += f", {counted(done.watched.unknown, 'mark')} of what is not held"
    old = t.stale + done.watched.late
    if old:
        text += f", {counted(old, 'mark')} too old to count"
    if t.broken:
        text += f", feed broken {counted(t.broken, 'time')}"
    for channel in channels:
        c = channel.counts
        text += f"\n{channel.name}: {c.sent:,} sent, {c.failed:,} failed"
        if c.waiting:
            text += f", {c.waiting:,} still not taken at the end"
        if c.nanoseconds:
            ordered = sorted(c.nanoseconds)
            middle, late = (ordered[int(q * (len(ordered) - 1))] / 1e6 for q in (0.5, 0.99))
            text += f", {middle:.1f} ms from mark to sent at the median, {late:.1f} ms at p99"
    return text + "\n"
