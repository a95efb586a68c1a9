"""Whatever is sent as a book is read or refused, and the room stays open."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from room_server import BOOK, Asker, serving
from seawall.app import cli
from seawall.app.serve_command import room_of
from seawall.room.books import Limits, shown_name
from seawall.room.problems import RefusedError

NASTY = {
    "nothing": b"",
    "nul": b"\0" * 5000,
    "header.csv": BOOK.splitlines()[0].encode(),
    "deep.json": b"[" * 200_000,
    "wide.csv": b"," * 200_000,
    "parquet": b"PAR1" + b"\xff" * 300 + b"PAR1",
    "gzip": b"\x1f\x8b\x08\x00" + b"\xff" * 300,
    "cut.gz": gzip.compress(BOOK.encode())[:60],
    "huge number": BOOK.replace("2.5", "9" * 400).encode(),
    "nan": BOOK.replace("2.5", "nan").encode(),
    "not text": BOOK.encode("utf-16"),
    "path": BOOK.replace("ann", "../../etc/passwd").encode(),
}


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "csv.gz"])
@pytest.mark.parametrize("name", NASTY)
def test_nothing_sent_is_an_error_of_ours(ask: Asker, name: str, ending: str) -> None:
    reply = ask(f"/api/v1/books?name=a.{ending}", "POST", NASTY[name])
    assert reply.status in (201, 422), reply.body[:400]
    assert b"seawall-room-" not in reply.body
    if reply.status == 422:
        assert reply.json()["mistakes"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=3000), cut=st.integers(0, len(BOOK)))
def test_a_book_with_bytes_amid_it(ask: Asker, body: bytes, cut: int) -> None:
    sent = BOOK[:cut].encode() + body + BOOK[cut:].encode()
    reply = ask("/api/v1/books?name=a.csv", "POST", sent)
    assert reply.status in (201, 422), reply.body[:400]
    json.dumps(reply.json(), allow_nan=False)


def test_a_packed_file_is_limited_by_what_is_in_it(book_file: Path) -> None:
    room = room_of(book_file)
    room.shelf.limits = Limits(size=100_000, unpacked=1_000_000)
    with serving(room) as asker:
        bomb = gzip.compress(b"x" * 50_000_000)
        assert len(bomb) < 100_000
        reply = asker("/api/v1/books?name=a.csv.gz", "POST", bomb)
        assert reply.status == 413
        assert "unpacked" in reply.json()["mistakes"][0]["what"]
        fine = asker("/api/v1/books?name=a.csv.gz", "POST", gzip.compress(BOOK.encode()))
        assert fine.status == 201


@pytest.mark.parametrize("kind", ["books", "candles"])
def test_a_bomb_by_any_other_name_is_refused_unread(
    book_file: Path, tmp_path: Path, kind: str
) -> None:
    import zipfile

    import duckdb

    bombs = {"zip": tmp_path / "a.zip", "zstd": tmp_path / "a.zst", "parquet": tmp_path / "a.pq"}
    with zipfile.ZipFile(bombs["zip"], "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.csv", b"x" * 20_000_000)
    with duckdb.connect() as connection:
        for name, options in (("parquet", "FORMAT parquet"), ("zstd", "COMPRESSION zstd")):
            query = (
                f"COPY (SELECT 1.0 AS size FROM range(3_000_000)) TO '{bombs[name]}' ({options})"
            )
            connection.execute(query)
    room = room_of(book_file)
    room.shelf.limits = Limits(size=1_000_000, unpacked=5_000_000)
    with serving(room) as asker:
        for name, path in bombs.items():
            body = path.read_bytes()
            assert len(body) < 1_000_000, name
            reply = asker(f"/api/v1/{kind}?name=a.csv", "POST", body)
            assert reply.status == (415 if name == "zstd" else 413), (name, reply.body)


@given(st.text(max_size=200))
def test_a_name_is_never_a_path(name: str) -> None:
    refused = None
    try:
        shown = shown_name(name)
    except RefusedError as error:
        refused, shown = error.status, ""
    assert refused in (None, 415)
    assert not set(shown) & {"/", "\\"}
    assert shown.isprintable()


BARE = """\
account,instrument,side,quantity,entry_price,margin_mode,leverage,collateral
ann,BTCUSDT,long,2.5,92000,isolated,10,23000
cem,ETHUSDT,long,300,2900,isolated,5,174000
"""


def test_what_a_file_leaves_out_is_added_as_on_the_command_line(
    ask: Asker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ask("/api/v1/books?name=bare.csv", "POST", BARE.encode())
    assert refused.status == 422
    filling = "venue=bybit&price=BTC=86600&price=ETH=2830&at=2025-11-21T03:20:00Z"
    sent = ask(f"/api/v1/books?name=bare.csv&{filling}", "POST", BARE.encode())
    assert sent.status == 201, sent.body
    together = filling.replace("&price=ETH", ",ETH")
    same = ask(f"/api/v1/books?name=bare.csv&{together}", "POST", BARE.encode())
    assert same.json()["digest"] == sent.json()["digest"]
    (tmp_path / "bare.csv").write_text(BARE)
    monkeypatch.chdir(tmp_path)
    options = ["--venue", "bybit", "--price", "BTC=86600", "--price", "ETH=2830"]
    time = ["--at", "2025-11-21T03:20:00Z", "--format", "json"]
    capsys.readouterr()
    assert cli.run(["check", "bare.csv", *options, *time]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ask(f"/api/v1/check?book={sent.json()['book']}").json() == told


def test_faulty_rows_are_set_aside_only_where_that_is_asked(ask: Asker) -> None:
    faulty = BOOK.replace("2.5,92000", "2.5,minus").encode()
    assert ask("/api/v1/books?name=mine.csv", "POST", faulty).status == 422
    sent = ask("/api/v1/books?name=mine.csv&lenient=true", "POST", faulty)
    assert sent.status == 201, sent.body
    about = sent.json()
    assert (about["positions"], about["set_aside"]) == (4, 1)
    (aside,) = ask(f"/api/v1/check?book={about['book']}").json()["inputs"]["set_aside"]
    assert "minus" in aside
    assert "mine.csv" in aside
    assert "seawall-room" not in aside
    assert "/tmp" not in aside


@pytest.mark.parametrize(
    ("filling", "named"),
    [
        ("price=BTC", "price"),
        ("price=BTC=-1", "price"),
        ("price=BTC=nan", "price"),
        ("venue=nowhere", "venue"),
        ("at=yesterday", "time"),
        ("lenient=perhaps", "lenient"),
        ("prices=BTC=1", "prices"),
    ],
)
def test_a_filling_that_is_none_is_refused_by_its_name(
    ask: Asker, filling: str, named: str
) -> None:
    reply = ask(f"/api/v1/books?name=mine.csv&{filling}", "POST", BOOK.encode())
    assert reply.status == 422, reply.body
    assert named in json.dumps(reply.json()["mistakes"]).lower()
