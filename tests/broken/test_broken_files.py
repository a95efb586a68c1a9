"""Files that are no book of positions, each refused in one sentence, whatever its size."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import duckdb
import pytest

from broken.sound_rows import isolated
from seawall.core import InputError
from seawall.ingest import read_book

HEADER = "account,instrument,size,entry_price,mark_price,leverage\n"
SOUND = HEADER + "ann,BTC,1,90000,90000,5\n"
STATE = {"assetPositions": [{"position": {"coin": "BTC", "szi": "1"}}], "marginSummary": {}}

FILES: dict[str, tuple[str, bytes | str, tuple[str, ...]]] = {
    "empty": ("e.csv", "", ("the file is empty",)),
    "blank": ("e.csv", " \n\n", ("the file is empty",)),
    "only a header": ("h.csv", HEADER, ("0 rows", "at least one")),
    "empty JSON": ("e.json", "[]", ("0 rows",)),
    "empty JSON object": ("e.json", "{}", ("0 rows",)),
    "no position in the state": ("s.json", '{"assetPositions": []}', ("0 rows",)),
    "UTF-16": ("u.csv", SOUND.encode("utf-16"), ("UTF-16", "UTF-8", "iconv")),
    "UTF-16 without mark": ("u.csv", SOUND.encode("utf-16-le"), ("UTF-16", "iconv")),
    "Latin-1": (
        "l.csv",
        SOUND.replace("ann", "Zoë").encode("latin-1"),
        ("not UTF-8", "0xeb", "line 2", "iconv"),
    ),
    "binary": ("b.csv", bytes(range(256)) * 300, ("not a book of positions", "binary")),
    "workbook": ("x.xlsx", b"PK\x03\x04" + bytes(99), ("Excel", "Export the positions")),
    "feather": ("x.feather", b"ARROW1\0\0" + bytes(99), ("Arrow IPC",)),
    "damaged gzip": ("x.csv.gz", b"\x1f\x8b" + bytes(99), ("damaged gzip",)),
    "no header": ("n.csv", "ann,BTC,1,90000\n", ("values, not column names", "header line")),
    "prose": ("p.txt", "It was the best of times.\nIt was\n", ("no known column", "It was")),
    "unknown column": (
        "c.csv",
        SOUND.replace("entry_price", "entry_prise"),
        ("column entry_prise", "unknown column", "Did you mean entry_price?"),
    ),
    "column without a name": ("c.csv", HEADER.replace("account", ""), ("without a name",)),
    "duplicate column": (
        "c.csv",
        SOUND.replace("leverage", "entry_price"),
        ("duplicate column", "entry_price"),
    ),
    "two columns for one thing": (
        "c.csv",
        SOUND.replace("leverage", "symbol"),
        ("column symbol", "second column for instrument"),
    ),
    "missing columns": (
        "c.csv",
        "account,leverage\nann,5\n",
        ("column instrument: missing column", "column entry_price", "column size"),
    ),
    "ragged rows": (
        "r.csv",
        SOUND + "bob,BTC,1\ncid,BTC,1,2,3,4,5\n",
        ("row 2: too few fields: 3 where the header has 6", "row 3: too many fields: 7"),
    ),
    "open quotation mark": ("q.csv", SOUND + 'bob,"BTC,1,2,3,4\n', ("row 2", "quotation mark")),
    "JSON cut short": ("j.json", '[{"instrument": "BTC", "size": 1', ("not valid JSON", "line 1")),
    "JSON of scalars": ("j.json", "[1, 2, 3]", ("not a table", "one a position")),
    "unequal columns": (
        "j.json",
        '{"instrument": ["BTC"], "size": [1, 2]}',
        ("unequal length",),
    ),
    "a bad line of JSON": (
        "j.jsonl",
        json.dumps(isolated()) + "\n{'account': 1}\n[3]\n",
        ("row 2: not valid JSON", "row 3: not a JSON object"),
    ),
    "state of another shape": ("s.json", json.dumps(STATE), ("clearinghouseState", "leverage")),
}


def refused(source: object, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read_book(source, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_message_says_what_and_where(name: str, tmp_path: Path) -> None:
    file, content, words = FILES[name]
    path = tmp_path / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = refused(path)
    assert message.startswith(str(path))
    for word in words:
        assert word in message
    assert "Traceback" not in message


def test_every_column_mistake_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("acount,instrumnt,sise,entry_price\na,b,1,2\n")
    message = refused(path)
    for near in ("account?", "instrument?", "size?"):
        assert near in message


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "book.csv").write_text(SOUND)
    message = refused(tmp_path / "bok.csv")
    assert "no such file" in message
    assert f"Did you mean {tmp_path / 'book.csv'}?" in message
    assert "There is no folder" in refused(tmp_path / "nowhere" / "book.csv")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "a folder, not a file" in refused(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text(SOUND)
    path.chmod(0)
    assert "cannot be opened" in refused(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_truncated_parquet(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "book.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'BTC' AS instrument, 1 AS size) TO '{path}'")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    message = refused(path)
    assert "truncated Parquet" in message
    assert "write it again" in message


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "book.parquet"
    path.write_bytes(b"PAR1" + b"\x99" * 500 + b"PAR1")
    assert "damaged Parquet" in refused(path)


def test_parquet_without_rows_or_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "book.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 'BTC' AS instrument, 1 AS size, 2 AS entry_price LIMIT 0) "
            f"TO '{path}' (FORMAT parquet)"
        )
        assert "0 rows" in refused(path)
        connection.execute(f"COPY (SELECT 1 AS open, 2 AS close) TO '{path}' (FORMAT parquet)")
    assert "column open: unknown column" in refused(path)


def test_gzip_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl.gz"
    lines = "".join(json.dumps(isolated(account=str(k))) + "\n" for k in range(2_000))
    path.write_bytes(gzip.compress(lines.encode())[:-200])
    assert "cannot be read" in refused(path)


def test_not_a_source() -> None:
    assert "list of dicts" in refused(5)
    assert "list of dicts" in refused(b"a,b\n1,2\n")


def test_unknown_venue_option() -> None:
    assert "binance_usdm" in refused([isolated()], venue="binanse")


RUBBISH = {
    "zeros": b"",
    "text": b"lorem ipsum dolor sit amet\n",
    "one line": b"lorem ipsum ",
    "JSON": b'[{"open": 1, "close": 2},\n',
    "rows of text under a header": b"a,b,c,d,e,f\n",
    "ragged text under a header": b"a,b\n",
    "JSON lines of text": b'{"instrument": "BTC", "size": "x", "entry_price": "y"}\n',
}


@pytest.mark.parametrize("kind", RUBBISH)
def test_two_gigabytes_of_rubbish_are_refused_unread(kind: str, tmp_path: Path) -> None:
    """The file is sparse: 2 GB to whoever reads it, a few kB on the disk."""
    path = tmp_path / "rubbish"
    line = RUBBISH[kind]
    head = HEADER.encode() if "header" in kind else b""
    with path.open("wb") as file:
        file.write(head + line * (300_000 // max(1, len(line))))
        file.truncate(2 * 1024**3)
    before = time.process_time()
    message = refused(path)
    assert time.process_time() - before < 5
    assert str(path) in message


def test_large_files_are_vetted_before_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("duck", "sources"):
        monkeypatch.setattr(f"seawall.ingest.{module}.LARGE_BYTES", 1_000)
    path = tmp_path / "book.csv"
    path.write_text(HEADER + "ann,BTC,one,ninety,90000,5\n" * 5_000)
    assert "none of the first 2,000 rows is a position" in refused(path)
    path.write_text(HEADER + "".join(f"a{k},BTC,1,9e4,9e4,5\n" for k in range(5_000)))
    assert len(read_book(path)) == 5_000
