"""The client against a real server: the commands' numbers, jobs, uploads, refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from made_tapes import made_tape
from room_server import BOOK, Asker, serving
from seawall.app import cli
from seawall.app.client import Client, CutShortError, RefusalError
from seawall.app.serve_command import room_of
from seawall.core import InputError
from seawall.ingest.store.writer import StoreWriter
from seawall.room.security import Door

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "book.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture(scope="module")
def server(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    store = tmp_path_factory.mktemp("store") / "tape"
    with StoreWriter(store) as writer:
        writer.append(made_tape(300))
    with serving(room_of(book, store), Door("127.0.0.1", token=TOKEN)) as asker:
        yield asker


@pytest.fixture
def client(server: Asker) -> Client:
    return Client(f"http://127.0.0.1:{server.port}", TOKEN)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert cli.run([*arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_numbers_of_the_command(client: Client, book: Path, capsys: Any) -> None:
    asked = {"shock": ["BTC=-10%", "ETH=-12%"], "draws": 4, "partial": True}
    expected = printed(
        capsys, "stress", str(book), "--shock", "BTC=-10%", "--shock", "ETH=-12%", "--draws", "4",
        "--partial",
    )  # fmt: skip
    assert client.ask("stress", **asked) == expected
    # the second time the room says that nothing changed
    assert client.ask("stress", **asked) == expected
    steps: list[str] = []
    assert client.wait(client.begin("stress", **asked), steps.append) == expected
    assert client.ask("tape stats")["events"] > 0


def test_a_book_is_sent_and_asked(client: Client, tmp_path: Path, capsys: Any) -> None:
    mine = tmp_path / "my positions.csv"
    mine.write_text(BOOK.replace("ann", "zoe"))
    key = client.send_book(mine)
    found = client.ask("check", book=key)
    assert found["positions"] == printed(capsys, "check", str(mine))["positions"]
    assert "zoe" in {p["account"] for p in found["positions"]}


def test_a_table_comes_as_arrow(client: Client) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="seawall[frames] is not installed")
    whole = client.ask("check")
    table = client.table("check")
    assert isinstance(table, pyarrow.Table)
    assert table.num_rows == len(whole["positions"])
    by_row = {p["row"]: p["liquidation_price"] for p in whole["positions"]}
    got = dict(zip(table["row"].to_pylist(), table["liquidation_price"].to_pylist(), strict=True))
    assert got == pytest.approx(by_row)
    accounts = client.table("check", table="accounts")
    assert accounts.num_rows == len(whole["accounts"])
    assert accounts.schema.field("equity").type == pyarrow.float64()
    with pytest.raises(RefusalError, match="no such table"):
        client.table("check", table="nothing")


def test_events_are_exported(client: Client, tmp_path: Path) -> None:
    size = client.export(tmp_path / "tape.csv")
    lines = (tmp_path / "tape.csv").read_text().splitlines()
    assert size == (tmp_path / "tape.csv").stat().st_size
    assert len(lines) == 301


class _Cut(BaseHTTPRequestHandler):
    """Promises more than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 400)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_an_export_that_is_cut_short_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "tape.csv").write_text("as it was")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Cut) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        client = Client(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(CutShortError, match="cut short: 600 bytes"):
            client.export(tmp_path / "tape.csv")
        server.shutdown()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("tape.csv", "as it was")]


def test_a_refusal_brings_all_mistakes(client: Client, server: Asker) -> None:
    with pytest.raises(RefusalError, match=r"BTC=-10") as refused:
        client.ask("stress", shock=["BTC=-10"])
    assert refused.value.status == 422
    assert "-10%" in refused.value.mistakes[0].allowed
    with pytest.raises(InputError, match="no such command"):
        client.ask("strass")
    with pytest.raises(RefusalError, match="no such scenario"):
        client.ask("simulate", scenario="/etc/passwd")
    with pytest.raises(RefusalError, match="token") as kept_out:
        Client(f"http://127.0.0.1:{server.port}", "another-token-entirely").commands()
    assert kept_out.value.status == 401
    entered = Client(f"http://127.0.0.1:{server.port}/enter", TOKEN)
    assert {c["command"] for c in entered.commands()} >= {"check", "map", "stress"}


def test_a_job_is_cancelled(client: Client) -> None:
    key = client.begin("simulate", scenario="price-jump", runs=100)
    client.cancel(key)
    with pytest.raises(RefusalError, match="cancelled"):
        client.wait(key, seconds=60.0)


@pytest.mark.parametrize("address", ["", "127.0.0.1:1", "ftp://x", "file:///etc/passwd"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(InputError, match="not an address"):
        Client(address)
