"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from seawall.core.errors import InputError, Mistake


def check_target(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a page to be written, if it may be; nothing is written.

    Raises
    ------
    InputError
        If the folder is missing or may not be written to, or something other than an HTML page
        stands there: a mistaken path must not cost anybody a book.
    """
    target = Path(path).expanduser().absolute()
    if target.is_dir():
        raise _refusal(target, "the output is a folder", "Name a file inside it.")
    if not target.parent.is_dir():
        raise _refusal(target, "the output's folder does not exist", "Create the folder first.")
    if not os.access(target.parent, os.W_OK):
        raise _refusal(target, "the output's folder may not be written to", "Choose another.")
    if target.exists() and not _is_page(target):
        raise _refusal(target, "another file, not a page, has this name", "Choose another name.")
    return target


def _is_page(target: Path) -> bool:
    if not target.is_file():
        return False
    with target.open("rb") as file:
        start = file.read(15).lower()
    return start in (b"", b"<!doctype html>")


def write_whole(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text so that the file is either the old one or the complete new one.

    Returns
    -------
    Path
        The absolute path written.

    Raises
    ------
    InputError
        If the folder is missing, the path is a folder, or it may not be written to.
    """
    target = Path(path).expanduser().absolute()
    if target.is_dir():
        raise _refusal(target, "the output is a folder", "Name a file inside it.")
    if not target.parent.is_dir():
        raise _refusal(target, "the output's folder does not exist", "Create the folder first.")
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    except OSError as error:
        raise _refusal(
            target, f"the output cannot be written: {error.strerror}", "Choose another folder."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return target


def _refusal(target: Path, what: str, mend: str) -> InputError:
    # the path is the place: a value would be cut where it is long
    allowed = "a file in a writable folder that exists"
    return InputError(Mistake(what, str(target), allowed=allowed, mend=mend))
