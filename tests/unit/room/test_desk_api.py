"""The desk over the wire: the numbers of the command line, limits, files and accounts."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from tests.unit.desk.desk_books import made_candles, written
from typer.main import get_command

from room_server import BOOK, Asker, serving
from seawall.app import cli, room_desk_asks
from seawall.app.room_desk_offers import desk_offers
from seawall.app.serve_command import room_of
from seawall.report import numbers
from seawall.report.model import Unit
from seawall.report.schema import schema_of

SMALL = "&paths=500"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book and candles of its assets, one file of them with a gap."""
    made = tmp_path_factory.mktemp("desk")
    (made / "book.csv").write_text(BOOK)
    written(made_candles(("BTC", "ETH"), 800), made / "candles.csv")
    written(made_candles(("BTC", "ETH"), 800), made / "gap.csv", [("ETH", 400)])
    return made


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[Asker]:
    with serving(room_of(folder / "book.csv")) as asker:
        asker.until("/api/v1/books", lambda b: b[0]["ready"])
        yield asker


def sent(desk: Asker, kind: str, path: Path) -> str:
    """Send a file; the key that it goes by."""
    reply = desk(f"/api/v1/{kind}?name={path.name}", "POST", path.read_bytes())
    assert reply.status == 201, reply.body
    return str(reply.json()[{"books": "book", "candles": "candles"}[kind]])


@pytest.fixture(scope="module")
def keys(desk: Asker, folder: Path) -> dict[str, str]:
    return {
        "BOOK": sent(desk, "books", folder / "book.csv"),
        "CANDLES": sent(desk, "candles", folder / "candles.csv"),
        "GAP": sent(desk, "candles", folder / "gap.csv"),
    }


def asked(desk: Asker, keys: dict[str, str], query: str) -> Any:
    for word, key in keys.items():
        query = query.replace(word, key)
    return desk(f"/api/v1/{query}")


def printed(capsys: pytest.CaptureFixture[str], folder: Path, line: str) -> Any:
    """What a command prints as JSON, run where its files are."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.run([*line.split(), "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("query", "line"),
    [
        (
            "check?book=BOOK&candles=CANDLES&paths=500&seed=3&call_ratio=0.7&funding=BTC=0.01%25",
            "check book.csv --candles candles.csv --paths 500 --seed 3 --call-ratio 0.7 "
            "--funding BTC=0.01%",
        ),
        (
            "size?book=BOOK&candles=CANDLES&row=1&paths=500&horizon=1d&budget=15%25&edge=20%25",
            "size book.csv --candles candles.csv --row 1 --paths 500 --horizon 1d --budget 15% "
            "--edge 20%",
        ),
        (
            "size?instrument=BTCUSDT&equity=10k&candles=CANDLES&paths=500&horizon=1d&side=short",
            "size --instrument BTCUSDT --equity 10k --candles candles.csv --paths 500 "
            "--horizon 1d --side short",
        ),
        (
            "stop?book=BOOK&candles=CANDLES&row=4&paths=500&sigmas=1.5&depth=ETH=90M",
            "stop book.csv --candles candles.csv --row 4 --paths 500 --sigmas 1.5 --depth ETH=90M",
        ),
        (
            "rescue?book=BOOK&target_ratio=0.1&survive=8%25&cash=5k",
            "rescue book.csv --target-ratio 0.1 --survive 8% --cash 5k",
        ),
    ],
    ids=["check", "size", "size of a new one", "stop", "rescue"],
)
def test_the_desk_has_the_numbers_of_the_command_line(
    desk: Asker,
    keys: dict[str, str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    query: str,
    line: str,
) -> None:
    reply = asked(desk, keys, query)
    assert reply.status == 200, reply.body
    expected = printed(capsys, folder, line)
    assert reply.json() == expected
    jsonschema.validate(reply.json(), schema_of(expected["schema"]))


def test_the_allocation_has_the_numbers_of_the_command_line(
    desk: Asker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from made_candles import made_sheet, write_candles

    path = write_candles(made_sheet(), tmp_path / "coins.csv")
    key = sent(desk, "candles", path)
    query = f"allocate?candles={key}&days=100&paths=200&method=hrp&least=ETH=10%25"
    reply = desk(f"/api/v1/{query}")
    assert reply.status == 200, reply.body
    line = "allocate coins.csv --days 100 --paths 200 --method hrp --least ETH=10%"
    assert reply.json() == printed(capsys, tmp_path, line)


def options_of(name: str) -> dict[str, Any]:
    """Defaults of a command by the names of its options."""
    group = get_command(cli.app)
    assert isinstance(group, typer.core.TyperGroup)
    found = {}
    for parameter in group.commands[name].params:
        long = [o for o in parameter.opts if o.startswith("--")]
        known = long[0][2:].replace("-", "_") if long else str(parameter.name)
        found[known] = parameter.default
    return found


READ_WITH_THE_BOOK = {"at", "price", "lenient", "format", "report", "help"}
OF_A_BOOK = {"venue"}


@pytest.mark.parametrize("offer", desk_offers(), ids=lambda o: o.name)
def test_what_may_be_asked_and_its_defaults_are_the_commands(offer: Any) -> None:
    fields, options = offer.ask.model_fields, options_of(offer.name)
    known = set(options) - READ_WITH_THE_BOOK - (set() if "venue" in fields else OF_A_BOOK)
    if offer.name == "rescue":
        known -= {"store"}  # a file's marks and depth; a book on the shelf has its marks
    assert set(fields) == known
    for name, field in fields.items():
        if name in ("book", "candles", "store"):
            continue
        default = None if field.default in ([], False) else field.default
        assert default == (options[name] or None), name


def test_an_answer_in_words_holds_the_same_values(desk: Asker, keys: dict[str, str]) -> None:
    query = "check?book=BOOK&candles=CANDLES" + SMALL
    words, plain = asked(desk, keys, f"shown/{query}").json(), asked(desk, keys, query).json()
    jsonschema.validate(words, schema_of("shown/1"))
    assert words["of"] == plain["schema"]
    assert words["answer"] == plain["answer"]
    table = next(t for t in words["tables"] if t["key"] == "positions")
    row, at = ([c["key"] for c in table["columns"]].index(k) for k in ("row", "liquidation_price"))
    told = {p["row"]: p["liquidation_price"] for p in plain["positions"]}
    assert len(table["rows"]) == len(told) == 5
    for cells in table["rows"]:
        price = told[int(cells[row][-1])]
        assert cells[at][0] == numbers.text(price, Unit.PRICE)
        assert price is None or float(cells[at][-1].replace(",", "")) == price
    modelled = [h for h in words["headlines"] if h["kind"] == "modelled"]
    assert modelled
    assert all(h["interval"].startswith("5–95%") for h in modelled)


def test_mistakes_name_their_fields(desk: Asker, keys: dict[str, str]) -> None:
    for query, where, what in (
        ("size?book=BOOK&candles=CANDLES&row=1&probability=200", "--probability", "cannot be read"),
        ("size?book=BOOK&candles=CANDLES&row=1&horizon=400d", "--horizon", "too far ahead"),
        ("size?book=BOOK&candles=CANDLES&row=1&probability=0.01%25", "--probability", "too rare"),
        ("size?book=BOOK&candles=CANDLES&row=99", "--row", "no such row"),
        ("size?book=BOOK&row=1", "--candles", "one source of prices is needed"),
        ("stop?book=BOOK&candles=CANDLES&row=1&sigmas=-1", "--sigmas", "out of range"),
        ("rescue?book=BOOK&cash=much", "--cash", "cannot be read"),
        ("allocate?candles=CANDLES&stable=5", "--stable", "not two shares"),
        ("check?book=BOOK&seed=1", "--seed", "nothing to use it for"),
        ("size?book=BOOK&candles=CANDLES&row=1&paths=20001", "query", "not accepted"),
    ):
        reply = asked(desk, keys, query)
        assert reply.status == 422, (query, reply.body)
        first = reply.json()["mistakes"][0]
        assert (first["where"], first["what"]) == (where, what)


def test_too_much_work_is_refused_before_it_begins(desk: Asker, keys: dict[str, str]) -> None:
    query = "size?book=BOOK&candles=CANDLES&row=1&horizon=90d&paths=20000"
    (mistake,) = asked(desk, keys, query).json()["mistakes"]
    assert (mistake["where"], mistake["what"]) == ("--paths", "too many")
    most = int(re.sub(r"\D", "", mistake["allowed"]))
    assert most * 90 * 24 <= 40_000_000


def test_where_a_file_is_kept_is_never_told(desk: Asker, keys: dict[str, str]) -> None:
    gap = asked(desk, keys, "check?book=BOOK&candles=GAP" + SMALL)
    assert gap.status == 422
    assert gap.json()["mistakes"][0]["where"] == "gap.csv"
    for query in (
        "check?book=BOOK&candles=GAP",
        "check?book=BOOK&candles=CANDLES" + SMALL,
        "shown/check?book=BOOK&candles=CANDLES" + SMALL,
        "stop?book=BOOK&candles=GAP&row=1",
        "allocate?candles=GAP",
        "candles",
    ):
        body = asked(desk, keys, query).body
        assert b"seawall-room-" not in body, query
        assert b"/tmp" not in body, query


def test_candles_come_and_go(desk: Asker, folder: Path) -> None:
    key = sent(desk, "candles", folder / "candles.csv")
    mine = next(c for c in desk("/api/v1/candles").json() if c["candles"] == key)
    assert (mine["name"], mine["assets"], mine["step_seconds"]) == (
        "candles.csv", ["BTC", "ETH"], 3600.0,
    )  # fmt: skip
    assert desk(f"/api/v1/candles/{key}", "DELETE").status == 204
    assert desk(f"/api/v1/candles/{key}", "DELETE").status == 404
    assert desk(f"/api/v1/check?candles={key}").status == 404


def test_what_is_forgotten_is_forgotten_in_words_too(desk: Asker, folder: Path) -> None:
    key = sent(desk, "books", folder / "book.csv")
    for form in ("check", "shown/check"):
        assert desk(f"/api/v1/{form}?book={key}").status == 200
    assert desk(f"/api/v1/books/{key}", "DELETE").status == 204
    for form in ("check", "shown/check"):
        assert desk(f"/api/v1/{form}?book={key}").status == 404


def test_charts_in_words_keep_to_their_schema(desk: Asker, keys: dict[str, str]) -> None:
    query = "shown/stop?book=BOOK&candles=CANDLES&row=1"
    words = asked(desk, keys, query + SMALL).json()
    jsonschema.validate(words, schema_of("shown/1"))
    assert words["charts"][0]["series"]


def test_what_is_no_file_of_candles_is_refused(desk: Asker) -> None:
    for name, body, status in (
        ("candles.csv", b"time,asset,open\n1,BTC,2\n", 422),
        ("candles.csv", b"\x00\xff" * 50, 422),
        ("candles.csv.gz", b"\x1f\x8b" + b"\x00" * 40, 422),
        ("../../candles.csv", b"time,asset,open\n", 422),
        ("candles.sh", b"x", 415),
    ):
        reply = desk(f"/api/v1/candles?name={name}", "POST", body)
        assert reply.status == status, (name, reply.body)
        assert b"seawall-room-" not in reply.body


def test_only_the_last_files_of_candles_are_kept(folder: Path) -> None:
    with serving(room_of(folder / "book.csv")) as desk:
        made = [sent(desk, "candles", folder / "candles.csv") for _ in range(6)]
        assert [c["candles"] for c in desk("/api/v1/candles").json()] == made[2:]


def test_a_room_without_a_book_opens_with_an_example() -> None:
    with serving(room_of(accounts=5_000)) as desk:
        books = {b["book"]: b for b in desk("/api/v1/books").json()}
        assert "synthetic" in books["example"]["name"]
        assert books["example"]["positions"] == 5
        assert desk("/api/v1/books/example", "DELETE").status == 404
        (candles,) = desk("/api/v1/candles").json()
        assert candles["candles"] == "example"
        assert set(books["example"]["assets"]) <= set(candles["assets"])
        reply = desk("/api/v1/stop?book=example&candles=example&row=1&paths=500")
        assert reply.status == 200, reply.body
        assert desk("/api/v1/candles/example", "DELETE").status == 404


def test_ones_own_account_becomes_a_book_and_its_key_goes_nowhere(
    desk: Asker,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")
    from made_venues import RestVenue
    from made_venues.accounts import binance_account

    caplog.set_level(logging.DEBUG)
    bodies = []
    with RestVenue(binance_account()) as made:
        for part, value in (("URL", made.url), ("KEY", "key-of-mine"), ("SECRET", "word-of-mine")):
            monkeypatch.setenv(f"SEAWALL_BINANCE_{part}", value)
        first = desk("/api/v1/account/binance", "POST")
        assert first.status == 201, first.body
        key = first.json()["book"]
        bodies += [first.body, desk(f"/api/v1/check?book={key}").body]
        assert json.loads(bodies[1])["schema"] == "seawall.check/1"
        made.answers |= binance_account(enableFutures=True)
        may_trade = desk("/api/v1/account/binance", "POST")
        assert may_trade.status == 422
        made.answers.clear()
        broken = desk("/api/v1/account/binance", "POST")
        assert broken.status == 502
        bodies += [may_trade.body, broken.body, desk("/api/v1/books").body]
    said = capfd.readouterr()
    for text in (*bodies, said.out.encode(), said.err.encode(), caplog.text.encode()):
        assert b"of-mine" not in text


def test_an_account_without_a_key_or_of_another_site_is_refused(
    desk: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("KEY", "SECRET"):
        monkeypatch.delenv(f"SEAWALL_BYBIT_{part}", raising=False)
    assert {"binance", "bybit", "okx"} <= set(desk("/api/v1/account").json())
    reply = desk("/api/v1/account/bybit", "POST")
    assert reply.status == 422
    assert "SEAWALL_BYBIT_KEY" in reply.json()["title"]
    assert desk("/api/v1/account/nowhere", "POST").status == 422
    foreign = desk("/api/v1/account/bybit", "POST", headers={"origin": "http://elsewhere.test"})
    assert foreign.status == 403
    assert desk("/api/v1/account/bybit").status == 405


def test_every_question_has_a_schema_with_defaults(desk: Asker) -> None:
    for offer in desk_offers():
        told = desk(f"/api/v1/shown/asks/{offer.name}").json()
        jsonschema.Draft202012Validator.check_schema(told)
        assert all("default" in p for n, p in told["properties"].items() if n != "candles")
    assert desk("/api/v1/shown/asks/nothing").status == 404
    assert room_desk_asks.MOST_PATHS == 20_000
