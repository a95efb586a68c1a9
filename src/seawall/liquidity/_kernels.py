"""The impact law as a kernel: the one place where the formula stands."""

from __future__ import annotations

import math

from seawall._jit import inner_kernel

ONE_PERCENT = 0.01
"""Distance from mid within which depth is measured, and so the move one depth's worth makes."""

LARGEST_LOG_MOVE = math.log(1e6)
"""Beyond a millionfold the law has left its range: a move is held there, and reports say so."""


@inner_kernel
def log_move(flow, depth, exponent):
    """Change of the log price by net forced buying ``flow``; 0 where nothing is forced.

    ``sign(flow) * 0.01 * (|flow| / depth) ** exponent``, ``flow`` and ``depth`` in USD; an
    infinite depth does not move. No move exceeds :data:`LARGEST_LOG_MOVE`.
    """
    if flow == 0.0:
        return 0.0
    size = min(ONE_PERCENT * (abs(flow) / depth) ** exponent, LARGEST_LOG_MOVE)
    return size if flow > 0.0 else -size
