"""Finding the styles of a cohort's cases: what their tissue has of its own, without its colours.

Fields of each case are made grey and of one contrast, and described by what a network that knows photographs sees in
them (`wsigen.training.crowd.described`). At each scale a case's style is how the mean of its fields differs from that
of all cases, in the directions in which cases differ most (principal components). Few fields say little: n of them
are believed n / (n + 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Images, PerImage
from wsigen.errors import WsigenError
from wsigen.mending import stained
from wsigen.networks.styles import LENGTH, SCALES, Styles, scales
from wsigen.training.crowd import described, evening
from wsigen.training.drawing import Drawer, Drawn
from wsigen.training.perception import CHANNELS, Perception, shown
from wsigen.training.progress import Watch, unwatched
from wsigen.training.upscaling import WINDOWS

FIRST = 10**8  # number of the first field that is looked at: far from those that are learnt from
TOGETHER = 16  # fields looked at at once
LUMA = (0.299, 0.587, 0.114)
GREY = 0.3  # standard deviation of a field's brightness when it is looked at
DARKER = 0.3  # red of -1 to 1 below which a pixel is stained well
FAINT = 0.05  # added to its own, lest glass become noise
TISSUE = 0.4  # share of them from which on a field has a style
OCTAVES = 0.4  # standard deviation of how far around a scale fields count for it
LEAST, BELIEVED = 1.0, 2.0  # fields for a style at a scale, and for half a style
SIZE = 2.0  # root mean square of its numbers
OF_SLIDES = (2.0, 8.0)  # um/px; a slide takes the style of a case that is known between them
BLUE = 0.25  # of a case's darker pixels; where more are bluer than can be painted, its style was a net of navy blue
OWN = 1.4  # times as long is a slide's style as its case's: a mean of fields lies nearer the middle than they do
FARTHEST = 14.0  # length of a slide's style: far ones were painted as a mesh


@dataclass(frozen=True)
class Look:
    """How a style is read from a description of grey fields.

    Args:
        weight: what descriptions are multiplied by, shape (n,).
        middle: of all cases at each scale, shape (``SCALES``, n).
        directions: times how much they count, shape (``LENGTH``, n).
    """

    weight: Tensor
    middle: Tensor
    directions: Tensor

    def of(self, descriptions: Tensor, mpp: PerImage) -> Tensor:
        """The styles of fields by themselves, shape (fields, ``LENGTH``)."""
        nearest = (mpp[:, None] / scales()).log().abs().argmin(1)
        return (descriptions * self.weight - self.middle[nearest]) @ self.directions.T


@dataclass(frozen=True)
class CaseStyles:
    """The styles of the cases of a cohort.

    Args:
        names: of the cases.
        codes: shape (cases, ``SCALES``, ``LENGTH``); NaN at scales at which a case is not known.
        look: how they were read.
        case_of: number of the case of each slide that is drawn from.
        blue: how much of each is bluer than can be painted, see :func:`blue_share`, shape (cases,).
    """

    names: list[str]
    codes: Tensor
    look: Look
    case_of: Tensor
    blue: Tensor

    @classmethod
    def kept(
        cls, tensors: dict[str, Tensor], names: list[str], cases: Sequence[str]
    ) -> "CaseStyles":
        """What :meth:`tensors` gave; ``cases`` are those of the slides that are drawn from."""
        look = Look(tensors["weight"], tensors["middle"], tensors["directions"])
        return cls(names, tensors["codes"], look, numbered(cases, names), tensors["blue"])

    def tensors(self) -> dict[str, Tensor]:
        """Everything but names, to be kept."""
        return {"codes": self.codes, "blue": self.blue, **vars(self.look)}

    @classmethod
    def of(
        cls, drawer: Drawer, perception: Perception, number: int, watch: Watch = unwatched
    ) -> "CaseStyles":
        """The styles of the cases of a drawer, found in so many fields of two by two patches."""
        names = sorted(set(drawer.cases))
        case_of = numbered(drawer.cases, names)
        found, mpp, case, blue = [], [], [], []
        for start in watch(range(FIRST, FIRST + number, TOGETHER), "finding the styles of cases"):
            drawn = drawer.draw(range(start, start + TOGETHER))
            some = tissue(drawn.clean)
            if some.any():
                found.append(seen(drawn.clean[some], perception))
                mpp.append(drawn.mpp[some])
                case.append(case_of[drawn.source[some]])
                blue.append(blue_share(drawn.clean[some]))
        if not found:
            raise WsigenError(
                f"none of {number} fields of the cohort shows tissue, of which styles are; expected slides of tissue"
            )
        codes, look = codes_of(torch.cat(found), torch.cat(mpp), torch.cat(case), len(names))
        return cls(
            names, codes, look, case_of, by_case(torch.cat(blue), torch.cat(case), len(names))
        )

    @cached_property
    def filled(self) -> Styles:
        """All of them: where a case is not known, as it is at the nearest scale, or as all are in the mean."""
        known = self.codes.isfinite().all(2)
        steps = torch.arange(SCALES)
        apart = (steps[:, None] - steps).abs().float()
        nearest = torch.where(known[:, None, :], apart, torch.inf).argmin(2)
        there = self.codes.gather(1, nearest[..., None].expand_as(self.codes))
        return Styles(there.nan_to_num(0.0))

    def at(self, source: Tensor, mpp: PerImage) -> Tensor:
        """The styles of slides, by their numbers, at scales, shape (batch, ``LENGTH``)."""
        return self.filled.at(self.case_of[source], mpp)

    def told(self, drawn: Drawn, perception: Perception, chance: Tensor) -> Tensor:
        """What a student is told of fields: styles between their cases' and their own, shape (batch, ``LENGTH``).

        Args:
            drawn: the fields.
            perception: that the styles were found by.
            chance: uniform numbers, (batch,): 0 is the case's, 1 the field's. Glass has none of its own.
        """
        style = self.at(drawn.source, drawn.mpp)
        some = tissue(drawn.clean)
        if some.any():
            own = self.look.of(seen(drawn.clean[some], perception), drawn.mpp[some])
            style[some] = torch.lerp(style[some], own, chance[some, None])
        return style

    def of_slides(self) -> Styles:
        """Those that a slide can have: of cases that are known at all scales of ``OF_SLIDES``, and can be painted.

        Raises:
            WsigenError: fewer than two cases are known there: styles are how they differ.
        """
        finest, coarsest = OF_SLIDES
        asked = (scales() >= finest) & (scales() <= coarsest)
        whole = self.codes[:, asked].isfinite().all(2).all(1) & (self.blue < BLUE)
        if whole.sum() < 2:
            raise WsigenError(
                f"{int(whole.sum())} of {len(whole)} cases show enough tissue at {finest:g} to {coarsest:g} um/px to "
                "have a style; expected two or more, since styles are how cases differ"
            )
        codes = OWN * self.filled.codes[whole]
        shorter = (FARTHEST / codes.norm(dim=2, keepdim=True).clamp(min=1e-6)).clamp(max=1)
        return Styles(codes * shorter)


def blue_share(fields: Images) -> Tensor:
    """What share of the darker pixels of fields is bluer than can be painted (`wsigen.mending.stained`), (batch,)."""
    darker = fields[:, 0] < DARKER
    bluer = darker & (stained(fields) != fields).any(1)
    return bluer.sum((1, 2)) / darker.sum((1, 2)).clamp(min=1)


def by_case(values: Tensor, case: Tensor, number: int) -> Tensor:
    """Means of the values of each case, 0 where it has none, shape (number,)."""
    sums, counts = (
        torch.zeros(number).index_add(0, case, v) for v in (values, torch.ones_like(values))
    )
    return sums / counts.clamp(min=1)


def numbered(cases: Sequence[str], names: list[str]) -> Tensor:
    """The places of cases among names; raises WsigenError for a case that is not among them."""
    unknown = sorted(set(cases) - set(names))
    if unknown:
        raise WsigenError(
            f"no style was found for {', '.join(unknown)}; resume with the run's own cohort, or --exclude "
            "what is new in it"
        )
    return torch.tensor([names.index(case) for case in cases])


def tissue(fields: Images) -> Tensor:
    """Whether fields show enough tissue to have a style, shape (batch,)."""
    return shown(fields).mean((1, 2, 3)) > TISSUE


@torch.no_grad()
def seen(fields: Images, perception: Perception) -> Tensor:
    """Descriptions of fields without their colours: the means of those of their patches, shape (batch, n)."""
    maps = perception(grey(fields))[: len(CHANNELS)]  # grey has no colours
    return described(maps).unflatten(0, (-1, WINDOWS)).mean(1)


def grey(fields: Images) -> Images:
    """Fields without their colours, of one brightness and contrast."""
    luma = torch.einsum("c,bchw->bhw", fields.new_tensor(LUMA), fields)[:, None]
    away = luma - luma.mean((1, 2, 3), keepdim=True)
    spread = away.std((1, 2, 3), keepdim=True) + FAINT
    return (GREY * away / spread).clamp(-1, 1).expand(-1, 3, -1, -1).contiguous()


def codes_of(
    descriptions: Tensor, mpp: PerImage, cases: Tensor, number: int
) -> tuple[Tensor, Look]:
    """The styles of cases, as `CaseStyles` keeps them, from descriptions of their fields; and how they were read.

    Args:
        descriptions: of fields, shape (fields, n).
        mpp: their scales, shape (fields,).
        cases: the numbers of their cases, shape (fields,).
        number: how many cases there are.
    """
    weight = evening(descriptions)
    x = descriptions * weight
    near = torch.exp(-((mpp[:, None] / scales()).log2() / OCTAVES).square() / 2)  # (fields, scales)
    of_case = functional.one_hot(cases, number).float()
    count = torch.einsum("fc,fs->cs", of_case, near)
    mean = torch.einsum("fc,fs,fn->csn", of_case, near, x) / count.clamp(min=1e-6)[..., None]
    known = count > LEAST
    share = known.sum(0).clamp(min=1)[:, None]
    middle = torch.where(known[..., None], mean, 0.0).sum(0) / share
    own = ((mean - middle) * (count / (count + BELIEVED))[..., None])[known]
    found = torch.linalg.svd(own, full_matrices=False).Vh[:LENGTH]
    directions = functional.pad(found, (0, 0, 0, LENGTH - len(found)))
    along = own @ directions.T
    longer = SIZE / along.square().mean().nan_to_num(1.0).sqrt().clamp(min=1e-6)
    codes = torch.full((number, SCALES, LENGTH), torch.nan)
    codes[known] = longer * along
    return codes, Look(weight, middle, longer * directions)
