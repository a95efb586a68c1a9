"""What a forced closing may cost: bankruptcy quote, fillable price, what the fund gains or loses.

dYdX computes in millionths of a dollar and says which way each figure is rounded. Its words:
*net collateral* is equity, *maintenance margin requirement* the maintenance margin, a *quote* the
dollars paid (< 0) or received (> 0) for a change of size.

Source: dYdX v4 chain, x/clob/keeper/liquidations.go and its tests; docs.dydx.xyz, "Contract loss
mechanism". Recomputed from the formulas; ``tests/reference`` holds the chain's own cases.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.margin._steps import fillable, rating

Floats = NDArray[np.float64]

QUOTE_DECIMALS = 6
"""Decimals to which dYdX counts dollars."""


def rounded_down(value: Floats | float, decimals: int = QUOTE_DECIMALS) -> Floats:
    """Greatest multiple of ``10 ** -decimals`` that is not above the value.

    A value that misses a multiple only by the rounding of its own last bits counts as that one.
    """
    scaled = np.asarray(value, dtype=np.float64) * 10.0**decimals
    whole = np.rint(scaled)
    slack = 1e-6 + 8.0 * np.finfo(np.float64).eps * np.abs(scaled)
    return np.asarray(np.where(np.abs(scaled - whole) <= slack, whole, np.floor(scaled))) / (
        10.0**decimals
    )


def bankruptcy_quote(
    size: Floats, delta: Floats, price: Floats, rate: Floats, equity: Floats, maintenance: Floats
) -> Floats:
    """Dollars at which closing a part of a position takes its share of the equity, and no more.

    ``-delta * price - floor(equity * freed / maintenance)`` with ``freed`` the maintenance margin
    that the part lets go: at this quote for each part in turn an account ends at 0.

    Parameters
    ----------
    size, delta
        Signed size, base units, and the change of it (opposite in sign).
    price, rate
        Oracle price, USD, and maintenance rate of the market.
    equity, maintenance
        Of the whole account, USD.

    Returns
    -------
    USD, > 0 is received for a long that is sold; rounded up to a millionth.

    Source: see the module.
    """
    size, delta, price = (np.asarray(x, dtype=np.float64) for x in (size, delta, price))
    before = -rounded_down(-np.abs(size) * price * rate)
    after = -rounded_down(-np.abs(size + delta) * price * rate)
    share = np.asarray(equity) * np.abs(after - before) / np.asarray(maintenance)
    return np.asarray(-delta * price - rounded_down(share))


def bankruptcy_rating(equity: Floats, maintenance: Floats, adjustment: float) -> Floats:
    """How near an account is to bankruptcy: 0 at the maintenance margin, 1 at the latest at 0.

    ``clamp(adjustment * (1 - equity / maintenance), 0, 1)``.

    Source: see the module; adjusted bankruptcy rating (ABR).
    """
    return np.asarray(rating(_floats(equity), _floats(maintenance), float(adjustment)))


def fillable_price(
    size: Floats,
    price: Floats,
    rate: Floats,
    equity: Floats,
    maintenance: Floats,
    adjustment: float,
    spread: float,
) -> Floats:
    """Worst price at which a liquidation order may fill, USD.

    ``price * (1 - sign(size) * rating * spread * rate)``: at the oracle price when the account is
    just liquidated, ``spread`` times its maintenance margin away when it is bankrupt. Arguments
    as for :func:`bankruptcy_quote` and :func:`bankruptcy_rating`; ``spread`` is a multiple of the
    maintenance margin.

    Source: see the module.
    """
    account = (_floats(equity), _floats(maintenance), float(adjustment))
    side = np.sign(_floats(size))
    return np.asarray(fillable(side, _floats(price), _floats(rate), *account, float(spread)))


def insurance_fund_delta(
    delta: Floats, fill_price: Floats, quote: Floats, max_fee: float
) -> Floats:
    """What the insurance fund gains (> 0) or pays (< 0) by one fill, USD.

    The dollars of the fill above the bankruptcy ``quote``, a gain no more than ``max_fee`` of the
    dollars filled. ``delta`` is the change of size, base units.

    Source: see the module.
    """
    filled = -np.asarray(delta, dtype=np.float64) * fill_price
    return np.asarray(np.minimum(filled - np.asarray(quote), max_fee * np.abs(filled)))


def _floats(values: Floats | float) -> Floats:
    return np.asarray(values, dtype=np.float64)
