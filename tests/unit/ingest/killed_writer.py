"""Appends and rolls until it is killed; says on its output what was acknowledged.

``python killed_writer.py FOLDER N``: events are numbered from N + 1; each line that is written is
the number of the last event of an append that returned.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from made_tapes import START, made_tape
from seawall.ingest.store.writer import RollPolicy, StoreWriter


def main(folder: str, done: int) -> None:
    writer = StoreWriter(folder, RollPolicy(size=30_000, frames=40, seconds=0.05))
    drawn = made_tape(2_000, seed=done)

    def rolling() -> None:
        while True:
            writer.roll_if_due()

    threading.Thread(target=rolling, daemon=True).start()
    os.write(1, b"ready\n")
    while True:
        size = 1 + done % 37
        ids = np.arange(done + 1, done + 1 + size, dtype=np.uint64)
        # a few of the last are sent again, as after a reconnect
        ids = np.concatenate((ids[:0] + 0, np.arange(max(1, done - 3), done + 1), ids))
        times = START + ids.astype(np.int64) * 10**9
        part = drawn.take(np.arange(len(ids)))
        writer.append(replace(part, time=times, received=times, event_id=ids.astype(np.uint64)))
        done += size
        os.write(1, f"{done}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
