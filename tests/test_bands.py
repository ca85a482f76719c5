import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import GaussianDenoiser

from wsigen.plan import Stage, StagePlan
from wsigen.runs.painter import Painter
from wsigen.workers.bands import Bands, transfers

BANDS = st.builds(
    lambda n, m, extra, workers, boundary, seed, batch, shifts: Bands(
        Painter(
            GaussianDenoiser(), StagePlan(5, 3, boundary=boundary, shifts=shifts), 16, seed, batch
        ),
        Stage(1, n * 16 + extra * (boundary == "pad"), m * 16, 1.0),
        workers,
    ),
    st.integers(1, 20),
    st.integers(1, 6),
    st.sampled_from([0, 2, 10]),
    st.integers(1, 5),
    st.sampled_from(["pad", "wrap"]),
    st.integers(0, 1000),
    st.integers(1, 20),
    st.sampled_from(["uniform", "low-discrepancy"]),
)


@given(BANDS, st.integers(0, 4))
@settings(max_examples=60)
def test_every_patch_has_one_worker_and_every_row_one_holder(bands, step):
    grid = bands.grid(step)
    parts = [bands.part(rank, step, grid) for rank in range(bands.workers)]
    assert [top for part in parts for top in part.tops] == list(grid.tops)
    batches = [batch for part in parts for batch in part.batches(bands.painter.batch_size)]
    assert batches == list(grid.batches(bands.painter.batch_size))  # the same patches meet
    height = bands.stage.height
    count = np.zeros(height, int)
    for part, rows in zip(parts, bands.held(step), strict=True):
        np.add.at(count, np.arange(rows.start, rows.stop) % height, 1)
        for top in part.tops:
            written = {
                row % height
                for row in range(top, top + 16)
                if bands.own.boundary == "wrap" or 0 <= row < height
            }
            assert written <= {row % height for row in rows}
    assert (count == 1).all()


@given(BANDS, st.integers(1, 4))
@settings(max_examples=60)
def test_before_a_step_rows_move_between_neighbours_only_and_then_each_has_what_it_reads(
    bands, step
):
    height = bands.stage.height
    held, needed = bands.held(step - 1), bands.held(step)
    owner = np.full((bands.workers, height), False)
    for rank, rows in enumerate(held):
        owner[rank, np.arange(rows.start, rows.stop) % height] = True
    busy = len(bands.starts) - 1
    for source, target, start, stop in transfers(held, needed, height):
        assert owner[source, start:stop].all()
        assert (source - target) % busy in (0, 1, busy - 1)
        region = bands.region(target)
        assert (start - region.top) % height + stop - start <= region.height
        owner[target, start:stop] = True
    for rank, rows in enumerate(needed):
        assert owner[rank, np.arange(rows.start, rows.stop) % height].all()


@given(BANDS)
@settings(max_examples=30)
def test_the_guides_of_all_bands_reach_as_far_as_their_patches(bands):
    for rank in range(bands.workers):
        rows = bands.guide_rows(rank)
        for step in range(5):
            for top in bands.part(rank, step, bands.grid(step)).tops:
                for row in (max(top, 0), top + 15):
                    if bands.own.boundary == "wrap" or row < bands.stage.height:
                        assert rows.start <= row // 2
                        assert row // 2 < rows.stop or len(rows) >= bands.stage.height // 2
