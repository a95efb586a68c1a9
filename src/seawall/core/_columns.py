"""Names of the columns that the simulator's kernels, behaviours and levers read and write.

The state of a run is a handful of plain arrays; a column is found by the constant of its name.
"Base" quantities are base units for linear contracts and USD face for inverse ones, > 0 long. A
*driver* is the price (linear) or its reciprocal (inverse), as in the margin engine, and an
*exposure* the quantity (linear) or its negative (inverse): profit is exposure * change of driver,
and a trade costs exposure * driver in the settlement currency.
"""

from __future__ import annotations

# --- markets: one row a market (venue x instrument), float64 -------------------------------
VENUE = 0
"""Index of the venue; spot markets belong to venue -1."""
ASSET = 1
"""Index of the underlying."""
SPOT = 2
"""1 for the spot market of an asset, which feeds the index; 0 for a perpetual."""
INVERSE = 3
"""1 for an inverse contract."""
WIDTH = 4
"""Width of a price level, log."""
CALM = 5
"""USD that makers rest within 1% of the centre, each side, when calm."""
WILL = 6
"""Share of the calm depth that makers are willing to rest now, 0 to 1."""
WILL_CAP = 7
"""Upper bound of WILL set by a shock, 0 to 1."""
REFILL = 8
"""Rate at which levels below their target refill, 1/s."""
CANCEL = 9
"""Rate at which quantity above the target is cancelled, 1/s."""
CENTRE = 10
"""Log price around which makers quote."""
PERMANENT = 11
"""Share of a displacement by trades that the centre follows, 0 to 1."""
ANCHOR = 12
"""Rate at which the centre returns to the index (perpetual) or the outside price (spot), 1/s."""
BID = 13
"""Price at which a small sale is filled, USD; 0 if there are no bids."""
ASK = 14
"""Price at which a small purchase is filled, USD; 0 if there are no offers."""
MID = 15
"""Mean of BID and ASK, USD; the last one if a side is empty."""
LAST = 16
"""Price of the last trade, USD."""
INDEX = 17
"""Index price that the venue uses, USD."""
MARK = 18
"""Mark price, USD: what accounts are valued at."""
MARK_BEFORE = 19
"""Mark price before the last one, USD."""
SESSION = 20
"""0 open, 1 halted (no trade), 2 down (outage: no trade, no mark, no liquidation)."""
UNTIL = 21
"""Second at which a halt ends."""
BAND_LOW = 22
"""Lowest price at which an order is filled, USD; 0 without a band."""
BAND_HIGH = 23
"""Highest price at which an order is filled, USD; infinite without a band."""
VARIANCE = 24
"""Variance of the log mid per second, exponentially weighted."""
BOUGHT = 25
"""Base quantity bought by orders in the last step, >= 0."""
SOLD = 26
"""Base quantity sold by orders in the last step, >= 0."""
FORCED_BOUGHT = 27
"""USD of forced purchases (liquidated shorts, funds' sales) in the last step."""
FORCED_SOLD = 28
"""USD of forced sales (liquidated longs, funds' sales) in the last step."""
ALLOWANCE = 29
"""USD of forced orders that may be sent in a step; infinite without a throttle."""
INTEREST = 30
"""Open interest: base quantity that anyone is long, makers, funds and unlevered included."""
PREMIUM = 31
"""Mean premium of mid over index since the last funding."""
RATE = 32
"""Funding rate of the last interval; longs pay if > 0."""
FUNDING_AT = 33
"""Second of the next funding."""
FUNDING_EVERY = 34
"""Seconds between fundings."""
MAKER_HELD = 35
"""Base quantity that makers hold, signed."""
MAKER_CASH = 36
"""Cash of the makers' trades, settlement currency."""
DISCLOSED = 37
"""1 if the concentration of liquidations near the price is published."""
LONGS_NEAR = 38
"""USD of long positions liquidated if this mark fell 2%; 0 unless disclosed."""
SHORTS_NEAR = 39
"""USD of short positions liquidated if this mark rose 2%; 0 unless disclosed."""
MARK_RULE = 40
"""How the venue marks; see the MARK_BY constants."""
MARK_WINDOW = 41
"""Averaging time of the mark's basis, s."""
BASIS = 42
"""Running average of mid less index, USD."""
INDEX_LAG = 43
"""Seconds by which the index is late; an oracle shock lengthens it."""
FEE = 44
"""Taker fee, fraction of notional."""
STANDING_BID = 45
"""USD resting within 1% below the centre."""
STANDING_ASK = 46
"""USD resting within 1% above the centre."""
TRADED = 47
"""USD of all trades in the last step."""
SCRATCH = 48
"""Room for one number of a lever of its own, 0 at the start."""
FOLLOW = 49
"""Share of a move of the index (perpetual) or of the outside price (spot) that the centre follows
at once, 0 to 1: makers read the news, too."""
INDEX_BEFORE = 50
"""Index (perpetual) or outside price (spot) that the centre followed last, log."""
MARK_EXPONENTIAL = 51
"""1 if the basis is averaged exponentially, 0 if over points a second apart."""
MARK_BOUND = 52
"""How far the basis may be from 0, as a fraction of the index."""
OWN_SLOW = 53
"""Running average over 30 s of the median of bid, ask and last, USD."""
NEXT_BID = 54
"""USD resting within 1% below BID, what the next sales meet; 0 if there are no bids."""
NEXT_ASK = 55
"""USD resting within 1% above ASK, what the next purchases meet; 0 if there are no offers."""
MARK_EVERY = 56
"""Seconds between marks; 0 for one a step."""
MARK_RAW = 57
"""The last mark that the venue's rule gave, before levers, USD."""
MARKET_COLUMNS = 58

OPEN, HALTED, DOWN = 0.0, 1.0, 2.0

# how a venue marks
MARK_BY_INDEX = 0
"""The index alone (dYdX's oracle)."""
MARK_BY_BASIS = 1
"""Index plus the average of mid less index (OKX, Deribit)."""
MARK_BY_MEDIAN = 2
"""Median of index with funding, index plus average basis, last (Binance, Bybit)."""
MARK_BY_ORACLE = 3
"""Median of oracle plus slow basis, median(bid, ask, last), other venues' mids (Hyperliquid)."""

# --- orders of a behaviour: one row a market --------------------------------------------------
QUANTITY = 0
"""Base quantity to trade at market, > 0 buys."""
LIMIT = 1
"""Worst price accepted, USD; 0 for none."""
ENTRIES = 2
"""USD of leveraged positions that outside traders open, > 0 long."""
EXITS = 3
"""Quantity that leveraged traders close at a profit, > 0 buys shorts back; USD if inverse."""
RESTS = 4
"""Quantity that rests for this step at the best price quoted, > 0 bids; others trade with it
before they trade with makers."""
ORDER_COLUMNS = 5

# --- clock --------------------------------------------------------------------------------------
STEP, SECONDS, DT, STEPS, LATENCY = 0, 1, 2, 3, 4
"""Number of the step, seconds since the start, seconds a step, steps of the whole run, and steps
from finding that an account is due to sending its order, at least 1."""
CLOCK_COLUMNS = 5

# --- accounts: one row a margin account --------------------------------------------------------
CASH = 0
"""Balance less cost of the positions: equity is CASH + sum of Z * driver."""
TOPUP = 1
"""What the trader would add when called, settlement currency; 0 if nothing."""
CALL = 2
"""Margin ratio (maintenance / equity) at which the trader is called; 0 if never."""
CUT_AT = 3
"""Equity at which the trader cuts leverage; -inf if never."""
CUT_TO = 4
"""Leverage the trader cuts to."""
PLEDGED = 5
"""Part of the balance held in a collateral asset that can lose its peg, at its price."""
RESERVE = 6
"""What funding may still take before the account's thresholds have to be set anew."""
ACCOUNT_FLOATS = 7

A_VENUE, A_START, A_STATE, A_UNTIL, A_STEPS, A_COIN = 0, 1, 2, 3, 4, 5
"""Venue, first position, state, step until which it cools down, tries, market of its coin."""
ACCOUNT_INTS = 6

DORMANT, ALIVE, LIQUIDATING, GONE = 0, 1, 2, 3

# --- positions: one row a position --------------------------------------------------------------
Z = 0
"""Signed exposure to the driver."""
U0 = 1
"""Driver at entry."""
FIXED = 2
"""Part of the maintenance margin that no price moves."""
ADD = 3
"""Added to every maintenance rate."""
STOP = 4
"""Stop price, USD; NaN if none."""
THRESHOLD = 5
"""Mark price, USD, at which the position's account is looked at again."""
START_Z = 6
"""Exposure at the start, for bracket steps by contracts."""
PLAN = 7
"""A planned position: USD to open, > 0; 0 once it is open."""
SIZE0 = 8
"""Size at the start in what its bracket ladder counts: contracts, units or cost."""
FIXED0 = 9
"""FIXED at the start."""
ADD0 = 10
"""ADD at the start."""
INITIAL = 11
"""Initial margin rate at its bracket for its first size: one over the greatest leverage."""
POSITION_FLOATS = 12

P_ACCOUNT, P_MARKET, P_TABLE, P_LADDER, P_MODE, P_NEXT, P_PREVIOUS, P_BUCKET, P_CUT = range(9)
POSITION_INTS = 9

# --- events: one row each -------------------------------------------------------------------------
E_STEP, E_KIND, E_MARKET, E_ACCOUNT, E_POSITION, E_QUANTITY, E_PRICE, E_USD = range(8)
EVENT_COLUMNS = 8

(
    LIQUIDATION,
    PARTIAL,
    STOPPED,
    CALLED,
    ADDED,
    TAKEOVER,
    FUND_DRAW,
    ADL,
    HALT,
    RESUME,
    FUNDING,
    ENTRY,
    DELEVERAGED,
    SOCIALISED,
    LOST,
    PROFIT_TAKEN,
) = range(16)
EVENT_NAMES = (
    "liquidation",
    "partial",
    "stop",
    "margin_call",
    "margin_added",
    "takeover",
    "fund_draw",
    "adl",
    "halt",
    "resume",
    "funding",
    "entry",
    "deleveraged",
    "socialised",
    "bad_debt",
    "profit_taken",
)
