"""The live microscope shows the slide that generate makes, and makes nothing twice."""

from dataclasses import replace

import pytest
import torch
from oracles import scrambled_network
from test_zoom import PATH, QUICK, LookingRound, painter_of, whole_stages

from wsigen.coarse_to_fine import drain, generate, run_stage
from wsigen.errors import WsigenError
from wsigen.grid import Window
from wsigen.plan import Stage, StagePlan, stages
from wsigen.runs.canvas import strips
from wsigen.runs.crew import Crew
from wsigen.runs.kept import Kept, Key, seed_folder
from wsigen.runs.painter import Painter
from wsigen.runs.state import InMemory
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir
from wsigen.zoom.cone import cone, cones
from wsigen.zoom.pieces import Gone
from wsigen.zoom.scope import Scope

PLENTY = 1 << 30
PLACES = [Window(0, 0, 24, 24), Window(33, 90, 20, 38), Window(71, 0, 24, 24), Window(40, 50, 1, 1)]


def made(scope, stage, windows):
    """The pixels of some windows."""
    return drain(scope.make(stage, windows))


def scope_of(denoiser, plan, kept=None, batch_size=1, half=False):
    painter = painter_of(denoiser, plan, batch_size)
    return Scope(painter, PATH, kept or Kept(PLENTY), half=half)


def bytes_of(image):
    return torch.from_numpy(next(strips(image, *image.shape[1:], image.shape[1])))


@pytest.mark.parametrize(
    "changes",
    [
        {"solver": "euler", "shifts": "low-discrepancy"},
        {"solver": "heun", "overview_solver": "2m"},
        {"solver": "2m", "sigma_start": 80.0},
        {"solver": "euler", "skip_background": 0.5, "first_steps": (1,)},
        {"solver": "heun", "margin_px": 4},
        {"solver": "2m", "margin_px": 4},
    ],
)
def test_scattered_windows_of_every_stage_are_those_of_the_whole_slide_bit_for_bit(changes):
    plan = replace(QUICK, **changes)
    whole = whole_stages(LookingRound(), plan, 1)
    scope = scope_of(LookingRound(), plan)
    for window in PLACES:
        for stage in reversed(range(len(PATH))):
            inside = window.clipped(PATH[stage].height, PATH[stage].width)
            if inside.height and inside.width:
                (pixels,) = made(scope, stage, [inside])
                expected = bytes_of(whole[stage])[inside.slices()[1:]]
                assert torch.equal(torch.from_numpy(pixels), expected)
                run = scope.runs[stage]
                (values,) = run.canvas(run.num_steps).read([inside])
                assert torch.equal(values, whole[stage][inside.slices()])


def test_a_slide_of_a_student_is_shown_as_it_is():
    class Taught(LookingRound):
        student = LookingRound()

    plan = replace(QUICK, solver="student", num_steps=2, guided_steps=0)
    whole = whole_stages(Taught(), plan, 1)
    scope = scope_of(Taught(), plan)
    for window in PLACES:
        made(scope, 3, [window])
        (values,) = scope.runs[3].canvas(scope.runs[3].num_steps).read([window])
        assert torch.equal(values, whole[3][window.slices()])


def test_a_slide_in_half_precision_is_shown_as_it_is():
    plan = replace(QUICK, solver="2m")
    images, guide = [], None
    for stage in PATH:
        state = InMemory(stage.height, stage.width, half=True)
        guide = drain(run_stage(painter_of(LookingRound(), plan), stage, guide, state=state))
        images.append(guide.clone())
    scope = scope_of(LookingRound(), plan, half=True)
    for window in PLACES:
        made(scope, 3, [window])
        (values,) = scope.runs[3].canvas(3).read([window])
        assert torch.equal(values, images[3][window.slices()].float())


def test_with_a_network_in_batches_the_slide_is_the_same_but_for_the_last_bits():
    whole = whole_stages(scrambled_network(), QUICK, 32)
    scope = scope_of(scrambled_network(), QUICK, batch_size=7)
    made(scope, 3, PLACES)
    for window in PLACES:
        (values,) = scope.runs[3].canvas(3).read([window])
        torch.testing.assert_close(values, whole[3][window.slices()], atol=1e-4, rtol=0)


def test_threads_side_by_side_draw_the_same(threads):
    plan = replace(QUICK, solver="2m")
    alone = scope_of(LookingRound(), plan)
    threads(3)
    painter = painter_of(LookingRound(), plan, batch_size=3)
    kept = Kept(400 * 3 * 16 * 16 * 4)
    with Crew() as crew:
        scope = Scope(painter, PATH, kept, crew=crew)
        for window in PLACES:
            assert (made(scope, 3, [window])[0] == made(alone, 3, [window])[0]).all()
    assert kept.bytes_in_memory == len(kept.in_memory) * 3 * 16 * 16 * 4 <= kept.memory_bytes


def test_a_window_costs_what_its_cone_holds_and_nothing_when_it_is_seen_again():
    plan = replace(QUICK, solver="heun")
    scope, window = scope_of(LookingRound(), plan), Window(40, 56, 24, 24)
    (first,) = made(scope, 3, [window])
    patches = 0
    wanted = window
    for stage in reversed(PATH):
        needed = cone(painter_of(LookingRound(), plan), stage, wanted, wanted)
        patches += needed.patches
        wanted = Window(*needed.region).reduced(2)
    assert scope.spent.patches <= patches
    assert scope.spent.patches <= sum(
        c.patches for c in cones(painter_of(LookingRound(), plan), PATH, (52, 68), view_px=24)
    )
    spent = scope.spent
    (again,) = made(scope, 3, [window])
    assert (first == again).all()
    assert scope.spent == spent


def test_neighbours_cost_as_much_one_after_the_other_as_together():
    windows = [Window(16, 32 * n, 32, 32) for n in range(4)]
    together, apart = (scope_of(LookingRound(), QUICK, batch_size=8) for _ in range(2))
    made(together, 3, windows)
    for window in windows:
        made(apart, 3, [window])
    assert apart.spent.patches == together.spent.patches
    assert apart.share < 1


def test_two_that_work_at_once_make_equal_patches_once():
    scope, alone = (scope_of(LookingRound(), QUICK, batch_size=4) for _ in range(2))
    works = [scope.make(3, [Window(20, 20, 30, 30)]), scope.make(3, [Window(20, 30, 30, 30)])]
    while works:
        for work in list(works):
            if next(work, None) is None:
                works.remove(work)
    made(alone, 3, [Window(20, 20, 30, 40)])
    assert scope.spent.patches == alone.spent.patches


def test_the_whole_slide_is_all_patches_once():
    scope = scope_of(LookingRound(), replace(QUICK, solver="heun"), batch_size=16)
    made(scope, 3, [Window(0, 0, PATH[3].height, PATH[3].width)])
    assert scope.share == 1
    assert not scope.work(3, [Window(0, 0, PATH[3].height, PATH[3].width)])


def test_with_hardly_any_memory_a_window_is_still_made_by_way_of_the_disk(tmp_path):
    patch = 3 * 16 * 16 * 4
    plenty = scope_of(LookingRound(), QUICK)
    kept = Kept(2 * patch, tmp_path, PLENTY)
    scarce = scope_of(LookingRound(), QUICK, kept)
    assert (made(scarce, 3, [PLACES[1]])[0] == made(plenty, 3, [PLACES[1]])[0]).all()
    assert kept.bytes_in_memory <= 2 * patch
    assert scarce.spent.patches == plenty.spent.patches


def test_what_is_thrown_out_before_its_use_is_made_again_or_told():
    patch = 3 * 16 * 16 * 4
    plenty, scarce = (
        scope_of(LookingRound(), QUICK),
        scope_of(LookingRound(), QUICK, Kept(30 * patch)),
    )
    windows = [Window(0, 0, 8, 8), Window(80, 100, 8, 8)]
    for window in [*windows, *windows]:
        assert (made(scarce, 3, [window])[0] == made(plenty, 3, [window])[0]).all()
    assert scarce.spent.patches > plenty.spent.patches
    with pytest.raises(WsigenError, match="allow more memory"):
        made(scope_of(LookingRound(), QUICK, Kept(2 * patch)), 3, windows)
    with pytest.raises(Gone):
        plenty.pixels(3, Window(40, 60, 9, 9))


def test_a_slide_that_was_looked_at_before_goes_on_from_its_folder(tmp_path):
    first = Kept(PLENTY, tmp_path)
    before = scope_of(LookingRound(), QUICK, first)
    (shown,) = made(before, 3, [PLACES[1]])
    first.close()
    after = scope_of(LookingRound(), QUICK, Kept(PLENTY, tmp_path))
    (again,) = made(after, 3, [PLACES[1]])
    assert after.spent.patches == 0
    assert (shown == again).all()


@pytest.mark.parametrize(("solver", "half"), [("2m", True), ("heun", False)])
def test_what_was_looked_at_is_not_made_again_when_the_whole_slide_is(tmp_path, solver, half):
    plan = replace(QUICK, solver=solver)
    painter = painter_of(LookingRound(), plan)
    undisturbed, alone = spending(painter, Storage("memory", half))
    workdir = Workdir(tmp_path / seed_folder(3), {"seed": 3})
    kept = Kept(PLENTY, tmp_path)
    scope = Scope(painter, PATH, kept, half=half)
    made(scope, 3, PLACES)
    kept.close()
    image, rest = spending(painter, Storage("files", half, "cpu", workdir))
    assert torch.equal(image, undisturbed)
    assert scope.spent.evaluations > 0
    assert rest == alone - scope.spent.evaluations


def spending(painter, storage):
    """A whole slide, and how many evaluations it cost."""
    run, spent = generate(painter, PATH, storage=storage), {}
    while True:
        try:
            progress = next(run)
            spent[progress.stage.index] = progress.evaluations
        except StopIteration as end:
            return end.value.clone(), sum(spent.values())


def test_a_cost_does_not_grow_with_the_slide():
    class Never:
        """Nothing is evaluated: only counted."""

    costs = []
    for side in (4096, 65_536):
        path = stages(side, side, 0.7, patch_px=64, mpp_max=100.0)
        scope = Scope(Painter(Never(), StagePlan(num_steps=4)), path, Kept(PLENTY))
        last = len(path) - 1
        work = scope.work(last, [Window(side // 2, side // 3, 256, 256)])
        fine = [w for w in work if w.run.stage.index > last - 5]
        costs.append(sum(len(w.windows) for w in fine))
    assert costs[1] == pytest.approx(costs[0], rel=0.2)


def test_a_plane_that_goes_round_is_refused():
    painter = Painter(LookingRound(), StagePlan(boundary="wrap"), 16)
    with pytest.raises(WsigenError, match='needs the boundary "pad"'):
        Scope(painter, [Stage(0, 16, 16, 1.0)], Kept(1))


def test_the_least_lately_used_leave_memory_and_then_the_disk(tmp_path):
    keys = [Key(5, 0, 1, "x", -16 * n, 0) for n in range(6)]
    image = torch.zeros(3, 16, 16)
    kept = Kept(2 * image.nbytes, tmp_path, 2 * 4096)
    for key in keys[:4]:
        kept.put(key, image + key.top)
    assert [key in kept for key in keys] == [True] * 4 + [False] * 2
    assert sorted(kept.in_memory) == sorted(keys[2:4])
    kept.get(keys[0])  # back to memory, and the last to go
    kept.put(keys[4], image)
    kept.put(keys[5], image)
    assert keys[1] not in kept
    assert kept.bytes_in_memory <= 2 * image.nbytes
    files = list(tmp_path.rglob("*.npy"))
    assert len(files) * 4096 == kept.bytes_on_disk <= 2 * 4096
    found = kept.get(keys[0])
    assert found is not None
    assert torch.equal(found, image)


def test_windows_of_all_sizes_share_the_memory_and_a_larger_one_drives_out_no_more_than_it_needs():
    kept = Kept(12 * 3 * 16 * 16 * 4)  # of windows of 16 px
    images = {
        Key(5, 0, 1, "x", n, 0): torch.randn(3, side, side)
        for n, side in enumerate((16, 8, 16, 32, 24, 16))
    }
    for key, image in images.items():
        kept.put(key, image)
    for key, image in images.items():
        found = kept.get(key)
        assert found is not None
        assert torch.equal(found, image)
    first, second, third, *others = images
    kept.get(first)
    kept.put(Key(6, 0, 1, "x", 0, 0), torch.zeros(3, 24, 24))  # takes three pages; one is left
    assert [key in kept for key in (first, second, third)] == [True, False, False]
    assert all(key in kept for key in others)
    assert kept.bytes_in_memory <= 12 * 3 * 16 * 16 * 4


def test_the_limit_of_the_disk_holds_for_what_an_earlier_session_left(tmp_path):
    image = torch.zeros(3, 16, 16)
    kept = Kept(0, tmp_path, 8 * 4096)
    for top in range(8):
        kept.put(Key(5, 0, 1, "x", top, 0), image)
    kept.close()
    smaller = Kept(PLENTY, tmp_path, 3 * 4096)
    assert smaller.bytes_on_disk == 3 * 4096
    assert len(list(tmp_path.rglob("*.npy"))) == 3


def test_a_file_that_somebody_took_away_is_a_window_to_make_again(tmp_path):
    kept, key = Kept(0, tmp_path), Key(5, 0, 1, "x", 0, 0)
    kept.put(key, torch.zeros(3, 16, 16))
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(b"")
    assert kept.get(key) is None
    assert key not in kept
    assert kept.bytes_on_disk == 0
