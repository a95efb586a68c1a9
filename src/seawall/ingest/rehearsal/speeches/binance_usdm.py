"""Binance USD-M: one forced order a message."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class BinanceUsdm(Speech):
    """Binance USD-M: one forced order a message."""

    venue = "binance_usdm"

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path == "/market/ws"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        said = load(frame)
        need(said["method"] == "SUBSCRIBE", "no SUBSCRIBE")
        topics.update(said["params"])
        return [json.dumps({"result": None, "id": said["id"]})]

    def stands(self, topics: set[str]) -> bool:
        """Whether what all clients need is among the topics."""
        return "!forceOrder@arr" in topics

    def symbol(self, c: Closing) -> tuple[str, float]:
        """Name and size of a closing as the venue counts them."""
        return c.asset + "USDT", c.quantity

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        (c,) = some
        name, size = self.symbol(c)
        side = "SELL" if c.side > 0 else "BUY"
        order: dict[str, object] = {"s": name, "S": side, "o": "LIMIT", "f": "IOC"}
        order |= {"q": str(size), "p": "1", "ap": str(c.price), "X": "FILLED", "l": "1"}
        order |= {"z": str(size), "T": c.time_ms}
        return json.dumps({"e": "forceOrder", "E": c.time_ms + 7, "o": order})
