"""How a command ends: its exit code, and whose mistake an error is, in one clear text."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""

_NO_RIGHT = "See that you may write there, or name another folder or file"
_MEND = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.EADDRINUSE: "Name another port, or 0 for any that is free",
}

_UsageError: Any = typer.BadParameter.__mro__[2]
"""What every error in the use of options and arguments is."""


class ReaderGoneError(Exception):
    """Who read our output has left; not an ``OSError``, which typer would answer with exit 1."""


@contextmanager
def to_reader() -> Iterator[None]:
    """Write a result, flushed: a reader that leaves midway ends the command, without an error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None


def exit_code_of(command: Callable[[], Any]) -> int:
    """Run a command and give its exit code; what went wrong is said on stderr."""
    try:
        code = command()
        sys.stdout.flush()
        return _told(code) if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _told(STOPPED)
    except (BrokenPipeError, ReaderGoneError):
        # the reader of our output has left: nothing more to say, not even at the exit's flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _usage(error) if isinstance(error, _UsageError) else _failed(error)


def _failed(error: Exception) -> int:
    """Say whose mistake an error is, and give its exit code."""
    # imported here, as it brings numpy along and help must be instant
    from seawall.core.errors import InternalError, SeawallError

    if not isinstance(error, (SeawallError, OSError, MemoryError)):
        traceback.print_exc()
        error = InternalError(f"{type(error).__name__}: {error}")
    words = _refused(error) if isinstance(error, OSError) else str(error)
    sys.stderr.write(f"error: {words or 'not enough memory'}\n")
    return error.exit_code if isinstance(error, SeawallError) else 1


def _refused(error: OSError) -> str:
    """A system's refusal without its number: what it is of, why, and what to do."""
    why = error.strerror or str(error)
    mend = _MEND.get(error.errno or 0, "")
    said = f"{error.filename}: {why}" if error.filename is not None else why
    return f"{said}. {mend}" if mend else said


def _told(code: int) -> int:
    if code == STOPPED:
        sys.stderr.write("stopped\n")
    return code


def _usage(error: Any) -> int:
    """One line for a wrong option or argument, with where help stands; help if nothing is asked."""
    words = error.format_message().replace("Value error, ", "")
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(words + "\n")
        return 2
    context = getattr(error, "ctx", None)
    path = "seawall" if context is None else context.command_path
    words = words[:1].lower() + words[1:].removesuffix(".")
    stop = "" if words.endswith("?") else "."
    sys.stderr.write(f"error: {words}{stop} Try {path} --help\n")
    return 2
