"""What experiments draw on: a model, a cohort, a seed; real and generated patches, and their features."""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.arrays import Denoiser, Levels
from wsigen.cohorts.cohort import UNSEEN, read_cohort
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.patches import Source, of_split
from wsigen.devices import choose_device
from wsigen.errors import WsigenError
from wsigen.experiments.as_trained import AsTrained
from wsigen.experiments.kept import kept
from wsigen.experiments.places import Drawn, PlacedPatches, Scale
from wsigen.metrics.extractors import DEFAULT_EXTRACTOR, Extractor, extractor
from wsigen.metrics.features import features
from wsigen.models import DEFAULT_MODEL
from wsigen.pixels import to_pixels
from wsigen.plan import StagePlan, plan
from wsigen.provenance import code_sha256, without_folder
from wsigen.runs.crew import Crew
from wsigen.runs.painter import Painter
from wsigen.runs.stage import SHARE
from wsigen.sampler import sample
from wsigen.schedule import SIGMA_MIN, karras_sigmas
from wsigen.seeds import generator
from wsigen.training.checkpoint import LoadedDenoiser, load_denoiser

CHUNK = (
    64  # generated patches kept in one file, and denoised together; on a GPU eight times as many
)


class Lab:
    """Model, cohort and seed of a measurement.

    Nothing is read before it is asked for. Equal arguments give equal patches.

    Args:
        cohort: a cohort.csv, a folder, a pack, "sample" or "phantom"; see `wsigen.cohorts.cohort`.
        model: name of a shipped model, or a file.
        seed: names every random draw.
        device: "cpu" or "cuda"; by default a GPU where there is one.
        cache: folder for generated patches, features and measured cells.
        extractor: network behind the features; see `wsigen.metrics.extractors`.
        told: what the model is told of the noise level, in units of it.
    """

    def __init__(
        self,
        cohort: Path | str = "phantom",
        model: Path | str = DEFAULT_MODEL,
        *,
        seed: int = 0,
        device: str | None = None,
        cache: Path | None = None,
        extractor: str = DEFAULT_EXTRACTOR,
        told: float = 1.0,
    ) -> None:
        self.cohort = cohort
        self.model = str(model)
        self.seed = seed
        self.device = choose_device(device)
        self.cache = cache or cache_folder()
        self.extractor_name = extractor
        self.told = told
        self._sources: dict[str, list[Source]] = {}
        self._as_trained: dict[tuple[str, float], AsTrained] = {}

    @cached_property
    def denoiser(self) -> LoadedDenoiser:
        """The model; half precision where the hardware is made for it."""
        return load_denoiser(self.model, device=self.device, told=self.told)

    @property
    def patch_px(self) -> int:
        return self.denoiser.info.patch_px

    def plan(self, asked: StagePlan | str | None) -> StagePlan:
        """A plan, or the one of that name; by default the one that suits the model."""
        if isinstance(asked, StagePlan):
            return asked
        return plan(asked or self.denoiser.plan_name)

    def painter(self, plan: StagePlan, draw: int = 0) -> Painter:
        """What makes slide number ``draw`` of this seed by a plan."""
        return self.denoiser.painter(plan, seed=self.seed + draw)

    @cached_property
    def entries(self) -> list[Entry]:
        """The slides of the cohort."""
        return read_cohort(self.cohort)

    @cached_property
    def held_out(self) -> str:
        """The split that no training used: the first of ``UNSEEN`` that the cohort has."""
        splits = {entry.split for entry in self.entries}
        for name in UNSEEN:
            if name in splits:
                return name
        raise WsigenError(
            f"the cohort has the splits {', '.join(sorted(splits))}; expected one of {', '.join(UNSEEN)} for "
            "patients that the model has not seen: mark some in the split column"
        )

    def sources(self, split: str, organ: str | None = None) -> list[Source]:
        """The slides of one split, opened once; of one organ only, where it is named."""
        if split not in self._sources:
            known = {entry.split for entry in self.entries}
            if split not in known:
                found = ", ".join(sorted(known))
                raise WsigenError(f"the cohort has no split {split!r}; it has {found}")
            chosen = of_split(self.entries, split)
            self._sources[split] = [Source.of(entry.open(), entry.case) for entry in chosen]
        pairs = zip(of_split(self.entries, split), self._sources[split], strict=True)
        return [source for entry, source in pairs if organ in (None, entry.organ)]

    def draw(
        self, number: int, mpp: Scale, split: str = "train", stream: str = "real", *,
        augment: bool = True, spread: str = "log",
    ) -> Drawn:  # fmt: skip
        """Real patches with their scale and case; see `wsigen.experiments.places`.

        Args:
            number: how many.
            mpp: one scale, or the ends of a range from which each patch draws its own.
            split: of the cohort.
            stream: names the draw: two streams of one split are two samples of the same slides.
            augment: turn and mirror, as in training.
            spread: of the scales over a range: "log" or "uniform".
        """
        placed = PlacedPatches(self.sources(split), self.patch_px, augment=augment)
        return placed.draw(number, mpp, generator(self.seed, "real", stream, split), spread)

    def as_trained(self, split: str, finest: float) -> AsTrained:
        """Draws patches of a split as a told model's training does, of no scale below ``finest`` um/px."""
        if (split, finest) not in self._as_trained:
            sources, info = self.sources(split), self.denoiser.info
            self._as_trained[split, finest] = AsTrained(
                of_split(self.entries, split),
                sources,
                info.patch_px,
                (info.mpp_min, info.mpp_max),
                finest,
                self.seed,
            )
        return self._as_trained[split, finest]

    def shows(self, mpp: float, split: str = "train") -> bool:
        """Whether the model knows this scale and any slide of a split shows it."""
        info = self.denoiser.info
        known = info.mpp_min * 0.999 <= mpp <= info.mpp_max * 1.001
        return known and self.slides_showing(mpp, split) > 0

    def slides_showing(self, mpp: float, split: str = "train") -> int:
        """How many slides of a split show this scale."""
        return PlacedPatches(self.sources(split), self.patch_px).showing(mpp)

    def real_patches(
        self, number: int, mpp: Scale, split: str = "train", stream: str = "real"
    ) -> NDArray[np.uint8]:
        """Real patches, uint8 (number, patch_px, patch_px, 3); arguments as `draw`."""
        return self.draw(number, mpp, split, stream).pixels

    def generated_patches(
        self,
        number: int,
        mpp: float | Sequence[float] | NDArray[np.float64],
        *,
        num_steps: int = 20,
        solver: str = "heun",
        sigma_min: float = SIGMA_MIN,
        stream: str = "generated",
        overviews: bool = False,
    ) -> NDArray[np.uint8]:
        """Single patches from noise, uint8 (number, patch_px, patch_px, 3).

        They are kept: asked for again, or for more, only what is new is computed.

        Args:
            number: how many.
            mpp: one scale for all, or one per patch (as of `Drawn.mpp`).
            num_steps: N.
            solver: see `wsigen.sampler`.
            sigma_min: last noise level before 0.
            stream: names the noise; patch i starts from the same noise whatever the steps and the solver.
            overviews: whether they are drawn as the overviews of slides are by default.
        """
        scales = np.broadcast_to(np.asarray(mpp, np.float64), (number,))
        self.denoiser.check_mpp(float(scales.min()), float(scales.max()))
        size = CHUNK if self.device == "cpu" else 8 * CHUNK
        sigmas = karras_sigmas(num_steps, sigma_min)
        chunks = [
            self._chunk(scales[first : first + size], first, sigmas, solver, stream, overviews)
            for first in range(0, number, size)
        ]
        return np.concatenate(chunks)

    def _chunk(
        self,
        scales: NDArray[np.float64],
        first: int,
        sigmas: Levels,
        solver: str,
        stream: str,
        overviews: bool,
    ) -> NDArray[np.uint8]:
        """Patches ``first`` and following, from the cache or from noise."""
        denoiser: Denoiser = self.denoiser
        model: object = self.denoiser.sha256
        if overviews:
            painter = self.painter(self.plan(None))
            own = painter.at(0, float(scales.min()))
            denoiser = painter.for_stage(own).denoiser
            model = (self.denoiser.digest, own)
        made_by = ("patches", model, self.seed, stream, first, solver, self.device)
        key = (*made_by, sigmas.tolist(), scales.tolist())

        def make(folder: Path) -> None:
            patches = self._sampled(denoiser, scales, first, sigmas, solver, stream)
            np.save(folder / "patches.npy", patches)

        return self.kept(key, make)[0]

    def _sampled(
        self,
        denoiser: Denoiser,
        scales: NDArray[np.float64],
        first: int,
        sigmas: Levels,
        solver: str,
        stream: str,
    ) -> NDArray[np.uint8]:
        """Patches ``first`` and following from noise."""
        side = self.patch_px
        noise = [
            generator(self.seed, "patch", stream, first + i).standard_normal(
                (3, side, side), np.float32
            )
            for i in range(len(scales))
        ]
        x = torch.from_numpy(np.stack(noise)).to(self.device) * float(sigmas[0])
        mpp = torch.tensor(scales, dtype=torch.float32, device=self.device)

        def sampled(share: tuple[torch.Tensor, ...]) -> NDArray[np.uint8]:
            return to_pixels(sample(denoiser, share[0], sigmas, share[1], solver=solver))

        return self.side_by_side(sampled, x, mpp)

    def side_by_side(
        self, work: Callable[[tuple[torch.Tensor, ...]], NDArray[np.uint8]], *tensors: torch.Tensor
    ) -> NDArray[np.uint8]:
        """Do work on tensors of one length in shares, each on a thread; what comes of them, joined."""
        most = SHARE if self.device == "cpu" else len(tensors[0])
        with torch.inference_mode(), Crew(self.device) as crew:
            shares = zip(*(tensor.split(most) for tensor in tensors), strict=True)
            return np.concatenate([part for _, part in crew.in_order(work, shares)])

    def kept(
        self, key: tuple[object, ...], make: Callable[[Path], None]
    ) -> list[NDArray[np.uint8]]:
        """Arrays that ``make`` writes into a folder, or this code has kept; see `wsigen.experiments.kept`."""
        return kept(self.cache, (*key, code_sha256()), make)

    @cached_property
    def extractor(self) -> Extractor:
        """The network behind all features."""
        return extractor(self.extractor_name, self.device)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features of images, shape (images, dims), kept under their content."""
        return features(images, self.extractor, cache=self.cache / "features")

    def described(self) -> dict[str, Any]:
        """What decides a measurement beside its own parameters, JSON-ready and without folders."""
        slides = [(entry.path.name, entry.case, entry.mpp, entry.split) for entry in self.entries]
        named = self.extractor_name != DEFAULT_EXTRACTOR
        return {
            "model": without_folder(Path(self.model)),
            "model_sha256": self.denoiser.sha256,
            "cohort": without_folder(Path(self.cohort)),
            "cohort_sha256": hashlib.sha256(repr(slides).encode()).hexdigest()[:16],
            "seed": self.seed,
            **({"told": self.told} if self.told != 1 else {}),
            **({"extractor": self.extractor_name} if named else {}),
        }


def cache_folder() -> Path:
    """``wsigen`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsigen"
