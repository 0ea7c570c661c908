"""bench: how many pipelined calls a second one asyncio client makes, on one core.

    python bench.py [--peeperd build/bin/peeperd] [--address HOST:PORT] [--calls 200000] [--in-flight 64,1024]

Calls `inc` of a counter, in batches of so many at once, and prints calls/s, the client's own CPU time per call, and
how busy its core was. Without --address it starts a server of its own.
"""
from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import peeper

ROUNDS = 5


@contextlib.contextmanager
def server(peeperd: Path) -> Iterator[str]:
    """The address of a new server."""
    process = subprocess.Popen(
        [peeperd, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log", "error",
         "--behaviours", peeperd.parent.parent / "behaviours"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        yield process.stdout.readline().split()[1].removeprefix("tcp=")
    process.terminate()
    process.wait()


async def measure(address: str, calls: int, in_flight: int) -> tuple[float, float, float]:
    """Calls a second, microseconds of this process's CPU per call, and the part of a core that it used."""
    async with peeper.Client(address, requests_max=in_flight) as client:
        name = f"bench-{in_flight}"
        with contextlib.suppress(peeper.AlreadyStarted):
            await client.start(name, "counter")
        batches = max(1, calls // in_flight)
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(batches):
            await asyncio.gather(*[client.call(name, "inc") for _ in range(in_flight)])
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return batches * in_flight / wall, cpu / (batches * in_flight) * 1e6, cpu / wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent.parent
    parser.add_argument("--peeperd", type=Path, default=root / "build" / "bin" / "peeperd")
    parser.add_argument("--address")
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--in-flight", default="64,1024")
    options = parser.parse_args()
    with contextlib.nullcontext(options.address) if options.address else server(options.peeperd) as address:
        for in_flight in map(int, options.in_flight.split(",")):
            rounds = sorted(asyncio.run(measure(address, options.calls // ROUNDS, in_flight)) for _ in range(ROUNDS))
            rate, cpu_us, busy = rounds[ROUNDS // 2]
            print(f"in flight {in_flight:5}: {rate:8.0f} calls/s (median of {ROUNDS}, best {rounds[-1][0]:.0f}), "
                  f"{cpu_us:.1f} us of CPU per call, core {busy:.0%} busy")


if __name__ == "__main__":
    main()
