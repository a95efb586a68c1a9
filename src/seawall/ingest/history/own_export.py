"""What ``seawall tape export`` wrote: taken back without loss, identifiers included."""

from __future__ import annotations

from pathlib import Path

from seawall.core import InputError, Mistake
from seawall.ingest.history.found import History, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import unzipped
from seawall.ingest.store.exported import read_export
from seawall.ingest.store.parts import COLUMNS

NAME = "seawall export"


def recognises(look: Look) -> bool:
    """Whether a file has just the columns of an export."""
    return look.keys == set(COLUMNS)


def read_path(path: Path, how: How) -> History:
    """Read an export; it says of every event what another file may leave unsaid.

    Raises
    ------
    InputError
        If it is none, or something is given for it that it says itself.
    """
    given = [name for name in ("venue", "instrument", "asset", "columns") if getattr(how, name)]
    if given:
        raise InputError(
            [
                Mistake("an export says this of each event itself", str(path), column=name,
                        mend=f"Leave --{name.removesuffix('s')} out")
                for name in given
            ]
        )  # fmt: skip
    with unzipped(path) as file:
        tape = read_export(file)
    if not len(tape):
        raise InputError(Mistake("0 rows", str(path), allowed="at least one"))
    return History(str(path), NAME, What.LIQUIDATIONS, tape)
