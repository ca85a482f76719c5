"""Distilling: a student that goes from noise at a stage's start to tissue in one evaluation, or in two.

It begins as its teacher and learns a low-rank difference from it (`wsigen.networks.difference`). Each batch is the two
steps of a stage: half from the guide with noise of the first level, half from what the student made of that, with fresh
noise of the second. Some guides are what it made of a coarser one, as in a slide. What it should have made of them,
`wsigen.training.ways` says.

A student that can paint learns at last to paint in the style of a case (`wsigen.networks.styles`). Then only the layers
that heed a style learn; the rest stays as its critics left it.

And one that has styles can go on with slides that it paints itself (`wsigen.training.own_slides`), since what real
patches teach it is not quite what a slide asks.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from wsigen.arrays import Images, PerImage
from wsigen.denoiser import EDMDenoiser, keep_as_multiplied
from wsigen.networks.difference import Difference, Weights
from wsigen.networks.styles import LENGTH
from wsigen.networks.unet import UNet, with_styles
from wsigen.plan import STUDENT
from wsigen.runs.crew import Crew, one_thread
from wsigen.training.average import follow
from wsigen.training.checkpoint import LoadedDenoiser
from wsigen.training.critic import Critics
from wsigen.training.crowd import Crowd, described
from wsigen.training.drawing import Drawer, Drawn
from wsigen.training.examples import on_device
from wsigen.training.own_slides import OwnSlides
from wsigen.training.perception import Maps
from wsigen.training.progress import Progress, Step, Watch, unwatched
from wsigen.training.styles import TOGETHER, CaseStyles, tissue
from wsigen.training.upscaling import (
    OPERATOR,
    WINDOWS,
    DistilConfig,
    Upscaling,
    joined,
    upscaling,
    windows,
)
from wsigen.training.ways import LOSSES, Found, Way
from wsigen.training.weights import under

SHARE = 8  # patches whose gradient a thread computes at once
STYLED = ("style", "affine")  # layers that heed a style
LAST_RATES = {"styled": 1e-3, "slides": 1e-4}  # of the ways that come last
SETTLES = 100  # steps after which these rates fall, as 1 / steps and as 1 / sqrt(steps)
PAINT = 16  # steps until a student paints another slide to learn from
LOOKED_AT = 3600  # real fields that the crowd knows before it is asked about slides
MET = 384  # patches of slides that it knows, too, before the student learns
Gradients = list[Tensor | None]
Piece = tuple[Way, Upscaling, Maps | None]  # a share, what asks for more, what is seen in its truth


class Distiller:
    """Student, critics and their optimisers.

    Args:
        config: how to distil.
        teacher: a model that is told its guide; its weights stay as they are.
        drawer: what draws fields of two by two patches.
        styles: of the cases that it draws from; where they are not given, a way that asks for them finds them.
        own: where windows of its own slides are kept, for the way "slides"; else they are of the styles found.
        watch: is given what takes minutes before the first step.
    """

    def __init__(
        self,
        config: DistilConfig,
        teacher: LoadedDenoiser,
        drawer: Drawer,
        styles: CaseStyles | None = None,
        own: OwnSlides | None = None,
        watch: Watch = unwatched,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.teacher, self.drawer, self.watch = config, teacher, drawer, watch
        self.own: OwnSlides | None = None
        self.images_seen = 0
        assert isinstance(teacher.network, UNet)
        styled = config.way in LAST_RATES
        larger = with_styles(teacher.network) if styled else teacher.network
        self.weights = {n: w.detach().float() for n, w in larger.named_parameters()}
        self.difference = Difference(self.weights, config.rank)
        self.average = deepcopy(self.difference)
        network = UNet(larger.config)
        network.attend_within(teacher.info.patch_px)
        if teacher.half_precision:
            keep_as_multiplied(network)
        self.student = LoadedDenoiser(
            network, teacher.info, name="student", sha256="", half=teacher.half_precision
        )
        self.parameters = dict(network.named_parameters())
        self.begun, self.before = deepcopy(self.difference), deepcopy(self.student)
        self.critics = Critics(teacher.half_precision)
        learns = (
            self.difference.of(STYLED) if config.way == "styled" else self.difference.parameters()
        )
        rate = LAST_RATES.get(config.way, config.learning_rate)
        steadier = (
            0.9 if styled else 0.0
        )  # critics move on, and what they asked for before is stale
        self.optimizer = torch.optim.Adam(learns, rate, betas=(steadier, 0.99))
        self.critic_optimizer = torch.optim.Adam(
            self.critics.parameters(), config.critic_rate, betas=(0.0, 0.99)
        )
        if styled and styles is None:
            with one_thread():
                styles = CaseStyles.of(drawer, self.critics.perception, config.style_fields, watch)
        self.styles = styles
        if config.way == "slides":
            assert styles is not None
            self.own = own or OwnSlides(styles.of_slides(), teacher.info.patch_px)
            self.critics.crowd = Crowd(real=WINDOWS * LOOKED_AT)
        self.begin()

    def begin_as(self, difference: Difference, times: float = 1.0) -> None:
        """Begin as a student that there is, with so many times its difference, instead of as the teacher."""
        for part in (self.difference, self.average, self.begun):
            part.take(difference, times)
        self.begin()

    def begin(self) -> None:
        """Give the student its weights, and what it was before those that it began with."""
        give(self.before, self.begun.applied(self.weights))
        self.become()

    def become(self) -> None:
        """Give the student the weights that its difference stands for."""
        give(self.student, self.difference.applied(self.weights))

    def run(self) -> Iterator[Progress]:
        """Distil on and on, one step at a time."""
        with Crew() as crew:
            while True:
                yield self.step(crew).progress()

    def step(self, crew: Crew) -> Step:
        """Take one step; shares are added up in their order, so that any number of threads gives the same bits."""
        with one_thread():
            if self.own is not None and not self.images_seen:
                self.look(LOOKED_AT, crew)
        if self.own is not None:
            self.paint(self.own)
        with one_thread():
            return self.learn(crew)

    def learn(self, crew: Crew) -> Step:
        """Learn from one batch: of real patches, or half of them and half of the student's own slides."""
        first, size = self.images_seen, self.config.batch_size
        pieces = self.real_pieces(first, size if self.own is None else size // 2, crew)
        if self.own is not None:
            painted = self.own.batch(size // 2 // WINDOWS, self.config.seed, first // WINDOWS)
            pieces += [(LOSSES["slides"], share, None) for share in painted.shares(SHARE)]

        def gradients(piece: Piece) -> tuple[Tensor, Gradients, Gradients, Found]:
            way, share, seen = piece
            part = len(share) / size
            found = way(self, share, seen)
            weights, judges = list(self.parameters.values()), list(self.critics.parameters())
            mine: Gradients = list(
                torch.autograd.grad(part * found.loss, weights, allow_unused=True)
            )
            if found.told_apart is None:
                return part * found.loss.detach(), mine, [], found
            its: Gradients = list(torch.autograd.grad(part * found.told_apart, judges))
            return part * found.told_apart.detach(), mine, its, found

        total, students, critics = torch.zeros(()), Gradients(), Gradients()
        made = list[tuple[Tensor, Upscaling]]()  # kept at last, so that shares see the same
        for (_, share, _), (loss, mine, its, found) in crew.in_order(gradients, pieces):
            total += loss
            students, critics = added(students, mine), added(critics, its)
            if found.seen is not None:
                made.append((found.seen, share))
        for patches, share in made:
            self.critics.crowd.remember("made", patches, share.mpp, share.style)
        steps = self.images_seen // size + 1
        if self.config.way in LAST_RATES:
            settled = min(1.0, SETTLES / steps) ** (0.5 if self.own is not None else 1.0)
            self.optimizer.param_groups[0]["lr"] = LAST_RATES[self.config.way] * settled
        self.difference.take_gradients(students)
        norm = nn.utils.clip_grad_norm_(self.difference.parameters(), 1.0)
        known = self.config.alone if critics else MET if self.own is not None else 0
        if first >= known:
            self.optimizer.step()
        if critics:
            for weight, gradient in zip(self.critics.parameters(), critics, strict=True):
                weight.grad = gradient
            self.critic_optimizer.step()
        self.become()
        self.images_seen += size
        short = steps / (10 + steps)  # a short run's average is of its end, too
        kept = min(self.config.ema, short)
        averages = list[Tensor](self.average.parameters())
        follow(averages, list[Tensor](self.difference.parameters()), kept)
        return Step(self.images_seen, total, self.optimizer.param_groups[0]["lr"], norm)

    def real_pieces(self, first: int, number: int, crew: Crew) -> list[Piece]:
        """Real patches, of which number ``first`` is the first, in shares with what is to be said of them.

        Some have guides that the student has made.
        """
        way = "styled" if self.own is not None else self.config.way
        fields = range(first // WINDOWS, (first + number) // WINDOWS)
        drawn = self.drawer.draw(fields)
        told = self.told(drawn, fields[0])
        batch = self.from_own(*upscaling(drawn, told, self.config, fields[0]))
        shares = batch.shares(SHARE)
        if way not in ("adversarial", "styled"):
            return [(LOSSES[way], share, None) for share in shares]
        maps = list(crew.each(lambda share: self.critics.perception(joined(share.clean)), shares))
        if self.own is None:
            all_of_them = [torch.cat(each) for each in zip(*maps, strict=True)]
            self.critics.acquaint(all_of_them, batch.mpp[::WINDOWS], batch.style[::WINDOWS])
        return [(LOSSES[way], share, seen) for share, seen in zip(shares, maps, strict=True)]

    def paint(self, own: OwnSlides) -> None:
        """Paint slides to learn from, where it is time to."""
        steps = self.images_seen // self.config.batch_size
        if steps % PAINT == 0:
            slides = range(1 if steps else self.config.slides)
            for _ in slides if steps else self.watch(slides, "painting slides"):
                own.paint(self.teacher, self.student, self.config.seed)

    def look(self, number: int, crew: Crew) -> None:
        """Let the crowd get to know the tissue among so many real fields."""
        starts = self.watch(range(0, number, TOGETHER), "looking at tissue")
        ranges = (range(start, min(start + TOGETHER, number)) for start in starts)
        drawn = ((fields[0], self.drawer.draw(fields)) for fields in ranges)

        def met(piece: tuple[int, Drawn]) -> tuple[Tensor, PerImage, Tensor] | None:
            first, fields = piece
            some = tissue(fields.clean)
            if not some.any():
                return None
            seen = described(self.critics.perception(fields.clean[some]))
            return seen, fields.mpp[some], self.told(fields, first)[some]

        for _, found in crew.in_order(torch.no_grad()(met), drawn):
            if found is not None:
                self.critics.meet(*found)

    def told(self, drawn: Drawn, first: int) -> Tensor:
        """What the student is told of the style of fields, the first of them number ``first``."""
        if self.styles is None:
            return torch.zeros(len(drawn.mpp), LENGTH)
        stream = on_device(drawn.mpp.device, self.config.seed, "styles", first)
        chance = self.config.style_own * torch.rand(len(drawn.mpp), generator=stream)
        return self.styles.told(drawn, self.critics.perception, chance)

    def start(self, batch: Upscaling) -> Images:
        """What a stage starts from: the guide with noise of the first level."""
        return OPERATOR.pinv(batch.guide) + STUDENT.sigma_start * batch.noise

    @torch.no_grad()
    def later_start(self, batch: Upscaling) -> Images:
        """What a later step starts from: what the student makes in the first, with fresh noise of a later level."""
        u = self.student(self.start(batch), STUDENT.sigma_start, batch.mpp, batch.told)
        return u + batch.later[:, None, None, None] * batch.fresh

    @torch.no_grad()
    def from_own(self, batch: Upscaling, before: Upscaling) -> Upscaling:
        """The batch with some guides as a slide's stage has them: made by the stage before, with its mistakes.

        Those that the teacher makes, because they are coarse, stay the truth's.

        Args:
            batch: patches, four of a field.
            before: one patch of each field, twice as coarse.
        """
        own = (before.chance < self.config.own_share) & (before.mpp <= self.config.mpp_max)
        if not own.any():
            return batch
        some = before.each(lambda tensor: tensor[own])
        made = self.student(self.later_start(some), some.later, some.mpp, some.told)
        guide = batch.guide.clone()
        guide[own.repeat_interleave(WINDOWS)] = windows(made)
        return replace(batch, guide=guide)

    def two_steps(self, batch: Upscaling) -> tuple[Images, PerImage]:
        """Half of the batch before the first step, half before a later one, after the student's own first."""
        half = len(batch) // 2
        first, later = batch.part(slice(half)), batch.part(slice(half, None))
        sigma = batch.later.clone()
        sigma[:half] = STUDENT.sigma_start
        return torch.cat([self.start(first), self.later_start(later)]), sigma

    def tensors(self) -> dict[str, Tensor]:
        """Everything a run needs to go on."""
        found = {
            f"{n}.{k}": v for n, part in self._parts().items() for k, v in part.state_dict().items()
        }
        for name, optimizer in self._optimizers().items():
            for index, state in optimizer.state_dict()["state"].items():
                found |= {f"{name}.{index}.{key}": value for key, value in state.items()}
        return found

    def go_on(self, tensors: dict[str, Tensor], images_seen: int) -> None:
        """Take up what :meth:`tensors` gave."""
        self.images_seen = images_seen
        for name, part in self._parts().items():
            part.load_state_dict(under(tensors, f"{name}."))
        for name, optimizer in self._optimizers().items():
            state: dict[int, dict[str, Tensor]] = {}
            for path, value in under(tensors, f"{name}.").items():
                index, key = path.split(".")
                state.setdefault(int(index), {})[key] = value
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.begin()

    def _parts(self) -> dict[str, nn.Module]:
        parts: dict[str, nn.Module] = {
            "difference": self.difference,
            "average": self.average,
            "critics": self.critics,
        }
        parts |= {"begun": self.begun} if self.config.way in ("styled", "slides") else {}
        return parts | ({} if self.own is None else {"own": self.own})

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"optimizer": self.optimizer, "critic_optimizer": self.critic_optimizer}


@torch.no_grad()
def give(student: EDMDenoiser, weights: Weights) -> None:
    """Give a student its weights."""
    for name, parameter in student.network.named_parameters():
        parameter.copy_(weights[name])


def added(sums: Gradients, found: Gradients) -> Gradients:
    """Gradients of one share more, in float32; what no share has stays None."""
    if not sums:
        return found
    return [
        a if b is None else b if a is None else a.float() + b.float()
        for a, b in zip(sums, found, strict=True)
    ]
