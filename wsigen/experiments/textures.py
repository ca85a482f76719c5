"""Which plan is fast and as good: textures of one stage on a real guide by each plan, and of whole slides.

No figure of the paper; it chose the plans of this library. Rows "stage": a square of a real slide is averaged to half
its size and magnified again by each plan.

    evaluations   of the network per patch, and seconds of the stage
    spectrum      mean |ln(power made / power real)| over radial frequencies: 0 is real texture
    guide_error   mean |A z - y| in grey levels of 255: how far the stage left its guide
    drift         mean colour made - real, in grey levels
    seam          jump across patch borders of the base grid over that across other guide pixels: 1 is no seam

One stage does not show what stages make of each other's faults. Rows "slide": whole slides by ``FAST`` with other
numbers of guided steps; ``distance`` is the spectrum's of their inner part to that of the busiest square of each
patient. Row "patients": what two patients differ by, the floor.

Comparable: plans with each other. One slide, one seed and one small model make no verdict on a solver.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import drain, generate, upscale
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.experiments.guides import averaged
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.pixels import GREY, to_images
from wsigen.plan import FAST, PAPER, StagePlan, stages
from wsigen.runs.canvas import strips
from wsigen.slides.tissue import whiten

GUIDED = (0.3, 0.7, 1.2)  # noise levels down to which the guide is in force
SHAPES: dict[str, StagePlan] = {
    "paper": PAPER,
    "heun 12": replace(PAPER, num_steps=12),
    "euler 20": replace(PAPER, num_steps=20, solver="euler"),
    "from 10, euler 12": StagePlan(12, solver="euler", sigma_start=10.0, sigma_min=0.02),
    "from 3, euler 12": StagePlan(12, solver="euler", sigma_start=3.0, sigma_min=0.02),
    "from 3, euler 8": StagePlan(8, solver="euler", sigma_start=3.0, sigma_min=0.02),
    "from 3, euler 8, to 0.002": StagePlan(8, solver="euler", sigma_start=3.0),
    "from 3, euler 5": StagePlan(5, solver="euler", sigma_start=3.0, sigma_min=0.02),
    "from 3, heun 5": StagePlan(5, solver="heun", sigma_start=3.0, sigma_min=0.02),
    "from 1.5, euler 8": StagePlan(8, solver="euler", sigma_start=1.5, sigma_min=0.02),
    "from 0.7, euler 6": StagePlan(6, solver="euler", sigma_start=0.7, sigma_min=0.02),
}
PLANS = {
    f"{name}, guided to {sigma}": plan.guided_down_to(sigma)
    for name, plan in SHAPES.items()
    for sigma in GUIDED
    if sigma <= plan.sigma_start
} | {"fast": FAST}
Pixels = NDArray[np.uint8]
SHOWN_PX = 512  # side of the pictures of slides


@dataclass(frozen=True)
class Config:
    """What is made.

    Args:
        plans: of the stages, names of ``PLANS``.
        scales: micrometres per pixel of the stages.
        case: the patient whose slide the stages are made from; by default the first.
        side: of the squares, in pixels.
        guided_steps: of the whole slides, each by ``FAST`` otherwise.
        slides: how many of each.
        slide_px, slide_mpp: side and scale of the whole slides.
        patients: whose texture they are compared with; by default the first two.
    """

    plans: tuple[str, ...] = tuple(PLANS)
    scales: tuple[float, ...] = (0.7, 2.8, 11.2)
    case: str | None = None
    side: int = 256
    guided_steps: tuple[int, ...] = (4, 3, 2)
    slides: int = 2
    slide_px: int = 1024
    slide_mpp: float = 0.7
    patients: tuple[str, ...] = ()


PROFILES = {
    "smoke": Config(("from 3, euler 5, guided to 0.7", "fast"), (2.0,), None, 64, (2,), 1, 256, 1.0),
    "classroom": Config(case="her2st-B", patients=("her2st-C", "her2st-B")),
    "paper": Config(case="her2st-B", side=2048, slides=20, slide_px=8192, patients=("her2st-C", "her2st-B")),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """Each plan at each scale, the patients, and each whole slide."""
    steps = [(r, n) for r in config.guided_steps for n in range(config.slides)]
    return [
        *({"what": "stage", "plan": p, "mpp": m} for m in config.scales for p in config.plans),
        {"what": "patients"},
        *({"what": "slide", "guided_steps": r, "seed": n} for r, n in steps),
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """One stage, one slide, or the patients."""
    if cell["what"] == "stage":
        return _stage(PLANS[cell["plan"]], cell["mpp"], config, lab)
    real = {name: _of_patient(name, config, lab) for name in _patients(config, lab)}
    if cell["what"] == "patients":
        one, other = real.values()
        return Row({"distance_of_patients": float(np.abs(one - other).mean())})
    plan, side = replace(FAST, guided_steps=cell["guided_steps"]), config.slide_px
    path = stages(side, side, config.slide_mpp, patch_px=lab.patch_px)
    image = drain(generate(lab.painter(plan, cell["seed"]), path))
    pixels = np.concatenate(list(strips(image, side, side)))
    made, step = log_power(pixels), max(1, side // SHOWN_PX)
    distance = {name: float(np.abs(made - power).mean()) for name, power in real.items()}
    picture = {f"guided_{cell['guided_steps']}_{cell['seed']}": pixels[::step, ::step]}
    return Row({"distance": distance}, picture)


def _stage(plan: StagePlan, mpp: float, config: Config, lab: Lab) -> Row:
    source = _source(config.case or lab.entries[0].case, lab)
    pixels = busiest(source, config.side, mpp)
    real = to_images(pixels)
    guide = averaged(real)
    began = time.perf_counter()
    made = upscale(lab.painter(plan), guide, 2 * mpp).cpu()
    seconds = time.perf_counter() - began
    grey, truth = (GREY * (z.double().numpy() + 1) for z in (made, real))
    ratio = radial_power(grey) / radial_power(truth)
    values = {
        "evaluations": plan.evaluations,
        "stage_seconds": seconds,
        "spectrum": float(np.abs(np.log(ratio)).mean()),
        "guide_error": (averaged(made) - guide).abs().mean().item() * GREY,
        "drift": float(grey.mean() - truth.mean()),
        "seam": seam(grey, lab.patch_px),
    }
    return Row(values)


def _patients(config: Config, lab: Lab) -> tuple[str, ...]:
    found = config.patients or tuple(dict.fromkeys(entry.case for entry in lab.entries))[:2]
    if len(found) != 2:
        raise WsigenError(f"the cohort has the case {found[0]!r} only; expected two to compare")
    return found


def _source(case: str, lab: Lab) -> Source:
    for entry in lab.entries:
        if entry.case == case:
            return Source.of(entry.open(), entry.case)
    raise WsigenError(f"the cohort has no case {case!r}; name one of its own in the config")


def _of_patient(case: str, config: Config, lab: Lab) -> NDArray[np.float64]:
    return log_power(busiest(_source(case, lab), config.slide_px, config.slide_mpp))


def radial_power(image: NDArray[np.float64], bins: int = 32) -> NDArray[np.float64]:
    """Mean power of (3, side, side) over rings of equal frequency, shape (bins - 1,)."""
    side = image.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    spectrum = np.abs(np.fft.fft2((image - image.mean((1, 2), keepdims=True)) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    ring = np.minimum((frequency / 0.5 * bins).astype(int), bins)
    power = np.bincount(ring.ravel(), spectrum.mean(0).ravel(), bins + 1)
    return np.asarray(power[1:bins] / np.bincount(ring.ravel(), minlength=bins + 1)[1:bins])


def log_power(pixels: Pixels) -> NDArray[np.float64]:
    """Mean ln power over squares, a quarter of the side each, of the inner part of a picture, shape (rings,)."""
    side = len(pixels)
    image, square = pixels.astype(np.float64).transpose(2, 0, 1), side // 4
    corners = range(square // 2, side - square, square)
    squares = [image[:, y : y + square, x : x + square] for y in corners for x in corners]
    return np.asarray(np.mean([np.log(radial_power(s)) for s in squares], axis=0))


def seam(image: NDArray[np.float64], period: int) -> float:
    """Mean jump across the lines of a lattice over the mean jump across all other borders of guide pixels."""
    jumps = [np.abs(np.diff(image, axis=axis)).mean(axis=(0, 3 - axis))[1::2] for axis in (1, 2)]
    lines = slice(period // 2 - 1, None, period // 2)
    on = np.concatenate([jump[lines] for jump in jumps])
    off = np.concatenate([np.delete(jump, lines) for jump in jumps])
    return float(on.mean() / off.mean())


def busiest(source: Source, side: int, mpp: float) -> Pixels:
    """The square at ``mpp``, of the slide's own places, with the most tissue and nothing beyond the edge."""
    span = side * mpp / source.mask_mpp
    rows, columns = (range(0, int(n - span), max(1, int(span / 4))) for n in source.mask.shape)
    size = int(span)
    top, left = max(
        ((r, c) for r in rows for c in columns),
        key=lambda place: source.mask[place[0] : place[0] + size, place[1] : place[1] + size].sum(),
    )
    zoom = source.mask_mpp / mpp
    return whiten(source.slide.read(top * zoom, left * zoom, side, side, mpp), source.white)
