"""Read the TOML files of a venue's folder; every mistake of a folder is told at once."""

from __future__ import annotations

import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seawall.core import (
    FundingTerms,
    LiquidationTerms,
    LossTerms,
    MarginTerms,
    MarkTerms,
    Mistake,
    RulebookError,
)

if TYPE_CHECKING:
    from seawall.rulebook import _models as m

SECTIONS: dict[str, Any] = {
    "margin": MarginTerms,
    "liquidation": LiquidationTerms,
    "loss": LossTerms,
    "funding": FundingTerms,
    "mark_price": MarkTerms,
}
"""Record of ``core`` that each section of a ``[[rules]]`` block fills."""

INCOMPLETE = "the first block of a venue must state every section"


def _unread(path: Path, error: OSError) -> RulebookError:
    return RulebookError(Mistake(f"cannot be read: {error.strerror}", str(path)))


def _state(path: Path) -> tuple[int, ...]:
    """What changes when a file is written again or another takes its name."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise _unread(path, error) from None
    return found.st_mtime_ns, found.st_size, found.st_ino


# A folder is read anew for each set of rules; one command makes several, a server one a question.
@lru_cache(maxsize=512)
def _toml(path: Path, state: tuple[int, ...]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulebookError(Mistake(f"not a TOML file: {error}", str(path))) from None
    except OSError as error:
        raise _unread(path, error) from None


def read_file(path: Path) -> m.RuleFile:
    """Check one file of a venue's folder; the same record for a file that did not change.

    Raises
    ------
    RulebookError
        With every mistake of the file, each with the path of its key.
    """
    return _checked(path, _state(path))


@lru_cache(maxsize=512)
def _checked(path: Path, state: tuple[int, ...]) -> m.RuleFile:
    from pydantic import ValidationError

    from seawall.rulebook._models import RuleFile

    tables = _toml(path, state)
    try:
        return RuleFile.model_validate(tables)
    except ValidationError as error:
        raise RulebookError(_mistake(path, detail) for detail in error.errors()) from None


def _mistake(path: Path, detail: Any) -> Mistake:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return Mistake("missing key", str(path), column=key, mend="Add it")
    if detail["type"] == "extra_forbidden":
        mend = "Remove it or correct its spelling"
        return Mistake("unknown key", str(path), column=key, mend=mend)
    received = detail.get("input")
    shown = None if isinstance(received, dict | list) else str(received)
    return Mistake(str(detail["msg"]), str(path), column=key, value=shown)


def read_files(files: list[Path]) -> list[tuple[Path, m.RuleFile]]:
    """Check every file of a folder.

    Raises
    ------
    RulebookError
        With every mistake of every file.
    """
    parsed: list[tuple[Path, m.RuleFile]] = []
    wrong: list[Mistake] = []
    for path in files:
        try:
            parsed.append((path, read_file(path)))
        except RulebookError as error:
            wrong += error.mistakes
    if wrong:
        raise RulebookError([*wrong, *absent(files)])
    return parsed


def absent(files: list[Path]) -> list[Mistake]:
    """What a venue needs and none of its files holds, found without checking their keys."""
    tables = []
    for path in files:
        try:
            tables.append(_toml(path, _state(path)))
        except RulebookError:
            return []

    def blocks(name: str) -> list[dict[str, Any]]:
        found = [table.get(name) for table in tables]
        listed = [group for group in found if isinstance(group, list)]
        return [block for group in listed for block in group if isinstance(block, dict)]

    where = str(files[-1].parent)
    venue: Any = next((t["venue"] for t in tables if isinstance(t.get("venue"), dict)), {})
    lacking = []
    missing = [s for s in SECTIONS if not any(s in block for block in blocks("rules"))]
    if missing:
        value = f"without {', '.join(missing)}"
        lacking.append(Mistake(INCOMPLETE, where, column="rules", value=value))
    if "brackets_of" not in venue and not any("any" in block for block in blocks("brackets")):
        lacking.append(no_rest(where))
    return lacking


def no_rest(where: str, symbol: str | None = None) -> Mistake:
    """What is wrong with a venue that has brackets for the instruments it names alone."""
    return Mistake(
        "has no schedule for instruments it does not name",
        where,
        column="brackets.any",
        value=symbol,
        mend="Add [brackets.any] to a [[brackets]] block, or brackets_of to [venue]",
    )
