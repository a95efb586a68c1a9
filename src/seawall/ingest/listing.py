"""Venues and instruments of a book, as the rulebooks name them; and their marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Instrument, Mistake, RuleError
from seawall.ingest.findings import Findings
from seawall.ingest.frame import Frame
from seawall.ingest.sheet import Floats, Mask
from seawall.rulebook import Rules, parse_symbol

GENERIC = "generic"
_TABLE_LIMIT = 1 << 22
_TYPE_NAMES = {0: "linear", 1: "inverse"}


@dataclass(frozen=True, slots=True)
class Listing:
    """The instruments of a book.

    Attributes
    ----------
    codes
        Shape (n,): index into ``instruments``; -1 where the row names none that can be read.
    instruments
        As the rulebooks know them, each once.
    """

    codes: NDArray[np.int32]
    instruments: tuple[Instrument, ...]

    def of_rows(self, table: NDArray[np.generic], missing: object) -> NDArray[np.generic]:
        """Shape (n,): a property of the instruments, by row."""
        whole = np.append(table, np.array([missing], dtype=table.dtype))
        return whole[self.codes]

    def contract_size(self) -> Floats:
        """Shape (n,): base units or USD per contract; NaN where unknown."""
        sizes = np.array([i.contract_size for i in self.instruments], dtype=np.float64)
        return self.of_rows(sizes, np.nan).astype(np.float64)

    def inverse(self) -> Mask:
        """Shape (n,): whether the contract is inverse."""
        kinds = np.array([i.inverse for i in self.instruments], dtype=np.bool_)
        return self.of_rows(kinds, False).astype(np.bool_)


def list_instruments(
    frame: Frame,
    types: NDArray[np.int8],
    rules: Rules,
    venue: str | None,
    findings: Findings,
) -> Listing:
    """Resolve each distinct venue, name, contract type, contract size and tick once.

    Parameters
    ----------
    frame
        The rows.
    types
        Shape (n,): 0 linear, 1 inverse, negative where not said.
    rules
        The rulebooks.
    venue
        Venue of rows that name none; None for ``generic``.
    findings
        Gets unknown venues and names that cannot be read.
    """
    venues, names = frame.label("venue"), frame.label("instrument")
    sizes, size_codes = _distinct(frame.number("contract_size"))
    ticks, tick_codes = _distinct(frame.number("tick_size"))
    kinds = np.where(types < 0, 2, types).astype(np.int64)
    parts = (
        (venues.codes + 1, len(venues.names) + 1),
        (names.codes + 1, len(names.names) + 1),
        (kinds, 3),
        (size_codes, len(sizes)),
        (tick_codes, len(ticks)),
    )
    group, firsts = _groups(parts)
    table = np.full(len(firsts), -1, dtype=np.int32)
    found: dict[Instrument, int] = {}
    wrong: dict[int, Mistake] = {}
    for g, i in enumerate(firsts.tolist()):
        v, k = int(venues.codes[i]), int(names.codes[i])
        if k < 0:
            continue
        try:
            instrument = _resolve(
                rules,
                venues.names[v] if v >= 0 else venue or GENERIC,
                names.names[k],
                _TYPE_NAMES.get(int(types[i])),
                _known(frame.number("contract_size")[i]),
                _known(frame.number("tick_size")[i]),
            )
            table[g] = found.setdefault(instrument, len(found))
        except RuleError as error:
            wrong[g] = error.mistakes[0]
    _tell(wrong, group, findings)
    return Listing(table[group], tuple(found))


def fill_marks(
    frame: Frame,
    listing: Listing,
    size: Floats,
    prices: Mapping[str, float],
    findings: Findings,
    marks: Mapping[str, float] | None = None,
) -> tuple[Floats, tuple[str, ...]]:
    """Shape (n,): mark prices, and how those left out were found.

    In this order: the row's own, ``notional_usd`` / size of a linear contract, ``prices`` by
    instrument or underlying, the mark of the instrument's last row that has one, ``marks`` by
    instrument or underlying.
    """
    mark = frame.number("mark_price").copy()
    notes = []

    def fill(values: Floats, how: str) -> None:
        chosen = np.isnan(mark) & np.isfinite(values) & (values > 0)
        if chosen.any():
            mark[chosen] = values[chosen]
            notes.append(f"mark price of {int(chosen.sum()):,} rows {how}")

    notional = frame.number("notional_usd")
    with np.errstate(divide="ignore", invalid="ignore"):
        derived = np.where(listing.inverse(), np.nan, np.abs(notional / size))
    fill(derived, "taken as notional_usd / size")
    if prices:
        given = np.array([_price_of(i, prices) for i in listing.instruments], dtype=np.float64)
        fill(listing.of_rows(given, np.nan).astype(np.float64), "taken from the prices given")
    if np.isnan(mark).any() and listing.instruments:
        seen = np.full(len(listing.instruments), np.nan)
        usable = np.isfinite(mark) & (mark > 0) & (listing.codes >= 0) & ~findings.bad
        seen[listing.codes[usable]] = mark[usable]
        fill(listing.of_rows(seen, np.nan).astype(np.float64), "taken from another row")
    if marks and np.isnan(mark).any():
        stored = np.array([_price_of(i, marks) for i in listing.instruments], dtype=np.float64)
        fill(listing.of_rows(stored, np.nan).astype(np.float64), "taken from the marks stored")
    garbled = frame.unreadable.get("mark_price", np.zeros(len(frame), dtype=np.bool_))
    findings.add(
        np.isnan(mark) & (listing.codes >= 0) & ~garbled,
        "mark_price",
        "missing value",
        "a price above 0",
        lambda i: (
            "Fill it in, or give the price of the underlying: --price "
            f"{listing.instruments[listing.codes[i]].asset}=PRICE"
        ),
    )
    return mark, tuple(notes)


def check_prices_used(prices: Mapping[str, float], listing: Listing) -> tuple[str, ...]:
    """A note on prices given for nothing in the book.

    Raises
    ------
    InputError
        If a price is not a positive number.
    """
    for name, price in prices.items():
        if not np.isfinite(price) or price <= 0:
            raise InputError(
                Mistake("not a price", f"price of {name}", value=str(price), allowed="above 0")
            )
    names = {n.casefold() for i in listing.instruments for n in (i.symbol, i.asset)}
    idle = [n for n in prices if n.casefold() not in names]
    return (f"prices given for nothing in the book: {', '.join(idle)}",) if idle else ()


def _resolve(
    rules: Rules,
    venue: str,
    name: str,
    kind: str | None,
    contract_size: float | None,
    tick: float | None,
) -> Instrument:
    # "binance" is two rulebooks: a name quoted in USD and no dollar token is a coin-margined one
    hint = kind
    if hint is None:
        try:
            symbol = parse_symbol(name)
            if symbol.inverse or (symbol.inverse is None and symbol.quote == "USD"):
                hint = "inverse"
        except RuleError:
            pass
    canonical = rules.canonical_venue(venue, hint)
    return rules.instrument(canonical, name, kind, contract_size, tick)


def _price_of(instrument: Instrument, prices: Mapping[str, float]) -> float:
    wanted = {name.casefold(): price for name, price in prices.items()}
    own = wanted.get(instrument.symbol.casefold())
    if own is not None:
        return own
    try:
        multiple = parse_symbol(instrument.symbol).multiplier
    except RuleError:
        multiple = 1.0
    price = wanted.get(instrument.asset.casefold())
    return np.nan if price is None else price * multiple


def _tell(wrong: dict[int, Mistake], group: NDArray[np.int64], findings: Findings) -> None:
    """One finding for each distinct venue or name that is not known."""
    if not wrong:
        return
    bad = np.zeros(int(group.max(initial=0)) + 1, dtype=np.bool_)
    bad[list(wrong)] = True
    for column in ("venue", "instrument"):
        mine = bad.copy()
        mine[[g for g, m in wrong.items() if (m.column or "instrument") != column]] = False
        if not mine.any():
            continue
        first = next(m for g, m in wrong.items() if mine[g])
        findings.add(
            mine[group],
            column,
            lambda i: wrong[int(group[i])].what,
            first.allowed,
            first.mend[:1].upper() + first.mend[1:],
            value=lambda i: wrong[int(group[i])].value,
        )


def _groups(
    parts: tuple[tuple[NDArray[np.integer], int], ...],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group of each row by several codes, in order of first appearance; and first rows."""
    key = np.zeros(len(parts[0][0]), dtype=np.int64)
    size = 1
    for codes, width in parts:
        key = key * width + codes
        size *= width
    if size > _TABLE_LIMIT:
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return rank[inverse], first[order]
    first = np.full(size, len(key), dtype=np.int64)
    # written back to front, so that the first row of a group is what stays
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1, dtype=np.int64)
    used = np.flatnonzero(first < len(key))
    order = used[np.argsort(first[used])]
    rank = np.empty(size, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[key], first[order]


def _distinct(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Distinct values, NaN last and always there, and each row's place among them."""
    given = values[~np.isnan(values)]
    distinct = np.append(np.unique(given), np.nan)
    if len(distinct) == 1:
        return distinct, np.zeros(len(values), dtype=np.int64)
    codes = np.searchsorted(distinct[:-1], values)
    return distinct, np.where(np.isnan(values), len(distinct) - 1, codes).astype(np.int64)


def _known(value: float) -> float | None:
    return None if np.isnan(value) or value <= 0 else float(value)
