"""Whose mistake it was, as JSON: one shape for every refusal, and never a trace."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from seawall.core import InputError, Mistake
from seawall.core.errors import SeawallError

LOG = logging.getLogger("seawall.room")
TYPE = "application/problem+json"
_SHOWN = 200
_NO_PAGES = ("/api/", "/static/")


class RefusedError(Exception):
    """Something the room does not do, with its status and the mistakes that say why."""

    def __init__(self, status: int, *mistakes: Mistake, retry: int | None = None):
        self.status, self.mistakes, self.retry = status, mistakes, retry
        super().__init__("; ".join(map(str, mistakes)))


def problem(status: int, mistakes: Sequence[Mistake], total: int | None = None) -> dict[str, Any]:
    """The body of a refusal.

    Keys: ``schema``, ``status``, ``title`` (the first mistake in words), ``mistakes`` with
    ``what``, ``where``, ``row``, ``column``, ``value``, ``allowed`` and ``mend``, and ``total``.
    """
    return {
        "schema": "seawall.problem/1",
        "status": status,
        "title": str(mistakes[0])[:400] if mistakes else "refused",
        "mistakes": [_told(m) for m in mistakes],
        "total": len(mistakes) if total is None else total,
    }


def _told(mistake: Mistake) -> dict[str, Any]:
    value = mistake.value
    if value is not None and len(value) > _SHOWN:
        value = value[: _SHOWN - 3] + "..."
    return {
        "what": mistake.what,
        "where": mistake.where,
        "row": mistake.row,
        "column": mistake.column,
        "value": value,
        "allowed": mistake.allowed,
        "mend": mistake.mend,
    }


def answer(
    status: int, mistakes: Sequence[Mistake], total: int | None = None, retry: int | None = None
) -> JSONResponse:
    """A refusal as a response."""
    headers = {"cache-control": "no-store"}
    if retry is not None:
        headers["retry-after"] = str(retry)
    body = problem(status, mistakes, total)
    return JSONResponse(body, status, headers, media_type=TYPE)


def told(error: BaseException) -> tuple[int, Sequence[Mistake], int | None]:
    """Status, mistakes and their total of whatever went wrong; what is ours is logged, not told."""
    if isinstance(error, RefusedError):
        return error.status, error.mistakes, None
    if isinstance(error, InputError):
        return 422, error.mistakes, error.total
    if isinstance(error, MemoryError):
        return 503, [Mistake("not enough memory", mend="Ask for less")], None
    if isinstance(error, SeawallError) and error.exit_code == 1:
        return 500, [Mistake("could not be done", mend="The server's log says why")], None
    return 500, [Mistake("an error of Seawall's own", mend="The server's log says which")], None


def install(app: FastAPI, shell: bytes) -> None:
    """Answer every error of an application in this shape; a lost reader gets the page's shell."""

    @app.exception_handler(RefusedError)
    @app.exception_handler(SeawallError)
    async def refused(request: Request, error: Exception) -> JSONResponse:
        status, mistakes, total = told(error)
        if status >= 500 and not isinstance(error, RefusedError):
            LOG.error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(status, mistakes, total, getattr(error, "retry", None))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        del request
        return answer(422, [_of_validation(e) for e in error.errors()][:20], len(error.errors()))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404 and _by_reader(request):
            return Response(shell, 404, {"cache-control": "no-store"}, "text/html; charset=utf-8")
        what = {404: "there is nothing here", 405: "this cannot be done here"}
        mistake = Mistake(what.get(error.status_code, "refused"), request.url.path[:_SHOWN])
        made = answer(error.status_code, [mistake])
        made.headers.update(error.headers or {})
        return made

    @app.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> JSONResponse:
        LOG.error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(*told(error))


def _by_reader(request: Request) -> bool:
    """Whether someone with a browser looks for a page."""
    wanted = "text/html" in request.headers.get("accept", "")
    return wanted and request.method == "GET" and not request.url.path.startswith(_NO_PAGES)


def _of_validation(error: dict[str, Any]) -> Mistake:
    where, *keys = [str(k) for k in error.get("loc", ())] or ["request"]
    given = error.get("input")
    what = {
        "missing": "missing",
        "extra_forbidden": "there is no such key",
        "json_invalid": "not JSON",
    }.get(error["type"], "not accepted")
    allowed = "" if what != "not accepted" else str(error["msg"])
    value = None if what == "missing" or isinstance(given, dict | list) else str(given)
    return Mistake(what, where, column=".".join(keys) or None, value=value, allowed=allowed)
