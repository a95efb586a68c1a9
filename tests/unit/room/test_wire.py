"""Frames written once are frames; kept answers are given only while and to whom they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from room_server import BOOK, serving
from seawall.app.serve_command import room_of
from seawall.room.security import Door
from seawall.room.wire import framed

websockets = pytest.importorskip("websockets", reason="seawall[room] is not installed")


@given(
    st.one_of(st.text(max_size=300), st.sampled_from(["x" * n for n in (125, 126, 65_535, 65_536)]))
)
def test_a_frame_is_what_the_standard_says(text: str) -> None:
    from websockets.frames import Frame, Opcode

    payload = text.encode()
    assert framed(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_a_kept_answer_is_not_given_without_the_token(book_file: Path) -> None:
    token = "a-token-of-some-length"
    with serving(room_of(book_file), Door("127.0.0.1", token=token)) as ask:
        key = {"authorization": f"Bearer {token}"}
        for _ in range(2):
            assert ask("/api/v1/check", headers=key).status == 200
        assert ask("/api/v1/check").status == 401
        assert ask("/api/v1/check", headers=key | {"host": "evil.example"}).status == 400


def test_kept_answers_carry_the_same_headers(book_file: Path) -> None:
    with serving(room_of(book_file)) as ask:
        packed = {"accept-encoding": "gzip"}
        first, again = (ask("/api/v1/check", headers=packed) for _ in range(2))
        assert first.body == again.body
        same = {k: v for k, v in first.headers.items() if k != "date"}
        assert {k: v for k, v in again.headers.items() if k != "date"} == same
        assert "content-security-policy" in same
        tagged = ask("/api/v1/check", headers={"if-none-match": first.headers["etag"]})
        assert (tagged.status, tagged.body) == (304, b"")


def test_a_forgotten_book_answers_no_more(book_file: Path) -> None:
    with serving(room_of(book_file)) as ask:
        key = ask("/api/v1/books?name=mine.csv", "POST", BOOK.encode()).json()["book"]
        for _ in range(3):
            assert ask(f"/api/v1/check?book={key}").status == 200
        assert key in ask("/api/v1/books").body.decode()
        assert ask(f"/api/v1/books/{key}", "DELETE").status == 204
        assert ask(f"/api/v1/check?book={key}").status == 404
        assert key not in ask("/api/v1/books").body.decode()


def test_one_address_answers_in_each_form_that_is_accepted(book_file: Path) -> None:
    pytest.importorskip("pyarrow", reason="seawall[frames] is not installed")
    from pyarrow import ipc

    arrow = "application/vnd.apache.arrow.stream"
    with serving(room_of(book_file)) as ask:
        for _ in range(2):
            whole = ask("/api/v1/check", headers={"accept": "application/json"})
            rows = len(whole.json()["positions"])
            stream = ask("/api/v1/check", headers={"accept": arrow})
            assert stream.headers["content-type"] == arrow
            table = ipc.open_stream(stream.body).read_all()
            assert table.num_rows == rows
            assert table.schema.metadata[b"schema"] == b"seawall.check/1"
            csv = ask("/api/v1/check?format=csv")
            assert len(csv.body.decode().splitlines()) == rows + 1
        assert ask("/api/v1/check?format=xml").status == 422
        assert ask("/api/v1/check?table=accounts").status == 422


def test_a_large_answer_is_kept_on_the_disk_and_sent_in_pieces(
    book_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seawall.room import answers

    with serving(room_of(book_file)) as ask:
        small = ask("/api/v1/check").json()
    monkeypatch.setattr(answers, "_IN_MEMORY", 500)
    monkeypatch.setattr(answers, "_PIECE", 100)
    with serving(room_of(book_file)) as ask:
        for _ in range(2):
            large = ask("/api/v1/check")
            assert large.json() == small
            assert int(large.headers["content-length"]) == len(large.body)
