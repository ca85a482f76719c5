"""Does the time a tile takes tell whether its slide is real? AUC of each slide's latency, cold and from the cache.

    python benchmarks/study_timing.py [--n 20] [--out benchmarks/results/study_timing.json]

The slides of both classes show the same drawn tissue and differ in all else before the study writes them anew. A reader
asks for every tile of the slide shown, in random order, goes on to the next, and ranks the slides by their median
latency; a second reader then finds all tiles in the cache. An AUC whose interval holds 0.5 tells nothing.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from saving import report
from study_kit import Client, invite, server, small_study, steps

from wsigen.provenance import run_info
from wsigen.study.analysis import auc, auc_interval
from wsigen.study.design import KEY, read_key


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


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=20, help="slides of each class")
    parser.add_argument("--side", type=int, default=700, help="of the slides, in pixels")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

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
    result = {"rows": rows, "run": run_info(n=options.n, side=options.side)}
    report(result, options.out)


if __name__ == "__main__":
    main()
