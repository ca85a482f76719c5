"""What the plans were chosen by, on pictures whose answer is known; the seam test with steps planted and without."""

import numpy as np
import pytest

from wsigen.coarse_to_fine import drain
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.experiments import null_seams
from wsigen.experiments.run import run
from wsigen.experiments.textures import busiest, log_power, radial_power, seam


def picture(side: int = 128) -> np.ndarray:
    return np.random.default_rng(0).normal(128, 20, (3, side, side))


def test_twice_the_contrast_is_four_times_the_power_at_every_frequency():
    image = picture()
    mean = image.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(radial_power(mean + 2 * (image - mean)), 4 * radial_power(image))


def test_a_picture_has_no_distance_from_itself_turned_round():
    pixels = np.random.default_rng(1).integers(0, 255, (256, 256, 3), np.uint8)
    np.testing.assert_allclose(log_power(pixels), log_power(pixels[::-1, ::-1]))


@pytest.mark.parametrize("period", [16, 32])
def test_a_step_along_a_lattice_is_a_seam_of_its_own_height(period):
    """Borders of guide pixels lie at odd differences; there a ramp has steps of one, and the lattice's of three."""
    ramp = np.repeat(np.arange(64), 2).astype(float)
    assert seam(np.broadcast_to(ramp[:, None] + ramp, (3, 128, 128)), period) == 1
    higher = ramp + 2 * (np.arange(128) // period)
    assert seam(np.broadcast_to(higher[:, None] + higher, (3, 128, 128)), period) == 3


def test_the_busiest_square_has_most_tissue(lab):
    source = Source.of(lab.entries[0].open(), "case")
    square = busiest(source, 128, 1.0)
    assert square.shape == (128, 128, 3)
    rows = range(0, 385, 128)
    others = [mean_grey(source.slide.read(r, c, 128, 128, 1.0)) for r in rows for c in rows]
    assert mean_grey(square) <= np.median(others)


def mean_grey(pixels: np.ndarray) -> float:
    return float(pixels.mean())


def test_the_seam_test_finds_planted_steps_and_none_where_there_are_none(lab):
    (row,) = drain(run("null_seams", "smoke", lab)).rows
    assert row["source"] == "phantom"
    assert row["found"] == {"0": 0.0, "8": 1.0}
    assert row["fields"] == 12


def test_a_source_that_the_cohort_has_not_is_named(lab):
    config = null_seams.Config(("nowhere",))
    with pytest.raises(WsigenError, match="no slide of 'nowhere' is finer than 1 um/px"):
        null_seams.measure({"source": "nowhere"}, config, lab)
