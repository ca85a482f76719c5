import numpy as np

from wsigen.slides.stain import concentrations, jitter_stains, stained
from wsigen.slides.tissue import BACKGROUND

COLOURS = np.random.default_rng(0).integers(1, 246, (40, 40, 3)).astype(np.uint8)


def test_colours_come_back_from_their_concentrations():
    np.testing.assert_array_equal(stained(concentrations(COLOURS)), COLOURS)


def test_jitter_leaves_empty_glass_as_it_is_and_changes_tissue():
    glass = np.full((8, 8, 3), BACKGROUND, np.uint8)
    tissue = np.full((8, 8, 3), (150, 90, 160), np.uint8)
    stream = np.random.default_rng(1)
    np.testing.assert_array_equal(jitter_stains(glass, 0.5, stream), glass)
    assert np.abs(jitter_stains(tissue, 0.5, stream).astype(int) - tissue).max() > 5


def test_more_haematoxylin_darkens_blue_violet_and_more_eosin_pink():
    amounts = np.zeros((2, 3))
    amounts[0, 0] = amounts[1, 1] = 0.5
    haematoxylin, eosin = stained(amounts).astype(int)
    assert haematoxylin[2] > haematoxylin[0]  # blue above red
    assert eosin[0] > eosin[1]  # red above green
