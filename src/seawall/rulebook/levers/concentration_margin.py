"""Large positions need more margin, the more of the market they are."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from seawall.core import InputError, Mistake
from seawall.core.hooks import Floats, Floor, Hook, Traders
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers._where import (
    by_account,
    holdings,
    notional_now,
    open_interest,
    refuse_unknown,
    rows_under,
    shrink,
)

_HALVINGS = 50


class ConcentrationMargin(Lever):
    """Add to the maintenance rate of a holding what closing it in a thin market would cost.

    A holding is all that one trader has in one instrument. Its rate grows by ``slope`` times its
    share of the market above ``above``, ``most`` at most. Off with ``slope`` 0.

    Assumes that the venue knows who is one trader, and that shares are those of the start: the
    rate does not move when others leave.
    """

    title: ClassVar[str] = "Margin add-on by concentration"
    source: ClassVar[str] = (
        "CPMI-IOSCO (2012), Principles for financial market infrastructures, 3.6 (add-ons for "
        "concentrated positions); Deribit's margin rates, "
        "which grow linearly with size, are the rule of a venue"
    )

    of: Literal["open_interest", "depth"] = Field(
        "open_interest",
        description=(
            "What the share is of: the instrument's open interest in the book, or the depth"
            " that rests within 1% of the mid"
        ),
    )
    depth_usd: Mapping[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="That depth by asset, on one side, USD; needed for depth"
    )
    slope: float = Field(
        default=0.0,
        ge=0,
        description=(
            "Rate added for each unit of the share: with 0.2, a share 0.1 above what is "
            "free needs 0.02 of notional more"
        ),
    )
    above: float = Field(default=0.0, ge=0, description="Share that is free; fraction")
    most: float = Field(default=0.5, gt=0, lt=1, description="Highest rate added; fraction")
    respond: Literal["hold", "cut"] = Field(
        "hold",
        description=(
            "hold: positions stay, closer to liquidation; cut: positions were cut before "
            "the start until the account was as far from liquidation as without the rule"
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> ConcentrationMargin:
        if self.of == "depth" and self.slope > 0 and not self.depth_usd:
            raise ValueError("a share of depth needs depth_usd, by asset")
        if self.of == "open_interest" and self.depth_usd:
            raise ValueError(
                'depth_usd is given, but the share is of open interest: set of = "depth"'
            )
        return self

    def rate(self, share: Floats) -> Floats:
        """What is added to the maintenance rate at a share of the market."""
        return np.minimum(self.slope * np.maximum(share - self.above, 0.0), self.most)

    def shares(self, traders: Traders) -> Floats:
        """Shape (n,): share of the market that the holding of each position is; 0 elsewhere.

        Raises
        ------
        InputError
            If the depth of an asset is asked for and not given.
        """
        book = traders.book
        under = rows_under(self, book)
        if self.of == "depth":
            held = [book.assets[k] for k in np.unique(book.asset_codes()[under])]
            missing = [a for a in held if a not in self.depth_usd]
            if missing:
                raise InputError(
                    Mistake(
                        "no depth for an asset with positions",
                        "concentration_margin",
                        column="depth_usd",
                        value=", ".join(missing),
                        allowed="USD by asset",
                        mend="add it, or name the assets that the lever shall hold for",
                    )
                )
            table = np.array([self.depth_usd.get(a, inf) for a in book.assets])
            market = table[book.asset_codes()]
        else:
            market = open_interest(traders)
        index, usd = holdings(traders)
        out = np.zeros(len(book))
        np.divide(usd[index], market, out=out, where=under & (market > 0.0))
        return out

    def needs(self, traders: Traders) -> Floats:
        """Shape (m,): USD that the add-on asks of each account, positions as they are."""
        return by_account(traders, self.rate(self.shares(traders)) * notional_now(traders))

    def admit(self, floor: Floor) -> Hook | None:
        """Nothing during the run; refuses names that the run does not have."""
        refuse_unknown("concentration_margin", {"depth_usd": self.depth_usd}, floor)
        return None

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Raise the rates of large holdings, and cut them if traders respond so."""
        if self.slope == 0.0 or not len(traders.book):
            return
        share = self.shares(traders)
        account = traders.book.positions.account
        scale = np.ones(len(traders.book.accounts))
        if self.respond == "cut":
            scale = self._cut(traders, share)
        traders.add_on += self.rate(share * scale[account])
        shrink(traders, np.where(rows_under(self, traders.book), scale[account], 1.0))

    def _cut(self, traders: Traders, share: Floats) -> Floats:
        """Shape (m,): scale s at which equity / (s n) - add-on(s) is what it was without.

        With notional n and a flat maintenance rate, that keeps the price move that liquidates.
        """
        account = traders.book.positions.account
        notional = np.where(share > 0.0, notional_now(traders), 0.0)
        equity = traders.equity
        low, high = np.zeros(len(equity)), np.ones(len(equity))
        for _ in range(_HALVINGS):
            s = 0.5 * (low + high)
            add = by_account(traders, notional * self.rate(share * s[account]))
            fits = s * (equity + add) <= equity
            low, high = np.where(fits, s, low), np.where(fits, high, s)
        touched = (by_account(traders, notional * self.rate(share)) > 0.0) & (equity > 0.0)
        return np.where(touched, low, 1.0)
