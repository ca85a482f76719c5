import numpy as np
import pytest

from wsigen.metrics.detail import chroma_share, detail, sharpness


def waves(cycles: float, side: int = 64, amplitude: float = 20.0) -> np.ndarray:
    wave = amplitude * np.cos(2 * np.pi * cycles * np.arange(side))
    return 128 + np.broadcast_to(wave[:, None, None], (side, side, 3))


def test_detail_is_the_power_above_the_guides_nyquist():
    assert detail(waves(0.375)) == pytest.approx(
        200, rel=1e-3
    )  # of a wave: half its amplitude squared
    assert detail(waves(0.125)) < 1e-3
    assert detail(waves(0.1875), factor=4) == pytest.approx(200, rel=1e-3)


def test_the_detail_of_white_noise_is_its_share_of_the_plane():
    noise = 128 + 10 * np.random.default_rng(0).standard_normal((128, 128, 3))
    assert detail(noise) == pytest.approx(75, rel=0.05)  # three quarters lie above half the Nyquist


def test_sharpness_is_the_slope_of_a_ramp():
    ramp = np.add.outer(3 * np.arange(16), 4 * np.arange(16))[..., None] * np.ones(3)
    assert sharpness(ramp) == pytest.approx(5)
    assert sharpness(np.full((8, 8, 3), 7, np.uint8)) == 0


def test_a_share_of_chroma_is_that_of_the_colour_that_changes():
    stream = np.random.default_rng(0)
    grey = np.repeat(stream.integers(0, 255, (2, 16, 16, 1)), 3, axis=3).astype(np.uint8)
    assert chroma_share(grey) < 1e-9
    red = grey * np.array(
        [1, 0, 0], np.uint8
    )  # 0.299 of it is luma; the rest, and less of green and blue, chroma
    expected = ((0.701**2 + 2 * 0.299**2) / 3) ** 0.5 / 0.299
    assert chroma_share(red) == pytest.approx(expected)
