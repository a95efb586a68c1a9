"""Protective stops: reduce-only orders between the mark and the liquidation price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.desk.hedging import exposure_usd
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

MARGIN = 0.25
"""How far in front of the liquidation price a stop stands, as a part of the way to the mark."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that would close one position before it is liquidated.

    Attributes
    ----------
    row
        Of the position.
    account, isolated
        Whose it is, and whether it has a margin of its own.
    venue, symbol
        Rulebook and instrument.
    side
        Of the order: ``sell`` closes a long, ``buy`` a short.
    contracts
        How many contracts of the instrument's size, > 0.
    trigger, liquidation_price, mark
        USD; the trigger lies between the other two.
    why_not
        Why there can be none; empty if there can.
    """

    row: int
    account: str
    isolated: bool
    venue: str
    symbol: str
    side: str
    contracts: float
    trigger: float
    liquidation_price: float
    mark: float
    why_not: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """The position, as it is known from one mark and one reading to the next."""
        return self.venue, self.account, self.isolated, self.symbol, self.side


def planned(now: MarginBook, margin: float = MARGIN) -> tuple[Stop, ...]:
    """A stop for each position of a book at its present marks.

    The trigger is ``liquidation price + margin * (mark - liquidation price)``: on the side of the
    mark, and so before the liquidation, by that part of the way. There is none for a position
    that no fall against it liquidates, whose account is due already, or without which its account
    would be exposed by more than it is.

    Parameters
    ----------
    margin
        Part of the way from the liquidation price to the mark, above 0, below 1.
    """
    book, p = now.book, now.book.positions
    price = now.liquidation_price()
    due = now.accounts_state().liquidatable[p.account]
    signed = np.sign(p.size) * book.notional()
    rest = exposure_usd(now)[p.account] - signed
    offsets = ~book.accounts.isolated[p.account] & (np.abs(rest) > np.abs(rest + signed))
    out = []
    for i in range(len(book)):
        of = book.instruments[int(p.instrument[i])]
        mark, fall, long = float(p.mark[i]), float(price[i]), bool(p.size[i] > 0)
        against = fall < mark if long else fall > mark
        why = ""
        if due[i]:
            why = "its account is due for liquidation at the mark: a stop would come too late"
        elif offsets[i]:
            why = "it offsets other positions of its account, which would stand alone without it"
        elif not against:
            why = "no price against it liquidates it"
        out.append(
            Stop(
                row=int(p.row[i]),
                account=book.traders[int(book.accounts.trader[p.account[i]])],
                isolated=bool(book.accounts.isolated[p.account[i]]),
                venue=of.venue,
                symbol=of.symbol,
                side="sell" if long else "buy",
                contracts=abs(float(p.size[i])) / of.contract_size,
                trigger=fall + margin * (mark - fall),
                liquidation_price=fall,
                mark=mark,
                why_not=why,
            )
        )
    return tuple(out)


def wrong_side(stop: Stop, trigger: float) -> str:
    """Why a trigger, once rounded as the venue rounds it, protects nothing; empty if it does."""
    low, high = sorted((stop.liquidation_price, stop.mark))
    if low < trigger < high:
        return ""
    return (
        f"rounded to the venue's tick its trigger {trigger:g} is not between the liquidation "
        f"price {stop.liquidation_price:g} and the mark {stop.mark:g}"
    )


def too_late(stop: Stop, trigger: float) -> bool:
    """Whether a stop with this trigger fires after the liquidation: where it stands, it is idle."""
    beyond = trigger - stop.liquidation_price
    return beyond <= 0 if stop.side == "sell" else beyond >= 0
