"""What a file looks like from outside: its name, its columns, its first row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from seawall.core import InputError, Mistake
from seawall.core.tape import Coverage
from seawall.ingest.duck import connect
from seawall.ingest.history.table import ACCEPTED, has_header, head_of, unreadable, unzipped
from seawall.rulebook import Rules


@dataclass(frozen=True, slots=True)
class Look:
    """What a format is told by.

    Attributes
    ----------
    name
        Of the file, in small letters.
    keys
        Names of its columns, or of the keys of its first object; empty where there are none.
    width
        Columns of the first row.
    lists
        Whether it is JSON whose rows are lists.
    """

    name: str
    keys: frozenset[str] = frozenset()
    width: int = 0
    lists: bool = False
    first: Any = None

    def has(self, *names: str) -> bool:
        """Whether all of these columns or keys are there."""
        return self.keys >= set(names)


@dataclass(frozen=True, slots=True)
class How:
    """What a file itself may leave unsaid.

    Attributes
    ----------
    venue, instrument, asset
        For files that name none.
    columns
        Our name of a column to the file's, for the generic format.
    coverage
        Overrides what the venue's rulebook says of its feed.
    contract_sizes
        Of instruments in small letters; of all others under the empty name.
    polled_sizes
        As venues told them: by rulebook, then by instrument.
    """

    rules: Rules
    venue: str = ""
    instrument: str = ""
    asset: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    coverage: Coverage | None = None
    contract_sizes: Mapping[str, float] = field(default_factory=dict)
    polled_sizes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def look_at(path: Path) -> Look:
    """Look at a file's head."""
    name = path.name.casefold()
    with unzipped(path) as file:
        name = file.name.casefold() if file != path else name
        head = head_of(file)
        if head.startswith(b"PAR1"):
            connection = connect()
            try:
                query = "DESCRIBE SELECT * FROM read_parquet($1)"
                keys = [r[0] for r in connection.execute(query, [str(file)]).fetchall()]
            except duckdb.Error as error:
                raise unreadable(error, path) from None
            finally:
                connection.close()
            return Look(name, frozenset(keys), len(keys))
        if b"\0" in head or name.endswith(".parquet"):
            what = "neither text nor Parquet; it may be damaged, or packed in another way"
            raise InputError(Mistake(what, str(path), allowed=ACCEPTED))
        text = head.decode("utf-8-sig", "replace").lstrip()
    if text[:1] in ("{", "["):
        return _json(name, text)
    lines = text.splitlines()
    if not lines:
        return Look(name)
    cells = [c.strip(' "') for c in lines[0].replace("\t", ",").replace(";", ",").split(",")]
    return Look(name, frozenset(cells) if has_header(head) else frozenset(), len(cells))


def _json(name: str, text: str) -> Look:
    """Of JSON the first object or list that holds values, from as much as the head shows."""
    decoder = json.JSONDecoder()
    start = 0
    while True:
        try:
            value, _ = decoder.raw_decode(text[start:])
        except json.JSONDecodeError:
            value = None
        if isinstance(value, dict):
            inner = value.get("data", value.get("result"))
            if not isinstance(inner, list | dict):
                return Look(name, frozenset(value), len(value), first=value)
            value = inner
        if isinstance(value, dict):
            return Look(name, frozenset(value), len(value), first=value)
        if isinstance(value, list) and value:
            row = value[0]
            if isinstance(row, dict):
                return Look(name, frozenset(row), len(row), first=row)
            # lines that are lists: the first line is a row itself
            first = row if isinstance(row, list) else value
            return Look(name, frozenset(), len(first), True, first)
        # cut off by the head's end: look at what the first row holds
        following = min((k for k in (text.find(c, start + 1) for c in "[{") if k > 0), default=-1)
        if following < 0 or value == []:
            return Look(name, _keys(text))
        start = following


def _keys(text: str) -> frozenset[str]:
    """Names before colons in the head of an object too long to be read whole."""
    found = set()
    for part in text.split('"')[1::2][:400]:
        if f'"{part}":' in text or f'"{part}" :' in text:
            found.add(part)
    return frozenset(found)
