"""Questions over REST: contracts of a venue, and events missed during a gap."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import aiohttp

from seawall.ingest.wire.adapter import Request

_LARGEST = 64 * 1024 * 1024


class UnansweredError(Exception):
    """A question that got no usable answer; says why."""


def moved(url: str, base: str) -> str:
    """An address with the scheme, host and port of another; unchanged if that is empty.

    The scheme keeps to its protocol: ``https`` becomes ``http`` where the other is ``ws``.
    """
    if not base:
        return url
    there, here = urlsplit(url), urlsplit(base)
    plain = here.scheme in ("ws", "http")
    socket = there.scheme in ("ws", "wss")
    scheme = ("ws" if plain else "wss") if socket else ("http" if plain else "https")
    path = here.path.rstrip("/") + there.path
    return urlunsplit((scheme, here.netloc, path, there.query, ""))


async def ask(
    session: aiohttp.ClientSession, request: Request, base: str = "", seconds: float = 20.0
) -> bytes:
    """The body of an answer.

    Raises
    ------
    UnansweredError
        If the venue cannot be reached, is too slow, refuses, or sends too much.
    """
    url = moved(request.url, base)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        if request.body:
            headers = {"Content-Type": "application/json"}
            asked = session.post(url, data=request.body, headers=headers, timeout=timeout)
        else:
            asked = session.get(url, params=request.params, timeout=timeout)
        async with asked as answer:
            if answer.status != 200:
                raise UnansweredError(f"{answer.status} from {url}")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > _LARGEST:
                    raise UnansweredError(f"more than {_LARGEST} bytes from {url}")
            return bytes(body)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise UnansweredError(f"{type(error).__name__} from {url}: {error}") from None
