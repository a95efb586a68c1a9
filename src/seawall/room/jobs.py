"""Long work in the background: a queue with progress, results and cancelling."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seawall.core import Mistake
from seawall.room.problems import RefusedError, problem, told
from seawall.room.turns import Rota, check_room

if TYPE_CHECKING:
    from seawall.report.model import Report

LOG = logging.getLogger("seawall.room")
Say = Callable[[str], None]
Work = Callable[[Say], "Report"]


class Cancelled(BaseException):
    """Raised in the midst of work that nobody wants any more, past every ``except Exception``."""


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work."""

    key: str
    command: str
    work: Work | None
    client: str = ""
    state: State = State.WAITING
    ahead: int | None = None
    step: str = "waiting"
    made: float = field(default_factory=time.time)
    begun: float | None = None
    ended: float | None = None
    unwanted: bool = False
    result: bytes | None = None
    words: bytes | None = None
    problem: dict[str, Any] | None = None

    def about(self) -> dict[str, Any]:
        """What a reader is told of it; times are seconds since it was asked for."""
        seconds = None if self.begun is None else (self.ended or time.time()) - self.begun
        return {
            "job": self.key,
            "command": self.command,
            "state": str(self.state),
            "step": self.step if not self.ahead else f"{self.step}, {self.ahead} before it",
            "ahead": self.ahead,
            "seconds": seconds if seconds is None else round(seconds, 3),
            "problem": self.problem,
            "result": f"/api/v1/jobs/{self.key}/result" if self.state is State.DONE else None,
        }


class Jobs:
    """Work done one at a time, each in a thread; what came of the last ``kept`` is kept.

    Clients take turns, address by address: one job of a client that has none under way goes before
    the second of another that came first.

    Parameters
    ----------
    encode
        A report as the bytes that are answered.
    in_words
        A report as the bytes that a page lays out.
    changed
        Called with what is told of a job each time that changes, in any thread; it must not wait,
        nor ask anything of the jobs.
    waiting, each
        How many may wait, of all clients and of one.
    """

    def __init__(
        self,
        encode: Callable[[Report], bytes],
        changed: Callable[[dict[str, Any]], None] = lambda _: None,
        in_words: Callable[[Report], bytes] = lambda _: b"{}",
        workers: int = 1,
        waiting: int = 32,
        each: int = 16,
        kept: int = 64,
    ):
        self._encode, self._changed, self._kept = encode, changed, kept
        self._in_words = in_words
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)
        self._waiting, self._each, self._closed = waiting, each, False
        self._rota: Rota[Job] = Rota()
        self._running: Counter[str] = Counter()
        self._threads = [
            threading.Thread(target=self._serve, name=f"seawall-job-{k}", daemon=True)
            for k in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, command: str, work: Work, client: str = "") -> Job:
        """Put work in the queue.

        Raises
        ------
        RefusedError
            If too much is waiting, of this client or of all.
        """
        job = Job(secrets.token_urlsafe(9), command, work, client)
        with self._lock:
            check_room(
                self._rota, client, self._each, self._waiting, "jobs", "Cancel some, or wait"
            )
            self._jobs[job.key] = job
            self._rota.put(client, job)
            moved = self._placed()
            self._more.notify()
            over = [k for k, j in self._jobs.items() if j.state in OVER]
            for key in over[: max(0, len(self._jobs) - self._kept)]:
                del self._jobs[key]
            self._tell(job, *moved)
        return job

    def _placed(self) -> list[Job]:
        """Count anew how many go before each that waits; those for which that changed."""
        moved = []
        for place, job in enumerate(self._rota.order(self._running)):
            ahead = place + self._running.total()
            if job.ahead != ahead:
                job.ahead = ahead
                moved.append(job)
        return moved

    def _tell(self, *jobs: Job) -> None:
        """Within the lock, so that what happened first is told first."""
        told: set[str] = set()
        for job in jobs:
            if job.key not in told:
                told.add(job.key)
                self._changed(job.about())

    def get(self, key: str) -> Job:
        """A job by its key; a refusal if it is not known or no longer."""
        with self._lock:
            job = self._jobs.get(key)
        if job is None:
            raise RefusedError(404, Mistake("no such job", "job", value=key))
        return job

    def listed(self) -> list[dict[str, Any]]:
        """All jobs that are known, the newest last."""
        with self._lock:
            return [job.about() for job in self._jobs.values()]

    def cancel(self, key: str) -> Job:
        """Stop a job at its next step; one that waits is over at once."""
        job = self.get(key)
        with self._lock:
            job.unwanted = True
            if job.state is State.WAITING:
                self._rota.drop(job.client, job)
                self._end(job, State.CANCELLED)
            self._tell(job, *self._placed())
        return job

    def close(self) -> None:
        """Cancel all and let the workers go."""
        with self._lock:
            for job in self._jobs.values():
                job.unwanted = True
            self._closed = True
            self._more.notify_all()

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            self._run(job)
            with self._lock:
                self._running[job.client] -= 1
                self._running += Counter()
                self._rota.serve(job.client)
                self._tell(job, *self._placed())

    def _next(self) -> Job | None:
        """The job whose turn it is, once there is one; None at the end."""
        with self._more:
            while not self._closed and not len(self._rota):
                self._more.wait()
            taken = None if self._closed else self._rota.take(self._running)
            if taken is None:
                return None
            client, job = taken
            self._running[client] += 1
            job.state, job.step, job.ahead, job.begun = State.RUNNING, "begun", None, time.time()
            self._tell(job, *self._placed())
        return job

    def _run(self, job: Job) -> None:
        def say(step: str) -> None:
            if job.unwanted:
                raise Cancelled
            if step != job.step:
                job.step = step
                self._changed(job.about())

        try:
            say("begun")
            assert job.work is not None
            report = job.work(say)
            made, words = self._encode(report), self._in_words(report)
            say("done")
            job.result, job.words = made, words
            self._end(job, State.DONE)
        except Cancelled:
            self._end(job, State.CANCELLED)
        except Exception as error:
            status, mistakes, total = told(error)
            if status >= 500:
                LOG.error("job %s (%s)", job.key, job.command, exc_info=error)
            job.problem = problem(status, mistakes, total)
            self._end(job, State.FAILED)

    @staticmethod
    def _end(job: Job, state: State) -> None:
        job.state, job.step, job.ahead, job.ended = state, str(state), None, time.time()
        # what it was asked with may be large, such as a book that is no longer on the shelf
        job.work = None
