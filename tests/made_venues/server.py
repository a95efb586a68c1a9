"""A server that answers by path, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Question:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    raw: str


@dataclass(frozen=True)
class Refusal:
    """An answer with a status of its own."""

    status: int
    body: Any


@dataclass
class RestVenue:
    """A venue; questions without an answer get a 404.

    Attributes
    ----------
    answers
        By path: a value (JSON, or text as it is), or what makes one of the question.
    asked
        Every question, in order.
    """

    answers: dict[str, Any]
    asked: list[Question] = field(default_factory=list)

    def __enter__(self) -> RestVenue:
        venue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer("")

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self._answer(self.rfile.read(length).decode())

            def _answer(self, text: str) -> None:
                status, shown = venue.answer(
                    self.command, self.path, text, dict(self.headers.items())
                )
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(shown)))
                self.end_headers()
                self.wfile.write(shown)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(
        self, method: str, target: str, text: str, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        url = urlsplit(target)
        query = {k: v[-1] for k, v in parse_qs(url.query).items()}
        body = json.loads(text) if text.startswith("{") else {}
        asked = Question(method, url.path, query, body, f"{target} {text} {headers}")
        self.asked.append(asked)
        found = self.answers.get(url.path, Refusal(404, {"msg": "no such path"}))
        value = found(asked) if callable(found) else found
        status, value = (value.status, value.body) if isinstance(value, Refusal) else (200, value)
        return status, value.encode() if isinstance(value, str) else json.dumps(value).encode()

    def paths(self) -> list[str]:
        return [question.path for question in self.asked]
