"""Kernels that count closings and traders."""

from __future__ import annotations

import numpy as np

from seawall._jit import kernel

_BITS = 32
_ONE = np.uint32(1)


@kernel
def tally(closings, cell, first, holder, sums, traders):
    """USD of closings and the traders behind them, by round, asset, side and venue.

    ``closings`` holds round, position, account, USD and whether by a stop, in the order of
    rounds; ``first`` is each account's first liquidation, ``holder`` its trader. Added to zeros:

    * ``sums``: USD by round and by asset in columns of shorts and longs liquidated, shorts and
      longs stopped out; USD liquidated by round and venue; the last round of each asset;
    * ``traders`` liquidated, each once: of each round those for the first time, of each asset,
      side and venue all.
    """
    turn, position, account, usd, stop = closings
    by_round, by_asset, by_venue, last = sums
    of_round, of_asset, of_side, of_venue = traders
    assets = last.size
    # by holder: the last round counted, then a bit for each asset and side liquidated
    seen = np.zeros((holder.size, (assets + 1) // _BITS + 2), dtype=np.uint32)
    for k in range(turn.size):
        g, r = cell[position[k]], turn[k]
        a, v, side = g // 2 % assets, g // (2 * assets), g % 2
        column = side + 2 * stop[k]
        by_round[r - 1, column] += usd[k]
        by_asset[a, column] += usd[k]
        last[a] = max(last[a], r)
        if stop[k]:
            continue
        by_venue[r - 1, v] += usd[k]
        h = holder[account[k]]
        if seen[h, 0] != r and (seen[h, 0] == 0 or first[account[k]] == r):
            of_venue[v] += seen[h, 0] == 0
            of_round[r - 1] += 1
            seen[h, 0] = r
        b, bit = a // _BITS + 1, _ONE << np.uint32(a % _BITS)
        if not seen[h, b] & bit:
            seen[h, b] |= bit
            of_asset[a] += 1
        b, bit = (assets + side) // _BITS + 1, _ONE << np.uint32((assets + side) % _BITS)
        if not seen[h, b] & bit:
            seen[h, b] |= bit
            of_side[side] += 1


@kernel
def losses(turn, cut, stopped, before, rest, transfer, holder, sums, traders):
    """Sums over accounts that were liquidated, deleveraged, stopped out, and over all others.

    Columns of ``sums``: USD equity before, what the market and what the waterfall changed, and
    equity after; ``traders`` counts each once in each group.
    """
    seen = np.zeros(holder.size, dtype=np.uint8)
    for a in range(turn.size):
        g = 0 if turn[a] > 0 else 1 if cut[a] else 2 if stopped[a] else 3
        sums[g, 0] += before[a]
        sums[g, 1] += rest[a] - before[a]
        sums[g, 2] += transfer[a]
        sums[g, 3] += rest[a] + transfer[a]
        h, bit = holder[a], np.uint8(1 << g)
        if not seen[h] & bit:
            seen[h] |= bit
            traders[g] += 1
