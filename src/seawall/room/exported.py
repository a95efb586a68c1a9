"""Events of the store as one file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from seawall.core import Mistake
from seawall.room.offers import Ask
from seawall.room.problems import RefusedError
from seawall.room.routes import PREFIX

MEDIA = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
}


class ExportAsk(Ask):
    """As ``seawall tape export``."""

    format: Literal["parquet", "csv", "json", "arrow"] = Field(
        "parquet", description="Of the file."
    )
    since: str | None = Field(None, max_length=40, description="First moment; ISO 8601.")
    until: str | None = Field(None, max_length=40, description="Moment to end before.")
    venues: str | None = Field(None, max_length=400, description="Venues, with commas between.")
    assets: str | None = Field(None, max_length=400, description="Assets, with commas between.")


Export = Callable[[Path, Path, ExportAsk], int]
"""Writes events of a store to a file; gives their number."""


def export_router(store: Path | None, export: Export | None, folder: Path) -> APIRouter:
    """The store's events, as the command writes them, sent instead of written."""
    router = APIRouter(prefix=f"{PREFIX}/tape", tags=["tape"])
    turn = asyncio.Semaphore(1)

    @router.get(
        "/export",
        summary="Events of the store in one file, in order of time",
        response_class=Response,
        responses={200: {"content": {kind: {} for kind in MEDIA.values()}}},
    )
    async def exported(ask: Annotated[ExportAsk, Query()]) -> Response:
        if store is None or export is None:
            raise RefusedError(404, Mistake("this server shows no store", "store",
                                       mend="Start it with --store DIR"))  # fmt: skip
        with tempfile.NamedTemporaryFile(dir=folder, suffix=f".{ask.format}", delete=False) as made:
            path = Path(made.name)
        try:
            async with turn:
                await run_in_threadpool(export, store, path, ask)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        # read as fast as it is taken, then removed
        return FileResponse(
            path,
            media_type=MEDIA[ask.format],
            filename=f"tape.{ask.format}",
            headers={"cache-control": "no-store"},
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    return router
