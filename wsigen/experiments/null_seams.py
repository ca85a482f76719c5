"""The seam test on real slides, which have no seams: are its p-values uniform, and does it find a planted seam?

No figure of the paper: it says what the verdicts on seams rest on. From the tissue of each slide finer than ``finest``
(of several images of one source, from all) square fields are read at random places, so that blocks of a JPEG lie
anywhere. For each source

    uniform_seam, uniform_mismatch   p-value of Kolmogorov and Smirnov's test that the p-values are uniform
    below_5_percent                  share of the p-values of the seam test up to 0.05
    found                            per grey level: share of larger fields in which steps of so much between patches,
                                     as on a chess board, have a p-value below 0.01; at 0 nothing was planted
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstest

from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.metrics.seams import SeamPlanes, seam_test, tile_mismatch
from wsigen.seeds import generator

SLIDES = 5  # of a source at most


@dataclass(frozen=True)
class Config:
    """What is read and planted.

    Args:
        sources: names in the column cohort.
        finest: micrometres per pixel below which a slide is fine enough; of others blocks of a JPEG may show.
        fields, period, side: fields without seams, the period they are tested for and their side, in pixels: small, so
            that there are many.
        large, patch, large_side: fields with planted seams, their period and side.
        steps: heights of planted steps, in grey levels; those of less than one are dithered.
    """

    sources: tuple[str, ...] = (
        "HER2ST",
        "BCSS (TCGA-BRCA)",
        "BreCaHAD",
        "OpenSlide test data",
    )
    finest: float = 1.0
    fields: int = 300
    period: int = 16
    side: int = 100
    large: int = 10
    patch: int = 64
    large_side: int = 640
    steps: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)


PROFILES = {
    "smoke": Config(("phantom",), 2.0, fields=12, large=2, patch=16, large_side=160, steps=(8.0,)),
    "classroom": Config(),
    "paper": Config(fields=5000, large=200),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One source each."""
    return [{"source": name} for name in config.sources]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Test the fields of one source, then plant seams in others."""
    stream = generator(lab.seed, "fields", cell["source"])
    sources = _sources(cell["source"], config, lab)
    small = list(fields(sources, config.side, config.fields, stream))
    seams = [seam_test(field, config.period).p_value for field in small]
    shades = [tile_mismatch(field, config.period).p_value for field in small]
    large = list(fields(sources, config.large_side, config.large, stream))
    found = {
        f"{step:g}": float(
            np.mean(
                [
                    SeamPlanes.of(planted(f, config.patch, step), config.patch).at().p_value < 0.01
                    for f in large
                ]
            )
        )
        for step in (0.0, *config.steps)
    }
    values = {
        "slides": len(sources),
        "fields": len(small),
        "uniform_seam": float(kstest(seams, "uniform").pvalue),
        "uniform_mismatch": float(kstest(shades, "uniform").pvalue),
        "below_5_percent": float(np.mean(np.array(seams) <= 0.05)),
        "large": len(large),
        "found": found,
    }
    return Row(values)


def _sources(name: str, config: Config, lab: Lab) -> list[Source]:
    chosen = [
        entry
        for entry in lab.entries
        if entry.cohort == name and (entry.mpp is None or entry.mpp < config.finest)
    ][:SLIDES]
    opened = [Source.of(entry.open(), entry.case) for entry in chosen]
    found = [s for s in opened if min(s.slide.height, s.slide.width) >= config.large_side]
    if not found:
        raise WsigenError(
            f"no slide of {name!r} is finer than {config.finest:g} um/px and {config.large_side} px a side; see the "
            "cohort's column cohort"
        )
    return found


def fields(
    sources: Sequence[Source], side: int, number: int, stream: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Squares of tissue at the slides' own scale, each slide in turn."""
    for n in range(number):
        source = sources[n % len(sources)]
        spot = source.spots[stream.integers(len(source.spots))] * source.mask_mpp
        top, left = (spot / source.slide.mpp).astype(int) + stream.integers(64, size=2) - side // 2
        rows, columns = source.slide.height - side, source.slide.width - side
        if not (0 <= top <= rows and 0 <= left <= columns):  # at an edge it would lie on blocks
            top, left = stream.integers(rows + 1), stream.integers(columns + 1)
        yield source.slide.read(int(top), int(left), side, side, source.slide.mpp)


def planted(field: NDArray[np.uint8], patch: int, step: float) -> NDArray[np.uint8]:
    """The field with steps between patches; of less than a level by rounding up in so many of the pixels."""
    row, column = (np.arange(length) // patch for length in field.shape[:2])
    higher = (np.add.outer(row, column) % 2 * step)[..., None]
    dither = generator(0, "dither").random(field.shape)
    return np.clip(np.floor(field + higher + dither), 0, 255).astype(np.uint8)
