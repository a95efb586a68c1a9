"""Kernels of the coverage estimate: a hidden rate behind slots that are occupied or empty.

Time runs from one occupied slot to the next; the empty slots between them are passed over by
powers of one matrix, so that a quiet day costs what its events cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seawall._jit import inner_kernel, kernel


@inner_kernel
def carry(here: Any, matrix: Any, there: Any) -> None:
    """``there`` = ``here`` @ ``matrix``, four rows at a time so that sums stay in registers."""
    states = here.size
    there[:] = 0.0
    for block in range(states // 4):
        i = 4 * block
        a, b, c, d = here[i], here[i + 1], here[i + 2], here[i + 3]
        p, q, r, s = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
        for j in range(there.size):
            there[j] = (((there[j] + a * p[j]) + b * q[j]) + c * r[j]) + d * s[j]
    for i in range(states - states % 4, states):
        for j in range(there.size):
            there[j] += here[i] * matrix[i, j]


@inner_kernel
def total_of(values: Any) -> Any:
    """The sum, in four parts that do not wait for one another."""
    n = values.size
    a = b = c = d = 0.0
    for k in range(n // 4):
        a += values[4 * k]
        b += values[4 * k + 1]
        c += values[4 * k + 2]
        d += values[4 * k + 3]
    for k in range(n - n % 4, n):
        a += values[k]
    return (a + b) + (c + d)


@kernel
def likelihood_of(gaps: Any, tail: int, start: Any, powers: Any, scales: Any, ahead: Any) -> Any:
    """Log likelihood of a row of slots; -inf where it cannot be.

    ``gaps`` are the empty slots before each event, ``tail`` those after the last. ``powers[k]``
    carries weights over 2 ** k steps that end in an empty slot, to the scale whose log is
    ``scales[k]``; ``ahead[r]`` over r of them, a power of two in number, and into an event.
    """
    here, there = start.copy(), np.empty(start.size)
    likelihood = 0.0
    near = ahead.shape[0]
    for event in range(gaps.size + 1):
        ends = event == gaps.size
        run = tail if ends else gaps[event]
        short = 0 if ends else run % near
        run -= short
        level = 0
        while run > 0:
            last = level == powers.shape[0] - 1
            for _ in range(run if last else run & 1):
                carry(here, powers[level], there)
                total = total_of(there)
                if not total > 0.0:
                    return -np.inf
                likelihood += np.log(total) + scales[level]
                here, there = there, here
                here *= 1.0 / total
            run = 0 if last else run >> 1
            level += 1
        if not ends:
            carry(here, ahead[short], there)
            total = total_of(there)
            if not total > 0.0:
                return -np.inf
            likelihood += np.log(total)
            here, there = there, here
            here *= 1.0 / total
    return likelihood


@kernel
def forward(place: Any, steps: Any, start: Any, seen: Any, rows: Any) -> None:
    """Weights of the states after each event, given the events up to it, into ``rows`` (n, J).

    ``steps[place[k]]`` carries weights over the empty slots before event k and into its own.
    """
    states = start.size
    here = start.copy()
    for event in range(place.size):
        row = rows[event]
        carry(here, steps[place[event]], row)
        for j in range(states):
            row[j] *= seen[j]
        total = total_of(row)
        for j in range(states):
            row[j] /= total
            here[j] = row[j]


@kernel
def smooth(place: Any, back: Any, end: Any, seen: Any, rows: Any) -> None:
    """Turn the weights after each event into those given the whole row, in place.

    ``back`` are the steps with rows and columns changed over; ``end`` is the chance of the empty
    slots after the last event, by its state, to a scale.
    """
    n, states = rows.shape
    column, spare = end.copy(), np.empty(states)
    for event in range(n - 1, -1, -1):
        row = rows[event]
        for j in range(states):
            row[j] *= column[j]
        total = total_of(row)
        for j in range(states):
            row[j] /= total
            column[j] *= seen[j]
        carry(column, back[place[event]], spare)
        total = total_of(spare)
        for j in range(states):
            column[j] = spare[j] / total


@kernel
def paths(place: Any, back: Any, end: Any, rows: Any, chance: Any, out: Any) -> None:
    """Draw states of all events together; ``rows`` as :func:`forward` left them.

    ``back`` as in :func:`smooth`; ``chance`` and ``out`` have shape (draws, n); a draw goes back
    from the last event.
    """
    n, states = rows.shape
    weight = np.empty(states)
    for draw in range(out.shape[0]):
        chosen = -1
        for event in range(n - 1, -1, -1):
            row = rows[event]
            after = end if chosen < 0 else back[place[event + 1], chosen]
            for j in range(states):
                weight[j] = row[j] * after[j]
            left = chance[draw, event] * total_of(weight)
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
