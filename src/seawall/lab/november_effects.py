"""Effects read off runs: paired changes, how falls spread, what falls with one account."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seawall.lab.compare import Difference, mean_interval
from seawall.lab.november_variants import CRISIS
from seawall.sim.batch import Outcome, run_batch
from seawall.sim.paired import FAINT, without
from seawall.sim.setup import Setup
from seawall.sim.summary import Row, quantiles

Say = Callable[[str], None]
Rows = dict[str, dict[int, Row]]

DOMINOES, DOMINO_SEEDS = 5, 5


@dataclass(frozen=True, slots=True)
class Spread:
    """How an asset fell, with leverage and without, over seeds.

    Attributes
    ----------
    asset
        The asset.
    alone, fall
        Lowest price against the start without and with leverage: 5%, median, 95%.
    amplification
        Volatility with leverage over without: 5%, median, 95%.
    gap
        Widest gap between its mids on different venues: 5%, median, 95%.
    from_btc
        Where only BTC's outside price falls: change of the fall by leverage, mean and 95%.
    """

    asset: str
    alone: tuple[float, float, float]
    fall: tuple[float, float, float]
    amplification: tuple[float, float, float]
    gap: tuple[float, float, float]
    from_btc: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class DominoEffect:
    """What is forced less if one account is taken out, USD of the whole market.

    ``own_usd`` is its notional at the start; ``change`` the mean change of all that is forced
    with the ends of its 95% interval, < 0 where less falls.
    """

    trader: str
    market: str
    own_usd: float
    change: tuple[float, float, float]

    @property
    def others_usd(self) -> float:
        """What is forced less of all others."""
        return -self.change[0] - self.own_usd


def whole(row: Row, share: float) -> Row:
    """A run's measures for the whole market, with sums and signs that the study asks for."""
    size = {k: v / share if _extensive(k) else v for k, v in row.items()}
    size["sold_usd"] = size["forced_usd"] + size["stops_usd"]
    for name in [k for k in size if k.startswith("fall.")]:
        size[name.replace("fall.", "drop.")] = -size[name]
    if share <= FAINT:  # its accounts are not fewer, only smaller
        size["accounts_forced"] *= FAINT
    return size


def _extensive(name: str) -> bool:
    return name.partition(".")[0].endswith("_usd") or name == "accounts_forced"


def compared(base: Mapping[int, Row], other: Mapping[int, Row]) -> dict[str, Difference]:
    """Every measure of one variant less that of another, by paired intervals over their seeds."""
    seeds = sorted(base.keys() & other.keys())
    found = {}
    for name in base[seeds[0]] if seeds else ():
        pairs = np.array([(base[s][name], other[s].get(name, math.nan)) for s in seeds])
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        found[name] = Difference(
            name=name,
            pairs=len(pairs),
            base=mean_interval(pairs[:, 0]),
            reform=mean_interval(pairs[:, 1]),
            change=mean_interval(pairs[:, 1] - pairs[:, 0]),
        )
    return found


def ratios(rows: Rows, over: str, under: str, name: str) -> tuple[float, float, float]:
    """5%, median and 95% of the ratio of a measure in two variants, seed by seed."""
    first, second = rows.get(over, {}), rows.get(under, {})
    ratio = [
        {name: first[s][name] / second[s][name] if second[s][name] > 0 else math.nan}
        for s in first.keys() & second.keys()
    ]
    return quantiles(ratio, name)


def spread(rows: Rows, asset: str) -> Spread:
    """How an asset fell in the crisis, with leverage and without."""
    nothing = (math.nan,) * 3
    alone, with_it = (list(rows.get(k, {}).values()) for k in ("crisis faint", CRISIS))
    from_btc = compared(rows.get("btc faint", {}), rows.get("btc alone", {}))
    fall = f"fall.{asset}"
    return Spread(
        asset=asset,
        alone=quantiles(alone, fall),
        fall=quantiles(with_it, fall),
        amplification=ratios(rows, CRISIS, "crisis faint", f"volatility.{asset}"),
        gap=quantiles(with_it, f"gap.{asset}"),
        from_btc=from_btc[fall].change if fall in from_btc else nothing,
    )


def dominoes(
    setup: Setup,
    accounts: Sequence[int],
    rows: Rows,
    seeds: Sequence[int],
    share: float,
    workers: int | None,
    progress: Say,
) -> tuple[DominoEffect, ...]:
    """Take the accounts hit hardest out in turn."""
    some = list(seeds)[:DOMINO_SEEDS]
    setups = [without(setup, a) for a in accounts]
    if not setups:
        return ()
    results = run_batch(setups, some, workers, lambda x: progress(f"dominoes: {x}"))
    left: list[dict[int, Row]] = [{} for _ in setups]
    for result in results:
        if isinstance(result, Outcome):
            left[result.task.setup][result.task.seed] = whole(result.row, share)
    book = setup.book
    found = []
    for account, rest in zip(accounts, left, strict=True):
        mine = np.flatnonzero(book.positions.account == account)
        largest = mine[np.argmax(book.notional()[mine])]
        instrument = book.instruments[int(book.positions.instrument[largest])]
        found.append(
            DominoEffect(
                trader=str(book.traders[int(book.accounts.trader[account])]),
                market=f"{instrument.venue}:{instrument.asset}",
                own_usd=float(book.notional()[mine].sum()) / share,
                change=compared(rows[CRISIS], rest)["forced_usd"].change,
            )
        )
    return tuple(found)
