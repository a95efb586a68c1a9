"""From a TOML file, and those it builds on, to one table; and what is wrong with it in words."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seawall.core import InputError, Mistake

_TAGGED = {"population"}
"""Sections of which pydantic's paths repeat the kind."""


def read_tables(path: Path, find: Callable[[str], Path]) -> dict[str, Any]:
    """The tables of a file, laid over those of the file it extends.

    Tables merge key by key, those of another ``kind`` and lists are replaced as a whole, and
    ``false`` takes a table of the base out.

    Raises
    ------
    InputError
        If a file cannot be read, extends one that is not there, or a chain of files comes back
        to itself.
    """
    return _read(path, find, ())


def key_path(parts: Iterable[str | int]) -> str:
    """How a key is written in a message: ``shocks[2].size``, counted from 1."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def mistake_of(path: Path, detail: Any, place: str = "") -> Mistake:
    """What pydantic found, as a mistake in a file."""
    parts = list(detail["loc"])
    if parts and parts[0] in _TAGGED and not place and len(parts) > 1:
        del parts[1]
    key = key_path(([place] if place else []) + parts)
    kind, received = detail["type"], detail.get("input")
    if kind == "extra_forbidden":
        return Mistake(
            "unknown key", str(path), column=key, mend="Remove it or correct its spelling."
        )
    if kind == "missing":
        return Mistake("missing key", str(path), column=key)
    shown = None if isinstance(received, dict | list) else str(received)
    if kind.startswith("union_tag"):
        shown, context = None, detail.get("ctx", {})
        key, received = f"{key}.kind", context.get("tag")
        allowed = str(context.get("expected_tags", "")).replace("'", "")
        what = "no such kind" if received else "kind is missing"
        return Mistake(what, str(path), column=key, value=received, allowed=allowed)
    words = str(detail["msg"]).removeprefix("Value error, ")
    allowed = words.removeprefix("Input should be ")
    if allowed != words:
        if key.startswith("clock.") and received is not None and _what(kind) == "out of range":
            allowed += " s"
        return Mistake(_what(kind), str(path), column=key, value=shown, allowed=allowed)
    return Mistake(words[:1].lower() + words[1:], str(path), column=key, value=shown)


def _what(kind: str) -> str:
    bounds = ("greater_than", "less_than", "finite")
    return "out of range" if kind.startswith(bounds) else "not accepted"


def _read(path: Path, find: Callable[[str], Path], behind: tuple[Path, ...]) -> dict[str, Any]:
    if path in behind:
        chain = " > ".join(p.name for p in (*behind, path))
        raise InputError(
            Mistake("a scenario extends itself", str(path), column="extends", value=chain)
        )
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(Mistake(f"not a TOML file: {error}", str(path))) from None
    except OSError as error:
        raise InputError(Mistake(f"cannot be read: {error.strerror}", str(path))) from None
    population = tables.get("population")
    if isinstance(population, dict) and isinstance(population.get("path"), str):
        # a book is named as seen from the scenario that names it
        population["path"] = str((path.parent / population["path"]).resolve())
    base = tables.pop("extends", None)
    if base is None:
        return tables
    if not isinstance(base, str):
        allowed = "the name or path of a scenario"
        raise InputError(
            Mistake("not accepted", str(path), column="extends", value=str(base), allowed=allowed)
        )
    home = _base_of(path, base, find)
    return laid_over(_read(home, find, (*behind, path)), tables)


def where_said(path: Path, find: Callable[[str], Path], key: str) -> Path:
    """The file of a chain in which a key of :func:`key_path` stands, nearest first.

    That of ``path`` where no file has it, as with a key that is missing.
    """
    parts = [p for p in key.replace("[", ".[").split(".") if p]
    here: Path | None = path
    while here is not None:
        tables = tomllib.loads(here.read_text(encoding="utf-8"))
        if _has(tables, parts):
            return here
        base = tables.get("extends")
        here = _base_of(here, base, find) if isinstance(base, str) else None
    return path


def _has(value: Any, parts: list[str]) -> bool:
    for part in parts:
        if isinstance(value, list) and part.startswith("["):
            place = int(part[1:-1]) - 1
            if place >= len(value):
                return False
            value = value[place]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False
    return True


def _base_of(path: Path, base: str, find: Callable[[str], Path]) -> Path:
    near = path.parent / base
    if near.is_file():
        return near.resolve()
    try:
        return find(base)
    except InputError as error:
        # that there is none is a mistake of the file that names it
        told = [replace(m, where=str(path), column="extends") for m in error.mistakes]
        raise InputError(told, error.total) from None


def laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables with others laid over them, key by key, as :func:`read_tables` does."""
    merged = dict(base)
    for key, value in changes.items():
        before = merged.get(key)
        if value is False and isinstance(before, dict):
            del merged[key]
        elif isinstance(value, dict) and isinstance(before, dict) and _alike(before, value):
            merged[key] = laid_over(before, value)
        else:
            merged[key] = value
    return merged


def _alike(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return "kind" not in after or before.get("kind") == after["kind"]
