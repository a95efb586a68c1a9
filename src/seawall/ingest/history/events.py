"""Single events of a file as a tape, in the meaning that a live feed gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from seawall.core import ContractType, InputError, Mistake, RuleError
from seawall.core.tape import Coverage, Kind, Tape
from seawall.ingest.event_ids import account_id, content_id, contents_of, own_id
from seawall.ingest.wire.context import Context
from seawall.ingest.wire.event import WireEvent, tape_of
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules, parse_symbol
from seawall.rulebook.feeds import Feed, feeds_of

_TOLD = 20
_OWN_NAMES = re.compile(r"[PF][IF]_(\w+?)(?:_\d+)?|(\w+)F0:\w+F0")
"""Kraken's by kind of contract, with the day it ends; Bitfinex' by both of its currencies."""
_OTHER_TICKERS = {"XBT": "BTC", "XDG": "DOGE"}


@dataclass(slots=True)
class Events:
    """Events of a file, gathered row by row.

    Where a venue has a rulebook with a feed, names, contract sizes, coverage and identifiers are
    those of the live feed, so that a file and a recording of the same hours hold one event once.

    Parameters
    ----------
    where
        The file, for messages.
    source
        What the events' ``source`` says.
    coverage
        Overrides the feed's.
    sizes
        Of contracts, as venues told them: by rulebook, then by instrument.
    """

    where: str
    source: str
    rules: Rules
    coverage: Coverage | None = None
    sizes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    events: list[WireEvent] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    total: int = 0
    unknown: set[str] = field(default_factory=set)
    unsized: dict[str, int] = field(default_factory=dict)
    told_twice: int = 0
    repeated: dict[str, int] = field(default_factory=dict)
    once: dict[str, int] = field(default_factory=dict)
    _contexts: dict[str, Context | None] = field(default_factory=dict)
    _blocks: dict[str, tuple[Feed, ...]] = field(default_factory=dict)
    _canonical: dict[str, str] = field(default_factory=dict)
    _seen: dict[tuple[object, ...], int] = field(default_factory=dict)
    _told: set[tuple[object, ...]] = field(default_factory=set)

    def venue(self, name: str, inverse: bool = False) -> str:
        """Rulebook of a venue's name; the name in small letters where there is none."""
        key = f"{name}\0{inverse}"
        if key not in self._canonical:
            try:
                self._canonical[key] = self.rules.canonical_venue(
                    name, "inverse" if inverse else "linear"
                )
            except RuleError:
                self.unknown.add(name)
                self._canonical[key] = name.strip().casefold()
        return self._canonical[key]

    def add(
        self,
        row: int,
        venue: str,
        instrument: str,
        time: int,
        side: int,
        price: float,
        *,
        contracts: float | None = None,
        base: float | None = None,
        usd: float | None = None,
        kind: Kind = Kind.LIQUIDATION,
        at_fill: bool | None = None,
        own: str | None = None,
        account: str = "",
        received: int = 0,
        face: float | None = None,
    ) -> None:
        """One event; its size in contracts as the venue counts them, in base units, or in USD.

        ``face`` is the size of a contract where the file says it, base units or USD (inverse).
        """
        context = self._context(venue)
        if kind is Kind.TAKEOVER and context is not None and self._told_besides(context, time):
            self.told_twice += 1
            return
        if at_fill is None and kind in (Kind.TAKEOVER, Kind.ADL):
            at_fill = False  # passed on, not filled in the book
        contract = context.contract(instrument) if context else None
        try:
            if face is not None and contracts is not None:
                worth = contracts * face
                base = worth / price if self.inverse(venue, instrument) else worth
            if usd is not None:
                base = usd / price
            if contract is not None and context is not None:
                event = context.closed(
                    contract, time // 1_000_000, side, price, contracts=contracts, base=base,
                    kind=kind, at_fill=at_fill, own=own, account=account,
                )  # fmt: skip
            elif base is None and (context is None or context.sized):
                self.unsized[instrument] = self.unsized.get(instrument, 0) + 1
                return
            else:
                amount = contracts if base is None else base
                event = self._plain(
                    venue, instrument, time, side, price, amount or 0.0, kind, own, account
                )
                event.at_fill = bool(at_fill)
            if context is not None:
                block = self._block(venue, event.time)
                event.coverage = int(block.coverage)
                if at_fill is None and contract is not None:
                    event.at_fill = block.at_fill
        except (ValueError, ZeroDivisionError) as error:
            self.total += 1
            if len(self.mistakes) < _TOLD:
                self.mistakes.append(
                    Mistake(f"no event: {error}", self.where, row,
                            allowed="a time, a price and a size above 0")
                )  # fmt: skip
            return
        event.source = self.source
        event.received = received or event.time
        if usd is not None:
            event.notional = usd
        if self.coverage is not None:
            event.coverage = int(self.coverage)
        if own is None and self._repeats(event):
            return
        self.events.append(event)

    def tape(self) -> Tape:
        """The events, in the file's order.

        Raises
        ------
        InputError
            With every row that is no event.
        """
        if self.total:
            raise InputError(self.mistakes, total=self.total)
        return tape_of(self.events)

    def notes(self) -> tuple[str, ...]:
        """What was assumed or left out."""
        notes = []
        if self.unknown:
            notes.append(
                f"venues without a rulebook, whose coverage is not known: "
                f"{', '.join(sorted(self.unknown))}"
            )
        if self.unsized:
            names = ", ".join(sorted(self.unsized)[:5])
            notes.append(
                f"left out for want of a size, {sum(self.unsized.values()):,}: how much a contract "
                f"is is not known of {names}"
            )
        for venue, count in self.once.items():
            notes.append(
                f"left out, {count:,}: exact copies of other rows of {venue}, whose feed tells of "
                "one order a slot and never of two alike"
            )
        for venue, count in self.repeated.items():
            notes.append(
                f"exact copies of other rows of {venue}, {count:,}: each counts, as two positions "
                "of one size may close in one millisecond; if the file repeats rows, take the "
                "copies out and import it into a store without them"
            )
        if self.told_twice:
            notes.append(
                f"left out, {self.told_twice:,}: takeovers whose venue tells of their liquidations"
            )
        return tuple(notes)

    def counts_contracts(self, venue: str, instrument: str) -> bool | None:
        """Whether a venue counts this in contracts, not in coins; None without a rulebook's word.

        Where a venue counts base units or USD, the latter are contracts of one dollar.
        """
        context = self._context(venue)
        if context is None:
            return None
        counts = context.feeds[-1].quantity
        return counts == "contracts" or (
            counts == "contracts_or_usd" and self.inverse(venue, instrument)
        )

    def contract_size(self, venue: str, instrument: str) -> float | None:
        """Base units or USD a contract, as the venue told it or its rulebook has it."""
        context = self._context(venue)
        contract = context.contract(instrument) if context else None
        return contract.size if contract else None

    def in_contracts(self, venue: str) -> bool:
        """Whether a venue counts contracts that must be sized, linear ones too."""
        context = self._context(venue)
        return context is not None and context.sized

    def inverse(self, venue: str, instrument: str) -> bool:
        """Whether a contract is inverse: by its venue's rules, else as far as its name tells."""
        try:
            if self._context(venue) is not None:
                kind = self.rules.instrument(venue, instrument).contract_type
                return kind is ContractType.INVERSE
        except RuleError:
            pass
        return is_inverse(instrument)

    def _repeats(self, event: WireEvent) -> bool:
        """Count an exact copy of an earlier row; whether it cannot be an event of its own."""
        contents = contents_of(
            event.venue, event.instrument, event.time, event.side, event.price, event.quantity
        )
        told = (*contents, event.account, event.kind)
        if told not in self._told:
            self._told.add(told)
            return False
        alone = event.coverage == Coverage.ONE_A_SLOT
        counts = self.once if alone else self.repeated
        counts[event.venue] = counts.get(event.venue, 0) + 1
        return alone

    def _block(self, venue: str, time: int) -> Feed:
        """What the venue's feed was at a time: also of a channel before that of today."""
        if venue not in self._blocks:
            self._blocks[venue] = feeds_of(self.rules, venue)
        blocks = self._blocks[venue]
        return next((f for f in reversed(blocks) if f.start <= time), blocks[0])

    def _told_besides(self, context: Context, time: int) -> bool:
        return context.feed(time).takeovers == "beside"

    def _context(self, venue: str) -> Context | None:
        if venue not in self._contexts:
            adapter = ADAPTERS.get(venue)
            context = adapter.context(self.rules, None) if adapter else None
            if context is not None:
                context.learn(self.sizes.get(venue, {}).items())
            self._contexts[venue] = context
        return self._contexts[venue]

    def _plain(
        self,
        venue: str,
        instrument: str,
        time: int,
        side: int,
        price: float,
        base: float,
        kind: Kind,
        own: str | None,
        account: str,
    ) -> WireEvent:
        if time <= 0 or not price > 0 or not base > 0:
            raise ValueError("time, price or quantity")
        contents = contents_of(venue, instrument, time, side, price, base)
        number = self._seen.get(contents, 0)
        self._seen[contents] = number + 1
        identity = content_id(contents, number) if own is None else own_id(venue, own)
        return WireEvent(
            time, time, venue, instrument, _asset(instrument), side, base, price, base * price,
            int(kind), int(Coverage.UNKNOWN), False, account_id(account), identity, self.source,
        )  # fmt: skip


def is_inverse(instrument: str) -> bool:
    """Whether a name is that of an inverse contract, as far as it tells."""
    try:
        symbol = parse_symbol(instrument)
    except RuleError:
        return False
    return symbol.quote == "USD" if symbol.inverse is None else symbol.inverse


def _asset(instrument: str) -> str:
    """Of a venue without a rulebook: Kraken's ``PI_XBTUSD`` and Bitfinex' ``BTCF0:USTF0`` too."""
    own = _OWN_NAMES.fullmatch(instrument.upper())
    name = next((part for part in own.groups() if part), "") if own else instrument
    try:
        asset = parse_symbol(name).asset
    except RuleError:
        asset = name.upper()
    return _OTHER_TICKERS.get(asset, asset)
