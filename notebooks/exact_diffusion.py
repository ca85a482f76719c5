# %% [markdown]
# # Diffusion without a network
#
# **Question.** What do the equations do if the denoiser is known exactly? Two cases are small enough: numbers from two
# clusters, and a random field with the correlation of tissue. No network can be blamed here.
#
# ```{figure} ../figures/first_guesses.jpg
# :alt: A patch of tissue under more and more noise, and below it the best guess at each level, ever blurrier.
#
# The best guess at a noisy image is a mean of all that is still possible. Here a network makes it; below, a formula does.
# ```
#
# **Predict before you run.** Data are $-0.6$ in 35 % of all cases and $+0.5$ in the others. (1) What is the best guess
# of the clean number when the noise is large? (2) Two clusters are drawn from noise with 3, 6, 12 and 24 steps of
# Heun's method. With too few steps, what goes wrong: the shares of the clusters, or their places? (3) Each half of a
# line is denoised perfectly, but on its own. Where is the result wrong?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: size of the exact comparison at the end
cohort: str = "phantom"  # not used: nothing here comes from a slide
seed: int = 0  # names all noise
spread: float = 0.1  # of each cluster
length_px: float = 3.5  # correlation length of the field; H&E at 1.4 um/px has about 3.5 px
out: str = "out/exact_diffusion"  # folder for the figures

# %%
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from IPython.display import Markdown

from wsigen.experiments.exact_field import PROFILES
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import as_markdown, saved_for
from wsigen.experiments.run import saved_or_run
from wsigen.pixels import to_pixels
from wsigen.plots.exact import curves, histograms, paths
from wsigen.plots.quality import sheets
from wsigen.plots.seams import exact_distances, jump_profiles
from wsigen.plots.shown import show
from wsigen.sampler import heun, sample
from wsigen.schedule import karras_sigmas
from wsigen.seams.gaussian_field import STD, GaussianField

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## Two clusters
#
# The exact denoiser is a mean of the two clusters, weighted by how likely each of them made the noisy number.

# %%
means, logs = torch.tensor([-0.6, 0.5]), torch.tensor([0.35, 0.65]).log()


def mixture(x, sigma, mpp):
    """The expected clean number, of clusters with some spread."""
    v = spread**2 + sigma**2
    share = (logs - (x[..., None] - means) ** 2 / (2 * v)).softmax(-1)
    return (share * (spread**2 * x[..., None] + sigma**2 * means) / v).sum(-1)


noisy = torch.linspace(-2, 2, 401)
guesses = {f"σ = {sigma:g}": mixture(noisy, sigma, 1.0) for sigma in (2.0, 0.8, 0.4, 0.15)}
save(
    curves(noisy, guesses, xlabel="noisy number x", ylabel="best guess D(x; σ)"),
    "staircase",
    "The best guess over the noisy number, one curve for each noise level: nearly flat at σ = "
    "2, and a step from one cluster to the other at σ = 0.15.",
)

# %% [markdown]
# At large $\sigma$ the best guess is the mean of all data, a value that hardly occurs. As the noise falls, it becomes a
# staircase. Sampling follows the slope $(x - D)/\sigma$ down to no noise. Here are 25 starts, in 60 small steps:

# %%
sigmas = karras_sigmas(60, sigma_max=3.0).tolist()
starts = 3.0 * torch.distributions.Normal(0, 1).icdf((torch.arange(25) + 0.5) / 25)
way = [starts.double()[None, None, None]]
for sigma, sigma_next in pairwise(sigmas):
    way.append(heun(mixture, way[-1], sigma, sigma_next, 1.0))
save(
    paths(sigmas, torch.stack(way)[:, 0, 0, 0], means.tolist()),
    "paths",
    "Twenty-five paths over the falling noise level. They run straight at first, then each "
    "bends to one of two points, the clusters.",
)

# %% [markdown]
# Paths are straight while the noise is large, and bend where it is about the distance of the clusters. Steps have to be
# short there, and Eq. 4 makes them so: of 40 levels from 80 to 0.002, half lie below 2.5.

# %%
noise = 80 * torch.randn(1, 3, 60, 60, generator=torch.Generator().manual_seed(seed)).double()
made = {f"N = {n}": sample(mixture, noise, karras_sigmas(n), 1.0) for n in (3, 6, 12, 24)}
places = torch.linspace(-1.4, 1.4, 300)
bells = torch.exp(-((places[:, None] - means) ** 2) / (2 * spread**2)) / (
    spread * (2 * torch.pi) ** 0.5
)
save(
    histograms(made, (places, bells @ logs.exp())),
    "steps",
    "Histograms of the numbers made in 3, 6, 12 and 24 steps, over the true density with its "
    "two peaks. With few steps they miss the peaks, with 24 they fill them.",
)

# %% [markdown]
# With few steps the shares are nearly right and the places are wrong: numbers shoot past their cluster.
#
# ## A field that looks a little like tissue
#
# Images given only by a mean and a covariance are a Gaussian field. Its best denoiser is Wiener's filter: each wave
# keeps the share $S/(S + \sigma^2)$ of itself, where $S$ is its power. Below is one field under four noise levels, and
# what the filter makes of each. Coarse structure survives where detail is long lost.

# %%
side = 96
faint = tuple(0.4 * value for value in STD)  # less contrast than tissue, so that nothing is clipped
field = GaussianField(side, side, length_px, std=faint)
wiener, clean = field.whole_denoiser(), field.draw(seed, "field")[None]
grain = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
levels = (0.1, 0.4, 1.0, 3.0)
seen = [to_pixels(clean + sigma * grain)[0] for sigma in levels]
guess = [to_pixels(wiener(clean + sigma * grain, sigma, 1.4))[0] for sigma in levels]
labels = [f"{what}, σ = {sigma:g}" for what in ("noisy", "best guess") for sigma in levels]
save(
    sheets(seen + guess, labels, across=4),
    "wiener",
    "Above, a field of blue, violet and white blotches under four noise levels, drowned at the "
    "last. Below, the best guess from each, smoother and smoother.",
)

# %% [markdown]
# In 20 steps of Heun's method noise becomes a new field of the same kind; every fourth step is shown. The flow is known
# in closed form, and so is the error of each solver. Euler's falls with the number of steps, that of Heun and 2M with
# about its square. In the end the last step is left, which is Euler's in all of them.

# %%
x, levels, film = 80 * grain.double(), karras_sigmas(20).tolist(), []
for sigma, sigma_next in pairwise(levels):
    film.append(wiener(x, sigma, 1.4))
    x = heun(wiener, x, sigma, sigma_next, 1.4)
shown = range(3, 20, 4)
frames = [to_pixels(film[i])[0] for i in shown] + [to_pixels(x)[0]]
save(
    sheets(frames, [f"best guess, step {i}" for i in shown] + ["image"], across=6),
    "film",
    "Six pictures of the best guess on its way: one flat colour at first, then large blotches, "
    "then fine ones.",
)

# %%
exact, numbers = wiener.path(80 * grain.double(), 80.0, 0.0), (8, 16, 32, 64)
ends = {
    solver: [
        sample(wiener, 80 * grain.double(), karras_sigmas(n), 1.4, solver=solver) for n in numbers
    ]
    for solver in ("euler", "heun", "2m")
}
errors = {
    solver: [float((x - exact).square().mean().sqrt()) for x in xs] for solver, xs in ends.items()
}
save(
    curves(numbers, errors, xlabel="steps N", ylabel="error", log="xy", markers=True),
    "solver_errors",
    "Error over the number of steps on logarithmic axes. Euler's line falls slowly; those of "
    "Heun and 2M fall steeply, close together.",
)

# %% [markdown]
# ## A patch knows less
#
# A patch has a best denoiser of its own, of the same form. How far are its guesses from those that know the whole
# field? Here is the root mean square along a patch of 32 px, over 200 rows of a field of one dimension:

# %%
line = GaussianField(192, 128, length_px, dimensions=1, std=(0.5, 0.5, 0.5), mean=(0, 0, 0))
rows = line.draw(seed, "rows")[None].double()
grain = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed)).double()
own, all_of_it = line.patch_denoiser(192, 32), line.whole_denoiser()
loss = {
    f"σ = {sigma:g}": (
        own((rows + sigma * grain)[..., :32], sigma, 1.4)
        - all_of_it(rows + sigma * grain, sigma, 1.4)[..., :32]
    ).square().mean((0, 1, 2)).sqrt()
    for sigma in (0.1, 0.5, 2.0)
}  # fmt: skip
save(
    curves(np.arange(32), loss, xlabel="place in the patch, px", ylabel="difference"),
    "patch",
    "Difference between the two guesses along the 32 pixels of a patch. At each noise level it "
    "is largest at both ends; with more noise it reaches farther in.",
)

# %% [markdown]
# A patch guesses worst at its border, and the more noise, the farther in. It needs its neighbours most where it can see
# least. Both denoisers are exact, so this is the price of looking at patches. No network can avoid it.
#
# ## What each scheme makes of it
#
# Denoiser, solver and every scheme that joins patches are linear here. So the covariance of what is made can be
# computed instead of sampled. Below is the mean squared step from each pixel of a line to the next, over what it should
# be. One is right. This is the run of this page:

# %%
config = replace(PROFILES[profile], length_px=length_px)
live = saved_or_run("exact_field", profile, Lab(seed=seed), config=config, out=Path(out))
save(
    jump_profiles(live.rows),
    "jumps",
    "A small plot for each scheme: the squared step from pixel to pixel along the line, over "
    "the true one. The fixed grid has high peaks at its borders, mask-shift and flat "
    "MultiDiffusion lower ones, grid-shift low and broad ones; whole image and Gaussian "
    "MultiDiffusion are flat.",
)

# %%
columns = (
    "scheme",
    "num_steps",
    "distance",
    "jump_at_grid",
    "jump_elsewhere",
    "jump_largest",
    "variance",
)
Markdown(as_markdown([row for row in live.rows if row["part"] == "line"], columns))

# %% [markdown]
# And the saved run of the larger profile, if there is one:

# %%
kept = saved_for(live)
save(
    exact_distances(kept.rows),
    "distances_classroom",
    "Left, the distance of each scheme from the true law: whole image and Gaussian "
    "MultiDiffusion are nearest, the fixed grid is farthest, grid-shift in between. Right, for "
    "grid-shift distance and largest jump fall with the number of steps.",
)

# %%
save(
    jump_profiles(kept.rows),
    "jumps_classroom",
    "The same plots for the saved run, with two more schemes: sharp peaks for the fixed grid, "
    "mask-shift and flat MultiDiffusion, small ripples for grid-shift, none for whole image "
    "and Gaussian MultiDiffusion.",
)

# %%
Markdown(as_markdown([row for row in kept.rows if row["part"] == "line"], columns))

# %% [markdown]
# In two dimensions one can look at it, above without a guide and below with one. Mask-shift has noise of its own; the
# others share theirs.

# %%
names = ("whole image", "fixed grid", "grid-shift", "mask-shift")
files = [name.replace(" ", "_") + end for end in ("", "_guided") for name in names]
labels = [name + end for end in ("", ", guided") for name in names]
save(
    sheets([kept.image(file) for file in files], labels, across=4),
    "images_classroom",
    "Eight fields of blotches by four schemes, above without a guide, below with one. Without "
    "a guide the fixed grid shows straight lines where its patches meet.",
)

# %% [markdown]
# ## What we saw, beside what the paper says
#
# The paper says that shifting the grid leaves no seams, and shows slides. On this field the claim can be checked to the
# last digit. A fixed grid jumps at each of its lines. Grid-shift spreads the same ignorance over all places: no line
# stands out, but all are a little rough. More steps leave less, though never nothing.
#
# Averages with flat weights jump where windows end. With weights that fall to nothing at the border they are all but
# exact, at four times the work. A cross-fade at the end does little harm; pasting finished neighbours leaves seams.
