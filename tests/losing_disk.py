"""A disk that keeps what it was told to sync, and loses everything else with the power."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Names = dict[str, int]


class LosingDisk:
    """Notes what is synced below a folder, at the calls of the system.

    What a file held at its last sync is kept, under the names that its folder had at the folder's
    last sync. Everything else is only in the machine's memory.

    Attributes
    ----------
    syncs
        Calls for files below the folder.
    """

    def __init__(self, root: Path, ignores: bool = False):
        self.root = root
        self.syncs = 0
        self._ignores = ignores
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, Names] = {}
        self._folders: set[int] = set()

    @contextmanager
    def watching(self) -> Iterator[LosingDisk]:
        """While this runs, syncs go through it."""
        real = {name: getattr(os, name) for name in ("fsync", "fdatasync")}

        def through(name: str, descriptor: int) -> None:
            real[name](descriptor)
            self._synced(descriptor)

        try:
            for name in real:
                setattr(os, name, lambda d, name=name: through(name, d))
            yield self
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def left(self, target: Path) -> Path:
        """What is there after the power was cut, as a folder."""
        self._rebuilt(self.root.stat().st_ino, target)
        return target

    def _synced(self, descriptor: int) -> None:
        if self._ignores:
            return
        found = os.fstat(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path != self.root and self.root not in path.parents:
            return
        if stat.S_ISDIR(found.st_mode):
            self._folders.add(found.st_ino)
            names = {p.name: p.stat().st_ino for p in path.iterdir()}
            self._folders |= {p.stat().st_ino for p in path.iterdir() if p.is_dir()}
            self._names[found.st_ino] = names
        else:
            self.syncs += 1
            self._contents[found.st_ino] = path.read_bytes()

    def _rebuilt(self, inode: int, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        for name, inner in self._names.get(inode, {}).items():
            if inner in self._folders:
                self._rebuilt(inner, target / name)
            else:
                (target / name).write_bytes(self._contents.get(inner, b""))
