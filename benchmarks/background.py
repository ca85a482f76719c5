"""Is tissue ever taken for empty glass? Real sections as guides, and what `wsigen.background` says of their places.

    python benchmarks/background.py --cohort cohort.csv [--out benchmarks/results/background.json]

Each section with empty glass is read at several scales, as if it were the guide of a stage, and cut into windows of 64
px that overlap by half: what a patch of 64 px sees of its guide with a margin of half a patch. The tissue mask of
training (`wsigen.slides.tissue`, which fills small holes) says what a window is. Windows called empty, of those that

    tissue_lost    are tissue by a quarter or more
    whole_lost     hold nothing but tissue
    edge_lost      have less tissue than a quarter, but some
    glass_found    have none; the glass of sections has dust and halos, and that of generated slides has noise, so this
                   is not what a run saves
    diluted        the same of tissue with all stain thinned to a share: optical densities times 1/2, 1/4, 1/8

Each for several rules: the side of the squares whose mean is compared, the tolerance of the mean, and of a single
pixel, in grey levels of 255. A square of 1 px is the rule without squares.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from saving import report
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from wsigen.background import PIXEL_TOLERANCE, SQUARE_PX, TOLERANCE, is_background
from wsigen.provenance import run_info
from wsigen.slides.cohort import read_cohort
from wsigen.slides.patches import Source
from wsigen.slides.tissue import BACKGROUND, whiten

WINDOW, STRIDE, BLOCK = 64, 32, 512
OWN = (SQUARE_PX, round(TOLERANCE * 127.5), round(PIXEL_TOLERANCE * 127.5))
RULES = (
    (1, 8, 8), OWN, (8, 8, 255), (8, 4, 32), (8, 6, 32), (8, 12, 32), (8, 16, 255),
    (4, 8, 32), (16, 8, 32), (16, 8, 255), (32, 8, 255),
)  # fmt: skip
DILUTIONS = (0.5, 0.25, 0.125)


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", required=True)
    parser.add_argument("--mpp", type=float, nargs="+", default=[1.4, 2.8, 5.6, 11.2, 22.4])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(scale, list(windows(arguments.cohort, scale))) for scale in arguments.mpp]
    result = {
        "window_px": WINDOW,
        "own": OWN,
        "rows": rows,
        "run": run_info(cohort=arguments.cohort, mpp=arguments.mpp),
    }
    report(result, arguments.out)


Windows = tuple[str, Tensor, Tensor]


def windows(cohort: str, mpp: float) -> Iterator[Windows]:
    """Of each section the patient, its windows (n, 3, side, side) in -1 to 1 and how much of each is tissue (n,)."""
    for entry in read_cohort(cohort):
        source = Source.of(entry.open(), entry.case)
        slide = source.slide
        height, width = (int(side * slide.mpp / mpp) for side in (slide.height, slide.width))
        if source.white is None or slide.mpp > mpp * 1.001 or min(height, width) < WINDOW:
            continue
        pixels = whiten(whole(source, height, width, mpp), source.white)
        image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1
        mask = torch.from_numpy(source.mask.astype(np.float32))
        mask = interpolate(mask[None, None], (height, width), mode="bilinear")
        yield entry.case, cut(image), avg_pool2d(mask, WINDOW, STRIDE).flatten()


def whole(source: Source, height: int, width: int, mpp: float) -> NDArray[np.uint8]:
    """A whole section at one scale, read in blocks."""
    found = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            rows, columns = min(BLOCK, height - top), min(BLOCK, width - left)
            found[top : top + rows, left : left + columns] = source.slide.read(
                top, left, rows, columns, mpp
            )
    return found


def cut(image: Tensor) -> Tensor:
    """All windows of an image, (n, 3, side, side), row by row."""
    tiles = image.unfold(1, WINDOW, STRIDE).unfold(2, WINDOW, STRIDE)
    return tiles.flatten(1, 2).transpose(0, 1)


def measure(mpp: float, sections: list[Windows]) -> dict[str, Any]:
    """The row of one scale."""
    images = torch.cat([images for _, images, _ in sections])
    shares = torch.cat([shares for _, _, shares in sections])
    kinds = {
        "tissue_lost": images[shares >= 0.25],
        "whole_lost": images[shares >= 0.999],
        "edge_lost": images[(shares > 0) & (shares < 0.25)],
        "glass_found": images[shares == 0],
    }
    rules = [
        {"square_px": rule[0], "tolerance": rule[1], "pixel_tolerance": rule[2]}
        | {name: empty(found, rule) for name, found in kinds.items()}
        for rule in RULES
    ]
    diluted = {
        str(share): {
            name: empty(thinned(kinds[name], share), OWN) for name in ("tissue_lost", "whole_lost")
        }
        for share in DILUTIONS
    }
    lost = is_background(kinds["tissue_lost"], BACKGROUND / 127.5 - 1)
    assert lost.float().mean().item() == rules[RULES.index(OWN)]["tissue_lost"]["share"]
    return {
        "mpp": mpp,
        "sections": len(sections),
        "patients": len({case for case, _, _ in sections}),
        "rules": rules,
        "diluted": diluted,
    }


def thinned(images: Tensor, share: float) -> Tensor:
    """Images with their optical densities, against the background's grey, times a share."""
    light = ((images + 1) * 127.5 / BACKGROUND).clamp(min=1 / 255)
    return light**share * (BACKGROUND / 127.5) - 1


def empty(images: Tensor, rule: tuple[int, int, int]) -> dict[str, float]:
    """How many of some windows a rule calls empty: number of windows, number called empty, and share."""
    square, tolerance, pixel = rule
    called = 0
    for batch in images.split(256):
        off = (batch + 1) * 127.5 - BACKGROUND
        means = avg_pool2d(off, square, max(square // 2, 1), ceil_mode=True).abs()
        of_means, of_pixels = (
            max_pool2d(v.amax(1), v.shape[-1]).flatten() for v in (means, off.abs())
        )
        called += int(((of_means <= tolerance) & (of_pixels <= pixel)).sum())
    return {"windows": len(images), "empty": called, "share": called / max(len(images), 1)}


if __name__ == "__main__":
    main()
