"""Which assets are large caps, mid caps and stablecoins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from seawall.core import InputError, Mistake
from seawall.desk.candle_sheet import DAY, Sheet


class Group(StrEnum):
    """What an asset counts as."""

    LARGE = "large"
    MID = "mid"
    STABLE = "stable"
    OTHER = "other"
    """Stands for something that is no coin, such as gold; left out."""
    SMALL = "small"
    """Traded too little for an allocation, or not any more; left out."""


STABLECOINS = frozenset(
    {
        *("USDT", "USDC", "USD1", "FDUSD", "DAI", "USDE", "TUSD", "BUSD", "PYUSD", "USDP"),
        *("GUSD", "RLUSD", "USDS", "USDD", "FRAX", "XUSD", "BFUSD"),
    }
)
"""Coins that are meant to be worth one USD, by name: prices alone cannot tell."""

BACKED = frozenset(("PAXG", "XAUT", "WBTC", "WBETH", "BETH", "STETH", "WSTETH", "EUR", "EURI"))
"""Gold, euros and coins in another coat: spread over them is not spread over coins."""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """By how much an asset is traded a day, on the venue of the candles.

    Candles carry no market value, and what decides whether a position can be left is turnover. On
    Binance's spot market of 2025 the default thresholds give BTC, ETH, SOL, XRP, BNB and DOGE as
    large caps, and LINK, AVAX, LTC, ADA, TRX and their like as mid caps.

    Attributes
    ----------
    large_usd, mid_usd
        Least median turnover of a day, USD, over the days looked back at.
    days
        How many days back.
    """

    large_usd: float = 100e6
    mid_usd: float = 20e6
    days: int = 90


def turnover_usd(sheet: Sheet, days: int) -> dict[str, float]:
    """Median USD traded a day over the last days; NaN for an asset without volume."""
    per_day = DAY // sheet.step
    whole = min(days, len(sheet.time) // per_day)
    if whole == 0:
        return dict.fromkeys(sheet.assets, float("nan"))
    last = sheet.traded_usd[len(sheet.time) - whole * per_day :]
    sums = last.reshape(whole, per_day, len(sheet.assets)).sum(axis=1)
    # a day on which the asset was not traded yet is no day of little turnover
    known = np.isfinite(sums)
    return {
        a: float(np.median(sums[known[:, k], k])) if known[:, k].any() else float("nan")
        for k, a in enumerate(sheet.assets)
    }


def group_assets(
    sheet: Sheet, rule: GroupRule | None = None, given: Mapping[str, str] | None = None
) -> dict[str, Group]:
    """The group of every asset, by turnover unless it is a stablecoin or given.

    Raises
    ------
    InputError
        If a group is given to an asset without prices, there is no such group, or an asset has
        neither volume nor a given group.
    """
    rule, given = rule or GroupRule(), dict(given or {})
    traded = turnover_usd(sheet, rule.days)
    mistakes = [
        Mistake("no prices", "group", value=a, allowed=", ".join(sheet.assets))
        for a in given
        if a not in traded
    ]
    mistakes += [
        Mistake("no such group", "group", column=a, value=g, allowed=", ".join(Group))
        for a, g in given.items()
        if g not in list(Group)
    ]
    out: dict[str, Group] = {}
    unknown = []
    for asset, usd in traded.items():
        if asset in given and given[asset] in list(Group):
            out[asset] = Group(given[asset])
        elif asset.upper() in STABLECOINS:
            out[asset] = Group.STABLE
        elif asset.upper() in BACKED:
            out[asset] = Group.OTHER
        elif not np.isfinite(sheet.close[-1, sheet.assets.index(asset)]):
            out[asset] = Group.SMALL
        elif np.isnan(usd):
            unknown.append(asset)
        else:
            large, mid = usd >= rule.large_usd, usd >= rule.mid_usd
            out[asset] = Group.LARGE if large else Group.MID if mid else Group.SMALL
    if unknown:
        mistakes.append(
            Mistake(
                "the candles hold no volume to tell the group by",
                sheet.source,
                value=", ".join(unknown),
                allowed="a column volume, in units of the asset",
                mend="Say it: --group ASSET=large or ASSET=mid",
            )
        )
    if mistakes:
        raise InputError(mistakes)
    return out


def members(groups: Mapping[str, Group], kind: Group, among: Sequence[str]) -> list[str]:
    """Assets of a group, in the order of ``among``."""
    return [a for a in among if groups[a] is kind]
