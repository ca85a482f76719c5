"""What a training run is: one frozen value, and four named ones."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from wsigen.errors import WsigenError
from wsigen.networks.unet import UNetConfig


def check_signs(config: Any, *, positive: Sequence[str], not_negative: Sequence[str]) -> None:
    """Raise WsigenError where one of these fields of a config is below what it can be, or no finite number."""
    for name in (*positive, *not_negative):
        value = getattr(config, name)
        if not 0 <= value < math.inf or (value == 0 and name in positive):
            expected = "a number above 0" if name in positive else "0 or more"
            raise WsigenError(f"{name} is {value}; expected {expected}")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the weights but the cohort.

    The learning rate rises linearly over ``warmup_images`` and falls with the inverse square root of the
    images seen after ``decay_images``; the average is as long as a fixed share of the run. Neither needs to
    know when training ends, so a run can be stopped, resumed and prolonged at will.

    Args:
        network: shape of the U-Net.
        patch_px: side of the training patches in pixels.
        mpp_min, mpp_max: range of micrometres per pixel.
        scale: "log" or "uniform" (the paper's) distribution of mpp.
        images: patches to train on.
        batch_size: patches per step, over all processes.
        learning_rate: its highest value.
        warmup_images, decay_images: see above.
        ema_gamma: power of the weight average; 6.94 averages over about the last tenth of the run, 16.97 over the last
            twentieth.
        clip: largest norm of the gradient.
        sigma_mean, sigma_std: ln sigma ~ N(sigma_mean, sigma_std^2).
        sigma_mean_per_octave: what sigma_mean gains with each doubling of mpp above 1 um/px, so that overviews,
            which start from noise alone, are trained at higher noise levels.
        told_share: share of patches whose guide the network is shown; overviews a third as often.
        told_sigma_min, told_sigma_max: range of sigma_g, the guide's noise level, drawn log-uniformly.
        told_blur: share of the guides shown that are blurred by up to a binomial filter of 3 x 3, since a stage is told
            what another has made, which is softer than tissue.
        told_sigma_mean, told_sigma_std: ln sigma of told patches ~ N(mean, std^2): a stage starts low.
        organ_share: share of patches whose organ the network is told.
        whole_share: share of patches that are overviews of whole slides.
        breast_share: share of the draw that breast cases get, as far as there are enough of them.
        breast_only_below: scale in um/px below which only breast cases are drawn, overviews apart.
        sigma_data: standard deviation of the images.
        augment: turn and mirror patches.
        stain_jitter: standard deviation of the logarithm of each stain's amount; 0 leaves the stains as they are.
        stain_jitter_images: patches after which stains are left as they are, so that the jitter does not leak
            into what is generated.
        seed: name of every random stream of the run.
    """

    network: UNetConfig = field(default_factory=UNetConfig)
    patch_px: int = 64
    mpp_min: float = 0.25
    mpp_max: float = 100.0
    scale: str = "log"
    images: int = 1_000_000
    batch_size: int = 32
    learning_rate: float = 8e-4
    warmup_images: int = 5_000
    decay_images: int = 60_000
    ema_gamma: float = 6.94
    clip: float = 1.0
    sigma_mean: float = -1.2
    sigma_std: float = 1.2
    sigma_mean_per_octave: float = 0.0
    told_share: float = 0.0
    told_sigma_min: float = 0.02
    told_sigma_max: float = 0.6
    told_blur: float = 0.0
    told_sigma_mean: float = -1.3
    told_sigma_std: float = 1.3
    organ_share: float = 0.0
    whole_share: float = 0.0
    breast_share: float = 0.0
    breast_only_below: float = 0.0
    sigma_data: float = 0.5
    augment: bool = True
    stain_jitter: float = 0.0
    stain_jitter_images: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_signs(
            self,
            positive=(
                *("patch_px", "mpp_min", "mpp_max", "images", "batch_size", "decay_images", "clip"),
                *("told_sigma_min", "told_sigma_max", "sigma_data"),
            ),
            not_negative=(
                *("learning_rate", "warmup_images", "ema_gamma", "sigma_std", "told_sigma_std"),
                *("stain_jitter", "stain_jitter_images", "seed"),
            ),
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild a config; the inverse of :meth:`as_json`."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown or "network" not in values:
            raise WsigenError(
                f"not a training config: unknown {unknown} or no network; expected {known}"
            )
        return cls(**{**values, "network": UNetConfig(**values["network"])})


TINY = TrainConfig(
    network=UNetConfig(widths=(16, 32), blocks=1, attention=False, condition_channels=64),
    patch_px=32,
    images=2_000,
    batch_size=16,
    learning_rate=2e-3,
    warmup_images=200,
    decay_images=1_000,
)
# Wider noise than EDM's: a short training sees too little noise above sigma 10 with N(-1.2, 1.2^2), and its overviews
# come out dark (chapter 4 of the book, results/classroom/ablations.json). A short average, since a long one harms the
# samples of a run that still learns fast.
# Averages, since without them the network says too little of a patch's mean in high noise; detail, since folding
# blurs what samples are judged by (rows "detail" and "averages" of results/classroom/ablations.json).
SMALL = TrainConfig(
    network=UNetConfig(detail=16, averages=(4, 16, 64)),
    sigma_mean=-0.6,
    sigma_std=1.8,
    ema_gamma=16.97,
)
# The small network, shown its guide and told the organ, for overviews of whole slides too. At the finer scales it sees
# breast and its lymph nodes alone: twenty-five organs are more than it can learn in the hours of a processor
# (results/classroom/sections_mix_a.json and sections_mix_b.json).
TOLD = replace(
    SMALL,
    network=replace(SMALL.network, told=True),
    mpp_max=800.0,
    learning_rate=4e-4,
    warmup_images=3_000,
    sigma_mean=-0.5,
    told_share=0.85,
    told_blur=0.5,
    organ_share=0.6,
    whole_share=0.05,
    breast_share=0.4,
    breast_only_below=11.4,
)
# Overviews alone, for what lies beside a model and draws them (`wsigen.models.overview_of`): it goes on from its
# weights, is told no guide, and sees the noise at which a slide gets its shape more often.
OVERVIEW = replace(
    TOLD,
    mpp_min=90.0,
    learning_rate=4.6e-4,
    ema_gamma=6.94,
    sigma_mean=0.0,
    sigma_std=1.7,
    told_share=0.0,
    organ_share=0.7,
    whole_share=0.3,
    breast_share=0.15,
    breast_only_below=0.0,
)
# Untried: the parts that served the small network, and the noise of the last two thirds of the training of small-2.
BASE = TrainConfig(
    network=UNetConfig(widths=(96, 192, 288), blocks=2, detail=32, averages=(4, 16, 64)),
    sigma_mean=-0.8,
    sigma_std=1.6,
    patch_px=128,
    batch_size=256,
    images=20_000_000,
    learning_rate=1e-3,
    warmup_images=100_000,
    decay_images=2_000_000,
)
# The same, told its guide, for as many patches as a GPU sees in minutes rather than days.
BASE_TOLD = replace(
    BASE,
    network=replace(BASE.network, told=True),
    mpp_max=TOLD.mpp_max,
    sigma_mean=TOLD.sigma_mean,
    sigma_std=TOLD.sigma_std,
    told_share=TOLD.told_share,
    told_blur=TOLD.told_blur,
    organ_share=TOLD.organ_share,
    whole_share=TOLD.whole_share,
    breast_share=TOLD.breast_share,
    warmup_images=20_000,
    decay_images=400_000,
    ema_gamma=TOLD.ema_gamma,
)
PAPER = TrainConfig(
    network=UNetConfig(widths=(128, 256, 256, 512), blocks=2, fold=4),
    patch_px=512,
    mpp_min=0.3,
    mpp_max=150.0,
    scale="uniform",
    batch_size=32,
    images=10_000_000,
    learning_rate=2e-4,
    warmup_images=100_000,
    decay_images=10_000_000,
)


def preset(name: str) -> TrainConfig:
    """Return a named config.

    tiny (tests), small, told and overview (two CPU cores), base and base-told (a GPU), paper (four GPUs).
    """
    presets = {
        "tiny": TINY,
        "small": SMALL,
        "told": TOLD,
        "overview": OVERVIEW,
        "base": BASE,
        "base-told": BASE_TOLD,
        "paper": PAPER,
    }
    if name not in presets:
        raise WsigenError(f"no preset {name!r}; expected one of {', '.join(presets)}")
    return presets[name]
