"""What the verbs that make a slide have in common: what their options come to."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsigen.grid import Window
    from wsigen.plan import Stage, StagePlan
    from wsigen.runs.painter import Painter
    from wsigen.training.checkpoint import LoadedDenoiser
    from wsigen.zoom.overview import Overview


LARGEST_PX = 10_000_000  # a side; two metres and a half at 0.25 um/px


@dataclass(frozen=True)
class Asked:
    """A slide as asked for: what makes it, and the words that describe it in its file.

    ``overview`` is what it begins with, where that was drawn for a look; ``field`` is the window of the slide that is
    asked for, where it is not all of it. ``half`` is the precision that the overview is to be in.
    """

    denoiser: "LoadedDenoiser"
    painter: "Painter"
    path: "list[Stage]"
    width: int
    height: int
    mpp: float
    device: str
    described: dict[str, Any]
    overview: "Overview | None" = None
    field: "Window | None" = None
    half: bool = False

    def of_seed(self, seed: int) -> "Asked":
        """The slide of another name, with the drawing of its overview that it begins with."""
        from wsigen.zoom.overview import with_tissue

        painter = replace(self.painter, seed=seed, drawing=0)
        described = {k: v for k, v in self.described.items() if k != "drawing"} | {"seed": seed}
        overview = with_tissue(painter, self.path[0], self.half)
        if overview is not None and overview.painter.drawing > 0:
            painter = overview.painter
            described["drawing"] = painter.drawing
        return replace(self, painter=painter, described=described, overview=overview)

    def cut(self) -> "Asked":
        """The same slide with the field that is cut out of it: where its overview shows most tissue."""
        from wsigen.errors import WsigenError
        from wsigen.slides.tissue import darker
        from wsigen.zoom.field import field

        if self.overview is None:
            most = self.path[0].mpp * self.painter.patch_px
            raise WsigenError(
                f"--field of {self.width} x {self.height} px at {self.mpp:g} um/px is too large: the slide round it "
                f"does not fit into one patch of {most / 1000:.1f} mm; ask for less"
            )
        window = field(self.path, darker(self.overview.pixels), self.height, self.width)
        slide = {"width": self.path[-1].width, "height": self.path[-1].height}
        described = self.described | {"field": window._asdict(), "slide": slide}
        return replace(self, field=window, described=described)


def ask(
    *,
    model: str,
    told: float,
    width: int | None,
    height: int | None,
    width_mm: float | None,
    height_mm: float | None,
    mpp: float,
    seed: int,
    plan_name: str | None,
    guided_sigma: float | None,
    batch_size: int,
    device: str | None,
    field: bool = False,
    half: bool | None = False,
    **changes: Any,
) -> Asked:
    """Find model, plan and stages; ``changes`` are fields of the plan, None where it keeps its own.

    With ``field`` the stages are those of a larger slide, of which a window of the size asked for is cut. ``half`` is
    for who goes on from the overview that was drawn: the slide's precision, None for the usual one of its size.
    """
    from dataclasses import asdict

    from wsigen.devices import choose_device
    from wsigen.errors import WsigenError
    from wsigen.plan import plan as named_plan
    from wsigen.plan import stages
    from wsigen.runs.storage import needs_half
    from wsigen.training.checkpoint import load_denoiser
    from wsigen.zoom.field import TIMES

    device = choose_device(device)
    width, height = size_px((width, height), (width_mm, height_mm), mpp)
    denoiser = load_denoiser(
        model,
        device=device,
        told=told,
    )
    given = {k: v for k, v in changes.items() if v is not None}
    if given.get("boundary") == "wrap":
        # patches neither fade into each other nor are larger round an edge
        given |= {"margin_px": 0, "patch_times": 1}
    plan = replace(named_plan(plan_name or denoiser.plan_name), **given)
    if guided_sigma is not None:
        if changes["guided_steps"] is not None:
            raise WsigenError("--guided-steps and --guided-sigma both given; expected one of them")
        plan = plan.guided_down_to(guided_sigma)
    plan.check()
    info = denoiser.info
    times = TIMES if field else 1
    if field and times * min(width, height) < info.patch_px:
        raise WsigenError(
            f"--field of {width} x {height} px is too small: the slide round it would be of {times * width} x "
            f"{times * height} px; expected at least {-(-info.patch_px // times)} px a side"
        )
    path = stages(
        height * times,
        width * times,
        mpp,
        patch_px=info.patch_px,
        mpp_max=info.mpp_max,
        factor=plan.factor,
        boundary=plan.boundary,
    )
    check_firsts(plan, path)
    denoiser.check_mpp(mpp)  # the other stages are coarser, as far as the model knows
    described = {
        "model": denoiser.name,
        "model_sha256": denoiser.sha256,
        "seed": seed,
        "width": width,
        "height": height,
        "mpp": mpp,
        "plan": asdict(plan),
    }
    painter = denoiser.painter(plan, seed=seed, batch_size=batch_size)
    if plan.solver == "student":
        painter.for_stage(plan)  # refuses where there is none
        described["student_sha256"] = denoiser.student.sha256 if denoiser.student else None
    if painter.at(0, path[0].mpp).guide_strength and denoiser.overview is not None:
        described["overview_sha256"] = denoiser.overview.sha256
    asked = Asked(
        denoiser,
        painter,
        path,
        width,
        height,
        mpp,
        device,
        described,
        half=needs_half(path) if half is None else half,
    ).of_seed(seed)
    return asked.cut() if field else asked


def check_firsts(plan: "StagePlan", path: "Sequence[Stage]") -> None:
    """Raise WsigenError where a start or number of steps was given for a stage that does not take it."""
    from wsigen.errors import WsigenError

    of = {"first_starts": "sigma_start", "first_steps": "num_steps"}
    for name, field in of.items():
        flag, given = f"--{name.replace('_', '-')}", getattr(plan, name)
        if len(given) >= len(path):
            values = ",".join(f"{value:g}" for value in given)
            raise WsigenError(
                f"{flag} is {values}; expected at most {len(path) - 1} numbers, one for each guided stage of this "
                "slide: leave the others out"
            )
        for stage, value in zip(path[1:], given, strict=False):
            if getattr(plan.at(stage.index, stage.mpp), field) != value:
                raise WsigenError(
                    f"{flag} gives {value:g} for stage {stage.index}, of {stage.mpp:g} um/px, which is the teacher's; "
                    f"expected none for stages above {plan.teacher_above:g} um/px: leave it out, or choose --plan told"
                )


def size_px(
    pixels: tuple[int | None, int | None],
    millimetres: tuple[float | None, float | None],
    mpp: float,
) -> tuple[int, int]:
    """Width and height in pixels, both given in pixels or both in millimetres; 2048 px where nothing is given."""
    from wsigen.errors import WsigenError

    if mpp <= 0:
        raise WsigenError(f"--mpp is {mpp}; expected micrometres per pixel above 0, such as 0.7")
    names = ("width", "height")
    for name, side, side_mm in zip(names, pixels, millimetres, strict=True):
        if side is not None and side_mm is not None:
            raise WsigenError(f"--{name} and --{name}-mm both given; expected one of them")
    given = [f"--{name}" for name, side in zip(names, pixels, strict=True) if side is not None]
    given_mm = [f"--{name}-mm" for name, s in zip(names, millimetres, strict=True) if s is not None]
    if given and given_mm:
        raise WsigenError(
            f"{given[0]} is in pixels and {given_mm[0]} in millimetres; expected both sides in one of them"
        )
    if len(given_mm) == 1:
        raise WsigenError(
            f"{given_mm[0]} given alone; expected --width-mm and --height-mm, both in millimetres"
        )
    for name, side in zip(names, pixels, strict=True):
        if side is not None and not 1 <= side <= LARGEST_PX:
            raise WsigenError(f"--{name} is {side}; expected 1 to {LARGEST_PX} pixels")
    for name, side_mm in zip(names, millimetres, strict=True):
        if side_mm is not None and not 0.5 < side_mm * 1000 / mpp <= LARGEST_PX:
            raise WsigenError(
                f"--{name}-mm is {side_mm:g}; expected 1 to {LARGEST_PX} pixels of {mpp / 1000:g} mm"
            )
    if given_mm:
        width, height = (round((side or 0) * 1000 / mpp) for side in millimetres)
        return width, height
    width, height = (2048 if side is None else side for side in pixels)
    return width, height
