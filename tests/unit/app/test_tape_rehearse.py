"""The command that rehearses the recorder, as a newcomer starts it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seawall.ingest.store.store import Store
from seawall.report.schema import schema_of

COMMAND = [sys.executable, "-c", "from seawall.app.cli import main; main()", "tape", "rehearse"]


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *options], cwd=folder, env=os.environ, **pipes)


def test_one_command_records_checks_and_says_what_to_try_next(tmp_path: Path) -> None:
    process = started(tmp_path, "--length", "2s", "--rate", "40")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert "160 events of 2 venues sent" in " ".join(out.split())
    assert "the store holds each of them once, and nothing else" in " ".join(out.split())
    assert "seawall tape stats --store seawall-rehearsal" in " ".join(out.split())
    with Store(tmp_path / "seawall-rehearsal") as store:
        assert len(store.read()) == 160


def test_json_holds_to_its_schema_and_the_sums_to_their_parts(tmp_path: Path) -> None:
    options = ["--venue", "htx", "--length", "3s", "--misbehave", "--format", "json"]
    process = started(tmp_path, *options, "--store", "here")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    got = json.loads(out)
    validator = Draft202012Validator(schema_of("seawall.tape-rehearse/1"))
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(got)] == []
    assert got["sound"]
    assert got["store"] == "here"
    assert got["acknowledged"] == got["stored"] == got["sent"] > 0
    assert got["received"] == got["stored"] + got["copies"] + got["dropped"]
    assert [v["venue"] for v in got["by_venue"]] == ["htx"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_early_with_the_check(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, "--length", "10m", "--format", "json")
    log = tmp_path / "seawall-rehearsal" / "log"
    begun = time.monotonic()
    while not any(p.stat().st_size > 2_000 for p in log.glob("*.log")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < 240
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    got = json.loads(out)
    assert got["sound"]
    assert 0 < got["sent"] < 30_000


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path, run: Any) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = run("tape", "rehearse", "--store", tmp_path)
    assert done.code == 2
    assert "neither empty nor the store of a rehearsal" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_without_the_extra_one_error_names_it(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "seawall.ingest.wire.find_spec", lambda name: None if name == "aiohttp" else find(name)
    )
    done = run("tape", "rehearse", "--store", tmp_path / "r")
    assert done.code == 2
    assert "aiohttp not installed" in done.err
    assert "seawall[live]" in done.err
    assert not (tmp_path / "r").exists()
