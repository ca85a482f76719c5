# %% [markdown]
# # A canvas larger than the network
#
# **Question.** Patches are denoised one by one. Shifting the grid anew at each step is to leave no seams and cost
# nothing (Fig. 4 of the paper). Does it? And what do its rivals pay for the same?
#
# ```{wipe} results/classroom/rivals/fixed_grid.jpg results/classroom/rivals/grid-shift.jpg
# :alt: The same square of generated tissue, three by three patches, by a
# :names: fixed grid | grid-shift
#
# The same tissue with a fixed grid and with grid-shift. Move the line.
# ```
#
# **Predict before you run.** (1) Which step's grid can be seen most in the final image: the first, one in the middle,
# or the last? (2) Order by seams: a fixed grid, grid-shift, finished neighbours pasted in, overlapping patches
# averaged. (3) Order them by evaluations.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: size of the image, number of draws
cohort: str = "sample"  # real tissue to compare with: sample, phantom, or a cohort.csv
seed: int = 0  # names the noise, the shifts and the guide
mpp: float = 1.4  # micrometres per pixel
num_steps: int = 8  # N of the film
out: str = "out/grid_shift"  # folder for the figures; frames of the film lie in its folder frames

# %%
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from wsigen.experiments.guides import generated_guide
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import as_markdown, saved_result
from wsigen.experiments.rivals import PROFILES
from wsigen.experiments.run import saved_or_run
from wsigen.plan import FAST, Stage
from wsigen.plots.quality import sheets
from wsigen.plots.seams import jump_profiles, rival_scores, step_effects, step_traces
from wsigen.plots.shown import show
from wsigen.runs.stage import StageRun
from wsigen.seams.film import film
from wsigen.zoom.pages import write_frames

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## Step by step
#
# One guided stage, on a guide that the model made itself. Above is the image at the noise level of the step, with the
# grid that was drawn for it. Below is what it would look like if all patches were denoised at once from here.

# %%
lab = Lab(cohort, seed=seed)
side = 2 * lab.patch_px
guide = generated_guide(lab, side // 2, 2 * mpp, FAST)
plan = replace(FAST, num_steps=num_steps, guided_steps=num_steps // 4)
stage = StageRun(lab.denoiser.painter(plan, seed=seed), Stage(9, side, side, mpp), guide)
frames = list(film(stage))
shown = sorted({0, num_steps // 3, 2 * num_steps // 3, num_steps - 1})
pictures = [frames[i].noisy for i in shown] + [frames[i].estimate for i in shown]
labels = [f"step {i}, σ = {frames[i].sigma:.2f}" for i in shown] + [
    f"estimate, step {i}" for i in shown
]
save(
    sheets(pictures, labels, across=len(shown)),
    "film",
    f"{len(shown)} steps of one stage. Above, noise that clears into tissue, under lines of a "
    "grid that lie elsewhere each time. Below, what it would look like from there: the same "
    "tissue throughout.",
)

# %%
names = [f"step {i}, σ = {frame.sigma:.2f}" for i, frame in enumerate(frames)]
pairs = [np.concatenate([frame.noisy, frame.estimate], axis=1) for frame in frames]
_ = write_frames(f"{out}/frames", dict(zip(names, pairs, strict=True)))

# %% [markdown]
# All of its steps, one after the other: the lattice moves, and the noise clears.
#
# ```{frames} book/executed/grid_shift/frames
# :alt: Left the noisy image with the grid of the step, right what it would look like if all patches were denoised at once, at
# :label: step
# ```

# %% [markdown]
# ## The rivals
#
# Network, guide, noise, solver and steps are the same for all. Only the patches differ, and what happens where they
# meet. The ledger is exact: evaluations of the network on one patch, and the longest chain of those that must wait for
# each other. This is the run of this page:

# %%
config = replace(PROFILES[profile], mpp=mpp)
live = saved_or_run("rivals", profile, lab, config=config, out=Path(out))
columns = (
    "scheme",
    "seam_effect",
    "seam_p",
    "detail",
    "kid",
    "guide_error",
    "evaluations",
    "chain",
)
Markdown(as_markdown(live.rows, columns))

# %%
names = [row["scheme"] for row in live.rows]
files = [name.replace(" ", "_").replace("/", "_") for name in names]
save(
    sheets([live.image(file) for file in files], names, across=2),
    "rivals",
    f"One generated image by each scheme: {', '.join(names)}. Nuclei and pale tissue lie in the "
    "same places in all.",
)

# %% [markdown]
# And the saved run, with all rivals, on the model's own scale and beside real tissue, if there is one:

# %%
saved = saved_result("rivals")
kept = saved or live
save(
    rival_scores(kept.rows),
    "scores_classroom",
    "Four plots with a dot for each scheme: how far its seams stand out, its detail over that "
    "of real tissue, its evaluations, and the longest chain of them.",
)

# %%
timed = (*columns, "seconds_an_image") if saved else columns
Markdown(as_markdown(kept.rows, timed))

# %%
names = [row["scheme"] for row in kept.rows]
files = [name.replace(" ", "_").replace("/", "_") for name in names]
save(
    sheets([kept.image(file) for file in files], names, across=3),
    "rivals_classroom",
    f"One generated image of the saved run by each scheme: {', '.join(names)}.",
)

# %% [markdown]
# ## Where no network can be blamed
#
# On a Gaussian field the best denoiser of a patch is a formula, and what each scheme makes of it can be computed
# exactly ({doc}`exact_diffusion`). Here is the mean squared step from pixel to pixel, over what it should be:

# %%
exact = saved_result("exact_field") or saved_or_run("exact_field", "smoke", lab)
save(
    jump_profiles(exact.rows),
    "exact",
    "On a Gaussian field, a plot for each scheme of the squared step from pixel to pixel over "
    "the true one: sharp peaks at the borders of the fixed grid, mask-shift and flat "
    "MultiDiffusion; ripples for grid-shift; flat for whole image and Gaussian MultiDiffusion.",
)

# %% [markdown]
# Which step's borders remain? Over many draws of the shifts, this is what a border of each step leaves at its place:

# %%
save(
    step_traces(exact.rows),
    "traces",
    "What a border leaves at its place, over the noise level of its step: a hump in the middle "
    "of the schedule, and next to nothing at both ends.",
)

# %% [markdown]
# The same question to the trained model. The shifts follow from the seed, so each final image can be tested along the
# grid of each of its steps. Bars are intervals over the images:

# %%
steps = saved_result("step_seams") or saved_or_run("step_seams", "smoke", lab)
save(
    step_effects(steps.rows),
    "steps_model",
    "How far seams along the grid of each step stand out, over the noise level of the step: near "
    "zero where the patches of the last step fade into each other.",
)

# %% [markdown]
# ## What we saw, beside what the paper says
#
# *At no cost* is true, by the ledger. Only padding adds a row and a column of patches.
#
# *Without seams* is true for the eye, and not to the last digit. On the exact field grid-shift is far nearer to the
# truth than a fixed grid. With few steps faint borders remain, mostly of steps at noise levels from about 0.1 to 1:
# earlier ones are forgotten, and later ones come when little is left to decide.
#
# On the trained model the fixed grid is found without doubt, and can be seen. Grid-shift shows nothing at the base
# grid. But the grid of its own last step is found (`last_seam_p`), at less than a grey level in the ten steps of the
# fast plan: the exact field forgets its last steps, the network does not. The last figure looks along the grid of every
# step of the student and of its teacher. Their patches fade into each other in the last one. Its grid
# is found in the student's images, faintly; that of the student's first step and those of its teacher are not.
