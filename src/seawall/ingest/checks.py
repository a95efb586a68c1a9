"""What a row may hold: every rule that can be told from the row alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.ingest.columns import BY_NAME
from seawall.ingest.findings import Findings
from seawall.ingest.frame import Frame
from seawall.ingest.sheet import Floats, Mask

Codes = NDArray[np.int8]

LONG, SHORT = 1, -1
ISOLATED, CROSS = 1, 0
_UNSAID = -2
_SIDES = {
    **dict.fromkeys(("long", "buy", "bid", "l", "b"), LONG),
    **dict.fromkeys(("short", "sell", "ask", "s"), SHORT),
    **dict.fromkeys(("both", "net"), _UNSAID),
}
_MODES = {
    **dict.fromkeys(("isolated", "iso"), ISOLATED),
    **dict.fromkeys(("cross", "crossed", "portfolio"), CROSS),
}
_TYPES = {"linear": 0, "inverse": 1}
_BAD = -3


def check_numbers(frame: Frame, findings: Findings) -> None:
    """Cells of number and time columns that hold something else, or lie out of bounds."""
    for name, wrong in frame.unreadable.items():
        column = BY_NAME[name]
        if column.kind == "time":
            allowed = "ISO 8601 such as 2025-11-20T23:59:59Z, or an epoch number"
            findings.add(wrong, name, "not a time", allowed)
            continue
        findings.add(
            wrong,
            name,
            lambda i, name=name: _what_is_not_a_number(frame.cell(name, i) or ""),  # type: ignore[misc]
            column.allowed,
            lambda i, name=name: _how_to_mend(frame.cell(name, i) or ""),  # type: ignore[misc]
        )
    for name in list(frame.numbers):
        column, values = BY_NAME[name], frame.numbers[name]
        with np.errstate(invalid="ignore"):
            out = (
                (values <= column.above)
                | (values < column.at_least)
                | (values >= column.below)
                | (values > column.at_most)
            )
        findings.add(
            out,
            name,
            lambda i, v=values, c=column: _what_is_out(float(v[i]), c.name),  # type: ignore[misc]
            column.allowed,
            "Rates are fractions: 0.5% is 0.005" if column.below == 1 else "",
        )


def check_required(frame: Frame, findings: Findings) -> None:
    """Rows without the cells that nothing else can supply."""
    for name in ("instrument", "entry_price"):
        column = BY_NAME[name]
        if column.kind == "label":
            missing, allowed = frame.label(name).codes < 0, column.unit
        else:
            missing = np.isnan(frame.number(name)) & ~_unreadable(frame, name)
            allowed = column.allowed
        findings.add(missing, name, "missing value", allowed, "Fill it in")


def signed_contracts(frame: Frame, findings: Findings) -> Floats:
    """Shape (n,): contracts held, > 0 long; NaN where the row is wrong.

    Sizes count as signed if the column has a negative one; otherwise ``side`` decides, as it
    does for ``quantity``.
    """
    size, quantity = frame.number("size"), frame.number("quantity")
    side = _coded(frame, "side", _SIDES, findings, "long or short (buy or sell)")
    amount = np.where(np.isnan(size), quantity, size)
    column = "size" if "size" in frame.place else "quantity"
    garbled = _unreadable(frame, "size") | _unreadable(frame, "quantity")
    missing = np.isnan(amount) & ~garbled
    findings.add(missing, column, "missing value", "contracts, not 0", "Fill it in")
    findings.add(amount == 0, column, "zero quantity", "a position that is held", "Drop the row")
    both = ~np.isnan(size) & ~np.isnan(quantity)
    differ = both & (np.abs(np.abs(size) - np.abs(quantity)) > 1e-9 * np.abs(size))
    findings.add(differ, "quantity", "differs from size", "the same amount", "Give one of the two")

    known = (side == LONG) | (side == SHORT)
    signed = ((size < 0) & (side == SHORT)).any()
    clash = (amount < 0) & (side == LONG) | signed & (size > 0) & (side == SHORT)
    findings.add(
        clash,
        "side",
        "side and sign contradict each other",
        "long with a positive, short with a negative size",
        value=lambda i: f"{frame.cell('side', i)}, {frame.cell(column, i)}",
    )
    unsigned = ~known & (side != _BAD) & np.isnan(size) & np.isfinite(quantity) & (quantity != 0)
    findings.add(unsigned, "side", "missing value", "long or short", "Fill it in, or give size")
    return np.where(known, np.abs(amount) * side, amount)


def modes(frame: Frame, findings: Findings) -> Codes:
    """Shape (n,): ``ISOLATED``, ``CROSS``, or -2 where the row does not say."""
    return _coded(frame, "margin_mode", _MODES, findings, "isolated or cross")


def contract_types(frame: Frame, findings: Findings) -> Codes:
    """Shape (n,): 0 linear, 1 inverse, or -2 where the row does not say."""
    return _coded(frame, "contract_type", _TYPES, findings, "linear or inverse")


def check_prices(frame: Frame, size: Floats, mark: Floats, findings: Findings) -> None:
    """Stop and liquidation prices on the wrong side of a position."""
    entry = frame.number("entry_price")
    stop, liquidation = frame.number("stop_price"), frame.number("liquidation_price")
    side = np.sign(size)
    with np.errstate(invalid="ignore"):
        wrong_stop = side * (stop - mark) >= 0
        gain = (side * (liquidation - mark) > 0) & (side * (liquidation - entry) > 0)
    findings.add(
        wrong_stop,
        "stop_price",
        lambda i: _stop_text(float(side[i]), float(mark[i])),
        "below the mark for a long, above it for a short",
        "A stop there would have fired: correct it or leave it empty",
    )
    findings.add(
        gain,
        "liquidation_price",
        lambda i: (
            f"liquidation price on the wrong side: {'above' if side[i] > 0 else 'below'} entry "
            f"{entry[i]:g} and mark {mark[i]:g} of a {'long' if side[i] > 0 else 'short'}"
        ),
        "below entry or mark for a long, above one of them for a short",
        "Check side, or leave it empty",
    )


def _coded(
    frame: Frame, name: str, meanings: dict[str, int], findings: Findings, allowed: str
) -> Codes:
    column = frame.label(name)
    table = np.array(
        [meanings.get(_first_word(n), _BAD) for n in column.names] + [_UNSAID], dtype=np.int8
    )
    codes = table[column.codes]
    findings.add(codes == _BAD, name, f"unknown {name.replace('_', ' ')}", allowed)
    return codes


def _first_word(text: str) -> str:
    """``Cross margin`` and ``ISOLATED_MARGIN`` as their first word, lower case."""
    words = text.casefold().replace("_", " ").replace("-", " ").split()
    return words[0] if words else ""


def _unreadable(frame: Frame, name: str) -> Mask:
    return frame.unreadable.get(name, np.zeros(len(frame), dtype=np.bool_))


def _what_is_not_a_number(text: str) -> str:
    plain = text.strip().casefold().lstrip("+-")
    if plain in {"nan", "inf", "infinity"}:
        return "not a finite number"
    return "not a number"


def _how_to_mend(text: str) -> str:
    digits = text.strip().replace(",", "").replace(" ", "").replace("'", "").lstrip("$€+-")
    if digits != text.strip() and digits.replace(".", "", 1).isdigit():
        return "Write it without thousands separators or currency signs, as 1234.5"
    if text.strip().endswith("%"):
        return "Write a fraction: 0.5% is 0.005"
    return "Leave the cell empty if the value is not known"


def _what_is_out(value: float, name: str) -> str:
    if value < 0:
        return f"negative {name.replace('_', ' ')}"
    if value == 0:
        return f"{name.replace('_', ' ')} of zero"
    return "out of bounds"


def _stop_text(side: float, mark: float) -> str:
    where = "not below" if side > 0 else "not above"
    return f"stop on the wrong side: {where} the mark {mark:g} of a {_name(side)}"


def _name(side: float) -> str:
    return "long" if side > 0 else "short"
