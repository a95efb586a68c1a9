"""Every command in every format: it parses, it fits its schema, it says the answer first."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seawall.report.schema import schema_of

COMMANDS: dict[str, tuple[str, ...]] = {
    "check": ("check", "BOOK"),
    "map": ("map", "BOOK"),
    "stress": ("stress", "BOOK", "--shock", "BTC=-10%", "--draws", "8", "--ladder", "-5%,-20%"),
    "explain": ("explain", "BOOK", "--row", "1", "--shock", "BTC=-10%"),
    "demo": ("demo", "--accounts", "20000", "--report", "PAGE"),
}


def arguments_of(name: str, book: Path) -> list[str]:
    swap = {"BOOK": str(book), "PAGE": str(book.with_name("demo.html"))}
    return [swap.get(a, a) for a in COMMANDS[name]]


def valid(text: str) -> Any:
    """A command's JSON, which its own schema describes."""
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    schema = schema_of(document["schema"])
    found = [
        f"{e.json_path}: {e.message}" for e in Draft202012Validator(schema).iter_errors(document)
    ]
    assert found == []
    return document


@pytest.mark.parametrize("name", COMMANDS)
def test_json_parses_and_fits_its_schema(name: str, book: Path, run: Any) -> None:
    done = run(*arguments_of(name, book), "--format", "json")
    assert done.code == 0, done.err
    document = valid(done.out)
    assert document["schema"] == f"seawall.{name}/1"
    assert list(document)[:2] == ["schema", "inputs"]
    assert document["inputs"]["positions"] >= 5


@pytest.mark.parametrize("name", COMMANDS)
def test_csv_holds_raw_numbers(name: str, book: Path, run: Any) -> None:
    done = run(*arguments_of(name, book), "--format", "csv")
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows
    assert "$" not in done.out
    numbers = 0
    for row in rows:
        assert None not in row
        assert None not in row.values()
        for cell in row.values():
            try:
                numbers += math.isfinite(float(cell))
            except ValueError:
                continue
    assert numbers >= len(rows) / 2


@pytest.mark.parametrize("name", COMMANDS)
def test_table_has_title_question_and_answer_first(name: str, book: Path, run: Any) -> None:
    done = run(*arguments_of(name, book))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[1].endswith("?") or lines[2].endswith("?")
    answer = done.out.split("\n\n")[1]
    assert answer.rstrip().endswith(".")
    assert {
        "check": "Nearest",
        "map": "BTC at 86,600",
        "stress": "BTC -10.00%",
        "explain": "The",
    }.get(name, "A synthetic book of 20,000 accounts reproduces") in answer
    assert "-0.00%" not in done.out
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_report_writes_a_page_and_names_it(name: str, book: Path, run: Any) -> None:
    page = book.with_name("page.html")
    arguments = [a for a in arguments_of(name, book) if not a.endswith("demo.html")]
    if name == "demo":
        arguments.remove("--report")
    done = run(*arguments, "--report", page, "--format", "json")
    assert done.code == 0, done.err
    text = page.read_text("utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert f"Report: {page}" in done.err
    assert json.loads(done.out)["inputs"]["digest"] in text
    assert not list(book.parent.glob(".*part"))


def test_csv_of_check_has_every_row(tmp_path: Path, run: Any) -> None:
    """Also beyond what a terminal and a page show."""
    many = tmp_path / "many.csv"
    rows = [f"a{k},BTC,{1 + k % 7},86000,86600,{3 + k % 20}" for k in range(2_500)]
    many.write_text("account,instrument,size,entry_price,mark_price,leverage\n" + "\n".join(rows))
    done = run("check", many, "--format", "csv")
    assert done.code == 0, done.err
    read = list(csv.DictReader(io.StringIO(done.out)))
    assert sorted(int(r["row"]) for r in read) == list(range(1, 2_501))
    distances = [abs(float(r["distance"])) for r in read if r["distance"]]
    assert distances == sorted(distances)
    document = json.loads(run("check", many, "--format", "json").out)
    assert len(document["positions"]) == len(document["accounts"]) == 2_500


def test_schema_names_and_prints(run: Any) -> None:
    names = run("schema").out.split()
    commands = ("check", "compare", "demo", "explain", "map", "simulate", "stress")
    studies = ("study-loss-rules", "study-november", "study-october", "study-theory")
    tape = ("tape-compare", "tape-concentration", "tape-import", "tape-rehearse", "tape-stats")
    kept = ("tape-compact", "tape-retain", "tape-verify", "rules-update", "problem")
    desk = ("allocate", "odds-grading", "rescue", "size", "stop", "study-advice", "watch")
    room = ("shown",)
    every = commands + studies + tape + kept + desk + room
    assert names == sorted(f"seawall.{n}/1" for n in every)
    for name in ("stress", "stress/1", "seawall.stress/1"):
        shown = json.loads(run("schema", name).out)
        assert shown == schema_of("seawall.stress/1")
    wrong = run("schema", "strass")
    assert wrong.code == 2
    assert "seawall.stress/1" in wrong.err
