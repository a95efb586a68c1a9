"""How much of what happens the venues' own feeds publish: the rule of each, with its source."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from seawall.core import RuleError, format_time
from seawall.rulebook import Rules
from seawall.rulebook.feeds import feed_at

_DAY = 86_400_000_000_000


def published_by(venues: Iterable[str], when: int) -> dict[str, dict[str, Any]]:
    """Of each venue that has one the rule in force on the day of a time, UTC ns.

    Keys: ``coverage`` (``all``, ``one_a_slot``, ``sample`` or ``unknown``), ``slot_seconds``,
    ``since`` (ISO date), ``text`` and ``source``.
    """
    found = {v: _rule(v, when // _DAY) for v in sorted(set(venues))}
    return {venue: rule for venue, rule in found.items() if rule is not None}


@lru_cache(maxsize=256)
def _rule(venue: str, day: int) -> dict[str, Any] | None:
    try:
        feed = feed_at(Rules.bundled(), venue, day * _DAY)
    except RuleError:
        return None
    return {
        "coverage": feed.coverage.name.lower(),
        "slot_seconds": feed.slot_seconds,
        "since": format_time(feed.start)[:10],
        "text": feed.text,
        "source": feed.source,
    }
