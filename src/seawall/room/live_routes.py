"""What is live over REST, for those without a WebSocket."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from seawall.room.live import Live, Picked
from seawall.room.routes import BYTES, PREFIX, answered_by
from seawall.room.shapes import (
    CandlesShown,
    ClustersTold,
    EventTold,
    FeedsTold,
    MapTold,
    Shown,
    shaped,
)


def live_router(live: Live) -> APIRouter:
    """What is live, for those without a WebSocket."""
    router = APIRouter(prefix=f"{PREFIX}/live", tags=["live"])

    @router.get("", summary="What is shown, and how far it is",
                responses=shaped(Shown, tagged=True))  # fmt: skip
    async def about(request: Request) -> Response:
        return live.once("about").response(request, holds=live.holds())

    @router.get("/feeds", summary="Where it comes from, and how each feed of it is",
                responses=shaped(FeedsTold, tagged=True))  # fmt: skip
    async def feeds(request: Request) -> Response:
        return live.once("feeds").response(request, holds=live.holds())

    @router.get("/statistics", summary="Figures of what was shown so far",
                response_class=Response, responses=answered_by("seawall.tape-stats/1"))  # fmt: skip
    async def statistics(request: Request) -> Response:
        return live.statistics().response(request, holds=live.holds())

    @router.get("/tape", summary="Closings shown so far: the largest or the latest, by time",
                responses=shaped(list[EventTold], tagged=True))  # fmt: skip
    async def tape(
        request: Request,
        asset: Annotated[str | None, Query(max_length=40)] = None,
        venue: Annotated[str | None, Query(max_length=40)] = None,
        side: Literal["long", "short"] | None = None,
        least: Annotated[float, Query(ge=0, allow_inf_nan=False, description="USD")] = 0.0,
        order: Literal["largest", "latest"] = "largest",
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    ) -> Response:
        wanted, holds = Picked(asset, venue, side, least, order == "latest", limit), live.holds()
        return (await live.tape(wanted)).response(request, holds=holds)

    @router.get("/map/{asset}", summary="The map through time: what it is, and candles",
                responses=shaped(MapTold, tagged=True))  # fmt: skip
    async def about_map(request: Request, asset: str) -> Response:
        return live.once("map", asset).response(request, holds=live.holds())

    @router.get("/map/{asset}/shades", summary="Its shades: one byte a cell",
                response_class=Response, responses=BYTES)  # fmt: skip
    async def shades(request: Request, asset: str) -> Response:
        found = live.once("shades", asset)
        return found.response(request, holds=live.holds())

    @router.get("/map/{asset}/clusters",
                summary="Where it clusters now, by distance from the price",
                responses=shaped(ClustersTold, tagged=True))  # fmt: skip
    async def clusters(request: Request, asset: str) -> Response:
        return live.once("clusters", asset).response(request, holds=live.holds())

    @router.get("/candles/{asset}", summary="Prices of what is shown, as candles",
                responses=shaped(CandlesShown, tagged=True))  # fmt: skip
    async def candles(request: Request, asset: str) -> Response:
        holds = live.holds()
        # of a store they may have to be read
        found = await run_in_threadpool(live.once, "candles", asset)
        return found.response(request, holds=holds)

    return router
