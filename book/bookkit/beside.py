"""Real tissue beside generated tissue at each scale, drawn when the book is built: no picture of a real slide is kept.

Real patches come from the sample that ships (its licence is in the folder), generated ones from a saved experiment. The
folder is one for the directive ``frames``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bookkit.places import EXECUTED
from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.experiments.result import load_result
from wsigen.plots.tissue import cut, joined
from wsigen.zoom.pages import write_frames

FOLDER = EXECUTED / "beside"
SCALES, ACROSS, PATCH = (0.7, 1.5, 3.0, 6.0, 12.0), 8, 64
GAP = 4  # white pixels between patches


def real_patches(mpp: float, number: int) -> NDArray[np.uint8]:
    """Patches of the sample at one scale, (number, PATCH, PATCH, 3), upright and with tissue on most of each."""
    sources = open_sources(read_cohort("sample"))
    sampler = PatchSampler(sources, PATCH, (mpp, mpp * (1 + 1e-6)), augment=False)
    found: list[NDArray[np.uint8]] = []
    for candidate in range(100 * number):
        patch, _ = sampler.patch(candidate)
        if (patch.std(axis=-1) > 8).mean() > 0.5:  # coloured, not grey
            found.append(patch)
        if len(found) == number:
            break
    return np.stack(found)


def write(app: Any = None) -> None:
    """A picture for each scale: above real, below generated."""
    made = load_result("samples")
    frames = {}
    for mpp in SCALES:
        generated = cut(made.image(f"mpp_{mpp:g}".replace(".", "_")), PATCH)[:ACROSS]
        both = np.concatenate([real_patches(mpp, ACROSS), generated])
        frames[f"{mpp:g} µm per pixel"] = joined(both, ACROSS, GAP)
    write_frames(FOLDER, frames)


def setup(app: Any) -> None:
    """Draw them before pages are read."""
    app.connect("builder-inited", write)
