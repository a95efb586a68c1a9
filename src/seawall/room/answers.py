"""Answers to questions: one computation for all who ask the same, kept, tagged and packed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seawall.core import Mistake
from seawall.report.encode import json_pieces
from seawall.room.asked import Asked, Gone
from seawall.room.jobs import Cancelled
from seawall.room.problems import RefusedError
from seawall.room.turns import NoTurnError, Turns

if TYPE_CHECKING:
    from seawall.report.model import Report

Say = Callable[[str], None]
_PACKED_FROM = 1024
_PIECE = 262_144
_IN_MEMORY = 16_000_000
"""Bytes from which on an answer is kept on the disk."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes of an answer, plain and packed, and the tag that changes with them."""

    body: bytes
    packed: bytes | None
    tag: str
    media: str = "application/json"
    file: Spilled | None = None

    @classmethod
    def of(cls, body: bytes, media: str = "application/json", level: int = 5) -> Answer:
        """An answer of some bytes; ``level`` is how hard they are packed."""
        packed = gzip.compress(body, level, mtime=0) if len(body) >= _PACKED_FROM else None
        return cls(body, packed, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"', media)

    @classmethod
    def of_pieces(
        cls, pieces: Iterable[str | bytes] | bytes, media: str = "application/json"
    ) -> Answer:
        """An answer that is made piece by piece; one that is large is kept on the disk."""
        pieces = [pieces] if isinstance(pieces, bytes) else pieces
        held, size, digest, spilled = [], 0, hashlib.sha256(), None
        for piece in pieces:
            raw = piece.encode() if isinstance(piece, str) else piece
            size += len(raw)
            digest.update(raw)
            if spilled is None:
                held.append(raw)
                if size > _IN_MEMORY:
                    spilled = Spilled()
                    spilled.write(b"".join(held))
                    held = []
            else:
                spilled.write(raw)
        if spilled is None:
            return cls.of(b"".join(held), media)
        return cls(b"", None, f'W/"{digest.hexdigest()[:32]}"', media, spilled)

    def __len__(self) -> int:
        """Bytes that it takes where it is kept."""
        return self.file.size if self.file else len(self.body) + len(self.packed or b"")

    def response(
        self,
        request: Request,
        keep: str = "no-cache",
        holds: Callable[[], bool] | None = None,
    ) -> Response:
        """The answer to one request: 304 if its tag is known, packed if that is understood.

        ``holds`` tells whether it is still the answer to the same words; without, it is to be
        asked for anew each time.
        """
        if holds is not None and keep == "no-cache":
            request.app.state.shortcuts.keep(request.scope, self, holds)
        return _Told(self, keep)

    async def send(self, scope: Scope, send: Send, keep: str = "no-cache") -> None:
        """Send it as one request wants it.

        What is large goes out piece by piece, as fast as it is taken: written at once, it would
        be copied for every reader that is slower than this machine.
        """
        tags, packing = b"", b""
        for name, value in scope["headers"]:
            if name == b"if-none-match":
                tags = value
            elif name == b"accept-encoding":
                packing = value
        headers = [
            (b"etag", self.tag.encode()),
            (b"cache-control", keep.encode()),
            (b"vary", b"accept, accept-encoding"),
        ]
        if tags and any(t.strip() in (self.tag.encode(), b"*") for t in tags.split(b",")):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        if self.file is not None:
            await self._send_file(self.file, headers, send)
            return
        body = self.body
        if self.packed is not None and b"gzip" in packing:
            headers.append((b"content-encoding", b"gzip"))
            body = self.packed
        headers.append((b"content-length", str(len(body)).encode()))
        headers.append((b"content-type", self.media.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for begin in range(0, len(body), _PIECE) or (0,):
            more = begin + _PIECE < len(body)
            piece = body[begin : begin + _PIECE]
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _send_file(
        self, file: Spilled, headers: list[tuple[bytes, bytes]], send: Send
    ) -> None:
        """From the disk, as fast as it is taken; not packed, which would take longer than it."""
        headers.append((b"content-length", str(file.size).encode()))
        headers.append((b"content-type", self.media.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for begin in range(0, file.size, 4 * _PIECE):
            piece = await run_in_threadpool(file.read, begin, 4 * _PIECE)
            more = begin + len(piece) < file.size
            await send({"type": "http.response.body", "body": piece, "more_body": more})


class Spilled:
    """Bytes on the disk without a name: gone once nobody reads them."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the last reader
        self._lock = threading.Lock()
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._file.write(piece)
        self.size += len(piece)

    def read(self, begin: int, count: int) -> bytes:
        """Some bytes from a place on; several may read."""
        with self._lock:
            self._file.seek(begin)
            return self._file.read(count)


class _Told(Response):
    """An answer as what a route returns."""

    def __init__(self, answer: Answer, keep: str):
        super().__init__()
        self._answer, self._keep = answer, keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await self._answer.send(scope, send, self._keep)


def encoded(report: Report) -> bytes:
    """A report as ``--format json`` has it, without spaces."""
    from seawall.report.encode import to_json

    return to_json(report, None).encode()


@dataclass(frozen=True, slots=True)
class Form:
    """How a report becomes bytes, and of which kind those are."""

    encode: Callable[[Report], Iterable[str | bytes]]
    media: str


class Answers:
    """Reports computed in threads, a few at a time, the clients that ask taking turns.

    Parameters
    ----------
    at_once
        Computations at a time; more wait.
    each
        How many of one client may wait.
    patience
        Seconds for which a question waits for its turn, from the last asking; and after which its
        computation is given up at its next step, from its turn.
    size
        Bytes of answers that are kept.
    encode
        A report as what is answered, in pieces.
    """

    def __init__(
        self,
        at_once: int = 2,
        patience: float = 30.0,
        size: int = 64_000_000,
        encode: Callable[[Report], Iterable[str | bytes] | bytes] = json_pieces,
        each: int = 16,
    ):
        self.patience, self._size, self._held = patience, size, 0
        self._encode = encode
        self.beside: list[Answers] = []
        """Answers of the same questions in another form; what is forgotten here is there too."""
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._under_way: dict[str, Asked[Answer]] = {}
        self._turns = Turns(at_once, each)

    async def of(
        self,
        key: str,
        work: Callable[[Say], Report],
        keep: bool,
        form: Form | None = None,
        client: str = "",
        gone: Gone | None = None,
    ) -> Answer:
        """The answer to a question.

        Parameters
        ----------
        key
            What is the same for the same question.
        keep
            Whether the same question always has the same answer.
        form
            How it is answered; as JSON if None. A key belongs to one form.
        client
            Who asks: in whose turn it is computed.
        gone
            Comes back once who asks has hung up; what waits and nobody asks for is dropped.

        Raises
        ------
        RefusedError
            If it takes too long, or too much of this client waits already.
        """
        if keep and key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        asked = self._under_way.get(key)
        if asked is None or not asked.join(self._turns, client):
            asked = Asked(client, self.patience)
            self._under_way[key] = asked
            asked.task = asyncio.create_task(self._in_turn(asked, work, form))
            asked.task.add_done_callback(partial(self._over, key, asked, keep))
        return await asked.answer(gone, partial(self._drop, key, asked))

    def has(self, key: str) -> bool:
        """Whether a question's answer is kept; asking counts as use."""
        if key not in self._kept:
            return False
        self._kept.move_to_end(key)
        return True

    def forget(self, part: str) -> None:
        """Drop what is kept for questions that name something, such as a book that is gone."""
        for key in [k for k in self._kept if part in k]:
            old = self._kept.pop(key)
            self._held -= len(old)
        for other in self.beside:
            other.forget(part)

    def _drop(self, key: str, asked: Asked[Answer]) -> None:
        if self._under_way.get(key) is asked:
            del self._under_way[key]

    def _over(self, key: str, asked: Asked[Answer], keep: bool, task: asyncio.Task[Answer]) -> None:
        self._drop(key, asked)
        if task.cancelled() or task.exception() is not None or not keep:
            return
        answer = task.result()
        size = len(answer)
        if size > self._size // 2:
            return
        self._kept[key] = answer
        self._held += size
        while self._held > self._size and self._kept:
            _, old = self._kept.popitem(last=False)
            self._held -= len(old)

    async def _in_turn(
        self, asked: Asked[Answer], work: Callable[[Say], Report], form: Form | None
    ) -> Answer:
        """Waits here and not in a thread, of which there are few for all that is asked."""
        try:
            async with self._turns.at(asked.queued, asked.patience):
                asked.begin()
                return await run_in_threadpool(self._computed, work, form, asked)
        except NoTurnError:
            raise self._late() from None

    def _late(self) -> RefusedError:
        mend = "Ask for it as a job: POST /api/v1/jobs/COMMAND"
        mistake = Mistake("takes too long", allowed=f"{self.patience:g} s", mend=mend)
        return RefusedError(503, mistake)

    def _computed(
        self, work: Callable[[Say], Report], form: Form | None, asked: Asked[Answer]
    ) -> Answer:

        def say(step: str) -> None:
            del step
            if time.monotonic() > asked.until:
                raise Cancelled

        try:
            report = work(say)
        except Cancelled:
            raise self._late() from None
        if form is None:
            return Answer.of_pieces(self._encode(report))
        return Answer.of_pieces(form.encode(report), form.media)
