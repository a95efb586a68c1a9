"""Venues' dated, sourced rules: what each charges, when it liquidates, who pays the loss.

A venue is a folder of TOML files; adding a venue is adding a folder. :class:`Rules` answers by
venue, instrument and date, :func:`bind` attaches the answers to a book.
"""

from __future__ import annotations

from seawall.rulebook.bind import bind
from seawall.rulebook.rules import Bracket, Rules
from seawall.rulebook.symbols import Symbol, parse_symbol
from seawall.rulebook.update import UpdateSummary, update_from_ccxt, update_from_file

__all__ = [
    "Bracket",
    "Rules",
    "Symbol",
    "UpdateSummary",
    "bind",
    "parse_symbol",
    "update_from_ccxt",
    "update_from_file",
]
