"""The one place where a number becomes words.

Terminal and page print through :func:`text`; the page's script repeats these rules for the
ticks of its axes (``page/format.js``), and a browser test holds the two together. Ties are
rounded away from zero, the sign is a plain hyphen, and what is not known is a dash.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, SupportsFloat

from seawall.core.units import format_time
from seawall.report.model import Headline, Quantity, Unit

UNKNOWN = "–"
_MONEY = ((1e12, " tn"), (1e9, " bn"), (1e6, " M"), (1e3, " k"))
_SIX_DIGITS = (1e5, 1e4, 1e3, 1e2, 1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_TWO_DIGITS = (0.095, 0.0095, 0.00095, 0.000095)
_LONG = 2 * 86_400.0
"""Seconds from which a duration is told in days: nobody reads 4955:46:16."""


def text(value: Any, unit: Unit) -> str:
    """A raw value as a reader sees it, with its unit.

    Parameters
    ----------
    value
        Number, text, truth value or None. Fractions are fractions, times UTC nanoseconds.
    unit
        What it is counted in.

    Examples
    --------
    >>> text(1.59e9, Unit.USD), text(86_600.0, Unit.PRICE), text(-0.1, Unit.FRACTION)
    ('$1.59 bn', '86,600', '-10.00%')
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, Quantity):
        return text(value.value, value.unit)
    if isinstance(value, str):
        return _printable(value) or UNKNOWN
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if unit is Unit.TIME:
        return format_time(int(value))
    if not isinstance(value, SupportsFloat):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return UNKNOWN
    body = "∞" if math.isinf(number) else _WRITERS[unit](abs(number))
    negative = number < 0 and any(c in "123456789∞" for c in body)
    return "-" + body if negative else body


def counted(number: int, noun: str) -> str:
    """A count and its noun, which takes an s unless there is one: ``1 account``."""
    return f"{text(number, Unit.COUNT)} {noun}{'' if number == 1 else 's'}"


def from_mark(distance: float) -> str:
    """A distance in words: ``4.00% below its mark``."""
    side = "above" if distance > 0 else "below"
    return f"{text(abs(distance), Unit.FRACTION)} {side} its mark"


def short(name: str, most: int = 60) -> str:
    """A name for a sentence: its middle left out where it is very long."""
    shown = _printable(name)
    half = (most - 1) // 2
    return shown if len(shown) <= most else f"{shown[:half]}…{shown[-half:]}"


def interval(low: float | None, high: float | None, unit: Unit, band: str = "5–95%") -> str:
    """An interval in words, with what it is; empty if there is none."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{band}: {text(low, unit)} … {text(high, unit)}"


def headline(figure: Headline) -> str:
    """A headline's value, its interval and its kind in one line."""
    spread = interval(figure.low, figure.high, figure.unit, figure.band)
    shown = text(figure.value, figure.unit)
    return f"{shown} ({spread}; {figure.kind})" if spread else f"{shown} ({figure.kind})"


def _fixed(number: float, decimals: int) -> str:
    if number >= 1e21:
        return f"{number:.3e}"
    step = Decimal(1).scaleb(-decimals)
    return f"{Decimal(number).quantize(step, rounding=ROUND_HALF_UP):,f}"


def _printable(words: str) -> str:
    """Control and direction-changing characters of a name must not reach a terminal or page."""
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in words)


def _trimmed(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _money(number: float) -> str:
    for scale, suffix in _MONEY:
        if number >= 0.9995 * scale:
            share = number / scale
            return f"${_fixed(share, 2 if share < 9.995 else 1 if share < 99.95 else 0)}{suffix}"
    if 0 < number < 0.005:
        return "<$0.01"
    cents = _fixed(number, 2)
    return "$" + (cents[:-3] if cents.endswith(".00") else cents)


def _six_digits(number: float) -> str:
    if number == 0:
        return "0"
    decimals = next((k for k, floor in enumerate(_SIX_DIGITS) if number >= floor), 12)
    return _trimmed(_fixed(number, decimals))


def _percent(number: float) -> str:
    share = number * 100
    if share >= 1000:
        return _fixed(share, 0) + "%"
    if share < 5e-7:
        return "0.00%"
    decimals = next((k for k, floor in enumerate(_TWO_DIGITS, 2) if share >= floor), 6)
    return _fixed(share, decimals) + "%"


def _count(number: float) -> str:
    return _fixed(number, 0 if number >= 100 or number == math.floor(number) else 1)


def _factor(number: float) -> str:
    return _fixed(number, 2 if number < 100 else 1 if number < 1000 else 0) + "×"


def _sigma(number: float) -> str:
    return _fixed(number, 1) + " σ"


def _duration(number: float) -> str:
    if number < 120:
        return _trimmed(_fixed(number, 1)) + " s"
    if number >= _LONG - 0.5:
        return _trimmed(_fixed(number / 86_400, 1)) + " days"
    # ties away from zero, as everywhere
    whole = math.floor(number + 0.5)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def span_words(seconds: float) -> str:
    """The length of a window as it is asked for: ``24 h``, ``7 days``, ``90 min``, ``1.5 s``."""
    for length, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        many = 2 * length if unit == "days" else length
        if seconds >= many and seconds % length == 0:
            return f"{text(seconds // length, Unit.COUNT)} {unit}"
    return f"{_trimmed(_fixed(seconds, 3))} s"


_WRITERS = {
    Unit.USD: _money,
    Unit.PRICE: _six_digits,
    Unit.FRACTION: _percent,
    Unit.COUNT: _count,
    Unit.FACTOR: _factor,
    Unit.SIGMA: _sigma,
    Unit.NUMBER: _six_digits,
    Unit.TEXT: _six_digits,
    Unit.DURATION: _duration,
}


def raw(value: Any, unit: Unit) -> Any:
    """The same value for a machine: a plain Python scalar, None if unknown, times as ISO 8601.

    Infinity stays a float; whoever writes it decides whether its format can hold it.
    """
    if isinstance(value, Quantity):
        return raw(value.value, value.unit)
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return value
    if unit is Unit.TIME:
        return format_time(int(value)) if value else None
    return None if isinstance(value, float) and math.isnan(value) else value


def plain_words(value: Any) -> str:
    """A value without a unit, as an input is listed: text as it is, numbers at full length."""
    if isinstance(value, list | tuple):
        return ", ".join(plain_words(item) for item in value) or UNKNOWN
    if isinstance(value, float):
        return f"{value:,.10g}" if math.isfinite(value) else text(value, Unit.NUMBER)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return text(value, Unit.TEXT)
