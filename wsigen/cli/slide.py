"""What the verbs that make a slide have in common: what their options come to, and the wait for it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

    from wsigen.plan import Stage
    from wsigen.runs.painter import Painter
    from wsigen.runs.progress import Progress
    from wsigen.training.checkpoint import LoadedDenoiser

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """A slide as asked for: what makes it, and the words that describe it in its file."""

    denoiser: "LoadedDenoiser"
    painter: "Painter"
    path: "list[Stage]"
    width: int
    height: int
    mpp: float
    device: str
    described: dict[str, Any]


def ask(
    *,
    model: str,
    weaker: str | None,
    strength: float,
    weaker_sigma: float,
    told: float,
    width: int | None,
    height: int | None,
    width_mm: float | None,
    height_mm: float | None,
    mpp: float,
    seed: int,
    plan_name: str | None,
    organ: str | None,
    guided_sigma: float | None,
    batch_size: int,
    device: str | None,
    **changes: Any,
) -> Asked:
    """Find model, plan and stages; ``changes`` are fields of the plan, None where it keeps its own."""
    from dataclasses import asdict, replace

    from wsigen.devices import choose_device
    from wsigen.errors import WsigenError
    from wsigen.plan import plan as named_plan
    from wsigen.plan import stages
    from wsigen.training.checkpoint import load_denoiser

    device = choose_device(device)
    width, height = (
        size_px(width, width_mm, mpp, "width"),
        size_px(height, height_mm, mpp, "height"),
    )
    denoiser = load_denoiser(
        model,
        device=device,
        weaker=weaker,
        strength=strength,
        weaker_sigma=weaker_sigma,
        told=told,
        organ=organ,
    )
    plan = replace(
        named_plan(plan_name or denoiser.plan_name),
        **{k: v for k, v in changes.items() if v is not None},
    )
    if guided_sigma is not None:
        if changes["guided_steps"] is not None:
            raise WsigenError("--guided-steps and --guided-sigma both given; expected one of them")
        plan = plan.guided_down_to(guided_sigma)
    plan.check()
    info = denoiser.info
    path = stages(
        height,
        width,
        mpp,
        patch_px=info.patch_px,
        mpp_max=info.mpp_max,
        factor=plan.factor,
        boundary=plan.boundary,
    )
    denoiser.check_mpp(*(stage.mpp for stage in path))
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
    return Asked(denoiser, painter, path, width, height, mpp, device, described)


def size_px(pixels: int | None, millimetres: float | None, mpp: float, name: str) -> int:
    """Return a side in pixels, given either way."""
    from wsigen.errors import WsigenError

    if pixels is not None and millimetres is not None:
        raise WsigenError(f"--{name} and --{name}-mm both given; expected one of them")
    if mpp <= 0:
        raise WsigenError(f"--mpp is {mpp}; expected micrometres per pixel above 0, such as 0.7")
    if millimetres is not None:
        pixels = round(millimetres * 1000 / mpp)
        if pixels < 1:
            raise WsigenError(
                f"--{name}-mm is {millimetres:g}; expected at least a pixel, {mpp / 1000:g} mm"
            )
    if pixels is not None and pixels < 1:
        raise WsigenError(f"--{name} is {pixels}; expected at least 1 pixel")
    return 2048 if pixels is None else pixels


def spent(ledger: list[dict[str, Any]], device: str) -> str:
    """What all stages cost, in words."""
    evaluations, seconds = (sum(row[name] for row in ledger) for name in ("evaluations", "seconds"))
    return f"{evaluations} evaluations of the network in {seconds:.0f} s on {device}"


def watch(
    steps: "Generator[Progress, None, T]", *, quiet: bool = False
) -> tuple[T, list[dict[str, float]]]:
    """Run to the end under a progress bar per stage; return what it made and what each stage spent."""
    from tqdm import tqdm

    ledger: dict[int, dict[str, float]] = {}
    bar: Any = None
    try:
        while True:
            progress = next(steps)
            stage = progress.stage
            if stage.index not in ledger:
                if bar is not None:
                    bar.close()
                title = (
                    f"stage {stage.index}: {stage.width} x {stage.height} px, {stage.mpp:.4g} um/px"
                )
                done = progress.patches == progress.patches_in_all  # in a sitting before
                bar = tqdm(
                    total=progress.patches_in_all, desc=title, unit="patch", disable=quiet or done
                )
            bar.update(progress.patches - bar.n)
            ledger[stage.index] = {
                "stage": stage.index,
                "width": stage.width,
                "height": stage.height,
                "mpp": stage.mpp,
                "patches": progress.patches,
                "evaluations": progress.evaluations,
                "skipped": progress.skipped,
                "seconds": round(progress.seconds, 2),
            }
    except StopIteration as end:
        return end.value, list(ledger.values())
    finally:
        if bar is not None:
            bar.close()
