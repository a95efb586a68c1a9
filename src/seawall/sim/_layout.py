"""The state of a run as named arrays, and the columns of those that no plug-in sees."""

from __future__ import annotations

from collections import namedtuple

World = namedtuple(
    "World",
    "clock markets bids asks shape front af ai pf pi head due origin venues rates deductions "
    "curves floors ladders fund_held fund_cash fund_usd fees rest_held rest_cash "
    "interest queue events counts claims totals found credit order order_start exits "
    "exits_start exit_credit pool by_market by_market_start points weights",
)
"""All that changes or is read during a run; saved and loaded whole."""

# --- venues: one row a venue -----------------------------------------------------------------
V_FEE, V_KIND, V_TIERS, V_FRACTION, V_THRESHOLD = 0, 1, 2, 3, 4
V_COOL, V_ROUTE, V_BACKSTOP, V_TO_FUND, V_PATIENCE = 5, 6, 7, 8, 9
V_LEAST, V_MOST, V_ADJUST, V_SPREAD, V_LIMIT = 10, 11, 12, 13, 14
VENUE_COLUMNS = 15

BY_BOOK, BY_ENGINE = 0.0, 1.0
"""Whether a liquidation goes to the book first, or to the venue's engine at bankruptcy."""

# --- counts ----------------------------------------------------------------------------------
N_EVENTS, N_QUEUE, N_RECORD, N_EDIT, N_SALE, N_LOST, N_CLAIMS, N_ENTRY, N_HALF = range(9)
COUNTS = 16

# --- queue: what waits to be sent into the book -----------------------------------------------
Q_REASON, Q_ROW, Q_READY = 0, 1, 2
LIQUIDATE, STOP_OUT, CUT_BACK, TAKE_PROFIT = 0, 1, 2, 3

# --- claims: by market and side (0 longs, 1 shorts), what a venue took over in this step -----
C_QUANTITY, C_BANKRUPT, C_DEFICIT, C_BELOW = 0, 1, 2, 3
"""Base quantity >= 0, quantity * driver at bankruptcy, USD below zero, quantity of those."""
CLAIM_COLUMNS = 4

# --- pool: by market and side (0 bids, 1 offers), what behaviours have resting in this step ----
R_LEFT, R_FILLED = 0, 1
"""Quantity that still rests, and quantity of it that was traded with, both >= 0."""

# --- totals ------------------------------------------------------------------------------------
T_DEPOSITS, T_IN_COIN = 0, 1
"""USD that traders added, and the part of it that was added in coin."""
TOTALS = 8

# --- modes of a bracket ladder, as the cascade's --------------------------------------------
BY_VALUE, BY_CONTRACTS, BY_COST, BY_UNITS = 0, 1, 2, 3

Plan = namedtuple(
    "Plan",
    "edits sales outside peg spot pledged pledge memory parameters spans addresses keys orders "
    "firsts sessions pace flows record record_second columns every room waits",
)
"""What a run follows from outside, its hooks' memory and where it writes its series."""
