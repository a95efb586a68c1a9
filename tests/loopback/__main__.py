"""``python -m loopback [VENUE ...]``: venues that tell closings now, for a first recording."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time

from loopback import SPEECHES, LoopServer, Mischief, closings


async def serve(venues: list[str], count: int, gap: float) -> None:
    start = int(time.time() * 1000)
    async with contextlib.AsyncExitStack() as stack:
        options = []
        for venue in venues:
            speech = SPEECHES[venue]
            speech.pings = 5.0
            server = LoopServer(speech, closings(count, start), Mischief(gap=gap))
            await stack.enter_async_context(server)
            options.append(f"--url {venue}={server.url}")
        shown = ",".join(venues)
        print(f"seawall tape record --venues {shown} {' '.join(options)} --store tape", flush=True)
        await asyncio.sleep(86_400)


def main() -> None:
    parser = argparse.ArgumentParser(prog="loopback")
    parser.add_argument("venues", nargs="*", default=["binance_usdm", "bybit", "okx"])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--gap", type=float, default=0.05)
    asked = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(asked.venues, asked.count, asked.gap))


if __name__ == "__main__":
    main()
