"""Thirty readers at once: tile latency, and whether every acknowledged rating is kept. On loopback, stops itself.

    python benchmarks/study_load.py --readers 30 --slides 4 --cpus 0,1 [--out benchmarks/results/study_load.json]

Each reader opens a slide, then looks around: a few views of up to twelve tiles, six at once as a browser asks for them,
with pauses between, and rates. The server runs in a process of its own; --cpus binds server and readers to cores. The
phantom slides are made first, in a temporary folder.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from study_kit import Client, invite, server, small_study, steps

from wsigen.provenance import run_info

VIEW_TILES = 12  # what a screen of about 1000 x 800 px shows
CONNECTIONS = 6  # of a browser to one server


class Connection:
    """One kept HTTP connection; bare, so that the readers' own work does not count as the server's."""

    def __init__(self, address: str) -> None:
        self.host, self.port = address.removeprefix("http://").split(":")

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        if not hasattr(self, "writer"):
            self.answer, self.writer = await asyncio.open_connection(self.host, int(self.port))
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Length: {len(body)}\r\n"
        self.writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        headers = (await self.answer.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(headers.split("content-length:")[1].split()[0])
        return int(headers.split()[1]), await self.answer.readexactly(length)


async def reader(
    address: str, link: str, options: argparse.Namespace, rng: random.Random, latencies: list[float]
) -> int:
    """One reader through all slides; returns how many ratings were acknowledged."""
    connections = [Connection(address) for _ in range(CONNECTIONS)]
    acknowledged = 0

    async def step(serial: int, **values: object) -> int:
        body = json.dumps({"serial": serial, **values}).encode()
        status, answer = await connections[0].request("POST", f"/r/{link}/steps", body)
        assert status == 201, answer
        return json.loads(answer)["serial"]

    async def fetch(connection: Connection, places: list[str]) -> None:
        while places:
            start = time.perf_counter()
            status, answer = await connection.request("GET", places.pop())
            assert status == 200, answer
            latencies.append(time.perf_counter() - start)

    serial = await step(1, kind="consent")
    for _ in range(options.slides):
        await asyncio.sleep(rng.uniform(0, options.pause))
        page = (await connections[0].request("GET", f"/r/{link}"))[1].decode()
        alias = page.split('data-alias="')[1].split('"')[0]
        side = int(page.split('data-width="')[1].split('"')[0])
        top = (side - 1).bit_length()
        for _ in range(options.views):
            level = rng.randint(top - 2, top)
            across = -(-side // (256 << (top - level)))
            view = {(rng.randrange(across), rng.randrange(across)) for _ in range(VIEW_TILES)}
            places = [f"/r/{link}/tiles/{alias}/{level}/{column}_{row}.jpg" for column, row in view]
            await asyncio.gather(*(fetch(connection, places) for connection in connections))
            await asyncio.sleep(rng.uniform(0.5, 1.5) * options.pause)
        rating = rng.randrange(101)
        serial = await step(serial, kind="change", alias=alias, rating=rating)
        serial = await step(serial, kind="submit", alias=alias, rating=rating)
        acknowledged += 1
    return acknowledged


async def load(
    address: str, links: list[str], options: argparse.Namespace
) -> tuple[list[float], int]:
    latencies: list[float] = []
    readers = [
        reader(address, link, options, random.Random(i), latencies) for i, link in enumerate(links)
    ]
    return latencies, sum(await asyncio.wait_for(asyncio.gather(*readers), options.limit))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--slides", type=int, default=4, help="rated by each, practice included")
    parser.add_argument("--views", type=int, default=4, help="of each slide")
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds between views, on average"
    )
    parser.add_argument("--side", type=int, default=2600, help="of the phantom slides, in pixels")
    parser.add_argument("--limit", type=float, default=120, help="seconds after which it gives up")
    parser.add_argument("--cpus", help="such as 0,1: bind to these cores")
    parser.add_argument("--out", type=Path, help="save the figures as JSON")
    options = parser.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, {int(core) for core in options.cpus.split(",")})
    with tempfile.TemporaryDirectory() as folder:
        study = small_study(Path(folder), n=3, side=options.side)
        links = invite(study, *(f"reader {i}" for i in range(options.readers)))
        with server(study) as (address, _):
            Client(address, links[0])
            start = time.perf_counter()
            latencies, acknowledged = asyncio.run(load(address, links, options))
            seconds = time.perf_counter() - start
        kept = sum(row["kind"] == "submit" for row in steps(study))
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99]) * 1000
    rate = len(latencies) / seconds
    print(
        f"{options.readers} readers, {len(latencies)} tiles in {seconds:.1f} s ({rate:.0f} per second)"
    )
    print(f"tile latency: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    print(f"ratings acknowledged {acknowledged}, kept {kept}, lost {acknowledged - kept}")
    if options.out:
        found = {
            "readers": options.readers,
            "tiles": len(latencies),
            "tiles_per_second": round(rate, 1),
            "p50_ms": round(float(p50), 1),
            "p95_ms": round(float(p95), 1),
            "p99_ms": round(float(p99), 1),
            "acknowledged": acknowledged,
            "kept": kept,
            "run": run_info(**{k: v for k, v in vars(options).items() if k != "out"}),
        }
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    if acknowledged != kept:
        sys.exit(1)


if __name__ == "__main__":
    main()
