"""Any table with telling columns, or with a mapping that tells them.

Columns of a series are kept under their own names; those below are recognised. Of single
liquidations time, price, side and a size (USD, base units or contracts) must be there, and the
venue and the instrument or asset, in columns or given for the whole file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, RuleError
from seawall.core.tape import Kind
from seawall.ingest.history.amounts import SIZES, Amounts, plain_column, sized_by
from seawall.ingest.history.ccxt_export import SIDES
from seawall.ingest.history.events import Events, is_inverse
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels
from seawall.rulebook.feeds import feed_at

NAME = "generic"
MEANINGS: dict[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "datetime", "date", "ts", "open_time"),
    "received": ("received", "local_timestamp", "received_at"),
    "venue": ("venue", "exchange", "exchange_name"),
    "instrument": ("instrument", "symbol", "market"),
    "asset": ("asset", "coin", "ticker", "base", "base_asset"),
    "side": ("side", "position_side", "direction"),
    "price": ("price", "px", "avg_price", "average_price"),
    "quantity": ("quantity", "qty", "amount", "size", "sz"),
    "contracts": ("contracts",),
    "contract_size": ("contract_size", "contractsize", "ct_val", "ctval", "quanto_multiplier"),
    "notional_usd": ("notional_usd", "usd_value", "notional", "usd", "value_usd"),
    "kind": ("kind", "type"),
    "account": ("account", "user", "address", "wallet"),
    "event_id": ("event_id", "id", "trade_id"),
}
_NAMES = {
    *("venue", "instrument", "asset", "side", "account", "kind", "event_id", "unit", "type"),
    *("source_list", "leverage_type", "exchange", "table", "quote", "base", "coin", "ticker"),
    *("symbol", "user", "market"),
}
_TRUTH = {"crossed", "is_negative_equity", "was_liquidated", "was_adl", "had_pre_existing_position"}
_KINDS: tuple[tuple[What, tuple[tuple[str, ...], ...]], ...] = (
    (What.CANDLES, (("open", "high", "low", "close"), ("vix_open", "vix_close"))),
    (What.POSITIONS, (("account", "size", "entry_price"), ("account", "position_size", "side"))),
    (
        What.LIQUIDATION_SUMS,
        (
            ("liq_long_usd", "liq_short_usd"),
            ("long_usd", "short_usd"),
            ("liquidated_ntl_pos", "account"),
        ),
    ),
    (What.LOSSES, (("adl_notional", "closed_pnl"), ("net_notional_usd", "total_pnl"))),
    (
        What.OPEN_INTEREST,
        (("open_interest_usd",), ("open_interest_base",), ("oi_total_close",), ("oi",)),
    ),
    (What.FUNDING, (("funding_rate",), ("funding_close",), ("funding",))),
    (What.DEPTH, (("bids_usd", "asks_usd"),)),
    (What.RATIOS, (("lsr_global",), ("lsr_top_accounts",))),
    (What.VOLUME, (("taker_buy_usd", "taker_sell_usd"), ("usd_volume",))),
    (What.TRANSFERS, (("account", "delta_usd"),)),
)
_WORDS = {**SIDES, "s": SIDES["sell"], "b": SIDES["buy"], "a": SIDES["sell"], "l": SIDES["long"]}
_MANY = 100
_EVENT_KINDS = {k.name.casefold(): int(k) + 1 for k in Kind}


def recognises(look: Look) -> bool:
    """Whether the columns tell what they are."""
    return _what(look.keys) is not None


def _what(columns: frozenset[str]) -> What | None:
    for what, groups in _KINDS:
        if any(columns >= set(g) for g in groups):
            return what
    meant = {m for m, names in MEANINGS.items() if columns & set(names)}
    if meant >= {"time", "price", "side"} and meant & {"quantity", "contracts", "notional_usd"}:
        named = columns & {"crossed", "px"} and "notional_usd" not in columns
        return What.TRADES if named else What.LIQUIDATIONS
    return None


def read(table: Table, how: How) -> History:
    """Read a table by its own columns' names, or by the mapping given."""
    place = {
        ours: theirs
        for ours, names in MEANINGS.items()
        if (theirs := next((n for n in names if table.has(n)), None))
    }
    missing = [c for m, c in how.columns.items() if not table.has(plain_column(table, m, c))]
    unknown = [c for c in how.columns if c not in MEANINGS]
    if missing or unknown:
        raise InputError(
            [Mistake("no such column", table.where, column=c, allowed=", ".join(table.headers))
             for c in missing]
            + [Mistake("no such meaning of a column", table.where, value=c,
                       allowed=", ".join(MEANINGS)) for c in unknown]
        )  # fmt: skip
    place |= how.columns
    what = What.LIQUIDATIONS if how.columns else _what(frozenset(table.headers))
    if what is None:
        raise InputError(
            Mistake(
                "the columns do not tell what they are",
                table.where,
                value=", ".join(table.headers[:12]),
                mend="Say so: --column time=THEIRS --column price=THEIRS …",
            )
        )
    if what is What.LIQUIDATIONS:
        return _events(table, place, how)
    return _series(table, what, place, how)


def _series(table: Table, what: What, place: dict[str, str], how: How) -> History:
    time = table.times(place["time"]) if "time" in place else np.zeros(table.rows, dtype=np.int64)
    names: dict[str, Labels] = {}
    values = {}
    for column in table.headers:
        if column == place.get("time"):
            continue
        if column in _NAMES or column in _TRUTH:
            names[column] = table.text(column, needed=False)
        else:
            values[column] = table.numbers(column, needed=False)
    table.refuse()
    for name in ("venue", "instrument", "asset"):
        given = getattr(how, name)
        if given and not names.keys() & set(MEANINGS[name]):
            names[name] = Labels(np.zeros(table.rows, dtype=np.int32), [given])
    return History(table.where, NAME, what, series=Series(time, names, values))


def _events(table: Table, place: dict[str, str], how: How) -> History:
    _expect(table, place, how)
    sized = sized_by(table, place, how.columns)
    time, side = table.times(place["time"]), table.choice(place["side"], _WORDS)
    price = table.numbers(place["price"], positive=True)
    amount = table.numbers(sized.column, positive=True)
    faces = None
    if "contract_size" in place:
        faces = table.numbers(place["contract_size"], needed=False, positive=True)
    venue = _label(table, place, ("venue",), how.venue)
    instrument = _label(table, place, ("instrument", "asset"), how.instrument or how.asset)
    account = _label(table, place, ("account",), "")
    identity = _label(table, place, ("event_id",), "")
    received = table.times(place["received"]) if "received" in place else time
    kind = np.full(table.rows, int(Kind.LIQUIDATION) + 1, dtype=np.int8)
    if "kind" in place:
        kind = table.choice(place["kind"], _EVENT_KINDS)
    table.refuse()
    events = Events(table.where, f"import {table.name}", how.rules, how.coverage, how.polled_sizes)
    amounts = Amounts(sized, how, events, faces)
    known: dict[tuple[int, int], str] = {}
    for k in range(table.rows):
        pair, name = (venue.codes[k], instrument.codes[k]), instrument.names[instrument.codes[k]]
        if pair not in known:
            known[pair] = events.venue(venue.names[pair[0]], is_inverse(name))
        whose = known[pair]
        size = amounts.of(k, whose, name, float(amount[k]))
        if size is None:
            continue
        events.add(
            k + 1,
            whose,
            name,
            int(time[k]),
            int(side[k]),
            float(price[k]),
            usd=size.usd,
            base=size.base,
            contracts=size.contracts,
            face=size.face,
            kind=Kind(int(kind[k]) - 1),
            own=_name(identity, k) or None,
            account=_name(account, k),
            received=int(received[k]),
        )
    amounts.refuse(table.where)
    notes = [*events.notes(), *amounts.notes()]
    words = {n.casefold() for n in table.text(place["side"]).names}
    if words & {"buy", "sell", "b", "a", "s"}:
        notes.append("sides are taken as the order's: a sale closes a long")
        turned = [v for v in sorted(set(known.values())) if _says_position(how, v)]
        if turned:
            notes.append(
                f"{', '.join(turned)} itself says buy where a long was liquidated: if the words "
                "are those of its stream, longs and shorts are exchanged here; write long and short"
            )
    notes += _one_sided(venue, side)
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=tuple(notes))


def _says_position(how: How, venue: str) -> bool:
    """Whether a venue's own stream says buy and sell of the position, not of the order."""
    try:
        return feed_at(how.rules, venue).side == "position"
    except RuleError:
        return False


def _one_sided(venue: Labels, side: NDArray[np.int8]) -> list[str]:
    """Venues of which every row is of one side: their column may mean something else."""
    notes = []
    for code, name in enumerate(venue.names):
        mine = side[venue.codes == code]
        if len(mine) >= _MANY and len(np.unique(mine)) == 1:
            notes.append(
                f"all {len(mine):,} rows of {name} are of one side: make sure of what it means"
            )
    return notes


def _expect(table: Table, place: dict[str, str], how: How) -> None:
    groups: Sequence[tuple[tuple[str, ...], str]] = (
        (("time",), ""),
        (("price",), ""),
        (("side",), ""),
        (SIZES, ""),
        (("venue",), how.venue),
        (("instrument", "asset"), how.instrument or how.asset),
    )
    mistakes = [
        Mistake(
            "missing column",
            table.where,
            column=" or ".join(group),
            allowed=", ".join(n for g in group for n in MEANINGS[g]),
            mend=f"Add it, or name it: --column {group[0]}=THEIRS",
        )
        for group, given in groups
        if not given and not any(g in place for g in group)
    ]
    if mistakes:
        raise InputError(mistakes)


def _label(table: Table, place: dict[str, str], columns: tuple[str, ...], given: str) -> Labels:
    name = next((place[c] for c in columns if c in place), None)
    if name is not None and not given:
        return table.text(name, needed=columns[0] in ("venue", "instrument"))
    return Labels(np.zeros(table.rows, dtype=np.int32), [given])


def _name(labels: Labels, row: int) -> str:
    code = int(labels.codes[row])
    return labels.names[code] if code >= 0 else ""
