"""What venues publish live, one small adapter a venue, and the connection that reads it.

An adapter knows a venue's addresses, frames and meaning, and nothing of sockets: from the bytes
of a message it makes :class:`~seawall.ingest.wire.event.WireEvent` records in the one meaning of
:class:`seawall.core.tape.Tape`. The connection knows sockets and no venue.
"""

from __future__ import annotations

from importlib.util import find_spec

from seawall.core import InputError, Mistake


def need_live(*names: str) -> None:
    """See that packages of the extra ``live`` are there, all that feeds need if none is named.

    Raises
    ------
    InputError
        Naming what is missing and how to get it.
    """
    missing = [n for n in names or ("aiohttp", "msgspec") if find_spec(n) is None]
    if missing:
        raise InputError(
            Mistake(
                f"{' and '.join(missing)} not installed",
                "live feeds",
                mend="pip install 'seawall[live]'",
            )
        )


need_live("msgspec")
