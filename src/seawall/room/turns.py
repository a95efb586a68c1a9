"""Who is next where many ask for what takes long: client by client, not first come first served."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from starlette.requests import HTTPConnection

from seawall.core import Mistake
from seawall.room.problems import RefusedError

T = TypeVar("T")
CLIENT = "x-seawall-client"
"""Header by which one who asks tells itself from others at the same address."""
_LONGEST = 64
_REMEMBERED = 512
_WAIT = "Wait, or ask as a job"


class NoTurnError(Exception):
    """A turn that did not come in time."""


def who(request: HTTPConnection) -> str:
    """The client behind a request: its address, and the name that it gives itself.

    Browsers that share an address are so told apart. Addresses take turns first and the names of
    one among themselves, a new one behind all who wait, so that a false name opens no door.
    """
    address = "" if request.client is None else request.client.host
    return f"{address} {request.headers.get(CLIENT, '')[:_LONGEST]}"


def address_of(client: str) -> str:
    """What stands before a client's own name."""
    return client.partition(" ")[0]


class Rota(Generic[T]):
    """What waits, by client; addresses take turns, and the clients of one in its turn.

    Next is who has the least under way, then who has waited the longest since it asked and was
    served: one that comes anew stands behind all who wait, and one that was served behind those
    who came meanwhile.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[int, T]]] = {}
        self._served: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._tick = 0

    def __len__(self) -> int:
        """Of all clients."""
        return sum(map(len, self._waiting.values()))

    def of(self, client: str) -> int:
        """How much of one client waits."""
        return len(self._waiting.get(client, ()))

    def at(self, address: str) -> int:
        """How much of all clients at an address waits."""
        return sum(len(q) for c, q in self._waiting.items() if address_of(c) == address)

    def put(self, client: str, thing: T) -> None:
        """Behind what this client has waiting already."""
        self._tick += 1
        self._waiting.setdefault(client, deque()).append((self._tick, thing))

    def drop(self, client: str, thing: T) -> None:
        """Forget what waits no more; nothing where it is not there."""
        left = deque(pair for pair in self._waiting.pop(client, ()) if pair[1] is not thing)
        if left:
            self._waiting[client] = left

    def hand_over(self, thing: T, of: str, to: str, under_way: Mapping[str, int]) -> bool:
        """Let what waits behind others of one client wait as the only thing of another.

        Its turn then comes sooner; where it might not, nothing is changed and False returned.
        """
        mine, other = self._waiting.get(of), address_of(to)
        if not mine or mine[0][1] is thing or self.of(to) or under_way.get(to, 0):
            return False
        alike = other == address_of(of)
        if not alike and (self.at(other) or address_counts(under_way)[other]):
            return False
        if not any(waiting is thing for _, waiting in mine):
            return False
        self.drop(of, thing)
        self.put(to, thing)
        return True

    def take(self, under_way: Mapping[str, int]) -> tuple[str, T] | None:
        """The next and its client, which then counts as served; None where nothing waits."""
        if not self._waiting:
            return None
        busy, since = address_counts(under_way), dict[str, int]()
        for client, queue in self._waiting.items():
            place = address_of(client)
            since[place] = min(since.get(place, queue[0][0]), queue[0][0])
        chosen = min(since, key=lambda a: (busy[a], max(since[a], self._served.get((a,), 0))))

        def rank(client: str) -> tuple[int, int]:
            served = self._served.get((chosen, client), 0)
            return under_way.get(client, 0), max(self._waiting[client][0][0], served)

        client = min((c for c in self._waiting if address_of(c) == chosen), key=rank)
        _, thing = self._waiting[client].popleft()
        if not self._waiting[client]:
            del self._waiting[client]
        self.serve(client)
        return client, thing

    def serve(self, client: str) -> None:
        """Count a client as served just now: when its turn begins, and when it ends."""
        self._tick += 1
        place = address_of(client)
        for key in ((place,), (place, client)):
            self._served[key] = self._tick
            self._served.move_to_end(key)
        while len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)

    def order(self, under_way: Iterable[str] = ()) -> list[T]:
        """All that waits as it would be taken if nothing else came and one ran at a time, after
        what is under way of some clients."""
        copy: Rota[T] = Rota()
        copy._waiting = {c: deque(things) for c, things in self._waiting.items()}
        copy._served, copy._tick = self._served.copy(), self._tick
        for client in under_way:
            copy.serve(client)
        found = []
        while (taken := copy.take({})) is not None:
            found.append(taken[1])
        return found


def address_counts(under_way: Mapping[str, int]) -> Counter[str]:
    """What clients have under way, by address."""
    busy: Counter[str] = Counter()
    for client, count in under_way.items():
        busy[address_of(client)] += count
    return busy


class Queued:
    """Where a question stands among those that wait: whose it is, and until when."""

    def __init__(self, client: str):
        self.client = client
        self.turn: asyncio.Future[None] | None = None
        self.limit: asyncio.Timeout | None = None


class Turns:
    """A few at a time; used from one event loop.

    Parameters
    ----------
    at_once
        How many go on together.
    each, most
        How many of one client, and of all, may wait.
    """

    def __init__(self, at_once: int = 2, each: int = 16, most: int = 256):
        self._free, self._each, self._most = at_once, each, most
        self._rota: Rota[Queued] = Rota()
        self._under_way: Counter[str] = Counter()

    @asynccontextmanager
    async def at(self, queued: Queued, patience: float) -> AsyncIterator[None]:
        """Wait for the turn of what is queued, and hold it.

        Raises
        ------
        RefusedError
            If too much waits already.
        NoTurnError
            If its turn does not come in time.
        """
        await self._taken(queued, patience)
        try:
            yield
        finally:
            self._left(queued.client)

    def join(self, queued: Queued, client: str, patience: float) -> bool:
        """Let what is queued wait longer, and for one more, where its turn comes sooner if it does.

        False if it is being given up.
        """
        if queued.limit is not None and queued.limit.expired():
            return False
        if queued.limit is None or queued.turn is None or queued.turn.done():
            return True
        until = asyncio.get_running_loop().time() + patience
        queued.limit.reschedule(max(queued.limit.when() or until, until))
        if self._rota.hand_over(queued, queued.client, client, self._under_way):
            queued.client = client
        return True

    async def _taken(self, queued: Queued, patience: float) -> None:
        client = queued.client
        if self._free and not len(self._rota):
            self._free -= 1
            self._under_way[client] += 1
            self._rota.serve(client)
            return
        check_room(self._rota, client, self._each, self._most, "questions", _WAIT)
        queued.turn = asyncio.get_running_loop().create_future()
        self._rota.put(client, queued)
        try:
            async with asyncio.timeout(patience) as queued.limit:
                await queued.turn
        except BaseException as error:
            if queued.turn.done() and not queued.turn.cancelled():
                # its turn came at the very moment at which it was given up
                self._left(queued.client)
            self._rota.drop(queued.client, queued)
            if isinstance(error, TimeoutError):
                raise NoTurnError from None
            raise

    def _left(self, client: str) -> None:
        self._rota.serve(client)
        self._under_way[client] -= 1
        if not self._under_way[client]:
            del self._under_way[client]
        self._free += 1
        while self._free and (taken := self._rota.take(self._under_way)) is not None:
            nextone, queued = taken
            if queued.turn is not None and not queued.turn.done():
                self._free -= 1
                self._under_way[nextone] += 1
                queued.turn.set_result(None)


def check_room(rota: Rota[T], client: str, each: int, most: int, what: str, mend: str) -> None:
    """Refuse one more of a client where it has too many waiting, or its address, or all have.

    One address may hold three quarters of what may wait of all; ``mend`` is what those can do
    who have too many.

    Raises
    ------
    RefusedError
        429, saying which of the three.
    """
    for whose, count, limit, of, way in (
        (f"{what} of yours", rota.of(client), each, "one client", mend),
        (f"{what} of your address", rota.at(address_of(client)), most - most // 4, "one address",
         mend),
        (what, len(rota), most, "all clients", "Ask again later"),
    ):  # fmt: skip
        if count >= limit:
            mistake = Mistake(f"too many {whose} are waiting", value=str(count),
                              allowed=f"{limit} of {of}", mend=way)  # fmt: skip
            raise RefusedError(429, mistake, retry=5)
