"""Nuclei and tissue of drawn slides, where both are known."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from wsigen.errors import WsigenError
from wsigen.metrics.nuclei import haematoxylin, nuclei, nuclei_per_mm2
from wsigen.phantom.slide import PhantomSlide
from wsigen.slides.tissue import tissue_share


@pytest.fixture(scope="module")
def field():
    """A dense field of a phantom at 0.7 um/px, 384 px a side, and the centres of its nuclei."""
    slide = PhantomSlide(7, height=2925, width=2925, mpp=0.7)
    place = (1270, 1270, 384, 384)
    return slide.render(*place), slide.nuclei(*place)


def test_nuclei_are_found_where_they_were_drawn(field):
    image, drawn = field
    found = nuclei(image, 0.7)
    reach = 4 / 0.7  # a nucleus's radius, in pixels
    assert (cKDTree(found).query(drawn)[0] < reach).mean() > 0.75
    assert (cKDTree(drawn).query(found)[0] < reach).mean() > 0.85


def test_the_density_is_per_square_millimetre(field):
    image, drawn = field
    area = (384 * 0.0007) ** 2
    assert nuclei_per_mm2(image, 0.7) == pytest.approx(len(drawn) / area, rel=0.25)
    glass = np.full_like(image, 245)
    assert nuclei_per_mm2(glass, 0.7) == 0
    assert nuclei_per_mm2(np.concatenate([image, glass]), 0.7) == pytest.approx(
        nuclei_per_mm2(image, 0.7) / 2, rel=0.05
    )


def test_haematoxylin_is_told_from_eosin():
    blue, pink = (
        np.full((4, 4, 3), colour, np.uint8) for colour in ((90, 70, 140), (235, 150, 190))
    )
    assert haematoxylin(blue).mean() > 5 * haematoxylin(pink).mean()


def test_tissue_share_counts_what_is_darker_than_glass():
    image = np.full((10, 10, 3), 245, np.uint8)
    image[:3] = (200, 150, 190)
    assert tissue_share(image) == pytest.approx(0.3)


def test_nuclei_are_not_asked_for_where_they_cannot_be_seen():
    with pytest.raises(WsigenError, match="4 um/px"):
        nuclei(np.zeros((64, 64, 3), np.uint8), 4.0)
