"""Read a venue's folder of TOML into plain frozen records."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seawall.core import (
    FundingTerms,
    LiquidationTerms,
    LossTerms,
    MarginSchedule,
    MarginTerms,
    MarkTerms,
    Mistake,
    RuleError,
    TierUnit,
    VenueTerms,
)
from seawall.rulebook._tables import build_schedule, rows_of

if TYPE_CHECKING:
    from seawall.rulebook import _models as m

_DAY_NS = 86_400 * 1_000_000_000
_EPOCH = date(1970, 1, 1)


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


def read_toml(path: Path) -> dict[str, Any]:
    """Parse one TOML file.

    Raises
    ------
    RuleError
        If it cannot be read, naming file and line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(Mistake(f"not a TOML file: {error}", str(path))) from None
    except OSError as error:
        raise RuleError(Mistake(f"cannot be read: {error.strerror}", str(path))) from None


def read_identity(name: str, path: Path) -> Identity:
    """Read ``[venue]`` of a venue's ``venue.toml`` without loading pydantic's models."""
    table = read_toml(path).get("venue")
    if not isinstance(table, dict):
        raise RuleError(Mistake("has no [venue] table", str(path), mend="add title and examples"))
    keys = ("linear", "linear_dated", "inverse", "inverse_dated")
    defaults = ("{base}{quote}", "{base}{quote}-{expiry}", "{base}USD", "{base}USD-{expiry}")
    return Identity(
        name=name,
        title=str(table.get("title", name)),
        aliases=tuple(map(str, table.get("aliases", ()))),
        contract_types=tuple(map(str, table.get("contract_types", ()))),
        quote=str(table.get("quote", "USDT")),
        forms={k: str(table.get(k, d)) for k, d in zip(keys, defaults, strict=True)},
        examples=tuple(map(str, table.get("examples", ()))),
        thousand=str(table.get("thousand", "1000")),
        usd_is_inverse=bool(table.get("usd_is_inverse", True)),
        inverse_bases=tuple(map(str, table.get("inverse_bases", ()))),
        ccxt=table.get("ccxt"),
        brackets_of=table.get("brackets_of"),
        brackets_of_reason=str(table.get("brackets_of_reason", "")),
    )


def read_file(path: Path) -> m.RuleFile:
    """Check one file of a venue's folder.

    Raises
    ------
    RuleError
        With every mistake of the file, each with the path of its key.
    """
    from pydantic import ValidationError

    from seawall.rulebook._models import RuleFile

    tables = read_toml(path)
    try:
        return RuleFile.model_validate(tables)
    except ValidationError as error:
        raise RuleError(_mistake(path, detail) for detail in error.errors()) from None


def _mistake(path: Path, detail: Any) -> Mistake:
    key = ".".join(str(part) for part in detail["loc"])
    unknown = detail["type"] == "extra_forbidden"
    received = detail.get("input")
    shown = None if unknown or isinstance(received, dict | list) else str(received)
    what = "unknown key" if unknown else str(detail["msg"])
    mend = "remove it or correct its spelling" if unknown else ""
    return Mistake(what, str(path), column=key, value=shown, mend=mend)


def load_venue(identity: Identity, files: list[Path]) -> VenueRules:
    """Read and join the files of one venue; later files win where two name the same day.

    Raises
    ------
    RuleError
        If a file is malformed, a bracket table is not valid, or no terms are given.
    """
    parsed = [(path, read_file(path)) for path in files]
    contracts = [c for _, f in parsed for c in f.contracts]
    sized = [c.inverse_size for c in contracts if c.inverse_size is not None]
    brackets = [_bracket_block(path, b) for path, f in parsed for b in f.brackets]
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
        missing = [] if out else [s for s in _SECTIONS if getattr(block, s) is None]
        if missing:
            raise RuleError(
                Mistake(
                    "the first block of a venue must state every section",
                    str(path),
                    column="rules",
                    value=f"without {', '.join(missing)}",
                )
            )
        for section, record in _SECTIONS.items():
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
        raise RuleError(Mistake("has no [[rules]] block", f"rulebook {identity.name}"))
    return tuple(out)


_SECTIONS: dict[str, Any] = {
    "margin": MarginTerms,
    "liquidation": LiquidationTerms,
    "loss": LossTerms,
    "funding": FundingTerms,
    "mark_price": MarkTerms,
}


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
