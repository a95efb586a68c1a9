"""Hyperliquid's fills as its nodes write them, which HyperReplay replays.

A line a block: ``{"block_number", "block_time", "local_time", "events": [[user, fill], …]}``, or
a line ``[user, fill]`` each (node_fills). A fill holds coin, px, sz, side (``A`` sells, ``B``
buys), time (ms), startPosition, dir, closedPnl, hash, oid, crossed, fee, tid, and of liquidations
``liquidation``: liquidatedUser, markPx, method (``market`` or ``backstop``). Both parties' fills
carry it; either tells what was closed, as the live feed reads it, and it counts once.

Sources: docs/REPLAY_WORKFLOW.md of ConejoCapital/HyperReplay; Hyperliquid docs, Websocket,
WsFill and FillLiquidation.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from seawall.core import InputError, Mistake
from seawall.core.tape import Coverage
from seawall.ingest.history.events import Events
from seawall.ingest.history.found import History, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.wire.hyperliquid_fill import Fill, closings

NAME = "hyperliquid fills"
_MISTAKES = 20


def recognises(look: Look) -> bool:
    """Whether a file holds fills by block, or fills each under its user."""
    if look.has("block_number", "events"):
        return True
    first = look.first
    return look.lists and look.width == 2 and isinstance(first, list) and _is_fill(first)


def _is_fill(pair: list[Any]) -> bool:
    return isinstance(pair[0], str) and isinstance(pair[1], dict) and "px" in pair[1]


def read_path(path: Path, how: How) -> History:
    """Read a file of fills, line by line."""
    events = Events(str(path), "hyperliquid node fills", how.rules, how.coverage or Coverage.ALL)
    mistakes: list[Mistake] = []
    wrong, skipped = 0, 0
    known: set[str] = set()
    for row, pair in _pairs(path):
        try:
            user, fill = pair
            skipped += not _add(events, row, str(user), fill, known)
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            wrong += 1
            if len(mistakes) < _MISTAKES:
                mistakes.append(
                    Mistake(f"not a fill: {type(error).__name__} {error}", str(path), row)
                )
    if wrong:
        raise InputError(mistakes, total=wrong)
    notes = (*events.notes(), f"{skipped:,} fills are no liquidation and no deleveraging")
    return History(str(path), NAME, What.LIQUIDATIONS, events.tape(), notes=notes)


def _add(events: Events, row: int, user: str, told: dict[str, Any], known: set[str]) -> bool:
    """Whether a fill closed something by force; what another fill of its trade told is left."""
    fill = msgspec.convert(told, Fill, strict=False)
    found = closings(fill, user)
    for closing in found:
        if closing.own in known:
            continue
        known.add(closing.own)
        events.add(
            row, "hyperliquid", fill.coin, fill.time * 1_000_000, closing.side, fill.px,
            base=fill.sz, kind=closing.kind, at_fill=closing.at_fill, own=closing.own,
            account=closing.account,
        )  # fmt: skip
    return bool(found)


def _pairs(path: Path) -> Iterator[tuple[int, Any]]:
    """Row, and what should be a user and a fill."""
    opener: Any = gzip.open if path.open("rb").read(2) == b"\x1f\x8b" else open
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            for row, line in enumerate(file, 1):
                if line.strip():
                    value = json.loads(line)
                    pairs = value.get("events", []) if isinstance(value, dict) else [value]
                    for pair in pairs if isinstance(pairs, list) else [pairs]:
                        yield row, pair
    except (json.JSONDecodeError, UnicodeDecodeError, EOFError, OSError) as error:
        raise InputError(
            Mistake(f"cannot be read: {error}", str(path), mend="The file may be cut short")
        ) from None
