"""Who may ask, and what nobody gets."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from room_server import BOOK, PATIENCE, Asker, serving
from seawall.app.serve_command import room_of
from seawall.core import InputError
from seawall.room import patience
from seawall.room.books import Limits
from seawall.room.patience import Patient
from seawall.room.security import Door, door_for

TOKEN = "a-token-that-is-long-enough"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(InputError, match="token"):
        door_for(host, 80, None)
    assert door_for(host, 80, TOKEN).token == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_this_machine_needs_none(host: str) -> None:
    assert door_for(host, 80, None).admits(None)


def test_a_short_token_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        door_for("127.0.0.1", 80, "hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "10.0.0.1", "127.0.0.1.evil.example", "", "a@b"]
)
def test_a_foreign_name_is_refused(ask: Asker, host: str) -> None:
    assert ask("/api/v1", host=host or " ").status == 400


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_names_of_this_machine_are_known(name: str) -> None:
    assert Door("127.0.0.1", 80).knows(f"{name}:8351")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_other_sites_change_nothing(ask: Asker, headers: dict[str, str], method: str) -> None:
    reply = ask("/api/v1/books?name=a.csv", method, BOOK.encode(), headers)
    assert reply.status == 403
    assert len(ask("/api/v1/books").json()) == 1


def test_our_own_page_may_change_things(ask: Asker) -> None:
    origin = {"origin": f"http://127.0.0.1:{ask.port}", "sec-fetch-site": "same-origin"}
    sent = ask("/api/v1/books?name=a.csv", "POST", BOOK.encode(), origin)
    assert sent.status == 201
    ask(f"/api/v1/books/{sent.json()['book']}", "DELETE")


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/static/icon.svg", "/nothing", "/api/v1/check?x=1"]
)
def test_every_answer_closes_the_browser(ask: Asker, path: str) -> None:
    headers = ask(path, headers={"origin": "https://evil.example"}).headers
    policy = dict(p.partition(" ")[::2] for p in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert not [h for h in headers if h.startswith("access-control")]
    assert "server" not in headers


def test_the_page_has_no_inline_script_and_asks_nobody_else(ask: Asker) -> None:
    page = ask("/").body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|javascript:|<style|\sstyle=", page)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/%2e%2e/app/cli.py",
        "/static/index.html",
        "/static//etc/passwd",
        "/static/..\\server.py",
    ],
)
def test_no_file_but_the_page_is_served(ask: Asker, path: str) -> None:
    assert ask(path).status == 404


@pytest.mark.parametrize("scenario", ["/etc/passwd", "../x.toml", "a.toml", "file:///etc/passwd"])
def test_no_scenario_is_a_path(ask: Asker, scenario: str) -> None:
    asked = ask("/api/v1/jobs/simulate", "POST", {"scenario": scenario})
    found = ask.until(asked.headers["location"], lambda j: j["state"] == "failed")
    assert "no such scenario" in found["problem"]["title"]


@pytest.fixture(scope="module")
def closed(book_file: Path) -> Iterator[Asker]:
    with serving(room_of(book_file), Door("127.0.0.1", 0, TOKEN)) as asker:
        yield asker


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/api/v1/openapi.json", "/map", "/static/room.js"]
)
@pytest.mark.parametrize("offered", [None, "Bearer wrong", "Basic " + TOKEN, "Bearer "])
def test_without_the_token_nothing_is_told(closed: Asker, path: str, offered: str | None) -> None:
    reply = closed(path, headers={} if offered is None else {"authorization": offered})
    assert reply.status == 401
    assert TOKEN.encode() not in reply.body


def test_the_token_opens_by_header_or_by_cookie(closed: Asker) -> None:
    assert closed("/api/v1", headers={"authorization": f"Bearer {TOKEN}"}).status == 200
    entered = closed("/enter", "POST", f"token={TOKEN}".encode())
    cookie = entered.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "secure" not in cookie.lower()
    assert entered.status == 303
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert closed("/api/v1", headers={"cookie": cookie.partition(";")[0]}).status == 200
    wrong = closed("/enter", "POST", b"token=wrong")
    assert (wrong.status, "set-cookie" in wrong.headers) == (303, False)
    assert closed(wrong.headers["location"].partition("#")[0]).status == 200
    assert closed("/enter", "POST", b"token=" + b"x" * 10_000).status == 413
    proxied = {"x-forwarded-proto": "https", "sec-fetch-site": "same-origin",
               "origin": "https://room.example.com"}  # fmt: skip
    again = closed("/enter", "POST", f"token={TOKEN}".encode(), proxied)
    assert "secure" in again.headers["set-cookie"].lower()


def test_a_token_is_never_in_the_address_and_a_session_ends_with_its_server(
    book_file: Path,
) -> None:
    door = door_for("0.0.0.0", 8351, TOKEN, ("Room.Example.com",))
    assert door.address == "http://127.0.0.1:8351/enter"
    assert TOKEN not in door.address
    assert door.knows("room.example.com")
    assert door.knows(f"{socket.gethostname().lower()}:8351")
    assert not door.knows("evil.example.com")
    assert not door.admits(None, door_for("0.0.0.0", 8351, TOKEN).session)
    assert door.admits(None, door.session)
    with pytest.raises(InputError, match="token"):
        door_for("127.0.0.1", 0, None, ("room.example.com",))
    with pytest.raises(InputError, match="not a name"):
        door_for("127.0.0.1", 0, TOKEN, ("https://room.example.com",))
    with serving(room_of(book_file), replace(door, host="127.0.0.1", port=0)) as asker:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert asker("/api/v1", headers=bearer, host="room.example.com").status == 200
        assert asker("/api/v1", headers=bearer, host="evil.example.com").status == 400


def test_those_who_only_connect_shut_nobody_out(
    book_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patient, "most", 60)
    with serving(room_of(book_file)) as asker:
        with ExitStack() as held:
            idle = [
                held.enter_context(socket.create_connection(("127.0.0.1", asker.port), PATIENCE))
                for _ in range(150)
            ]
            for channel in idle[100:]:
                channel.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
            for _ in range(20):
                assert asker("/api/v1").status == 200
            # those that kept their request back the longest have gone
            assert sum(_closed(channel) for channel in idle) >= 90
        assert asker("/api/v1").status == 200


def test_a_head_that_does_not_end_is_not_read_for_ever(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_WITHIN", 0.3)
    for first in (b"", b"GET / HTTP/1.1\r\nhost: a\r\n"):
        with socket.create_connection(("127.0.0.1", ask.port), timeout=PATIENCE) as channel:
            channel.sendall(first)
            assert _closed(channel, PATIENCE / 4)
    monkeypatch.undo()
    with socket.create_connection(("127.0.0.1", ask.port), timeout=PATIENCE) as channel:
        with suppress(OSError):
            channel.sendall(b"GET / HTTP/1.1\r\n")
            for k in range(200):
                channel.sendall(b"x-%d: " % k + b"y" * 1_000 + b"\r\n")
        assert _closed(channel, PATIENCE / 4)


def _closed(channel: socket.socket, seconds: float = 0.0) -> bool:
    channel.settimeout(seconds or 0.05)
    try:
        return channel.recv(1_000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_uploads_are_limited(book_file: Path) -> None:
    room = room_of(book_file)
    room.shelf.limits = Limits(size=20_000, rows=4, seconds=PATIENCE, kept=2)
    with serving(room) as asker:
        assert asker("/api/v1/books?name=a.csv", "POST", b"x" * 30_000).status == 413
        chunks = {"transfer-encoding": "chunked"}
        body = b"".join(b"%x\r\n%s\r\n" % (5000, b"y" * 5000) for _ in range(8)) + b"0\r\n\r\n"
        assert raw(asker.port, "/api/v1/books?name=a.csv", chunks, body).startswith(b"HTTP/1.1 413")
        assert asker("/api/v1/books?name=a.csv", "POST", BOOK.encode()).status == 413
        few = "\n".join(BOOK.splitlines()[:4]).encode()
        keys = [asker("/api/v1/books?name=a.csv", "POST", few).json()["book"] for _ in range(4)]
        assert [b["book"] for b in asker("/api/v1/books").json()] == ["default", *keys[2:]]
        assert asker("/api/v1/books?name=a.exe", "POST", few).status == 415


def test_an_upload_that_takes_too_long_is_given_up(book_file: Path) -> None:
    room = room_of(book_file)
    room.shelf.limits = Limits(seconds=0.5)
    with serving(room) as asker:
        slow = raw(asker.port, "/api/v1/books?name=a.csv", {"content-length": "900"}, b"account")
        assert slow.startswith(b"HTTP/1.1 408")


def raw(port: int, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The first line of the answer to a request written by hand."""
    told = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as channel:
        channel.sendall(f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{told}\r\n".encode() + body)
        return channel.recv(2000)
