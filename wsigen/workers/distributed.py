"""Many workers on one slide, each with a band of rows.

Workers share nothing but messages: each keeps its rows in its own memory or workdir, on its own host. All of them are
at the same step or one apart, since a step begins when the step before is done everywhere: so whichever of them
dies, what is needed to go on is still there.
"""

import functools
import sys
from collections.abc import Generator, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import run_stage
from wsigen.errors import WsigenError
from wsigen.plan import Stage
from wsigen.runs.canvas import Canvas, Image, strips
from wsigen.runs.painter import Painter
from wsigen.runs.plane import flat_round
from wsigen.runs.progress import Position, Progress
from wsigen.runs.stage import StageRun
from wsigen.runs.state import State
from wsigen.runs.storage import Storage
from wsigen.workers.bands import Bands, Transfer, transfers
from wsigen.workers.team import MESSAGE_PIXELS, Rows, Team


class Shared:
    """The state of a band: that of one worker, which gets rows from the others before each step.

    Args:
        own: where this worker's canvases lie.
        team, bands: the workers and their rows.
        step: the step at which the slowest worker is.
        run: the stage that is run.
    """

    def __init__(self, own: State, team: Team, bands: Bands, step: int, run: StageRun) -> None:
        self.own, self.team, self.bands, self.run = own, team, bands, run
        self.half, self.spent = own.half, own.spent
        if run.plan.margin_px:
            own.keep_apart()
        ahead = own.step > step  # this worker has taken the step: it only hands rows on
        self.step, self.patches = step, len(bands.grid(step)) if ahead else own.patches
        self.fetch(step)

    def image(self, name: str, step: int) -> Image:
        """The worker's own."""
        return self.own.image(name, step)

    def keep_apart(self) -> None:
        """They are, as the plan wants it."""

    def batch_done(self, step: int, patches: int, pixels: int) -> None:
        """Note it for this worker."""
        self.own.batch_done(step, patches, pixels)

    def step_done(self, step: int) -> None:
        """Note it for this worker, and go on when all are done."""
        self.own.step_done(step)
        self.team.wait()
        self.fetch(step + 1)

    def finish(self, num_steps: int) -> Image:
        """The worker's rows; they stay where they are until all workers have the next stage's guide."""
        return self.own.image("x", num_steps)

    def fetch(self, step: int) -> None:
        """Before a step, get the rows that its grid puts on this worker's side of a border."""
        if not 0 < step < self.run.num_steps:
            return
        height = self.bands.stage.height
        moves = transfers(self.bands.held(step - 1), self.bands.seen(step), height)
        moves = [move for move in moves if move.source != move.target]
        for name in self.run.canvases:
            rows = Rows(self.image(name, step), self.bands.region(self.team.rank).top, height)
            self.team.move(moves, rows, rows)


def generate_together(
    painter: Painter,
    path: Sequence[Stage],
    team: Team,
    *,
    storage: Storage | None = None,
) -> Generator[Progress, None, Iterator[NDArray[np.uint8]]]:
    """Generate a slide as :func:`wsigen.coarse_to_fine.generate` does, as one of several workers.

    Yields after each batch of this worker. Returns strips of the whole slide from the top, for the first worker to
    write; the others go through theirs too, which are none, and send their rows as they do.
    """
    storage = storage or Storage.beside(painter.device)
    storage.check_room(path, painter.plan.num_canvases, share=1 / team.size)
    with storage.claimed(tidy=False):
        mine = storage.position
        slowest = meet(team.tell(mine))
        coarse: Bands | None = None
        guide: Canvas | None = None
        image: Image | None = None
        for stage in path:
            bands = Bands(painter, stage, team.size)
            if stage.index < slowest.stage:
                storage.drop(stage.index)
                yield from storage.before(stage)
                continue
            if stage.index > 0:
                guide = guide_canvas(storage, bands, team.rank)
                if coarse is not None and image is not None:
                    hand_on(team, coarse, image, bands, guide)
                    storage.keep(Position(stage.index))
                    team.wait()
                    storage.drop(coarse.stage.index)
            own = storage.state(stage, bands.region(team.rank))
            if mine.stage > stage.index:
                own.step = sys.maxsize  # this worker has taken all steps: it only hands rows on
            step = slowest.step if stage.index == slowest.stage else 0
            image = yield from run_stage(
                painter,
                stage,
                guide,
                state=functools.partial(Shared, own, team, bands, step),
                region=bands.region(team.rank),
                part=functools.partial(bands.part, team.rank),
            )
            coarse = bands
    assert image is not None
    return gathered(team, bands, image)


def meet(positions: Sequence[Position]) -> Position:
    """Where all go on: at the slowest worker's position.

    Raises:
        WsigenError: they are more than a step apart.
    """
    slowest, fastest = min(positions), max(positions)
    one_stage = fastest.stage == slowest.stage and fastest.step - slowest.step <= 1
    if not one_stage and (fastest.stage - slowest.stage != 1 or fastest.step > 0):
        raise WsigenError(
            f"workers are at different places: {', '.join(f'{p.stage}/{p.step}' for p in positions)} "
            "(stage/step); give each the workdir that it had, or delete the workdirs of all"
        )
    return slowest


def guide_canvas(storage: Storage, bands: Bands, rank: int) -> Canvas:
    """The rows of the stage before that a worker's band is guided by."""
    stage, factor = bands.stage, bands.own.factor
    height, width = stage.height // factor, stage.width // factor
    rows = bands.guide_rows(rank)
    image = storage.guide(stage.index, len(rows), width)
    return flat_round(image, bands.painter, plane=(height, width), corner=(rows.start, 0))


def hand_on(team: Team, coarse: Bands, image: Image, fine: Bands, guide: Canvas) -> None:
    """Send the finished rows of a stage to those whose bands of the next one they guide."""
    height = coarse.stage.height
    needed = [fine.guide_rows(rank) for rank in range(team.size)]
    moves = transfers(coarse.written, needed, height)
    source = Rows(image, coarse.region(team.rank).top, height)
    team.move(moves, source, Rows(guide.image, guide.top, height))


def gathered(team: Team, bands: Bands, image: Image) -> Iterator[NDArray[np.uint8]]:
    """Strips of the finished slide on the first worker, from the rows of all."""
    stage, rank = bands.stage, team.rank
    own = Rows(image, bands.region(rank).top, stage.height)
    everything = [range(stage.height)] + [range(0)] * (team.size - 1)
    for source, _, start, stop in sorted(
        transfers(bands.written, everything, stage.height), key=lambda move: move.start
    ):
        step = max(1, MESSAGE_PIXELS // stage.width)
        for top in range(start, stop, step):
            rows = range(top, min(top + step, stop))
            strip = Rows(image.new_empty(3, len(rows), stage.width), top, stage.height)
            if source == rank == 0:
                strip.put(rows, own.get(rows))
            else:
                team.move([Transfer(source, 0, rows.start, rows.stop)], own, strip)
            if rank == 0:
                yield from strips(strip.image, len(rows), stage.width)
