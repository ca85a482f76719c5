"""The paper's appendix: is a guided stage better super-resolution than what is made for it? On real patches.

Each real patch is averaged to half its size and magnified again by

    bicubic, lanczos            interpolation (Pillow)
    regressor                   a small EDSR (Lim et al. 2017) trained here, on real patches of the same scale, for the
                                least squared error
    diffusion, exact            the guide binds to the end, r = N: exact super-resolution
    diffusion, relaxed          guided down to sigma 0.3, the noise level of the paper's r = 28 of 40
    diffusion, plan             r as the plan has it

PSNR and SSIM say how near each is to the true patch, KID and sharpness how much it is like tissue. They disagree by
nature (Blau and Michaeli 2018): the mean of all patches that fit a guide is nearest to the truth, and blurred.

The patches are of held-out patients as far as the cohort has some. **The model that ships has seen every slide of
the split "train"**: give ``split`` one it has not seen, and a model trained without it, before reading much into its
PSNR. The regressor trains on ``train_split``. No picture of real tissue is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn

from wsigen.arrays import Images
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, with_interval
from wsigen.guidance import AveragePool, guided_step
from wsigen.metrics.detail import sharpness
from wsigen.metrics.distance import kid
from wsigen.pixels import GREY, to_images, to_pixels
from wsigen.plan import FAST, PAPER, StagePlan
from wsigen.schedule import SIGMA_MAX
from wsigen.seeds import generator

RELAXED = 0.3  # noise level
METHODS = (
    "true", "bicubic", "lanczos", "regressor",
    "diffusion, exact", "diffusion, relaxed", "diffusion, plan",
)  # fmt: skip
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Config:
    """What is magnified and how.

    Args:
        patches: real patches.
        mpp: of them, in micrometres per pixel.
        plan: of the diffusion.
        split: of the patches; None for the cohort's held-out split.
        train_split: of the patches the regressor trains on.
        channels, blocks: of the regressor.
        steps, batch_size: of its training.
        train_patches: how many it sees, again and again.
    """

    patches: int = 96
    mpp: float = 1.4
    plan: StagePlan = FAST
    split: str | None = None
    train_split: str = "train"
    channels: int = 32
    blocks: int = 4
    steps: int = 1500
    batch_size: int = 16
    train_patches: int = 512


PROFILES = {
    "smoke": Config(patches=12, channels=8, blocks=1, steps=10, train_patches=16),
    "classroom": Config(),
    "paper": Config(2000, plan=PAPER, channels=64, blocks=16, steps=300_000, train_patches=50_000),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One method each; "true" are the patches themselves, against other real ones."""
    return [{"method": method} for method in METHODS]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Magnify the patches and compare with the true ones."""
    split = config.split or lab.held_out
    true = lab.real_patches(config.patches, config.mpp, split)
    others = lab.real_patches(config.patches, config.mpp, split, "other real")
    made = true if cell["method"] == "true" else _magnified(cell["method"], true, config, lab)
    values: dict[str, Any] = {"split": split, "psnr": None, "ssim": None}
    if cell["method"] != "true":
        pairs = list(zip(true, made, strict=True))
        values["psnr"] = float(np.mean([peak_signal_noise_ratio(t, m) for t, m in pairs]))
        values["ssim"] = float(
            np.mean([structural_similarity(t, m, channel_axis=2) for t, m in pairs])
        )
        guides, again = (AveragePool(2)(to_images(p)) for p in (true, made))
        values["guide_error"] = float((guides - again).abs().mean()) * GREY
    values["sharpness"] = float(np.mean([sharpness(patch) for patch in made]))
    distance = kid(lab.features(others), lab.features(made), seed=lab.seed)
    return Row(values | with_interval("kid", distance))


def _magnified(method: str, true: Pixels, config: Config, lab: Lab) -> Pixels:
    """The patches from their averages, uint8 (n, side, side, 3)."""
    guides = AveragePool(2)(to_images(true)).to(lab.device)
    if method == "regressor":
        network = trained_regressor(lab, config)
        with torch.no_grad():
            return to_pixels(torch.cat([network(part) for part in guides.split(32)]))
    if method.startswith("diffusion"):
        plan = {
            "diffusion, exact": replace(config.plan, guided_steps=config.plan.num_steps),
            "diffusion, relaxed": config.plan.guided_down_to(RELAXED),
            "diffusion, plan": config.plan,
        }[method]
        return to_pixels(diffused(guides, plan, config.mpp, lab))
    resample = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}[method]
    size = (true.shape[2], true.shape[1])
    return np.stack(
        [np.asarray(Image.fromarray(g).resize(size, resample)) for g in to_pixels(guides)]
    )


def diffused(guides: Images, plan: StagePlan, mpp: float, lab: Lab) -> Images:
    """Each guide magnified as one patch, by Algorithm 1."""
    operator, sigmas = AveragePool(2), plan.sigmas()
    shape = (3, 2 * guides.shape[2], 2 * guides.shape[3])
    noise = [
        generator(lab.seed, "super-resolution", n).standard_normal(shape, np.float32)
        for n in range(len(guides))
    ]
    x = float(sigmas[0]) * torch.from_numpy(np.stack(noise)).to(guides)
    if float(sigmas[0]) < SIGMA_MAX:
        x += operator.pinv(guides)
    done = []
    for part, guide in zip(x.split(32), guides.split(32), strict=True):
        u = None
        for i in range(plan.num_steps):
            with torch.no_grad():
                part, u = guided_step(
                    lab.denoiser, part, guide, i, sigmas, mpp, guided_steps=plan.guided_steps,
                    operator=operator, solver=plan.solver, previous=u,
                )  # fmt: skip
        done.append(part)
    return torch.cat(done).clamp(-1, 1)


class Regressor(nn.Module):
    """EDSR in small: residual blocks without normalisation, then each pixel becomes 2 x 2.

    It adds to the repeated guide, so that it begins as nearest-neighbour repetition.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(_Residual(channels) for _ in range(blocks))
        self.last = nn.Conv2d(channels, 12, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, guide: Images) -> Images:
        h = self.first(guide)
        for block in self.blocks:
            h = block(h)
        return AveragePool(2).pinv(guide) + nn.functional.pixel_shuffle(self.last(h), 2)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        return x + self.two(torch.relu(self.one(x)))


@lru_cache(maxsize=2)
def trained_regressor(lab: Lab, config: Config) -> Callable[[Images], Images]:
    """Train the regressor on real patches for the least squared error."""
    torch.manual_seed(lab.seed)
    network = Regressor(config.channels, config.blocks).to(lab.device)
    patches = to_images(lab.real_patches(config.train_patches, config.mpp, config.train_split))
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    fall = torch.optim.lr_scheduler.OneCycleLR(adam, 1e-3, total_steps=config.steps)
    stream = generator(lab.seed, "regressor")
    for _ in range(config.steps):
        batch = patches[stream.integers(len(patches), size=config.batch_size)].to(lab.device)
        loss = nn.functional.mse_loss(network(AveragePool(2)(batch)), batch)
        adam.zero_grad()
        loss.backward()
        adam.step()
        fall.step()
    return network.eval()
