"""Kernels of the coverage estimate: a hidden rate behind slots that are occupied or empty.

Time runs from one occupied slot to the next; the empty slots between them are passed over by
powers of one matrix, so that a quiet day costs what its events cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seawall._jit import kernel


@kernel
def likelihood_of(gaps: Any, tail: int, start: Any, move: Any, powers: Any, seen: Any) -> Any:
    """Log likelihood of a row of slots.

    ``gaps`` are the empty slots before each event, ``tail`` those after the last. ``powers[k]``
    carries weights over 2 ** k steps that end in an empty slot; ``seen`` is the chance of an
    occupied slot by state.
    """
    states = start.size
    here, spare = start.copy(), np.empty(states)
    likelihood = 0.0
    for event in range(gaps.size + 1):
        run = gaps[event] if event < gaps.size else tail
        level = 0
        while run > 0:
            last = level == powers.shape[0] - 1
            for _ in range(run if last else run & 1):
                spare[:] = 0.0
                for i in range(states):
                    for j in range(states):
                        spare[j] += here[i] * powers[level, i, j]
                total = spare.sum()
                likelihood += np.log(total)
                for j in range(states):
                    here[j] = spare[j] / total
            run = 0 if last else run >> 1
            level += 1
        if event == gaps.size:
            break
        spare[:] = 0.0
        for i in range(states):
            for j in range(states):
                spare[j] += here[i] * move[i, j]
        total = 0.0
        for j in range(states):
            spare[j] *= seen[j]
            total += spare[j]
        likelihood += np.log(total)
        for j in range(states):
            here[j] = spare[j] / total
    return likelihood


@kernel
def forward(place: Any, steps: Any, start: Any, seen: Any, rows: Any) -> None:
    """Weights of the states after each event, given the events up to it, into ``rows`` (n, J).

    ``steps[place[k]]`` carries weights over the empty slots before event k and into its own.
    """
    states = start.size
    here = start.copy()
    for event in range(place.size):
        step = place[event]
        for j in range(states):
            rows[event, j] = 0.0
        for i in range(states):
            for j in range(states):
                rows[event, j] += here[i] * steps[step, i, j]
        total = 0.0
        for j in range(states):
            rows[event, j] *= seen[j]
            total += rows[event, j]
        for j in range(states):
            rows[event, j] /= total
            here[j] = rows[event, j]


@kernel
def smooth(place: Any, steps: Any, end: Any, seen: Any, rows: Any) -> None:
    """Turn the weights after each event into those given the whole row, in place.

    ``end`` is the chance of the empty slots after the last event, by its state, to a scale.
    """
    n, states = rows.shape
    column, spare = end.copy(), np.empty(states)
    for event in range(n - 1, -1, -1):
        total = 0.0
        for j in range(states):
            rows[event, j] *= column[j]
            total += rows[event, j]
        for j in range(states):
            rows[event, j] /= total
            column[j] *= seen[j]
        step = place[event]
        total = 0.0
        for i in range(states):
            x = 0.0
            for j in range(states):
                x += steps[step, i, j] * column[j]
            spare[i] = x
            total += x
        for i in range(states):
            column[i] = spare[i] / total


@kernel
def paths(place: Any, steps: Any, end: Any, rows: Any, chance: Any, out: Any) -> None:
    """Draw states of all events together; ``rows`` as :func:`forward` left them.

    ``chance`` and ``out`` have shape (draws, n); a draw goes back from the last event.
    """
    n, states = rows.shape
    weight = np.empty(states)
    for draw in range(out.shape[0]):
        chosen = -1
        for event in range(n - 1, -1, -1):
            total = 0.0
            for j in range(states):
                after = end[j] if chosen < 0 else steps[place[event + 1], j, chosen]
                weight[j] = rows[event, j] * after
                total += weight[j]
            left = chance[draw, event] * total
            chosen = states - 1
            for j in range(states):
                left -= weight[j]
                if left < 0.0:
                    chosen = j
                    break
            out[draw, event] = chosen


@kernel
def mates(rates: Any, chance: Any, out: Any) -> None:
    """Events beside the shown one in an occupied slot: a Poisson count above zero, less 1."""
    for i in range(rates.size):
        rate = rates[i]
        none = np.exp(-rate)
        left = chance[i] * -np.expm1(-rate)
        count, term = 1, none * rate
        left -= term
        while left > 0.0 and count < 1000:
            count += 1
            term *= rate / count
            left -= term
        out[i] = count - 1
