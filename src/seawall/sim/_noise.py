"""Random numbers by counter: a draw depends on its stream, its step and its place alone.

No state is carried, so that a behaviour more or a halt in one market shifts nobody else's draws,
and a run can be resumed anywhere.
"""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_PLACES = np.uint64(0xD1B54A32D192ED03)


@inner_kernel
def bits(key, counter, place):
    """64 random bits of a stream.

    Source: SplitMix64's output function over a Weyl sequence (Steele, Lea and Flood, 2014,
    "Fast splittable pseudorandom number generators").
    """
    x = np.uint64(key) + np.uint64(counter) * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    x = (x ^ (x >> np.uint64(31))) + np.uint64(place) * _PLACES
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return x ^ (x >> np.uint64(31))


@inner_kernel
def uniform(key, counter, place):
    """A number in (0, 1), never at either end."""
    return (np.float64(bits(key, counter, place) >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@inner_kernel
def normal(key, counter, place):
    """A standard normal number (Box and Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(uniform(key, counter, 2 * place)))
    return radius * math.cos(6.283185307179586 * uniform(key, counter, 2 * place + 1))
