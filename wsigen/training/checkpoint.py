"""Checkpoints: safetensors with their JSON, never pickle; and the shipped models by name.

The header of a checkpoint carries, as JSON, all that is needed to use it: architecture, sigma_data, patch size,
mpp range, the training data with its credit, images seen. Weights are stored in half precision.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from wsigen.arrays import Images
from wsigen.denoiser import EDMDenoiser, Told, keep_as_multiplied
from wsigen.devices import has_fast_bfloat16
from wsigen.errors import WsigenError
from wsigen.models import (
    DEFAULT_MODEL,
    RETIRED,
    overview_of,
    packed_or_not,
    shipped_file,
    shipped_models,
    student_of,
    unpacked,
)
from wsigen.networks.styles import Styles
from wsigen.networks.unet import UNet, UNetConfig, with_styles
from wsigen.pixels import GREY
from wsigen.plan import PAPER, StagePlan
from wsigen.runs.painter import Painter
from wsigen.training.student import read_student
from wsigen.training.weights import content, read_named, write_safetensors

FORMAT = "wsigen-denoiser-1"


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model beside its weights."""

    network: UNetConfig
    sigma_data: float
    patch_px: int
    mpp_min: float
    mpp_max: float
    images_seen: int
    training_data: tuple[str, ...]
    background: int = 245

    def as_header(self) -> dict[str, str]:
        """Return the safetensors header: every value as JSON."""
        header = {name: json.dumps(value) for name, value in asdict(self).items()}
        return {"format": FORMAT, **header}

    @classmethod
    def from_header(cls, header: dict[str, str], path: Path) -> Self:
        """Read the header back; raises WsigenError where it is not one of ours."""
        if header.get("format") != FORMAT:
            raise WsigenError(
                f"{path}: not a wsigen model (format {header.get('format')!r}); expected {FORMAT!r}, "
                "as wsigen train writes it"
            )
        try:
            values: dict[str, Any] = {f.name: json.loads(header[f.name]) for f in fields(cls)}
            values["network"] = UNetConfig(**values["network"])
            values["training_data"] = tuple(values["training_data"])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise WsigenError(
                f"{path}: the model's header is incomplete ({error}); train it again"
            ) from error
        return cls(**values)


class LoadedDenoiser(EDMDenoiser):
    """A denoiser from a checkpoint: it knows its ``info``, its ``name`` and the ``sha256`` of its file.

    It can be told that noise is stronger than it is; see :meth:`overstate`. A student has ``styles``.
    """

    def __init__(
        self, network: UNet, info: ModelInfo, *, name: str, sha256: str, half: bool
    ) -> None:
        super().__init__(
            network, info.sigma_data, mpp_range=(info.mpp_min, info.mpp_max), half=half
        )
        self.info = info
        self.name = name
        self.sha256 = self.file_sha256 = sha256
        self.told = 1.0
        self.student_file: Path | None = None
        self.overview_file: Path | None = None
        self.styles: Styles | None = None

    def forward(
        self, x: Images, sigma: Tensor | float, mpp: Tensor | float, told: Told | None = None
    ) -> Images:
        """As :class:`EDMDenoiser`, told as much more noise as :meth:`overstate` says."""
        return super().forward(x, self.told * sigma, mpp, told)

    def overstate(self, factor: float) -> None:
        """Tell the network from now on that noise is ``factor`` times as strong as it is; name and digest say so.

        D(x; factor sigma, s) instead of D(x; sigma, s). In sampling, images carry more error than their noise level
        says, since earlier estimates were wrong too (exposure bias; Ning et al. 2024, Li et al. 2024). A network that
        takes it for noise adds less contrast of its own.
        """
        self.told = factor
        self.name += f", told {factor:g} of the noise"
        self.sha256 = hashlib.sha256(f"{self.sha256} told {factor!r}".encode()).hexdigest()

    @cached_property
    def student(self) -> "LoadedDenoiser | None":
        """The student that was distilled from it, read when it is first asked for; None where there is none."""
        if self.student_file is None:
            return None
        assert isinstance(self.network, UNet)
        network = with_styles(self.network)
        teacher = dict(network.named_parameters())
        weights, styles = read_student(self.student_file, teacher, self.file_sha256)
        network.load_state_dict(network.state_dict() | weights)
        sha256 = hashlib.sha256(content(self.student_file)).hexdigest()
        student = LoadedDenoiser(
            network,
            self.info,
            name=unpacked(self.student_file).stem,
            sha256=sha256,
            half=self.half_precision,
        )
        student.styles = styles
        return _ready(student, next(self.network.parameters()).device)

    @cached_property
    def overview(self) -> "LoadedDenoiser | None":
        """The model that draws its overviews, read when it is first asked for; None where there is none."""
        if self.overview_file is None:
            return None
        device = next(self.network.parameters()).device
        half = self.half_precision
        return load_denoiser(self.overview_file, device=str(device), half=half, told=self.told)

    @property
    def digest(self) -> str:
        """What decides all that it makes: ``sha256``, and those of its companions."""
        return " ".join(each.sha256 for each in (self, self.student, self.overview) if each)

    @property
    def background(self) -> float:
        """What the empty slide looks like to this model, -1 to 1."""
        return self.info.background / GREY - 1

    @property
    def plan_name(self) -> str:
        """The named plan that suits the model: "student" where it has one, "told" where it is told, else "fast"."""
        if self.student_file is not None:
            return "student"
        return "told" if self.is_told else "fast"

    def painter(self, plan: StagePlan = PAPER, *, seed: int = 0, batch_size: int = 32) -> Painter:
        """What makes a slide of this model: its denoiser, patches and background with a plan and a seed."""
        return Painter(self, plan, self.info.patch_px, seed, batch_size, self.background)


def save_checkpoint(path: Path | str, network: UNet, info: ModelInfo) -> None:
    """Write weights (in bfloat16) and ``info`` to ``path``, under a temporary name first."""
    path = Path(path)
    weights = {
        name: value.to(torch.bfloat16).contiguous() for name, value in network.state_dict().items()
    }
    write_safetensors(path, weights, info.as_header())


def find_model(model: str | Path) -> Path:
    """Return the file of a shipped model's name or of a path."""
    if str(model) in shipped_models():
        return shipped_file(str(model))
    if Path(model).is_file():
        return Path(model)
    commit = RETIRED.get(str(model))
    gone = f" any more, commit {commit[:12]} has it" if commit else ""
    raise WsigenError(
        f"no model {str(model)!r}{gone}; expected one of {', '.join(shipped_models()) or '(none shipped)'}, "
        "or the path of a .safetensors file"
    )


def load_denoiser(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: str = "cpu",
    half: bool | None = None,
    told: float = 1.0,
) -> LoadedDenoiser:
    """Load a trained denoiser, ready to sample from.

    Args:
        model: name of a shipped model, or path of a checkpoint.
        device: "cpu", "cuda" or another of torch's.
        half: compute in bfloat16; by default where the hardware is made for it.
        told: what the model is told of the noise level, in units of it; see `LoadedDenoiser.overstate`.

    Raises:
        WsigenError: no such model, or the file is damaged or foreign.
    """
    path = find_model(model)
    weights, header, sha256 = read_named(path)
    info = ModelInfo.from_header(header, path)
    network = UNet(info.network)
    try:
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise WsigenError(f"{path}: weights and architecture do not fit; train it again") from error
    denoiser = LoadedDenoiser(
        network,
        info,
        name=unpacked(path).stem,
        sha256=sha256,
        half=has_fast_bfloat16(device) if half is None else half,
    )
    denoiser = _ready(denoiser, device)
    denoiser.student_file = packed_or_not(student_of(path))
    denoiser.overview_file = packed_or_not(overview_of(path))
    if told != 1:
        denoiser.overstate(told)
    return denoiser


def _ready(denoiser: LoadedDenoiser, device: torch.device | str) -> LoadedDenoiser:
    """Ready to sample from, on a device."""
    denoiser = denoiser.to(device).eval().requires_grad_(False)
    assert isinstance(denoiser.network, UNet)
    denoiser.network.attend_within(denoiser.info.patch_px)
    if denoiser.half_precision:
        keep_as_multiplied(denoiser.network)
    return denoiser
