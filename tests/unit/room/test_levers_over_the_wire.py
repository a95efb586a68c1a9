"""Safeguards laid over a scenario by the API are those of a file that extends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from room_server import Asker
from seawall.app import cli, sim_api
from seawall.app.room_levers import BEGIN, levers
from seawall.core import InputError
from seawall.rulebook.levers import levers as known
from seawall.sim.scenario import differences, load_scenario, with_levers


def came_of(scenario: Any) -> str:
    """What a run came to, as text."""
    made = sim_api.simulate(scenario, paired=False).payload
    return repr((made["measures"], made["venues"], made["who_pays"]))


@pytest.fixture(scope="module")
def base() -> str:
    return came_of("price-jump")


@pytest.mark.parametrize("name", sorted(known()))
def test_every_safeguard_has_settings_that_make_it_act(name: str, base: str) -> None:
    assert came_of(with_levers("price-jump", {name: dict(BEGIN[name])})) != base
    (told,) = [row for row in levers() if row["name"] == name]
    assert told["begin"] == BEGIN[name]
    assert set(told["begin"]) <= set(told["settings"])
    assert all(told["settings"][key]["description"] for key in told["begin"])


def test_what_is_told_of_them_is_json(ask: Asker) -> None:
    told = ask("/api/v1/levers")
    # no infinity: browsers refuse it
    rows = json.loads(told.body if "content-encoding" not in told.headers else _plain(told),
                      parse_constant=_refuse)  # fmt: skip
    assert [r["name"] for r in rows] == sorted(known())


def _plain(reply: Any) -> bytes:
    import gzip

    return gzip.decompress(reply.body)


def _refuse(name: str) -> None:
    raise AssertionError(name)


def test_levers_given_are_those_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "reform.toml"
    path.write_text('extends = "price-jump"\n[levers.leverage_cap]\ncap = 5\n'
                    '[levers.mark_smoothing]\nwindow = 20.0\n')  # fmt: skip
    given = with_levers("price-jump", {"leverage_cap": {"cap": 5},
                                       "mark_smoothing": {"window": 20.0}})  # fmt: skip
    assert given.digest() == load_scenario(path).digest()
    changed = {key for key, _, _ in differences(load_scenario("price-jump"), given)}
    assert changed == {"levers.leverage_cap.kind", "levers.leverage_cap.cap",
                       "levers.mark_smoothing.kind", "levers.mark_smoothing.window"}  # fmt: skip


def test_mistakes_in_them_are_told_with_their_key() -> None:
    with pytest.raises(InputError) as caught:
        with_levers("price-jump", {"leverage_cap": {"cap": -1.0}, "nonsense": {}})
    told = {(m.where, m.column) for m in caught.value.mistakes}
    assert ("reform.toml", "levers.leverage_cap.cap") in told
    assert ("reform.toml", "levers.nonsense.kind") in told


def test_a_job_compares_as_the_command_and_is_told_in_words(
    ask: Asker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"base": "price-jump", "levers": {"low_leverage": {"share": 0.5}}, "runs": 2}
    job = ask("/api/v1/jobs/compare", "POST", body).json()["job"]
    assert ask(f"/api/v1/jobs/{job}/shown").status == 409
    ask.until(f"/api/v1/jobs/{job}", lambda j: j["state"] == "done")
    path = tmp_path / "reform.toml"
    path.write_text('extends = "price-jump"\n[levers.low_leverage]\nshare = 0.5\n')
    capsys.readouterr()
    arguments = ["compare", "price-jump", str(path), "--runs", "2", "--workers", "1"]
    assert cli.run([*arguments, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ask(f"/api/v1/jobs/{job}/result").json() == told
    shown = ask(f"/api/v1/jobs/{job}/shown").json()
    assert (shown["schema"], shown["of"]) == ("seawall.shown/1", "seawall.compare/1")
    assert shown["answer"] == told["answer"]


def test_a_run_is_told_with_its_replay(ask: Asker) -> None:
    body = {"scenario": "price-jump", "paired": False, "levers": {"leverage_cap": {"cap": 8}}}
    job = ask("/api/v1/jobs/simulate", "POST", body).json()["job"]
    ask.until(f"/api/v1/jobs/{job}", lambda j: j["state"] == "done")
    (replay,) = ask(f"/api/v1/jobs/{job}/shown").json()["replays"]
    assert len(replay["second"]) == len(replay["change"]) > 100
    assert len(replay["names"]) == len(replay["change"][0])


def test_a_comparison_needs_a_reform(ask: Asker) -> None:
    job = ask("/api/v1/jobs/compare", "POST", {"base": "price-jump"}).json()["job"]
    found = ask.until(f"/api/v1/jobs/{job}", lambda j: j["state"] == "failed")
    assert found["problem"]["mistakes"][0]["what"] == "no reform"
