"""What a file is, told from its first 64 KiB: enough to refuse rubbish of any size at once."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from seawall.core import InputError, Mistake
from seawall.ingest.headers import count_known

HEAD_BYTES = 64 * 1024
_DELIMITERS = (",", "\t", ";", "|")
_ACCEPTED = "CSV, TSV, JSON Lines, JSON or Parquet"
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"ARROW1", "an Arrow IPC or Feather file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
)


class Form(StrEnum):
    """Forms of file that can be read."""

    CSV = "csv"
    JSON = "json"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


class Compression(StrEnum):
    """How a file is packed; the values are DuckDB's names."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the head of a file says about the whole.

    Attributes
    ----------
    form, compression
        What to read it with.
    delimiter, headers
        Of a CSV file.
    """

    form: Form
    compression: Compression = Compression.NONE
    delimiter: str = ","
    headers: tuple[str, ...] = ()


def compression_of(head: bytes) -> Compression:
    """How bytes are packed, by their first four."""
    if head.startswith(b"\x1f\x8b"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return Compression.ZSTD
    return Compression.NONE


def unpack_head(head: bytes, where: str) -> bytes:
    """The first bytes of a gzip file, unpacked.

    Raises
    ------
    InputError
        If they are not gzip after all.
    """
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            Mistake(f"a damaged gzip file: {error}", where, mend="Fetch or write it again")
        ) from None


def sniff(head: bytes, where: str, compression: Compression = Compression.NONE) -> Sniffed:
    """Tell the form of a file from its (unpacked) head.

    Raises
    ------
    InputError
        If it is empty, binary, not UTF-8, or text without any column of a book.
    """
    if not head.strip(b"\xef\xbb\xbf\r\n\t "):
        raise InputError(
            Mistake("the file is empty", where, allowed=f"a book of positions as {_ACCEPTED}")
        )
    if head.startswith(b"PAR1"):
        return Sniffed(Form.PARQUET, compression)
    text = _decoded(head, where)
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if start in {"{", "["}:
        form = _json_form(text, start)
        _expect_known_keys(text, where)
        return Sniffed(form, compression)
    delimiter, headers = _csv_header(text, where)
    return Sniffed(Form.CSV, compression, delimiter, headers)


def _decoded(head: bytes, where: str) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or _every_other_byte_is_zero(head):
        raise InputError(
            Mistake(
                "the file is UTF-16 text",
                where,
                allowed="UTF-8",
                mend='Save it as "CSV UTF-8", or convert it: iconv -f UTF-16 -t UTF-8 FILE',
            )
        )
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            raise _binary(name, where)
    if b"\0" in head or sum(b < 9 or 13 < b < 27 for b in head[:4096]) > len(head[:4096]) // 20:
        raise _binary("binary", where)
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 4 and len(head) >= HEAD_BYTES:
            return head[: error.start].decode("utf-8")
        line = head.count(b"\n", 0, error.start) + 1
        raise InputError(
            Mistake(
                f"not UTF-8 text: byte 0x{head[error.start]:02x} on line {line}",
                where,
                allowed="UTF-8",
                mend="Save it as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE",
            )
        ) from None


def _every_other_byte_is_zero(head: bytes) -> bool:
    part = head[:512]
    return len(part) >= 8 and any(part[1::2]) != any(part[0::2])


def _binary(name: str, where: str) -> InputError:
    return InputError(
        Mistake(
            f"not a book of positions: the file is {name}",
            where,
            allowed=_ACCEPTED,
            mend="Export the positions in one of these forms",
        )
    )


def _json_form(text: str, start: str) -> Form:
    """JSON Lines if the first line is a whole object or array and another follows."""
    lines = text.lstrip("\ufeff \t\r\n").split("\n", 1)
    closes = {"{": "}", "[": "]"}[start]
    first = lines[0].strip()
    if len(lines) == 2 and len(first) > 1 and first.endswith(closes):
        follows = lines[1].lstrip()[:1]
        if start == "{" and follows and follows not in ",]}":
            return Form.JSON_LINES
    return Form.JSON


def _expect_known_keys(text: str, where: str) -> None:
    """Refuse JSON whose head names no column, so that no large rubbish is parsed."""
    words = {w for w in text.split('"')[1:8001:2] if len(w) < 40}
    if len(text) < HEAD_BYTES // 2 or count_known(list(words)) or "assetPositions" in words:
        return
    raise InputError(
        Mistake(
            "not a book of positions: no known key in the first 64 KiB of JSON",
            where,
            value=text[:60],
            allowed="objects with keys such as account, instrument, size, entry_price",
        )
    )


def _csv_header(text: str, where: str) -> tuple[str, tuple[str, ...]]:
    line = next((x for x in text.lstrip("\ufeff").splitlines() if x.strip()), "")
    if len(text) >= HEAD_BYTES - 4 and "\n" not in text and "\r" not in text:
        raise _no_header("no line break in the first 64 KiB", line, where)
    best: tuple[int, int, str, tuple[str, ...]] = (0, 0, ",", ())
    for delimiter in _DELIMITERS:
        headers = tuple(h.strip() for h in next(csv.reader([line], delimiter=delimiter), []))
        key = (count_known(headers), len(headers))
        if key > best[:2]:
            best = (*key, delimiter, headers)
    known, _, delimiter, headers = best
    if known == 0 or (known == 1 and len(headers) == 1 and len(line) > 200):
        raise _no_header(_why_no_header(headers), line, where)
    return delimiter, headers


def _why_no_header(headers: Sequence[str]) -> str:
    if headers and any(_is_number(h) for h in headers):
        return "the first line holds values, not column names"
    return "no known column in the first line"


def _no_header(why: str, line: str, where: str) -> InputError:
    return InputError(
        Mistake(
            f"not a book of positions: {why}",
            where,
            value=line,
            allowed="a header line with columns such as account, venue, instrument, side, "
            "quantity, entry_price, mark_price, leverage",
            mend="Add a header line, comma, tab, semicolon or | between the names",
        )
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
