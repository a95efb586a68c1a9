"""The words of a report: units, where a figure comes from, kinds of charts, what colours mean."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """What a number is counted in; decides how it is printed."""

    USD = "usd"
    """An amount of money in USD: ``$36.8 M``."""
    PRICE = "price"
    """USD per unit of the underlying: ``86,600``."""
    FRACTION = "fraction"
    """A fraction, printed as percent: ``-0.1`` is ``-10.00%``."""
    COUNT = "count"
    """A whole number of things: ``391,164``."""
    FACTOR = "factor"
    """A ratio, a multiplier or a leverage: ``1.84×``."""
    SIGMA = "sigma"
    """Standard deviations of daily returns: ``3.4 σ``."""
    NUMBER = "number"
    """A plain number, such as coins: six significant digits."""
    TEXT = "text"
    """Words."""
    TIME = "time"
    """UTC nanoseconds (``int``, 0 unknown), printed as ISO 8601."""
    DURATION = "duration"
    """Seconds: ``61.7 s``, from two minutes on ``0:22:05``."""


class Kind(StrEnum):
    """Where a published figure comes from; a page says what each of them means."""

    MEASURED = "measured"
    IMPORTED = "as imported"
    MODELLED = "modelled"
    LOWER_BOUND = "lower bound"
    AS_SHOWN = "as shown"
    UNKNOWN = "not recorded"


class ChartKind(StrEnum):
    """The figures of a report."""

    PROFILE = "profile"
    """Bars over price: the liquidation map. x: bin centres on an even grid."""
    ROUNDS = "rounds"
    """Stacked bars by round, a price line on the second axis."""
    LADDER = "ladder"
    """Lines over the shock, with a band."""
    CURVE = "curve"
    """Lines over shares, 0 to 1: concentration."""
    BARS = "bars"
    """Bars by category, side by side; with ``steps``, a waterfall."""
    TIMELINE = "timeline"
    """Over the seconds of a run: bars by even spans, lines."""


class Tone(StrEnum):
    """What a colour means; the page and the terminal choose the colour."""

    LONG = "long"
    SHORT = "short"
    PRICE = "price"
    LOSS = "loss"
    GAIN = "gain"
    ACCENT = "accent"
    PLAIN = "plain"
    MUTED = "muted"


class Shape(StrEnum):
    """How a series is drawn."""

    AUTO = "auto"
    """Bars in PROFILE, ROUNDS and BARS; a line elsewhere, and on every second axis."""
    BARS = "bars"
    LINE = "line"
    DASHED = "dashed"
