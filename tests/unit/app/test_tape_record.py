"""What the command that records refuses before anything is written."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from seawall.app.tape_record import record
from seawall.core import RuleError
from seawall.ingest.wire.venues import names_of
from seawall.rulebook import Rules


def test_a_refused_recording_leaves_no_store_behind(tmp_path: Path) -> None:
    made = typer.Typer()
    made.command()(record)
    folder = tmp_path / "store"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for wrong, said in (
            (["--venues", "nowhere"], "unknown venue"),
            (["--venues", "dydx"], "no live feed"),
            (["--venues", "okx", "--metrics", port], "cannot be served on"),
        ):
            done = CliRunner().invoke(made, ["--store", str(folder), *wrong])
            assert said in str(done.exception)
            assert "Errno" not in str(done.exception)
            assert not folder.exists()
    with pytest.raises(RuleError) as told:
        names_of("nowhere", Rules.bundled())
    (mistake,) = told.value.mistakes
    for name in mistake.allowed.split(", "):
        assert names_of(name, Rules.bundled())
