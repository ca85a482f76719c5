"""The seam test on real slides, which have no seams: are its p-values uniform, and does it find a planted seam?

    python benchmarks/seam_null.py COHORT --out benchmarks/results/seam_null.json [--fields 150]

From the tissue of each slide finer than 1 um/px (of several images of one source, from all) square fields are read at
random places, so that blocks of a JPEG lie anywhere. For each source

    uniform_seam, uniform_mismatch   p-value of Kolmogorov and Smirnov's test that the p-values are uniform
    below_5_percent                  share of the p-values of the seam test up to 0.05
    found                            per grey level: share of larger fields in which steps of so much between patches,
                                     as on a chess board, have a p-value below 0.01; at 0 nothing was planted
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from saving import report
from scipy.stats import kstest

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import Source
from wsigen.metrics.seams import SeamPlanes, seam_test, tile_mismatch
from wsigen.provenance import run_info
from wsigen.seeds import generator

PERIOD, SIDE = 16, 100  # of the fields without seams: six patches, since small fields are many
PATCH, LARGE = 64, 640  # of those with planted seams: the patches of the model that ships
STEPS = (0.25, 0.5, 1.0, 2.0)  # grey levels


def fields(
    sources: list[Source], side: int, number: int, stream: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Squares of tissue at the slides' own scale, each slide in turn."""
    for n in range(number):
        source = sources[n % len(sources)]
        spot = source.spots[stream.integers(len(source.spots))] * source.mask_mpp
        top, left = (spot / source.slide.mpp).astype(int) + stream.integers(64, size=2) - side // 2
        rows, columns = source.slide.height - side, source.slide.width - side
        if not (
            0 <= top <= rows and 0 <= left <= columns
        ):  # at an edge it would lie on a JPEG's blocks
            top, left = stream.integers(rows + 1), stream.integers(columns + 1)
        yield source.slide.read(int(top), int(left), side, side, source.slide.mpp)


def planted(field: NDArray[np.uint8], step: float) -> NDArray[np.uint8]:
    """The field with steps between patches; of less than a level by rounding up in so many of the pixels."""
    row, column = (np.arange(length) // PATCH for length in field.shape[:2])
    higher = (np.add.outer(row, column) % 2 * step)[..., None]
    dither = generator(0, "dither").random(field.shape)
    return np.clip(np.floor(field + higher + dither), 0, 255).astype(np.uint8)


def main() -> None:
    """Test each source, print one JSON object and save it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--fields", type=int, default=150)
    parser.add_argument("--large", type=int, default=10, help="fields with planted seams")
    parser.add_argument("--only", help="one source, by its name in the column cohort")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    slides = defaultdict(list)
    for entry in read_cohort(arguments.cohort):
        if (entry.mpp is None or entry.mpp < 1) and arguments.only in (None, entry.cohort):
            slides[entry.cohort].append(entry)
    rows = []
    for name, entries in slides.items():
        stream = generator(arguments.seed, "fields", name)
        opened = [Source.of(entry.open(), entry.case) for entry in entries[:5]]
        sources = [s for s in opened if min(s.slide.height, s.slide.width) >= LARGE]
        if not sources:
            continue
        small = list(fields(sources, SIDE, arguments.fields, stream))
        seams = [seam_test(field, PERIOD).p_value for field in small]
        shades = [tile_mismatch(field, PERIOD).p_value for field in small]
        large = list(fields(sources, LARGE, arguments.large, stream))
        found = {
            f"{step:g}": float(
                np.mean([SeamPlanes.of(planted(f, step), PATCH).at().p_value < 0.01 for f in large])
            )
            for step in (0.0, *STEPS)
        }
        rows.append(
            {
                "source": name,
                "slides": len(sources),
                "fields": len(small),
                "uniform_seam": float(kstest(seams, "uniform").pvalue),
                "uniform_mismatch": float(kstest(shades, "uniform").pvalue),
                "below_5_percent": float(np.mean(np.array(seams) <= 0.05)),
                "large": len(large),
                "found": found,
            }
        )
        print(rows[-1], flush=True)
    stated = {**vars(arguments), "cohort": arguments.cohort.name, "out": None}
    result = {
        "what": "the seam test on slides without seams; see benchmarks/seam_null.py",
        "rows": rows,
        "run": run_info(**stated),
    }
    report(result, arguments.out)


if __name__ == "__main__":
    main()
