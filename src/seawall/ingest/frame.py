"""The recognised columns of a source as arrays, one snapshot of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time
from seawall.ingest.columns import BY_NAME
from seawall.ingest.headers import Headers
from seawall.ingest.sheet import Floats, Labels, Mask, Sheet

_KEYS = ("account", "venue", "instrument", "side", "margin_mode")


@dataclass(slots=True)
class Frame:
    """Columns of a book before they are judged.

    Attributes
    ----------
    sheet, place
        Where the cells came from, for messages.
    pick
        Shape (n,): places of these rows in the sheet.
    row
        Shape (n,): row numbers in the source.
    numbers, labels
        The columns present. Numbers are NaN where empty or bad.
    unreadable
        Where a cell of a number or time column holds something else.
    times
        Shape (n,): UTC nanoseconds, 0 where unknown.
    """

    sheet: Sheet
    place: dict[str, int]
    pick: NDArray[np.intp]
    row: NDArray[np.int64]
    numbers: dict[str, Floats]
    labels: dict[str, Labels]
    unreadable: dict[str, Mask]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def number(self, name: str) -> Floats:
        """A column of numbers; NaN throughout if the source has none."""
        if name not in self.numbers:
            self.numbers[name] = np.full(len(self), np.nan)
        return self.numbers[name]

    def label(self, name: str) -> Labels:
        """A column of names; empty throughout if the source has none."""
        if name not in self.labels:
            self.labels[name] = Labels(np.full(len(self), -1, dtype=np.int32), [])
        return self.labels[name]

    def cell(self, name: str, index: int) -> str | None:
        """Text of a cell as it was written, None if empty or absent."""
        if name not in self.place:
            return None
        return self.sheet.cell(self.place[name], int(self.pick[index]))

    def take(self, rows: NDArray[np.intp]) -> Frame:
        """The chosen rows."""
        return Frame(
            self.sheet,
            self.place,
            self.pick[rows],
            self.row[rows],
            {k: v[rows] for k, v in self.numbers.items()},
            {k: Labels(v.codes[rows], v.names) for k, v in self.labels.items()},
            {k: v[rows] for k, v in self.unreadable.items()},
            self.times[rows],
        )


def load(sheet: Sheet, headers: Headers) -> Frame:
    """Read every recognised column."""
    n = len(sheet.row)
    frame = Frame(
        sheet=sheet,
        place=headers.place,
        pick=np.arange(n, dtype=np.intp),
        row=sheet.row,
        numbers={},
        labels={},
        unreadable={},
        times=np.zeros(n, dtype=np.int64),
    )
    for name, k in headers.place.items():
        kind = BY_NAME[name].kind
        if kind == "label":
            frame.labels[name] = sheet.labels(k)
        elif kind == "time":
            frame.times, frame.unreadable[name] = sheet.times(k)
        else:
            frame.numbers[name], frame.unreadable[name] = sheet.numbers(k)
    return frame


def choose_snapshot(frame: Frame, when: int, where: str) -> tuple[Frame, tuple[str, ...]]:
    """One snapshot of a source that holds the same positions at several times.

    A position seen twice, at different times, makes the source a series of snapshots; the rows
    of the last time (not after ``when``, unless that is 0) are kept.

    Raises
    ------
    InputError
        If every snapshot is later than ``when``.
    """
    if (frame.times == frame.times[0]).all() or not _seen_again(frame):
        return frame, ()
    distinct = np.unique(frame.times)
    usable = distinct[distinct > 0]
    if when:
        usable = usable[usable <= when]
    if not len(usable):
        raise InputError(
            Mistake(
                "every snapshot is later than the time asked for",
                where,
                column="time",
                value=format_time(when),
                allowed=f"{format_time(int(distinct[distinct > 0][0]))} or later",
            )
        )
    chosen = int(usable[-1])
    # rows whose time cannot be read stay, to be reported
    keep = (frame.times == chosen) | frame.unreadable.get("time", np.zeros(len(frame), np.bool_))
    note = (
        f"the source holds {len(distinct):,} snapshots from {format_time(int(distinct[0]))} to "
        f"{format_time(int(distinct[-1]))}; {'the last' if not when else 'the one'} of "
        f"{format_time(chosen)} is taken, {int(keep.sum()):,} of {len(frame):,} rows"
    )
    return frame.take(np.flatnonzero(keep)), (note,)


def _position_keys(frame: Frame) -> NDArray[np.int64]:
    """Shape (n,): one number for each account, venue, instrument, side and margin mode."""
    key = np.zeros(len(frame), dtype=np.int64)
    size = 1
    for name in _KEYS:
        if name not in frame.labels:
            continue
        column = frame.labels[name]
        width = len(column.names) + 1
        if size > np.iinfo(np.int64).max // width:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            size = int(key.max(initial=0)) + 1
        key = key * width + (column.codes + 1)
        size *= width
    return key


def _seen_again(frame: Frame) -> bool:
    if "account" not in frame.labels:
        return False
    key = _position_keys(frame)
    order = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    other_time = frame.times[order][1:] != frame.times[order][:-1]
    return bool((same & other_time).any())
