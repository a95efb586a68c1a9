"""Who may ask: hosts, origins, tokens, and what a browser is told to refuse."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seawall.core import InputError, Mistake
from seawall.room.problems import answer

COOKIE = "seawall_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SHORTEST_TOKEN = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


def _mark_style() -> str:
    """Hash of the one ``<style>`` that the chart library adds, for its maker's mark."""
    text = (files("litecharts") / "js" / "lightweight-charts.js").read_text("utf-8")
    found = re.search(r'innerText="(a#tv-attr-logo[^"]*)"', text)
    if found is None:
        return ""
    return f" 'sha256-{b64encode(sha256(found[1].encode()).digest()).decode()}'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self'{_mark_style()}",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


@dataclass(frozen=True, slots=True)
class Door:
    """Where the server listens and who may come in.

    Attributes
    ----------
    host, port
        As bound.
    token
        Asked of everyone; None on loopback without one.
    names
        Further names the server may be called by.
    session
        What a browser that has shown the token is known by: of this run alone. A cookie goes to
        every port of a host, and the token itself would go with it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    names: tuple[str, ...] = ()
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def cookie(self) -> str:
        """Name of the browser's cookie: servers on other ports have their own."""
        return f"{COOKIE}_{self.port}"

    @property
    def address(self) -> str:
        """Where a browser on this machine begins; a token is asked for there, and never in it."""
        bound = _address(self.host)
        every = {4: "127.0.0.1", 6: "::1"}
        host = every[bound.version] if bound is not None and bound.is_unspecified else self.host
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/" + ("enter" if self.token else "")

    def knows(self, authority: str) -> bool:
        """Whether a ``Host`` names this server, so that no foreign name can be pointed at it."""
        name = _host_of(authority)
        if name is None:
            return False
        if name == "localhost" or name in self.names or name == self.host:
            return True
        if _address(name) is None:
            return False
        return not is_loopback(self.host) or is_loopback(name)

    def admits(self, token: str | None, session: str | None = None) -> bool:
        """Whether the token, or the session that followed it, is the one asked for."""
        if self.token is None:
            return True
        pairs = ((token, self.token), (session, self.session))
        return any(
            o is not None and hmac.compare_digest(o.encode(), wanted.encode())
            for o, wanted in pairs
        )


def door_for(host: str, port: int, token: str | None, names: tuple[str, ...] = ()) -> Door:
    """A door that is open to this machine, or to those who know the token.

    Raises
    ------
    InputError
        If it would be open to others without a token, the token is short, or a name is none.
    """
    wrong = [n for n in names if not _NAME.fullmatch(n)]
    if wrong:
        raise InputError(Mistake("not a name of a server", "--name", value=", ".join(wrong),
                                 allowed="such as room.example.com, without port"))  # fmt: skip
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii()):
        raise InputError(Mistake(
            "token too short", "--token", value="*" * len(token),
            allowed=f"{SHORTEST_TOKEN} or more characters of ASCII",
            mend=f"Such as {secrets.token_urlsafe(24)}",
        ))  # fmt: skip
    if token is None and (names or not is_loopback(host)):
        raise InputError(Mistake(
            "other machines could ask without a token", "--name" if names else "--host",
            value=", ".join(names) or host,
            allowed="127.0.0.1, ::1 or localhost; any other address or name with --token",
            mend=f"Add --token, such as {secrets.token_urlsafe(24)}",
        ))  # fmt: skip
    own = () if is_loopback(host) else (socket.gethostname(),)
    return Door(host, port, token, tuple(n.lower() for n in (*names, *own)))


def is_loopback(host: str) -> bool:
    """Whether an address or name stays on this machine."""
    found = _address(host)
    return host == "localhost" if found is None else found.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _host_of(authority: str) -> str | None:
    try:
        parts = urlsplit(f"//{authority}")
        return None if parts.username or parts.path or not parts.hostname else parts.hostname
    except ValueError:
        return None


class Guard:
    """Stands before the whole application, WebSocket included.

    It refuses hosts it does not go by (400), origins that are not its own on anything that is
    not a mere reading and on every WebSocket (403), and those without the token (401); and adds
    :data:`HEADERS` to every answer. No answer carries a CORS header: other sites read nothing.
    """

    def __init__(self, app: ASGIApp, door: Door, open_paths: frozenset[str] = frozenset()):
        self.app, self.door, self.open_paths = app, door, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope, headers)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                # nothing behind the door sets any of them
                message["headers"] = [*message["headers"], *_RAW_HEADERS]
            await send(message)

        if refused is None:
            await self.app(scope, receive, told)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif refused[0] == 401 and scope["method"] == "GET" and wants_page(headers):
            # a person is asked for the token, a program is told
            await RedirectResponse("/enter", 303, {"cache-control": "no-store"})(
                scope, receive, told
            )
        else:
            status, mistake = refused
            made = answer(status, [mistake])
            if status == 401:
                made.headers["www-authenticate"] = 'Bearer realm="seawall"'
            await made(scope, receive, told)

    def _refused(self, scope: Scope, headers: Headers) -> tuple[int, Mistake] | None:
        authority = headers.get("host", "")
        if not self.door.knows(authority):
            return 400, Mistake("not a name of this server", "Host", value=authority[:100])
        reading = scope["type"] == "http" and scope["method"] in SAFE
        if not reading and not _own(headers, authority):
            return 403, Mistake("asked for by another site", "Origin",
                                value=headers.get("origin", "")[:100])  # fmt: skip
        if scope["path"] in self.open_paths:
            return None
        if not self.door.admits(_token(headers), _session(headers, self.door.cookie)):
            return 401, Mistake(
                "a token is needed", "Authorization", allowed="Bearer TOKEN",
                mend="In a browser open /enter",
            )  # fmt: skip
        return None


def _own(headers: Headers, authority: str) -> bool:
    """Whether a browser says that it asks for our own page; what is no browser says nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    # no page can set this, and behind a server that speaks TLS our own address is not known
    if site == "same-origin":
        return True
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == authority


def _token(headers: Headers) -> str | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def _session(headers: Headers, name: str) -> str | None:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[name].value if name in cookies else None


def wants_page(headers: Headers) -> bool:
    """Whether a browser opens a page."""
    return "text/html" in headers.get("accept", "")


def by_tls(headers: Headers) -> bool:
    """Whether a server before this one says that the browser speaks TLS to it.

    Whoever says so falsely gets a cookie that its browser sends less often, and nothing else.
    """
    return headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower() == "https"
