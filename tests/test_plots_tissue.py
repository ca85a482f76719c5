"""Pictures side by side: patches joined and cut again, frames in the colour of what is shown."""

import numpy as np
from matplotlib.colors import to_hex

from wsigen.plots.tissue import FRAMES, Panel, cut, joined, side_by_side, strips


def patches(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)


def test_what_was_joined_is_cut_into_the_same_patches() -> None:
    assert np.array_equal(cut(joined(patches(6), 3), 4), patches(6))


def test_between_joined_patches_lie_white_pixels_and_none_at_the_edge() -> None:
    picture = joined(patches(6), 3, gap=2)
    assert picture.shape == (10, 16, 3)
    assert (picture[4:6] == 255).all()
    assert (picture[:, 4:6] == 255).all()
    assert np.array_equal(picture[6:10, 12:16], patches(6)[5])


def test_a_picture_stands_in_the_frame_of_its_kind_under_its_title() -> None:
    panels = [Panel(patches(1)[0], f"it is {kind}", kind) for kind in FRAMES]
    for figure in (side_by_side(panels), strips(panels)):
        for axes, panel in zip(figure.axes, panels, strict=True):
            titles = [axes.get_title(loc) for loc in ("left", "center")]
            assert [title for title in titles if title] == [panel.title]
            assert to_hex(axes.spines["left"].get_edgecolor()) == FRAMES[panel.kind]
            assert np.array_equal(axes.images[0].get_array(), panel.pixels)


def test_rows_that_are_not_full_end_in_empty_places() -> None:
    panels = [Panel(patches(1)[0], str(number)) for number in range(3)]
    assert [axes.axison for axes in side_by_side(panels, columns=2).axes] == [True] * 3 + [False]
