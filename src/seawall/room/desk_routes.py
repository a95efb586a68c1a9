"""What the desk's page asks beside commands: candles, one's own account, answers in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from seawall.core import Mistake, SeawallError
from seawall.room.answers import Answer, Answers
from seawall.room.asked import hung_up
from seawall.room.books import Limits, Shelf
from seawall.room.offers import Ask, Offer, Place
from seawall.room.problems import RefusedError
from seawall.room.routes import PREFIX, answered_by, uploaded
from seawall.room.shapes import BookTold, CandlesShown, CandlesTold, shaped
from seawall.room.sheets import Sheets
from seawall.room.turns import who

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.report.model import Report

Own = Callable[[str], "Book"]
"""One's own positions at a venue, by a key that the server finds."""
PATIENCE = 120.0
"""Seconds that a page waits, at least; one that asks for JSON is told sooner to use a job."""
WAITING = 8
"""Such questions of one client that may wait."""


def in_words(report: Report) -> bytes:
    """A report as a page lays it out."""
    from seawall.report.shown import shown

    return json.dumps(shown(report), ensure_ascii=False, separators=(",", ":")).encode()


def candles_router(sheets: Sheets, limits: Limits, folder: Path) -> APIRouter:
    """Files of candles that can be named in a question, and sending another."""
    router = APIRouter(prefix=f"{PREFIX}/candles", tags=["candles"])
    turn = asyncio.Semaphore(1)

    @router.get("", summary="Files of candles there are", responses=shaped(list[CandlesTold]))
    async def listed() -> list[dict[str, Any]]:
        return await run_in_threadpool(sheets.listed)

    @router.post("", status_code=201, summary="Send candles: the file itself as the body",
                 responses=shaped(CandlesTold, 201))  # fmt: skip
    async def take(request: Request, name: Annotated[str, Query(max_length=200)]) -> JSONResponse:
        return await uploaded(request, name, limits, folder, turn, sheets.take)

    @router.get("/{candles}/{asset}", summary="Candles of one asset: its rows, in order of time",
                responses=shaped(CandlesShown))  # fmt: skip
    async def rows(request: Request, candles: str, asset: str) -> Response:
        found = await run_in_threadpool(sheets.rows, candles, asset)
        return Answer.of(json.dumps(found).encode()).response(request)

    @router.delete("/{candles}", status_code=204, summary="Forget candles that were sent")
    async def drop(candles: str) -> Response:
        sheets.drop(candles)
        return Response(status_code=204)

    return router


def account_router(shelf: Shelf, own: Own | None) -> APIRouter:
    """One's own positions as a book: the server reads the key, and tells nothing of it."""
    router = APIRouter(prefix=f"{PREFIX}/account", tags=["books"])
    turn = asyncio.Semaphore(1)

    @router.get("", summary="Venues whose accounts can be read")
    async def venues() -> list[str]:
        return await run_in_threadpool(readable)

    @router.post(
        "/{venue}",
        status_code=201,
        summary="Read your own positions, by the server's read-only key",
        responses=shaped(BookTold, 201),
    )
    async def read(venue: str) -> JSONResponse:
        if own is None:
            raise RefusedError(404, Mistake("this server reads no account", "account"))
        if turn.locked():
            raise RefusedError(429, Mistake("a venue is being asked", mend="Ask again"), retry=5)
        async with turn:
            try:
                book = await run_in_threadpool(own, venue)
            except SeawallError as error:
                raise _told(error, venue) from None
            about = await run_in_threadpool(shelf.put, f"Your account at {venue}", book)
        return JSONResponse(about, 201)

    return router


def readable() -> list[str]:
    """Venues whose accounts can be read; Binance's two markets are one."""
    from seawall.ingest.account.wallets import HELD

    return sorted({name.partition("_")[0] for name in HELD})


def _told(error: SeawallError, venue: str) -> Exception:
    """What a venue said, which holds no key; mistakes are told as they are."""
    if error.exit_code != 1:
        return error
    return RefusedError(502, Mistake(str(error)[:400], "account", value=venue[:60]))


def shown_router(offers: tuple[Offer, ...], place: Place, plain: Answers) -> APIRouter:
    """Every command that does not run long, answered in words; and what may be asked of each.

    ``plain`` are the answers in JSON: what they forget is forgotten in words as well.
    """
    router = APIRouter(prefix=f"{PREFIX}/shown", tags=["commands"])
    answers = Answers(patience=max(PATIENCE, plain.patience), encode=in_words, each=WAITING)
    plain.beside.append(answers)
    for offer in offers:
        if not offer.long:
            _add_shown(router, offer, place, answers)
    asks = {o.name: Answer.of(json.dumps(o.ask.model_json_schema()).encode()) for o in offers}

    @router.get("/asks/{command:path}", summary="What may be asked: a JSON Schema with defaults",
                responses=shaped(dict[str, Any], tagged=True))  # fmt: skip
    async def ask(request: Request, command: str) -> Response:
        if command not in asks:
            known = ", ".join(asks)
            raise RefusedError(404, Mistake("no such command", value=command[:60], allowed=known))
        return asks[command].response(request)

    return router


def _add_shown(router: APIRouter, offer: Offer, place: Place, answers: Answers) -> None:

    async def read(request: Request, ask: Ask) -> Response:
        key, keep = f"{offer.name}?{ask.model_dump_json()}", offer.lasting and ask.lasts()
        made = await answers.of(
            key,
            lambda say: offer.answer(ask, place, say),
            keep,
            client=who(request),
            gone=lambda: hung_up(request),
        )
        return made.response(request)

    read.__annotations__ |= {"request": Request, "ask": Annotated[offer.ask, Query()]}
    router.add_api_route(
        f"/{offer.name}", read, methods=["GET"], name=f"shown {offer.name}",
        summary=f"{offer.title}: in words, as the page lays it out",
        operation_id="shown_" + offer.name.replace("/", "_").replace("-", "_"),
        response_class=Response, responses=answered_by("seawall.shown/1"),
    )  # fmt: skip
