"""The one door to numba.

A kernel is compiled once a machine: the cache folder's name is a hash of all kernel sources, as
numba alone does not notice an edit in a file that a kernel calls into. Installations of the same
sources share it, wherever they stand. Nothing is shared with the cache of other packages in the
process.

Kernels release the interpreter lock, so that :func:`in_chunks` spreads independent rows over
plain threads: no threading layer of numba's is needed, and none can clash with ``fork``.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.core import caching, cgutils
from numba.core import config as numba_config
from numba.extending import intrinsic

__all__ = [
    "fetch_row",
    "fresh_cache",
    "hook",
    "in_chunks",
    "in_order",
    "inner_kernel",
    "kernel",
    "row_by_matrix",
    "share_out",
    "workers",
]

_CHUNK_ROWS = 65_536
Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _cache_folder() -> str:
    sha = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(Path(__file__).parent.rglob("_[a-z]*.py")):
        sha.update(path.read_bytes())
    chosen = os.environ.get("SEAWALL_CACHE") or os.environ.get("XDG_CACHE_HOME")
    name = Path("seawall") / "kernels" / sha.hexdigest()[:16]
    for base in (Path(chosen) if chosen else Path.home() / ".cache", Path(tempfile.gettempdir())):
        try:
            (base / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(base / name, os.W_OK):
            return str(base / name)
    return str(Path(tempfile.mkdtemp(prefix="seawall-")))


_SETTING = threading.RLock()
_Locator: Any = getattr(caching, "UserProvidedCacheLocator", None) or object


class KernelLocator(_Locator):  # type: ignore[misc]
    """Where numba keeps what it compiled of one function, below the cache folder."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """Folder of a source file: by its place in the package, not by that of the package.

        Numba's own is of the absolute path, so that a second environment would compile all anew.
        Kernels that are not Seawall's, as a plug-in's, keep numba's.
        """
        try:
            inside = Path(py_file).resolve().relative_to(Path(__file__).resolve().parent)
        except ValueError:
            return cast(str, super().get_suitable_cache_subpath(py_file))
        return "_".join(("seawall", *inside.parent.parts))


@contextmanager
def _own_cache() -> Iterator[None]:
    """While it is open, what numba compiles is kept in the cache folder of these kernels.

    One thread at a time: a server's threads import kernels side by side, and would put back what
    another had set.
    """
    fresh_cache()
    config: Any = numba_config
    with _SETTING:
        chosen = {"CACHE_DIR": _cache_folder()}
        if _Locator is not object and hasattr(config, "CACHE_LOCATOR_CLASSES"):
            numbas = [kind.__name__ for kind in caching.CacheImpl._locator_classes]
            others = config.CACHE_LOCATOR_CLASSES or ",".join(numbas)
            chosen["CACHE_LOCATOR_CLASSES"] = f"{__name__}.{KernelLocator.__name__},{others}"
        before = {name: getattr(config, name) for name in chosen}
        vars(config).update(chosen)
        try:
            yield
        finally:
            vars(config).update(before)


@cache
def fresh_cache() -> bool:
    """Whether the cache folder held no kernel when first asked: they are compiled now."""
    return not any(Path(_cache_folder()).rglob("*.nbi"))


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function of plain arrays and numbers; the body stays in ``.py_func``."""
    return _compiled(function)


def inner_kernel(function: Callable[..., Any]) -> Any:
    """A kernel that only kernels call: without its way in from Python it compiles faster."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


_GRID = types.Array(types.float64, 2, "C")
_ROW = types.Array(types.float64, 1, "C")
_HOOK = types.void(_GRID, _ROW, _ROW, _ROW, types.uint64, _GRID)


def hook(function: Callable[..., None]) -> Any:
    """Compile a function that a kernel calls by its address, so that any file can bring one.

    It takes ``(markets, own, parameters, clock, key, orders)``: 2-d, 1-d, 1-d, 1-d arrays of
    float64, a uint64 and a 2-d array of float64, all contiguous, and returns nothing. Its
    ``address`` is what :func:`call_hook` takes.
    """
    with _own_cache():
        return numba.cfunc(_HOOK, cache=True, error_model="numpy")(function)


@intrinsic
def call_hook(typing, address, markets, own, parameters, clock, key, orders):  # type: ignore
    """Call a hook by its address from within a kernel; arguments as :func:`hook` has them."""
    del typing
    signature = types.none(address, *_HOOK.args)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        form = ir.FunctionType(
            context.get_value_type(types.none),
            [context.get_value_type(t) for t in signature.args[1:]],
        )
        builder.call(builder.inttoptr(args[0], form.as_pointer()), args[1:])
        return context.get_dummy_value()

    return signature, generate


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    with _own_cache():
        return numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)


def workers() -> int:
    """Threads that :func:`in_chunks` spreads over: ``SEAWALL_THREADS`` or the cores we may use."""
    asked = os.environ.get("SEAWALL_THREADS")
    if asked and asked.isdigit() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="seawall")


def in_chunks(rows: int, call: Callable[[int, int], None], threads: int | None = None) -> None:
    """Run ``call(start, stop)`` over ``rows`` independent rows on a few threads.

    The result must not depend on where the rows are cut. Small inputs run on the caller.
    """
    threads = workers() if threads is None else threads
    _spread(rows, min(threads, -(-rows // _CHUNK_ROWS)), threads, call, 8)


def share_out(jobs: int, call: Callable[[int, int], None], threads: int | None = None) -> None:
    """Run ``call(start, stop)`` over ``jobs`` independent pieces of work, each a long one."""
    threads = workers() if threads is None else threads
    _spread(jobs, min(threads, jobs), threads, call, 1)


def in_order(
    call: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with what ``call`` makes of it, in order; up to ``ahead`` of them beforehand.

    For calls that spend their time in kernels: they run on other threads while the caller goes on.
    With one thread each is made when it is asked for.
    """
    threads = workers()
    if threads == 1:
        for item in items:
            yield item, call(item)
        return
    pool, waiting = _pool(threads), deque[tuple[Item, Future[Result]]]()
    try:
        for item in items:
            waiting.append((item, pool.submit(call, item)))
            if len(waiting) > ahead:
                first, made = waiting.popleft()
                yield first, made.result()
        while waiting:
            first, made = waiting.popleft()
            yield first, made.result()
    finally:
        for _, made in waiting:
            made.cancel()


def _spread(
    rows: int, parts: int, threads: int, call: Callable[[int, int], None], multiple: int
) -> None:
    if parts <= 1:
        if rows:
            call(0, rows)
        return
    # cut rows at multiples of 8, so that no two threads write one cache line
    edges = [rows * k // parts // multiple * multiple for k in range(parts)] + [rows]
    pool = _pool(threads)
    jobs = [pool.submit(call, a, b) for a, b in pairwise(edges[1:])]
    call(edges[0], edges[1])
    for job in jobs:
        job.result()


@intrinsic
def fetch_row(typing: Any, array: Any, row: Any) -> Any:
    """In a kernel: start fetching a row's first cache line, read soon; changes nothing.

    A row that does not exist is asked for in vain: no error follows.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, codegen = signature.args[0], cast(Any, cgutils)
        view = context.make_array(kind)(context, builder, arguments[0])
        stride = codegen.unpack_tuple(builder, view.strides, kind.ndim)[0]
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.gep(builder.bitcast(view.data, byte), [builder.mul(arguments[1], stride)])
        form = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = codegen.get_or_insert_function(builder.module, form, "llvm.prefetch.p0")
        # to be written to, to be kept close, data
        builder.call(fetch, [place, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(array, types.int64), generate


def row_by_matrix(size: int, columns: int) -> Any:
    """What in a kernel multiplies a row by a matrix, its sums kept in registers all along.

    The multiplier takes ``(row, matrix, out)``: shapes (size,), (size, columns) and (columns,), all
    contiguous float64, the first with nothing negative. Where four neighbours of the row are zero
    their rows of the matrix are never read.

    Parameters
    ----------
    size, columns
        Multiples of four.
    """
    lanes, double, number = 4, ir.DoubleType(), ir.IntType(64)
    vector = ir.VectorType(double, lanes)
    unknown = ir.Constant(vector, ir.Undefined)
    to_all = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pairs = zip(signature.args, arguments, strict=True)
        row, matrix, out = (context.make_array(k)(context, builder, a).data for k, a in pairs)
        fused = cast(Any, cgutils).get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{lanes}f64"
        )

        def place(array: Any, at: int) -> Any:
            return builder.bitcast(builder.gep(array, [number(at)]), vector.as_pointer())

        sums = [ir.Constant(vector, [0.0] * lanes)] * (columns // lanes)
        for first in range(0, size, lanes):
            ones = [builder.load(builder.gep(row, [number(first + k)])) for k in range(lanes)]
            total = builder.fadd(builder.fadd(ones[0], ones[1]), builder.fadd(ones[2], ones[3]))
            # not the other way round: what is no number is not passed over
            some = builder.not_(builder.fcmp_ordered("<", total, ir.Constant(double, 1e-300)))
            before, added = builder.block, list(sums)
            inside, after = (builder.append_basic_block(name) for name in ("rows", "next"))
            builder.cbranch(some, inside, after)
            builder.position_at_end(inside)
            for k, one in enumerate(ones):
                factor = builder.insert_element(unknown, one, ir.IntType(32)(0))
                factor = builder.shuffle_vector(factor, unknown, to_all)
                for j in range(len(sums)):
                    values = builder.load(place(matrix, (first + k) * columns + lanes * j), align=8)
                    added[j] = builder.call(fused, [factor, values, added[j]])
            builder.branch(after)
            builder.position_at_end(after)
            for j, (passed_over, more) in enumerate(zip(list(sums), added, strict=True)):
                sums[j] = builder.phi(vector)
                sums[j].add_incoming(passed_over, before)
                sums[j].add_incoming(more, inside)
        for j, value in enumerate(sums):
            builder.store(value, place(out, lanes * j), align=8)
        return context.get_dummy_value()

    @intrinsic
    def multiply(typing: Any, row: Any, matrix: Any, out: Any) -> Any:
        del typing
        return types.none(row, matrix, out), generate

    return multiply
