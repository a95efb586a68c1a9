"""Log lines of key and value, one event a line."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, TextIO

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/@+")
_LONGEST = 500


def say(logger: logging.Logger, level: int, what: str, **fields: Any) -> None:
    """Log an event with its fields."""
    if logger.isEnabledFor(level):
        logger.log(level, what, extra={"fields": fields})


class KeyValue(logging.Formatter):
    """``time=... level=... what=... key=value``, values quoted where they need it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; whatever the values hold, there is no line break in it."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        parts = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "what": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            parts["error"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_shown(value)}" for key, value in parts.items())


def start_logs(
    name: str = "seawall", stream: TextIO | None = None, level: int = logging.INFO
) -> None:
    """Send the logs of a part of Seawall to a stream, standard error if None."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(KeyValue())
    logger = logging.getLogger(name)
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _shown(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    if text and _PLAIN.issuperset(text):
        return text
    return '"' + text.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
