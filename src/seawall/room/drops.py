"""Files that were sent to be taken into the store or the rules, kept until others push them out."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from seawall.core import Mistake
from seawall.room.books import Limits
from seawall.room.packed import check_unpacked
from seawall.room.problems import RefusedError
from seawall.room.routes import PREFIX, uploaded
from seawall.room.shapes import FileTold, shaped

KEPT = 4


class Drops:
    """Sent files by key, each in a folder of its own under its own name.

    Parameters
    ----------
    folder
        Where they are kept.
    unpacked
        Bytes that a packed one may hold.
    """

    def __init__(self, folder: Path, unpacked: int):
        self._folder, self._unpacked = folder, unpacked
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Path] = OrderedDict()

    def take(self, name: str, path: Path) -> dict[str, Any]:
        """Keep a file that was sent.

        Raises
        ------
        RefusedError
            If it holds too much unpacked.
        """
        check_unpacked(path, name, self._unpacked)
        key = secrets.token_urlsafe(9)
        own = self._folder / f"drop-{key}"
        own.mkdir()
        kept = path.rename(own / name)
        with self._lock:
            self._kept[key] = kept
            while len(self._kept) > KEPT:
                self._remove(next(iter(self._kept)))
        return {"file": key, "name": name, "bytes": kept.stat().st_size}

    def path(self, key: str) -> Path:
        """The file of a key.

        Raises
        ------
        RefusedError
            If there is none.
        """
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            raise RefusedError(404, Mistake("no such file", "file", value=key,
                                       mend="Send it to /api/v1/files"))  # fmt: skip
        return found

    def listed(self) -> list[dict[str, Any]]:
        """All that are kept."""
        with self._lock:
            return [
                {"file": key, "name": path.name, "bytes": path.stat().st_size}
                for key, path in self._kept.items()
            ]

    def drop(self, key: str) -> None:
        """Forget one."""
        self.path(key)
        with self._lock:
            self._remove(key)

    def _remove(self, key: str) -> None:
        path = self._kept.pop(key, None)
        if path is not None:
            shutil.rmtree(path.parent, ignore_errors=True)


def drops_router(drops: Drops, limits: Limits, folder: Path) -> APIRouter:
    """Sending a file that a question may name, and forgetting it."""
    router = APIRouter(prefix=f"{PREFIX}/files", tags=["tape"])
    turn = asyncio.Semaphore(1)

    @router.get("", summary="Files that were sent", responses=shaped(list[FileTold]))
    async def listed() -> list[dict[str, Any]]:
        return drops.listed()

    @router.post("", status_code=201, summary="Send a file of the past: the file as the body",
                 responses=shaped(FileTold, 201))  # fmt: skip
    async def take(request: Request, name: Annotated[str, Query(max_length=200)]) -> JSONResponse:
        return await uploaded(request, name, limits, folder, turn, drops.take)

    @router.delete("/{file}", status_code=204, summary="Forget a file that was sent")
    async def drop(file: str) -> Response:
        drops.drop(file)
        return Response(status_code=204)

    return router
