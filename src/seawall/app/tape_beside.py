"""What a store knows beside its tape: volume, open interest, other days, outages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seawall.core import RuleError, format_time
from seawall.core.tape import Kind
from seawall.ingest.series import (
    Market,
    daily_sums,
    market_of,
    open_interest,
    volumes,
)
from seawall.ingest.store.outages import outages, recorded_since
from seawall.ingest.store.queries import ask, days, totals
from seawall.ingest.store.store import Store
from seawall.ingest.store.verify import outage_words
from seawall.report.numbers import counted
from seawall.report.tape_beside import Against, Beside, Outage
from seawall.risk.tape_statistics import Rank, Statistics, rank_of
from seawall.rulebook import Rules
from seawall.rulebook.feeds import Feed, feed_at

DAY_NS = 86_400 * 10**9
Window = tuple[int, int]
_NAMED = 4


def feeds_of(venues: Iterable[str], when: int, rules: Rules) -> dict[str, Feed]:
    """The feed in force of every venue that has a rulebook with one."""
    found = {}
    for venue in venues:
        try:
            found[venue] = feed_at(rules, venue, when)
        except RuleError:
            continue
    return found


def outages_of(store: Store, window: Window) -> tuple[Outage, ...]:
    """When venues that are recorded live were not heard, or not yet recorded."""
    found = [
        Outage(o.venue, o.start, o.end, outage_words(o), o.lost, not o.refilled)
        for o in outages(store, *window)
    ]
    for venue, since in recorded_since(store).items():
        before = window[0], min(since, window[1])
        if before[0] < before[1] and venue not in _venues(store, before):
            found.append(Outage(venue, *before, f"not recorded before {format_time(since)}"))
    return tuple(sorted(found, key=lambda g: (g.start, g.end, g.venue)))


def _venues(store: Store, window: Window) -> set[str]:
    """Venues of which something is stored, imported files included."""
    return {row["venue"] for row in ask(store, totals(window, ("venue",), tuple(Kind)))}


def beside_of(
    store: Store,
    window: Window,
    found: Statistics,
    rules: Rules,
    unheard: tuple[Outage, ...] = (),
    notes: tuple[str, ...] = (),
) -> Beside:
    """What a store knows of a window beside its events."""
    rank, among = _rank(store, window, found.notional_usd)
    traded = volumes(store.folder, window, rules)
    held = open_interest(store.folder, window, rules)
    forced = _forced(store, window, rules) if traded or held else {}
    feeds = feeds_of((v.venue for v in found.venues), window[1] - 1, rules)
    return Beside(
        volume=against(traded, forced),
        open_interest=against(held, forced),
        rank=rank,
        ranked_among=among,
        rules={v: f"{f.text} ({f.source})" for v, f in feeds.items()},
        outages=unheard,
        notes=notes,
    )


def given(
    beside: Beside, found: Statistics, volume_usd: float | None, open_interest_usd: float | None
) -> Beside:
    """The same with volume or open interest as given by hand, which is of all markets."""
    by_hand: dict[str, Any] = {
        name: Against(usd, found.notional_usd, "as given")
        for name, usd in (("volume", volume_usd), ("open_interest", open_interest_usd))
        if usd is not None and usd > 0
    }
    return replace(beside, **by_hand)


def against(known: Mapping[Market, float], forced: Mapping[Market, float]) -> Against | None:
    """What was liquidated in markets of which something is known, against that.

    Markets in which nothing was liquidated are left out on both sides. One that is known by its
    asset alone stands for all of the venue's instruments in it, unless some are known themselves.
    """
    taken: dict[Market, float] = {}
    usd = 0.0
    by_asset = {(m.venue, m.asset) for m in known if m.instrument}
    for market, amount in known.items():
        if market.instrument:
            mine = {market: forced[market]} if market in forced else {}
        elif (market.venue, market.asset) in by_asset:
            continue
        else:
            mine = {
                m: x
                for m, x in forced.items()
                if (m.venue, m.asset) == (market.venue, market.asset)
            }
        if mine:
            taken |= mine
            usd += amount
    if not taken:
        return None
    return Against(usd, sum(taken.values()), _words(taken, forced))


def _words(taken: Mapping[Market, float], forced: Mapping[Market, float]) -> str:
    assets, venues = ({getattr(m, n) for m in taken} for n in ("asset", "venue"))
    share = sum(taken.values()) / sum(forced.values())
    return (
        f"{_listed(assets, 'asset')} on {_listed(venues, 'venue')}: "
        f"{len(taken)} of {counted(len(forced), 'market')}, {share:.0%} of what was shown"
    )


def _listed(names: Iterable[str], noun: str) -> str:
    known = sorted(names)
    return ", ".join(known) if len(known) <= _NAMED else counted(len(known), noun)


def _forced(store: Store, window: Window, rules: Rules) -> dict[Market, float]:
    """What was liquidated, by market."""
    sums: dict[Market, float] = {}
    for row in ask(store, totals(window, ("venue", "instrument", "asset"))):
        market = market_of(row["venue"], row["instrument"], row["asset"], rules)
        sums[market] = sums.get(market, 0.0) + row["notional_usd"]
    return sums


def _rank(store: Store, window: Window, usd: float) -> tuple[Rank | None, str]:
    """Where a day stands among those wholly before it, and which they are."""
    begin, end = window
    if end - begin != DAY_NS:
        return None, ""
    recorded = {d["time"]: d["notional_usd"] for d in ask(store, days())}
    told = {d: x for d, x in daily_sums(store.folder).items() if d not in recorded}
    recorded, told = (
        {d: x for d, x in known.items() if d + DAY_NS <= begin} for known in (recorded, told)
    )
    if not recorded and not told:
        return None, ""
    among = f"{len(recorded)} recorded before, {len(told)} told by stored sums" if told else ""
    history = np.array([*recorded.values(), *told.values()])
    return rank_of(usd, history), among
