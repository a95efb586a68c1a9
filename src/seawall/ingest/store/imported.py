"""Which time imported files cover, kept beside the events that they held.

A file says nothing of the time outside of it, and of the time within only what it holds. Each
import leaves one small file that names the stretches it covers, by venue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from seawall.ingest.store.disk import StoreError, make_folder, refused, replace_whole

IMPORTS = "imports"
"""Folder of these files below the store's."""
SCHEMA = 1
EVENTS = "liquidations"
"""What single events are called; other names are of sums."""
Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of time that a file covers.

    Attributes
    ----------
    venue
        Whose; several with commas between, empty where the file does not say.
    what
        :data:`EVENTS`, or the name of sums.
    start, end
        UTC ns, from the first to before the second.
    file
        Name of the file.
    events, usd
        What the file holds of it; None where it does not say.
    """

    venue: str
    what: str
    start: int
    end: int
    file: str
    events: int | None = None
    usd: float | None = None


def keep_spans(store: Path, spans: Sequence[Span]) -> None:
    """Return once it is on the disk; the same spans again change nothing.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    if not spans:
        return
    text = json.dumps({"schema": SCHEMA, "spans": [asdict(s) for s in spans]}, indent=1)
    folder = store / IMPORTS
    make_folder(folder)
    name = hashlib.sha256(text.encode()).hexdigest()[:16] + ".json"
    replace_whole(folder / name, text.encode())


def spans_of(store: Path, window: Window | None = None) -> tuple[Span, ...]:
    """What imported files cover that overlaps a window, not clipped, in order of start.

    Raises
    ------
    StoreError
        If what is kept of it cannot be read.
    """
    found = set[Span]()
    for path in sorted((store / IMPORTS).glob("*.json")):
        try:
            kept = json.loads(path.read_bytes())
            if kept["schema"] != SCHEMA:
                raise StoreError(f"{path}: of schema {kept['schema']}; upgrade Seawall")
            found |= {Span(**row) for row in kept["spans"]}
        except OSError as error:
            raise refused(error, "cannot be read", path) from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path}: damaged ({error}): which time an imported file covers is not known. "
                "Remove it and import the file again"
            ) from None
    if window is not None:
        found = {s for s in found if s.start < window[1] and s.end > window[0]}
    return tuple(sorted(found, key=lambda s: (s.start, s.end, s.venue, s.file)))


def forget_before(store: Path, start: int) -> None:
    """Let go of what is said of the time before a moment, as its events are."""
    for path in sorted((store / IMPORTS).glob("*.json")):
        try:
            kept = [Span(**row) for row in json.loads(path.read_bytes())["spans"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # what is damaged is told of where it is read
        left = [s for s in kept if s.end > start]
        rows = [asdict(s) | {"start": max(s.start, start)} for s in left]
        if rows != [asdict(s) for s in kept]:
            replace_whole(path, json.dumps({"schema": SCHEMA, "spans": rows}, indent=1).encode())


def uncovered(window: Window, spans: Iterable[Span]) -> list[Window]:
    """The parts of a window that no span covers, in order."""
    left = []
    begin = window[0]
    for span in sorted(spans, key=lambda s: s.start):
        if span.start >= window[1]:
            break
        if span.start > begin:
            left.append((begin, span.start))
        begin = max(begin, span.end)
    if begin < window[1]:
        left.append((begin, window[1]))
    return left
