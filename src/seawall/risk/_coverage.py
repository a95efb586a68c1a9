"""Kernels of the coverage estimate: a hidden rate behind slots that are occupied or empty.

Time runs from one occupied slot to the next; the empty slots between them are passed over by
powers of one matrix, so that a quiet day costs what its events cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seawall._jit import inner_kernel, kernel, row_by_matrix

STATES = 36
"""Of the hidden rate."""
_NOT_THERE = 1e-24
"""Chance of a state, given the whole row, below which no path goes through it."""
_SMALL, _LARGE = 1e-30, 1e30
"""Sums of all weights beyond which they are brought back to 1; powers to a scale may raise them."""

carry = row_by_matrix(STATES, STATES)
"""``carry(here, matrix, there)``: ``there`` = ``here`` @ ``matrix``."""
tell = row_by_matrix(STATES, 4)
"""The same of the means of four values of a state."""


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
                likelihood += scales[level]
                here, there = there, here
                total = total_of(here)
                if not total > 0.0:
                    return -np.inf
                if total < _SMALL or total > _LARGE:
                    likelihood += np.log(total)
                    here *= 1.0 / total
            run = 0 if last else run >> 1
            level += 1
        if not ends:
            carry(here, ahead[short], there)
            here, there = there, here
            total = total_of(here)
            if not total > 0.0:
                return -np.inf
            if total < _SMALL or total > _LARGE:
                likelihood += np.log(total)
                here *= 1.0 / total
    return likelihood + np.log(total_of(here))


@kernel
def forward(place: Any, steps: Any, start: Any, seen: Any, rows: Any) -> None:
    """Weights of the states after each event, given the events up to it, into ``rows`` (n, J).

    ``steps[place[k]]`` carries weights over the empty slots before event k and into its own.
    """
    here = start
    for event in range(place.size):
        row = rows[event]
        carry(here, steps[place[event]], row)
        for j in range(STATES):
            row[j] *= seen[j]
        scale = 1.0 / total_of(row)
        for j in range(STATES):
            row[j] *= scale
        here = row


@kernel
def smooth(place: Any, back: Any, end: Any, seen: Any, rows: Any, values: Any, means: Any) -> None:
    """Means of what each state is worth, after each event, given the whole row of slots.

    ``back`` are the steps with rows and columns changed over; ``end`` is the chance of the empty
    slots after the last event, by its state, to a scale; ``rows`` as :func:`forward` left them;
    ``values`` (J, 4) are what a state is worth, ``means`` (n, 4) is filled.
    """
    column, spare, weight = end.copy(), np.empty(STATES), np.empty(STATES)
    for event in range(place.size - 1, -1, -1):
        row = rows[event]
        for j in range(STATES):
            weight[j] = row[j] * column[j]
        scale = 1.0 / total_of(weight)
        for j in range(STATES):
            weight[j] *= scale
            # what no path goes through needs not be carried back
            column[j] = column[j] * seen[j] if weight[j] >= _NOT_THERE else 0.0
        tell(weight, values, means[event])
        carry(column, back[place[event]], spare)
        scale = 1.0 / total_of(spare)
        for j in range(STATES):
            column[j] = spare[j] * scale


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
def mates(states: Any, rates: Any, chance: Any, out: Any) -> None:
    """Events beside the shown one in an occupied slot: a Poisson count above zero, less 1.

    ``states`` says which of ``rates`` (J,) each slot has.
    """
    none, some = np.empty(rates.size), np.empty(rates.size)
    for j in range(rates.size):
        none[j] = np.exp(-rates[j])
        some[j] = -np.expm1(-rates[j])
    for i in range(states.size):
        j = states[i]
        rate = rates[j]
        left = chance[i] * some[j]
        count, term = 1, none[j] * rate
        left -= term
        while left > 0.0 and count < 1000:
            count += 1
            term *= rate / count
            left -= term
        out[i] = count - 1


@kernel
def alike(
    first: Any,
    count: Any,
    picks: Any,
    other: Any,
    beside: Any,
    usd: Any,
    cell: Any,
    own: Any,
    events: Any,
    out: Any,
) -> None:
    """Add what is drawn beside events to cells, ``events`` and USD ``out`` (c,), and take the
    sizes' chance off.

    Events alike begin at ``first`` (n,) of ``usd`` and ``cell`` (n,), which are in order of the
    rate. Of event i, of cell ``own[i]``, ``count[i]`` stood beside it, drawn by ``picks``, one for
    each in turn, and ``beside[i]`` of the size that ``other[i]`` picks are taken off.
    """
    at = 0
    for i in range(first.size):
        events[own[i]] += count[i]
        for _ in range(count[i]):
            k = first[i] + picks[at]
            out[cell[k]] += usd[k]
            at += 1
    for i in range(first.size):
        k = first[i] + other[i]
        out[cell[k]] -= beside[i] * usd[k]
