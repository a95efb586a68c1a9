"""The command as a process: pipes, standard input, Ctrl-C, and what a start imports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from seawall.app.cli import app

PROGRAM = [sys.executable, "-c", "from seawall.app.cli import main; main()"]


def seawall(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("arguments", [("--help",), ("stress", "--help"), ("--version",)])
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    program = (
        "import sys\nfrom seawall.app import cli\n"
        f"code = cli.run({list(arguments)!r})\n"
        # typer itself brings pydantic along for a command's own options
        "heavy = {'numpy', 'numba', 'duckdb', 'rich', 'structlog', 'ccxt'}\n"
        f"heavy |= {set() if 'stress' in arguments else {'pydantic'}!r}\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = seawall("--help").stdout
    for word in ("check", "map", "stress", "explain", "demo", "rules", "schema", "Exit codes"):
        assert word in shown


def test_no_arguments_show_the_help_and_fail() -> None:
    done = seawall()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_reader_that_leaves_is_no_error(form: str, book: Path) -> None:
    """As in ``seawall check book.csv | head -1``, with more than a pipe holds."""
    rows = [f"a{k},BTC,1,86000,86600,5" for k in range(3_000)]
    book.write_text(
        "account,instrument,size,entry_price,mark_price,leverage\n" + "\n".join(rows) + "\n"
    )
    running = subprocess.Popen(
        [*PROGRAM, "check", str(book), "--format", form],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} if form == "table" else None,
        text=True,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline()
    running.stdout.close()
    said = running.stderr.read()
    assert running.wait(60) == 0
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_standard_input_is_a_book(book: Path) -> None:
    by_file = seawall("check", book, "--format", "json")
    by_pipe = seawall("check", "-", "--format", "json", input=book.read_text())
    assert by_pipe.returncode == 0, by_pipe.stderr
    one, other = json.loads(by_file.stdout), json.loads(by_pipe.stdout)
    assert other["inputs"].pop("source") == "standard input"
    del one["inputs"]["source"]
    assert one == other


def test_empty_standard_input_is_refused() -> None:
    done = seawall("check", "-", input="")
    assert done.returncode == 2
    assert "standard input" in done.stderr


def test_usage_errors_have_code_2_in_a_process() -> None:
    done = seawall("check", "--nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no such option: --nonsense")
    assert done.stdout == ""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_stops_without_a_traceback_or_a_page(tmp_path: Path) -> None:
    page = tmp_path / "demo.html"
    running = subprocess.Popen(
        [*PROGRAM, "demo", "--accounts", "1000000", "--report", str(page)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background jobs hand down a SIGINT that is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stderr is not None
    first = running.stderr.readline()
    assert "drawing a synthetic book of 1,000,000 accounts" in first
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert said.splitlines()[-1] == "stopped"
    assert "Traceback" not in said
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*words, name)
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))


@pytest.mark.parametrize("words", list(_commands(typer.main.get_command(app))), ids=" ".join)
def test_no_help_names_a_type_of_python(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage: " in shown.output
    assert not re.findall(r"<(?:str|int|float|path|bool|list)\b[^|>]*>", shown.output)
    assert "--help" in shown.output
