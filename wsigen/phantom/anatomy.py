"""The tissue of a phantom slide: where fat, glands, tumour, fibres and nuclei lie, in micrometres.

Two ingredients make everything: smooth noise on an endless lattice, and points scattered one to a cell of
an endless lattice. Both come from `wsigen.seeds` by name and place, so any rectangle can be drawn alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import ndtr

from wsigen.seeds import generator, white_noise

Plane = NDArray[np.floating[Any]]

SPLINE_STD = 0.479  # of the cubic B-spline of white noise in a plane, averaged over places


@dataclass(frozen=True)
class Recipe:
    """What makes one slide's tissue different from another's.

    Args:
        seed: names all random streams.
        fat, glands, tumour: how common each is, around 0, larger is more.
        turn: main direction of the fibres, radians.
        pieces: centre y, centre x, two half axes (micrometres) and angle (radians) of each piece of tissue.
    """

    seed: int
    fat: float
    glands: float
    tumour: float
    turn: float
    pieces: tuple[tuple[float, float, float, float, float], ...]


@dataclass(frozen=True)
class Tissue:
    """A drawn rectangle; the planes are (rows, columns), 0 to 1 unless said otherwise."""

    inside: Plane  # within the outline; holes that tissue surrounds count as inside
    solid: Plane  # not glass: neither outside nor a lumen, a fat cell or a cleft
    epithelium: Plane
    tumour: Plane
    muscle: Plane  # walls of vessels
    blood: Plane
    lymphoid: Plane
    fibre: Plane  # density of collagen, around 0, standard deviation about 1
    grain: Plane  # fine mottling, standard normal
    # (n, 6): y, x, half axes along and across (um), angle (radians), haematoxylin
    nuclei: NDArray[np.float64]


def draw_tissue(recipe: Recipe, y: Plane, x: Plane) -> Tissue:
    """The tissue at rows ``y`` and columns ``x``, micrometres, each evenly spaced by the same step."""
    seed, um = recipe.seed, float(y[1] - y[0])
    inside = _step(_outline(recipe, y, x), um)
    if not inside.any():
        return _glass(inside)
    warp = _noise(seed, "warp", 420, y, x)
    ripple = _noise(seed, "ripple", 11, y, x)
    rough = _noise(seed, "rough", 30, y, x)

    duct, duct_lumen = _rings(recipe, "duct", 430, (38, 80), 13, recipe.glands - 0.2, y, x)
    acinus, acinus_lumen = _rings(recipe, "acinus", 54, (16, 25), 11, recipe.glands - 1.0, y, x)
    vessel, vessel_lumen = _rings(recipe, "vessel", 620, (22, 60), 9, 0.0, y, x)
    wobble = 2.2 * ripple[0] + 1.5 * rough[0]
    lumen = _step(np.maximum(duct_lumen, acinus_lumen) + wobble, um)
    epithelium = _step(np.maximum(duct, acinus) + 0.5 * wobble, um) * (1 - lumen)
    vessel_inner = _step(vessel_lumen + wobble, um)
    muscle = _step(vessel + 0.5 * wobble, um) * (1 - vessel_inner) * (1 - epithelium) * (1 - lumen)
    blood = vessel_inner * _step(8 * (ripple[1] + rough[1] + 0.4), um)

    zone = _noise(seed, "tumour zone", 650, y, x)[0] + 0.15 * rough[2] + recipe.tumour
    nests = _noise(seed, "nests", 62, y, x)[0] + 0.35 * rough[1] + 0.1 * ripple[2]
    free = (1 - epithelium) * (1 - lumen) * (1 - muscle) * (1 - vessel_inner)
    tumour = _step(22 * np.minimum(nests + 0.25, 4 * zone), um) * free
    crowded = _noise(seed, "lymphoid", 130, y, x)[0] + 0.12 * rough[0] + 0.12 * ripple[2]
    lymphoid = _step(60 * (crowded - 1.9), 12) * free * (1 - tumour)

    fibre_y, fibre_x = y[:, None] + 130 * warp[0] + 9 * rough[0], x + 130 * warp[1] + 9 * rough[1]
    across = np.cos(recipe.turn) * fibre_y + np.sin(recipe.turn) * fibre_x
    along = np.cos(recipe.turn) * fibre_x - np.sin(recipe.turn) * fibre_y
    fibre = _noise_at(seed, "bundle", 13, 130, across, along)
    fibre += 0.6 * _noise_at(seed, "fibril", 3.5, 45, across, along)
    cleft = _step(7 * (-1.75 - fibre - 0.25 * ripple[1]), 2 * um)
    stroma = free * (1 - tumour) * (1 - lymphoid)
    hole = _fat(recipe, y, x, um) * stroma
    solid = inside * (1 - hole) * (1 - lumen) * (1 - cleft * stroma)
    solid *= 1 - vessel_inner * (1 - blood)

    slope_y, slope_x = np.gradient(across, um)
    crowd = 0.80 * epithelium + 0.62 * tumour + 0.85 * lymphoid + 0.12 * muscle + 0.055 * stroma
    crowd *= (solid > 0.9) * (inside > 0.9) * (blood < 0.1)
    nuclei = _nuclei(
        seed, y, x, crowd, (epithelium, tumour, lymphoid), np.arctan2(slope_x, -slope_y)
    )
    grain = _noise(seed, "grain", 2.2, y, x)[0]
    return Tissue(
        inside, solid, epithelium, tumour, muscle, blood, lymphoid, fibre, grain, nuclei
    )  # fmt: skip


def _glass(zero: Plane) -> Tissue:
    return Tissue(zero, zero, zero, zero, zero, zero, zero, zero, zero, np.empty((0, 6)))


def _outline(recipe: Recipe, y: Plane, x: Plane) -> Plane:
    """About the distance to the edge of the tissue in micrometres, positive inside."""
    size = float(np.mean([long + short for _, _, long, short, _ in recipe.pieces])) / 2
    bay = _noise(recipe.seed, "bay", 0.45 * size, y, x)[0]
    bump = _noise(recipe.seed, "bump", 0.14 * size, y, x)[0]
    edge = np.full((len(y), len(x)), -np.inf, np.float32)
    for piece_y, piece_x, long, short, angle in recipe.pieces:
        dy, dx = y[:, None] - piece_y, x[None, :] - piece_x
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        np.maximum(edge, 1 - np.hypot(u / long, v / short), out=edge)
    edge = size * (edge + 0.13 * bay + 0.045 * bump)
    return (
        edge
        + 9 * _noise(recipe.seed, "fray", 45, y, x)[0]
        + _noise(recipe.seed, "nap", 9, y, x)[0] * 3
    )


def _fat(recipe: Recipe, y: Plane, x: Plane, um: float) -> Plane:
    """1 in the hole of a fat cell, 0 in its wall and elsewhere: Voronoi cells with rounded corners."""
    spacing = 72.0
    points, first_row, first_column = _scatter(recipe.seed, "fat", spacing, y, x)
    where = (points[..., 0], points[..., 1])
    fat = _fatty(recipe, *where) > 0
    if not fat.any():
        return np.zeros((len(y), len(x)), np.float32)
    per_row = points.shape[1]
    centre_y, centre_x, _ = (points.astype(np.float32).reshape(-1, 3)).T
    row = (np.floor(y / spacing).astype(np.int32) - first_row)[:, None]
    column = (np.floor(x / spacing).astype(np.int32) - first_column)[None, :]
    home = row * per_row + column
    near = np.full(home.shape, np.inf, np.float32)
    next_near, first, second = near.copy(), home, home
    for step in (i * per_row + j for i in (-1, 0, 1) for j in (-1, 0, 1)):
        cell = home + step
        far = (centre_y[cell] - y[:, None]) ** 2 + (centre_x[cell] - x) ** 2
        closer, between = far < near, far < next_near
        second = np.where(closer, first, np.where(between, cell, second))
        next_near = np.where(closer, near, np.where(between, far, next_near))
        first, near = np.where(closer, cell, first), np.where(closer, far, near)
    apart = np.hypot(centre_y[first] - centre_y[second], centre_x[first] - centre_x[second])
    wall = (next_near - near) / (2 * apart)
    far_off = 0.62 * spacing - np.sqrt(near)
    wall = -7 * np.logaddexp(-wall / 7, -far_off / 7)  # the smaller of the two, rounded
    return _step(wall - 1.2, um) * fat.reshape(-1)[first]


def _fatty(recipe: Recipe, y: NDArray, x: NDArray) -> NDArray:
    """Above 0 where there is fat; glands keep away from it."""
    zone = _noise_at(recipe.seed, "fat zone", 520, 520, y, x)
    return zone + 0.45 * _noise_at(recipe.seed, "fat lobule", 130, 130, y, x) + recipe.fat - 0.35


def _rings(
    recipe: Recipe, name: str, spacing: float, radii: tuple[float, float], thickness: float,
    common: float, y: Plane, x: Plane,
) -> tuple[Plane, Plane]:  # fmt: skip
    """Distances in micrometres, positive inside, to the outer and to the inner border of tubes cut across."""
    outer = np.full((len(y), len(x)), -1e3, np.float32)
    inner = outer.copy()
    points, first_row, first_column = _scatter(recipe.seed, name, spacing, y, x)
    where = (points[..., 0], points[..., 1])
    zone = common + _noise_at(recipe.seed, f"{name} zone", 300, 300, *where)
    zone -= np.clip(2 * _fatty(recipe, *where) + 1, 0, 2)
    for i, j in np.argwhere(zone > 2 * (points[..., 2] - 0.5)):
        draw = generator(recipe.seed, name, int(i + first_row), int(j + first_column))
        radius = draw.uniform(*radii)
        wall = thickness * draw.uniform(0.8, 1.3)
        two, three = draw.uniform(0.05, 0.25), draw.uniform(0.02, 0.12)
        turn_two, turn_three = draw.uniform(0, 2 * np.pi, 2)
        reach = 1.5 * radius
        centre_y, centre_x, _ = points[i, j]
        rows = slice(*np.searchsorted(y, (centre_y - reach, centre_y + reach)))
        columns = slice(*np.searchsorted(x, (centre_x - reach, centre_x + reach)))
        dy, dx = y[rows, None] - np.float32(centre_y), x[None, columns] - np.float32(centre_x)
        angle = np.arctan2(dy, dx)
        border = 1 + two * np.cos(2 * angle + turn_two) + three * np.cos(3 * angle + turn_three)
        depth = radius * border - np.hypot(dy, dx)
        np.maximum(outer[rows, columns], depth, out=outer[rows, columns])
        np.maximum(inner[rows, columns], depth - wall, out=inner[rows, columns])
    return outer, inner


def _nuclei(
    seed: int, y: Plane, x: Plane, crowd: Plane, kinds: tuple[Plane, Plane, Plane], along: Plane
) -> NDArray[np.float64]:
    """The nuclei whose centres lie in the rectangle: see `Tissue.nuclei`."""
    um = float(y[1] - y[0])
    points, _, _ = _scatter(seed, "nuclei", 7.6, y, x)
    shapes, _, _ = _scatter(seed, "shapes", 7.6, y, x)
    points, shapes = points.reshape(-1, 3), shapes.reshape(-1, 3)
    shapes = np.mod(shapes / 7.6, 1)  # size, slimness and darkness, 0 to 1
    rows = np.floor((points[:, 0] - y[0]) / um + 0.5).astype(int)
    columns = np.floor((points[:, 1] - x[0]) / um + 0.5).astype(int)
    kept = (rows >= 0) & (rows < len(y)) & (columns >= 0) & (columns < len(x))
    kept[kept] = points[kept, 2] < crowd[rows[kept], columns[kept]]
    points, shapes, rows, columns = points[kept], shapes[kept], rows[kept], columns[kept]
    epithelium, tumour, lymphoid = (plane[rows, columns] > 0.5 for plane in kinds)
    spindle = ~(epithelium | tumour | lymphoid)
    size, slim, dark = shapes.T
    across = np.select(
        [lymphoid, tumour, epithelium],
        [2.7 + 0.4 * size, 3.4 + 1.6 * size, 2.9 + 0.7 * size],
        1.2 + 0.8 * size,
    )
    ratio = np.where(
        lymphoid, 1.0 + 0.1 * slim, np.where(spindle, 2.2 + 2.5 * slim, 1.05 + 0.5 * slim)
    )
    angle = np.where(
        spindle, along[rows, columns] + 0.5 * (size - 0.5), 2 * np.pi * points[:, 2] * 7
    )
    darkness = np.select(
        [lymphoid, tumour, epithelium],
        [1.5 + 0.3 * dark, 0.8 + 0.7 * dark, 1.0 + 0.4 * dark],
        1.1 + 0.5 * dark,
    )
    return np.column_stack([points[:, :2], across * ratio, across, angle, darkness])


def _step(distance: Plane, width: float) -> Plane:
    """0 below, 1 above, a ramp of the given width between."""
    return np.clip(distance / width + 0.5, 0, 1)


def _noise(seed: int, name: str, scale: float, y: Plane, x: Plane) -> Plane:
    """Three smooth standard normal planes (3, rows, columns) whose features are about ``scale`` wide."""
    (top, rows), (left, columns) = (_spline(side / scale) for side in (y, x))
    lattice = white_noise(
        seed, name, top=top, left=left, height=rows.shape[1], width=columns.shape[1]
    )
    return (rows @ lattice @ columns.T) / np.float32(SPLINE_STD)


def _spline(places: Plane) -> tuple[int, Plane]:
    """The first lattice point and the cubic B-spline weights (places, lattice points)."""
    whole = np.floor(places).astype(int)
    t = (places - whole).astype(np.float32)
    first = int(whole.min()) - 1
    weights = np.zeros((len(places), int(whole.max()) + 3 - first), np.float32)
    taps = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    for i, tap in enumerate(taps):
        weights[np.arange(len(places)), whole - first - 1 + i] = tap / 6
    return first, weights


def _noise_at(
    seed: int, name: str, scale_u: float, scale_v: float, u: NDArray, v: NDArray
) -> NDArray:
    """Smooth standard normal noise at the places (u, v), any shape, stretched to scale_u x scale_v."""
    u, v = u / scale_u, v / scale_v
    top, left = int(np.floor(u.min())) - 2, int(np.floor(v.min())) - 2
    height, width = int(u.max()) + 4 - top, int(v.max()) + 4 - left
    lattice = white_noise(seed, name, top=top, left=left, height=height, width=width)[0]
    found = map_coordinates(lattice, (u - top, v - left), order=3, prefilter=False)
    return found / np.float32(SPLINE_STD)


def _scatter(
    seed: int, name: str, spacing: float, y: Plane, x: Plane
) -> tuple[NDArray[np.float64], int, int]:
    """One point per lattice cell, with two cells of margin: (rows, columns, 3) of y, x and a uniform mark.

    Also the lattice row and column of the first cell.
    """
    top, left = int(np.floor(y[0] / spacing)) - 2, int(np.floor(x[0] / spacing)) - 2
    height = int(np.floor(y[-1] / spacing)) + 3 - top
    width = int(np.floor(x[-1] / spacing)) + 3 - left
    draws = white_noise(seed, name, "points", top=top, left=left, height=height, width=width)
    uniform = ndtr(draws.astype(np.float64))
    uniform[0] = spacing * (0.08 + 0.84 * uniform[0] + np.arange(top, top + height)[:, None])
    uniform[1] = spacing * (0.08 + 0.84 * uniform[1] + np.arange(left, left + width))
    return np.moveaxis(uniform, 0, -1), top, left
