"""What a store knows beside its tape: volume, open interest, other days, outages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seawall.app.tape_heard import Known
from seawall.core import RuleError
from seawall.ingest.series import (
    Market,
    daily_sums,
    market_of,
    open_interest,
    sums_told,
    volumes,
)
from seawall.ingest.store.outages import assets_asked, recorded_since
from seawall.ingest.store.queries import ask, profile, totals
from seawall.ingest.store.store import EVER, Store
from seawall.report.numbers import counted
from seawall.report.tape_beside import Against, Beside, Summed
from seawall.risk.tape_statistics import Rank, Statistics, rank_of
from seawall.rulebook import Rules
from seawall.rulebook.feeds import Feed, feed_at

DAY_NS = 86_400 * 10**9
Window = tuple[int, int]
_NAMED = 4
_ALL = frozenset(("",))


def feeds_of(venues: Iterable[str], when: int, rules: Rules) -> dict[str, Feed]:
    """The feed in force of every venue that has a rulebook with one."""
    found = {}
    for venue in venues:
        try:
            found[venue] = feed_at(rules, venue, when)
        except RuleError:
            continue
    return found


def beside_of(
    store: Store,
    window: Window,
    found: Statistics,
    rules: Rules,
    known: Known,
    notes: tuple[str, ...] = (),
) -> Beside:
    """What a store knows of a window beside its events."""
    rank, among, unlike = _rank(store, window, found, rules)
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
        outages=known.outages,
        notes=(*notes, *unlike),
        imported=tuple(sorted(known.imported)),
        live=tuple(sorted(known.live)),
        nothing_known=known.nothing,
        summed=(*known.summed, *day_sums(store, window, rules)),
    )


def day_sums(store: Store, window: Window, rules: Rules) -> tuple[Summed, ...]:
    """What stored files of sums say that the days of a window came to."""
    return tuple(
        Summed(
            s.day,
            s.day + DAY_NS,
            s.venues,
            s.usd,
            s.file,
            long_usd=s.long_usd,
            short_usd=s.short_usd,
        )
        for s in sums_told(store.folder, window, rules)
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


def _rank(
    store: Store, window: Window, found: Statistics, rules: Rules
) -> tuple[Rank | None, str, tuple[str, ...]]:
    """Where a day stands among those wholly before it, of its own venues alone.

    Also which days these are, and which were left out as they are of another measure.
    """
    begin, end = window
    if end - begin != DAY_NS or not found.venues:
        return None, "", ()
    venues = {v.venue for v in found.venues}
    recorded = _recorded_days(store, window, venues)
    sums = {d: x for d, x in daily_sums(store.folder, venues, rules).items() if d + DAY_NS <= begin}
    told = {d: x for d, x in sums.items() if x is not None and recorded.get(d) is None}
    left_out = sum(recorded.get(d) is None and d not in told for d in sums | recorded)
    notes = (
        f"Not ranked among {counted(left_out, 'day')} that are of other venues than this window, "
        "or do not say of which: their figures are of another measure.",
    )
    mine = {d: x for d, x in recorded.items() if x is not None}
    unlike = notes if left_out else ()
    if not mine and not told:
        return None, "", unlike
    among = f"{len(mine)} recorded before, {len(told)} told by stored sums" if told else ""
    history = np.array([*mine.values(), *told.values()])
    return rank_of(found.notional_usd, history), among, unlike


def _recorded_days(store: Store, window: Window, venues: set[str]) -> dict[int, float | None]:
    """What venues came to by day before a window.

    None of a day on which not all of them were recorded, or other assets than in the window.
    """
    since, before = recorded_since(store), window[0]
    narrowed = any(map(any, assets_asked(store, (EVER[0], window[1])).values()))
    wanted = assets_asked(store, window) if narrowed else {}
    days: dict[int, dict[str, float]] = {}
    for row in ask(store, profile((EVER[0], before), DAY_NS, ("venue",))):
        if row["time"] + DAY_NS <= before:
            days.setdefault(row["time"], {})[row["venue"]] = row["notional_usd"]
    found: dict[int, float | None] = {}
    for day, sums in sorted(days.items()):
        asked = assets_asked(store, (day, day + DAY_NS)) if narrowed else {}
        alike = all((asked.get(v) or _ALL) == (wanted.get(v) or _ALL) for v in venues)
        there = all(v in sums or since.get(v, before) <= day for v in venues)
        found[day] = sum(sums.get(v, 0.0) for v in venues) if alike and there else None
    return found
