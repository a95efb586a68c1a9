"""Which column of a table is which, and what to say of headers that are none."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from seawall.core import Mistake
from seawall.ingest.columns import COLUMNS, EXTRAS, plain

CCXT_MARKS = frozenset(
    {"contracts", "contractsize", "initialmarginpercentage", "maintenancemarginpercentage"}
)
"""Headers that together say: ccxt's position structure as a table."""


_KNOWN = {plain(s): c.name for c in COLUMNS for s in (c.name, *c.synonyms)}
_IGNORED = frozenset(plain(e) for e in EXTRAS)


@dataclass(frozen=True, slots=True)
class Headers:
    """Which column of a table is which.

    Attributes
    ----------
    place
        Position in the table of each known column found.
    ignored
        Headers that are known to be harmless, as written.
    mistakes
        Headers that are unknown or stand twice.
    """

    place: dict[str, int]
    ignored: tuple[str, ...]
    mistakes: tuple[Mistake, ...]


def recognise(headers: Sequence[str], where: str = "") -> Headers:
    """Tell what each header means; unknown and doubled ones become mistakes."""
    plains = [plain(h) for h in headers]
    meaning = dict(_KNOWN)
    if set(plains) >= CCXT_MARKS:
        # ccxt's collateral counts unrealised profit, its datetime repeats its timestamp, and both
        # say when the position last changed rather than when it was looked at
        meaning["collateral"] = "collateral_value"
        for name in ("timestamp", "datetime"):
            del meaning[name]
    place: dict[str, int] = {}
    ignored: list[str] = []
    mistakes: list[Mistake] = []
    for k, (header, key) in enumerate(zip(headers, plains, strict=True)):
        name = meaning.get(key, "")
        if not name:
            if key in _IGNORED or key in _KNOWN:
                ignored.append(header)
            else:
                mistakes.append(_unknown(header, key, where))
        elif name in place:
            mistakes.append(_doubled(header, headers[place[name]], name, where))
        else:
            place[name] = k
    return Headers(place, tuple(ignored), tuple(mistakes))


def count_known(headers: Sequence[str]) -> int:
    """How many of the headers are columns of a book."""
    return sum(plain(h) in _KNOWN for h in headers)


def _unknown(header: str, key: str, where: str) -> Mistake:
    near = difflib.get_close_matches(key, _KNOWN, n=1, cutoff=0.6)
    mend = f"did you mean {_KNOWN[near[0]]}?" if near else "rename the column or take it out"
    return Mistake(
        "unknown column" if header.strip() else "a column without a name",
        where,
        column=header,
        allowed=", ".join(c.name for c in COLUMNS),
        mend=mend[0].upper() + mend[1:],
    )


def _doubled(header: str, first: str, name: str, where: str) -> Mistake:
    return Mistake(
        "duplicate column" if header == first else f"second column for {name}, beside {first}",
        where,
        column=header,
        allowed=f"one column for {name}",
        mend="Take one of them out",
    )
