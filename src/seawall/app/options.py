"""What the command line accepts, read strictly: shocks, amounts by name, levels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date

from seawall.core import InputError, Mistake

_SUFFIX = {"": 1.0, "k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_AMOUNT = re.compile(r"^([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(k|m|mn|b|bn)?$", re.I)


def change(text: str, option: str) -> float:
    """A relative change: ``-10%`` or the fraction ``-0.1``.

    Raises
    ------
    InputError
        If it is not a number, or a number without % whose size is 1 or more: ``-10`` could mean
        either.
    """
    bare = text.strip()
    percent = bare.endswith("%")
    try:
        value = float(bare.rstrip("%"))
    except ValueError:
        raise _refused(option, text, "a change such as -10% or -0.1") from None
    if percent:
        return value / 100.0
    if abs(value) >= 1.0:
        raise _refused(option, text, f"percent with its sign ({bare}%), or a fraction such as -0.1")
    return value


def amount(text: str, option: str) -> float:
    """An amount of USD: ``250e6``, ``250M``, ``1.2bn``, ``inf``."""
    if text.strip().lower() in ("inf", "infinity"):
        return float("inf")
    found = _AMOUNT.match(text.strip())
    if not found:
        raise _refused(option, text, "USD such as 250e6, 250M or 1.2bn")
    return float(found[1].replace("_", "")) * _SUFFIX[(found[2] or "").lower()]


def optional_amount(text: str | None, option: str) -> float | None:
    """An amount of USD above 0, or None where nothing is given."""
    if text is None:
        return None
    value = amount(text, option)
    if not value > 0:
        raise _refused(option, text, "above 0")
    return value


def optional_day(text: str | None, option: str) -> date | None:
    """A day such as 2026-11-22, or None where nothing is given."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise _refused(option, text, "a day such as 2026-11-22") from None


def changes(texts: Iterable[str], option: str) -> dict[str, float]:
    """``ASSET=CHANGE`` pairs; all mistakes at once."""
    return _pairs(texts, option, "BTC=-10%", change)


def amounts(texts: Iterable[str], option: str) -> dict[str, float]:
    """``NAME=AMOUNT`` pairs; all mistakes at once."""
    return _pairs(texts, option, "BTC=250e6", amount)


def fund_of(texts: Iterable[str]) -> float | dict[str, float] | None:
    """One amount for a single fund behind all venues, or ``VENUE=AMOUNT`` pairs; None if none."""
    given = list(texts)
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return amount(given[0], "--fund")
    return amounts(given, "--fund")


def fractions(texts: Iterable[str], option: str) -> dict[str, float]:
    """``ASSET=FRACTION`` pairs, in percent or as fractions; all mistakes at once."""
    return _pairs(texts, option, "BTC=2.5%", change)


def ladder_of(text: str | None) -> tuple[float, ...] | None:
    """Shocks separated by commas, ``-1%,-2%,-5%``; their signs follow the shock's."""
    if text is None:
        return None
    return tuple(-abs(change(part, "--ladder")) for part in text.split(",") if part.strip())


def _pairs(
    texts: Iterable[str], option: str, example: str, read: Callable[[str, str], float]
) -> dict[str, float]:
    out: dict[str, float] = {}
    mistakes: list[Mistake] = []
    parts = [p for text in texts for p in text.split(",") if p.strip()]
    for part in parts:
        name, sign, value = part.partition("=")
        name = name.strip()
        if not sign or not name:
            mistakes.append(_mistake(option, part, f"NAME=VALUE such as {example}"))
        elif name in out:
            mistakes.append(Mistake("given twice", option, column=name, value=value))
        else:
            try:
                out[name if option == "--fund" else name.upper()] = read(value, option)
            except InputError as error:
                mistakes += error.mistakes
    if mistakes:
        raise InputError(mistakes)
    return out


def _mistake(option: str, text: str, allowed: str) -> Mistake:
    return Mistake("cannot be read", option, value=text, allowed=allowed)


def _refused(option: str, text: str, allowed: str) -> InputError:
    return InputError(_mistake(option, text, allowed))
