"""Safeguards that the room can lay over a scenario: what each is, and settings to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BEGIN: Mapping[str, Mapping[str, Any]] = {
    "circuit_breaker": {"preset": "luld"},
    "coordinated_breaker": {"preset": "cme_dynamic", "together": "asset"},
    "price_bands": {"preset": "okx_tier_1"},
    "leverage_cap": {"cap": 5.0},
    "low_leverage": {"share": 0.5},
    "position_limit": {"usd": 5e6},
    "concentration_margin": {"slope": 0.5, "above": 0.01, "respond": "cut"},
    "disclosure": {"published": True, "share": 0.3},
    "fund_target": {"usd": 50e6},
    "liquidation_throttle": {"rate": 0.01},
    "mark_smoothing": {"window": 30.0},
    "stop_adoption": {"share": 0.5},
}
"""A safeguard is off as it comes; these settings make it act. They are examples, not advice."""


def levers() -> list[dict[str, Any]]:
    """Every safeguard: its name, what it does, its settings, and some to begin with."""
    from seawall.report.encode import plain
    from seawall.rulebook.levers import levers as known

    return [
        {
            "name": name,
            "title": lever.title,
            "what": (lever.__doc__ or "").partition("\n")[0],
            "source": lever.source,
            "begin": dict(BEGIN.get(name, {})),
            "settings": {
                key: {"description": field.description or "", "preset": plain(field.default)}
                for key, field in lever.model_fields.items()
                if not field.is_required() and _simple(field.default)
            },
        }
        for name, lever in known().items()
    ]


def _simple(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
