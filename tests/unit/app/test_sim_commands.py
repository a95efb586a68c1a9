"""simulate, replay and compare on the command line, and as functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seawall.report.schema import schema_of
from unit.sim.small import SMALL, written

Run = Callable[..., Any]

REFORM = """
extends = "small.toml"
title = "With a breaker"
[levers.breaker]
kind = "circuit_breaker"
down = 0.03
pause = 120
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    return written(tmp_path)


def document(text: str) -> Any:
    made = json.loads(text)
    faults = Draft202012Validator(schema_of(made["schema"])).iter_errors(made)
    assert [f"{e.json_path}: {e.message}" for e in faults] == []
    return made


def test_simulate_prints_the_measures(run: Run, scenario: Path) -> None:
    done = run("simulate", scenario)
    assert done.code == 0, done.err
    for words in ("Two venues", "Liquidated", "Cascade multiplier", "Who pays", "By venue"):
        assert words in done.out


def test_json_fits_its_schema_and_its_sums_agree(run: Run, scenario: Path) -> None:
    done = run("simulate", scenario, "--runs", 3, "--workers", 1, "--domino", 2, "-f", "json")
    assert done.code == 0, done.err
    made = document(done.out)
    m = made["measures"]
    assert m["forced_usd"] > 0
    assert m["forced_usd"] == pytest.approx(m["forced_long_usd"] + m["forced_short_usd"])
    minutes = made["by_minute"]
    assert sum(minutes["long_usd"]) == pytest.approx(m["forced_long_usd"])
    assert sum(x["gain_usd"] for x in made["who_pays"]) == pytest.approx(0.0, abs=1.0)
    assert made["runs"] == 3
    low, high = (made["spread"]["forced_usd"][k] for k in ("low", "high"))
    assert low <= made["spread"]["forced_usd"]["median"] <= high
    assert len(made["domino"]) == 2
    assert made["paired"]["cascade_multiplier"] >= 1.0
    assert made["conservation"]["cash"] < 1e-9


def test_a_saved_run_replays_to_the_same_report(run: Run, scenario: Path, tmp_path: Path) -> None:
    kept, page = tmp_path / "run.npz", tmp_path / "page.html"
    first = run("simulate", scenario, "--seed", 3, "--save", kept, "-f", "json")
    again = run("replay", kept, "-f", "json", "--report", page)
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert again.out == first.out
    text = page.read_text()
    assert 'id="figure-replay"' in text
    assert 'id="figure-price_BTC"' in text
    assert 'id="figure-waterfall"' in text


def test_a_paused_run_goes_on_to_the_same_end(run: Run, scenario: Path, tmp_path: Path) -> None:
    whole = run("simulate", scenario, "--seed", 4, "-f", "json")
    state = tmp_path / "paused.npz"
    paused = run("simulate", scenario, "--seed", 4, "--until", "2m", "--save", state, "-f", "json")
    rest = run("simulate", scenario, "--resume", state, "-f", "json")
    assert (whole.code, paused.code, rest.code) == (0, 0, 0), paused.err + rest.err
    assert rest.out == whole.out
    assert paused.out != whole.out
    assert run("replay", state).code == 2


def test_a_finished_run_is_not_resumed(run: Run, scenario: Path, tmp_path: Path) -> None:
    kept = tmp_path / "whole.npz"
    assert run("simulate", scenario, "--save", kept).code == 0
    done = run("simulate", scenario, "--resume", kept)
    assert done.code == 2
    assert "a finished run" in done.err
    assert "seawall replay" in done.err


def test_an_inherited_mistake_is_told_of_the_file_it_stands_in(run: Run, tmp_path: Path) -> None:
    written(tmp_path, '[clock]\nstep = "0s"\nlength = "1m"\n', "base.toml")
    child = written(tmp_path, 'extends = "base.toml"\n[clock]\nlength = "x"\n', "child.toml")
    done = run("simulate", child)
    assert done.code == 2
    lines = done.err.splitlines()
    assert any("base.toml" in line and "clock.step" in line for line in lines), done.err
    assert any("child.toml" in line and "clock.length" in line for line in lines), done.err


def test_compare_refuses_scenarios_without_common_random_numbers(run: Run, tmp_path: Path) -> None:
    other = written(tmp_path, 'extends = "november-2025"\n[clock]\nstep = "5s"\n', "other.toml")
    done = run("compare", "price-jump", other, "--runs", 2)
    assert done.code == 2
    assert not done.out
    for words in ("clock.step", "clock.length", "different markets", "one that extends it"):
        assert words in done.err


def test_compare_tells_what_a_reform_does(run: Run, scenario: Path, tmp_path: Path) -> None:
    reform = written(tmp_path, REFORM, "reform.toml")
    page = tmp_path / "page.html"
    done = run(
        "compare", scenario, reform, "--runs", 3, "--workers", 1, "-f", "json", "--report", page
    )
    assert done.code == 0, done.err
    made = document(done.out)
    assert made["seeds"] == [0, 1, 2]
    halted = made["differences"]["halted_s"]
    assert halted["base"]["mean"] == 0.0
    assert halted["change"]["mean"] > 0
    keys = {c["key"] for c in made["changes"]}
    assert "levers.breaker.down" in keys
    assert not any(k.startswith("venues") for k in keys)
    assert 'id="figure-leading"' in page.read_text()


def test_a_reform_that_changes_nothing_differs_in_nothing(
    run: Run, scenario: Path, tmp_path: Path
) -> None:
    same = written(tmp_path, 'extends = "small.toml"\ntitle = "Same"\n', "same.toml")
    done = run("compare", scenario, same, "--runs", 2, "--workers", 1, "-f", "json")
    assert done.code == 0, done.err
    made = document(done.out)
    assert made["changes"] == []
    for name, d in made["differences"].items():
        assert d["change"]["mean"] in (0.0, None), name
        assert not d["beyond_chance"]
    assert "The two scenarios are the same." in made["answer"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate",), ("missing argument 'SCENARIO'",)),
        (("simulate", "nowhere"), ("no such scenario", "price-jump")),
        (("simulate", "FILE", "--runs", "0"), ("--runs",)),
        (("simulate", "FILE", "--workers", "0"), ("--workers",)),
        (("simulate", "FILE", "--seed", "-1"), ("--seed",)),
        (("simulate", "FILE", "--until", "2m"), ("--until", "--save")),
        (("simulate", "FILE", "--until", "9m", "--save", "x.npz"), ("--until", "below 300 s")),
        (("simulate", "FILE", "--until", "soon", "--save", "x.npz"), ("--until", "'soon'", "90m")),
        (
            ("simulate", "FILE", "--until", "2m", "--save", "x.npz", "--runs", "2"),
            ("only one run",),
        ),
        (("simulate", "FILE", "--resume", "absent.npz"), ("absent.npz",)),
        (("replay", "absent.npz"), ("absent.npz", "no such file")),
        (("replay", "FILE"), ("not a saved run",)),
        (("compare", "FILE"), ("missing argument 'REFORM'",)),
        (("compare", "FILE", "FILE", "--runs", "1"), ("--runs",)),
        (("compare", "FILE", "nowhere"), ("no such scenario",)),
    ],
)
def test_wrong_input_is_refused(
    run: Run, scenario: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = run(*(scenario if a == "FILE" else a for a in arguments))
    assert done.code == 2, done.err
    assert done.out == ""
    for word in words:
        assert word in done.err


def test_a_faulty_scenario_tells_all_its_mistakes(run: Run, tmp_path: Path) -> None:
    text = SMALL.replace('step = "1s"', 'step = "2m"').replace("share = 0.1\n", "share = -1\n")
    done = run("simulate", written(tmp_path, text))
    assert done.code == 2
    assert "clock.step" in done.err
    assert "behaviours.noise.share" in done.err


def test_the_functions_are_the_commands(scenario: Path) -> None:
    import seawall

    report = seawall.simulate(scenario, paired=False)
    assert report.payload["measures"]["forced_usd"] > 0
    assert report.payload["paired"] == {}
    assert any("without leverage" in w for w in report.warnings)


def test_a_narrow_terminal_shows_whole_intervals(
    run: Run, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reform = written(tmp_path, REFORM, "reform.toml")
    shown = run("compare", scenario, reform, "--runs", 2, "--workers", 1)
    assert shown.code == 0, shown.err
    assert "95% from" not in shown.out
    table = shown.out[shown.out.index("95% of") :]
    row = next(x for x in table.splitlines() if x.startswith("Liquidated") and "USD" not in x[:10])
    assert " to " in table
    assert len(row) <= 80
    written_out = run("compare", scenario, reform, "--runs", 2, "--workers", 1, "-f", "csv")
    header = written_out.out.splitlines()[0].split(",")
    assert {"low", "high"} <= set(header)
    assert "interval" not in header
