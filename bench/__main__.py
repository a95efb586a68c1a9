"""``python -m bench``: all benches, or those named."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

with suppress(ImportError):
    # its library needs thread-local space that is gone once others have loaded theirs
    import lrvx  # noqa: F401

from bench import (
    cascades,
    margins,
    orders,
    room,
    room_slider,
    simulation,
    start,
    tape_coverage,
    tape_decoders,
    tape_figures,
    tape_misbehaving,
    tape_store,
    tape_wire,
    watching,
)
from bench.clock import machine

BENCHES = {
    "price": margins.price,
    "state": margins.state,
    "remark": margins.remark,
    "cascade": cascades.cascade,
    "ladder": cascades.ladder,
    "shock": cascades.shock,
    "orders": orders.orders,
    "simulate": simulation.simulate,
    "batch": simulation.batch,
    "start": start.start,
    "store": tape_store.tape_store,
    "figures": tape_figures.tape_figures,
    "coverage": tape_coverage.tape_coverage,
    "wire": tape_wire.wire,
    "watch": watching.watch,
    "slider": room_slider.slider,
    "room": room.room,
    "decoders": tape_decoders.decoders,
    "kills": tape_store.kills,
    "mutations": tape_wire.mutated,
    "misbehaving": tape_misbehaving.misbehaving,
}


def main() -> int:
    """Run the benches asked for."""
    names = "\n".join(f"  {n:8} {f.__doc__}" for n, f in BENCHES.items())
    parser = argparse.ArgumentParser(
        "bench", epilog=f"benches:\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="which; all by default", metavar="NAME")
    parser.add_argument("--full", action="store_true", help="with what takes minutes")
    parser.add_argument(
        "--events", type=int, default=0, metavar="N", help="how many `misbehaving` takes"
    )
    asked = parser.parse_args()
    unknown = [n for n in asked.names if n not in BENCHES]
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    print(machine())
    for name in asked.names or BENCHES:
        if name == "misbehaving":
            tape_misbehaving.misbehaving(asked.full, asked.events)
        else:
            BENCHES[name](asked.full)
    return 0


if __name__ == "__main__":
    sys.exit(main())
