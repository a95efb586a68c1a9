"""ccxt's exchanges, by the name of their rulebook, and pointed elsewhere where one asks for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from seawall.core import InputError, Mistake, RuleError
from seawall.ingest.wire import need_live
from seawall.rulebook import Rules

SEVERAL = {"binance": ("binance_usdm", "binance_coinm")}
"""Names that stand for several rulebooks."""

_DERIVATIVES: Mapping[str, Any] = {
    "bybit": {"types": ["linear", "inverse"]},
    "okx": {"types": ["swap", "future"]},
    "gate": {"types": ["swap"]},
    "hyperliquid": {"types": ["swap"]},
    "htx": {"types": {"spot": False, "linear": True, "inverse": True}},
}
"""What to load of a venue whose ccxt class lists spot markets and options as well."""


def names_of(venues: Sequence[str], rules: Rules) -> tuple[str, ...]:
    """Rulebooks that venues' names or aliases stand for, each once.

    Raises
    ------
    InputError
        Naming each that is unknown or that ccxt cannot ask.
    """
    found: dict[str, None] = {}
    mistakes: list[Mistake] = []
    known = [v for v in rules.venues() if rules.identity(v).ccxt is not None]
    allowed = ", ".join((*SEVERAL, *known))
    for venue in venues:
        several = SEVERAL.get(venue.strip().casefold())
        try:
            names = several or (rules.canonical_venue(venue),)
        except RuleError:
            mistakes.append(Mistake("unknown venue", column="venues", value=venue, allowed=allowed))
            continue
        for name in names:
            if name not in known:
                what = "cannot be asked through ccxt"
                mistakes.append(Mistake(what, column="venues", value=venue, allowed=allowed))
            found[name] = None
    if mistakes:
        raise InputError(mistakes)
    return tuple(found)


def exchange_of(
    name: str,
    rules: Rules,
    address: str = "",
    *,
    waits: bool = True,
    pushes: bool = False,
    **settings: Any,
) -> Any:
    """A new ccxt exchange of a rulebook, which loads derivatives only and asks for no coins.

    Parameters
    ----------
    name
        Of the rulebook.
    address
        Scheme, host and port in place of the venue's own; paths stay, sockets go there too.
    waits
        False for the class whose methods are coroutines.
    pushes
        True for the class that also follows sockets; its methods are coroutines.
    settings
        Passed on, keys for one.

    Raises
    ------
    InputError
        If ccxt is not installed, or has no exchange for the venue.
    """
    need_live("ccxt")
    identity = rules.identity(name).ccxt
    if identity is None:
        known = [v for v in rules.venues() if rules.identity(v).ccxt]
        raise InputError(
            Mistake(
                "cannot be asked through ccxt, which has no exchange for it",
                "venue",
                value=name,
                allowed=", ".join(known),
            )
        )
    module = "ccxt.pro" if pushes else "ccxt" if waits else "ccxt.async_support"
    options = {"fetchMarkets": _DERIVATIVES[identity]} if identity in _DERIVATIVES else {}
    exchange = getattr(import_module(module), identity)(
        {"enableRateLimit": True, "timeout": 20_000, "options": options, **settings}
    )
    # ccxt logs headers, which hold keys, where somebody listens
    exchange.logger, exchange.verbose = logging.Logger("silent"), False
    exchange.logger.disabled = True
    # of some venues that is a question for account holders, and nothing here needs the answer
    exchange.has["fetchCurrencies"] = False
    if address:
        exchange.urls["api"] = pointed(exchange.urls["api"], address.rstrip("/"))
    return exchange


def pointed(urls: Any, address: str) -> Any:
    """Addresses, one or a tree of them, with another host and port; sockets stay sockets."""
    if isinstance(urls, Mapping):
        return {key: pointed(value, address) for key, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    to = re.sub("^http", "ws", address) if urls.startswith("ws") else address
    return re.sub(r"^\w+://[^/]+", lambda _: to, urls)


def addresses(given: Sequence[str], rules: Rules) -> dict[str, str]:
    """Addresses that stand in for venues' own, by rulebook, from ``VENUE=http://...``.

    Raises
    ------
    InputError
        Naming each that is none.
    """
    found: dict[str, str] = {}
    wrong: list[Mistake] = []
    for text in given:
        venue, _, address = text.partition("=")
        if address.startswith(("http://", "https://")):
            found.update(dict.fromkeys(names_of([venue], rules), address))
        else:
            allowed = "VENUE=http://127.0.0.1:8080"
            wrong.append(Mistake("no address", "--url", value=text, allowed=allowed))
    if wrong:
        raise InputError(wrong)
    return found
