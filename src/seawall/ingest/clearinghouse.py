"""Hyperliquid's ``clearinghouseState`` as rows of a book.

Source: Hyperliquid docs, "Retrieve user's perpetuals account summary" (info endpoint).
``marginUsed`` of an isolated position and ``crossMarginSummary.accountValue`` both count
unrealised profit; the mark is ``positionValue / |szi|``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seawall.core import InputError, Mistake

Row = dict[str, Any]
VENUE = "hyperliquid"
_LABELS = ("user", "address", "account")


def is_state(value: object) -> bool:
    """Whether an object is a ``clearinghouseState``, bare or under that key."""
    return isinstance(value, Mapping) and (
        "assetPositions" in value or "clearinghouseState" in value
    )


def keyed_states(value: object) -> list[tuple[str | None, Mapping[str, Any]]]:
    """Every state in a JSON value, with the address it stands under; empty if there is none.

    Reads one state, a list of states, a list of ``[address, state]`` and an object keyed by
    address; a state may name its user in ``user``, ``address`` or ``account``.
    """
    if is_state(value):
        assert isinstance(value, Mapping)
        inner = value.get("clearinghouseState", value)
        label = next((str(value[k]) for k in _LABELS if value.get(k)), None)
        return [(label, inner)] if isinstance(inner, Mapping) else []
    found: list[tuple[str | None, Mapping[str, Any]]] = []
    if isinstance(value, Mapping) and value and all(is_state(v) for v in value.values()):
        for key, state in value.items():
            found.extend((label or str(key), s) for label, s in keyed_states(state))
    elif isinstance(value, list):
        for item in value:
            pair = isinstance(item, list) and len(item) == 2 and is_state(item[1])
            if pair:
                found.extend((str(item[0]), s) for _, s in keyed_states(item[1]))
            elif is_state(item):
                found.extend(keyed_states(item))
    return found


def rows_of_states(
    states: list[tuple[str | None, Mapping[str, Any]]], account: str, where: str
) -> tuple[list[Row], tuple[str, ...]]:
    """Rows of a book, and what to know of them.

    Parameters
    ----------
    states
        Address (None if unknown) and state.
    account
        Label for a state without an address; numbered if there are several.
    where
        Name of the source, for messages.

    Raises
    ------
    InputError
        If a position lacks a field of the documented shape.
    """
    rows: list[Row] = []
    mistakes: list[Mistake] = []
    for n, (label, state) in enumerate(states, start=1):
        name = label or (account if len(states) == 1 else f"{account}-{n}")
        for wrapped in state.get("assetPositions") or ():
            try:
                rows.append(_row(wrapped["position"], state, name))
            except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
                mistakes.append(
                    Mistake(
                        f"a position not in the shape of clearinghouseState ({error!r})",
                        where,
                        column=f"assetPositions of {name}",
                        value=str(wrapped),
                        allowed="position with coin, szi, entryPx, positionValue, leverage",
                    )
                )
    if mistakes:
        raise InputError(mistakes[:20], total=len(mistakes))
    held = [r for r in rows if r["size"] != 0.0]
    empty = sum(not (s.get("assetPositions") or ()) for _, s in states)
    notes = [f"read as Hyperliquid clearinghouseState of {len(states)} accounts"]
    if empty:
        notes.append(f"{empty} accounts hold no position")
    return held, tuple(notes)


def _row(position: Mapping[str, Any], state: Mapping[str, Any], account: str) -> Row:
    size = float(position["szi"])
    leverage = position["leverage"]
    isolated = leverage["type"] == "isolated"
    summary = state.get("crossMarginSummary") or state.get("marginSummary") or {}
    return {
        "account": account,
        "venue": VENUE,
        "instrument": position["coin"],
        "size": size,
        "entry_price": position["entryPx"],
        "mark_price": float(position["positionValue"]) / abs(size) if size else None,
        "margin_mode": leverage["type"],
        "leverage": leverage["value"],
        "collateral_value": position["marginUsed"] if isolated else None,
        "account_value": None if isolated else summary.get("accountValue"),
        "liquidation_price": position.get("liquidationPx"),
        "time": state.get("time"),
    }
