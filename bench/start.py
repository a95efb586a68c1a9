"""From the shell: help, the demo with kernels to compile, and again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from bench.clock import duration, once, table


def start(full: bool) -> None:
    """Start-up times, each in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as empty:
        out = os.path.join(empty, "demo.html")
        demo = ["demo", "--report", out]
        for name, arguments, repeat in (
            ("seawall --help", ["--help"], 3),
            ("seawall demo, kernels compiled first", demo, 1),
            ("seawall demo, again", demo, 3),
        ):
            env = {**os.environ, "SEAWALL_CACHE": empty}
            spent = min(once(lambda: _run(arguments, env)) for _ in range(repeat))  # noqa: B023
            rows.append((name, duration(spent)))
    table("From the shell", ("", "time"), rows)


def _run(arguments: list[str], env: dict[str, str]) -> None:
    code = "import sys; from seawall.app.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=env, capture_output=True, check=False
    )
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr.decode()[-2000:])
