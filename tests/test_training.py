import errno
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel

from wsigen.cli.train import train as train_verb
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.denoiser import EDMDenoiser, Told
from wsigen.devices import has_fast_bfloat16
from wsigen.errors import WsigenError
from wsigen.loss import denoising_loss
from wsigen.models import DEFAULT_MODEL, RETIRED, shipped_models, unpacked
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.phantom.slide import PhantomSlide
from wsigen.runs.crew import Crew
from wsigen.training.average import PowerAverage
from wsigen.training.checkpoint import (
    ModelInfo,
    find_model,
    load_denoiser,
    save_checkpoint,
)
from wsigen.training.config import TINY, TrainConfig, preset
from wsigen.training.descent import Descent
from wsigen.training.drawing import Pyramids
from wsigen.training.examples import Example, TrainingPatches, told_example
from wsigen.training.loop import Trainer, learning_rate
from wsigen.training.run import check_new, drawer_of, train_in_folder

QUICK = replace(TINY, patch_px=16, batch_size=8, images=64, warmup_images=16)


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """One phantom slide as a cohort."""
    folder = tmp_path_factory.mktemp("cohort")
    image = PhantomSlide(0, height=512, width=512, mpp=0.5).render(128, 128, 256, 256)
    Image.fromarray(image).save(folder / "slide.png")
    return [Entry(folder / "slide.png", "one", 0.5, "train")]


@pytest.fixture
def sampler(entries):
    return PatchSampler(open_sources(entries), QUICK.patch_px, (0.5, 4.0))


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    network = trainer.network.state_dict()
    average = {f"average.{n}": v for n, v in trainer.average.state_dict().items()}
    return network | average


def test_training_on_a_phantom_lowers_the_loss(sampler):
    losses = [p.loss for p in Trainer(replace(QUICK, images=1600)).train(sampler)]
    assert np.mean(losses[-40:]) < 0.75 * np.mean(losses[:10])


def test_a_resumed_run_gives_the_same_weights_bit_for_bit(tmp_path, sampler):
    straight = Trainer(QUICK)
    list(straight.train(sampler))

    stopped = Trainer(QUICK)
    for progress in stopped.train(sampler):
        if progress.images_seen == 24:
            break
    stopped.save(tmp_path / "training.safetensors")
    resumed = Trainer.resume(tmp_path / "training.safetensors")
    assert resumed.images_seen == 24
    list(resumed.train(sampler))

    assert resumed.images_seen == straight.images_seen == 64
    for name, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_any_number_of_threads_gives_the_same_weights_bit_for_bit(threads, sampler):
    found = []
    for number in (1, 2, 3):
        threads(number)
        trainer = Trainer(replace(QUICK, batch_size=40, images=120))  # of 16, 16 and 8
        losses = [progress.loss for progress in trainer.train(sampler)]
        assert torch.get_num_threads() == number
        found.append((losses, weights(trainer)))
    for losses, last in found[1:]:
        assert losses == found[0][0]
        assert all(torch.equal(value, last[name]) for name, value in found[0][1].items())


def test_shares_add_up_to_the_gradient_of_the_batch(sampler):
    config = replace(QUICK, batch_size=40, images=40, learning_rate=0.0)
    shared, whole = Trainer(config), Trainer(config)
    (progress,) = shared.train(sampler)
    patches = [TrainingPatches(sampler, config)[number] for number in range(40)]
    model = EDMDenoiser(whole.network, config.sigma_data, half=has_fast_bfloat16("cpu"))
    batch = (torch.stack(parts) for parts in zip(*patches, strict=True))
    loss = denoising_loss(model, *batch, config.sigma_data).mean()
    loss.backward()
    assert progress.loss == pytest.approx(loss.item(), rel=1e-3)
    pairs = list(zip(shared.network.parameters(), whole.network.parameters(), strict=True))
    clipped = min(1.0, config.clip / progress.gradient_norm)  # the gradient is left as it was taken
    apart = sum(float((a.grad - clipped * b.grad).square().sum()) for a, b in pairs) ** 0.5
    assert apart < 0.01 * clipped * progress.gradient_norm


def test_a_told_batch_in_shares_is_the_batch():
    told = Told(torch.randn(5, 3, 4, 4), torch.rand(5), torch.arange(5))
    batch = Example(
        torch.randn(5, 3, 4, 4), torch.randn(5, 3, 4, 4), torch.rand(5), torch.rand(5), told
    )
    shares = batch.shares(2)
    assert [len(share.clean) for share in shares] == [2, 2, 1]
    for name in ("clean", "noise", "sigma", "mpp"):
        joined = torch.cat([getattr(share, name) for share in shares])
        assert torch.equal(joined, getattr(batch, name))
    for name in ("image", "sigma", "organ"):
        joined = torch.cat([getattr(share.told, name) for share in shares])
        assert torch.equal(joined, getattr(told, name))


def test_any_number_of_workers_reads_the_same_patches(sampler):
    alone, helped = Trainer(QUICK), Trainer(QUICK)
    losses = [
        [p.loss for p in t.train(sampler, workers)] for t, workers in ((alone, 0), (helped, 2))
    ]
    assert losses[0] == losses[1]


def test_the_average_is_the_power_function_average_of_all_weights():
    """EDM2, Eq. 1: the weight of the value at time tau is proportional to tau^gamma."""
    values = torch.rand(500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    average = values[0]
    for t in range(1, 500):
        average = PowerAverage(6.94)(average, values[t], t)
    tau = torch.arange(1, 501, dtype=torch.float64)
    expected = (tau**6.94 * values).sum() / (tau**6.94).sum()
    assert average.item() == pytest.approx(expected.item(), rel=5e-3)


def test_a_step_in_parts_is_a_step_of_torchs_own_with_an_average_by_the_rule(threads, monkeypatch):
    monkeypatch.setattr("wsigen.training.descent.PART", 2000)
    threads(2)
    torch.manual_seed(0)
    ours, theirs = (UNet(QUICK.network) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    average, rule = AveragedModel(ours), PowerAverage(6.94)
    descent = Descent(ours, average, rule, 1.0)
    assert len(descent.parts) > 1
    adam = torch.optim.Adam(theirs.parameters(), betas=(0.9, 0.99), fused=True, lr=1e-3)
    expected = []
    with Crew("cpu") as crew:
        for updates in range(4):
            for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
                a.grad = torch.randn_like(a)
                b.grad = a.grad.clone()
            norm = descent.step(1e-3, crew)
            torch.testing.assert_close(
                norm, torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            )
            adam.step()
            news = [parameter.detach().clone() for parameter in theirs.parameters()]
            pairs = zip(expected or news, news, strict=True)
            expected = [rule(old, new, updates) for old, new in pairs]
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()))
    torch.testing.assert_close(list(average.parameters()), expected)
    assert int(average.n_averaged) == 4


def test_a_batch_that_one_thread_could_take_is_for_two(sampler, monkeypatch):
    sizes = []
    losses = Trainer._losses
    monkeypatch.setattr(Trainer, "_losses", lambda *a: sizes.append(len(a[2].clean)) or losses(*a))
    for size in (7, 40):
        list(Trainer(replace(QUICK, batch_size=size, images=size)).train(sampler))
    assert sorted(sizes) == [3, 4, 8, 16, 16]


def test_a_step_whose_loss_is_no_number_leaves_the_weights_and_says_so(sampler):
    trainer = Trainer(QUICK)
    steps = trainer.train(sampler)
    next(steps)
    before = {name: value.clone() for name, value in weights(trainer).items()}
    with torch.no_grad():
        trainer.network.stem.bias.fill_(math.nan)
    with pytest.raises(WsigenError, match=r"the loss is nan .* lower --learning-rate"):
        next(steps)
    for name, value in weights(trainer).items():
        if not name.endswith(("stem.bias", "n_averaged")):
            assert torch.equal(value, before[name]), name


def test_on_a_gpu_a_step_is_told_of_while_the_next_one_runs(sampler, monkeypatch):
    monkeypatch.setattr("wsigen.training.loop.has_fast_bfloat16", lambda device: False)
    plain = [p.loss for p in Trainer(QUICK).train(sampler)]
    examples = list(Trainer(QUICK)._examples(sampler, 0, 0, 1))
    trainer = Trainer(QUICK)
    trainer.device = "cuda"
    monkeypatch.setattr(trainer, "_examples", lambda *_: iter(examples))
    seen = [(p.images_seen, trainer.images_seen, p.loss) for p in trainer.train(sampler)]
    assert [told for told, _, _ in seen] == [8 * n for n in range(1, 9)]
    assert [ahead for _, ahead, _ in seen] == [*(8 * n for n in range(2, 9)), 64]
    assert [loss for _, _, loss in seen] == pytest.approx(plain, rel=1e-3)  # it adds up no shares


class Untaken:
    """An optimiser whose steps are not taken: torch's own know no tensors without values."""

    def __init__(self, parameters, **options):
        self.param_groups = [options]

    def zero_grad(self):
        pass

    step = zero_grad


def test_a_told_step_waits_for_no_device_and_mixes_none(entries, monkeypatch):
    """Tensors of the device "meta" have no values: reading one back, or adding one of the processor's, is an error."""
    monkeypatch.setattr(torch.optim, "Adam", Untaken)
    network = replace(QUICK.network, told=True, organs=("colon",), averages=(4,), detail=8)
    config = replace(QUICK, network=network, told_share=0.8, organ_share=0.5, whole_share=0.2)
    pyramids = Pyramids.of(entries, config.mpp_min, "meta")
    drawer = drawer_of(replace(config, mpp_max=4.0), pyramids)
    trainer = Trainer(config, "meta")
    example = told_example(drawer.draw(range(8)), config, 0)
    assert example.clean.shape == (8, 3, 16, 16)
    step = trainer.step(EDMDenoiser(trainer.network), example, None)
    assert step.loss.is_meta
    assert trainer.images_seen == 8


def test_slides_are_decoded_under_the_eyes_of_who_waits_for_them(entries):
    told = []

    def watch(steps, what):
        for step in steps:
            told.append(what)
            yield step

    pyramids = Pyramids.of(entries, QUICK.mpp_min, watch=watch)
    assert told == ["decoding slides"] * len(entries)
    assert len(pyramids.grounds) == len(entries)


def test_the_learning_rate_rises_linearly_and_falls_with_the_root():
    config = TrainConfig(learning_rate=1.0, batch_size=10, warmup_images=100, decay_images=400)
    assert learning_rate(config, 0) == pytest.approx(0.1)
    assert learning_rate(config, 90) == pytest.approx(1)
    assert learning_rate(config, 400) == pytest.approx(1)
    assert learning_rate(config, 1600) == pytest.approx(0.5)


def test_a_run_leaves_its_parameters_losses_samples_and_a_usable_model(tmp_path, entries):
    list(train_in_folder(tmp_path, replace(QUICK, mpp_max=8.0), entries))
    config = TrainConfig.from_json(json.loads((tmp_path / "config.json").read_text()))
    assert config == replace(QUICK, mpp_max=8.0)
    started = json.loads((tmp_path / "run_info.jsonl").read_text())
    assert {"command", "commit", "device", "packages"} <= set(started)
    assert (tmp_path / "losses.csv").read_text().startswith("images_seen,loss")
    assert Image.open(tmp_path / "samples.png").size[0] > 0
    denoiser = load_denoiser(tmp_path / "model.safetensors")
    assert denoiser.info.images_seen == 64
    assert denoiser.info.training_data == ("own data (no licence named), 1 slide",)
    assert denoiser.mpp_range == (0.5, 8.0)


def test_a_folder_with_a_run_is_not_overwritten_and_an_empty_one_not_resumed(tmp_path, entries):
    with pytest.raises(WsigenError, match="to resume from"):
        list(train_in_folder(tmp_path / "none", QUICK, entries, resume=True))
    list(train_in_folder(tmp_path, replace(QUICK, images=8), entries))
    with pytest.raises(WsigenError, match="holds a run already; add --resume"):
        list(train_in_folder(tmp_path, QUICK, entries))
    steps = list(train_in_folder(tmp_path, QUICK, entries, resume=True, changes={"images": 64}))
    assert steps[0].images_seen == 16


@pytest.mark.parametrize(
    "name", ["config.json", "run_info.jsonl", "losses.csv", "model.safetensors"]
)
def test_a_new_run_leaves_what_others_have_in_its_folder(tmp_path, entries, name):
    (tmp_path / name).write_text("another's")
    with pytest.raises(WsigenError, match=rf"{name} is there already.*choose another folder"):
        list(train_in_folder(tmp_path, QUICK, entries, start_from="none"))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["another's"]


def test_only_the_first_of_several_processes_looks_for_what_it_may_have_written(
    tmp_path, monkeypatch
):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("RANK", "1")
    check_new(tmp_path, "training.safetensors", ["config.json"])


def test_a_run_that_took_no_step_leaves_nothing(tmp_path, entries, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Trainer, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        list(train_in_folder(tmp_path / "new", QUICK, entries))
    assert not (tmp_path / "new").exists()


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path, entries):
    list(train_in_folder(tmp_path, QUICK, entries))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    changes = {"patch_px": 32, "seed": 1}
    assert not list(train_in_folder(tmp_path, QUICK, entries, resume=True, changes=changes))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_every_process_has_a_patch_of_each_step(tmp_path, entries, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "9")
    with pytest.raises(WsigenError, match=r"batch_size is 8; expected .* each of 9 processes"):
        list(train_in_folder(tmp_path, QUICK, entries))


def test_minutes_bound_a_run(tmp_path, entries):
    steps = list(train_in_folder(tmp_path, QUICK, entries, minutes=0))
    assert len(steps) == 1
    assert (tmp_path / "model.safetensors").is_file()


def test_two_processes_train_together(tmp_path, entries):
    """torchrun on two processes gives nearly the weights of one: sums of gradients in another order."""
    table = tmp_path / "cohort.csv"
    table.write_text(f"path,case,mpp,split\n{entries[0].path},one,0.5,train\n")
    options = [
        "--preset",
        "tiny",
        "--patch-px",
        "16",
        "--batch-size",
        "8",
        "--images",
        "32",
        "--mpp-max",
        "4",
    ]
    for folder, launcher in (
        ("one", []),
        ("two", ["torch.distributed.run", "--nproc-per-node=2", "-m"]),
    ):
        command = [sys.executable, "-m", *launcher, "wsigen", "train", str(tmp_path / folder)]
        subprocess.run(
            [*command, "--cohort", str(table), *options], check=True, capture_output=True
        )
    one, two = (load_denoiser(tmp_path / folder / "model.safetensors") for folder in ("one", "two"))
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0.02, msg=name)


def tiny_checkpoint(path):
    config = UNetConfig(widths=(16, 16), blocks=1, condition_channels=32)
    info = ModelInfo(config, 0.5, 16, 0.5, 8.0, 123, ("phantom (own data)",))
    save_checkpoint(path, UNet(config), info)
    return info


def test_a_checkpoint_brings_back_everything_but_half_the_digits(tmp_path):
    info = tiny_checkpoint(tmp_path / "model.safetensors")
    loaded = load_denoiser(tmp_path / "model.safetensors", half=False)
    assert loaded.info == info
    assert loaded.name == "model"
    assert len(loaded.sha256) == 64
    assert not any(p.requires_grad for p in loaded.parameters())


def test_weights_kept_in_half_precision_say_the_same_as_weights_that_are_cast_each_time(tmp_path):
    tiny_checkpoint(tmp_path / "model.safetensors")
    kept, cast = (
        load_denoiser(tmp_path / "model.safetensors", half=half) for half in (True, False)
    )
    cast.half_precision = True
    x = torch.randn(3, 3, 16, 16)
    assert kept.network.stem.weight.dtype == torch.bfloat16
    assert torch.equal(kept(x, 1.0, 2.0), cast(x, 1.0, 2.0))


def test_a_truncated_foreign_or_unknown_checkpoint_is_a_clear_error(tmp_path):
    path = tmp_path / "model.safetensors"
    tiny_checkpoint(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WsigenError, match="not a whole safetensors file"):
        load_denoiser(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(WsigenError, match="not a wsigen model"):
        load_denoiser(path)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(WsigenError, match="not a whole safetensors file"):
        load_denoiser(path)
    with pytest.raises(WsigenError, match="no model 'huge'; expected one of"):
        load_denoiser("huge")
    with pytest.raises(
        WsigenError,
        match="no preset 'huge'; expected one of tiny, small, told, overview, base, base-told, paper",
    ):
        preset("huge")


def test_a_full_disk_is_a_clear_error_and_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    info = tiny_checkpoint(path)
    whole = path.read_bytes()

    def full(file, content):
        with file.open("wb") as half:
            half.write(content[:4])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WsigenError, match=r"cannot be written .*No space left.*make room"):
        save_checkpoint(path, UNet(info.network), info)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_weights_that_do_not_fit_the_architecture_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    info = tiny_checkpoint(path)
    save_checkpoint(path, UNet(replace(info.network, blocks=2)), info)
    with pytest.raises(WsigenError, match="weights and architecture do not fit"):
        load_denoiser(path)


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_is_small_enough_and_denoises_better_than_a_blank_guess(name):
    assert find_model(name).stat().st_size <= 20e6
    denoiser = load_denoiser(name)
    assert denoiser.info.images_seen > 0
    assert all("(" in credit for credit in denoiser.info.training_data)
    white = torch.full((1, 3, denoiser.info.patch_px, denoiser.info.patch_px), 0.92)
    noise = torch.randn(white.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        error = (denoiser(white + 0.3 * noise, 0.3, 10.0) - white).square().mean().sqrt()
    assert error < 0.1  # a network of zeros is left with 0.26 of the noise, and the bias of grey


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_has_its_card_and_a_record_that_ends_where_it_stands(name):
    file = unpacked(find_model(name))
    record = json.loads(file.with_suffix(".json").read_text())
    info = load_denoiser(name).info
    assert record["losses"][-1]["images_seen"] == record["images_seen"] == info.images_seen
    assert UNetConfig(**record["config_at_the_end"]["network"]) == info.network
    assert file.with_suffix(".md").read_text().startswith(f"# Model card: {name}\n")


def test_a_model_that_left_the_package_is_told_with_a_commit_that_has_it():
    assert not RETIRED.keys() & set(shipped_models())
    with pytest.raises(WsigenError, match="no model 'small' any more, commit 705cf1417bf7 has it"):
        find_model("small")


def test_the_model_that_is_loaded_by_default_ships():
    assert unpacked(find_model(DEFAULT_MODEL)).stem == load_denoiser().name == DEFAULT_MODEL


def test_a_run_can_start_from_a_models_weights_and_takes_over_its_network(tmp_path, entries):
    shape = replace(QUICK.network, widths=(8, 16))
    list(train_in_folder(tmp_path / "first", replace(QUICK, network=shape), entries))
    model = tmp_path / "first" / "model.safetensors"
    still = replace(QUICK, images=8, learning_rate=0.0)
    list(train_in_folder(tmp_path / "second", still, entries, start_from=model))
    before, after = (
        load_denoiser(tmp_path / run / "model.safetensors") for run in ("first", "second")
    )
    assert after.info.network.widths == (8, 16)
    for name, value in before.network.state_dict().items():
        torch.testing.assert_close(after.network.state_dict()[name], value)


def test_a_run_that_starts_from_a_model_can_have_averages_and_detail_that_the_model_had_not(
    tmp_path, entries
):
    list(train_in_folder(tmp_path / "first", QUICK, entries))
    model = tmp_path / "first" / "model.safetensors"
    seeing = replace(QUICK.network, averages=(4, 8), detail=8)
    more = replace(QUICK, network=seeing, images=8, learning_rate=0.0)
    list(train_in_folder(tmp_path / "second", more, entries, start_from=model))
    before, after = (
        load_denoiser(tmp_path / run / "model.safetensors") for run in ("first", "second")
    )
    assert (after.info.network.averages, after.info.network.detail) == ((4, 8), 8)
    x = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(after(x, 1.0, 2.0), before(x, 1.0, 2.0))


def test_overviews_can_be_trained_at_higher_noise_than_cells(entries):
    levels = {}
    for gain in (0.0, 0.5):
        config = replace(QUICK, sigma_mean_per_octave=gain)
        sampler = PatchSampler(open_sources(entries), 16, (0.5, 8.0))
        found = [TrainingPatches(sampler, config)[n] for n in range(40)]
        levels[gain] = [(float(sigma.log()), float(mpp)) for _, _, sigma, mpp in found]
    for (plain, mpp), (shifted, _) in zip(levels[0.0], levels[0.5], strict=True):
        assert shifted - plain == pytest.approx(0.5 * max(np.log2(mpp), 0), abs=1e-5)


WRONG = (
    *("--batch-size 0", "--batch-size -1", "--images 0", "--images -5", "--patch-px 0"),
    *(
        "--workers -1",
        "--seed -1",
        f"--seed {2**64}",
        "--learning-rate 0",
        "--learning-rate -1",
        "--clip 0",
    ),
    *("--warmup-images -1", "--decay-images 0", "--stain-jitter -1", "--stain-jitter-images -1"),
    *("--minutes -1", "--save-minutes -1", "--mpp-min 0", "--mpp-max -1", "--sigma-std -1"),
)


def test_a_resumed_run_says_what_it_has_seen_of_its_own_patches(tmp_path, entries):
    list(train_in_folder(tmp_path / "run", replace(QUICK, images=24), entries))
    table = tmp_path / "cohort.csv"
    table.write_text(f"path,case,mpp,split\n{entries[0].path},one,0.5,train\n")
    words = [str(tmp_path / "run"), "--cohort", str(table), "--resume"]
    for more, seen in ([], 24), (["--images", "40"], 40):
        result = CliRunner().invoke(train_verb, [*words, *more], catch_exceptions=False)
        assert f"has seen {seen} patches" in result.output
        assert f"{seen}/{seen} " in result.stderr.splitlines()[-1]  # the bar


@pytest.mark.parametrize(
    "own", ["--preset tiny", "--start-from small-3", "--patch-px 16", "--seed 1"]
)
def test_a_resumed_run_refuses_what_it_keeps_as_its_own(tmp_path, entries, own):
    list(train_in_folder(tmp_path, replace(QUICK, images=8), entries))
    words = [str(tmp_path), "--cohort", "phantom", "--resume", *own.split()]
    refused = CliRunner().invoke(train_verb, words)
    assert refused.exit_code == 2
    assert f"{own.split()[0]} is of a new run" in refused.output


@pytest.mark.parametrize("wrong", WRONG)
def test_a_number_that_cannot_be_is_refused_by_its_options_name(tmp_path, wrong):
    words = [str(tmp_path / "run"), "--cohort", "phantom", "--preset", "tiny", *wrong.split()]
    refused = CliRunner().invoke(train_verb, words)
    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong.split()[0]}'" in refused.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"batch_size": 0}, "batch_size is 0; expected a number above 0"),
        ({"images": -5}, "images is -5; expected a number above 0"),
        ({"clip": math.nan}, "clip is nan; expected a number above 0"),
        ({"seed": -1}, "seed is -1; expected 0 or more"),
    ],
)
def test_a_config_says_which_of_its_numbers_cannot_be(changes, expected):
    with pytest.raises(WsigenError, match=expected):
        replace(QUICK, **changes)


def test_a_run_refuses_patches_that_its_network_cannot_fold():
    with pytest.raises(WsigenError, match="patch_px is 7; expected a whole multiple of 4"):
        Trainer(replace(QUICK, patch_px=7))
