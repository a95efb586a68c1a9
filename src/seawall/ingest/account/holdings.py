"""One's own positions and the wallets behind them, as rows of a book."""

from __future__ import annotations

import ipaddress
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from seawall.core import InputError, Mistake, NoPositionsError, SeawallError, format_time
from seawall.ingest.account.keys import Key, Source, find_key, take_back, variable
from seawall.ingest.account.permissions import UNTOLD, Permission, permission_of
from seawall.ingest.account.wallets import HELD, Row
from seawall.ingest.market.exchanges import SEVERAL, exchange_of
from seawall.rulebook import Rules

PREFIX = "account:"
"""What stands before a venue's name where a book is named."""
_ADDRESS_ONLY = ("hyperliquid",)
"""Venues whose accounts are public: an address is all that is needed."""

_WORDS = frozenset(
    {"account", "venue", "instrument", "contract_type", "side", "margin_mode", "time"}
)
"""Columns of text."""


class VenueRefusedError(SeawallError):
    """A venue could not be reached, or did not answer as it should; no key is in its text."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account holds.

    Attributes
    ----------
    rows
        One a position, with the columns of a book.
    notes
        What to know of them.
    warnings
        What was said of the key.
    time
        When they were fetched, UTC ns.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    time: int


def own_positions(
    venue: str,
    keys: Source | None = None,
    *,
    rules: Rules | None = None,
    allow_trading_key: bool = False,
) -> Holdings:
    """Positions and wallets of one's account, with a key that may only read.

    Parameters
    ----------
    venue
        Name or alias; ``binance`` is USD-M and COIN-M.
    keys
        Where the key is; the environment, then the keyring if None.
    allow_trading_key
        Take a key that may do more, with a warning, in place of refusing it.

    Raises
    ------
    InputError
        If there is no key, the key may trade or withdraw, or the account has no position.
    VenueRefusedError
        If the venue cannot be asked.
    """
    rules = rules or Rules.bundled()
    names = SEVERAL.get(venue.strip().casefold()) or (rules.canonical_venue(venue),)
    _check_known(venue, names)
    rows: list[Row] = []
    notes: list[str] = []
    warnings: dict[str, None] = {}
    now = time.time_ns()
    for name in names:
        under = tuple(dict.fromkeys((name, venue.strip().lower(), name.partition("_")[0])))
        parts = ("address",) if name in _ADDRESS_ONLY else _parts(name)
        key = find_key(under, parts, keys)
        address = _address(under)
        held = _held(name, key, rules, address, allow_trading_key)
        rows += held.rows
        notes += held.notes
        warnings |= dict.fromkeys(held.warnings)
    if not rows:
        raise NoPositionsError(Mistake("no open position", f"account at {venue}"))
    fetched = format_time(now)
    rows = [{**row, "time": fetched} for row in rows]
    return Holdings(_one_shape(rows), tuple(notes), tuple(warnings), now)


def _held(name: str, key: Key, rules: Rules, address: str, allow: bool) -> Holdings:
    """What one rulebook's part of the account holds; errors carry nothing of the key."""
    refusal: SeawallError | None = None
    said = "", ""
    exchange = _opened(name, key, rules, address)
    try:
        with _unheard():
            permission = UNTOLD if name in _ADDRESS_ONLY else permission_of(name, exchange)
            warnings = _judged(name, key, permission, allow)
            rows, notes = HELD[name](exchange)
        return Holdings(tuple(rows), tuple(notes), warnings, 0)
    except SeawallError as error:
        refusal = error
    except Exception as error:
        said = type(error).__name__, key.redacted(" ".join(str(error).split()))[:300]
    finally:
        take_back(exchange)
    # raised out here, so that nothing of what failed hangs on to it
    if refusal is not None:
        raise refusal
    raise VenueRefusedError(
        f"venue {name}: could not be asked for your account: {said[0]}: {said[1]}. Check the "
        "connection, the key and the addresses it may be used from"
    )


def _opened(name: str, key: Key, rules: Rules, address: str) -> Any:
    exchange = exchange_of(name, rules, address)
    key.give(exchange)
    return exchange


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep the library that ccxt asks through from logging addresses, which may hold a key."""
    loggers = [logging.getLogger(n) for n in ("urllib3", "urllib3.connectionpool")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was


def _judged(name: str, key: Key, permission: Permission, allow: bool) -> tuple[str, ...]:
    """Warnings about a key that is taken.

    Raises
    ------
    InputError
        If it may do more than read.
    """
    if name in _ADDRESS_ONLY:
        return ()
    if not permission.told and not permission.beyond:
        return (f"{name} does not tell what the key may do; make sure that it can only read",)
    if not permission.beyond:
        return ()
    able = "; ".join(permission.beyond)
    if allow:
        return (f"the key to {name} may do more than read ({able}); it is only read with",)
    raise InputError(
        Mistake(
            "the key may do more than read",
            f"venue {name}, key from {key.origin.partition(' (')[0]}",
            value=able,
            allowed="a key that can only read",
            mend="Make one at the venue; or take this one for once: "
            f"seawall positions {name} --allow-trading-key --output book.csv",
        )
    )


def _check_known(venue: str, names: Sequence[str]) -> None:
    if not set(names) <= set(HELD):
        raise InputError(
            Mistake(
                "own positions cannot be had from it",
                "venue",
                value=venue,
                allowed=", ".join((*SEVERAL, *HELD)),
                mend="Export them to a file",
            )
        )


def _parts(name: str) -> tuple[str, ...]:
    return ("key", "secret", "password") if name == "okx" else ("key", "secret")


def _address(names: Sequence[str]) -> str:
    """Where to ask in place of the venue's own address, from ``SEAWALL_<VENUE>_URL``.

    Raises
    ------
    InputError
        If what is sent there, the key's name for one, could be read on the way.
    """
    for name in names:
        found = os.environ.get(variable(name, "url"), "")
        if not found:
            continue
        parts = urlsplit(found)
        if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)):
            return found
        allowed = "https://..., or http:// on this machine"
        raise InputError(
            Mistake("address not safe", variable(name, "url"), value=found, allowed=allowed)
        )
    return ""


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _one_shape(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with the same columns, those that all leave empty left out; numbers as such."""
    names = dict.fromkeys(name for row in rows for name in row)
    used = [n for n in names if any(row.get(n) not in (None, "") for row in rows)]
    return tuple({name: _plain(name, row.get(name)) for name in used} for row in rows)


def _plain(name: str, value: Any) -> Any:
    if value in (None, "") or name in _WORDS:
        return value or None
    return float(value)
