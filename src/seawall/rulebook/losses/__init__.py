"""Who pays for a loss beyond collateral, one rule a file.

Files whose names begin with a letter are rules; those with an underscore are what rules share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import LossTerms
from seawall.core.registry import registry
from seawall.rulebook.losses._measures import (
    Burden,
    Coverage,
    burden,
    coverage,
    deleveraged_profit,
    given_up,
    overshoot,
)
from seawall.rulebook.plugin import Plugin

__all__ = [
    "Allocation",
    "Burden",
    "Claim",
    "Coverage",
    "LossRule",
    "Opposite",
    "burden",
    "coverage",
    "deleveraged_profit",
    "given_up",
    "loss_rule",
    "loss_rules",
    "overshoot",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """Positions of failed accounts in one market that the venue has taken over in this step.

    Attributes
    ----------
    quantity
        Base quantity taken over, signed as the failed accounts held it; 0 where a rule is asked
        for what the fund has held since before.
    bankruptcy
        Mean price at which the failed accounts' equity was 0, USD; 0 where there is none.
    mark, mark_before
        Mark price at which they were taken over, and the one before it, USD.
    deficit
        USD by which the failed accounts are below zero at the mark, >= 0.
    fund, fund_peak
        USD the insurance fund is worth now (its inventory, this claim included, at the mark)
        and its greatest worth in the last eight hours.
    fund_start
        USD it was worth at the start of the run.
    inverse
        Whether the contract is inverse.
    seconds
        Since the venue took the positions over; rules that auction read it.
    below
        Base quantity, >= 0, of the accounts that are below zero; all of it where left out and
        there is a deficit. The rest is of accounts taken over while they still had equity.
    held
        Base quantity of the fund's inventory on that side, this claim included, signed alike;
        the claim's own where left out. Rules that clear the inventory read it.
    fund_after
        USD it was worth after the venue last closed positions against winners; infinite before.
    spent
        Whether the fund was below the rule's limit before anything was shared in this step; as
        ``fund`` says where left out.
    was_triggered
        Whether this rule was triggered when it was last asked about this market and side; rules
        that end later than they begin read it.
    """

    quantity: float
    bankruptcy: float
    mark: float
    mark_before: float
    deficit: float
    fund: float
    fund_peak: float
    fund_start: float
    inverse: bool = False
    seconds: float = 0.0
    was_triggered: bool = False
    below: float | None = None
    held: float | None = None
    fund_after: float = math.inf
    spent: bool | None = None

    def side(self) -> float:
        """+1 if the failed accounts were long, -1 if short."""
        return math.copysign(1.0, self.quantity or self.held or 1.0)

    def inventory(self) -> float:
        """Base quantity, >= 0, of the fund's inventory on that side, this claim included."""
        return abs(self.quantity if self.held is None else self.held)

    def insolvent(self) -> float:
        """Base quantity, >= 0, of the accounts below zero."""
        if self.below is None:
            return abs(self.quantity) if self.deficit > 0 else 0.0
        return min(self.below, abs(self.quantity))


@dataclass(frozen=True, slots=True, eq=False)
class Opposite:
    """Open positions of the market on the other side than the claim, columns of one length.

    USD unless said otherwise. ``quantity`` is the base quantity, > 0 whatever the side; ``side``
    is +1 or -1, the same in all rows. ``balance``, ``equity``, ``maintenance`` and ``gross``
    (notional of all its positions) are those of the position's account; ``cost`` the notional at
    entry, ``pnl`` the unrealised profit of the position itself.
    """

    quantity: Floats
    side: float
    entry: Floats
    mark: float
    notional: Floats
    cost: Floats
    pnl: Floats
    balance: Floats
    equity: Floats
    maintenance: Floats
    gross: Floats

    def __len__(self) -> int:
        return len(self.quantity)


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """What a rule does with a claim.

    Attributes
    ----------
    closed
        Shape (k,): base quantity of each opposite position that is closed against the claim,
        0 <= closed <= quantity; their sum is at most the claim's, or the inventory's where the
        rule clears it.
    price
        USD price at which they are closed.
    paid
        Shape (k,): USD that each opposite position's account pays in cash (haircut or
        socialised loss), >= 0 and at most its positive profit; their sum is at most the deficit.
    """

    closed: Floats
    price: float
    paid: Floats


class LossRule(Plugin):
    """How a venue shares losses. The fund keeps what no rule allocates and sells it in the book.

    A claim that does not trigger a rule is allocated to nobody. Rows that are alike in all columns
    that a rule reads share alike, so that no result depends on the order of rows; where a rule
    must tell them apart it says so.
    """

    def limit(self, fund_start: float, fund_after: float) -> float:
        """USD of the fund's worth below which all that it holds goes to winners, at any time.

        ``fund_start`` is its worth at the start, ``fund_after`` after the last time; infinite
        before. Below it the rule is asked in all markets in which the fund holds anything.
        """
        return -math.inf

    def triggered(self, claim: Claim) -> bool:
        """Whether the fund does not carry this claim by itself."""
        raise NotImplementedError

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Share a claim out over the opposite positions."""
        raise NotImplementedError


def loss_rules() -> dict[str, type[LossRule]]:
    """Every loss rule by the name of its file."""
    return registry(__name__, LossRule)


def loss_rule(terms: LossTerms) -> LossRule:
    """The rule that a venue's rulebook describes.

    A venue's own rule where trigger, order and price are its, since it may know more than the
    terms say (Bybit's end of deleveraging); else :class:`~seawall.rulebook.losses.queue.Queue`.
    Rules that no terms describe (auctions, assignment, withdrawals) are named in a scenario.
    ``most_per_account_usd`` is not carried over: a claim does not tell accounts apart.
    """
    from seawall.rulebook.losses._of_terms import of_terms

    return of_terms(terms)
