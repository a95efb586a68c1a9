"""The command that opens the room: open when it says so, and clear about what it lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest


def test_the_address_answers_from_the_moment_it_is_told(book_file: Path) -> None:
    command = [sys.executable, "-m", "seawall", "serve", "--port", "0", "--book", str(book_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line.startswith("Seawall is open at http://127.0.0.1:")
            with urlopen(line.split()[-1], timeout=240) as page:
                assert b"<title>Seawall</title>" in page.read()
        finally:
            server.terminate()


@pytest.mark.parametrize("package", ["uvicorn", "fastapi", "litecharts"])
def test_without_its_packages_it_says_so_in_one_line(package: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None; from seawall.app import cli; "
        "sys.exit(cli.run(['serve']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert package in done.stderr
    assert "seawall[room]" in done.stderr
