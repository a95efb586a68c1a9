"""The tools that assistants call, through the protocol's own client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="seawall[mcp] is not installed")
pytest.importorskip("fastapi", reason="seawall[mcp] is not installed")

from mcp import Client, StdioServerParameters

import seawall
from made_tapes import made_tape
from room_server import BOOK
from seawall.app import cli
from seawall.ingest.store.writer import StoreWriter


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mcp") / "book.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mcp") / "tape"
    with StoreWriter(folder) as writer:
        writer.append(made_tape(400))
    return folder


@pytest.fixture
def told(book: Path, store: Path) -> Iterator[Callable[..., Any]]:
    """What an assistant is told when it does something with a client in this process."""
    from seawall.app.mcp_server import server_of
    from seawall.app.serve_command import room_of
    from seawall.room.offers import Place

    room = room_of(book, store)

    def run(act: Callable[[Any], Awaitable[Any]], tape: bool = True) -> Any:
        async def go() -> Any:
            place = Place(room.shelf, room.store if tape else None)
            async with Client(server_of(room.offers, place)) as client:
                return await act(client)

        return asyncio.run(go())

    return run


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert cli.run([*arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_only_reading_is_offered(told: Any) -> None:
    tools = told(lambda c: c.list_tools()).tools
    assert {t.name for t in tools} == {"check", "map", "stress", "tape_stats"}
    assert all(t.annotations.read_only_hint and not t.annotations.destructive_hint for t in tools)
    # no argument leads to a file: an assistant asks of what the server was started with
    names = {name for t in tools for name in t.input_schema["properties"]}
    assert not names & {"book", "candles", "market", "path", "file", "folder"}
    assert {t.name for t in told(lambda c: c.list_tools(), tape=False).tools} == {
        "check", "map", "stress",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "arguments", "command"),
    [
        ("check", {"target_ratio": 0.4}, ["check", "BOOK", "--target-ratio", "0.4"]),
        (
            "map",
            {"asset": ["ETH"], "span": "20%"},
            ["map", "BOOK", "--asset", "ETH", "--span", "20%"],
        ),
        (
            "stress",
            {"shock": ["BTC=-10%"], "draws": 4},
            ["stress", "BOOK", "--shock", "BTC=-10%", "--draws", "4"],
        ),
        ("tape_stats", {"window": "6h"}, ["tape", "stats", "--store", "STORE", "--window", "6h"]),
    ],
)  # fmt: skip
def test_the_numbers_of_the_command(
    told: Any,
    book: Path,
    store: Path,
    capsys: pytest.CaptureFixture[str],
    tool: str,
    arguments: dict[str, Any],
    command: list[str],
) -> None:
    made = told(lambda c: c.call_tool(tool, {**arguments, "rows": 500}))
    assert not made.is_error, made.content
    places = {"BOOK": str(book), "STORE": str(store)}
    expected = printed(capsys, *(places.get(a, a) for a in command))
    found = made.structured_content
    assert found["schema"] == expected["schema"]
    same = [k for k in expected if k not in ("answer", "assumptions", "warnings")]
    left_out = {where.partition(".")[0].partition("[")[0] for where in found["left_out"]}
    assert len(set(same) - left_out) > 3
    for key in same:
        if key not in left_out:
            assert found[key] == expected[key], key
    assert found["answer"] == expected["answer"]


def test_long_lists_are_cut_and_say_so(told: Any) -> None:
    whole = told(lambda c: c.call_tool("check", {"rows": 500})).structured_content
    few = told(lambda c: c.call_tool("check", {"rows": 2})).structured_content
    assert len(whole["positions"]) == 5
    assert few["positions"] == whole["positions"][:2]
    assert few["left_out"]["positions"] == 3
    bins = told(lambda c: c.call_tool("map", {"rows": 2})).structured_content
    assert any(count > 100 for count in bins["left_out"].values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shock": ["BTC=-10"]}, ["BTC=-10", "allowed", "-10%"]),
        ({"shock": ["NOPE=-10%"]}, ["NOPE", "BTC"]),
        ({}, ["shock"]),
        ({"shock": ["BTC=-5%"], "draws": 10**6}, ["draws"]),
        ({"shock": ["BTC=-5%"], "rows": 10**6}, ["rows", "less than or equal to 500"]),
        ({"shock": ["BTC=-5%"], "book": "/etc/passwd"}, ["no such argument", "book", "depth"]),
        ({"shock": ["BTC=-5%"], "depht": ["BTC=1"]}, ["no such argument", "depht", "depth"]),
    ],
)
def test_a_refusal_says_how_to_mend(told: Any, arguments: dict[str, Any], words: list[str]) -> None:
    made = told(lambda c: c.call_tool("stress", arguments))
    assert made.is_error
    text = made.content[0].text
    for word in words:
        assert word in text
    assert "Traceback" not in text
    assert "http" not in text


def test_over_standard_input_and_output(book: Path) -> None:
    src = str(Path(seawall.__file__).parents[1])
    started = StdioServerParameters(
        command=sys.executable,
        args=["-c", "from seawall.app.cli import main; main()", "mcp", "--book", str(book)],
        env={**os.environ, "PYTHONPATH": src},
    )

    async def go() -> Any:
        async with Client(started) as client:
            return await client.call_tool("check", {"rows": 1})

    made = asyncio.run(go())
    assert not made.is_error
    assert made.structured_content["schema"] == "seawall.check/1"


def test_a_store_that_is_none_is_refused(tmp_path: Path, capsys: Any) -> None:
    assert cli.run(["mcp", "--store", str(tmp_path / "nothing")]) == 1
    assert "nothing" in capsys.readouterr().err
