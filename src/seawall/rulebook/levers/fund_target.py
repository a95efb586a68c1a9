"""The insurance fund is set to a target, and liquidations may pay more into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from seawall.core import Mistake, RuleError, VenueTerms
from seawall.core.hooks import Floor, Hook
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers._where import holds, refuse_unknown


class FundTarget(Lever):
    """Set each venue's insurance fund at the start, in USD or as a share of open interest.

    Off with no target and no fee.

    Assumes that the money is there on the first day; who paid it in is not modelled. A scenario
    that states the fund of the same venue is refused.
    """

    title: ClassVar[str] = "Insurance fund target"
    source: ClassVar[str] = (
        "CPMI-IOSCO (2012), Principles for financial market infrastructures, principle 4 (cover "
        "the largest one or two participants); Paddrik and Young (2021), How safe are central "
        "counterparties in credit default swap markets, Mathematics and Financial Economics 15"
    )

    usd: float | None = Field(
        default=None, ge=0, description="What every venue's fund is set to, USD; none leaves it"
    )
    share: float | None = Field(
        default=None,
        ge=0,
        description=(
            "What every venue's fund is set to, as a share of its open interest; none leaves it"
        ),
    )
    open_interest: Mapping[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="Open interest by venue, USD; needed for share"
    )
    fee: float = Field(
        default=0.0,
        ge=0,
        lt=0.1,
        description=(
            "Added to the venue's liquidation fee, which goes from the account into the "
            "fund as long as the account has it; fraction of the notional closed"
        ),
    )

    @model_validator(mode="after")
    def _one_target(self) -> FundTarget:
        if self.usd is not None and self.share is not None:
            raise ValueError("usd and share exclude each other: leave one out")
        if self.share is not None and not self.open_interest:
            raise ValueError("a share of open interest needs open_interest, by venue")
        if self.share is None and self.open_interest:
            raise ValueError("open_interest without a share of it: give share, or leave it out")
        return self

    def sets(self, venue: str) -> bool:
        """Whether it sets the fund of a venue."""
        return (self.usd is not None or self.share is not None) and holds(self, venue)

    def admit(self, floor: Floor) -> Hook | None:
        """Nothing during the run; refuses names that the run does not have."""
        refuse_unknown("fund_target", {"open_interest": self.open_interest}, floor)
        return None

    def terms(self, terms: VenueTerms) -> VenueTerms:
        """Terms with the fund at its target and the fee added.

        Raises
        ------
        RuleError
            If the open interest of a venue is needed and not given.
        """
        if not holds(self, terms.venue):
            return terms
        if self.share is not None and terms.venue not in self.open_interest:
            raise RuleError(
                Mistake(
                    "no open interest for a venue whose fund is a share of it",
                    "fund_target",
                    column="open_interest",
                    value=terms.venue,
                    allowed="USD by venue",
                    mend="add it, or name the venues that the lever shall hold for",
                )
            )
        target = self.usd
        if self.share is not None:
            target = self.share * self.open_interest[terms.venue]
        if target is not None:
            terms = replace(terms, loss=replace(terms.loss, fund_usd=target))
        if self.fee > 0.0:
            fee = terms.liquidation.fee + self.fee
            terms = replace(terms, liquidation=replace(terms.liquidation, fee=fee))
        return terms
