"""Symbols: what an instrument's name says, whoever wrote it.

One parser reads every venue's form and ccxt's, so that a book needs no editing; the venue's
rulebook then writes the name its own way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seawall.core import Mistake, RuleError

QUOTES = (
    "USDT0",
    "USDT",
    "USDC",
    "FDUSD",
    "BUSD",
    "TUSD",
    "USDE",
    "USDH",
    "USD1",
    "USD_UM",
    "USD",
    "DAI",
    "U",
)
"""Quote currencies taken at one US dollar."""

_JOINED = ("USDT", "USDC", "FDUSD", "USDE", "USD1", "USD")
"""Quotes looked for at the end of a joined name; ``BUSD`` would swallow the B of ``BNBUSD``."""

_MULTIPLE = re.compile(r"^(?P<many>1000000|100000|10000|1000|1M(?=BABY))(?P<asset>[A-Z][A-Z0-9]+)$")
_SUFFIXED = re.compile(r"^(?P<asset>SHIB|FLOKI|LUNC|XEC|PEPE|BONK)(?P<many>1000)$")
_THOUSAND = re.compile(r"^k[A-Z0-9]{2,}$")
_EXPIRY = re.compile(r"^(\d{6}|\d{8}|\d{4}|\d{1,2}[A-Z]{3}\d{2})$")
_MONTH = re.compile(r"^(?P<pair>.+USD)(?P<expiry>[FGHJKMNQUVXZ]\d{2})$")
_BASE = re.compile(r"^[^\W_]{1,24}$")
_PERPETUAL = frozenset({"PERP", "PERPETUAL", "SWAP"})


@dataclass(frozen=True, slots=True)
class Symbol:
    """An instrument's name taken apart.

    Parameters
    ----------
    base
        What the contract is written on, such as ``1000PEPE``.
    asset
        The underlying whose price moves it, such as ``PEPE``.
    multiplier
        Units of the asset in one unit of the base: 1000 for ``1000PEPE``.
    quote
        Currency of the price, or None if the name does not say.
    inverse
        True or False where the name decides it, else None (``BTCUSD``, ``BTC``).
    expiry
        Date of delivery as written, or an empty string for a perpetual.
    dex
        Builder-deployed market of Hyperliquid, such as ``xyz``; empty elsewhere.
    """

    base: str
    asset: str
    multiplier: float = 1.0
    quote: str | None = None
    inverse: bool | None = None
    expiry: str = ""
    dex: str = ""


def parse_symbol(text: str) -> Symbol:
    """Take a venue's or ccxt's instrument name apart.

    Reads ``BTCUSDT``, ``1000PEPEUSDT``, ``BTCUSD_PERP``, ``BTCUSDT_260925``, ``BTCUSDH26``,
    ``BTC-USDT-SWAP``, ``BTC-USD-210430``, ``BTC-PERPETUAL``, ``SOL_USDC-PERPETUAL``,
    ``BTC-28JUL23``, ``BTC/USDT:USDT``, ``BTC/USD:BTC-260925``, ``BTC``, ``kPEPE``, ``xyz:GOOGL``
    and ``XYZ-GOOGL``.

    Raises
    ------
    RuleError
        If the text has none of these forms, or is quoted in something other than a dollar.
    """
    name = text.strip()
    if "/" in name:
        return _unified(name)
    if ":" in name:
        dex, _, coin = name.partition(":")
        return _symbol(coin, text, dex=_dex(dex, text))
    parts = [p for p in re.split(r"[-_]", name) if p]
    if not parts:
        raise _unreadable(text)
    return _joined(parts[0], text) if len(parts) == 1 else _dashed(parts, text)


def _unified(name: str) -> Symbol:
    """Read ccxt's ``BASE/QUOTE:SETTLE-EXPIRY``."""
    base, _, rest = name.partition("/")
    quote, _, settle = rest.partition(":")
    settle, _, expiry = settle.partition("-")
    quote, settle, expiry = quote.upper(), settle.upper(), expiry.upper()
    dex, dash, coin = base.partition("-")
    found = _symbol(
        coin if dash else base,
        name,
        quote=quote,
        inverse=None if not settle else settle == base.upper(),
        expiry=expiry,
        dex=_dex(dex, name) if dash else "",
    )
    if settle and settle != base.upper() and settle not in QUOTES:
        raise _unreadable(name, f"it settles in {settle}, neither a dollar nor the coin itself")
    return found


def _dashed(parts: list[str], text: str) -> Symbol:
    """Read names whose parts are set apart by ``-`` or ``_``."""
    upper = [p.upper() for p in parts]
    expiry = ""
    if _EXPIRY.match(upper[-1]):
        expiry = upper.pop()
        parts = parts[:-1]
    perpetual = bool(upper) and upper[-1] in _PERPETUAL
    if perpetual:
        upper, parts = upper[:-1], parts[:-1]
    if len(parts) == 3 and upper[1:] == ["USD", "UM"]:
        return _symbol(parts[0], text, quote="USD_UM", expiry=expiry)
    if len(parts) == 1:
        found = _joined(parts[0], text)
        return Symbol(found.base, found.asset, found.multiplier, found.quote, found.inverse, expiry)
    if len(parts) == 2 and upper[1] in QUOTES:
        return _symbol(parts[0], text, quote=upper[1], expiry=expiry)
    if len(parts) == 2 and not expiry and not perpetual:
        return _symbol(parts[1], text, dex=_dex(parts[0], text))
    raise _unreadable(text)


def _joined(name: str, text: str) -> Symbol:
    """Read names without separators: a coin, or a coin with its quote."""
    upper = name if _THOUSAND.match(name) else name.upper()
    month = _MONTH.match(upper)
    if month:
        base = month["pair"].removesuffix("USD")
        return _symbol(base, text, quote="USD", inverse=True, expiry=month["expiry"])
    for quote in _JOINED:
        base = upper.removesuffix(quote)
        if base and base != upper:
            return _symbol(base, text, quote=quote)
    if upper.endswith("PERP") and len(upper) > len("PERP"):
        return _symbol(upper.removesuffix("PERP"), text, quote="USDC", inverse=False)
    return _symbol(upper, text)


def _symbol(
    base: str,
    text: str,
    quote: str | None = None,
    inverse: bool | None = None,
    expiry: str = "",
    dex: str = "",
) -> Symbol:
    if _THOUSAND.match(base):
        base = "1000" + base[1:]
    base = base.upper()
    if not _BASE.match(base):
        raise _unreadable(text)
    if quote is not None and quote not in QUOTES:
        raise _unreadable(text, f"it is quoted in {quote}, not in a dollar")
    if quote is not None and quote != "USD" and inverse is None:
        inverse = False
    asset, multiplier = base, 1.0
    many = _MULTIPLE.match(base) or _SUFFIXED.match(base)
    if many:
        asset = many["asset"]
        multiplier = 1e6 if many["many"] == "1M" else float(many["many"])
    return Symbol(base, asset, multiplier, quote, inverse, expiry, dex)


def _dex(name: str, text: str) -> str:
    if not re.match(r"^[A-Za-z0-9]{1,12}$", name):
        raise _unreadable(text)
    return name.lower()


def _unreadable(text: str, why: str = "") -> RuleError:
    what = "instrument name cannot be read" + (f": {why}" if why else "")
    return RuleError(
        Mistake(
            what,
            column="instrument",
            value=text,
            allowed="BTCUSDT, BTCUSD_PERP, BTC-USDT-SWAP, BTC-USD-210430, BTC/USDT:USDT, BTC",
        )
    )
