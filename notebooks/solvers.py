# %% [markdown]
# # How many steps, and of which solver?
#
# **Question.** A step of Heun's method spends two evaluations of the network. A step of Euler's spends one, and so does
# a step of 2M. Which gives the best patches for the same work (Fig. 5 of the paper)?
#
# ```{figure} ../figures/by_evaluations.jpg
# :alt: Five rows of patches from the same noise, with 1, 7, 15, 31 and 79 evaluations: plain lilac, glaring, and three times clean tissue.
#
# The same noise with 1 to 79 evaluations. Where would you stop?
# ```
#
# **Predict before you run.** Sketch precision over the number of *steps* for Heun and Euler, and again over the number
# of *evaluations*. Does their order change? And which suffers more from too few steps, precision or recall?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how many patches and steps
cohort: str = "sample"  # real patches to compare with: sample, phantom, or a cohort.csv
seed: int = 0  # names the noise of the patches and the draw of the real ones
mpp: float = 1.0  # micrometres per pixel
solvers: str = "heun euler 2m"  # which are compared
out: str = "out/solvers"  # folder for the figures

# %%
from dataclasses import replace
from functools import partial
from pathlib import Path

from IPython.display import Markdown

from wsigen.experiments.lab import Lab
from wsigen.experiments.result import as_markdown, described, saved_for
from wsigen.experiments.run import saved_or_run
from wsigen.experiments.solvers import PROFILES
from wsigen.plots.quality import sheets, solver_curves
from wsigen.plots.shown import show
from wsigen.zoom.pages import write_frames

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## This run
#
# Every point is a set of patches from noise, compared with as many real ones. Patch number 7 starts from the same noise
# at every point, so what changes is the solver's doing.

# %%
config = replace(PROFILES[profile], mpp=mpp, solvers=tuple(solvers.split()))
lab = Lab(cohort, seed=seed)
live = saved_or_run("solvers", profile, lab, config=config, out=Path(out))
columns = ("solver", "num_steps", "evaluations", "precision", "recall", "kid")
Markdown(as_markdown(live.rows, columns))

# %%
made = [row for row in live.rows if row["solver"] != "real"]
names = [f"{row['solver']}_{row['num_steps']}" for row in made]
labels = [f"{row['solver']}, N = {row['num_steps']}" for row in made]
save(
    sheets([live.image(name) for name in names], labels),
    "patches",
    f"A row of patches from the same noise for each of: {', '.join(labels)}. With the fewest "
    "steps there is noise or blur, with more there are nuclei.",
)

# %%
heun = [
    (row["num_steps"], live.image(f"heun_{row['num_steps']}"))
    for row in made
    if row["solver"] == "heun"
]
_ = write_frames(f"{out}/by_steps", {f"N = {steps}": picture for steps, picture in heun})

# %% [markdown]
# The same patches by Heun's method, with more and more steps:
#
# ```{frames} book/executed/solvers/by_steps
# :alt: Patches from the same noise by Heun's method with
# :label: steps
# ```

# %% [markdown]
# The sample that ships has five patients. That is too few to say how good the model is, but it shows how the measures
# work. The saved run compares with all of the model's training slides.

# %% [markdown]
# ## The saved run
#
# The run of the profile "classroom" on the real cohort, or the run above where nobody has saved one. The line says
# which it is.

# %%
kept = saved_for(live)
Markdown(described(kept))

# %%
save(
    solver_curves(kept.rows),
    "curves_classroom",
    "Precision and recall of the solvers with intervals, left over the number of steps, right "
    "over the evaluations. A blue band shows where other real patches lie.",
)

# %%
Markdown(as_markdown(kept.rows, columns))

# %%
made = [row for row in kept.rows if row["solver"] != "real"]
names = [f"{row['solver']}_{row['num_steps']}" for row in made]
labels = [f"{row['solver']}, N = {row['num_steps']}" for row in made]
save(
    sheets([kept.image(name) for name in names], labels),
    "patches_classroom",
    f"Patches of the saved run, a row from the same noise for each of: {', '.join(labels)}.",
)

# %% [markdown]
# ## What we saw, beside what the paper says
#
# In its Fig. 5 the paper finds Heun preferable to Euler over steps. Only the axis of evaluations is fair, since a step
# of Heun costs twice a step of Euler. The height of our curves is not the paper's. It depends on the number of samples,
# the size of the patches and the network behind the features. The blue band is where other real patches of the same
# slides lie. A generator that keeps to what is common may lie above it in precision, at the price of recall.
