"""Which position a command is about: a row of a book, or one that is not there yet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seawall.core import Instrument
    from seawall.desk.history import Candles
    from seawall.margin import MarginBook

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class NewPosition:
    """A position that is not there yet, alone in an account.

    Parameters
    ----------
    instrument
        The venue's or ccxt's symbol, or a coin.
    equity
        USD in the account, or put up for the position.
    venue
        Whose rules hold.
    side
        ``long`` or ``short``.
    price
        USD; None for the last close of the prices given.
    isolated
        Whether it has a margin of its own.
    """

    instrument: str
    equity: float
    venue: str = "binance"
    side: str = "long"
    price: float | None = None
    isolated: bool = False

    def __post_init__(self) -> None:
        from seawall.core import InputError, Mistake

        wrong = []
        if self.side not in ("long", "short"):
            wrong.append(Mistake("no such side", "--side", value=self.side, allowed="long, short"))
        for name, value in (("--equity", self.equity), ("--entry", self.price)):
            if value is not None and not 0.0 < value < float("inf"):
                wrong.append(
                    Mistake("out of range", name, value=f"{value:g}", allowed="USD above 0")
                )
        if wrong:
            raise InputError(wrong)

    def listed(self) -> Instrument:
        """The instrument that its venue has under that name."""
        from seawall.rulebook import Rules

        rules = Rules.bundled()
        return rules.instrument(rules.canonical_venue(self.venue), self.instrument)


def position_of(margin: MarginBook, row: int | None) -> int:
    """Place of the position of a row.

    Raises
    ------
    InputError
        If there is no such row, or several and none is named.
    """
    import numpy as np

    from seawall.core import InputError, Mistake

    rows = margin.book.positions.row
    if row is None and len(rows) == 1:
        return 0
    at = np.flatnonzero(rows == row)
    if not len(at):
        shown = ", ".join(map(str, rows[:20].tolist())) + (", ..." if len(rows) > 20 else "")
        value = "none" if row is None else str(row)
        raise InputError(Mistake("no such row", "--row", value=value, allowed=shown))
    return int(at[0])


def opened(new: NewPosition, history: Candles) -> MarginBook:
    """An account with a position of the size of its equity, at the last close."""
    from seawall.ingest import read_book
    from seawall.rulebook import Rules, bind

    rules = Rules.bundled()
    of = new.listed()
    many = rules.multiplier(of.symbol)
    last = float(history.close[-1, history.assets.index(of.asset)]) * many
    price = last if new.price is None else new.price
    equity = new.equity / price if of.inverse else new.equity
    contracts = new.equity / of.contract_size / (1.0 if of.inverse else price)
    own = {"collateral": equity} if new.isolated else {"wallet_balance": equity}
    row: dict[str, Any] = {
        "account": "you",
        "venue": of.venue,
        "instrument": of.symbol,
        "size": contracts if new.side == "long" else -contracts,
        "entry_price": price,
        "mark_price": price,
        "margin_mode": "isolated" if new.isolated else "cross",
        **own,
    }
    return bind(read_book([row], rules=rules, when=history.end), rules)


def among(given: Mapping[str, float] | None, assets: Sequence[str]) -> dict[str, float]:
    """Those of the account's own assets, of what is given for a book's."""
    return {a: value for a, value in (given or {}).items() if a in assets}
