"""A PostgreSQL server of a test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class Server:
    """Runs on a socket in a folder, which is given to another user where root asks.

    Parameters
    ----------
    folder
        Not one of pytest's own: root's are closed to others whenever another pytest begins.
    """

    def __init__(self, folder: Path):
        self.folder, self.folder_data = folder, folder / "pg"
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self.run("initdb", "-D", str(self.folder_data), "-U", "tape", "-A", "trust", "-E", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        log = str(folder / "log")
        self.control("-l", log, "-o", options, "start")

    def run(self, name: str, *arguments: str) -> None:
        own = ["setpriv", f"--reuid={self.user}", "--clear-groups"] if self.user else []
        path = os.environ.get("PATH", "")
        done = subprocess.run(
            [*own, binary(name) or name, *arguments],
            capture_output=True,
            text=True,
            timeout=180,
            cwd=self.folder,
            env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def control(self, *arguments: str) -> None:
        # a busy machine takes longer than the minute that it waits by itself
        self.run("pg_ctl", "-D", str(self.folder_data), "-w", "-t", "150", *arguments)

    def stop(self) -> None:
        self.control("-m", "immediate", "stop")


def binary(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, versions)]))
