"""Write a block of brackets as TOML, whole or not at all."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

from seawall.core import InputError, MarginSchedule, Mistake, RulebookError, RuleError, TierUnit
from seawall.core.files import whole_file
from seawall.rulebook._files import read_file


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
    """Write a rulebook file whole or not at all, checked before it takes the name.

    Raises
    ------
    RuleError
        If the folder cannot be written to; no file is left behind.
    RulebookError
        If the text is no rulebook; no file is left behind either.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as out:
            out.write(text.encode())
            out.flush()
            read_file(Path(out.name))
    except (InputError, OSError) as error:
        if isinstance(error, RuleError | RulebookError):
            raise
        said = error.mistakes[0].what if isinstance(error, InputError) else error.strerror
        raise RuleError(
            Mistake(
                f"cannot be written: {said}",
                str(path),
                mend="choose another folder with --out or $SEAWALL_RULES",
            )
        ) from None


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
