"""What a store consists of, in one file that is replaced whole: the point where work counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seawall.core.tape import TAPE_SCHEMA
from seawall.ingest.store.disk import StoreError, no_folder, refused, replace_whole

FILE = "store.json"
FORMAT = "seawall tape"
EVENTS = "events"
LOG = "log"
PART = re.compile(r"part-(\d{10})\.parquet(\.tmp)?")


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of events of one day and kind, in order of time.

    Attributes
    ----------
    path
        Below the store's folder, with forward slashes.
    day, kind
        ISO date by UTC; name of the kind.
    rows, first, last
        Number of events, time of the first and of the last, UTC ns.
    size, checksum
        Bytes, and CRC-32 of them all.
    """

    path: str
    day: str
    kind: str
    rows: int
    first: int
    last: int
    size: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """State of a store between two commits.

    Attributes
    ----------
    schema
        Version of the columns and of the folder's layout.
    generation
        Counts the commits.
    rolled
        Segments of the log up to this number are in the parts and count no more.
    next_part
        Number for the next part; files of this number or above were never committed.
    parts
        The files that count.
    dropped
        Files that count no more and may still be there.
    """

    schema: int = TAPE_SCHEMA
    generation: int = 0
    rolled: int = 0
    next_part: int = 1
    parts: tuple[Part, ...] = ()
    dropped: tuple[str, ...] = ()

    def overlapping(self, begin: int, end: int) -> list[Part]:
        """Parts with events of ``begin <= time < end`` (UTC ns), as far as their bounds tell."""
        return [p for p in self.parts if p.first < end and p.last >= begin]


Step = Callable[[Path, dict[str, Any]], dict[str, Any]]
MIGRATIONS: Mapping[int, Step] = {}
"""By schema: what makes a store of the next schema of one of this. A step is given the folder and
the manifest's contents and returns the next contents; it writes parts of new numbers, so that the
store stays as it was until the result is committed. None is needed yet."""


def load_manifest(folder: Path) -> Manifest:
    """The store's present state.

    Raises
    ------
    StoreError
        If the folder is no store, is damaged, or is of another schema.
    """
    return read_manifest(folder, manifest_bytes(folder))


def is_store(folder: Path) -> bool:
    """Whether a folder is a store, sound or not."""
    return (folder / FILE).exists()


def manifest_bytes(folder: Path) -> bytes:
    """The list of files as it stands on disk.

    Raises
    ------
    StoreError
        If the folder is no store.
    """
    try:
        return (folder / FILE).read_bytes()
    except FileNotFoundError:
        raise StoreError(
            f"{folder}: no tape is stored here ({FILE} is missing); name the folder of a store"
        ) from None
    except NotADirectoryError:
        raise no_folder(folder) from None
    except OSError as error:
        raise refused(error, "cannot be read", folder / FILE) from error


def read_manifest(folder: Path, raw: bytes) -> Manifest:
    """What such bytes say; see :func:`load_manifest`."""
    contents = _contents(folder, raw)
    if contents["schema"] != TAPE_SCHEMA:
        older = contents["schema"] < TAPE_SCHEMA
        raise StoreError(
            f"{folder}: the store is of schema {contents['schema']}, this Seawall reads "
            f"{TAPE_SCHEMA}. " + ("Open it for writing once" if older else "Upgrade Seawall")
        )
    return _built(folder, contents)


def commit(folder: Path, manifest: Manifest) -> Manifest:
    """Make this the store's state; a crash leaves the former or this one.

    Raises
    ------
    StoreError
        If it cannot be written; the former state then stands.
    """
    counted = replace(manifest, generation=manifest.generation + 1)
    contents = {"format": FORMAT, **asdict(counted)}
    raw = json.dumps(contents, ensure_ascii=False, separators=(",", ":"))
    replace_whole(folder / FILE, raw.replace('{"path"', '\n{"path"').encode() + b"\n")
    return counted


def migrate(
    folder: Path, steps: Mapping[int, Step] = MIGRATIONS, target: int = TAPE_SCHEMA
) -> list[int]:
    """Bring an older store to the present schema, one committed step after the other.

    Returns
    -------
    list of int
        Schemas it was taken to, in order; empty if it was up to date.

    Raises
    ------
    StoreError
        If it is of a later schema, or no step leads on from its schema.
    """
    taken = []
    contents = _contents(folder, manifest_bytes(folder))
    while contents["schema"] < target:
        schema = contents["schema"]
        if schema not in steps:
            raise StoreError(f"{folder}: nothing leads from schema {schema} to {target}")
        contents = {**steps[schema](folder, contents), "schema": schema + 1}
        commit(folder, _built(folder, contents))
        taken.append(schema + 1)
    if contents["schema"] > target:
        raise StoreError(f"{folder}: schema {contents['schema']} is later than {target}")
    return taken


def _contents(folder: Path, raw: bytes) -> dict[str, Any]:
    try:
        contents = json.loads(raw)
        if contents["format"] != FORMAT or not isinstance(contents["schema"], int):
            raise ValueError("not the list of a store's files")
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{folder / FILE}: cannot be read as the list of a store's files: {error}. Remove it "
            "and open the store for writing: the list is then made again from the files"
        ) from error
    return dict(contents)


def _built(folder: Path, contents: dict[str, Any]) -> Manifest:
    try:
        return Manifest(
            schema=contents["schema"],
            generation=contents["generation"],
            rolled=contents["rolled"],
            next_part=contents["next_part"],
            parts=tuple(Part(**p) for p in contents["parts"]),
            dropped=tuple(contents["dropped"]),
        )
    except (KeyError, TypeError) as error:
        raise StoreError(f"{folder / FILE}: a list of files that is incomplete: {error}") from error
