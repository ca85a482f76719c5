"""Who tells a student's tissue from real tissue: two critics, which know the scale, and a crowd.

:class:`Grain` is a small convolutional network. Each of its answers looks at a square of some pixels (Isola et al.
2017, "PatchGAN"), at four sizes of square: the smallest, of 5 px, sees grain and weave. It is shown the image, its
difference from the guide, enlarged, since that is what the student adds, and the guide.

:class:`Tissue` looks through the eyes of a network that was trained on a million photographs (Sauer et al. 2021,
"Projected GANs"): it learns in minutes to see nuclei, clefts and nests, for which a critic of our own would want days.

The crowd, `wsigen.training.crowd`, compares all of the student's patches with all real ones.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from wsigen.arrays import Images, PerImage
from wsigen.training.crowd import Crowd, described
from wsigen.training.perception import CHANNELS, Maps, Perception
from wsigen.training.upscaling import WINDOWS

DETAIL = 8.0  # how much larger what the guide does not have is shown: it is small
GAIN = 3.0  # of answers whose weights are kept from growing


class Grain(nn.Module):
    """Answers above 0 for real tissue, below for a student's.

    Args:
        width: channels at full size; they grow to four times as many.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        widths = (2 * width, 4 * width, 4 * width)
        self.stem = nn.Conv2d(10, width, 3, padding=1)
        self.fine = nn.Conv2d(width, width, 3, padding=1)
        self.halve = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            for inputs, outputs in zip((width, *widths), widths, strict=False)
        )
        self.fine_head = nn.Conv2d(width, 1, 1)
        self.heads = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in widths)

    def forward(self, image: Images, guide: Images, mpp: PerImage) -> list[Tensor]:
        """Answers at full size, a half, a quarter and an eighth of the size, each (batch, 1, height, width).

        Args:
            image: what is judged.
            guide: the guide without noise, at full size.
            mpp: micrometres per pixel.
        """
        scale = (mpp.log() / 4)[:, None, None, None].expand(-1, 1, *image.shape[2:])
        seen = torch.cat([image, DETAIL * (image - guide), guide, scale], dim=1)
        h = functional.leaky_relu(
            self.stem(seen.contiguous(memory_format=torch.channels_last)), 0.2
        )
        answers = [self.fine_head(functional.leaky_relu(self.fine(h), 0.2)).float()]
        for halve, head in zip(self.halve, self.heads, strict=True):
            h = functional.leaky_relu(halve(h), 0.2)
            answers.append(head(h).float())
        return answers


class Head(nn.Module):
    """Judges one map: standardised as real tissue has it, by weights kept from growing (Miyato et al. 2018)."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.standard = nn.BatchNorm2d(channels, affine=False, momentum=0.02)
        self.look = spectral_norm(nn.Conv2d(channels, width, 3, padding=1))
        self.weigh = spectral_norm(nn.Conv2d(width, width, 1))
        self.answer = spectral_norm(nn.Conv2d(width, 1, 1))
        self.scale = nn.Linear(1, width)

    def forward(self, found: Tensor, mpp: PerImage) -> Tensor:
        h = functional.leaky_relu(self.look(self.standard(found)), 0.2)
        h = h + self.scale((mpp.log() / 4)[:, None])[:, :, None, None]
        answer: Tensor = self.answer(functional.leaky_relu(self.weigh(h), 0.2))
        return GAIN * answer.float()


class Tissue(nn.Module):
    """Answers above 0 for real tissue, below for a student's, at an image's whole size to a sixteenth of it.

    It is shown the network's maps of `wsigen.training.perception`, not its colours, and not the guide.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(channels) for channels in CHANNELS)
        self.eval()

    def forward(self, maps: Maps, mpp: PerImage) -> list[Tensor]:
        """Five answers, each (batch, 1, height, width) of its map."""
        return [
            head(found, mpp) for head, found in zip(self.heads, maps[: len(CHANNELS)], strict=True)
        ]

    @torch.no_grad()
    def acquaint(self, maps: Maps, mpp: PerImage) -> None:
        """Follow what real maps are like, and how large the weights are: once a step, before anybody is judged."""
        self.train()
        self(maps, mpp)
        self.eval()


class Opinion(NamedTuple):
    """What is said of images.

    Args:
        grain, tissue: answers of both critics.
        maps: what `wsigen.training.perception` sees in them.
    """

    grain: list[Tensor]
    tissue: list[Tensor]
    maps: Maps


class Critics(nn.Module):
    """Both critics, and the crowd.

    Args:
        half: look in bfloat16.
    """

    def __init__(self, half: bool) -> None:
        super().__init__()
        self.perception = Perception(half)
        self.grain, self.tissue = Grain(), Tissue()
        self.crowd = Crowd()

    def forward(
        self, image: Images, guide: Images, mpp: PerImage, maps: Maps | None = None
    ) -> Opinion:
        """What they say of fields of two by two patches; arguments as of :meth:`Grain.forward`.

        ``maps`` are what `wsigen.training.perception` sees in them, where that is known.
        """
        maps = self.perception(image) if maps is None else maps
        with torch.autocast("cpu", torch.bfloat16, enabled=self.perception.half):
            answers = self.grain(image, guide, mpp), self.tissue(maps, mpp)
        return Opinion(*answers, maps)

    @torch.no_grad()
    def acquaint(self, maps: Maps, mpp: PerImage, style: Tensor) -> None:
        """Get to know the real fields of a step, by their maps, before the student's are judged."""
        self.tissue.acquaint(maps, mpp)
        self.meet(described(maps), mpp, style)

    @torch.no_grad()
    def meet(self, patches: Tensor, mpp: PerImage, style: Tensor) -> None:
        """Let the crowd know the described patches of real fields, with scale and style of each field."""
        each = (mpp.repeat_interleave(WINDOWS), style.repeat_interleave(WINDOWS, 0))
        self.crowd.remember("real", patches, *each)


def taken_for_real(answers: list[Tensor]) -> Tensor:
    """The loss of who wants all to be taken for real: mean of ln(1 + e^-answer); with -answers, for the opposite."""
    return torch.stack([functional.softplus(-answer).mean() for answer in answers]).mean()


def steepness(critic: Grain, image: Images, guide: Images, mpp: PerImage) -> Tensor:
    """Mean squared slope of the critic's answers at real images (Mescheder et al. 2018, "R1"): what keeps it smooth."""
    image = image.detach().requires_grad_()
    answers = critic(image, guide, mpp)
    total = torch.stack([answer.mean((1, 2, 3)).sum() for answer in answers]).sum()
    (slope,) = torch.autograd.grad(total, image, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean()
