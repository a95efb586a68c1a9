"""The application put together, and run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from seawall.report.schema import schema_names
from seawall.room.answers import Answer, Answers, encoded
from seawall.room.assets import OPEN, assets_router, shell
from seawall.room.books import Shelf
from seawall.room.desk_routes import (
    Own,
    account_router,
    candles_router,
    in_words,
    shown_router,
)
from seawall.room.drops import Drops, drops_router
from seawall.room.exported import Export, export_router
from seawall.room.folders import own_folder
from seawall.room.followed import Followed, OfStore
from seawall.room.hub import Hub
from seawall.room.jobs import Jobs
from seawall.room.live import RUNS, Figures, Live
from seawall.room.live_routes import live_router
from seawall.room.offers import Offer, Place
from seawall.room.patience import Patient, room_for
from seawall.room.played import Played
from seawall.room.problems import install
from seawall.room.replay import Recording
from seawall.room.routes import (
    PREFIX,
    REFUSED,
    about_router,
    books_router,
    component,
    component_of,
    jobs_router,
    offers_router,
)
from seawall.room.security import Door, Guard
from seawall.room.sheets import Sheets
from seawall.room.shortcuts import Shortcut, Shortcuts
from seawall.room.socket import Manners, listen
from seawall.room.watching import Post, Watching, watch_router
from seawall.room.wire import SharedFrames

if TYPE_CHECKING:
    from seawall.margin import MarginBook

WAITING = 2048
"""Connections that may wait to be taken, uvicorn's own number."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a server is made of.

    Attributes
    ----------
    offers
        Commands.
    shelf
        Books; the default one is opened by who makes the room.
    figures
        Statistics of a tape between two times.
    recording
        What is played; the embedded one if None.
    store
        Folder of a tape that commands may be asked about.
    facts
        Lists by the name under which they are told.
    followed
        Statistics of the store as a report; with it and a store, that is what is shown live.
    recorder
        What fills the store while the server runs.
    export
        Writes events of the store to a file.
    post
        What is watched; None for nothing.
    own
        Reads one's own positions at a venue; None where no account is to be read.
    example
        Writes candles that are there from the start into a folder; None for none.
    patience
        Seconds in which a command has to answer; what takes longer is asked for as a job.
    """

    offers: tuple[Offer, ...]
    shelf: Shelf
    figures: Figures
    recording: Recording | None = None
    store: Path | None = None
    pace: float = 20.0
    facts: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    post: Post | None = None
    own: Own | None = None
    example: Callable[[Path], Path] | None = None
    manners: Manners = field(default_factory=Manners)
    followed: OfStore | None = None
    recorder: Beside | None = None
    export: Export | None = None
    patience: float = 30.0


class Beside(Protocol):
    """What runs beside the server and fills its store."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End cleanly."""

    def states(self) -> list[dict[str, Any]]:
        """A row a feed."""


def application(room: Room, door: Door) -> FastAPI:
    """The ASGI application; everything it starts ends with it."""
    hub, answers, shortcuts = Hub(), Answers(patience=room.patience), Shortcuts()
    folder = own_folder()
    jobs = Jobs(encoded, lambda told: hub.tell_from_thread(RUNS, told), in_words)
    live = shown(room, hub)
    hub.topic(RUNS, jobs.listed, kept=512)
    sheets = Sheets(Path(folder.name), room.shelf.limits.unpacked, room.example)
    drops = Drops(Path(folder.name), room.shelf.limits.unpacked)
    place = Place(room.shelf, room.store, sheets, drops)
    watching = watch_of(room, hub, live, answers)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub.attach()
        if room.recorder is not None:
            room.recorder.start()
        running = [asyncio.create_task(live.run()), asyncio.create_task(watching.run())]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            if room.recorder is not None:
                await asyncio.to_thread(room.recorder.stop)
            jobs.close()
            live.close()
            folder.cleanup()

    app = FastAPI(
        title="Seawall",
        version=_version(),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=REFUSED,
        middleware=[
            Middleware(Guard, door=door, open_paths=OPEN),
            Middleware(Shortcut, shortcuts=shortcuts),
        ],
    )
    install(app, shell())
    app.state.hub, app.state.jobs, app.state.live = hub, jobs, live
    app.state.shortcuts = shortcuts
    for router in (
        about_router(room.offers, room.facts),
        books_router(room.shelf, answers, Path(folder.name)),
        jobs_router(room.offers, place, jobs),
        live_router(live),
        offers_router(room.offers, place, answers),
        shown_router(room.offers, place, answers),
        candles_router(sheets, room.shelf.limits, Path(folder.name)),
        account_router(room.shelf, room.own),
        drops_router(drops, room.shelf.limits, Path(folder.name)),
        export_router(room.store, room.export, Path(folder.name)),
        watch_router(watching),
        assets_router(door),
    ):
        app.include_router(router)

    @app.websocket("/ws")
    async def ws(channel: WebSocket) -> None:
        await listen(channel, hub, room.manners)

    _describe(app, door)
    return app


def shown(room: Room, hub: Hub) -> Live:
    """What a room shows live: its store, or a recording where there is none."""
    if room.store is not None and room.followed is not None:
        states = None if room.recorder is None else room.recorder.states
        return Followed(room.store, hub, room.followed, states)
    return Played(room.recording or Recording.embedded(), hub, room.figures, room.pace)


def watch_of(room: Room, hub: Hub, live: Live, answers: Answers) -> Watching:
    """The watch of a room; one of the recording's marks only where a recording is shown."""
    played = live if isinstance(live, Played) else None
    post = room.post
    if post is not None and post.feeds is None and played is None:
        post = None

    def put(key: str, margin: MarginBook) -> None:
        room.shelf.renew(key, margin)
        answers.forget(f'"book":"{key}"')

    return Watching(post, hub, room.shelf.margin, put, played)


def _version() -> str:
    from seawall import __version__

    return __version__


def _describe(app: FastAPI, door: Door) -> None:
    """Serve the OpenAPI document with the published schemas, written once for all who ask."""
    written: list[Answer] = []
    turn = asyncio.Lock()

    def document() -> Answer:
        made = FastAPI.openapi(app)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name in schema_names():
            schemas[component_of(name)] = component(name)
        if door.token is not None:
            ways = {"token": {"type": "http", "scheme": "bearer"},
                    "session": {"type": "apiKey", "in": "cookie", "name": door.cookie}}  # fmt: skip
            made["components"]["securitySchemes"] = ways
            made["security"] = [{way: []} for way in ways]
        return Answer.of(json.dumps(made, separators=(",", ":")).encode())

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def described(request: Request) -> Response:
        # made by one at a time: two at once would come into each other's way
        async with turn:
            if not written:
                written.append(await run_in_threadpool(document))
        return written[0].response(request, holds=lambda: True)


def serve(room: Room, door: Door, opened: Callable[[str], None]) -> None:
    """Listen until interrupted.

    Parameters
    ----------
    opened
        Called once with the address that lets a browser in.

    Raises
    ------
    OSError
        If the port is taken.
    """
    logging.getLogger("seawall.room").addHandler(logging.StreamHandler())
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    # named as TCP: only then does asyncio send a small answer at once, and not after 40 ms
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((door.host, door.port))
        port = bound.getsockname()[1]
        door = replace(door, port=port)
        Patient.most = room_for()
        server = uvicorn.Server(configuration(application(room, door), room.manners))
        # who comes between the word that it is open and the first answer waits
        bound.listen(WAITING)
        opened(door.address)
        server.run(sockets=[bound])


def configuration(app: FastAPI, manners: Manners) -> uvicorn.Config:
    """How uvicorn serves it: no address of a client and no query is logged."""
    return uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws=SharedFrames,
        ws_max_size=manners.bytes,
        ws_per_message_deflate=False,
        http=Patient,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
    )
