"""What the command line accepts, read strictly: shocks, amounts by name, levels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
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
    if not math.isfinite(value):
        raise _refused(option, text, "a finite number such as -10% or -0.1")
    if percent:
        return value / 100.0
    if abs(value) >= 1.0:
        raise _refused(option, text, f"percent with its sign ({bare}%), or a fraction such as -0.1")
    return value


def price_change(text: str, option: str) -> float:
    """A relative change of a price, above -100%."""
    value = change(text, option)
    if value <= -1.0:
        raise _beyond(option, text, "above -100%: a price stays above 0")
    return value


def share(text: str, option: str) -> float:
    """A share above 0, ``35%`` or ``0.35``."""
    value = change(text, option)
    if value <= 0.0:
        raise _beyond(option, text, "above 0, such as 35% or 0.35")
    return value


def amount(text: str, option: str) -> float:
    """An amount of USD: ``250e6``, ``250M``, ``1.2bn``, ``inf``."""
    if text.strip().lower() in ("inf", "infinity"):
        return float("inf")
    found = _AMOUNT.match(text.strip())
    if not found:
        raise _refused(option, text, "USD such as 250e6, 250M or 1.2bn")
    return float(found[1].replace("_", "")) * _SUFFIX[(found[2] or "").lower()]


def positive_amount(text: str, option: str) -> float:
    """An amount of USD above 0."""
    value = amount(text, option)
    if not value > 0:
        raise _beyond(option, text, "USD above 0, such as 250e6, 250M or 1.2bn")
    return value


def fund_amount(text: str, option: str) -> float:
    """An amount of USD, 0 or more, and finite."""
    value = amount(text, option)
    if not 0 <= value < math.inf:
        raise _beyond(option, text, "USD, 0 or more, such as 250e6, 250M or 1.2bn")
    return value


def optional_amount(text: str | None, option: str) -> float | None:
    """A finite amount of USD above 0, or None where nothing is given."""
    if text is None:
        return None
    value = positive_amount(text, option)
    if math.isinf(value):
        raise _beyond(option, text, "a finite amount of USD")
    return value


def within(value: float | None, option: str, high: float = math.inf) -> float | None:
    """A number above 0, at most ``high`` and finite; None stays None."""
    if value is None or (0 < value <= high and math.isfinite(value)):
        return value
    upto = "" if math.isinf(high) else f", at most {high:,g}"
    raise _beyond(option, f"{value:g}", f"above 0{upto}")


_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def seconds(text: str, option: str) -> float:
    """A time above 0 with its unit, ``90m``, ``1h``, ``7d``, ``1w``, in seconds."""
    found = re.match(r"^(\d+\.?\d*)\s*([smhdw])$", text.strip().lower())
    if not found or not float(found[1]) > 0.0:
        raise _refused(option, text, "a time above 0 such as 1h, 1d or 7d")
    return float(found[1]) * _SECONDS[found[2]]


def optional_day(text: str | None, option: str) -> date | None:
    """A day such as 2026-11-22, or None where nothing is given."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise _refused(option, text, "a day such as 2026-11-22") from None


def changes(texts: Iterable[str], option: str) -> dict[str, float]:
    """``ASSET=CHANGE`` pairs of prices' changes; all mistakes at once."""
    return _pairs(texts, option, "BTC=-10%", price_change)


def amounts(texts: Iterable[str], option: str) -> dict[str, float]:
    """``NAME=AMOUNT`` pairs of amounts above 0; all mistakes at once."""
    return _pairs(texts, option, "BTC=250e6", positive_amount)


def prices(texts: Iterable[str], option: str) -> dict[str, float]:
    """``NAME=USD`` pairs of finite prices above 0; all mistakes at once."""
    return _pairs(texts, option, "BTC=86600", lambda t, o: optional_amount(t, o) or 0.0)


def fund_of(texts: Iterable[str]) -> float | dict[str, float] | None:
    """One amount for a single fund behind all venues, or ``VENUE=AMOUNT`` pairs; None if none."""
    given = list(texts)
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return fund_amount(given[0], "--fund")
    return _pairs(given, "--fund", "binance=1e9", fund_amount)


def fractions(texts: Iterable[str], option: str) -> dict[str, float]:
    """``ASSET=FRACTION`` pairs above 0, in percent or as fractions; all mistakes at once."""
    return _pairs(texts, option, "BTC=2.5%", share)


def ladder_of(text: str | None, up: bool = False) -> tuple[float, ...] | None:
    """Sizes of shocks separated by commas, ``-1%,-2%,-5%``, as falls; deepest last.

    Their signs follow the shock's, so a ladder ``up`` may pass 100%.
    """
    if text is None:
        return None
    sizes = [abs(change(part, "--ladder")) for part in text.split(",") if part.strip()]
    if not sizes or min(sizes) == 0 or (max(sizes) >= 1 and not up):
        limit = "" if up else " and less than 100%"
        raise _beyond("--ladder", text, f"sizes above 0{limit}, such as -1%,-2%,-5%")
    return tuple(-size for size in sorted(set(sizes)))


def of_book(
    given: Mapping[str, float], names: Sequence[str], option: str, also: Sequence[str] = ()
) -> dict[str, float]:
    """The same values under the book's own spelling of the names; case does not matter.

    Raises
    ------
    InputError
        If a name is not among ``names`` and ``also``, or two spellings of one are given.
    """
    spelt = {n.upper(): n for n in (*names, *also)}
    mistakes, out = [], {}
    for name, value in given.items():
        known = spelt.get(name.upper())
        if known is None:
            shown = ", ".join((*names[:20], *(["..."] if len(names) > 20 else ()), *also))
            mistakes.append(Mistake("not in the book", option, value=name, allowed=shown))
        elif known in out:
            mistakes.append(Mistake("given twice", option, value=name, allowed="once"))
        else:
            out[known] = value
    if mistakes:
        raise InputError(mistakes)
    return out


def only_with_prices(given: Mapping[str, object], prices: object) -> None:
    """Refuse options of the odds where no prices are given.

    Raises
    ------
    InputError
        Naming every such option.
    """
    if prices is not None:
        return
    idle = [name for name, value in given.items() if value is not None]
    if idle:
        mend = "Give --candles, or a --store with marks or a tape, or leave it out"
        raise InputError([Mistake("nothing to use it for", name, mend=mend) for name in idle])


def known_venue(name: str, option: str) -> str:
    """A venue's name, as given, if some rulebook goes by it."""
    from seawall.rulebook import Rules

    try:
        Rules.bundled().canonical_venue(name)
    except InputError as error:
        mended = [replace(m, where=option, column=None) for m in error.mistakes]
        raise InputError(mended) from None
    return name


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
            mistakes.append(Mistake("given twice", option, value=part, allowed=f"{name} once"))
        else:
            try:
                out[name] = read(value, option)
            except InputError as error:
                mistakes += [replace(m, value=part) for m in error.mistakes]
    if mistakes:
        raise InputError(mistakes)
    return out


def _mistake(option: str, text: str, allowed: str) -> Mistake:
    return Mistake("cannot be read", option, value=text, allowed=allowed)


def _refused(option: str, text: str, allowed: str) -> InputError:
    return InputError(_mistake(option, text, allowed))


def _beyond(option: str, text: str, allowed: str) -> InputError:
    return InputError(Mistake("out of range", option, value=text, allowed=allowed))
