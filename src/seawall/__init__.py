"""Liquidation-risk engine for leveraged crypto markets.

The commands are functions of the same names, loaded when first used:

``read_book``, ``bind``, ``check``, ``map``, ``stress``, ``explain``, ``rescue``,
``size``, ``stop``, ``allocate``, ``demo``, ``simulate``, ``replay``, ``compare``, ``write_html``.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "read_book": "seawall.ingest",
    "bind": "seawall.rulebook",
    "Rules": "seawall.rulebook",
    "check": "seawall.app.api",
    "map": "seawall.app.api",
    "stress": "seawall.app.api",
    "explain": "seawall.app.api",
    "allocate": "seawall.app.desk_allocate",
    "rescue": "seawall.app.desk_rescue",
    "size": "seawall.app.desk_size",
    "stop": "seawall.app.desk_stop",
    "demo": "seawall.app.api",
    "simulate": "seawall.app.api",
    "replay": "seawall.app.api",
    "compare": "seawall.app.api",
    "to_json": "seawall.report.encode",
    "write_html": "seawall.report.page",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
