"""Read a venue's folder of TOML into plain frozen records."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seawall.core import MarginSchedule, Mistake, RulebookError, RuleError, TierUnit, VenueTerms
from seawall.rulebook._files import INCOMPLETE, SECTIONS, absent, read_file, read_files
from seawall.rulebook._tables import build_schedule, rows_of

if TYPE_CHECKING:
    from seawall.rulebook import _models as m

_DAY_NS = 86_400 * 1_000_000_000
_EPOCH = date(1970, 1, 1)
FORMS = ("linear", "linear_dated", "inverse", "inverse_dated")
"""Keys of ``[venue]`` by which a name is written, by type of contract."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a venue is and how it writes names; read without the rest of its folder."""

    name: str
    title: str
    aliases: tuple[str, ...]
    contract_types: tuple[str, ...]
    quote: str
    forms: dict[str, str]
    examples: tuple[str, ...]
    thousand: str
    usd_is_inverse: bool
    inverse_bases: tuple[str, ...]
    ccxt: str | None
    brackets_of: str | None
    brackets_of_reason: str


@dataclass(frozen=True, slots=True)
class TermsBlock:
    """Terms in force from a day on."""

    start: int
    day: str
    terms: VenueTerms
    fund_as_of: str


@dataclass(frozen=True, slots=True)
class BracketBlock:
    """Brackets in force from a day on; ``any`` stands for instruments not named.

    ``seen`` is the day they were read, where that is later than the day they are used from. With
    ``envelope`` the greatest of the instruments in ``folder`` stands in place of ``any``.
    """

    start: int
    day: str
    seen: int
    seen_day: str
    folder: Path
    schedules: dict[str, MarginSchedule]
    any: MarginSchedule | None = None
    any_inverse: MarginSchedule | None = None
    envelope: bool = False
    contract_usd: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    kind: str = "continuous"
    unit: TierUnit = TierUnit.NOTIONAL
    rounding: float = 1e-6


@dataclass(frozen=True, slots=True)
class VenueRules:
    """All of one venue, oldest block first."""

    identity: Identity
    terms: tuple[TermsBlock, ...]
    brackets: tuple[BracketBlock, ...]
    sizes: dict[str, float] = field(default_factory=dict)
    inverse_size: float | None = None
    ticks: dict[str, float] = field(default_factory=dict)


def start_of(day: date) -> int:
    """UTC nanoseconds of the first instant of a day."""
    return (day - _EPOCH).days * _DAY_NS


def read_identity(name: str, files: list[Path], known: Iterable[str]) -> Identity:
    """Read who a venue is from its ``venue.toml``; the other files only to tell what is wrong.

    ``known`` are the names of all rulebooks.

    Raises
    ------
    RulebookError
        If there is none or it is malformed: with every mistake of the whole folder.
    """
    homes = [path for path in files if path.name == "venue.toml"]
    if not homes:
        where = str(files[0].parent)
        raise RulebookError(Mistake("has no venue.toml", where, mend="Add one with [venue]"))
    try:
        # of several folders the later one's word holds; one that adds contracts need not say it
        for home in reversed(homes):
            stated = read_file(home).venue
            if stated is not None:
                break
    except RulebookError:
        read_files(files)
        raise
    if stated is None:
        mend = "Add one with title, contract_types, examples and source"
        wrong = Mistake("has no [venue] table", str(home), mend=mend)
        raise RulebookError([wrong, *absent(files)])
    if stated.brackets_of is not None and stated.brackets_of not in known:
        raise RulebookError(
            Mistake(
                "no rulebook has this name",
                str(home),
                column="venue.brackets_of",
                value=stated.brackets_of,
                allowed=", ".join(venue for venue in known if venue != name),
            )
        )
    return Identity(
        name=name,
        title=stated.title,
        aliases=tuple(stated.aliases),
        contract_types=tuple(stated.contract_types),
        quote=stated.quote,
        forms={form: getattr(stated, form) for form in FORMS},
        examples=tuple(stated.examples),
        thousand=stated.thousand,
        usd_is_inverse=stated.usd_is_inverse,
        inverse_bases=tuple(stated.inverse_bases),
        ccxt=stated.ccxt,
        brackets_of=stated.brackets_of,
        brackets_of_reason=stated.brackets_of_reason or "",
    )


def load_venue(identity: Identity, files: list[Path]) -> VenueRules:
    """Read and join the files of one venue; later files win where two name the same day.

    Raises
    ------
    RulebookError
        If a file is malformed, a bracket table is not valid, or no terms are given.
    """
    parsed = read_files(files)
    contracts = [c for _, f in parsed for c in f.contracts]
    sized = [c.inverse_size for c in contracts if c.inverse_size is not None]
    try:
        brackets = [_bracket_block(path, b) for path, f in parsed for b in f.brackets]
    except RuleError as error:
        raise RulebookError(error.mistakes) from None
    return VenueRules(
        identity=identity,
        terms=_terms_blocks(identity, [(p, r) for p, f in parsed for r in f.rules]),
        brackets=tuple(sorted(brackets, key=lambda b: b.start)),
        sizes={k: v for c in contracts for k, v in c.sizes.items()},
        inverse_size=sized[-1] if sized else None,
        ticks={k: v for c in contracts for k, v in c.ticks.items()},
    )


def _terms_blocks(
    identity: Identity, blocks: list[tuple[Path, m.RulesModel]]
) -> tuple[TermsBlock, ...]:
    """Terms of each dated block, the sections it leaves out taken from the block before."""
    out: list[TermsBlock] = []
    terms = VenueTerms(identity.name, identity.title)
    cited: dict[str, str] = {}
    fund_as_of = ""
    for path, block in sorted(blocks, key=lambda b: b[1].effective_from):
        missing = [] if out else [s for s in SECTIONS if getattr(block, s) is None]
        if missing:
            raise RulebookError(
                Mistake(
                    INCOMPLETE,
                    str(path),
                    column="rules",
                    value=f"without {', '.join(missing)}",
                )
            )
        for section, record in SECTIONS.items():
            stated = getattr(block, section)
            if stated is None:
                continue
            cited[section] = f"{section}: {stated.source}"
            values = stated.model_dump(exclude={"source", "confidence", "fund_as_of"})
            name = "mark" if section == "mark_price" else section
            if name == "mark":
                values["others"] = tuple(sorted(values["others"].items()))
            terms = replace(terms, **{name: record(**values)})
        if block.loss is not None:
            fund_as_of = str(block.loss.fund_as_of or "")
        day = block.effective_from
        terms = replace(terms, effective_from=str(day), sources=tuple(cited.values()))
        out.append(TermsBlock(start_of(day), str(day), terms, fund_as_of))
    if not out:
        raise RulebookError(Mistake("has no [[rules]] block", f"rulebook {identity.name}"))
    return tuple(out)


def _bracket_block(path: Path, block: m.BracketsModel) -> BracketBlock:
    day = block.effective_from
    source = f"{block.source} (from {day})"
    tables: dict[str, Any] = block.instruments
    schedules = {}
    for symbol, stated in tables.items():
        table = tables[stated] if isinstance(stated, str) else stated
        schedules[symbol] = build_schedule(
            f"{path}, {symbol}",
            rows_of(table),
            block.kind,
            block.unit,
            source,
            block.rounding,
            growth=0.0 if isinstance(table, list) else table.growth,
        )
    seen = block.observed or day
    found = BracketBlock(
        start=start_of(day),
        day=str(day),
        seen=start_of(seen),
        seen_day=str(seen),
        folder=path.parent,
        schedules=schedules,
        kind=block.kind,
        unit=block.unit,
        rounding=block.rounding,
    )
    return found if block.any is None else _with_any(path, found, block.any, source)


def _with_any(path: Path, block: BracketBlock, rest: m.AnyModel, source: str) -> BracketBlock:
    """The block with what it says of instruments it does not name."""

    def table(rows: list[list[float]]) -> MarginSchedule | None:
        if not rows:
            return None
        where = f"{path}, any"
        return build_schedule(where, rows, source=source, rounding=math.inf, cautious=rest.cautious)

    return replace(
        block,
        any=table(rows_of(rest) if rest.rows else []),
        any_inverse=table(rest.inverse),
        envelope=rest.envelope,
        contract_usd=rest.contract_usd,
        reason=rest.reason,
    )


def today() -> date:
    """The present day in UTC."""
    return datetime.now(tz=UTC).date()
