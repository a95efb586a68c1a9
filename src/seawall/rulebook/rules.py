"""Which rule applies: by venue, instrument and date."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from seawall.core import (
    ContractType,
    Instrument,
    MarginSchedule,
    Mistake,
    RulebookError,
    RuleError,
    VenueTerms,
    format_time,
)
from seawall.rulebook._files import no_rest
from seawall.rulebook._load import (
    BracketBlock,
    Identity,
    TermsBlock,
    VenueRules,
    load_venue,
    read_identity,
)
from seawall.rulebook._stand_in import greatest
from seawall.rulebook.symbols import Symbol, parse_symbol

BUNDLE = Path(__file__).parent / "venues"
_NEWEST = 2**63 - 1
_THOUSAND = 1000.0
_YEAR_NS = 366 * 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bracket:
    """The schedule found for one instrument on one date, and how it was found.

    Parameters
    ----------
    symbol
        The instrument, written the venue's way.
    schedule
        The brackets.
    day
        ISO date from which the block applies.
    early
        True if the date asked for lies before that day: no older brackets are known.
    seen
        ISO date on which they were read, if later or over a year before that asked for; else empty.
    stand_in
        Why this schedule stands in for one that is unknown; else empty.
    """

    symbol: str
    schedule: MarginSchedule
    day: str
    early: bool = False
    seen: str = ""
    stand_in: str = ""


class Rules:
    """Rulebooks of all venues, read when first asked for.

    Parameters
    ----------
    folders
        Folders with one sub-folder of TOML files per venue; where two state the same day, the
        later folder wins.
    """

    def __init__(self, folders: tuple[Path, ...]):
        self._folders = folders
        self._files = _list_venues(folders)
        self._identities: dict[str, Identity] = {}
        self._loaded: dict[str, VenueRules] = {}
        self._greatest: dict[tuple[str, int, Path], MarginSchedule] = {}

    @classmethod
    def bundled(cls) -> Rules:
        """The rulebooks that come with Seawall, overlaid by the user's own.

        The user's stand in ``$SEAWALL_RULES``, else in ``~/.config/seawall/rules``.
        """
        return cls((BUNDLE, user_folder()))

    @classmethod
    def from_folders(cls, *folders: Path | str) -> Rules:
        """Rulebooks of the given folders only."""
        return cls(tuple(Path(f) for f in folders))

    def venues(self) -> tuple[str, ...]:
        """Names of the venues known, sorted."""
        return tuple(self._files)

    def identity(self, venue: str) -> Identity:
        """Title, aliases and naming of a venue.

        Raises
        ------
        RuleError
            If no rulebook has this name.
        RulebookError
            If its folder is at fault.
        """
        if venue not in self._identities:
            if venue not in self._files:
                raise self._unknown_venue(venue)
            self._identities[venue] = read_identity(venue, self._files[venue], self._files)
        return self._identities[venue]

    def canonical_venue(self, name: str, contract_type: str | None = None) -> str:
        """Name of the rulebook meant by a venue's name or alias, in any case and spacing.

        An alias shared by two rulebooks (``binance``) is decided by ``contract_type``, linear if
        None.

        Raises
        ------
        RuleError
            If no rulebook goes by that name; lists those known.
        """
        wanted = _plain(name)
        if not wanted:
            raise self._unknown_venue(name)
        for venue in self._files:
            if _plain(venue) == wanted:
                return venue
        kind = contract_type or ContractType.LINEAR.value
        shared = [v for v in self._files if wanted in {_plain(a) for a in self.identity(v).aliases}]
        for venue in shared:
            if kind in self.identity(venue).contract_types:
                return venue
        if shared:
            return shared[0]
        raise self._unknown_venue(name)

    def terms(self, venue: str, when_ns: int = 0) -> VenueTerms:
        """Terms in force at a time (UTC nanoseconds, 0 for the newest).

        A time before the first block gets the first block; :meth:`terms_notes` says so.
        """
        return self._terms_block(venue, when_ns).terms

    def terms_notes(self, venue: str, when_ns: int = 0) -> tuple[str, ...]:
        """What to know of the terms chosen: too new for the date, fund counted another year."""
        block = self._terms_block(venue, when_ns)
        identity = self.identity(venue)
        notes = []
        if when_ns and when_ns < block.start:
            notes.append(
                f"{venue}: no rules older than {block.day} are known; they judge a book of "
                f"{_day(when_ns)}"
            )
        if identity.brackets_of:
            where = " for what `rules update` did not bring" if self._load(venue).brackets else ""
            why = f"{venue}: {identity.brackets_of_reason}"
            notes.append(f"{why}; the {identity.brackets_of} schedule stands in{where}")
        fund = block.terms.loss.fund_usd
        if when_ns and fund > 0 and _day(when_ns)[:7] != block.fund_as_of[:7]:
            vault = "vault as " * (block.terms.loss.trigger == "account_negative")
            held = f"{venue}: {vault}insurance fund of USD {fund / 1e6:,.0f} m is as counted on "
            notes.append(f"{held}{block.fund_as_of}, the book is of {_day(when_ns)}")
        return tuple(notes)

    def instrument(
        self,
        venue: str,
        symbol: str,
        contract_type: str | None = None,
        contract_size: float | None = None,
        tick: float | None = None,
    ) -> Instrument:
        """The instrument a name stands for on a venue, written the venue's way.

        What is given overrides what the rulebook knows. A linear contract of unknown size is
        taken as one unit of the coin, an inverse one as one US dollar.

        Raises
        ------
        RuleError
            If the name cannot be read, or the venue has no such type of contract.
        """
        parsed, name = self._resolve(venue, symbol, contract_type)
        inverse = bool(parsed.inverse)
        perpetual = _written(self.identity(venue), replace(parsed, expiry=""))
        known = self._load(venue)
        size = known.sizes.get(name) or known.sizes.get(perpetual)
        size = size or (known.inverse_size if inverse else None)
        return Instrument(
            venue=venue,
            symbol=name,
            asset=parsed.asset,
            contract_type=ContractType.INVERSE if inverse else ContractType.LINEAR,
            contract_size=contract_size or size or 1.0,
            tick=tick or known.ticks.get(name) or known.ticks.get(perpetual, math.nan),
            settle=parsed.asset if inverse else "USD",
        )

    def schedule(self, venue: str, symbol: str, when_ns: int = 0) -> MarginSchedule:
        """Brackets in force at a time; the venue's most cautious where none are known."""
        return self.bracket(venue, symbol, when_ns).schedule

    def bracket(
        self, venue: str, symbol: str, when_ns: int = 0, contract_type: str | None = None
    ) -> Bracket:
        """Brackets in force at a time (UTC nanoseconds, 0 for the newest), and how found.

        The latest block that names the instrument and has begun; if all begin later, the
        earliest of them. An instrument named by none gets the cautious schedule of the venue, or
        of the one that stands in.
        """
        parsed, name = self._resolve(venue, symbol, contract_type)
        home = self.identity(venue).brackets_of
        when = when_ns or _NEWEST
        naming = [b for b in self._load(venue).brackets if name in b.schedules]
        if naming:
            block = _latest(naming, when)
            far = when_ns and (when < block.seen or when - block.seen > _YEAR_NS)
            seen = block.seen_day if far else ""
            return Bracket(name, block.schedules[name], block.day, when < block.start, seen)
        blocks = self._load(home or venue).brackets
        rest = [b for b in blocks if b.any is not None or b.envelope]
        if not rest:
            raise RulebookError(no_rest(f"rulebook {home or venue}", name))
        block = _latest(rest, when)
        schedule = self._stand_in(home or venue, block, bool(parsed.inverse))
        if home:
            schedule = replace(schedule, cautious=True)
        reason = block.reason if schedule.cautious and not home else ""
        return Bracket(name, schedule, block.day, early=when < block.start, stand_in=reason)

    def multiplier(self, symbol: str) -> float:
        """Units of the underlying in one unit of the contract: 1000 for ``1000PEPEUSDT``."""
        return parse_symbol(symbol).multiplier

    def symbols(self, venue: str) -> tuple[str, ...]:
        """Instruments of a venue whose brackets are known, sorted."""
        return tuple(sorted({s for b in self._load(venue).brackets for s in b.schedules}))

    def bracket_days(self, venue: str) -> tuple[str, ...]:
        """Dates of a venue's bracket blocks, oldest first."""
        return tuple(b.day for b in self._load(venue).brackets)

    def newest_brackets(self, venue: str) -> BracketBlock | None:
        """The venue's latest block of brackets; None if it has none of its own."""
        blocks = self._load(venue).brackets
        return blocks[-1] if blocks else None

    def terms_days(self, venue: str) -> tuple[str, ...]:
        """Dates of a venue's blocks of terms, oldest first."""
        return tuple(b.day for b in self._load(venue).terms)

    def _stand_in(self, venue: str, block: BracketBlock, inverse: bool) -> MarginSchedule:
        """What a block gives to an instrument it does not name."""
        if inverse and block.any_inverse is not None:
            return block.any_inverse
        if block.any is not None:
            return block.any
        key = (venue, block.start, block.folder)
        if key not in self._greatest:
            linear = [
                (symbol, schedule)
                for b in self._load(venue).brackets
                for symbol, schedule in b.schedules.items()
                if b.folder == block.folder and not self._resolve(venue, symbol, None)[0].inverse
            ]
            source = f"the greatest of {venue}'s known brackets: {block.reason}"
            self._greatest[key] = greatest(linear, block.contract_usd, source, f"rulebook {venue}")
        return self._greatest[key]

    def _resolve(self, venue: str, symbol: str, contract_type: str | None) -> tuple[Symbol, str]:
        identity = self.identity(venue)
        try:
            parsed = parse_symbol(symbol)
        except RuleError as error:
            raise RuleError(
                replace(
                    error.mistakes[0],
                    where=f"venue {venue}",
                    allowed="a name such as " + ", ".join(identity.examples),
                )
            ) from None
        return _settle_type(identity, parsed, contract_type, symbol)

    def _load(self, venue: str) -> VenueRules:
        if venue not in self._loaded:
            self._loaded[venue] = load_venue(self.identity(venue), self._files[venue])
        return self._loaded[venue]

    def _terms_block(self, venue: str, when_ns: int) -> TermsBlock:
        blocks = self._load(venue).terms
        when = when_ns or _NEWEST
        begun = [b for b in blocks if b.start <= when]
        return begun[-1] if begun else blocks[0]

    def _unknown_venue(self, name: str) -> RuleError:
        return RuleError(
            Mistake(
                "unknown venue",
                column="venue",
                value=name,
                allowed=", ".join(self._files) or "none: the rules folder is empty",
                mend="use one of these names, or add a folder for it to $SEAWALL_RULES",
            )
        )


def user_folder() -> Path:
    """Where a user's own rulebooks stand: ``$SEAWALL_RULES`` or ``~/.config/seawall/rules``."""
    chosen = os.environ.get("SEAWALL_RULES")
    return Path(chosen) if chosen else Path.home() / ".config" / "seawall" / "rules"


def _list_venues(folders: tuple[Path, ...]) -> dict[str, list[Path]]:
    """TOML files of each venue, sorted by folder then name."""
    files: dict[str, list[Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            found = sorted(path.glob("*.toml")) if path.is_dir() else []
            if found:
                files.setdefault(path.name, []).extend(found)
    return dict(sorted(files.items()))


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _latest(blocks: list[BracketBlock], when: int) -> BracketBlock:
    begun = [b for b in blocks if b.start <= when]
    return begun[-1] if begun else blocks[0]


def _day(when_ns: int) -> str:
    return format_time(when_ns)[:10]


def _settle_type(
    identity: Identity, parsed: Symbol, contract_type: str | None, symbol: str
) -> tuple[Symbol, str]:
    """Decide between linear and inverse, and write the name the venue's way."""
    listed = identity.contract_types
    inverse = parsed.inverse
    if contract_type is not None:
        asked = contract_type == ContractType.INVERSE.value
        if inverse is not None and inverse != asked:
            raise _wrong_type(identity, symbol, f"the name says otherwise than {contract_type}")
        inverse = asked
    if inverse is None:
        by_quote = identity.usd_is_inverse and parsed.quote == "USD" and "inverse" in listed
        by_coin = parsed.quote is None and parsed.base in identity.inverse_bases
        inverse = by_quote or by_coin or "linear" not in listed
    kind = "inverse" if inverse else "linear"
    if kind not in listed:
        raise _wrong_type(identity, symbol, f"the venue's rulebook has no {kind} contracts")
    settled = replace(parsed, inverse=inverse)
    return settled, _written(identity, settled)


def _written(identity: Identity, parsed: Symbol) -> str:
    """The name of an instrument in the venue's own form."""
    kind = "inverse" if parsed.inverse else "linear"
    form = identity.forms[kind + ("_dated" if parsed.expiry else "")]
    quote = identity.quote if parsed.quote in (None, "USD") else parsed.quote
    base = parsed.base
    if parsed.multiplier == _THOUSAND and base.startswith("1000"):
        base = identity.thousand + parsed.asset
    name = form.format(base=base, quote=quote, expiry=parsed.expiry)
    return f"{parsed.dex}:{name}" if parsed.dex else name


def _wrong_type(identity: Identity, symbol: str, why: str) -> RuleError:
    return RuleError(
        Mistake(
            f"wrong contract type: {why}",
            f"venue {identity.name}",
            column="instrument",
            value=symbol,
            allowed="a name such as " + ", ".join(identity.examples),
            mend="correct contract_type or the instrument's name",
        )
    )
