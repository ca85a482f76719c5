"""Is tissue ever taken for empty glass? Real sections as guides, and what `wsigen.runs.background` says of them.

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
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from saving import report, save
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import Source
from wsigen.provenance import run_info
from wsigen.runs.background import PIXEL_TOLERANCE, SQUARE_PX, TOLERANCE, is_background
from wsigen.slides.tissue import BACKGROUND, whiten

WINDOW, STRIDE, BLOCK = 64, 32, 512
Rule = tuple[int, int, int]  # side of the squares, tolerance of a mean, tolerance of a pixel
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
    parser.add_argument("--mpp", type=float, nargs="+", default=[22.4, 11.2, 5.6, 2.8, 1.4])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {"window_px": WINDOW, "own": OWN, "rows": []}
    result["run"] = run_info(cohort=arguments.cohort, mpp=arguments.mpp)
    for scale in arguments.mpp:
        result["rows"].append(measure(arguments.cohort, scale))
        save(result, arguments.out)  # after each scale: a run that is stopped keeps what it has
    report(result, None)


def sections(cohort: str, mpp: float) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Of each section the patient, its windows (n, 3, side, side) in -1 to 1, and how much of each is tissue (n,)."""
    for entry in read_cohort(cohort):
        source = Source.of(entry.open(), entry.case)
        slide = source.slide
        height, width = (int(side * slide.mpp / mpp) for side in (slide.height, slide.width))
        if source.white is None or slide.mpp > mpp * 1.001 or min(height, width) < WINDOW:
            continue
        pixels = whiten(whole(source, height, width, mpp), source.white)
        mask = torch.from_numpy(source.mask.astype(np.float32))
        mask = interpolate(mask[None, None], (height, width), mode="bilinear")
        shares = avg_pool2d(mask, WINDOW, STRIDE).flatten()
        yield entry.case, cut(torch.from_numpy(pixels).permute(2, 0, 1)), shares


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


def measure(cohort: str, mpp: float) -> dict[str, Any]:
    """The row of one scale: of each kind of windows how many there are, and how many each rule calls empty."""
    cases: list[str] = []
    windows, called = Counter[str](), Counter[tuple[str, Rule, float]]()
    for case, images, shares in sections(cohort, mpp):
        cases.append(case)
        for name, chosen in kinds(shares).items():
            windows[name] += int(chosen.sum())
            for places in chosen.nonzero().flatten().split(256):
                batch = images[places].float() / 127.5 - 1
                for rule in RULES:
                    called[name, rule, 1.0] += int(empty(batch, rule).sum())
                for share in DILUTIONS:
                    called[name, OWN, share] += int(empty(thinned(batch, share), OWN).sum())
                assert is_background(batch, BACKGROUND / 127.5 - 1).equal(empty(batch, OWN))

    def counted(rule: Rule, share: float = 1.0) -> dict[str, dict[str, float]]:
        return {
            name: {
                "empty": called[name, rule, share],
                "share": called[name, rule, share] / max(windows[name], 1),
            }
            for name in windows
        }

    return {
        "mpp": mpp,
        "sections": len(cases),
        "patients": len(set(cases)),
        "windows": dict(windows),
        "rules": [
            {"square_px": rule[0], "tolerance": rule[1], "pixel_tolerance": rule[2]} | counted(rule)
            for rule in RULES
        ],
        "diluted": [{"stain": share} | counted(OWN, share) for share in DILUTIONS],
    }


def kinds(shares: Tensor) -> dict[str, Tensor]:
    """Which windows are of which kind, by how much of each is tissue."""
    return {
        "tissue_lost": shares >= 0.25,
        "whole_lost": shares >= 0.999,
        "edge_lost": (shares > 0) & (shares < 0.25),
        "glass_found": shares == 0,
    }


def thinned(images: Tensor, share: float) -> Tensor:
    """Images with their optical densities, against the background's grey, times a share."""
    light = ((images + 1) * 127.5 / BACKGROUND).clamp(min=1 / 255)
    return light**share * (BACKGROUND / 127.5) - 1


def empty(images: Tensor, rule: Rule) -> Tensor:
    """Which windows a rule calls empty, (n,)."""
    square, tolerance, pixel = rule
    off = images - (BACKGROUND / 127.5 - 1)
    means = avg_pool2d(off, square, max(square // 2, 1), ceil_mode=True)
    of_means, of_pixels = (values.abs().flatten(1).amax(1) for values in (means, off))
    return (of_means <= tolerance / 127.5) & (of_pixels <= pixel / 127.5)


if __name__ == "__main__":
    main()
