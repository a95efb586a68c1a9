"""How a book lies in the columns that the cascade's kernels read: names of columns and rows."""

from __future__ import annotations

from collections import namedtuple

from seawall.margin._steps import FRACTION, FULL, JUST_ENOUGH, SLICES, TIERS_DOWN

__all__ = ["FRACTION", "FULL", "JUST_ENOUGH", "SLICES", "TIERS_DOWN"]

TIE = 1e-12
"""Relative distance within which equity counts as equal to maintenance, to forgive rounding."""

FARTHEST = 2.0
"""Driver factor up to which ``rise`` bounds losses; beyond it every account is marked."""

BLOCK = 512
"""Joint accounts that come into reach together."""

Groups = namedtuple("Groups", "offset asset side inverse stop waking key weight wake")
Joint = namedtuple(
    "Joint",
    "start base fall rise alarm gate venue stopping stops sound hot tags cold ladder level driven",
)
Rules = namedtuple("Rules", "whole steps rates fees lines bent curves floors ladders")
Work = namedtuple(
    "Work",
    "hot fixed cut base alarm turns after near fallen woken touched lengths sight settled gone "
    "early sums altered",
)
Events = namedtuple("Events", "record count turn position usd stop")
Path = namedtuple("Path", "factor forced stopped fallen bounds")

# columns of `hot`, one row a position: read at every marking; a partial close changes them
Z, ADD = 0, 1
# columns of `tags` beside it: bracket lines and driver
TABLE, DRIVER = 0, 1
# columns of `cold`, read when a position is closed, as at the start
FIXED, COST, FACE, CONTRACTS, GROWN = 0, 1, 2, 3, 4
# columns of `ladder` beside it: bracket floors, and what they count
LADDER, MODE = 0, 1
# columns of `turns` and `after`, one row a joint account
FIRST, LAST = 0, 1
EQUITY, FEE = 0, 1
# items of `lengths`: rows in `near`, `woken`, `touched` and `early`, blocks within reach
NEAR, WOKEN, TOUCHED, EARLY, BLOCKS = 0, 1, 2, 3, 4
# rows of `sums`: USD of early positions by driver, and longs less shorts
GROSS, NET = 0, 1
# items of `sight`: way down and up so far, and as far as `near` holds
DOWN, UP, FAR_DOWN, FAR_UP = 0, 1, 2, 3
# columns of a venue's `rates`: fraction, USD above which it holds, USD of a step at least, at most
PORTION, THRESHOLD, LEAST, MOST = 0, 1, 2, 3
# how the requirement follows the size: bracket lines, bracket of contracts, value at entry, a rate
# that grows with the units held
BY_VALUE, BY_CONTRACTS, AT_ENTRY, BY_UNITS = 0, 1, 2, 3
