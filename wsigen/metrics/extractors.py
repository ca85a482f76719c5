"""Networks that turn images into features. None is downloaded: what is not installed is an error that says so.

EfficientNet-Lite0, see `wsigen.networks.pretrained`, is the default. VGG-16, whose second fully connected layer
Kynkäänniemi et al. (2019) compare, and Inception-v3 come from torchvision, where it is installed and holds the weights.
Its Inception is not the one behind published KID and FID values, which was trained separately: compare values of one
extractor only.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from wsigen.devices import choose_device
from wsigen.errors import WsigenError
from wsigen.networks.pretrained import DIVIDED_BY, TAKEN, efficientnet_lite, load_frozen

DEFAULT_EXTRACTOR = "efficientnet-lite0"
CPU_BATCH = 4  # images whose layers stay in a processor's cache: more at a time are slower
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Extractor:
    """Images in, features out: ``extractor(images)``.

    Args:
        name: of the network.
        network: maps images (batch, 3, side, side) to features (batch, dims).
        side: to which images are resized, in pixels (bicubic, with antialiasing).
        mean, scale: the network sees ``(pixels / 255 - mean) / scale``.
        weights_sha256: of the file the weights came from.
        device: where it computes.
    """

    name: str
    network: Callable[[torch.Tensor], torch.Tensor]
    side: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    weights_sha256: str
    device: str = "cpu"

    @property
    def fingerprint(self) -> str:
        """Names everything that decides the features but the device, whose rounding differs a little."""
        parts = (self.name, self.side, self.mean, self.scale, self.weights_sha256)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (batch, dims) of images of one size, uint8 (batch, height, width, 3)."""
        share = CPU_BATCH if self.device == "cpu" else max(len(images), 1)
        parts = [images[first : first + share] for first in range(0, len(images), share)]
        return np.concatenate([self._features(part) for part in parts])

    def _features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        # channels stay last: on a processor that halves the time
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        z = pixels.permute(0, 3, 1, 2).float() / 255
        if z.shape[2:] != (self.side, self.side):
            size = (self.side, self.side)
            z = functional.interpolate(z, size, mode="bicubic", antialias=True).clamp(0, 1)
        mean, scale = (
            torch.tensor(numbers, device=z.device).view(3, 1, 1)
            for numbers in (self.mean, self.scale)
        )
        return self.network((z - mean) / scale).float().cpu().numpy()


def efficientnet_lite0(device: str | None = None) -> Extractor:
    """EfficientNet-Lite0: 1280 features, the mean over places of the last layer before the classifier."""
    model, path = efficientnet_lite(0)
    return _extractor(
        "efficientnet-lite0", model, lambda z: model.extract_features(z).mean((2, 3)), path,
        side=224, mean=(TAKEN / 255,) * 3, scale=(DIVIDED_BY / 255,) * 3, device=device,
    )  # fmt: skip


def vgg16(device: str | None = None) -> Extractor:
    """VGG-16 (Simonyan and Zisserman 2015): 4096 features, the second fully connected layer after its ReLU."""
    models = _torchvision_models()
    model = models.vgg16(weights=None, init_weights=False)
    path = _torchvision_weights(models.VGG16_Weights.IMAGENET1K_V1.url)
    load_frozen(model, path)
    mean, scale = IMAGENET
    extractor = _extractor("vgg16", model, model, path, 224, mean, scale, device)
    model.classifier = model.classifier[:5]
    return extractor


def inception_v3(device: str | None = None) -> Extractor:
    """Inception-v3 (Szegedy et al. 2016) of torchvision: 2048 features, the last pooling."""
    models = _torchvision_models()
    model = models.inception_v3(weights=None, init_weights=False, transform_input=False)
    path = _torchvision_weights(models.Inception_V3_Weights.IMAGENET1K_V1.url)
    load_frozen(model, path)
    half = (0.5, 0.5, 0.5)
    extractor = _extractor("inception-v3", model, model, path, 299, half, half, device)
    model.fc = nn.Identity()
    return extractor


def extractor(name: str = DEFAULT_EXTRACTOR, device: str | None = None) -> Extractor:
    """Return an extractor by name: "efficientnet-lite0", "vgg16" or "inception-v3"."""
    makers = {
        DEFAULT_EXTRACTOR: efficientnet_lite0,
        "vgg16": vgg16,
        "inception-v3": inception_v3,
    }
    if name not in makers:
        raise WsigenError(f"no extractor {name!r}; expected one of {', '.join(makers)}")
    return makers[name](device)


def _extractor(
    name: str,
    model: nn.Module,
    network: Callable[[torch.Tensor], torch.Tensor],
    path: Path,
    side: int,
    mean: tuple[float, float, float],
    scale: tuple[float, float, float],
    device: str | None,
) -> Extractor:
    """A model with the weights at ``path``, of which ``network`` makes features."""
    device = choose_device(device)
    model.to(device)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Extractor(name, network, side, mean, scale, sha256, device)


def _torchvision_models() -> Any:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise WsigenError(
            f"torchvision cannot be used ({str(error).splitlines()[0]}); install the build that belongs to your "
            "torch, or use the extractor efficientnet-lite0"
        ) from error
    return models


def _torchvision_weights(url: str) -> Path:
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    if not path.is_file():
        raise WsigenError(
            f"{path}: no weights; download {url} to there, or use the extractor efficientnet-lite0"
        )
    return path
