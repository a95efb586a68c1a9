"""What a server keeps on the disk, and who clears it away."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seawall.room.folders import own_folder


@pytest.mark.skipif(sys.platform == "win32", reason="left to the system there")
def test_what_a_killed_server_left_goes_and_what_lives_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    dead = tmp_path / f"seawall-room-{ended.pid}-abcd"
    other = tmp_path / "seawall-roommate"
    for folder in (dead, other):
        folder.mkdir()
        (folder / "book.csv").write_text("x")
    with own_folder() as first, own_folder() as second:
        assert f"-{os.getpid()}-" in first
        assert Path(first).is_dir()
        assert Path(second).is_dir()
        assert not dead.exists()
        assert other.exists()
    assert not Path(first).exists()
