"""Nouns, units and errors. Imports the standard library and numpy only."""

from seawall.core.book import Accounts, Book, Position, Positions
from seawall.core.errors import InputError, InternalError, Mistake, RuleError, SeawallError
from seawall.core.instrument import ContractType, Instrument
from seawall.core.schedule import MarginSchedule, TierUnit, continuous_deductions
from seawall.core.terms import (
    AdlPrice,
    AdlRank,
    AdlTrigger,
    CloseFee,
    FundingTerms,
    LiquidationTerms,
    LossTerms,
    MaintenanceBasis,
    MarginTerms,
    MarkRule,
    MarkTerms,
    PartialRule,
    RatioForm,
    Route,
    Surplus,
    TickRule,
    VenueTerms,
)
from seawall.core.units import format_time, parse_time

__all__ = [
    "Accounts",
    "AdlPrice",
    "AdlRank",
    "AdlTrigger",
    "Book",
    "CloseFee",
    "ContractType",
    "FundingTerms",
    "InputError",
    "Instrument",
    "InternalError",
    "LiquidationTerms",
    "LossTerms",
    "MaintenanceBasis",
    "MarginSchedule",
    "MarginTerms",
    "MarkRule",
    "MarkTerms",
    "Mistake",
    "PartialRule",
    "Position",
    "Positions",
    "RatioForm",
    "Route",
    "RuleError",
    "SeawallError",
    "Surplus",
    "TickRule",
    "TierUnit",
    "VenueTerms",
    "continuous_deductions",
    "format_time",
    "parse_time",
]
