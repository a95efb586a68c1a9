"""What a key may do, as its venue tells.

Sources: Binance wallet API, Get API Key Permission (``enable*`` and ``permits*``; whatever is not
reading counts as more than reading); Bybit API v5, Get API Key Information (``readOnly``,
``permissions``); OKX API v5, Get account configuration (``perm``); Deribit API v2, public/auth
(``scope``; signed, so that the secret is not sent) and Access Scope.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_READING = frozenset({"enableReading", "enableFixReadOnly"})
_WRITING = ":read_write"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a key may do beside reading.

    Attributes
    ----------
    told
        Whether the venue says it.
    beyond
        In the venue's own words; empty for a key that only reads.
    """

    told: bool
    beyond: tuple[str, ...] = ()


UNTOLD = Permission(False)


def permission_of(venue: str, exchange: Any) -> Permission:
    """Ask a venue what the key of a ccxt exchange may do.

    Raises
    ------
    Exception
        What ccxt raises where the question is not answered.
    """
    ask = _ASK.get(venue)
    return ask(exchange) if ask else UNTOLD


def _binance(exchange: Any) -> Permission:
    told = exchange.sapiGetAccountApiRestrictions()
    able = [
        name
        for name, value in told.items()
        if name.startswith(("enable", "permits")) and name not in _READING and _true(value)
    ]
    return Permission("enableReading" in told, tuple(able))


def _bybit(exchange: Any) -> Permission:
    told = exchange.privateGetV5UserQueryApi().get("result") or {}
    if "readOnly" not in told:
        return UNTOLD
    if str(told["readOnly"]) == "1":
        return Permission(True)
    kinds = told.get("permissions") or {}
    able = [f"{kind} {', '.join(what)}" for kind, what in kinds.items() if what]
    return Permission(True, tuple(able) or ("read and write",))


def _okx(exchange: Any) -> Permission:
    rows = exchange.privateGetAccountConfig().get("data") or [{}]
    text = str(rows[0].get("perm") or "")
    able = [p.strip() for p in text.split(",") if p.strip() and p.strip() != "read_only"]
    return Permission(bool(text), tuple(able))


def _deribit(exchange: Any) -> Permission:
    stamp, nonce = str(int(time.time() * 1000)), secrets.token_hex(8)
    signed = hmac.new(
        exchange.secret.encode(), f"{stamp}\n{nonce}\n".encode(), hashlib.sha256
    ).hexdigest()
    answer = exchange.publicGetAuth(
        {
            "grant_type": "client_signature",
            "client_id": exchange.apiKey,
            "timestamp": stamp,
            "nonce": nonce,
            "signature": signed,
        }
    )
    scopes = str((answer.get("result") or {}).get("scope") or "").split()
    able = [scope for scope in scopes if scope.endswith(_WRITING)]
    # a token of the connection alone says nothing of what the key may do
    return Permission(any(":" in s for s in scopes if not s.startswith("session:")), tuple(able))


def _true(value: object) -> bool:
    return value is True or str(value).lower() == "true"


_ASK: Mapping[str, Callable[[Any], Permission]] = {
    "binance_usdm": _binance,
    "binance_coinm": _binance,
    "bybit": _bybit,
    "okx": _okx,
    "deribit": _deribit,
}
