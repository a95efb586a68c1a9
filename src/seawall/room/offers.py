"""What the room offers: a command's name, what may be asked of it, and what answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from seawall.report.model import Report
    from seawall.room.books import Shelf
    from seawall.room.drops import Drops
    from seawall.room.sheets import Sheets

Say = Callable[[str], None]


class Ask(BaseModel):
    """Base of every question: unknown keys are refused, numbers are finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=2000)

    def lasts(self) -> bool:
        """Whether nothing but what it names decides the answer."""
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """What a command finds when it is asked here.

    Attributes
    ----------
    shelf
        Books by their identifier, each bound to its rules.
    store
        Folder of the tape that this server shows; None without one.
    sheets
        Files of candles by their identifier; None where none can be sent.
    drops
        Files that were sent to be taken into the store; None where none can be sent.
    """

    shelf: Shelf
    store: Path | None = None
    sheets: Sheets | None = None
    drops: Drops | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One command.

    Attributes
    ----------
    name
        As on the command line, parts joined by ``/``: ``tape/stats``.
    title
        What it answers, in a few words.
    schema
        Schema of its answer, such as ``seawall.check/1``.
    ask
        What may be asked.
    answer
        Called in a thread with the question, the place, and what to call with each step.
    long
        Whether it runs as a job only.
    lasting
        Whether the same question always has the same answer.
    """

    name: str
    title: str
    schema: str
    ask: type[Ask]
    answer: Callable[[Any, Place, Say], Report]
    long: bool = False
    lasting: bool = True
