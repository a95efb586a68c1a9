"""What each venue publishes of its liquidations: how much, of which side, at which price."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.core import Mistake, RuleError
from seawall.core.tape import Coverage
from seawall.rulebook._files import read_file
from seawall.rulebook._load import start_of
from seawall.rulebook.rules import Rules

if TYPE_CHECKING:
    from seawall.rulebook._feed_model import FeedModel

_COVERAGE = {
    "all": Coverage.ALL,
    "one_a_slot": Coverage.ONE_A_SLOT,
    "sample": Coverage.SAMPLE,
    "unknown": Coverage.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Feed:
    """One dated block of a venue's feed.

    Attributes
    ----------
    venue, channel
        Rulebook, and the channel as the venue names it.
    start, day
        From when it holds: UTC ns and ISO date.
    seen
        ISO date on which it was read, where that is later than ``day``; else empty.
    coverage
        How much of what happens is published.
    slot_seconds
        Length of a slot of which one event a symbol is published; 0 without such a rule.
    slot_keeps
        Which event of a slot that is: ``latest``, ``largest`` or ``unknown``; empty without slots.
    side
        What the side in a message is of: ``order``, ``position`` or ``both`` stated.
    price
        What the price is: ``fill``, ``bankruptcy`` or ``order`` (the limit of the venue's order).
    quantity
        ``base``, ``contracts``, or ``contracts_or_usd`` (base if linear, USD if inverse).
    identified
        ``own`` where the venue gives identifiers, else ``contents``.
    takeovers
        ``instead`` where what the venue takes over is told as that alone, so that it counts as
        liquidated; ``beside`` where its liquidation is told as well and it must not; empty where
        the feed tells of none.
    accounts
        Whether the venue tells whose position it was.
    push_seconds
        How long events are gathered before they are sent.
    missed
        Where past events can be had again; empty if nowhere.
    text, source, confidence
        The rule in words, where it was read, and how sure it is.
    """

    venue: str
    channel: str
    start: int
    day: str
    seen: str
    coverage: Coverage
    slot_seconds: float
    slot_keeps: str
    side: str
    price: str
    quantity: str
    identified: str
    takeovers: str
    accounts: bool
    push_seconds: float
    missed: str
    text: str
    source: str
    confidence: str

    @property
    def at_fill(self) -> bool:
        """Whether the price of an event is that of its fill."""
        return self.price == "fill"


def feeds_of(rules: Rules, venue: str) -> tuple[Feed, ...]:
    """All blocks of a venue's feed, oldest first; empty where it publishes none.

    Raises
    ------
    RuleError
        If no rulebook has this name, or a file of it is wrong.
    """
    found: dict[tuple[str, int], Feed] = {}
    for path in _files(rules, venue):
        for block in read_file(path).feed:
            feed = _feed(venue, block)
            found[feed.channel, feed.start] = feed
    return tuple(sorted(found.values(), key=lambda f: f.start))


def feed_at(rules: Rules, venue: str, when_ns: int = 0) -> Feed:
    """The feed in force at a time (UTC ns, 0 for the newest); the first for a time before it.

    Raises
    ------
    RuleError
        If the venue publishes no liquidations.
    """
    feeds = feeds_of(rules, venue)
    if not feeds:
        raise RuleError(
            Mistake(
                "publishes no liquidations",
                f"rulebook {venue}",
                column="feed",
                allowed=", ".join(v for v in rules.venues() if feeds_of(rules, v)),
            )
        )
    begun = [f for f in feeds if not when_ns or f.start <= when_ns]
    return begun[-1] if begun else feeds[0]


def contract_sizes(rules: Rules, venue: str) -> dict[str, float]:
    """Contract sizes that a venue's rulebook states: base units (linear) or USD (inverse)."""
    return {
        symbol: size
        for path in _files(rules, venue)
        for block in read_file(path).contracts
        for symbol, size in block.sizes.items()
    }


def _files(rules: Rules, venue: str) -> list[Path]:
    rules.identity(venue)  # an unknown name is refused there, with those that are known
    return rules._files[venue]


def _feed(venue: str, block: FeedModel) -> Feed:
    return Feed(
        venue=venue,
        channel=block.channel,
        start=start_of(block.effective_from),
        day=str(block.effective_from),
        seen=str(block.observed or ""),
        coverage=_COVERAGE[block.coverage],
        slot_seconds=block.slot_seconds,
        slot_keeps=block.slot_keeps,
        side=block.side,
        price=block.price,
        quantity=block.quantity,
        identified=block.identified,
        takeovers=block.takeovers,
        accounts=block.accounts,
        push_seconds=block.push_seconds,
        missed=block.missed or "",
        text=block.text,
        source=block.source,
        confidence=block.confidence or "",
    )
