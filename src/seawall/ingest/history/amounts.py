"""In which unit a table's sizes are: base units, contracts or USD. What may be either is refused.

Some venues count contracts of a face value, under the same names (``sz``, ``size``, ``amount``,
``qty``) under which others count coins; read as coins they are wrong by the face value. The
feed of a venue's rulebook says what it counts. There such a column is read as contracts, of a
size that the row, the caller, a store's polled instruments or the rulebook knows, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.ingest.history.events import Events
from seawall.ingest.history.look import How
from seawall.ingest.history.table import Table
from seawall.ingest.market.tables import read

SIZES = ("notional_usd", "quantity", "contracts")
"""Meanings of a column that sizes may stand in, the surest first."""
_UNITS = {"base": "quantity", "contracts": "contracts", "usd": "notional_usd"}
_TOLD = 5
_LATEST = (
    "SELECT venue, instrument, unit FROM rows WHERE unit > 0 QUALIFY row_number() OVER "
    "(PARTITION BY venue, instrument ORDER BY time DESC, received DESC) = 1"
)


@dataclass(frozen=True, slots=True)
class Sized:
    """Where a table's sizes stand, and what they are.

    Attributes
    ----------
    meaning
        One of :data:`SIZES`.
    column
        Its name in the file.
    stated
        Whether the unit was said by whoever asked, or by the column's name.
    """

    meaning: str
    column: str
    stated: bool


def sized_by(table: Table, place: dict[str, str], given: Mapping[str, str]) -> Sized:
    """The column of sizes; a unit behind a mapped name (``sz:contracts``) is taken off ``place``.

    Parameters
    ----------
    place
        The file's column by meaning, those given by hand among them.
    given
        Those given by hand.
    """
    column = given.get("quantity", "")
    name, colon, unit = column.rpartition(":")
    if colon and unit in _UNITS and not table.has(column):
        for meaning in SIZES:
            place.pop(meaning, None)
        place[_UNITS[unit]] = name
        return Sized(_UNITS[unit], name, True)
    meaning = next((m for m in SIZES if m in given), None) or next(m for m in SIZES if m in place)
    return Sized(meaning, place[meaning], meaning != "quantity")


def plain_column(table: Table, meaning: str, column: str) -> str:
    """A mapped column without the unit behind its name."""
    name, colon, unit = column.rpartition(":")
    units = meaning == "quantity" and colon and unit in _UNITS and not table.has(column)
    return name if units else column


@dataclass(frozen=True, slots=True)
class Amount:
    """One row's size, as :meth:`Events.add` takes it: one of the first three."""

    usd: float | None = None
    base: float | None = None
    contracts: float | None = None
    face: float | None = None


@dataclass(slots=True)
class Amounts:
    """Sizes of rows as :meth:`Events.add` takes them, and what was taken for what.

    Parameters
    ----------
    faces
        Shape (n,): size of a contract as the row says it, NaN where it does not.
    """

    sized: Sized
    how: How
    events: Events
    faces: NDArray[np.float64] | None
    _taken: dict[str, dict[str, None]] = field(default_factory=dict)
    _unsure: dict[tuple[str, str], int] = field(default_factory=dict)
    _counts: dict[tuple[str, str], bool | None] = field(default_factory=dict)

    def of(self, row: int, venue: str, instrument: str, amount: float) -> Amount | None:
        """What the row's size is; None where that is not known."""
        if self.sized.meaning == "notional_usd":
            return Amount(usd=amount)
        counts = self._counted(venue, instrument)
        if self.sized.meaning == "quantity" and (self.sized.stated or not counts):
            words = "base units" if counts is not None or self.sized.stated else "unknown"
            self._taken.setdefault(words, {})[venue] = None
            return Amount(base=amount)
        # a venue that counts USD does so whatever its contracts are of
        own_units = counts is not None and not self.events.in_contracts(venue)
        face = None if own_units and not self.sized.stated else self._face(row, instrument)
        known = face or self.events.contract_size(venue, instrument)
        if known is None and not self.sized.stated:
            self._unsure[venue, instrument] = self._unsure.get((venue, instrument), 0) + 1
            return None
        self._taken.setdefault("contracts", {})[venue] = None
        return Amount(contracts=amount, face=face)

    def refuse(self, where: str) -> None:
        """Raise where sizes may be contracts of a size that is not known.

        Raises
        ------
        InputError
            Naming column, venues and instruments, and what to say instead.
        """
        if not self._unsure:
            return
        column = self.sized.column
        venues = ", ".join(dict.fromkeys(v for v, _ in self._unsure))
        names = [name for _, name in self._unsure]
        more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
        rows = sum(self._unsure.values())
        raise InputError(
            Mistake(
                f"{venues} counts contracts, and the size of one is not known "
                f"({rows:,} row{'s' if rows > 1 else ''})",
                where,
                column=column,
                value=", ".join(names[:_TOLD]) + more,
                allowed=", ".join(f"quantity={column}:{unit}" for unit in _UNITS),
                mend=f"Say the unit, such as --column quantity={column}:contracts, and the size "
                "of a contract: --contract-size INSTRUMENT=SIZE; or import into a store for "
                "which `seawall tape poll` has asked the venue",
            )
        )

    def notes(self) -> Iterable[str]:
        """Which unit was taken, by venue."""
        column = self.sized.column
        if self.sized.meaning == "notional_usd":
            yield f"sizes (column {column}) are taken as USD"
        for words, venues in self._taken.items():
            listed = ", ".join(venues)
            if words == "unknown":
                yield (
                    f"sizes (column {column}) of {listed} are taken as base units: no rulebook "
                    "says what that venue counts"
                )
            elif words == "contracts" and not self.sized.stated:
                yield (
                    f"sizes (column {column}) of {listed} are taken as contracts, as that venue "
                    f"counts; if they are base units say --column quantity={column}:base"
                )
            else:
                yield f"sizes (column {column}) of {listed} are taken as {words}"

    def _counted(self, venue: str, instrument: str) -> bool | None:
        key = venue, instrument
        if key not in self._counts:
            self._counts[key] = self.events.counts_contracts(venue, instrument)
        return self._counts[key]

    def _face(self, row: int, instrument: str) -> float | None:
        told = float(self.faces[row]) if self.faces is not None else np.nan
        if told > 0:
            return told
        return size_given(self.how, instrument)


def size_given(how: How, instrument: str) -> float | None:
    """Size of a contract as whoever asked said it, of this instrument or of all."""
    given = how.contract_sizes
    return given.get(instrument.casefold(), given.get(""))


def polled_sizes(store: Path) -> dict[str, dict[str, float]]:
    """Sizes of contracts by rulebook and instrument, as a store was last told when polling."""
    found: dict[str, dict[str, float]] = {}
    for row in read(store, "instrument", 0, 2**62, _LATEST):
        found.setdefault(row["venue"], {})[row["instrument"]] = row["unit"]
    return found


def sizes_given(texts: Sequence[str], option: str) -> dict[str, float]:
    """``SIZE`` of all contracts, or ``INSTRUMENT=SIZE``, by instrument in small letters.

    Raises
    ------
    InputError
        Naming each that holds no number above 0.
    """
    found: dict[str, float] = {}
    wrong = []
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            size = float(number)
        except ValueError:
            size = 0.0
        if not 0 < size < np.inf:
            wrong.append(
                Mistake("no size of a contract", option, value=text,
                        allowed="a number above 0, such as 0.01 or BTC-USDT-SWAP=0.01")
            )  # fmt: skip
            continue
        found[name.strip().casefold()] = size
    if wrong:
        raise InputError(wrong)
    return found
