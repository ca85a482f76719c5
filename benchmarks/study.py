"""The reader study's server: thirty readers at once, and whether the time a tile takes tells what its slide is.

    python benchmarks/study.py load --readers 30 --slides 4 --cpus 0,1 [--out benchmarks/results/study_load.json]
    python benchmarks/study.py timing [--n 20] [--out benchmarks/results/study_timing.json]

load: tile latency, and whether every acknowledged rating is kept. Each reader opens a slide, then looks around: a few
views of up to twelve tiles, six at once as a browser asks for them, with pauses between, and rates. The server runs in
a process of its own; --cpus binds server and readers to cores.

timing: AUC of each slide's latency, cold and from the cache. The slides of both classes show the same drawn tissue and
differ in all else before the study writes them anew. A reader asks for every tile of the slide shown, in random order,
goes on to the next, and ranks the slides by their median latency; a second reader then finds all tiles in the cache.
An AUC whose interval holds 0.5 tells nothing.

Phantom slides are made first, in a temporary folder; all is on loopback and stops itself.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from saving import finish, parsers
from study_kit import Client, invite, server, small_study, steps

from wsigen.study.analysis import auc, auc_interval
from wsigen.study.design import KEY, read_key

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


def under_load(options: argparse.Namespace) -> dict[str, Any]:
    """Latency and ratings kept, with many readers at once."""
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
    return {
        "readers": options.readers,
        "tiles": len(latencies),
        "tiles_per_second": round(len(latencies) / seconds, 1),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "p99_ms": round(float(p99), 1),
        "acknowledged": acknowledged,
        "kept": kept,
    }


def latencies(client: Client, rng: random.Random) -> list[float]:
    """Milliseconds of every tile of the slide that a reader is shown, all levels."""
    top = (client.width - 1).bit_length()
    places = [
        f"{level}/{column}_{row}.jpg"
        for level in range(top - 3, top + 1)
        for column in range(-(-client.width // (256 << (top - level))))
        for row in range(-(-client.height // (256 << (top - level))))
    ]
    rng.shuffle(places)
    found = []
    for place in places:
        began = time.perf_counter()
        client.tile(place).raise_for_status()
        found.append(1000 * (time.perf_counter() - began))
    return found


def watch(study: Path, address: str, link: str, name: str) -> dict[str, float]:
    """The median latency of each slide, by its name."""
    client, rng, medians = Client(address, link), random.Random(name), []
    client.consent()
    while client.alias:
        medians.append(statistics.median(latencies(client, rng)))
        client.rate(50)
    shown = [row["slide"] for row in steps(study, name) if row["kind"] == "submit"]
    return dict(zip(shown, medians, strict=True))


def by_timing(options: argparse.Namespace) -> dict[str, Any]:
    """What latency tells of a slide."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        study = small_study(Path(folder), n=options.n, side=options.side)
        key = read_key(study / KEY)
        readers = ("cold", "cached")
        links = invite(study, *readers)
        with server(study) as (address, _):
            for name, link in zip(readers, links, strict=True):
                seen = watch(study, address, link, name)
                seen = {slide: ms for slide, ms in seen.items() if key[slide]["part"] == "rated"}
                synthetic = np.array([key[slide]["label"] == "synthetic" for slide in seen])
                area = float(auc(np.array([list(seen.values())]), synthetic)[0])
                interval = auc_interval(area, int((~synthetic).sum()), int(synthetic.sum()))
                rows.append(
                    {
                        "tiles": name,
                        "slides": len(seen),
                        "median_ms": round(statistics.median(seen.values()), 3),
                        "auc": round(area, 3),
                        "auc_low": round(interval.lower, 3),
                        "auc_high": round(interval.upper, 3),
                    }
                )
    return {"rows": rows}


def main() -> None:
    """Measure, print and save one JSON object."""
    words, (of_load, of_timing) = parsers(__doc__, "load", "timing")
    of_load.add_argument("--readers", type=int, default=30)
    of_load.add_argument("--slides", type=int, default=4, help="rated by each, practice included")
    of_load.add_argument("--views", type=int, default=4, help="of each slide")
    of_load.add_argument("--pause", type=float, default=1.0, help="seconds between views")
    of_load.add_argument("--limit", type=float, default=120, help="seconds until it gives up")
    of_load.add_argument("--cpus", help="such as 0,1: bind to these cores")
    of_timing.add_argument("--n", type=int, default=20, help="slides of each class")
    for each, side in ((of_load, 2600), (of_timing, 700)):
        each.add_argument("--side", type=int, default=side, help="of the slides, in pixels")
    options = words.parse_args()
    result = {"load": under_load, "timing": by_timing}[options.measure](options)
    finish(result, options)
    if result.get("acknowledged") != result.get("kept"):
        sys.exit("ratings were lost that had been acknowledged")


if __name__ == "__main__":
    main()
