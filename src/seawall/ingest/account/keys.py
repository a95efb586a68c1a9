"""Keys to accounts: from the environment or the system's keyring, and never shown.

Nothing here writes a key anywhere; what is said of one goes through :meth:`Key.redacted`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn
from urllib.parse import quote

from seawall.core import InputError, Mistake

SERVICE = "seawall"
"""Name under which the keyring holds keys; the user names are ``binance:key`` and so on."""
HIDDEN = "***"
_SHORTEST = 4
"""Shorter texts are not looked for in messages: they would hide half of each."""
_NAMES = {
    "key": "apiKey",
    "secret": "secret",
    "password": "password",
    "address": "walletAddress",
}
"""ccxt's names of the parts."""
_QUERY = re.compile(r"\?\S*")


class Source(StrEnum):
    """Where keys are looked for."""

    ENV = "env"
    KEYRING = "keyring"


class Key:
    """What opens an account. Prints, logs and pickles as nothing.

    Parameters
    ----------
    found
        By part: ``key``, ``secret``, ``password``, or a public ``address``.
    origin
        Where it is from, in words that can be shown.
    """

    __slots__ = ("_found", "origin")

    def __init__(self, found: Mapping[str, str], origin: str):
        self._found = dict(found)
        self.origin = origin

    def __repr__(self) -> str:
        return f"<key from {self.origin}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not written anywhere")

    def give(self, exchange: Any) -> None:
        """Let a ccxt exchange ask with it, until :func:`take_back`."""
        for part in self._found:
            setattr(exchange, _NAMES[part], self._found[part])

    def redacted(self, text: str) -> str:
        """A text without any part of the key, and without the queries of addresses."""
        text = _QUERY.sub("?" + HIDDEN, text)
        for part, value in self._found.items():
            if part != "address" and len(value) >= _SHORTEST:
                for form in {value, quote(value, safe="")}:
                    text = text.replace(form, HIDDEN)
        return text


def take_back(exchange: Any) -> None:
    """Leave a ccxt exchange without a key; a public address stays."""
    for part, name in _NAMES.items():
        if part != "address":
            setattr(exchange, name, "")


def find_key(
    venues: Sequence[str],
    parts: Sequence[str],
    source: Source | None = None,
    purpose: str = "",
) -> Key:
    """The key of the first of a venue's names that has one.

    Parameters
    ----------
    venues
        Names to look under, the more exact first.
    parts
        Which are needed.
    source
        The environment, then the keyring if None.
    purpose
        What the key is for, before its parts' names, where it is another one than the account's.

    Raises
    ------
    InputError
        Naming the variables to set and the keyring's commands, if no key is there or a part of
        it is missing.
    """
    for place in (source,) if source else (Source.ENV, Source.KEYRING):
        for venue in venues:
            key, missing = _looked(place, venue, parts, purpose, needed=source is not None)
            if key is not None and missing:
                raise _missing(venue, missing, purpose, "is not whole")
            if key is not None:
                return key
    what = f"has no {purpose} key" if purpose else "has no key to its account"
    raise _missing(venues[-1], parts, purpose, what)


def _looked(
    place: Source, venue: str, parts: Sequence[str], purpose: str, needed: bool
) -> tuple[Key | None, list[str]]:
    """What is there of a key, and which parts are not. No frame that raises holds one in words."""
    if place is Source.ENV:
        found = {part: os.environ.get(variable(venue, _called(part, purpose))) for part in parts}
    else:
        found = {part: _from_keyring(venue, _called(part, purpose), needed) for part in parts}
    there = {part: text for part, text in found.items() if text}
    origin = "the environment" if place is Source.ENV else "the keyring"
    key = Key(there, f"{origin} ({venue})") if there else None
    return key, [part for part in parts if part not in there]


def _called(part: str, purpose: str) -> str:
    return f"{purpose}_{part}" if purpose else part


def variable(venue: str, part: str) -> str:
    """Name of the environment variable that holds a part of a venue's key."""
    return f"SEAWALL_{re.sub(r'[^A-Z0-9]+', '_', venue.upper())}_{part.upper()}"


def _from_keyring(venue: str, part: str, needed: bool) -> str | None:
    """A part of a key; None where there is no keyring, unless it was named as the source."""
    if find_spec("keyring") is None:
        if needed:
            mend = "pip install 'seawall[live]'"
            raise InputError(Mistake("keyring not installed", "--keys keyring", mend=mend))
        return None
    keyring: Any = import_module("keyring")
    said = ""
    try:
        found: str | None = keyring.get_password(SERVICE, f"{venue.lower()}:{part}")
        return found or None
    except keyring.errors.KeyringError as error:
        said = type(error).__name__
    if needed:
        mend = "Unlock or install one, or set environment variables and --keys env"
        raise InputError(Mistake(f"cannot be read: {said}", "the system's keyring", mend=mend))
    return None


def _missing(venue: str, parts: Sequence[str], purpose: str, what: str) -> InputError:
    called = [_called(part, purpose) for part in parts]
    names = ", ".join(variable(venue, part) for part in called)
    commands = "; ".join(f"keyring set {SERVICE} {venue.lower()}:{part}" for part in called)
    return InputError(Mistake(what, f"venue {venue}", mend=f"Set {names}, or run {commands}"))
