"""Writing a page whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from seawall.core.files import refusal, whole_file, writable


def check_target(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a page to be written, if it may be; nothing is written.

    Raises
    ------
    InputError
        If the folder is missing or may not be written to, or something other than an HTML page
        stands there: a mistaken path must not cost anybody a book.
    """
    target = writable(path)
    if target.exists() and not _is_page(target):
        raise refusal(target, "another file, not a page, has this name", "Choose another name.")
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
    with whole_file(path) as out:
        out.write(text.encode("utf-8"))
    return Path(path).expanduser().absolute()
