"""The memory limit: kernels that read the same columns and write the same output, no more."""

from __future__ import annotations

from seawall._jit import kernel


@kernel
def three_to_one(a, b, c, out):
    for i in range(out.size):
        out[i] = a[i] + b[i] + c[i]


@kernel
def five_to_four(a, b, c, d, e, p, q, r, s):
    for i in range(p.size):
        x = a[i] + b[i]
        y = c[i] + d[i]
        p[i] = x
        q[i] = y + e[i]
        r[i] = x + y
        s[i] = e[i]


@kernel
def positions_and_accounts(start, value, code, rest, excess, equity, needed):
    """Every column once: positions into sums, accounts into accounts."""
    mine = value[start[0] : start[start.size - 1]]
    theirs = code[start[0] : start[start.size - 1]]
    total = 0.0
    for i in range(mine.size):
        total += mine[i]
    count = 0
    for i in range(theirs.size):
        count += theirs[i]
    for a in range(rest.size):
        equity[a] = rest[a] + start[a]
        needed[a] = excess[a]
    return total + count
