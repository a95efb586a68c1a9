"""Placing protective stops through ccxt, or saying what would be placed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from time import time_ns
from typing import Any

from seawall.core import InputError, Mistake, format_time
from seawall.desk.watch.audit import Audit
from seawall.desk.watch.levels import Level
from seawall.desk.watch.notices import StopTold
from seawall.desk.watch.sent import Sent, client_id, next_generation, sent_of
from seawall.desk.watch.stops import MARGIN, Stop, planned, too_late, wrong_side
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

_OPEN: Mapping[str, Mapping[str, Any]] = {"bybit": {"limit": 50}, "okx": {"ordType": "conditional"}}
"""What ccxt is to be told beside, to list open stops, by its exchange."""


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
        self._last = sent_of(audit.before)
        self._told_of: set[tuple[object, ...]] = set()
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
        wrong = self._unable(watched)
        if wrong:
            raise InputError(list(wrong.values()))
        for venue in watched.margin.book.venues:
            key = stop_key(venue)
            exchange = exchange_of(venue, self._rules, self._urls.get(venue, ""), pushes=True)
            key.give(exchange)
            self._exchanges[venue] = exchange, key

    def _unable(self, watched: Watched) -> dict[str, Mistake]:
        """Venues of a book at which no stop may be placed, and why."""
        book, wrong = watched.margin.book, {}
        for code, venue in enumerate(book.venues):
            traders = {int(t) for t in book.accounts.trader[book.accounts.venue == code]}
            if self._rules.identity(venue).ccxt not in BY_MARK:
                able = [v for v in self._rules.venues() if self._rules.identity(v).ccxt in BY_MARK]
                wrong[venue] = Mistake(
                    "stops cannot be placed there",
                    "--place-stops",
                    value=venue,
                    allowed=", ".join(able),
                )
            elif len(traders) > 1:
                wrong[venue] = Mistake(
                    "one key cannot belong to several traders",
                    "--place-stops",
                    value=f"{len(traders)} at {venue}",
                    allowed="a book of your own account",
                )
        return wrong

    async def answer(self, watched: Watched, change: Change) -> Sequence[StopTold]:
        """Plan and place stops of the accounts that have come to the level.

        A position whose stop stands at its venue gets no other.
        """
        near = change.account[(change.level >= self._at) & (change.level > change.before)]
        if not len(near):
            return ()
        wrong = self._unable(watched) if self._place else {}
        async with self._busy:
            told = [
                await self._settle(stop, wrong.get(stop.venue))
                for stop in planned(watched.standing(near), self._margin)
            ]
        return [t for t in told if t is not None]

    async def close(self) -> None:
        """Close the venues' connections and the log."""
        try:
            for exchange, _ in self._exchanges.values():
                await exchange.close()
        finally:
            self._audit.close()

    async def _settle(self, stop: Stop, wrong: Mistake | None) -> StopTold | None:
        if not self._place and stop.key in self._told_of:
            return None
        # a book that was read again may hold what was not there when the keys were asked for
        if self._place and wrong is None and stop.venue not in self._exchanges:
            wrong = Mistake("no key was given for it", mend="Start the watch again")
        why = stop.why_not or (str(wrong) if wrong else "")
        if why:
            return self._told("refused", stop, stop.contracts, stop.trigger, why)
        if not self._place:
            self._told_of.add(stop.key)
            return self._told("planned", stop, stop.contracts, stop.trigger, "dry run")
        return await self._sent(stop)

    async def _sent(self, stop: Stop) -> StopTold | None:
        exchange, key = self._exchanges[stop.venue]
        amount, trigger = stop.contracts, stop.trigger
        try:
            await exchange.load_markets()
            of = self._rules.instrument(stop.venue, stop.symbol)
            symbol = next(iter(symbols_of(exchange, stop.venue, [of], self._rules)))
            amount = float(exchange.amount_to_precision(symbol, amount))
            trigger = float(exchange.price_to_precision(symbol, trigger))
            before = self._last.get(stop.key)
            if before is not None and before.event != "refused":
                stands = await self._stands(exchange, symbol, before)
                if stands and not too_late(stop, before.trigger):
                    return self._standing(stop, before)
                if stands:
                    # it protects nothing any more, and its id is taken
                    before = replace(before, event="stands")
        except Exception as error:
            # whether it stands is not known either: nothing is sent, and nobody thinks it was
            known = isinstance(error, InputError)
            said = str(error) if known else _said(error, key)
            asked = self._last.get(stop.key) is not None and not known
            return self._told("unsure" if asked else "refused", stop, amount, trigger, said)
        why = wrong_side(stop, trigger)
        if why:
            return self._told("refused", stop, amount, trigger, why)
        generation = next_generation(before)
        made = Sent(client_id(stop, generation), generation, "sending", amount, trigger, "")
        return await self._create(stop, symbol, made)

    async def _create(self, stop: Stop, symbol: str, order: Sent) -> StopTold:
        """Send an order; what happens to it is written under its id."""
        exchange, key = self._exchanges[stop.venue]
        ccxt: Any = import_module("ccxt")
        self._note(order.event, stop, order)
        params: dict[str, Any] = {
            "stopLossPrice": order.trigger,
            "reduceOnly": True,
            "clientOrderId": order.client_id,
            **BY_MARK[exchange.id],
            **({"hedged": True} if self._hedged else {}),
        }
        try:
            made = await exchange.create_order(
                symbol, "market", stop.side, order.contracts, None, params
            )
            outcome, why = "placed", f"order {made.get('id')}"
        except Exception as error:
            # what ccxt does not wrap must neither hide this stop nor keep back the others
            why = _said(error, key)
            refused = isinstance(error, ccxt.BaseError) and not isinstance(error, ccxt.NetworkError)
            outcome = "refused" if refused else "unsure"
        if outcome == "unsure":
            # an order whose answer was lost may stand
            with suppress(Exception):
                if await self._stands(exchange, symbol, order):
                    outcome, why = "placed", f"its answer was lost, but it stands ({why})"
        if outcome == "placed":
            self._told_of.add(stop.key)
        return self._told(outcome, stop, order.contracts, order.trigger, why, order)

    async def _stands(self, exchange: Any, symbol: str, order: Sent) -> bool:
        """Whether an order is among the open ones of its venue."""
        params = {"trigger": True, **_OPEN.get(exchange.id, {})}
        found = await exchange.fetch_open_orders(symbol, params=params)
        return any(
            order.client_id in (o.get("clientOrderId"), *map(str, o["info"].values()))
            for o in found
        )

    def _standing(self, stop: Stop, order: Sent) -> StopTold | None:
        """Of a stop that stands already; told once."""
        if stop.key in self._told_of:
            return None
        self._told_of.add(stop.key)
        why = f"sent {order.time}" if order.time else "sent before"
        if order.contracts < stop.contracts * (1.0 - 1e-9):
            why += (
                f"; the position has grown to {stop.contracts:g} contracts, which it does not cover"
            )
        return self._told("stands", stop, order.contracts, order.trigger, why, order)

    def _told(
        self,
        outcome: str,
        stop: Stop,
        amount: float,
        trigger: float,
        why: str,
        order: Sent | None = None,
    ) -> StopTold:
        if order is None:
            self._write(outcome, stop, amount, trigger, detail=why)
        else:
            self._note(outcome, stop, order, why)
        return StopTold(
            outcome,
            stop.venue,
            stop.symbol,
            stop.side,
            amount,
            trigger,
            stop.liquidation_price,
            why,
            stop.account,
        )

    def _note(self, event: str, stop: Stop, order: Sent, detail: str = "") -> None:
        """Write what became of an order, and go by it from now on."""
        self._write(
            event,
            stop,
            order.contracts,
            order.trigger,
            client_id=order.client_id,
            generation=order.generation,
            detail=detail,
        )
        time = order.time or format_time(time_ns())
        self._last[stop.key] = replace(order, event=event, time=time)

    def _write(self, what: str, stop: Stop, amount: float, trigger: float, **more: Any) -> None:
        self._audit.append(
            event=what,
            dry_run=not self._place,
            row=stop.row,
            account=stop.account,
            isolated=stop.isolated,
            venue=stop.venue,
            instrument=stop.symbol,
            side=stop.side,
            contracts=amount,
            reduce_only=True,
            trigger=_known(trigger),
            liquidation_price=_known(stop.liquidation_price),
            mark=stop.mark,
            **more,
        )


def _said(error: Exception, key: Key) -> str:
    return f"{type(error).__name__}: {key.redacted(' '.join(str(error).split()))[:300]}"


def _known(price: float) -> float | None:
    return price if math.isfinite(price) else None
