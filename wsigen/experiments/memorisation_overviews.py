"""Are generated overviews copies? As `wsigen.experiments.memorisation`, where a whole slide fits into a patch.

At 100 to 800 um/px a slide lies on its glass in one patch, at any place and turned by any angle, and few slides stand
behind each scale: there a model learns by heart first. So the training patches, among which the nearest is looked for,
are drawn as training draws them (`wsigen.experiments.as_trained`), and so are the held-out ones. Generated patches are
drawn from noise as the overviews of slides are, each at the scale of a held-out one. A patch of glass lies near others
of glass: ``empty`` counts them.
"""

from typing import Any

import numpy as np

from wsigen.experiments.lab import Lab
from wsigen.experiments.memorisation import Config as Config
from wsigen.experiments.memorisation import cells as cells
from wsigen.experiments.memorisation import compared
from wsigen.experiments.result import Pixels, Row, sheet
from wsigen.pixels import to_pixels
from wsigen.schedule import SIGMA_MIN
from wsigen.slides.tissue import tissue_share

EMPTY = 0.05  # a patch with less tissue is glass
AGAIN = (
    1 << 22
)  # number of the patch from which on training draws the other patches of the same slides


PROFILES = {
    "smoke": Config(samples=16, reference=48, scales=(25.0, 50.0), num_steps=6),
    "classroom": Config(samples=40, scales=(100.0, 200.0, 400.0, 800.0)),
    "paper": Config(10_000, 100_000, (50.0, 100.0, 200.0, 400.0, 800.0), 40, "heun", SIGMA_MIN),
}


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Distances to the training patches at one scale."""
    mpp, finest = cell["mpp"], min(config.scales)
    train, held_out = (lab.as_trained(split, finest) for split in ("train", lab.held_out))
    if mpp > lab.denoiser.info.mpp_max * 1.001:
        return Row({"samples": 0, "note": "the model does not know this scale"})
    for name, side in (("train", train), (lab.held_out, held_out)):
        if not side.shows(mpp):
            return Row({"samples": 0, "note": f"no slide of the split {name} shows this scale"})
    held, scales, cases = held_out.draw(config.samples, mpp)
    made = lab.generated_patches(
        config.samples,
        scales.clip(max=lab.denoiser.info.mpp_max),
        num_steps=config.num_steps,
        solver=config.solver,
        sigma_min=config.sigma_min,
        stream="memorisation",
        overviews=True,
    )
    reference, _, known = train.draw(config.reference, mpp)
    own, _, _ = train.draw(config.samples, mpp, AGAIN)
    new = to_pixels(held)
    counts = {
        "samples": config.samples,
        "reference": config.reference,
        "train_patients": len(np.unique(known)),
        "held_out_patients": len(np.unique(cases)),
        "empty": glass(made),
        "empty_held_out": glass(new),
    }
    return Row(
        counts | compared(made, to_pixels(reference), new, to_pixels(own), lab),
        {f"overviews_{mpp:g}": sheet(made, min(8, config.samples))[: 2 * lab.patch_px]},
    )


def glass(patches: Pixels) -> int:
    """How many of the patches show hardly any tissue."""
    return sum(tissue_share(patch) < EMPTY for patch in patches)
