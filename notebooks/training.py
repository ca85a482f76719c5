# %% [markdown]
# # Training a denoiser
#
# **Question.** What does a network learn first, and what does its loss tell of its pictures?
#
# ```{figure} ../figures/trainings.jpg
# :alt: Three rows of patches from the same noise, by three trainings of which each went on from the one before.
#
# What training changes: the same noise by three models.
# ```
#
# **Predict before you run.** A tiny network (32 px patches, 160 000 weights) is trained on two thousand patches of real
# tissue, the size of a smoke run. Will it turn a noisy patch into a clean one? And a patch of noise alone into tissue?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how many patches are seen
cohort: str = "sample"  # slides to train on: sample, phantom, or a cohort.csv
seed: int = 0  # names the first weights, the patches and their noise
learning_rate: float = 4e-3  # its highest value
scale: str = "log"  # log (as many patches in each octave) or uniform (the paper's) distribution of micrometres per pixel
out: str = "out/training"  # folder for the figures

# %%
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from IPython.display import Markdown

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.denoiser import EDMDenoiser
from wsigen.experiments.result import described, load_result
from wsigen.models import DEFAULT_MODEL, unpacked
from wsigen.pixels import to_pixels
from wsigen.plots.quality import loss_curve, sheets
from wsigen.plots.shown import show
from wsigen.seeds import generator
from wsigen.training.checkpoint import find_model
from wsigen.training.config import TINY, preset
from wsigen.training.loop import Trainer
from wsigen.training.monitor import sample_sheet

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## The patches
#
# A patch is a square somewhere on the slides, at a scale drawn from the whole range, turned and mirrored by chance.
# Above each is its number of micrometres per pixel.

# %%
config = {
    "smoke": replace(TINY, images=2400, batch_size=8),
    "classroom": replace(TINY, images=40_000),
    "paper": preset("paper"),
}[profile]
config = replace(config, seed=seed, learning_rate=learning_rate, scale=scale, mpp_max=32.0)
sampler = PatchSampler(
    open_sources(read_cohort(cohort)), config.patch_px, (config.mpp_min, config.mpp_max),
    scale=config.scale, seed=seed,
)  # fmt: skip
patches = [sampler.patch(number) for number in range(8)]
save(
    sheets([pixels for pixels, _ in patches], [f"{mpp:.2g}" for _, mpp in patches], across=8),
    "patches",
    "Eight training patches of stained tissue, each with its micrometres per pixel above it.",
)

# %% [markdown]
# ## The loop
#
# `train` is a generator. It yields after every step, and whoever iterates decides what to show and when to stop. Here
# the average of the weights denoises the same eight patches three times on the way.

# %%
sigma = 0.5
clean = (
    torch.from_numpy(np.stack([pixels for pixels, _ in patches])).permute(0, 3, 1, 2) / 127.5 - 1
)
noise = generator(seed, "training notebook").standard_normal(clean.shape, np.float32)
noisy = clean + sigma * torch.from_numpy(noise)
scales = torch.tensor([mpp for _, mpp in patches])


def row(images):
    """Images side by side, as pixels."""
    return np.concatenate(list(to_pixels(images)), axis=1)


# %%
trainer, seen, losses = Trainer(config), [], []
rows, stops = {f"noisy, sigma = {sigma}": row(noisy)}, [config.images // n for n in (16, 4, 1)]
for progress in trainer.train(sampler):
    seen.append(progress.images_seen)
    losses.append(progress.loss)
    if stops and progress.images_seen >= stops[0]:
        denoiser = EDMDenoiser(trainer.average.module, config.sigma_data)
        with torch.no_grad():
            rows[f"denoised after {stops.pop(0)} patches"] = row(denoiser(noisy, sigma, scales))

# %%
save(
    sheets([*rows.values(), row(clean)], [*rows, "clean"]),
    "denoised",
    f"The same eight patches in {len(rows) + 1} rows: noisy, denoised at three moments of the "
    "training with less and less noise left, and clean.",
)

# %%
smooth = np.convolve(losses, np.ones(20) / 20, "valid")
save(
    loss_curve(seen[19:], smooth),
    "loss",
    "The loss over the patches seen, on logarithmic axes. It falls unevenly.",
)

# %% [markdown]
# ## Samples
#
# A sample starts from noise alone and asks the network at every noise level. What it has not learned at one of them
# shows.

# %%
samples = sample_sheet(denoiser, config.patch_px, (2.0, 16.0), columns=8, num_steps=12, seed=seed)
save(
    sheets([samples], ["above at 2, below at 16 micrometres per pixel"]),
    "samples",
    "Two rows of eight samples that the tiny network makes from noise, at the finer scale "
    "above and the coarser below.",
)

# %% [markdown]
# ## The model that ships
#
# `small-3` has sixty times as many weights and saw far more patches. Its record lies beside its weights.

# %%
record = json.loads(unpacked(find_model(DEFAULT_MODEL)).with_suffix(".json").read_text())
seen = [line["images_seen"] for line in record["losses"]]
save(
    loss_curve(seen, [line["loss"] for line in record["losses"]]),
    "loss_shipped",
    "The loss of small-3, over the patches it has seen: a slow fall, and a step up where guides began to be softened.",
)

# %%
Markdown("\n".join(f"- {note}" for note in record["notes"]))

# %% [markdown]
# Here are eight samples at each of seven scales, from the same noise. Which of them would you take for tissue?


# %%
samples = load_result("samples")
scales = [f"{row['mpp']:g}" for row in samples.rows]
names = [f"mpp_{scale}".replace(".", "_") for scale in scales]
save(
    sheets([np.concatenate([samples.image(name) for name in names])], [""]),
    "samples_shipped",
    f"Seven rows of eight samples of small-3, at {', '.join(scales)} micrometres per pixel from top to bottom.",
)

# %% [markdown]
# And slides, 0.5 mm wide, with what made them:

# %%
slides = load_result("slide_level")
Markdown(described(slides))

# %%
save(
    sheets([np.concatenate([slides.image(f"slide_{i}") for i in range(3)], axis=1)], [""]),
    "slides_shipped",
    "Three small slides that the model made, side by side, each with tissue on its glass.",
)

# %% [markdown]
# ## What we saw, beside what the paper says
#
# After the first 150 patches the noise is half as strong. That is no merit of the network: Eq. 6 passes on $c_{skip}$
# times the noisy patch whatever the network says, and at sigma = 0.5 that is one half. What is learned comes slowly:
# glass is flattened first, then large areas of one colour. At the end of a smoke run nuclei are still noise. Samples
# lag far behind. Denoising forgives an error; a sample is made of many such answers, one upon the other, and does not.
#
# The paper trains on patches of 512 px on GPUs and gives no loss. It draws the scale uniformly between 0.3 and 150
# micrometres per pixel, so that under one patch in a hundred is finer than 1.2. Set `scale = "uniform"` above to see
# what becomes of the upper row.
