"""Lists of rows off the wire, of which one that cannot be read costs itself only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from seawall.ingest.wire.adapter import Raw
from seawall.ingest.wire.context import Tally

Message = TypeVar("Message")


def decoded(
    decoder: msgspec.json.Decoder[Message],
    raw: Raw | msgspec.Raw,
    path: Sequence[str],
    rows: Mapping[str, type],
    tally: Tally,
) -> Message:
    """A message, without those of its rows that cannot be read; they are counted.

    Parameters
    ----------
    decoder
        Of the whole message, not strict.
    path
        Keys that lead to the list of rows; none where the message is the list.
    rows
        What a row is, under ``""``; under other names, what the rows of its own lists are.

    Raises
    ------
    msgspec.MsgspecError
        If the message is wrong elsewhere or has no readable row: then it counts as one malformed
        message.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        loaded = _without_unreadable(msgspec.json.decode(raw), path, rows, error, tally)
        return msgspec.convert(loaded, decoder.type, strict=False)


def _without_unreadable(
    loaded: Any, path: Sequence[str], rows: Mapping[str, type], error: Exception, tally: Tally
) -> Any:
    """A message as plain objects, rows that cannot be read left out."""
    place: Any = {"": loaded}
    for key in ("", *path)[:-1]:
        place = place.get(key) if isinstance(place, dict) else None
    last = path[-1] if path else ""
    found = place.get(last) if isinstance(place, dict) else None
    if not isinstance(found, list):
        raise error
    kept, bad = _readable(found, rows)
    if not kept:
        raise error
    tally.malformed += bad
    place[last] = kept
    return loaded if path else kept


def _readable(found: list[Any], rows: Mapping[str, type]) -> tuple[list[Any], int]:
    """Rows that can be read, and how many cannot."""
    kept, bad = [], 0
    for row in found:
        emptied = False
        for name, kind in rows.items():
            inner = row.get(name) if name and isinstance(row, dict) else None
            if isinstance(inner, list):
                row[name], more = _readable(inner, {"": kind})
                bad += more
                emptied = more > 0 and not row[name]
        if emptied:
            continue
        try:
            msgspec.convert(row, rows[""], strict=False)
        except msgspec.ValidationError:
            bad += 1
        else:
            kept.append(row)
    return kept, bad
