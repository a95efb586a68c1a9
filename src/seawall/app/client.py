"""A client of a room from Python: the commands' answers, jobs, uploads, without a dependency.

It asks by the standard library alone, so that a machine that only asks needs nothing but Seawall.
"""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from seawall.core import InputError, Mistake, SeawallError
from seawall.core.files import whole_file

ARROW = "application/vnd.apache.arrow.stream"
_OVER = ("done", "failed", "cancelled")
_PIECE = 1 << 20


class RefusalError(InputError):
    """What a room refused, with its status and the mistakes as it told them."""

    def __init__(self, status: int, body: Mapping[str, Any]):
        self.status = status
        known = ("what", "where", "row", "column", "value", "allowed", "mend")
        told = [Mistake(**{k: m[k] for k in known if k in m}) for m in body.get("mistakes", ())]
        super().__init__(told or [Mistake(str(body.get("title", "refused")))], body.get("total"))


class CutShortError(SeawallError):
    """An answer whose connection ended before it did."""


class Client:
    """Asks a room.

    Parameters
    ----------
    address
        As ``seawall serve`` printed it.
    token
        What the room asks of everyone, if it does.
    seconds
        Patience with each answer.

    Raises
    ------
    InputError
        If the address is none.
    """

    def __init__(
        self,
        address: str = "http://127.0.0.1:8351",
        token: str | None = None,
        seconds: float = 120.0,
    ):
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                Mistake("not an address", "address", value=address, allowed="http://HOST:PORT")
            )
        self._token = token
        self._parts, self._seconds = parts, seconds
        self._tags: dict[str, tuple[str, Any]] = {}

    def commands(self) -> list[dict[str, Any]]:
        """What can be asked: names, titles, schemas."""
        found: list[dict[str, Any]] = self.get("")["commands"]
        return found

    def get(self, path: str, **asked: Any) -> Any:
        """The JSON of a path below ``/api/v1``; what has not changed since is not sent again.

        Raises
        ------
        RefusalError
            With all mistakes, if it is refused.
        OSError
            If the room is not there.
        """
        url = _url(path, asked)
        known = self._tags.get(url)
        headers = {"accept-encoding": "gzip"}
        if known is not None:
            headers["if-none-match"] = known[0]
        with _Reply(self, "GET", url, headers) as reply:
            if reply.status == 304 and known is not None:
                return known[1]
            found = json.loads(reply.whole())
            if "etag" in reply.headers:
                self._tags[url] = (reply.headers["etag"], found)
                while len(self._tags) > 64:
                    self._tags.pop(next(iter(self._tags)))
            return found

    def ask(self, command: str, **asked: Any) -> dict[str, Any]:
        """A command's answer: ``ask("stress", shock=["BTC=-10%"])`` is ``seawall stress``.

        Options are named as on the command line, with ``_`` for ``-``; those that can be repeated
        take a list. What only runs as a job is waited for.
        """
        known = {c["command"]: c for c in self.commands()}
        name = command.replace(" ", "/")
        if name not in known:
            raise InputError(
                Mistake("no such command", value=command, allowed=", ".join(sorted(known)))
            )
        if known[name]["long"]:
            return self.wait(self.begin(name, **asked))
        found: dict[str, Any] = self.get(name, **asked)
        return found

    def table(self, command: str, table: str | None = None, **asked: Any) -> Any:
        """A table of a command's answer as a ``pyarrow.Table``, its main one without a name."""
        from pyarrow import ipc

        asked |= {"format": "arrow"} | ({"table": table} if table else {})
        with _Reply(self, "GET", _url(command.replace(" ", "/"), asked), {"accept": ARROW}) as got:
            found = ipc.open_stream(got.raw).read_all()
            got.check_whole()
            return found

    def begin(self, command: str, **asked: Any) -> str:
        """Ask a command as a job; gives its key."""
        body = json.dumps(asked).encode()
        headers = {"content-type": "application/json"}
        with _Reply(self, "POST", _url(f"jobs/{command}", {}), headers, body) as reply:
            return str(json.loads(reply.whole())["job"])

    def job(self, key: str) -> dict[str, Any]:
        """Where a job stands."""
        found: dict[str, Any] = self.get(f"jobs/{key}")
        return found

    def wait(
        self,
        key: str,
        told: Callable[[str], None] = lambda _: None,
        seconds: float = 86_400.0,
    ) -> dict[str, Any]:
        """A job's answer once it is done.

        Parameters
        ----------
        told
            Called with each new step.

        Raises
        ------
        RefusalError
            If it failed or was cancelled.
        TimeoutError
            If it takes longer; it goes on.
        """
        until, step, pause = time.monotonic() + seconds, "", 0.02
        while (found := self.job(key))["state"] not in _OVER:
            if found["step"] != step:
                step = found["step"]
                told(step)
            if time.monotonic() > until:
                raise TimeoutError(f"job {key} is still {found['state']}")
            time.sleep(pause)
            pause = min(1.0, 1.5 * pause)
        if found["state"] != "done":
            raise RefusalError(409, found["problem"] or {"title": f"job {found['state']}"})
        answer: dict[str, Any] = self.get(f"jobs/{key}/result")
        return answer

    def cancel(self, key: str) -> None:
        """Stop a job at its next step."""
        with _Reply(self, "DELETE", _url(f"jobs/{key}", {}), {}) as reply:
            reply.whole()

    def send_book(self, file: Path | str, **filling: Any) -> str:
        """Send a book; gives the key by which questions name it: ``ask("check", book=key)``.

        What the file leaves out goes by the command line's names: ``price=["BTC=86600"]``,
        ``venue``, ``at``, ``lenient``.
        """
        return str(self.send("books", Path(file), **filling)["book"])

    def send(self, where: str, file: Path, **filling: Any) -> dict[str, Any]:
        """Send a file to ``books``, ``candles`` or ``files``; what the room says of it."""
        url = _url(where, {"name": file.name, **filling})
        headers = {"content-length": str(file.stat().st_size)}
        with file.open("rb") as body, _Reply(self, "POST", url, headers, body) as reply:
            found: dict[str, Any] = json.loads(reply.whole())
            return found

    def export(self, target: Path | str, **asked: Any) -> int:
        """Write the events of the room's store to a file, whole or not at all; gives its bytes.

        Raises
        ------
        CutShortError
            If the connection ended before the answer did.
        """
        asked.setdefault("format", Path(target).suffix.lstrip(".") or "parquet")
        url = _url("tape/export", asked)
        with _Reply(self, "GET", url, {}) as reply, whole_file(target) as out:
            return sum(out.write(piece) for piece in reply.pieces())

    def open(self, method: str, url: str, headers: dict[str, str], body: Any) -> Any:
        """A connection on which one question was asked."""
        parts = self._parts
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=self._seconds)
        if self._token is not None:
            headers = {**headers, "authorization": f"Bearer {self._token}"}
        connection.request(method, url, body, headers)
        return connection


class _Reply:
    """One answer; the connection is closed with it."""

    def __init__(
        self, client: Client, method: str, url: str, headers: dict[str, str], body: Any = None
    ):
        self._connection = client.open(method, url, headers, body)
        self.raw = self._connection.getresponse()
        self.status = self.raw.status
        self.headers = {k.lower(): v for k, v in self.raw.getheaders()}

    def __enter__(self) -> _Reply:
        if self.status >= 400:
            raw = self.whole()
            self._connection.close()
            try:
                told = json.loads(raw)
            except ValueError:
                told = {"title": f"refused ({self.status})"}
            raise RefusalError(self.status, told)
        return self

    def __exit__(self, *raised: object) -> None:
        self._connection.close()

    def whole(self) -> bytes:
        """All of it, unpacked."""
        raw: bytes = self.raw.read()
        return gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw

    def pieces(self) -> Iterator[bytes]:
        """As it comes."""
        while piece := self._piece():
            yield piece
        self.check_whole()

    def _piece(self) -> bytes:
        try:
            return bytes(self.raw.read(_PIECE))
        except (OSError, http.client.HTTPException) as error:
            raise CutShortError(f"the answer was cut short: {error}") from error

    def check_whole(self) -> None:
        """Refuse an answer whose connection ended before it: read in pieces, it just ends."""
        if self.raw.length:
            words = f"the answer was cut short: {self.raw.length:,} bytes are missing"
            raise CutShortError(words)


def _url(path: str, asked: Mapping[str, Any]) -> str:
    plain = {k: _words(v) for k, v in asked.items() if v is not None}
    query = urlencode(plain, doseq=True)
    where = f"/{quote(path)}" if path else ""
    return f"/api/v1{where}" + (f"?{query}" if query else "")


def _words(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return [_words(v) for v in value] if isinstance(value, list | tuple) else str(value)
