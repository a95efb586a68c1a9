"""What a decoder knows beside the message: contracts, the feed's meaning, the time of receipt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from seawall.core import ContractType, Mistake, RuleError
from seawall.core.tape import Kind, Side
from seawall.ingest.event_ids import Contents, account_id, content_id, contents_of, own_id
from seawall.ingest.wire.event import WireEvent
from seawall.rulebook import Rules, parse_symbol
from seawall.rulebook.feeds import Feed, contract_sizes, feeds_of

LONG, SHORT = int(Side.LONG), int(Side.SHORT)
_MS = 1_000_000
_EARLIEST, _LATEST = 1_262_304_000_000, 4_102_444_800_000
"""2010 and 2100 in ms: what lies outside is no time in ms."""
_MOST_CONTRACTS = 20_000
SKEW_NS = 60_000_000_000
"""How far a venue's clock may be ahead of ours before its events are of the future, ns."""
LAG_NS = 21_600_000_000_000
"""From which lag on a live event is told of, ns: six hours are no delay of a network or a venue."""


class MalformedMessageError(Exception):
    """A message that is not what its venue documents: the only error that leaves a decoder."""


@dataclass(slots=True)
class Tally:
    """What became of the rows of a venue's messages, by venue.

    Attributes
    ----------
    malformed
        Messages, and rows of otherwise good messages, that could not be read.
    unsized
        Rows of instruments whose contract size is not known.
    foreign
        Rows of instruments quoted in something other than a dollar, or whose name has no known
        form.
    unasked
        Rows of assets that were not asked for.
    future
        Events kept whose time lies more than :data:`SKEW_NS` after their receipt: a clock is
        wrong.
    late
        Events kept whose time lies more than :data:`LAG_NS` before their receipt.
    """

    malformed: int = 0
    unsized: int = 0
    foreign: int = 0
    unasked: int = 0
    future: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Contract:
    """What a decoder needs of an instrument.

    Attributes
    ----------
    size
        Base units (linear) or USD (inverse) a contract; 1 where the venue counts those themselves.
    """

    instrument: str
    asset: str
    size: float
    inverse: bool


@dataclass(slots=True)
class Context:
    """State of one venue's decoder between messages.

    Parameters
    ----------
    venue
        Name of the rulebook.
    channel
        The feed's, as the rulebook names it.
    sized
        Whether the venue counts in contracts, so that a size must be known.
    quoted
        Whether its names must say a dollar quote; without one it is no dollar contract.
    assets
        Underlyings to keep; all if None.
    """

    venue: str
    channel: str
    rules: Rules
    sized: bool = False
    quoted: bool = True
    assets: frozenset[str] | None = None
    received: int = 0
    tally: Tally = field(default_factory=Tally)
    feeds: tuple[Feed, ...] = field(init=False)
    sizes: dict[str, float] = field(default_factory=dict)
    _contracts: dict[str, Contract | str] = field(default_factory=dict)
    _seen: dict[Contents, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = feeds_of(self.rules, self.venue)
        self.feeds = tuple(f for f in known if f.channel == self.channel)
        if not self.feeds:
            raise RuleError(
                Mistake(
                    "has no feed of this channel",
                    f"rulebook {self.venue}",
                    column="feed",
                    value=self.channel,
                    allowed=", ".join(sorted({f.channel for f in known})) or "none",
                    mend="add a [[feed]] block that says what the channel leaves out",
                )
            )
        # mistakes of the rulebook show here: of an instrument they say that it is foreign
        self.rules.terms_days(self.venue)
        self.sizes = {**contract_sizes(self.rules, self.venue), **self.sizes}

    def begin(self, received: int) -> None:
        """Note that a message came at a time, UTC ns: running numbers start again."""
        self.received = received
        if self._seen:
            self._seen.clear()

    def learn(self, sizes: Iterable[tuple[str, float]]) -> None:
        """Take contract sizes from the venue itself, by instrument."""
        self.sizes.update(sizes)
        self._contracts.clear()

    def contract(self, instrument: str) -> Contract | None:
        """The contract of a name; None, and counted, where its events are not to be kept."""
        found = self._contracts.get(instrument)
        if found is None:
            if len(self._contracts) >= _MOST_CONTRACTS:
                self._contracts.clear()
            found = self._contracts[instrument] = self._make(instrument)
        if isinstance(found, str):
            setattr(self.tally, found, getattr(self.tally, found) + 1)
            return None
        return found

    def instruments(self) -> tuple[str, ...]:
        """Instruments that had events of which some were kept."""
        return tuple(k for k, v in self._contracts.items() if isinstance(v, Contract))

    def feed(self, time: int) -> Feed:
        """The block of the feed in force at a time, UTC ns."""
        for feed in reversed(self.feeds):
            if feed.start <= time:
                return feed
        return self.feeds[0]

    def closed(
        self,
        contract: Contract,
        time_ms: int,
        side: int,
        price: float,
        *,
        contracts: float | None = None,
        base: float | None = None,
        kind: int = Kind.LIQUIDATION,
        at_fill: bool | None = None,
        own: str | None = None,
        account: str = "",
    ) -> WireEvent:
        """One event; its size is given in contracts or in base units.

        Raises
        ------
        ValueError
            If a number is not one, not positive, or the time is none in milliseconds.
        """
        if not _EARLIEST < time_ms < _LATEST:
            raise ValueError("no time in ms")
        if not 0 < price < 1e15:
            raise ValueError("price")
        time = time_ms * _MS
        if base is None:
            amount = (contracts or 0.0) * contract.size
            base, notional = (
                (amount / price, amount) if contract.inverse else (amount, amount * price)
            )
        else:
            notional = base * price
        if not (0 < base < 1e18 and 0 < notional < 1e15):
            raise ValueError("quantity")
        if self.received and time > self.received + SKEW_NS:
            self.tally.future += 1
        elif time < self.received - LAG_NS:
            self.tally.late += 1
        feed = self.feed(time)
        if own is None:
            contents = contents_of(self.venue, contract.instrument, time, side, price, base)
            number = self._seen.get(contents, 0)
            self._seen[contents] = number + 1
            event_id = content_id(contents, number)
        else:
            event_id = own_id(self.venue, own)
        return WireEvent(
            time,
            self.received,
            self.venue,
            contract.instrument,
            contract.asset,
            side,
            base,
            price,
            notional,
            int(kind),
            int(feed.coverage),
            feed.at_fill if at_fill is None else at_fill,
            account_id(account),
            event_id,
            f"{self.venue} {feed.channel}",
        )

    def _make(self, instrument: str) -> Contract | str:
        """The contract, or the name of the count that its events belong to."""
        try:
            parsed = parse_symbol(instrument)
            listed = self.rules.instrument(self.venue, instrument)
        except RuleError:
            return "foreign"
        if self.quoted and parsed.quote is None:
            return "foreign"
        if self.assets is not None and listed.asset not in self.assets:
            return "unasked"
        inverse = listed.contract_type is ContractType.INVERSE
        size: float | None = listed.contract_size
        if self.sized and not inverse:
            quote = parsed.quote
            perpetual = self.rules.instrument(self.venue, f"{parsed.base}/{quote}:{quote}").symbol
            size = self.sizes.get(instrument, self.sizes.get(perpetual))
        elif self.sized:
            size = self.sizes.get(instrument, listed.contract_size)
        return Contract(instrument, listed.asset, size, inverse) if size else "unsized"
