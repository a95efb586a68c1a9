"""Named random streams."""

from __future__ import annotations

import hashlib

import numpy as np


def stream_key(seed: int, name: str) -> np.uint64:
    """Key of the stream that belongs to a name: the same seed and name, the same numbers."""
    raw = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(raw, "little"))
