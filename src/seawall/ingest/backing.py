"""What stands behind each position: its own margin, a shared wallet, or what the venue printed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.ingest.checks import CROSS, ISOLATED
from seawall.ingest.findings import Findings
from seawall.ingest.frame import Frame
from seawall.ingest.sheet import Floats, Mask
from seawall.margin import unrealised_pnl

OVER_FULL = 1.01
"""Margin over notional at entry of a position without a liquidation price: 1% for closing fees."""


@dataclass(frozen=True, slots=True)
class Backing:
    """How each row is margined.

    Attributes
    ----------
    shared
        Shape (n,): rows of a cross account; the others are margin accounts of their own.
    own
        Shape (n,): balance of a row that stands alone; NaN where the margin engine must imply
        it from the reported liquidation price or the leverage.
    notes
        What was decided for the reader.
    """

    shared: Mask
    own: Floats
    notes: tuple[str, ...]


def settle_backing(
    frame: Frame,
    modes: NDArray[np.int8],
    size: Floats,
    mark: Floats,
    inverse: Mask,
    findings: Findings,
) -> Backing:
    """Decide what stands behind each row.

    Parameters
    ----------
    frame
        The rows.
    modes
        Shape (n,): isolated, cross, or negative where the row does not say.
    size, mark
        Shape (n,): signed size as in :class:`~seawall.core.Positions`, and mark price.
    inverse
        Shape (n,): whether profit is paid in the coin.
    findings
        Gets rows whose margin cannot be told.
    """
    collateral, value = frame.number("collateral"), frame.number("collateral_value")
    wallet, equity = frame.number("wallet_balance"), frame.number("account_value")
    reported, leverage = frame.number("liquidation_price"), frame.number("leverage")
    prints_prices = bool(np.isfinite(reported).any())
    has_wallet = _of_account(frame, np.isfinite(wallet) | np.isfinite(equity))
    told_own = np.isfinite(collateral) | np.isfinite(value)

    cross, printed = _cross_rows(frame, modes, told_own, has_wallet, prints_prices)
    shared = cross & has_wallet
    alone = ~shared
    _check_mix(frame, modes, shared, told_own, findings)

    entry = frame.number("entry_price")
    own = np.where(alone & ~printed & ~cross, collateral, np.nan)
    from_value = alone & ~printed & ~cross & np.isnan(own) & np.isfinite(value)
    own = np.where(from_value, value - unrealised_pnl(size, entry, mark, inverse), own)

    by_price = alone & np.isnan(own) & np.isfinite(reported)
    without = alone & np.isnan(own) & ~by_price & (printed | (cross & prints_prices))
    never = without & np.where(inverse, size < 0, size > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        full = np.abs(size) * np.where(inverse, 1.0 / entry, entry) * OVER_FULL
    own = np.where(never, full, own)
    may = ~cross | prints_prices
    by_leverage = alone & may & np.isnan(own) & ~by_price & np.isfinite(leverage)
    _check_margin_known(frame, cross, alone & np.isnan(own) & ~by_price & ~by_leverage, findings)
    rows = {
        "printed": printed & alone,
        "by_price": by_price & (cross | printed),
        "never": never,
        "cautious": by_leverage & (cross | printed),
        "ignored": (modes == ISOLATED) & np.isfinite(equity),
    }
    return Backing(
        shared, own, _notes({k: int((v & ~findings.bad).sum()) for k, v in rows.items()})
    )


def _cross_rows(
    frame: Frame, modes: NDArray[np.int8], told_own: Mask, has_wallet: Mask, prints_prices: bool
) -> tuple[Mask, Mask]:
    """Rows of cross accounts, and rows that only the venue's printed prices can speak for.

    A row that does not name its mode is isolated if it has a collateral, cross if its account
    has a wallet. An account value beside printed prices and without a mode, as lists of top
    accounts have it, may count other things than this margin account: the prices are believed.
    """
    unsaid = (modes < 0) & ~told_own
    only_value = np.isnan(frame.number("wallet_balance")).all()
    printed = unsaid & has_wallet & prints_prices & only_value
    cross = (modes == CROSS) | (unsaid & has_wallet & ~printed)
    return cross, printed


def _check_mix(
    frame: Frame, modes: NDArray[np.int8], shared: Mask, told_own: Mask, findings: Findings
) -> None:
    cross = modes == CROSS
    mixed = cross & np.isfinite(frame.number("collateral"))
    findings.add(
        mixed,
        "collateral",
        "collateral on a cross row",
        "wallet_balance or account_value on cross rows",
        "Leave it empty, or set margin_mode to isolated",
    )
    wallet = np.isfinite(frame.number("wallet_balance"))
    findings.add(
        (modes == ISOLATED) & wallet & ~told_own,
        "wallet_balance",
        "wallet balance on an isolated row without collateral",
        "collateral on isolated rows",
        "Move it to collateral, or set margin_mode to cross",
    )
    nameless = (frame.label("account").codes < 0) & (shared | cross)
    findings.add(
        nameless,
        "account",
        "cross position without an account",
        "a name shared by the positions of one wallet",
        "Fill in account, or set margin_mode to isolated",
    )


def _check_margin_known(frame: Frame, cross: Mask, unknown: Mask, findings: Findings) -> None:
    garbled = np.zeros(len(frame), dtype=np.bool_)
    for name in ("collateral", "collateral_value", "wallet_balance", "account_value", "leverage"):
        garbled |= frame.unreadable.get(name, garbled)
    unknown = unknown & ~garbled
    findings.add(
        unknown & cross & (frame.label("account").codes >= 0),
        "wallet_balance",
        "margin of a cross position unknown",
        "wallet_balance or account_value once for the account, or liquidation_price on the row",
        "Fill one of them in",
    )
    findings.add(
        unknown & ~cross,
        "collateral",
        "margin of an isolated position unknown",
        "collateral, collateral_value, leverage or liquidation_price",
        "Fill one of them in",
    )


def _of_account(frame: Frame, given: Mask) -> Mask:
    """Rows whose account and venue have the value on any row."""
    account, venue = frame.label("account"), frame.label("venue")
    key = account.codes.astype(np.int64) * (len(venue.names) + 1) + venue.codes + 1
    named = account.codes >= 0
    found = np.zeros(len(account.names) * (len(venue.names) + 1), dtype=np.bool_)
    found[key[named & given]] = True
    out = given.copy()
    out[named] = found[key[named]]
    return out


def _notes(count: dict[str, int]) -> tuple[str, ...]:
    texts = {
        "printed": "{n} rows name no margin mode and stand beside an account value that may count "
        "more than their margin account: each is taken as a margin account of its own, judged by "
        "the liquidation price the venue printed; shared collateral is not seen",
        "by_price": "{n} rows have a liquidation price and no usable wallet: the margin of each is "
        "implied from that price",
        "never": "{n} rows have no liquidation price where the venue prints one if there is any: "
        "no price of their own liquidates them, so each is given the least margin for which that "
        "is so (full notional at entry and 1%)",
        "cautious": "{n} rows have neither wallet nor liquidation price: each is given the initial "
        "margin of its leverage, which liquidates it too early rather than too late",
        "ignored": "account_value of {n} isolated rows is not used",
    }
    return tuple(t.format(n=f"{count[k]:,}") for k, t in texts.items() if count[k])
