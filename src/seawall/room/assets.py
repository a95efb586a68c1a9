"""The page's own files: every script, style and mark is served from here, and from nowhere else."""

from __future__ import annotations

import re
from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from seawall.core import Mistake
from seawall.room.answers import Answer
from seawall.room.problems import RefusedError
from seawall.room.security import Door, by_tls

MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CHART, FIGURES = "lightweight-charts.js", "figures.js"
_DRAWING = ("format", "scale", "plot", "bars", "table", "figure", "replay")
_STARTED = """
function begun(node, chart) {
  charts.push(chart);
  startFigure(node, chart);
}
export { csvText, point, show, begun as startFigure, startReplay, startTable, text };
"""
OPEN = frozenset({"/enter", "/static/icon.svg", "/static/enter.css", "/favicon.ico"})
"""What anyone gets: the door and nothing behind it."""
_LONGEST = 4_096


def _loaded() -> dict[str, Answer]:
    """Every file of ``pages/`` and the chart library, read once; a name is never a path."""
    found = {}
    for file in (files("seawall.room") / "pages").iterdir():
        ending = "." + file.name.rpartition(".")[2]
        if ending in MEDIA:
            found[file.name] = Answer.of(file.read_bytes(), MEDIA[ending])
    found[FIGURES] = Answer.of(_figures().encode(), MEDIA[".js"])
    found[CHART] = Answer.of((files("litecharts") / "js" / CHART).read_bytes(), MEDIA[".js"])
    return found


def _figures() -> str:
    """The charts and tables of a report's page as one module."""
    folder = files("seawall.report.page")
    parts = [(folder / f"{name}.js").read_text("utf-8") for name in _DRAWING]
    return "\n".join(("const charts = [];", *parts, _STARTED))


def _page_names(shell: Answer) -> list[str]:
    """Pages that the shell leads to; each is a module of its name in ``pages/``."""
    return re.findall(r'data-page="([a-z]+)"', shell.body.decode())


def shell() -> bytes:
    """The page's shell, which tells a reader of an address without a page where the pages are."""
    return (files("seawall.room") / "pages" / "index.html").read_bytes()


def _always() -> bool:
    return True


def assets_router(door: Door) -> APIRouter:
    """The page under each of its addresses, its files, and the way in with a token."""
    router = APIRouter(include_in_schema=False)
    known = _loaded()

    async def page(request: Request) -> Response:
        return known["index.html"].response(request, holds=_always)

    for path in ("/", *(f"/{name}" for name in _page_names(known["index.html"]))):
        router.add_api_route(path, page, methods=["GET"], response_class=Response)

    @router.get("/static/{name}", response_class=Response)
    async def static(request: Request, name: str) -> Response:
        if name not in known or name.endswith(".html"):
            raise RefusedError(404, Mistake("there is nothing here", value=name[:100]))
        return known[name].response(request, holds=_always)

    @router.get("/favicon.ico", response_class=Response)
    async def icon(request: Request) -> Response:
        return known["icon.svg"].response(request, holds=_always)

    @router.get("/enter", response_class=Response)
    async def asked(request: Request) -> Response:
        return known["enter.html"].response(request, holds=_always)

    @router.post("/enter", response_class=Response)
    async def enter(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST:
                raise RefusedError(413, Mistake("too long for a token", "token"))
        given = parse_qs(body.decode("utf-8", "replace"))
        if not door.admits(given.get("token", [""])[0].strip()):
            return RedirectResponse("/enter#refused", 303, {"cache-control": "no-store"})
        made = RedirectResponse("/", 303, {"cache-control": "no-store"})
        if door.token is not None:
            made.set_cookie(door.cookie, door.session, httponly=True, samesite="strict", path="/",
                            secure=by_tls(request.headers))  # fmt: skip
        return made

    return router
