import pytest
import torch
from torch.testing import assert_close

from wsigen.errors import WsigenError
from wsigen.grid import Window, shifted_grid
from wsigen.runs.canvas import Canvas


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
def test_what_is_written_is_read_again(boundary):
    canvas = Canvas(torch.zeros(3, 20, 24), boundary, torch.zeros)
    windows = [Window(4, 4, 8, 8), Window(4, 12, 8, 8)]
    patches = torch.randn(2, 3, 8, 8)
    canvas.write(windows, patches)
    assert torch.equal(canvas.read(windows), patches)


def test_a_padded_canvas_asks_what_lies_beyond_its_edge():
    canvas = Canvas(torch.zeros(3, 8, 8), "pad", lambda w: torch.ones(3, w.height, w.width))
    (patch,) = canvas.read([Window(-2, 6, 4, 4)])
    assert patch.sum().item() == 3 * (16 - 4)
    assert (patch[:, 2:, :2] == 0).all()


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
def test_a_part_of_a_plane_shows_the_same_windows_as_the_whole(boundary):
    whole = torch.randn(3, 30, 40)
    corner = (10, 20)
    part = whole[:, 10:30, 20:40].clone()
    outside = lambda w: torch.ones(3, w.height, w.width)  # noqa: E731
    windows = [Window(12, 24, 8, 8)] + [Window(26, 34, 8, 8)] * (boundary == "pad")
    one = Canvas(whole, boundary, outside)
    other = Canvas(part, boundary, outside, plane=(30, 40), corner=corner)
    assert torch.equal(one.read(windows), other.read(windows))


@pytest.mark.parametrize("sigma", [80.0, 1.0, 0.002])
def test_half_precision_in_units_of_the_noise_loses_a_thousandth(sigma):
    unit = (sigma**2 + 1) ** 0.5
    x = torch.rand(1, 3, 64, 64) * 2 - 1 + sigma * torch.randn(1, 3, 64, 64)
    canvas = Canvas(torch.zeros(3, 64, 64, dtype=torch.float16), "pad", torch.zeros, unit=unit)
    window = [Window(0, 0, 64, 64)]
    canvas.write(window, x)
    found = canvas.read(window)
    assert found.dtype == torch.float32
    assert_close(found, x, rtol=2**-11, atol=unit * 2**-20)


def test_another_boundary_is_refused():
    with pytest.raises(WsigenError, match="expected pad or wrap"):
        Canvas(torch.zeros(3, 8, 8), "mirror", torch.zeros)


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_windows_read_and_written_together_are_those_read_and_written_alone(boundary, dtype):
    """Neighbours are joined to one large piece; no bit may depend on it."""
    image = torch.randn(3, 32, 64).to(dtype)
    outside = lambda w: torch.full((3, w.height, w.width), float(w.left))  # noqa: E731
    grid = shifted_grid(32, 64, 8, (2, 6), boundary)
    one, other = (Canvas(image.clone(), boundary, outside, unit=1.5) for _ in range(2))
    for batch in (grid[:], grid[3:20]):
        together = one.read(batch)
        assert torch.equal(together, torch.cat([other.read([window]) for window in batch]))
        one.write(batch, together + 1)
        for window, patch in zip(batch, together, strict=True):
            other.write([window], patch[None] + 1)
        assert torch.equal(one.image, other.image)
