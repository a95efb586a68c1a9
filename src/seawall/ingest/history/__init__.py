"""Files of the past, one module a format; a file tells its own, or is told it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from seawall.core import InputError, Mistake
from seawall.core.tape import Coverage
from seawall.ingest.history import (
    binance_archive,
    bybit_archive,
    ccxt_export,
    coinglass,
    generic,
    hyperliquid_replay,
    hyperliquid_summary,
    okx_archive,
    own_export,
    tardis,
)
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, look_at
from seawall.ingest.history.table import open_table
from seawall.rulebook import Rules

__all__ = ["FORMATS", "History", "Series", "What", "read_history"]

FORMATS: dict[str, ModuleType] = {
    m.NAME: m
    for m in (
        own_export,
        hyperliquid_replay,
        hyperliquid_summary,
        binance_archive,
        bybit_archive,
        okx_archive,
        tardis,
        coinglass,
        ccxt_export,
        generic,
    )
}
"""By name, in the order in which a file is held against them."""


UNKNOWN = "no known format has these columns"
"""What is wrong with a file whose format is not told by its columns."""


def read_history(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    rules: Rules | None = None,
    venue: str = "",
    instrument: str = "",
    asset: str = "",
    columns: Mapping[str, str] | None = None,
    coverage: Coverage | None = None,
    contract_sizes: Mapping[str, float] | None = None,
    polled_sizes: Mapping[str, Mapping[str, float]] | None = None,
) -> History:
    """Read a file of the past.

    Parameters
    ----------
    path
        CSV, Parquet, JSON or JSON Lines, packed with gzip, or alone in a zip.
    format
        Name of a format; told by the file's columns if None.
    venue, instrument, asset
        For files that name none.
    columns
        Our name of a column to the file's: the file is then single liquidations of the generic
        format.
    coverage
        How much of what happened the file's source shows; the rulebook's feed says if None.
    contract_sizes, polled_sizes
        Base units (linear) or USD (inverse) a contract, for venues that count contracts: by
        instrument in small letters, the empty name for all; by rulebook and instrument, as
        venues themselves told them. The former goes before the latter, both before rulebooks.

    Raises
    ------
    InputError
        If it is not there, of no known format, or holds mistakes: all of them at once.
    """
    source = Path(os.fspath(path))
    if source.is_dir():
        raise InputError(
            Mistake("is a folder, not a file", str(source), mend="Import its files one by one")
        )
    if not source.is_file():
        raise InputError(Mistake("no such file", str(source)))
    how = How(rules or Rules.bundled(), venue, instrument, asset, columns or {}, coverage,
              contract_sizes or {}, polled_sizes or {})  # fmt: skip
    module = _named(format) if format else (generic if columns else _sniffed(source))
    if hasattr(module, "read_path"):
        found: History = module.read_path(source, how)
        return found
    with open_table(source) as table:
        if not table.rows:
            raise InputError(Mistake("0 rows", str(source), allowed="at least one"))
        read: History = module.read(table, how)
        return read


def _named(name: str) -> ModuleType:
    if name not in FORMATS:
        raise InputError(
            Mistake("no such format", column="format", value=name, allowed=", ".join(FORMATS))
        )
    return FORMATS[name]


def _sniffed(path: Path) -> ModuleType:
    look = look_at(path)
    for module in FORMATS.values():
        if module.recognises(look):
            return module
    raise InputError(
        Mistake(
            UNKNOWN,
            str(path),
            value=", ".join(sorted(look.keys)[:12]),
            allowed=", ".join(FORMATS),
            mend="Name a format, or say which column is which",
        )
    )
