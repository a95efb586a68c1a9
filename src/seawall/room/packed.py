"""What a file that was sent holds unpacked, told before anything takes it into memory."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

from seawall.core import Mistake
from seawall.room.problems import RefusedError

_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_CELL = 8
"""Bytes of a cell of Parquet once it is read, at least."""


def check_unpacked(path: Path, name: str, most: int) -> None:
    """Refuse a file that holds too much, whatever it is called.

    What is damaged is left to its reader, which says how.

    Raises
    ------
    RefusedError
        If it holds more than ``most`` bytes, or is packed in a way that does not tell.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_ZSTD):
        raise RefusedError(415, Mistake("packed with zstd", name, mend="Send it as .gz"))
    size = 0
    if head.startswith(_GZIP):
        size = _of_gzip(path, most)
    elif head.startswith(_PARQUET):
        size = _of_parquet(path)
    elif zipfile.is_zipfile(path):
        # known by its end: whatever stands before it, a reader would open it
        size = _of_zip(path)
    if size > most:
        raise RefusedError(413, Mistake("too large unpacked", name, allowed=f"{most:,} bytes"))


def _of_gzip(path: Path, most: int) -> int:
    """Bytes that it unpacks to, counted no farther than is allowed."""
    size = 0
    try:
        with gzip.open(path) as unpacked:
            while size <= most and (chunk := unpacked.read(1_048_576)):
                size += len(chunk)
    except (EOFError, OSError, zlib.error):
        return 0
    return size


def _of_zip(path: Path) -> int:
    """Bytes that its parts say they hold; a reader takes no more of each."""
    try:
        with zipfile.ZipFile(path) as packed:
            return sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return 0


def _of_parquet(path: Path) -> int:
    """Bytes of its cells: a column of one value takes no room in the file, but all its rows do."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            query = "SELECT sum(num_values), sum(total_uncompressed_size) FROM parquet_metadata($1)"
            found = connection.execute(query, [str(path)]).fetchone()
        except duckdb.Error:
            return 0
    cells, size = found or (0, 0)
    return max(_CELL * int(cells or 0), int(size or 0))
