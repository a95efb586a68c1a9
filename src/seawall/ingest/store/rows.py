"""Events as bytes of the log: rows of fixed width behind the names that their codes stand for."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.core.tape import (
    COLUMNS,
    DTYPES,
    NAMES,
    TAPE_SCHEMA,
    Coverage,
    Kind,
    Tape,
    empty_tape,
)
from seawall.ingest.store.disk import StoreError

ROW = np.dtype(
    [
        ("time", "<i8"),
        ("received", "<i8"),
        ("quantity", "<f8"),
        ("price", "<f8"),
        ("notional", "<f8"),
        ("account", "<u8"),
        ("event_id", "<u8"),
        ("venue", "<u2"),
        ("instrument", "<u2"),
        ("asset", "<u2"),
        ("source", "<u2"),
        ("side", "i1"),
        ("kind", "i1"),
        ("coverage", "i1"),
        ("at_fill", "?"),
    ]
)
"""One event, 68 bytes."""

_CODED = ("venue", "instrument", "asset", "source")
_HEAD = struct.Struct("<II")
_MOST = 50_000
"""Rows a payload; so the codes of their names fit 16 bits."""


def encode(tape: Tape) -> Iterator[bytes]:
    """Payloads that hold a tape's events, each readable by itself."""
    for start in range(0, len(tape), _MOST):
        part = tape if len(tape) <= _MOST else tape.take(slice(start, start + _MOST))
        yield _payload(part)


def _payload(tape: Tape) -> bytes:
    for column, meanings in (("kind", Kind), ("coverage", Coverage)):
        codes = getattr(tape, column)
        if codes.min() < 0 or codes.max() >= len(meanings):
            raise InternalError(f"a tape has a {column} that is none")
    rows = np.empty(len(tape), dtype=ROW)
    names = []
    for column in COLUMNS:
        values = getattr(tape, column)
        if column in _CODED:
            values, used = _used(values, getattr(tape, column + "s"))
            names.append(used)
        rows[column] = values
    # the order of the names is that of the columns of a tape
    block = json.dumps(names, ensure_ascii=False, separators=(",", ":")).encode()
    return _HEAD.pack(len(rows), len(block)) + block + rows.tobytes()


def _used(codes: NDArray[Any], names: Sequence[str]) -> tuple[NDArray[Any], list[str]]:
    """Codes and names without the names that no event of these has."""
    if codes.min() < 0 or codes.max() >= len(names):
        raise InternalError("a tape has a code without a name")
    if len(names) <= 2:
        return codes, list(names)
    used, own = np.unique(codes, return_inverse=True)
    return own, [names[k] for k in used]


_IN_BLOCK = tuple(column for column in COLUMNS if column in _CODED)


class _Names:
    """Tables of names grown block by block, and the code of each block's names in them."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, int]] = {column: {} for column in _IN_BLOCK}
        self._flat: dict[str, list[int]] = {column: [] for column in _IN_BLOCK}
        self._starts: dict[str, list[int]] = {column: [] for column in _IN_BLOCK}
        self._known: dict[bytes, int] = {}

    def block(self, raw: bytes) -> int:
        """Number of a block of names; equal blocks have one number."""
        number = self._known.get(raw)
        if number is None:
            number = self._known[raw] = len(self._known)
            for column, names in zip(_IN_BLOCK, json.loads(raw), strict=True):
                table = self.tables[column]
                self._starts[column].append(len(self._flat[column]))
                self._flat[column] += [table.setdefault(name, len(table)) for name in names]
        return number

    def codes(self, column: str, block: NDArray[Any], own: NDArray[Any]) -> NDArray[np.int32]:
        """Codes of a whole column from each row's block and its code there."""
        starts = np.array(self._starts[column], dtype=np.int64)
        known: NDArray[np.int32] = np.array(self._flat[column], dtype=np.int32)
        found: NDArray[np.int32] = known[starts[block] + own]
        return found


def decode(payloads: Sequence[bytes], version: int = TAPE_SCHEMA) -> Tape:
    """The events of payloads, in order.

    Raises
    ------
    StoreError
        If a version of Seawall wrote them that this one does not know.
    """
    if version != TAPE_SCHEMA:
        raise StoreError(f"the log is of schema {version}; this Seawall knows {TAPE_SCHEMA}")
    if not payloads:
        return empty_tape()
    names = _Names()
    blocks, counts, bodies = [], [], []
    for payload in payloads:
        count, length = _HEAD.unpack_from(payload)
        start = _HEAD.size + length
        blocks.append(names.block(payload[_HEAD.size : start]))
        counts.append(count)
        bodies.append(memoryview(payload)[start:])
    rows = np.frombuffer(b"".join(bodies), dtype=ROW)
    block = np.repeat(np.array(blocks), counts)
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        values = rows[column]
        if column in _CODED:
            columns[column] = names.codes(column, block, values)
        else:
            columns[column] = values.astype(DTYPES[column])
    tables: dict[str, Any] = {table: tuple(names.tables[table[:-1]]) for table in NAMES}
    return Tape(**columns, **tables)
