"""What one of Hyperliquid's fills says was closed by force; live feed and files read it alike.

A trade has two fills, one a party, of one ``tid``. Both carry the mark of a liquidation: who was
liquidated, and whether on the book (``market``) or by a vault of HLP that took the position over
(``backstop``). A party whose ``dir`` is Auto-Deleveraging is a winner, closed against whom the
mark names. That may be a vault of HLP: what it had taken over was told when it took it, so what
is taken from it in turn is no liquidation again, only the winner's closing. A vault that is
liquidated on the book itself is an account like any other.

Sources: Hyperliquid docs, Websocket (WsFill, FillLiquidation), Liquidations (backstop: positions
and margin pass to the liquidator vault) and Auto-deleveraging; of October 2025's 34,983 fills
marked Auto-Deleveraging none is of the user it names as liquidated, and they name vaults of HLP
with the method backstop (ConejoCapital/HyperMultiAssetedADL, docs/methodology).
"""

from __future__ import annotations

import msgspec

from seawall.core.tape import Kind
from seawall.ingest.wire.context import LONG, SHORT

VAULTS = (
    "0x010461c14e146ac35fe42271bdc1134ee31c703a",
    "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
    "0x2ed5c4484ea3ff8b57d5f2fb152a40d9f2b68308",
    "0x31ca8395cf837de08b24da3f660e77761dfb974b",
    "0x469f690213c467c39a23efacfd2816896009d7d8",
    "0x5e177e5e39c0f4e421f5865a6d8beed8d921cb70",
    "0xb0a55f13d22f66e6d495ac98113841b2326e9540",
)
"""Child vaults of HLP, as of February 2026; the venue allows ten users a client."""

_CLOSES = {"A": LONG, "B": SHORT}
_KINDS = {"market": Kind.LIQUIDATION, "backstop": Kind.TAKEOVER}
_DELEVERAGED = "Auto-Deleveraging"


class Liquidation(msgspec.Struct, gc=False, rename="camel"):
    """The mark of a liquidation."""

    liquidated_user: str | None = None
    method: str = ""


class Fill(msgspec.Struct, gc=False):
    """The fields of a fill that are read; ``px`` and ``sz`` may be texts."""

    coin: str
    px: float
    sz: float
    side: str
    time: int
    tid: int
    dir: str = ""
    liquidation: Liquidation | None = None


class Closing(msgspec.Struct, frozen=True, gc=False):
    """One position closed by force.

    Attributes
    ----------
    side
        Of the position: +1 long, -1 short.
    account
        Whose it was; empty if not told.
    own
        Identifier: either party's fill gives a closing the same one, and the loser and the winner
        of one trade have two.
    at_fill
        Whether the fill's price is one of the book.
    """

    kind: Kind
    side: int
    account: str
    own: str
    at_fill: bool


def closings(fill: Fill, user: str) -> tuple[Closing, ...]:
    """What a user's fill closed by force: the loser's position, a winner's, both or none.

    Raises
    ------
    ValueError, KeyError
        If its side or the method of liquidation is none that is known.
    """
    mark, deleveraged = fill.liquidation, fill.dir == _DELEVERAGED
    if mark is None and not deleveraged:
        return ()
    user, side = user.lower(), _CLOSES[fill.side]
    if mark is None:
        return (_won(fill, side, user),)
    if mark.method not in _KINDS:
        raise ValueError("an unknown method of liquidation")
    loser = (mark.liquidated_user or "").lower()
    # where nobody is named the fill's own words say whose it is
    mine = user == loser or (not loser and fill.dir.startswith("Liquidated"))
    if loser in VAULTS and (deleveraged or mark.method == "backstop"):
        return (_won(fill, -side, "") if mine else _won(fill, side, user),)
    kind = _KINDS[mark.method]
    account = loser or (user if mine else "")
    lost = Closing(kind, side if mine else -side, account, _name(fill), kind is Kind.LIQUIDATION)
    return (lost, _won(fill, side, user)) if deleveraged and not mine else (lost,)


def _won(fill: Fill, side: int, account: str) -> Closing:
    return Closing(Kind.ADL, side, account, f"{_name(fill)} adl", False)


def _name(fill: Fill) -> str:
    return f"{fill.coin} {fill.time} {fill.tid}"
