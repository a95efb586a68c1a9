"""The REST API: what is offered, books and jobs, under /api/v1."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field, create_model
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from seawall.core import Mistake
from seawall.report.encode import to_csv
from seawall.report.schema import schema_names, schema_of
from seawall.room.answers import Answer, Answers, Form
from seawall.room.arrow import MEDIA as ARROW
from seawall.room.arrow import stream_pieces, wants_arrow
from seawall.room.asked import hung_up
from seawall.room.books import Limits, Sent, Shelf, received, shown_name
from seawall.room.jobs import Job, Jobs, State
from seawall.room.offers import Ask, Offer, Place
from seawall.room.problems import RefusedError
from seawall.room.shapes import (
    FACTS,
    BookTold,
    Commands,
    JobTold,
    shaped,
)
from seawall.room.turns import who

PREFIX = "/api/v1"
_COMPONENT = "#/components/schemas/"


def component_of(schema: str) -> str:
    """Name under which a schema stands in the OpenAPI document."""
    return schema.replace("/", "-")


def component(schema: str) -> dict[str, Any]:
    """A published schema as a part of the OpenAPI document: its own references lead there."""
    found = schema_of(schema)
    root = _COMPONENT + component_of(schema)
    without = {k: v for k, v in found.items() if k not in ("$id", "$schema")}
    moved: dict[str, Any] = _moved(without, root)
    return moved


def _moved(value: Any, root: str) -> Any:
    if isinstance(value, dict):
        return {
            k: root + v[1:] if k == "$ref" and isinstance(v, str) and v.startswith("#")
            else _moved(v, root)
            for k, v in value.items()
        }  # fmt: skip
    return [_moved(v, root) for v in value] if isinstance(value, list) else value


def _refused() -> dict[int | str, dict[str, Any]]:
    body = {"application/problem+json": {"schema": {"$ref": _COMPONENT + "seawall.problem-1"}}}
    return {
        422: {"description": "Not accepted", "content": body},
        "4XX": {"description": "Refused", "content": body},
        "5XX": {"description": "Could not be done", "content": body},
    }


REFUSED = _refused()
"""OpenAPI's word on refusals, the same everywhere."""


BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Bytes, as the map's own word on its shades says",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "Not changed since the tag given"},
}


def answered_by(schema: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's word on an answer of a schema."""
    shape = {"$ref": _COMPONENT + component_of(schema)}
    return {
        200: {
            "description": schema,
            "content": {"application/json": {"schema": shape}, ARROW: {}, "text/csv": {}},
        },
        304: {"description": "Not changed since the tag given"},
    }


def offers_router(offers: tuple[Offer, ...], place: Place, answers: Answers) -> APIRouter:
    """A GET for each command that does not run long, asked as on the command line."""
    router = APIRouter(prefix=PREFIX, tags=["commands"])
    for offer in offers:
        if not offer.long:
            _add_reading(router, offer, place, answers)
    return router


class _Shaped(Ask):
    """What a reading may ask beside its question: the shape of the answer."""

    format: Literal["json", "csv", "arrow"] | None = Field(
        None, description="Shape of the answer; by Accept if left out."
    )
    table: str | None = Field(
        None, max_length=60, description="For csv and arrow: which table; the main one."
    )


_SHAPE = {"format", "table"}


def form_of(kind: str, table: str | None) -> Form | None:
    """How a report becomes an answer of a kind; None for JSON, which is the usual one."""
    if kind == "arrow":
        return Form(lambda report: stream_pieces(report, table), ARROW)
    if kind == "csv":
        return Form(lambda report: [to_csv(report, table)], "text/csv; charset=utf-8")
    if table is not None:
        raise RefusedError(422, Mistake("JSON holds all tables", "table", value=table,
                                   allowed="with format=csv or format=arrow"))  # fmt: skip
    return None


def _add_reading(router: APIRouter, offer: Offer, place: Place, answers: Answers) -> None:

    async def read(request: Request, asked: Any) -> Response:
        ask = offer.ask.model_validate(asked.model_dump(exclude=_SHAPE, by_alias=True))
        keep = offer.lasting and ask.lasts()
        kind = asked.format or (
            "arrow" if wants_arrow(request.headers.get("accept", "")) else "json"
        )
        form = form_of(kind, asked.table)
        key = f"{kind} {asked.table or ''} {offer.name}?{ask.model_dump_json()}"
        made = await answers.of(
            key,
            lambda say: offer.answer(ask, place, say),
            keep,
            form,
            who(request),
            lambda: hung_up(request),
        )
        return made.response(request, holds=(lambda: answers.has(key)) if keep else None)

    asked_of = create_model(f"{offer.ask.__name__}Read", __base__=(_Shaped, offer.ask))
    # written here, as an annotation of this file is a text that knows no offer
    read.__annotations__ |= {"request": Request, "asked": Annotated[asked_of, Query()]}
    router.add_api_route(
        f"/{offer.name}", read, methods=["GET"], name=offer.name, summary=offer.title,
        operation_id=offer.name.replace("/", "_").replace("-", "_"),
        response_class=Response, responses=answered_by(offer.schema),
    )  # fmt: skip


def jobs_router(offers: tuple[Offer, ...], place: Place, jobs: Jobs) -> APIRouter:
    """A POST for every command, and what becomes of it."""
    router = APIRouter(prefix=f"{PREFIX}/jobs", tags=["jobs"])

    @router.get("", summary="All jobs that are known", responses=shaped(list[JobTold]))
    async def listed() -> list[dict[str, Any]]:
        return jobs.listed()

    for offer in offers:
        _add_asking(router, offer, place, jobs)

    @router.get("/{job}", summary="Where a job stands", responses=shaped(JobTold))
    async def about(job: str) -> dict[str, Any]:
        return jobs.get(job).about()

    @router.get("/{job}/result", summary="What a job came to: its command's JSON",
                responses=shaped(dict[str, Any], tagged=True))  # fmt: skip
    async def result(request: Request, job: str) -> Response:
        return Answer.of(_done(jobs.get(job)).result or b"{}").response(request)

    @router.get("/{job}/shown", summary="The same in words, as the page lays it out",
                responses=answered_by("seawall.shown/1"))  # fmt: skip
    async def words(request: Request, job: str) -> Response:
        return Answer.of(_done(jobs.get(job)).words or b"{}").response(request)

    @router.delete("/{job}", summary="Cancel a job", responses=shaped(JobTold))
    async def cancel(job: str) -> dict[str, Any]:
        return jobs.cancel(job).about()

    return router


def _done(job: Job) -> Job:
    """A job that has come to an end."""
    if job.state is not State.DONE or job.result is None:
        raise RefusedError(409, Mistake("no result", "job", value=str(job.state), allowed="done"))
    return job


def _add_asking(router: APIRouter, offer: Offer, place: Place, jobs: Jobs) -> None:

    async def asked(request: Request, ask: Ask) -> JSONResponse:
        job = jobs.ask(offer.name, lambda say: offer.answer(ask, place, say), who(request))
        where = {"location": f"{PREFIX}/jobs/{job.key}", "cache-control": "no-store"}
        return JSONResponse(job.about(), 202, where)

    asked.__annotations__ |= {"request": Request, "ask": Annotated[offer.ask, Body()]}
    router.add_api_route(
        f"/{offer.name}", asked, methods=["POST"], name=f"job {offer.name}", summary=offer.title,
        operation_id="job_" + offer.name.replace("/", "_").replace("-", "_"), status_code=202,
        responses=shaped(JobTold, 202),
    )  # fmt: skip


def books_router(shelf: Shelf, answers: Answers, folder: Path) -> APIRouter:
    """Books that can be named in a question, and sending another."""
    router = APIRouter(prefix=f"{PREFIX}/books", tags=["books"])
    turn = asyncio.Semaphore(2)

    @router.get("", summary="Books there are", responses=shaped(list[BookTold], tagged=True))
    async def listed(request: Request) -> Response:
        books = shelf.listed()
        made = Answer.of(json.dumps(books).encode())
        return made.response(request, holds=lambda: shelf.listed() == books)

    @router.post("", status_code=201, summary="Send a book: the file itself as the body",
                 responses=shaped(BookTold, 201))  # fmt: skip
    async def take(request: Request, sent: Annotated[Sent, Query()]) -> JSONResponse:
        def taken(name: str, path: Path) -> dict[str, Any]:
            return shelf.take(name, path, sent)

        return await uploaded(request, sent.name, shelf.limits, folder, turn, taken)

    @router.delete("/{book}", status_code=204, summary="Forget a book that was sent")
    async def drop(book: str) -> Response:
        shelf.drop(book)
        answers.forget(book)
        return Response(status_code=204)

    return router


async def uploaded(
    request: Request,
    name: str,
    limits: Limits,
    folder: Path,
    turn: asyncio.Semaphore,
    take: Callable[[str, Path], dict[str, Any]],
) -> JSONResponse:
    """Receive a file within limits and hand it over; nothing of it stays but what is taken.

    Raises
    ------
    RefusedError
        If it is too large or takes too long.
    """
    shown = shown_name(name)
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limits.size:
        raise RefusedError(413, Mistake("too large", shown, value=length,
                                   allowed=f"{limits.size:,} bytes"))  # fmt: skip
    own = Path(tempfile.mkdtemp(dir=folder))
    try:
        path = await received(_stream(request, limits.seconds), limits, shown, own)
        async with turn:
            about = await asyncio.wait_for(run_in_threadpool(take, shown, path), limits.seconds)
    except TimeoutError:
        words = f"{limits.seconds:g} s"
        raise RefusedError(408, Mistake("took too long", shown, allowed=words)) from None
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return JSONResponse(about, 201)


async def _stream(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """The body, given up if nothing comes for too long."""
    chunks = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        yield chunk


def about_router(offers: tuple[Offer, ...], facts: Mapping[str, Callable[[], Any]]) -> APIRouter:
    """What there is: commands, schemas, and lists that do not change while the server runs."""
    router = APIRouter(prefix=PREFIX, tags=["about"])
    index = [
        {"command": o.name, "title": o.title, "schema": o.schema, "long": o.long} for o in offers
    ]

    @router.get("", summary="Commands on offer", responses=shaped(Commands))
    async def commands() -> dict[str, Any]:
        from seawall import __version__

        return {"version": __version__, "commands": index, "schemas": schema_names()}

    for fact, told in facts.items():
        _add_fact(router, fact, told)

    @router.get("/schemas/{name}/{version}", summary="The JSON Schema of an answer",
                responses=shaped(dict[str, Any], tagged=True))  # fmt: skip
    async def schema(request: Request, name: str, version: str) -> Response:
        found = schema_of(f"{name}/{version}")
        return Answer.of(json.dumps(found).encode()).response(request, holds=_always)

    return router


def _always() -> bool:
    return True


def _add_fact(router: APIRouter, name: str, told: Callable[[], Any]) -> None:
    kept: list[Answer] = []
    turn = asyncio.Lock()

    async def fact(request: Request) -> Response:
        async with turn:
            if not kept:
                kept.append(Answer.of(json.dumps(await run_in_threadpool(told)).encode()))
        return kept[0].response(request, holds=_always)

    fact.__annotations__["request"] = Request
    router.add_api_route(
        f"/{name}", fact, methods=["GET"], name=name, summary=f"Known {name}",
        responses=shaped(FACTS.get(name, list[Any]), tagged=True),
    )  # fmt: skip
