"""Words, attributes and JSON made harmless for HTML, and the template they go into."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from seawall.core.errors import InternalError

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_UNIT = re.compile(r"(?<=\d) (?=(?:k|M|bn|tn|σ|USD|BTC|ETH)\b)")
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def escaped(words: object) -> str:
    """Text that reads the same in HTML, inside an element or a quoted attribute."""
    return html.escape(str(words), quote=True)


def prose(words: object) -> str:
    """Escaped text in which a number keeps its unit on its line."""
    return escaped(_UNIT.sub("\u00a0", str(words)))


def script_json(value: Any) -> str:
    """Compact JSON that cannot end or open a script element."""
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: _UNSAFE[found[0]], raw)


def filled(template: str, slots: dict[str, str]) -> str:
    """The template with every ``{{slot}}`` filled, in one pass: what is filled in is not read."""
    names = set(_SLOT.findall(template))
    if names != set(slots):
        raise InternalError(f"the page's slots {sorted(names)} are filled with {sorted(slots)}")
    return _SLOT.sub(lambda found: slots[found[1]], template)


def anchor(title: str) -> str:
    """An identifier made from a heading."""
    return "s-" + (re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section")
