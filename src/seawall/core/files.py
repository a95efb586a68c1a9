"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seawall.core.errors import InputError, Mistake


def writable(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a file to be written, if it may be; nothing is written.

    Raises
    ------
    InputError
        If the path is a folder, or its folder is missing or may not be written to.
    """
    target = Path(path).expanduser().absolute()
    if target.is_dir():
        raise refusal(target, "the output is a folder", "Name a file inside it.")
    if not target.parent.is_dir():
        raise refusal(target, "the output's folder does not exist", "Create the folder first.")
    if not os.access(target.parent, os.W_OK):
        raise refusal(target, "the output's folder may not be written to", "Choose another.")
    return target


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes the path's place once all of it is on the disk.

    Raises
    ------
    InputError
        If it cannot be written. What stood there is left as it was.
    """
    target = writable(path)
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with draft.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    except OSError as error:
        what = f"the output cannot be written: {error.strerror}"
        raise refusal(target, what, "Choose another folder.") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def refusal(target: Path, what: str, mend: str) -> InputError:
    """The error of a file that may not be written there."""
    # the path is the place: a value would be cut where it is long
    allowed = "a file in a writable folder that exists"
    return InputError(Mistake(what, str(target), allowed=allowed, mend=mend))
