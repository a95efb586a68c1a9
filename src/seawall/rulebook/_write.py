"""Write a block of brackets as TOML, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import tempfile
from datetime import date
from pathlib import Path

from seawall.core import MarginSchedule, Mistake, RuleError, TierUnit
from seawall.rulebook._load import read_file


def brackets_toml(
    schedules: dict[str, MarginSchedule], day: date, source: str, kind: str, unit: TierUnit
) -> str:
    """Text of one dated ``[[brackets]]`` block, symbols sorted."""
    lines = [
        "[[brackets]]",
        f"effective_from = {_text(day.isoformat())}",
        f"source = {_text(source)}",
        f"kind = {_text(kind)}",
        f"unit = {_text(unit.value)}",
        "rounding = 0.0051",
        "",
        "[brackets.instruments]",
    ]
    for symbol, schedule in sorted(schedules.items()):
        lines.append(f"{_text(symbol)} = [")
        lines += [f"  [{row}]," for row in _rows(schedule, kind)]
        lines.append("]")
    return "\n".join(lines) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a rulebook file through a temporary neighbour, checked before it takes the name.

    Raises
    ------
    RuleError
        If the folder cannot be written to; no file is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    except OSError as error:
        raise RuleError(
            Mistake(
                f"cannot be written: {error.strerror}",
                str(path),
                mend="choose another folder with --out or $SEAWALL_RULES",
            )
        ) from None
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        read_file(draft)
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _rows(schedule: MarginSchedule, kind: str) -> list[str]:
    columns = [schedule.floors, schedule.rates, schedule.max_leverage]
    if kind == "continuous":
        columns.append(schedule.deductions)
    return [", ".join(_number(v) for v in row) for row in zip(*columns, strict=True)]


def _number(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
