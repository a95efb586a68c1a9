"""How a rehearsed venue misbehaves."""

from __future__ import annotations

from dataclasses import dataclass

from seawall.ingest.rehearsal.speech import Frame

GARBAGE: tuple[Frame, ...] = (
    b"\x00\xff\xfe",
    "",
    "{",
    "null",
    "[]",
    '{"data": [',
    '{"e":"forceOrder","o":{"s":"BTCUSDT"}}',
    '{"topic":"allLiquidation.BTCUSDT","data":[{"T":"x"}]}',
    '{"arg":{"channel":"liquidation-orders"},"data":[{"instId":7}]}',
    '{"channel":"futures.public_liquidates","event":"update","result":[7]}',
    '{"op":"notify","topic":"public.X.liquidation_orders","data":{}}',
    '{"method":"subscription","params":{"data":[{"trade_id":1}]}}',
    '{"channel":"userFills","data":{"user":1}}',
    b"\x1f\x8b broken",
)
"""Messages that no venue sends."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """What goes wrong, and how often.

    Attributes
    ----------
    drop_every
        Cut the connection after so many messages; 0 never.
    overlap
        Messages told again after a connection was lost.
    lose
        Messages not told over the socket when a connection is lost: only REST knows of them.
    stall_after
        Say nothing more, not even pongs, after so many messages of the first connection.
    twice, garbage
        Shares of messages told twice, and of garbage between them.
    shuffle
        Messages that may change places.
    deaf
        Connections that get no answer to their subscription.
    away
        Tries to connect that are refused first.
    refuse
        Names for which a subscription is refused although REST lists them, the whole frame.
    gap
        Seconds between messages; 0 tells all at once.
    """

    drop_every: int = 0
    overlap: int = 0
    lose: int = 0
    stall_after: int = 0
    twice: float = 0.0
    garbage: float = 0.0
    shuffle: int = 0
    deaf: int = 0
    away: int = 0
    refuse: tuple[str, ...] = ()
    gap: float = 0.0
