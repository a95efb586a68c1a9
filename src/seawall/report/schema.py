"""The documented shape of each command's JSON: a file in ``schemas/`` is a schema.

``seawall.stress/1`` is described by ``schemas/stress-1.json`` (JSON Schema, draft 2020-12). A
change that breaks readers gets a new number and a new file; the old one stays.
"""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from seawall.core.errors import InputError, Mistake

PREFIX = "seawall."


def schema_names(folder: Traversable | None = None) -> tuple[str, ...]:
    """Every schema there is, such as ``seawall.stress/1``, sorted."""
    folder = _folder(folder)
    if not folder.is_dir():
        return ()
    stems = (f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json"))
    return tuple(sorted(PREFIX + "/".join(stem.rsplit("-", 1)) for stem in stems))


def schema_of(name: str, folder: Traversable | None = None) -> dict[str, Any]:
    """The JSON Schema of one kind of output.

    Parameters
    ----------
    name
        As the output's ``schema`` key gives it, ``seawall.stress/1``; ``stress/1`` will do, and
        ``stress`` is its newest version.
    folder
        Where to look; the package's own ``schemas`` unless given.

    Raises
    ------
    InputError
        If there is no such schema.
    """
    folder = _folder(folder)
    known = schema_names(folder)
    full = name if name.startswith(PREFIX) else PREFIX + name
    if "/" not in full:
        versions = [k for k in known if k.rpartition("/")[0] == full]
        full = max(versions, key=lambda k: int(k.rpartition("/")[2]), default=full)
    if full not in known:
        raise InputError(
            Mistake(
                "no such schema",
                "schema",
                value=name,
                allowed=", ".join(known) or "none is bundled",
            )
        )
    stem = full.removeprefix(PREFIX).replace("/", "-")
    document: dict[str, Any] = json.loads((folder / f"{stem}.json").read_text("utf-8"))
    return document


def _folder(folder: Traversable | None) -> Traversable:
    return files("seawall.report") / "schemas" if folder is None else folder
