"""Whether parts are still what was written: their bytes summed again, once for each state."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.manifest import Part
from seawall.ingest.store.parts import measured


class DamagedPartError(StoreError):
    """Parts that are not what was written, which no answer may be made from.

    Attributes
    ----------
    parts
        Their paths below the store.
    """

    def __init__(self, folder: Path, faults: dict[str, str]):
        self.parts = tuple(faults)
        shown = "; ".join(f"{path}: {why}" for path, why in list(faults.items())[:3])
        rest = f" and {len(faults) - 3:,} more" if len(faults) > 3 else ""
        super().__init__(
            f"{folder}: a damaged file is not read: {shown}{rest}. Put back a copy of it, or "
            "leave its events out of all answers by `seawall tape verify --set-aside`"
        )


class Checks:
    """What is known of parts; a file whose size and times stay is not read again.

    Safe to share by threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}

    def fault(self, folder: Path, part: Part, afresh: bool = False) -> str:
        """What is wrong with a part, in words; empty if it is as it was written.

        Parameters
        ----------
        afresh
            Read the file again, whatever is known of it.

        Raises
        ------
        FileNotFoundError
            If it is not there: another may have replaced it.
        """
        path = folder / part.path
        try:
            found = path.stat()
            times = found.st_mtime_ns, found.st_ctime_ns
            state = (found.st_size, *times, found.st_ino, part.size, part.checksum)
            with self._lock:
                known = self._known.get(part.path)
            if not afresh and known is not None and known[0] == state:
                return known[1]
            said = _compared(part, *measured(path))
        except FileNotFoundError:
            raise
        except OSError as error:
            return f"a file that cannot be read: {error.strerror}"
        with self._lock:
            self._known[part.path] = (state, said)
        return said

    def demand(self, folder: Path, parts: Iterable[Part]) -> None:
        """See that parts are sound.

        Raises
        ------
        DamagedPartError
            If some are not; all of them are named.
        FileNotFoundError
            If one is not there.
        """
        found = {part.path: self.fault(folder, part) for part in parts}
        faults = {path: said for path, said in found.items() if said}
        if faults:
            raise DamagedPartError(folder, faults)

    def sound(self, folder: Path, parts: Iterable[Part]) -> list[Part]:
        """Those of the parts that can be read and are as they were written."""
        kept = []
        for part in parts:
            try:
                if not self.fault(folder, part):
                    kept.append(part)
            except FileNotFoundError:
                continue
        return kept


def _compared(part: Part, size: int, checksum: int) -> str:
    if size != part.size:
        return f"a file of {size:,} bytes that was written with {part.size:,}"
    if checksum != part.checksum:
        return "a file whose contents have changed since it was written"
    return ""
