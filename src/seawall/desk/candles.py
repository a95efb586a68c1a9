"""Candles of several assets on one clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """Candles left out because ``assets`` have none: before ``time``, UTC ns, or from it on."""

    assets: tuple[str, ...]
    time: int
    before: bool

    def __str__(self) -> str:
        side = "before" if self.before else "from"
        verb = "has" if len(self.assets) == 1 else "have"
        return (
            f"candles {side} {format_time(self.time)} are left out: {', '.join(self.assets)} "
            f"{verb} none"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of several assets on one clock.

    Attributes
    ----------
    assets
        Names of the second axis.
    time
        Shape (T,): UTC ns at which each candle begins, ``step`` apart.
    step
        Seconds of a candle.
    open, high, low, close
        Shape (T, A): USD.
    source
        Where they came from.
    of_price
        ``mark``, ``last`` or ``index`` where that is known, ``fills`` of liquidations, else empty.
    cuts
        What was left out to bring the assets onto one clock.
    beside
        Reads candles of further assets of the source, each of one asset; None where that is not
        known.
    """

    assets: tuple[str, ...]
    time: Ints
    step: float
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    source: str = ""
    of_price: str = ""
    cuts: tuple[Cut, ...] = ()
    beside: Callable[[], Sequence[Candles]] | None = None

    def __len__(self) -> int:
        return len(self.time)

    @property
    def end(self) -> int:
        """UTC ns at which the last candle closed."""
        return int(self.time[-1]) + round(self.step * 1e9)

    def _rows(self, rows: slice) -> Candles:
        parts = {name: getattr(self, name)[rows] for name in ("time", *PRICES)}
        return replace(self, **parts)

    def last(self, count: int) -> Candles:
        """The last ``count`` candles, or all if there are fewer."""
        return self._rows(slice(max(0, len(self) - count), None))

    def until(self, time: int) -> Candles:
        """The candles that had closed by UTC ns ``time``.

        Raises
        ------
        InputError
            If none had.
        """
        kept = int(np.searchsorted(self.time, time - round(self.step * 1e9), side="right"))
        if kept == 0:
            raise InputError(
                Mistake(
                    "no candle had closed by then",
                    self.source,
                    value=format_time(time),
                    allowed=f"{format_time(int(self.time[0]))} to {format_time(self.end)}",
                )
            )
        found = self._rows(slice(0, kept))
        # what has not happened yet was not cut off
        return replace(found, cuts=tuple(c for c in found.cuts if c.before or c.time < time))

    def since(self, time: int) -> Candles:
        """The candles that begin at UTC ns ``time`` or later."""
        return self._rows(slice(int(np.searchsorted(self.time, time)), None))

    def of(self, assets: Sequence[str]) -> Candles:
        """The same of other assets, in the order given.

        Raises
        ------
        InputError
            Naming every asset without prices.
        """
        missing = [a for a in assets if a not in self.assets]
        if missing:
            raise without_prices(missing, self.assets, self.source)
        at = [self.assets.index(a) for a in assets]
        parts = {name: getattr(self, name)[:, at] for name in PRICES}
        return replace(self, assets=tuple(assets), **parts)

    def coarser(self, step: float) -> Candles:
        """Candles of ``step`` seconds, a multiple of ours, the last one closing with our last."""
        many = round(step / self.step)
        if many <= 1:
            return self
        count = len(self) // many
        skip = len(self) - count * many

        def blocks(values: Floats) -> Floats:
            return values[skip:].reshape(count, many, -1)

        return replace(
            self,
            time=self.time[skip::many],
            step=step,
            open=blocks(self.open)[:, 0],
            high=blocks(self.high).max(axis=1),
            low=blocks(self.low).min(axis=1),
            close=blocks(self.close)[:, -1],
        )

    def changes(self) -> tuple[Floats, Floats, Floats]:
        """Log change of close, lowest and highest over the close before, (T - 1, A) each.

        Lowest and highest enclose both closes: a jump between two candles is in them.
        """
        before = self.close[:-1]
        close = np.log(self.close[1:] / before)
        low = np.minimum(np.log(self.low[1:] / before), np.minimum(close, 0.0))
        high = np.maximum(np.log(self.high[1:] / before), np.maximum(close, 0.0))
        return close, low, high


def without_prices(missing: Sequence[str], known: Sequence[str], source: str) -> InputError:
    """The error that names every asset without prices."""
    shown = ", ".join(known[:_SHOWN]) or "no asset"
    return InputError(
        [Mistake("an asset without prices", source, value=a, allowed=shown) for a in missing]
        or [Mistake("no prices", source)]
    )
