"""Margin accounts and the finished book: what the rows mean together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book, Mistake, Positions
from seawall.ingest.backing import Backing
from seawall.ingest.checks import ISOLATED
from seawall.ingest.findings import Findings
from seawall.ingest.frame import Frame
from seawall.ingest.listing import Listing
from seawall.ingest.sheet import Floats, Mask
from seawall.margin import unrealised_pnl

_AGREE = 1e-9


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with all that was found out about them.

    Attributes
    ----------
    frame
        The rows as read.
    modes
        Shape (n,): isolated, cross, or negative where the row does not say.
    listing
        Their instruments.
    size, mark
        Shape (n,): signed size in base units (linear) or USD (inverse), and mark price.
    backing
        How each is margined.
    """

    frame: Frame
    modes: NDArray[np.int8]
    listing: Listing
    size: Floats
    mark: Floats
    backing: Backing


def check_duplicates(judged: Judged, findings: Findings) -> Mask:
    """Positions that stand twice: same account, venue, instrument, side and margin mode.

    Returns
    -------
    Shape (n,): exact repeats of an earlier row, which lenient reading may drop alone.
    """
    frame = judged.frame
    repeats = np.zeros(len(frame), dtype=np.bool_)
    named = (frame.label("account").codes >= 0) & (judged.listing.codes >= 0) & ~findings.bad
    if not named.any():
        return repeats
    things = len(judged.listing.instruments)
    key = frame.label("account").codes.astype(np.int64) * things + judged.listing.codes
    key = (key * 8 + judged.modes + 4) * 2 + (judged.size > 0)
    rows = np.flatnonzero(named)
    order = rows[np.argsort(key[rows], kind="stable")]
    opens = np.append(True, key[order][1:] != key[order][:-1])
    if opens.all():
        return repeats
    first = np.arange(len(frame))
    first[order] = order[np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))]
    conflict = first != np.arange(len(frame))
    again = np.flatnonzero(conflict)
    repeats[again] = _equal_rows(frame, again, first[again])
    findings.add(
        repeats,
        None,
        lambda i: f"duplicate row: the same as row {frame.row[first[i]]}",
        "one row a position",
        "Drop one of them",
        value=lambda i: frame.cell("instrument", i),
    )
    conflict &= ~repeats
    findings.add(
        conflict,
        None,
        lambda i: (
            f"second row for one position: account, venue, instrument, side and margin mode are "
            f"those of row {frame.row[first[i]]}, other values differ"
        ),
        "one row a position",
        "Keep the right one, or add them up",
        value=lambda i: frame.cell("instrument", i),
    )
    # which of two that contradict each other is right cannot be known
    findings.bad[first[conflict]] = True
    return repeats


def group_accounts(
    judged: Judged, repeats: Mask, findings: Findings
) -> tuple[NDArray[np.int64], Floats]:
    """Margin account of each row, and the balance of each account; repeats earn no profit.

    Returns
    -------
    Shape (n,) group of each row, in order of first appearance; shape (m,) balance.
    """
    frame, shared = judged.frame, judged.backing.shared
    venue, settle, _, _ = _venue_settle(judged.listing)
    n = len(frame)
    key = np.arange(n, dtype=np.int64)
    if shared.any():
        trader = frame.label("account").codes.astype(np.int64)
        wide = (trader * (venue.max() + 2) + venue + 1) * (settle.max() + 2) + settle + 1
        _, first, inverse = np.unique(wide[shared], return_index=True, return_inverse=True)
        key[shared] = np.flatnonzero(shared)[first][inverse]
    # a key is the place of the account's first row, so that rows lead in order of appearance
    leads = key == np.arange(n)
    leaders = np.flatnonzero(leads)
    group = (np.cumsum(leads) - 1)[key]
    balance = np.where(shared, np.nan, judged.backing.own)[leaders]
    if shared.any():
        wallet = _agreed(frame, "wallet_balance", group, shared, len(leaders), findings)
        value = _agreed(frame, "account_value", group, shared, len(leaders), findings)
        pnl = unrealised_pnl(
            judged.size, frame.number("entry_price"), judged.mark, judged.listing.inverse()
        )
        counted = np.where(np.isfinite(pnl) & ~repeats, pnl, 0.0)
        value = value - np.bincount(group, counted, len(leaders))
        own = np.where(np.isnan(wallet), value, wallet)
        balance = np.where(shared[leaders], own, balance)
        missing = shared & np.isnan(own[group]) & ~findings.bad
        findings.add(
            missing,
            "wallet_balance",
            "no wallet for this settlement currency of the account",
            "wallet_balance or account_value, once for each account, venue and currency",
            "Fill one of them in",
        )
    return group, balance


def spread_to_accounts(judged: Judged, repeats: Mask, findings: Findings) -> Mask:
    """Rows that lenient reading must set aside because their cross account lost a leg.

    A repeat of a row takes nothing away, so it spreads to nobody.
    """
    frame = judged.frame
    account, venue = frame.label("account"), frame.label("venue")
    key = account.codes.astype(np.int64) * (len(venue.names) + 1) + venue.codes + 1
    named = account.codes >= 0
    lost = findings.bad & ~repeats & named & (judged.modes != ISOLATED)
    hit = np.zeros(len(account.names) * (len(venue.names) + 1), dtype=np.bool_)
    hit[key[lost]] = True
    out = np.zeros(len(frame), dtype=np.bool_)
    out[named] = hit[key[named]]
    return out & judged.backing.shared & ~findings.bad


def build(
    judged: Judged,
    group: NDArray[np.int64],
    balance: Floats,
    rows: NDArray[np.intp],
    where: str,
    time: int,
    notes: tuple[str, ...],
    set_aside: tuple[Mistake, ...],
) -> Book:
    """The book of the chosen rows."""
    whole = len(rows) == len(judged.frame)
    frame = judged.frame if whole else judged.frame.take(rows)
    venue, settle, venues, currencies = _venue_settle(judged.listing)
    used, account = _renumber(group[rows])
    leaders = np.empty(len(used), dtype=np.intp)
    leaders[account[::-1]] = rows[::-1]
    trader, traders = _traders(judged.frame, leaders)
    kept, instrument = _renumber(judged.listing.codes[rows])
    kept_venues, venue_codes = _renumber(venue[leaders])
    kept_settle, settle_codes = _renumber(settle[leaders])
    positions = Positions(
        row=frame.row,
        account=account,
        instrument=instrument,
        size=judged.size[rows],
        entry=frame.number("entry_price"),
        mark=judged.mark[rows],
        leverage=frame.number("leverage"),
        stop=frame.number("stop_price"),
        rate=frame.number("maintenance_margin_rate"),
        amount=frame.number("maintenance_amount"),
        taker_fee=frame.number("taker_fee"),
        reported_liquidation=frame.number("liquidation_price"),
        time=frame.times,
    )
    accounts = Accounts(
        trader=trader,
        venue=venue_codes,
        isolated=~judged.backing.shared[leaders],
        balance=balance[used],
        settle=settle_codes,
    )
    return Book(
        positions=positions,
        accounts=accounts,
        instruments=tuple(judged.listing.instruments[k] for k in kept),
        traders=traders,
        venues=tuple(venues[k] for k in kept_venues),
        currencies=tuple(currencies[k] for k in kept_settle),
        time=time,
        source=where,
        notes=notes,
        set_aside=set_aside,
    )


def _agreed(
    frame: Frame, name: str, group: NDArray[np.int64], shared: Mask, m: int, findings: Findings
) -> Floats:
    """Shape (m,): the account's one value of a column; rows that disagree become findings."""
    values = frame.number(name)
    given = shared & np.isfinite(values)
    out = np.full(m, np.nan)
    places = np.flatnonzero(given)[::-1]
    out[group[places]] = values[places]
    first = np.zeros(m, dtype=np.int64)
    first[group[places]] = frame.row[places]
    theirs = out[group]
    with np.errstate(invalid="ignore"):
        differs = given & (np.abs(values - theirs) > _AGREE * np.abs(theirs))
    findings.add(
        differs,
        name,
        lambda i: f"differs from row {first[group[i]]} of the same cross account",
        f"one {name} for each account, venue and settlement currency",
        "Make them agree, or give it once",
    )
    # one wallet that cannot be trusted stands behind every row of the account
    doubtful = np.zeros(m, dtype=np.bool_)
    doubtful[group[differs]] = True
    findings.bad |= doubtful[group] & shared
    return out


def _equal_rows(frame: Frame, one: NDArray[np.intp], other: NDArray[np.intp]) -> Mask:
    """Whether the rows of two lists hold the same in every column."""
    same = frame.times[one] == frame.times[other]
    for values in frame.numbers.values():
        a, b = values[one], values[other]
        same &= (a == b) | (np.isnan(a) & np.isnan(b))
    for column in frame.labels.values():
        same &= column.codes[one] == column.codes[other]
    return np.asarray(same)


def _venue_settle(
    listing: Listing,
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str], list[str]]:
    """Venue and settlement currency of each row as codes (-1 unknown), and their names."""
    venues = list(dict.fromkeys(i.venue for i in listing.instruments))
    currencies = list(dict.fromkeys(i.settle for i in listing.instruments))
    of_venue = np.array([venues.index(i.venue) for i in listing.instruments], dtype=np.int64)
    of_settle = np.array([currencies.index(i.settle) for i in listing.instruments], dtype=np.int64)
    return (
        listing.of_rows(of_venue, -1).astype(np.int64),
        listing.of_rows(of_settle, -1).astype(np.int64),
        venues,
        currencies,
    )


def _traders(frame: Frame, leaders: NDArray[np.intp]) -> tuple[NDArray[np.int32], list[str]]:
    """Trader of each margin account; a row that names none is a trader of its own."""
    column = frame.label("account")
    codes = column.codes[leaders]
    if not column.names:
        names = [f"row-{r}" for r in frame.row[leaders].tolist()]
        return np.arange(len(leaders), dtype=np.int32), names
    kept, renumbered = _renumber(codes)
    names = [column.names[k] for k in kept]
    nameless = codes < 0
    if nameless.any():
        extra = [f"row-{r}" for r in frame.row[leaders[nameless]].tolist()]
        renumbered[nameless] = len(names) + np.arange(len(extra), dtype=np.int32)
        names += extra
    return renumbered, names


def _renumber(codes: NDArray[np.integer]) -> tuple[list[int], NDArray[np.int32]]:
    """Codes in use, in order of first appearance, and the codes numbered that way; -1 stays."""
    used = codes[codes >= 0]
    size = int(used.max(initial=-1)) + 1
    first = np.full(size, len(codes), dtype=np.int64)
    places = np.flatnonzero(codes >= 0)[::-1]
    first[codes[places]] = places
    kept = np.flatnonzero(first < len(codes))
    kept = kept[np.argsort(first[kept])]
    table = np.full(size + 1, -1, dtype=np.int32)
    table[kept] = np.arange(len(kept), dtype=np.int32)
    return kept.tolist(), table[codes]
