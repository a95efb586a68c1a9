"""Placing protective stops through ccxt, or saying what would be placed."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from seawall.core import InputError, Mistake
from seawall.desk.watch.audit import Audit
from seawall.desk.watch.levels import Level
from seawall.desk.watch.notices import StopTold
from seawall.desk.watch.stops import MARGIN, Stop, planned, wrong_side
from seawall.desk.watch.venues import symbols_of
from seawall.desk.watch.watched import Change, Watched
from seawall.ingest.account.keys import Key, find_key
from seawall.ingest.market.exchanges import exchange_of
from seawall.rulebook import Rules

BY_MARK: Mapping[str, Mapping[str, str]] = {
    "binanceusdm": {"workingType": "MARK_PRICE"},
    "binancecoinm": {"workingType": "MARK_PRICE"},
    "bybit": {"triggerBy": "MarkPrice"},
    "okx": {"slTriggerPxType": "mark"},
}
"""How an order is made to fire by the mark price, by ccxt's exchange.

Sources: Binance USD-M New Algo Order (``workingType``); Bybit v5 Place Order (``triggerBy``); OKX
v5 Place algo order (``slTriggerPxType``).
"""


def stop_key(venue: str) -> Key:
    """The key that may trade and was given for a venue's stops alone.

    Raises
    ------
    InputError
        Naming the variables to set and the keyring's commands.
    """
    parts = ("key", "secret", "password") if venue == "okx" else ("key", "secret")
    names = tuple(dict.fromkeys((venue, venue.partition("_")[0])))
    return find_key(names, parts, purpose="stop")


class StopDesk:
    """Plans stops for accounts that come near to liquidation, and places them if it may.

    Parameters
    ----------
    audit
        Where everything is written first.
    place
        Send orders. Else they are only planned, and no venue is asked anything.
    at
        Level from which an account gets its stops.
    margin
        As in :func:`seawall.desk.watch.stops.planned`.
    hedge_mode
        Whether the venue holds longs and shorts of one instrument apart.
    rules, urls
        Rulebooks, and addresses in place of venues' own, by rulebook.
    """

    def __init__(
        self,
        audit: Audit,
        rules: Rules,
        *,
        place: bool = False,
        at: Level = Level.MARGIN_CALL,
        margin: float = MARGIN,
        hedge_mode: bool = False,
        urls: Mapping[str, str] | None = None,
    ):
        if not 0.0 < margin < 1.0:
            raise InputError(
                Mistake(
                    "out of range",
                    "--stop-margin",
                    value=f"{margin:g}",
                    allowed="above 0%, below 100%",
                )
            )
        self._audit, self._rules, self._place = audit, rules, place
        self._at, self._margin, self._hedged = at, margin, hedge_mode
        self._urls = urls or {}
        self._exchanges: dict[str, tuple[Any, Key]] = {}
        self._done: set[tuple[str, str, str]] = set()
        self._busy = asyncio.Lock()

    def prepare(self, watched: Watched) -> None:
        """Refuse before anything happens what could not be placed.

        Raises
        ------
        InputError
            If a venue's stops cannot be placed, has no key, or the book holds several traders'
            accounts at one venue, whom one key cannot belong to.
        """
        if not self._place:
            return
        book, wrong = watched.margin.book, []
        for code, venue in enumerate(book.venues):
            if self._rules.identity(venue).ccxt not in BY_MARK:
                able = [v for v in self._rules.venues() if self._rules.identity(v).ccxt in BY_MARK]
                wrong.append(
                    Mistake(
                        "stops cannot be placed there",
                        "--place-stops",
                        value=venue,
                        allowed=", ".join(able),
                    )
                )
            traders = {int(t) for t in book.accounts.trader[book.accounts.venue == code]}
            if len(traders) > 1:
                wrong.append(
                    Mistake(
                        "one key cannot belong to several traders",
                        "--place-stops",
                        value=f"{len(traders)} at {venue}",
                        allowed="a book of your own account",
                    )
                )
        if wrong:
            raise InputError(wrong)
        for venue in book.venues:
            key = stop_key(venue)
            exchange = exchange_of(venue, self._rules, self._urls.get(venue, ""), pushes=True)
            key.give(exchange)
            self._exchanges[venue] = exchange, key

    async def answer(self, watched: Watched, change: Change) -> Sequence[StopTold]:
        """Plan and place stops of the accounts that have come to the level; each position once."""
        near = change.account[(change.level >= self._at) & (change.level > change.before)]
        if not len(near):
            return ()
        async with self._busy:
            told = [
                await self._settle(stop) for stop in planned(watched.standing(near), self._margin)
            ]
        return [t for t in told if t is not None]

    async def close(self) -> None:
        """Close the venues' connections."""
        for exchange, _ in self._exchanges.values():
            await exchange.close()

    async def _settle(self, stop: Stop) -> StopTold | None:
        key = (stop.venue, stop.symbol, stop.side)
        if key in self._done:
            return None
        if stop.why_not:
            return self._told("refused", stop, stop.contracts, stop.trigger, stop.why_not)
        if not self._place:
            self._done.add(key)
            return self._told("planned", stop, stop.contracts, stop.trigger, "dry run")
        told = await self._sent(stop)
        if told.outcome == "placed":
            self._done.add(key)
        return told

    async def _sent(self, stop: Stop) -> StopTold:
        exchange, key = self._exchanges[stop.venue]
        ccxt: Any = import_module("ccxt")
        sending = False
        amount, trigger = stop.contracts, stop.trigger
        try:
            await exchange.load_markets()
            of = self._rules.instrument(stop.venue, stop.symbol)
            symbol = next(iter(symbols_of(exchange, stop.venue, [of], self._rules)))
            amount = float(exchange.amount_to_precision(symbol, amount))
            trigger = float(exchange.price_to_precision(symbol, trigger))
            why = wrong_side(stop, trigger)
            if why:
                return self._told("refused", stop, amount, trigger, why)
            name = _client_id(stop, trigger)
            params: dict[str, Any] = {
                "stopLossPrice": trigger,
                "reduceOnly": True,
                "clientOrderId": name,
                **BY_MARK[exchange.id],
                **({"hedged": True} if self._hedged else {}),
            }
            self._write("sending", stop, amount, trigger, name)
            sending = True
            made = await exchange.create_order(symbol, "market", stop.side, amount, None, params)
        except ccxt.BaseError as error:
            said = f"{type(error).__name__}: {key.redacted(' '.join(str(error).split()))[:300]}"
            # an order whose answer was lost may stand
            lost = sending and isinstance(error, ccxt.NetworkError)
            return self._told("unsure" if lost else "refused", stop, amount, trigger, said)
        except InputError as error:
            return self._told("refused", stop, amount, trigger, str(error))
        except Exception as error:
            # what ccxt does not wrap must neither hide this stop nor keep back the others
            said = f"{type(error).__name__}: {key.redacted(' '.join(str(error).split()))[:300]}"
            return self._told("unsure" if sending else "refused", stop, amount, trigger, said)
        return self._told("placed", stop, amount, trigger, f"order {made.get('id')}")

    def _told(self, outcome: str, stop: Stop, amount: float, trigger: float, why: str) -> StopTold:
        self._write(outcome, stop, amount, trigger, why)
        return StopTold(
            outcome,
            stop.venue,
            stop.symbol,
            stop.side,
            amount,
            trigger,
            stop.liquidation_price,
            why,
        )

    def _write(self, what: str, stop: Stop, amount: float, trigger: float, detail: str) -> None:
        self._audit.append(
            event=what,
            dry_run=not self._place,
            row=stop.row,
            venue=stop.venue,
            instrument=stop.symbol,
            side=stop.side,
            contracts=amount,
            reduce_only=True,
            trigger=_known(trigger),
            liquidation_price=_known(stop.liquidation_price),
            mark=stop.mark,
            detail=detail,
        )


def _known(price: float) -> float | None:
    return price if math.isfinite(price) else None


def _client_id(stop: Stop, trigger: float) -> str:
    """The same for the same stop, so that a venue refuses it a second time while it stands."""
    said = f"{stop.venue} {stop.symbol} {stop.side} {trigger:.12g}"
    return "sw" + hashlib.sha256(said.encode()).hexdigest()[:28]
