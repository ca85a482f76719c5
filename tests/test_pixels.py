"""Images in [-1, 1] and their bytes."""

import numpy as np
import torch

from wsigen.pixels import to_images, to_pixels


def test_every_byte_comes_back_and_lies_where_it_lay():
    pixels = np.arange(256 * 3, dtype=np.uint16).astype(np.uint8).reshape(2, 8, 16, 3)
    images = to_images(pixels)
    assert images.shape == (2, 3, 8, 16)
    assert (float(images.min()), float(images.max())) == (-1, 1)
    assert torch.equal(images[1, :, 3, 5] * 127.5 + 127.5, torch.tensor(pixels[1, 3, 5]).float())
    assert np.array_equal(to_pixels(images), pixels)
    assert np.array_equal(to_pixels(images[0]), pixels[0])


def test_what_lies_beyond_is_black_or_white_and_between_goes_to_the_nearest():
    image = torch.tensor([-3.0, -1 + 0.9 / 255, -1 + 1.1 / 255, 3.0]).expand(3, 1, 4)
    assert to_pixels(image)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_read_only_pixels_are_taken_and_kept():
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels.setflags(write=False)
    to_images(pixels).add_(1)
    assert not pixels.any()
