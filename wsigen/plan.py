"""Plans and stages: how a slide is made, and through which sizes and scales.

From coarse to fine every stage is k times larger and k times finer than the one before. Its number and the overview's
scale follow from the wanted size and micrometres per pixel.
"""

import math
from dataclasses import dataclass, replace

from wsigen.arrays import Levels
from wsigen.errors import WsigenError
from wsigen.schedule import SIGMA_MAX, SIGMA_MIN, karras_sigmas

SHIFTS = ("uniform", "low-discrepancy")
COVERS = 0.14  # noise level that hides the borders of patches half as wide of margin


@dataclass(frozen=True)
class StagePlan:
    """How the stages are run.

    Args:
        num_steps: N, steps of a guided stage.
        guided_steps: r, how many of them are guided.
        solver: "heun", "euler", "2m" or "student", which asks the model's distilled student.
        sigma_start: noise level at which a guided stage starts; below 80 it starts from the guide with
            so much noise instead of from noise alone: what lies above is settled by the guide.
        sigma_min: last noise level before 0.
        factor: k, magnification from stage to stage.
        boundary: "pad" (background and its noise beyond the edge, as in the paper) or "wrap".
        overview_steps: steps of the overview, which has no guide and always starts from noise.
        overview_solver: its solver.
        overview_strength: w; where another model draws the overviews, how far it is carried on away from what the model
            itself says, see `wsigen.guidance.Autoguided`. 0 leaves the overview to the model itself, as in the paper.
        overview_strength_sigma: lowest noise level at which it does; above, each patch costs two evaluations.
        skip_background: margin in patches: patches whose guide is background, and so far beyond, are not evaluated;
            see :mod:`wsigen.runs.background`. None evaluates all.
        first_starts: ``sigma_start`` of the first guided stages, one each; those that follow take ``sigma_start``.
        first_steps: ``num_steps`` of the first guided stages, likewise.
        guide_sigma: sigma_g, the noise level of the guide that a told network is shown; None, as in the paper, shows
            it none and leaves all to the projection.
        guide_strength: how far a told stage goes on away from what the network says untold; see `wsigen.guidance.told`.
        guide_strength_sigma: lowest noise level at which it does; above, each patch costs two evaluations.
        tone_px: side of the squares whose means a told stage keeps from its guide, 0 for none; see
            `wsigen.guidance.toned`.
        margin_px: pixels along a patch's border that the last steps look at, and leave to the patch beside it to write,
            see :meth:`margin_at`; over half of them patches of the last fade into each other, see
            :mod:`wsigen.runs.fade`.
        patch_times: side of a guided stage's patches, over that of the model's: a network that sees pixels, and not
            where they lie, can be asked for larger ones. What one costs is counted in patches of the model's.
        teacher_above: scale in um/px; with the solver "student" coarser stages are the teacher's, by the plan "told";
            0 for none. They are small, and what a slide is made of is decided there.
        rim: pixels along the overview's edge that are glass, whatever the network says, so that tissue ends before.
        shifts: "uniform", each step's grid drawn for itself, as in the paper; or "low-discrepancy", grids of steps near
            each other lie far apart.
    """

    num_steps: int = 40
    guided_steps: int = 28
    solver: str = "heun"
    sigma_start: float = SIGMA_MAX
    sigma_min: float = SIGMA_MIN
    factor: int = 2
    boundary: str = "pad"
    overview_steps: int = 40
    overview_solver: str = "heun"
    overview_strength: float = 0.0
    overview_strength_sigma: float = 0.4
    skip_background: float | None = None
    first_starts: tuple[float, ...] = ()
    first_steps: tuple[int, ...] = ()
    guide_sigma: float | None = None
    guide_strength: float = 0.0
    guide_strength_sigma: float = 0.15
    tone_px: int = 0
    margin_px: int = 0
    patch_times: int = 1
    teacher_above: float = 0.0
    rim: int = 0
    shifts: str = "uniform"

    def check(self) -> None:
        """Raise WsigenError where the plan makes no sense."""
        wrapped = self.boundary == "wrap"
        starts = f"above sigma_min, {self.sigma_min:g}, and at most {SIGMA_MAX:g}"
        rules = (
            ("num_steps", self.num_steps >= 1, "at least 1"),
            (
                "guided_steps",
                0 <= self.guided_steps <= self.num_steps,
                f"0 to num_steps, {self.num_steps}",
            ),
            ("sigma_start", self.sigma_min < self.sigma_start <= SIGMA_MAX, starts),
            (
                "first_starts",
                all(self.sigma_min < start <= SIGMA_MAX for start in self.first_starts),
                f"each {starts}",
            ),
            ("first_steps", min(self.first_steps, default=1) >= 1, "each at least 1"),
            ("factor", self.factor >= 2, "at least 2"),
            ("shifts", self.shifts in SHIFTS, " or ".join(SHIFTS)),
            (
                "guide_sigma",
                self.guide_sigma is None or 0 < self.guide_sigma < SIGMA_MAX,
                f"above 0 and below {SIGMA_MAX:g}, or None",
            ),
            ("overview_strength", self.overview_strength >= 0, "at least 0"),
            ("rim", self.rim >= 0, "at least 0"),
            ("tone_px", self.tone_px >= 0, "at least 0"),
            ("margin_px", self.margin_px >= 0, "at least 0"),
            (
                "margin_px",
                self.margin_px % max(1, self.factor) == 0,
                f"whole guide pixels, multiples of {self.factor}",
            ),
            ("margin_px", not (wrapped and self.margin_px), "0 with a wrapped boundary"),
            ("patch_times", self.patch_times >= 1, "at least 1"),
            ("patch_times", not (wrapped and self.patch_times > 1), "1 with a wrapped boundary"),
            (
                "skip_background",
                self.skip_background is None or self.skip_background >= 0,
                "at least 0, or None",
            ),
        )
        for name, kept, expected in rules:
            if not kept:
                raise WsigenError(f"{name} is {getattr(self, name)}; expected {expected}")

    def at(self, stage: int, mpp: float = 0.0) -> "StagePlan":
        """The plan of one stage, with its own start and number of steps; that of the overview, 0, magnifies by 1.

        Its scale in um/px matters where the teacher paints the coarser stages. The guide is in force down to the noise
        level at which ``guided_steps`` ends in the other stages.
        """
        plain = replace(self, first_starts=(), first_steps=())
        if stage == 0:
            return replace(
                plain,
                num_steps=self.overview_steps,
                guided_steps=0,
                solver=self.overview_solver,
                sigma_start=SIGMA_MAX,
                sigma_min=SIGMA_MIN,
                factor=1,
                skip_background=None,
                guide_sigma=None,
                guide_strength=self.overview_strength,
                guide_strength_sigma=self.overview_strength_sigma,
                margin_px=0,
                patch_times=1,
            )
        if self.solver == "student" and 0 < self.teacher_above < mpp:
            teachers = (
                "solver",
                "num_steps",
                "sigma_start",
                "sigma_min",
                "tone_px",
                "margin_px",
                "patch_times",
            )
            return replace(plain, rim=0, **{name: getattr(TOLD, name) for name in teachers})
        plain = replace(plain, rim=0)
        starts, steps = self.first_starts[stage - 1 : stage], self.first_steps[stage - 1 : stage]
        if not starts and not steps:
            return plain
        own = replace(
            plain,
            sigma_start=starts[0] if starts else self.sigma_start,
            num_steps=steps[0] if steps else self.num_steps,
        )
        if self.guided_steps in (0, self.num_steps):  # never guided, or always
            return replace(own, guided_steps=own.num_steps if self.guided_steps else 0)
        last = float(self.sigmas()[self.guided_steps - 1])
        return own.guided_down_to(last * (1 - 1e-9))

    def sigmas(self) -> Levels:
        """Noise levels of a guided stage."""
        return karras_sigmas(self.num_steps, self.sigma_min, self.sigma_start)

    def guided_down_to(self, sigma: float) -> "StagePlan":
        """The same plan with the guide in force at noise levels from ``sigma`` up.

        The form of r that survives another N or start: of the paper's 40 steps, r = 28 is ``sigma = 0.3``.
        """
        return replace(self, guided_steps=int((self.sigmas()[:-1] >= sigma).sum()))

    @property
    def evaluations(self) -> int:
        """Network evaluations a guided stage spends on each patch."""
        return sum(self.evaluations_at(i) for i in range(self.num_steps))

    def evaluations_at(self, i: int) -> int:
        """Network evaluations that step ``i`` spends on a patch."""
        return len(self.levels_at(i))

    def cost_at(self, i: int) -> int:
        """What step ``i`` spends on one of the plan's patches, in evaluations of patches of the model's side."""
        return self.evaluations_at(i) * self.patch_times**2

    def levels_at(self, i: int) -> list[float]:
        """Noise levels at which step ``i`` asks a denoiser: at both ends with Heun, twice where two are asked."""
        sigmas = self.sigmas()
        corrected = self.solver == "heun" and i + 1 < self.num_steps
        asked = [float(sigmas[i])] + ([float(sigmas[i + 1])] if corrected else [])
        overview = self.factor == 1
        twice = self.guide_strength != 0 and (overview or self.guide_sigma is not None)
        return [
            sigma
            for sigma in asked
            for _ in range(2 if twice and sigma >= self.guide_strength_sigma else 1)
        ]

    def side_px(self, patch_px: int) -> int:
        """Side of the plan's patches in pixels, where the model's have ``patch_px``."""
        return self.patch_times * patch_px

    def as_many(self, number: int) -> int:
        """How many of the plan's patches have the pixels of so many of the model's; at least one."""
        return max(1, number // self.patch_times**2)

    def margin_at(self, i: int) -> int:
        """Pixels along a patch's border that step ``i`` looks at and does not write, whole guide pixels.

        What borders a step leaves lies under the noise of the next level: where there is enough of it, patches look
        half as far.
        """
        covered = float(self.sigmas()[i + 1]) > COVERS
        return self.margin_px // 2 // self.factor * self.factor if covered else self.margin_px

    @property
    def num_canvases(self) -> int:
        """How many canvases a run holds: with "2m" also the estimate of the step before, with a margin both steps'."""
        remembered = 2 if "2m" in (self.solver, self.overview_solver) else 1
        return 2 * remembered if self.margin_px else remembered


PAPER = StagePlan()
# Chosen by textures (results/classroom/textures.json), of small-2, whose softness grew from stage to stage: there fewer
# guided steps ended nearer to real tissue. Of small-3's slides some do, and those that are too grainy do not.
FAST = StagePlan(num_steps=10, solver="euler", sigma_start=3.0, sigma_min=0.02, guided_steps=2)
# For a model that is told its guide. On a real guide a sigma_g of 0.03 is nearest to tissue
# (results/classroom/telling.json), but stages pass their softness on: with 0.15 each mends the one before.
TOLD = StagePlan(
    num_steps=6,
    guided_steps=0,
    solver="2m",
    sigma_start=1.5,
    sigma_min=0.05,
    guide_sigma=0.15,
    margin_px=4,
    rim=2,
    overview_steps=18,
    overview_strength=1.0,
)
# To see what a seed comes to in a third of the time; results/classroom/fewer_evaluations.json has its guided stages.
PREVIEW = StagePlan(
    num_steps=5,
    solver="2m",
    sigma_start=3.0,
    sigma_min=0.02,
    guided_steps=1,
    overview_steps=12,
    overview_solver="2m",
)

# For a model that has a student: two evaluations a patch. Told more noise in its guide it guesses anew what the stage
# before has drawn, and all tissue becomes alike. What is left of the second step's noise is grain in dense tissue: so
# it begins low.
STUDENT = replace(
    TOLD,
    num_steps=2,
    solver="student",
    sigma_min=0.15,
    guide_sigma=0.12,
    tone_px=16,
    margin_px=8,
    teacher_above=32.0,
    skip_background=0.0,
    patch_times=2,
)

PLANS = {"paper": PAPER, "fast": FAST, "preview": PREVIEW, "told": TOLD, "student": STUDENT}


def plan(name: str) -> StagePlan:
    """Return a named plan.

    "paper" (N = 40, r = 28, Heun, from sigma 80), "fast", "preview", "told", or "student".
    """
    if name not in PLANS:
        raise WsigenError(f"no plan {name!r}; expected one of {', '.join(PLANS)}")
    return PLANS[name]


@dataclass(frozen=True)
class Stage:
    """Stage ``index`` (0 is the overview): canvas size in pixels and micrometres per pixel."""

    index: int
    height: int
    width: int
    mpp: float


def stages(
    height: int,
    width: int,
    mpp: float,
    *,
    patch_px: int,
    mpp_max: float = math.inf,
    factor: int = 2,
    boundary: str = "pad",
) -> list[Stage]:
    """The stages that end at exactly ``height`` x ``width`` px (or just above) and exactly ``mpp``.

    The overview is the first that fits into one patch, or the coarsest the model knows. Canvases are whole
    multiples of the overview; the last one is cut to size when the slide is written.

    Raises:
        WsigenError: a size below one patch, or a scale coarser than the model knows.
    """
    if min(height, width) < patch_px:
        raise WsigenError(
            f"{width} x {height} px is too small; expected at least one patch of {patch_px} px a side"
        )
    if mpp > mpp_max * 1.001:
        raise WsigenError(
            f"{mpp:g} um/px is coarser than the model's {mpp_max:g} um/px; choose a finer --mpp"
        )
    last = 0
    while (
        max(height, width) > patch_px * factor**last
        and mpp * factor ** (last + 1) <= mpp_max * 1.001
    ):
        last += 1
    unit = patch_px if boundary == "wrap" else 1
    rows = -(-height // (factor**last * unit)) * unit
    columns = -(-width // (factor**last * unit)) * unit
    return [
        Stage(i, rows * factor**i, columns * factor**i, mpp * factor ** (last - i))
        for i in range(last + 1)
    ]
