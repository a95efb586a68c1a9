"""What a command is doing, on stderr, once it takes more than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

_PATIENCE = 1.0
Say = Callable[[str], None]
"""Told what is being done."""


def silent(step: str) -> None:
    """Tell nobody."""
    del step


class Progress:
    """Call it with what is being done; a line appears once a second has passed.

    On a terminal one line changes in place, with the seconds so far; elsewhere each step that
    takes long is written once. The first run after an installation compiles the kernels, and
    says so.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._step = ""
        self._written = ""
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._terminal = sys.stderr.isatty()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __call__(self, step: str) -> None:
        """Say what is being done now."""
        with self._lock:
            self._step = step

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        if self._terminal and self._written:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def _watch(self) -> None:
        while not self._done.wait(0.25):
            passed = time.monotonic() - self._begun
            with self._lock:
                step = self._step
            if passed < _PATIENCE or not step:
                continue
            if compiling() and not self._terminal and not self._written:
                sys.stderr.write("compiling kernels along the way, once after an installation …\n")
            elif compiling() and self._terminal:
                step += " (compiling kernels, once after an installation)"
            if self._terminal:
                sys.stderr.write(f"\r\x1b[2K{step} … {passed:.0f} s")
            elif step != self._written:
                sys.stderr.write(f"{step} …\n")
            self._written = step
            sys.stderr.flush()


def compiling() -> bool:
    """Whether kernels are being compiled, or were found to be missing, in this process."""
    # another thread may be in the middle of importing it
    fresh = getattr(sys.modules.get("seawall._jit"), "fresh_cache", None)
    return bool(fresh is not None and fresh())
