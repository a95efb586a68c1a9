"""Whose a store is: a rehearsal's holds what never happened, and must not mix with another."""

from __future__ import annotations

from pathlib import Path

from seawall.core import InputError, Mistake

MARK = "rehearsal.txt"
"""File by which a rehearsal's store is known."""
_WORDS = "A rehearsal's store: its events are synthetic. Made by `seawall tape rehearse`.\n"


def is_rehearsal(folder: Path) -> bool:
    """Whether a folder is the store of a rehearsal."""
    return (folder / MARK).is_file()


def claim(folder: Path) -> None:
    """Make a folder a rehearsal's, or take one that is.

    Raises
    ------
    InputError
        If something else is in it.
    """
    if is_rehearsal(folder):
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            Mistake(
                "neither empty nor the store of a rehearsal: synthetic events would mix with it",
                "--store",
                value=str(folder),
                allowed="a folder that is new or empty, or an earlier rehearsal's",
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(_WORDS, encoding="utf-8")


def refuse_rehearsal(folder: Path) -> None:
    """See that what truly happens is not recorded among synthetic events.

    Raises
    ------
    InputError
        If the folder is the store of a rehearsal.
    """
    if is_rehearsal(folder):
        raise InputError(
            Mistake(
                "a rehearsal's store, whose events never happened",
                "--store",
                value=str(folder),
                mend="name another folder",
            )
        )
