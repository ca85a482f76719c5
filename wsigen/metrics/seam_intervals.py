"""How sure is the size of a seam? Bootstrap intervals of its effect, by the edges of patches.

A seam test averages over the edges between patches (see `wsigen.metrics.seams`). With x_b(o) what edge b adds at offset
o and w_b(o) its weight, edges are drawn anew with replacement, those across rows and those across columns apart:

    T*(o) = sum_b n_b w_b(o) x_b(o) / sum_b n_b w_b(o),     n multinomial
    effect* = (T*(grid) - mean of T* over the other offsets) / spread of T over the other offsets

The spread is that of the image as it is: only what is averaged over edges is drawn anew. The interval reaches as
many standard deviations of effect* to both sides of the effect as its level asks for. It is about this image; another
one's seams may differ.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from wsigen.metrics.intervals import Estimate
from wsigen.metrics.lattice import Plane, at_offset, hann, standardised
from wsigen.metrics.seams import Image, SeamPlanes, all_edges, in_frame
from wsigen.seeds import generator


@dataclass(frozen=True)
class SeamSize:
    """How large a seam is, with intervals.

    Args:
        effect: in standard deviations of the other offsets, see `wsigen.metrics.lattice.LatticeTest`.
        grey: in grey levels.
    """

    effect: Estimate
    grey: Estimate


def seam_size(
    image: Image,
    period: int,
    offset: tuple[int, int] = (0, 0),
    *,
    align: int = 1,
    level: float = 0.95,
    resamples: int = 400,
    seed: int = 0,
) -> SeamSize:
    """Effect and grey levels of `wsigen.metrics.seams.seam_test` with bootstrap intervals.

    Args:
        image, period, offset, align: as of the test.
        level: share of intervals that are to hold the truth.
        resamples: how many times the edges are drawn.
        seed: name of the stream.
    """
    found = SeamPlanes.of(image, period).at(offset, align=align)
    sides = [_Side.of(image, period, offset, align, axis) for axis in (0, 1)]
    stream = generator(seed, "seam size")
    drawn = [
        stream.multinomial(side.edges, np.full(side.edges, 1 / side.edges), resamples).astype(float)
        for side in sides
    ]
    whole = [np.ones((1, side.edges)) for side in sides]
    step, rough, squares = (values[0] for values in _planes(sides, whole))
    steps, roughs, all_squares = _planes(sides, drawn)
    scored = np.maximum(standardised(step), standardised(rough))
    again = np.maximum(standardised(steps, step), standardised(roughs, rough))
    spread = scored[1:].std()
    reach = float(norm.ppf((1 + level) / 2))
    wide = reach * float(_own(again).std() / spread) if spread > 0 else 0.0
    square, wide_square = float(_own(squares)), reach * float(_own(all_squares).std())
    low, high = (float(np.sqrt(max(0.0, square + part * wide_square))) for part in (-1, 1))
    return SeamSize(
        Estimate(found.effect, found.effect - wide, found.effect + wide, level),
        Estimate(found.grey, min(low, found.grey), max(high, found.grey), level),
    )


@dataclass(frozen=True)
class _Side:
    """What each edge across rows (or columns) adds at each offset, the grid's own first.

    Args:
        weight, line_weight: of the window of edges, and of that of whole lines, (edges, offsets).
        step, square, precision: edges, their squared grey levels and weights of these, all times the window.
        rough: the same of lines.
    """

    weight: Plane
    line_weight: Plane
    step: Plane
    square: Plane
    precision: Plane
    rough: Plane

    @property
    def edges(self) -> int:
        return len(self.weight)

    @classmethod
    def of(
        cls, image: Image, period: int, offset: tuple[int, int], align: int, axis: int
    ) -> "_Side":
        def cut(values: Plane) -> Plane:
            """Per edge, in the frame of the image, those offsets that are compared."""
            rows, columns = (length // period for length in values.shape)
            values = values[: rows * period, : columns * period]
            blocks = values.reshape(rows, period, columns, period).swapaxes(1, 2)
            blocks = in_frame(blocks.reshape(-1, period, period), axis)
            return at_offset(blocks, offset, align)

        totals: list[Plane] = []
        for edges, along in all_edges(image, period):
            if along != axis:
                continue
            rows, columns = edges.step.shape
            window = np.outer(hann(rows), hann(columns))
            lines = hann(rows)[:, None] * np.ones(columns)
            rough = edges.rough[:, :columns].reshape(rows, -1, period).mean(axis=2)
            values = [
                window * np.log1p(edges.step),
                window * edges.step,
                window * edges.weight,
                lines * np.repeat(rough, period, axis=1),
            ]
            found = [cut(value) for value in values]
            totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
        return cls(cut(window), cut(lines), *totals)


def _planes(sides: list[_Side], counts: list[Plane]) -> tuple[Plane, Plane, Plane]:
    """Step, break and squared grey levels for edges that count so often, (resamples, offsets) each."""
    shape = len(counts[0]), sides[0].weight.shape[1]
    step, rough, square, precision = np.zeros((4, *shape))
    for side, number in zip(sides, counts, strict=True):
        weight = number @ side.weight
        step += number @ side.step / weight
        square += number @ side.square / weight
        precision += number @ side.precision / weight
        rough += number @ side.rough / (number @ side.line_weight)
    return step, rough, square / precision


def _own(values: Plane) -> Plane:
    """The grid's own value less the mean of the others."""
    return np.asarray(values[..., 0] - values[..., 1:].mean(axis=-1))
