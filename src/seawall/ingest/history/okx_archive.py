"""OKX's public archive: trades and funding rates.

Columns of the files under okx.com/historical-data: instrument_name, trade_id, side (of the
taker), price, size (contracts of swaps and futures), created_time (ms), since 2026 source; and
instrument_name, funding_rate, funding_time. A day's file runs by UTC+8. The archive holds no
liquidations.
"""

from __future__ import annotations

import numpy as np

from seawall.core import RuleError
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels
from seawall.rulebook.feeds import contract_sizes

NAME = "okx archive"


def recognises(look: Look) -> bool:
    """Whether a file is one of the archive's."""
    return look.has("instrument_name", "trade_id", "created_time") or look.has(
        "instrument_name", "funding_rate", "funding_time"
    )


def read(table: Table, how: How) -> History:
    """Read a file of trades, sizes in base units where a contract's is known; or of funding."""
    instrument = table.text("instrument_name")
    names = {
        "venue": Labels(np.zeros(table.rows, dtype=np.int32), ["okx"]),
        "instrument": instrument,
    }
    if table.has("funding_rate"):
        series = Series(
            table.times("funding_time"), names, {"funding_rate": table.numbers("funding_rate")}
        )
        table.refuse()
        return History(table.where, NAME, What.FUNDING, series=series)
    time = table.times("created_time")
    side = table.choice("side", {"buy": 1, "sell": -1}).astype(np.float64)
    price = table.numbers("price", positive=True)
    contracts = table.numbers("size", positive=True)
    table.refuse()
    sizes = [_size(name, how) for name in instrument.names]
    face = np.array([s for s, _ in sizes])[instrument.codes]
    inverse = np.array([i for _, i in sizes])[instrument.codes]
    base = np.where(inverse, contracts * face / price, contracts * face)
    missing = [n for n, (s, _) in zip(instrument.names, sizes, strict=True) if np.isnan(s)]
    note = "trades do not say which of them closed a liquidated position"
    notes = [note, *(f"the size of a contract of {n} is not known: no size" for n in missing[:5])]
    values = {"price": price, "size": base, "contracts": contracts, "side": side}
    return History(
        table.where, NAME, What.TRADES, series=Series(time, names, values), notes=tuple(notes)
    )


def _size(name: str, how: How) -> tuple[float, bool]:
    """Base units, or USD of an inverse contract, and whether it is one; NaN where unknown."""
    if name.count("-") == 1:
        return 1.0, False
    inverse = "-USD-" in name
    known = contract_sizes(how.rules, "okx").get(name)
    if known is not None:
        return known, inverse
    try:
        listed = how.rules.instrument("okx", name)
    except RuleError:
        return float("nan"), inverse
    return (listed.contract_size if inverse else float("nan")), inverse
