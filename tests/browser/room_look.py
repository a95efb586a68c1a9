"""A page of the room in a real browser, and what it complained about."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 900_000.0
"""Milliseconds that a page is waited for: far beyond what any takes on a machine that is busy."""


def printed(folder: Path, *arguments: str) -> Any:
    """What a command prints as JSON, run where its files are.

    In a process of its own: the threads of a server that is being tested write where they like.
    """
    command = [sys.executable, "-m", "seawall", *arguments, "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Look:
    """A page of the room, what it complained about and whom it asked."""

    def __init__(self, page: Any, base: str):
        self.page, self.base = page, base
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda m: self.complaints.append(m.text))
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("request", lambda r: self.hosts.add(urlsplit(r.url).netloc))

    def at(self, path: str, ready: str) -> Look:
        self.page.goto(self.base + path)
        self.page.wait_for_selector(ready)
        return self

    def until(self, function: str, arg: Any = None) -> Any:
        """Waits until a JavaScript function of ``arg`` gives something true, and tells what.

        A function alone: a bare expression is evaluated anew at each look, which the pages' content
        policy refuses from the second look on, so that only a fast machine would pass.
        """
        return self.page.wait_for_function(f"seen => ({function})(seen)", arg=arg).json_value()
