"""The REST API gives what the command line gives, for the same question."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from room_server import BOOK, Asker
from seawall.app import cli
from seawall.report.schema import schema_of


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    assert cli.run([*arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("check?target_ratio=0.4", ["check", "BOOK", "--target-ratio", "0.4"]),
        ("map?asset=btc&span=20%25", ["map", "BOOK", "--asset", "btc", "--span", "20%"]),
        (
            "stress?shock=BTC=-10%25&shock=ETH=-12%25&draws=8&fund=binance=1e6",
            ["stress", "BOOK", "--shock", "BTC=-10%", "--shock", "ETH=-12%", "--draws", "8",
             "--fund", "binance=1e6"],
        ),
        ("explain?row=2&shock=BTC=5%25", ["explain", "BOOK", "--row", "2", "--shock", "BTC=5%"]),
        ("tape/concentration", ["tape", "concentration", "BOOK"]),
    ],
)  # fmt: skip
def test_same_numbers_as_the_command(
    ask: Asker,
    book_file: Path,
    capsys: pytest.CaptureFixture[str],
    query: str,
    arguments: list[str],
) -> None:
    reply = ask(f"/api/v1/{query}")
    assert reply.status == 200, reply.body
    expected = printed(capsys, *[str(book_file) if a == "BOOK" else a for a in arguments])
    assert reply.json() == expected
    jsonschema.validate(reply.json(), schema_of(expected["schema"]))


def test_a_tag_saves_the_body(ask: Asker) -> None:
    first = ask("/api/v1/check")
    again = ask("/api/v1/check", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    other = ask("/api/v1/check?target_ratio=0.3", headers={"if-none-match": first.headers["etag"]})
    assert other.status == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_packed_where_it_is_understood(ask: Asker) -> None:
    plain = ask("/api/v1/check")
    packed = ask("/api/v1/check", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert packed.json() == plain.json()
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("check?nonsense=1", 422, ["no such key", "nonsense"]),
        ("check?target_ratio=7", 422, ["margin ratio out of range", "at most 1"]),
        ("stress?shock=BTC=-10", 422, ["shock", "-10%"]),
        ("stress", 422, ["missing", "shock"]),
        ("stress?shock=BTC=-5%25&draws=100000", 422, ["draws", "1000"]),
        ("explain?row=99", 422, ["row"]),
        ("map?asset=NOPE", 422, ["NOPE", "BTC"]),
        ("check?book=nobody", 404, ["no such book"]),
        ("check?book=../../../etc/passwd", 404, ["no such book"]),
        ("tape/stats", 404, ["no store"]),
        ("nothing/here", 404, ["nothing here"]),
    ],
)
def test_a_refusal_says_what_where_and_how_to_mend(
    ask: Asker, path: str, status: int, words: list[str]
) -> None:
    reply = ask(f"/api/v1/{path}")
    assert reply.status == status
    assert reply.headers["content-type"].startswith("application/problem+json")
    jsonschema.validate(reply.json(), schema_of("problem"))
    for word in words:
        assert word in reply.body.decode(), word
    assert b"Traceback" not in reply.body


def test_a_job_gives_the_same_as_the_command(
    ask: Asker, book_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ask("/api/v1/jobs/stress", "POST", {"shock": ["BTC=-15%"], "draws": 4})
    assert asked.status == 202
    place = asked.headers["location"]
    done = ask.until(place, lambda j: j["state"] not in ("waiting", "running"))
    assert done["state"] == "done", done
    result = ask(done["result"]).json()
    assert result == printed(
        capsys, "stress", str(book_file), "--shock", "BTC=-15%", "--draws", "4"
    )


def test_a_failed_job_tells_its_problem(ask: Asker) -> None:
    asked = ask("/api/v1/jobs/simulate", "POST", {"scenario": "/etc/passwd"})
    found = ask.until(asked.headers["location"], lambda j: j["state"] == "failed")
    assert "no such scenario" in found["problem"]["title"]
    assert ask(f"/api/v1/jobs/{found['job']}/result").status == 409


def test_a_job_is_cancelled_as_it_runs(ask: Asker) -> None:
    asked = ask("/api/v1/jobs/simulate", "POST", {"scenario": "price-jump", "runs": 100})
    place = asked.headers["location"]
    ask.until(place, lambda j: j["state"] == "running")
    waiting = ask("/api/v1/jobs/check", "POST", {}).headers["location"]
    assert ask(waiting, "DELETE").json()["state"] == "cancelled"
    assert ask(place, "DELETE").status == 200
    assert ask.until(place, lambda j: j["state"] != "running")["state"] == "cancelled"


def test_an_uploaded_book_is_asked_and_forgotten(ask: Asker) -> None:
    sent = ask("/api/v1/books?name=..%2Fmine.csv", "POST", BOOK.replace("ann", "zoe").encode())
    assert sent.status == 201, sent.body
    about = sent.json()
    assert (about["name"], about["positions"]) == ("mine.csv", 5)
    assert b"zoe" in ask(f"/api/v1/check?book={about['book']}").body
    assert b"zoe" not in ask("/api/v1/check").body
    assert ask(f"/api/v1/books/{about['book']}", "DELETE").status == 204
    assert ask(f"/api/v1/check?book={about['book']}").status == 404
    assert ask("/api/v1/books/default", "DELETE").status == 404


def test_mistakes_of_an_upload_are_told_by_its_own_name(ask: Asker) -> None:
    wrong = BOOK.replace("2.5,92000", "2.5,minus").replace("300,2900", "x,2900")
    reply = ask("/api/v1/books?name=mine.csv", "POST", wrong.encode())
    told = reply.json()
    assert reply.status == 422
    assert {m["row"] for m in told["mistakes"]} == {1, 4}
    assert b"seawall-room" not in reply.body
    assert b"/tmp" not in reply.body


def test_every_answer_has_its_published_schema(ask: Asker) -> None:
    document = ask("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    offered = ask("/api/v1").json()["commands"]
    assert {"check", "map", "stress", "explain", "simulate", "compare"} <= {
        o["command"] for o in offered
    }
    for offer in offered:
        assert (
            schemas[offer["schema"].replace("/", "-")]["title"]
            == schema_of(offer["schema"])["title"]
        )
        assert f"/api/v1/jobs/{offer['command']}" in document["paths"]
        assert (f"/api/v1/{offer['command']}" in document["paths"]) != offer["long"]
    assert ask("/api/v1/schemas/seawall.check/1").json() == schema_of("check")
    text = json.dumps(document)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        found = document
        for key in reference.split("/"):
            found = found[key]
    answer = {**schemas["seawall.check-1"], "components": document["components"]}
    jsonschema.validate(ask("/api/v1/check").json(), answer)


def test_live_statistics_are_those_of_the_tape_shown(ask: Asker) -> None:
    found = ask.until("/api/v1/live/statistics", lambda s: "notional_usd" in s)
    jsonschema.validate(found, schema_of("tape-stats"))
    about = ask("/api/v1/live/map/BTC").json()
    cells = ask("/api/v1/live/map/BTC/shades")
    live = ask.app.state.live
    shown = live.recording.drawing("BTC").shades
    assert len(cells.body) >= about["columns"] * about["rows"]
    assert about["columns"] >= 1000
    assert about["rows"] >= 500
    assert len(about["usd_of_shade"]) == 256
    assert about["usd_of_shade"][255] == pytest.approx(about["deepest_usd"])
    assert cells.body == shown[: len(cells.body) // about["rows"]].tobytes()
    tape = live.recording.tape
    forced = [int(k) in (0, 1, 3) for k in tape.kind]
    until = live.recording.rows(-1.0, live.second).stop
    most = sum(float(u) for u, f in zip(tape.notional[:until], forced, strict=False) if f)
    assert 0.5 * most < found["notional_usd"] <= most * (1 + 1e-9)


def test_the_runs_clusters_wait_on_their_sides_of_the_price(ask: Asker) -> None:
    told = ask("/api/v1/live/map/ETH/clusters").json()
    assert {c["side"] for c in told["clusters"]} == {"long", "short"}
    for c in told["clusters"]:
        assert (c["peak"] < told["price"]) == (c["side"] == "long")
        assert c["distance"] == pytest.approx(c["peak"] / told["price"] - 1.0)
        assert c["low"] <= c["peak"] <= c["high"]
    assert ask("/api/v1/live/map/DOGE/clusters").status == 404
    candles = ask("/api/v1/live/candles/ETH").json()
    assert candles["kind"] == "simulated"
    assert candles["candles"][0][0] % 60 == 0


def test_as_many_clusters_as_are_asked_for(ask: Asker) -> None:
    few, many = (ask(f"/api/v1/map?asset=BTC&clusters={n}").json()["clusters"] for n in (1, 40))
    assert len(few) == 1
    assert many[0] == few[0]
    assert len(many) > 1


def test_lists_are_those_of_the_commands(ask: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    venues = [r["venue"] for r in ask("/api/v1/rules").json()]
    capsys.readouterr()
    assert cli.run(["rules", "show"]) == 0
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:1] != " "]
    assert set(venues) <= set(printed)
    assert len(venues) >= 5
    assert {s["name"] for s in ask("/api/v1/scenarios").json()} >= {"price-jump", "november-2025"}
    assert "theory" in ask("/api/v1/studies").json()
