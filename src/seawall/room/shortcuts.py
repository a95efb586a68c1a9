"""What was answered lately, found again by the very words of the question.

Reading a question (its route, its types, its defaults) costs ten times what sending a kept answer
costs. Many ask the same in the same words: of these only the first is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from seawall.room.answers import Answer

Words = tuple[str, bytes, bytes]


class Shortcuts:
    """Answers by the words of their questions, each as long as it holds.

    Parameters
    ----------
    most
        Questions remembered; the oldest make room.
    """

    def __init__(self, most: int = 512):
        self._most = most
        self._known: OrderedDict[Words, tuple[Answer, Callable[[], bool]]] = OrderedDict()

    def keep(self, scope: Scope, answer: Answer, holds: Callable[[], bool]) -> None:
        """Give this answer to everyone who asks in these words, while it ``holds``."""
        if scope["method"] == "GET" and len(scope["query_string"]) < 1000:
            self._known[_words(scope)] = (answer, holds)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def find(self, scope: Scope) -> Answer | None:
        """The answer to a question in these words, if one still holds."""
        words = _words(scope)
        found = self._known.get(words)
        if found is None:
            return None
        answer, holds = found
        if holds():
            return answer
        del self._known[words]
        return None


def _words(scope: Scope) -> Words:
    accepted = next((v for k, v in scope["headers"] if k == b"accept"), b"")
    return scope["path"], scope["query_string"], accepted


class Shortcut:
    """Stands behind the door and before the application; sends what is known."""

    def __init__(self, app: ASGIApp, shortcuts: Shortcuts):
        self.app, self.shortcuts = app, shortcuts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "http" and scope["method"] == "GET":
            answer = self.shortcuts.find(scope)
            if answer is not None:
                await answer.send(scope, send)
                return
        await self.app(scope, receive, send)
