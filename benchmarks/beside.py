"""Do the reader study and the live microscope answer without a stutter while a slide is generated beside them?

    python benchmarks/beside.py [--seconds 60] [--out benchmarks/results/beside.json]

Readers of a study look around and rate; readers of the microscope look at what is drawn already. At first alone, then
while `wsigen generate` makes a slide in a process of its own, on as many threads as it takes by default. A view is
twelve tiles, six at once as a browser asks for them, and a post: a rating, or what is waited for. For each server and
both times, over all responses as a reader has them:

    median_ms, p95_ms, worst_ms    from the request to the last byte
    stutters                       responses that took more than 200 ms
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from explore_kit import Looking, process_of
from saving import finish, parser
from study import CONNECTIONS, VIEW_TILES, Connection
from study_kit import Client, invite, server, small_study

from wsigen.models import DEFAULT_MODEL

STUTTER_S = 0.2
SEED = 7  # of the slide under the microscope


class Reader:
    """Somebody who looks at view after view of a server.

    Args:
        address: of the server.
        post: address that is told of each view.
        tiles: addresses of what may be in view.
        body: of the first post.
    """

    def __init__(self, address: str, post: str, tiles: list[str], body: dict[str, Any]) -> None:
        self.address, self.post, self.tiles, self.body = address, post, tiles, body
        self.seconds: list[float] = []

    async def look(self, until: float, pause: float, rng: random.Random) -> None:
        """Look around until it is time to go."""
        connections = [Connection(self.address) for _ in range(CONNECTIONS)]
        while time.monotonic() < until:
            await asyncio.sleep(rng.uniform(0, 2) * pause)
            view = rng.sample(self.tiles, min(VIEW_TILES, len(self.tiles)))
            await asyncio.gather(*(self.fetch(connection, view) for connection in connections))
            told = await self.timed(
                connections[0], "POST", self.post, json.dumps(self.body).encode()
            )
            if "serial" in self.body:  # a study's steps follow one another
                self.body |= {"serial": json.loads(told)["serial"], "rating": rng.randrange(101)}

    async def fetch(self, connection: Connection, view: list[str]) -> None:
        """Take tiles of a view as long as there are any."""
        while view:
            await self.timed(connection, "GET", view.pop())

    async def timed(
        self, connection: Connection, method: str, path: str, body: bytes = b""
    ) -> bytes:
        """The answer to a request, whose time is noted."""
        began = time.perf_counter()
        status, answer = await connection.request(method, path, body)
        self.seconds.append(time.perf_counter() - began)
        assert status in (200, 201), answer
        return answer


def of_study(address: str, link: str) -> Reader:
    """A reader before the first slide of a study, at its finest levels."""
    client = Client(address, link)
    client.consent()
    top = (client.width - 1).bit_length()
    tiles = [
        f"/r/{link}/tiles/{client.alias}/{level}/{column}_{row}.jpg"
        for level in (top - 1, top)
        for column in range(-(-client.width // (256 << (top - level))))
        for row in range(-(-client.height // (256 << (top - level))))
    ]
    first = {"serial": client.serial, "kind": "change", "alias": client.alias, "rating": 50}
    return Reader(address, f"/r/{link}/steps", tiles, first)


def of_microscope(address: str, number: int, tiles: list[str]) -> Reader:
    """A reader of the microscope before tiles that are drawn."""
    looking = Looking(address, number)
    places = [f"/tiles/{looking.run}/{SEED}/{tile}.jpg" for tile in tiles]
    body = {"reader": looking.name, "seed": SEED, "tiles": tiles[:VIEW_TILES]}
    return Reader(address.rstrip("/"), "/wants", places, body)


def first_tiles(looking: Looking) -> list[str]:
    """All tiles of the first stages of a slide."""
    found: list[str] = []
    for stage, mpp in enumerate(looking.mpps):
        rows, columns = (
            -(-int(side * looking.mpps[-1] / mpp + 0.999) // 256)
            for side in (looking.height, looking.width)
        )
        found += [f"{stage}/{column}_{row}" for row in range(rows) for column in range(columns)]
        if len(found) >= VIEW_TILES:
            break
    return found


@contextmanager
def generation(folder: Path) -> Iterator[None]:
    """A slide that is being made meanwhile."""
    words = "-m wsigen generate slide.tiff --width 8192 --height 8192 --overwrite --workdir work"
    environment = {name: v for name, v in os.environ.items() if name != "OMP_NUM_THREADS"}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *words.split()], cwd=folder, env=environment, stderr=said
        )
        try:
            while b"stage 1" not in (folder / "said").read_bytes():
                assert process.poll() is None, "the generation ended"
                time.sleep(0.2)
            yield
            assert process.poll() is None, "the generation ended; look for fewer seconds"
        finally:
            process.kill()
            process.wait()


async def look_around(readers: list[Reader], options: argparse.Namespace) -> None:
    """All readers at once."""
    until = time.monotonic() + options.seconds
    looks = (
        reader.look(until, options.pause, random.Random(n)) for n, reader in enumerate(readers)
    )
    await asyncio.gather(*looks)


def told(readers: list[Reader]) -> dict[str, float]:
    """The distribution of the times of all responses."""
    seconds = np.concatenate([reader.seconds for reader in readers])
    shares = {"median_ms": 50, "p95_ms": 95, "p99_ms": 99, "worst_ms": 100}
    found = {name: round(1000 * float(np.percentile(seconds, p)), 1) for name, p in shares.items()}
    return found | {"responses": len(seconds), "stutters": int((seconds > STUTTER_S).sum())}


def main() -> None:
    """Measure, print and save one JSON object."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=60, help="of each measurement")
    arguments.add_argument("--readers", type=int, default=4, help="of each server")
    arguments.add_argument("--pause", type=float, default=1.0, help="seconds between views")
    arguments.add_argument(
        "--side", type=int, default=2600, help="of the study's slides, in pixels"
    )
    options = arguments.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        study = small_study(folder, n=1, side=options.side)
        with process_of(DEFAULT_MODEL, "--seed", str(SEED), threads=2) as (scope, _):
            drawn = first_tiles(Looking(scope))
            Looking(scope).wait(*drawn, seed=SEED, form="jpg")
            for beside, running in (("nothing", nullcontext()), ("generate", generation(folder))):
                links = invite(study, *(f"{n} beside {beside}" for n in range(options.readers)))
                # Another server each time: its tiles are encoded anew.
                with server(study) as (address, _), running:
                    studying = [of_study(address, link) for link in links]
                    looking = [of_microscope(scope, n, drawn) for n in range(options.readers)]
                    asyncio.run(look_around([*studying, *looking], options))
                rows += [
                    {"server": name, "beside": beside} | told(readers)
                    for name, readers in (("study", studying), ("microscope", looking))
                ]
    finish({"rows": rows}, options)


if __name__ == "__main__":
    main()
