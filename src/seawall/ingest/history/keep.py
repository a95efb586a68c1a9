"""Series of the past beside the tape of a store: a Parquet file each, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from seawall.ingest.duck import connect
from seawall.ingest.history.found import History
from seawall.ingest.series import FOLDER
from seawall.ingest.store.disk import make_folder, sync_folder


def keep_series(found: History, store: Path) -> Path:
    """Write a file's series under ``series/<what>/`` of a store; the same series is one file.

    Columns: ``time`` (UTC ns), names as text, figures as doubles, null where unknown.
    """
    series = found.series
    assert series is not None
    sha = hashlib.sha256(series.time.tobytes())
    columns: dict[str, np.ndarray] = {"time": series.time}
    for name, labels in series.names.items():
        words = np.array([*labels.names, None], dtype=object)
        columns[name] = words[labels.codes]
        sha.update(f"{name}{labels.names}".encode() + labels.codes.tobytes())
    for name, values in series.values.items():
        columns[name] = values
        sha.update(name.encode() + values.tobytes())
    folder = store / FOLDER / found.what.value.replace(" ", "_")
    make_folder(folder)
    stem = Path(found.source).name.partition(".")[0][:80]
    target = folder / f"{stem}-{sha.hexdigest()[:12]}.parquet"
    draft = target.with_suffix(f".{os.getpid()}.part")
    connection = connect()
    try:
        connection.register("given", columns)
        chosen = ", ".join(
            f'CASE WHEN isnan("{c}") THEN NULL ELSE "{c}" END AS "{c}"'
            if c in series.values
            else f'"{c}"'
            for c in columns
        )
        escaped = str(draft).replace("'", "''")
        connection.execute(
            f"COPY (SELECT {chosen} FROM given) TO '{escaped}' (FORMAT parquet, COMPRESSION zstd)"
        )
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
        sync_folder(folder)
    finally:
        connection.close()
        draft.unlink(missing_ok=True)
    return target
