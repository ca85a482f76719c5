"""Seams where the truth is known: grid-shift and its rivals on a Gaussian field whose best denoiser has a closed form.

No figure of the paper. Whole-image sampling with Wiener's filter is exact but for the solver; each scheme differs from
it only in that a patch knows nothing of what lies outside. Three parts:

    line    one dimension, without a guide. Scheme and denoiser are linear, so the law of what is made is computed,
            not sampled: see `wsigen.seams.exact`. Schemes that draw shifts are averaged over several draws.
    steps   what the border of each single step leaves in the end.
    image   two dimensions, with and without a guide: how far each image is from the whole-image one of the same noise,
            and what the seam test of `wsigen.metrics.seams` says of it. Mask-shift starts from noise of its own: its
            distance is that of two draws.

Comparable with slides: which scheme leaves seams, and how fast they fade with N. Not comparable: their size, since a
field has no structures longer than its correlation length, and its patches are short.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from wsigen.arrays import Denoiser
from wsigen.coarse_to_fine import drain
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.guidance import AveragePool
from wsigen.metrics.seams import seam_test
from wsigen.pixels import to_pixels
from wsigen.plan import Stage, StagePlan
from wsigen.runs.canvas import Image
from wsigen.runs.painter import Painter
from wsigen.schedule import karras_sigmas
from wsigen.seams.exact import Law, border_traces, law
from wsigen.seams.gaussian_field import MEAN, STD, GaussianField
from wsigen.seams.grid_shift import GridShift, WholeImage
from wsigen.seams.rivals import RIVALS
from wsigen.seams.scheme import Ledger, Scheme, sew

WHOLE = "whole image"
SCHEMES: dict[str, Scheme] = {WHOLE: WholeImage()} | {
    name: scheme
    for name, scheme in RIVALS.items()
    if name != "SpotDiffusion"  # grid-shift, here
}
CROP = 128


@dataclass(frozen=True)
class Config:
    """Sizes of field and patches.

    Args:
        schemes: names, see `wsigen.seams.rivals`; and "whole image".
        length, line_patch_px, num_steps: of the line, N of Heun's solver.
        other_steps: further N for grid-shift.
        shifts: draws of the shifts to average over.
        trace_draws: the same for what the border of each step leaves.
        side, patch_px: of the images.
        image_steps: N of the images; seven tenths of them are guided, where they are.
        draws: images of each scheme.
        length_px: correlation length.
    """

    schemes: tuple[str, ...] = tuple(SCHEMES)
    length: int = 128
    line_patch_px: int = 32
    num_steps: int = 40
    other_steps: tuple[int, ...] = (5, 10, 20, 80, 160)
    shifts: int = 8
    trace_draws: int = 40
    side: int = 144
    patch_px: int = 24
    image_steps: int = 15
    draws: int = 2
    length_px: float = 3.5


PROFILES = {
    "smoke": Config(
        schemes=tuple(name for name in SCHEMES if not name.endswith("1/4")),
        length=64,
        line_patch_px=16,
        num_steps=20,
        other_steps=(10, 40),
        shifts=2,
        trace_draws=16,
        side=64,
        patch_px=16,
        image_steps=5,
        draws=1,
    ),
    "classroom": Config(),
    "paper": Config(
        length=512,
        line_patch_px=64,
        shifts=100,
        trace_draws=200,
        side=512,
        patch_px=32,
        image_steps=40,
        draws=20,
    ),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """Lines of each scheme, grid-shift at other N, and images without and with a guide."""
    lines = [
        {"part": "line", "scheme": name, "num_steps": config.num_steps} for name in config.schemes
    ]
    more = [{"part": "line", "scheme": "grid-shift", "num_steps": n} for n in config.other_steps]
    traces = {"part": "steps", "scheme": "grid-shift", "num_steps": config.num_steps}
    return [*lines, *more, traces] + [
        {"part": "image", "scheme": name, "guided": guided}
        for guided in (False, True)
        for name in config.schemes
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """One scheme."""
    scheme = SCHEMES[cell["scheme"]]
    if cell["part"] == "line":
        return _line(scheme, cell["num_steps"], config, lab)
    if cell["part"] == "steps":
        size = {"length": 3 * config.line_patch_px, "patch_px": config.line_patch_px}
        traces = border_traces(
            **size,
            num_steps=config.num_steps,
            length_px=config.length_px,
            draws=config.trace_draws,
        )
        sigmas = karras_sigmas(config.num_steps).tolist()[:-1]
        return Row({"sigmas": sigmas, "traces": traces.round(4).tolist()})
    return _image(scheme, cell, config, lab)


def _line(scheme: Scheme, num_steps: int, config: Config, lab: Lab) -> Row:
    shifts = config.shifts if isinstance(scheme, GridShift) else 1
    laws = [
        law(
            scheme,
            length=config.length,
            patch_px=config.line_patch_px,
            num_steps=num_steps,
            length_px=config.length_px,
            whole_image=isinstance(scheme, WholeImage),
            seed=lab.seed + shift,
        )
        for shift in range(shifts)
    ]
    distances = [one.distance for one in laws]
    places = np.arange(1, config.length)
    at_grid = places % config.line_patch_px == 0

    def mean(part: Any) -> float:
        return float(np.mean([part(one) for one in laws]))

    def jumps(one: Law, where: Any) -> float:
        return float(one.jump[where].mean())

    return Row(
        {
            "distance": float(np.mean(distances)),
            "distance_low": min(distances),
            "distance_high": max(distances),
            "jump_at_grid": mean(partial(jumps, where=at_grid)),
            "jump_elsewhere": mean(partial(jumps, where=~at_grid)),
            "jump_largest": mean(lambda one: one.jump.max()),
            "variance": mean(lambda one: one.variance.mean()),
            "jump": laws[0].jump.round(4).tolist(),
        }
    )


def _image(scheme: Scheme, cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    field = _field(config)
    whole, patch = (
        field.whole_denoiser(),
        field.patch_denoiser(config.patch_px, config.patch_px),
    )
    errors, tests, pictures = [], [], {}
    ledger = Ledger(0, 0)
    for draw in range(config.draws):
        guide = _guide(field, lab, draw) if cell["guided"] else None
        own = whole if isinstance(scheme, WholeImage) else patch
        image, ledger = _made(scheme, own, guide, config, lab.seed + draw)
        reference, _ = _made(WholeImage(), whole, guide, config, lab.seed + draw)
        spread = field.draw(lab.seed, "field", draw).var(dim=(1, 2), correction=0).sum()
        errors.append(float(((image - reference) ** 2).mean(dim=(1, 2)).sum() / spread))
        pixels = to_pixels(image[None])[0]
        align = 2 if cell["guided"] else 1
        tests.append(seam_test(pixels, config.patch_px, align=align))
        if draw == 0:
            name = f"{cell['scheme']}{' guided' if cell['guided'] else ''}".replace(" ", "_")
            pictures[name.replace("/", "_")] = pixels[:CROP, :CROP]
    patches = (config.side // config.patch_px) ** 2
    return Row(
        {
            "from_whole": float(np.mean(errors)),
            "seam_effect": float(np.mean([test.effect for test in tests])),
            "seam_p_values": [test.p_value for test in tests],
            "seam_grey": float(np.mean([test.grey for test in tests])),
            "evaluations_per_patch": ledger.evaluations / patches,
            "chain": ledger.chain,
        },
        pictures,
    )


def _field(config: Config) -> GaussianField:
    """Colours of H&E at less contrast, so that next to no pixel is clipped."""
    faint = (0.4 * STD[0], 0.4 * STD[1], 0.4 * STD[2])
    return GaussianField(config.side, config.side, config.length_px, std=faint, mean=MEAN)


def _guide(field: GaussianField, lab: Lab, draw: int) -> Image:
    """The field that is to be found again, at half its size."""
    return AveragePool(2)(field.draw(lab.seed, "field", draw)[None])[0]


def _made(
    scheme: Scheme, denoiser: Denoiser, guide: Image | None, config: Config, seed: int
) -> tuple[Image, Ledger]:
    steps = config.image_steps
    plan = replace(
        StagePlan(),
        num_steps=steps,
        guided_steps=round(0.7 * steps),
        overview_steps=steps,
        boundary="wrap",
    )
    painter = Painter(denoiser, plan, config.patch_px, seed)
    return drain(sew(scheme, painter, Stage(1, config.side, config.side, 1.4), guide))
