"""A registry is a folder: every file in it brings one plug-in, named as the file is.

Besides the folders of the package, those under ``SEAWALL_PLUGINS`` are read: a folder with
``behaviours``, ``shocks``, ``levers``, ``losses``, ``venues`` or ``speeches`` in it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from seawall.core.errors import InputError, Mistake

PLUGINS = "SEAWALL_PLUGINS"

T = TypeVar("T")


def registry(package: str, base: type[T]) -> dict[str, type[T]]:
    """Name to class of every plug-in of a kind, in the order of names.

    Parameters
    ----------
    package
        Package whose files are read, such as ``seawall.sim.shocks``; the folder of plug-ins
        outside it has the package's last name.
    base
        Class that a plug-in derives from.

    Raises
    ------
    InputError
        If a file does not hold exactly one public class of that base, or cannot be imported, or
        takes a name that is already there.
    """
    return {
        name: _only_class(_module(package, name, path), base, path)
        for name, path in _files(package, os.environ.get(PLUGINS, ""))
    }


def _files(package: str, plugins: str) -> list[tuple[str, str]]:
    home = importlib.import_module(package)
    folders = [Path(p) for p in home.__path__]
    folders += [Path(p) / package.rpartition(".")[2] for p in plugins.split(os.pathsep) if p]
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("[a-z]*.py")) if folder.is_dir() else []:
            if path.stem in found:
                raise InputError(
                    Mistake(
                        "two plug-ins of one name",
                        str(path),
                        value=path.stem,
                        allowed=f"a name that is not taken by {found[path.stem]}",
                    )
                )
            found[path.stem] = str(path)
    return sorted(found.items())


@cache
def _module(package: str, name: str, path: str) -> ModuleType:
    inside = importlib.import_module(package)
    full = f"{package}.{name}"
    try:
        if Path(path).parent in {Path(p) for p in inside.__path__}:
            return importlib.import_module(full)
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(
            Mistake("plug-in cannot be imported", path, value=f"{type(error).__name__}: {error}")
        ) from error
    return module


def _classes(module: ModuleType, base: type[T]) -> Iterator[type[T]]:
    for name, item in inspect.getmembers(module, inspect.isclass):
        own = item.__module__ == module.__name__
        if own and issubclass(item, base) and item is not base and not name.startswith("_"):
            yield item


def _only_class(module: ModuleType, base: type[T], path: str) -> type[T]:
    found = list(_classes(module, base))
    if len(found) != 1:
        raise InputError(
            Mistake(
                f"a plug-in file holds one public class derived from {base.__name__}",
                path,
                value=", ".join(c.__name__ for c in found) or "none",
            )
        )
    return found[0]
