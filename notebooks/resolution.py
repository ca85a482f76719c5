# %% [markdown]
# # One network for all magnifications
#
# **Question.** One network draws patches at 0.3 and at 100 micrometres per pixel, and is told which is wanted. Is it
# equally good at all of them (Table 1 of the paper)?
#
# ```{frames} book/executed/beside
# :alt: Eight real patches of five patients above eight generated ones, at
# :label: scale
#
# Above, real tissue from the sample that ships. Below, what the model draws at each scale.
# ```
#
# **Predict before you run.** At which end do you expect the better precision? A fine patch shows a few nuclei, and the
# training slides hold thousands of such patches. A coarse patch shows a piece of a section, and there are few slides.
# And recall?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how many patches, at which scales
cohort: str = "sample"  # real patches to compare with: sample, phantom, or a cohort.csv
seed: int = 0  # names the noise of the patches and the draw of the real ones
num_steps: int = 0  # N of the sampler, for this run; 0: the profile's
out: str = "out/resolution"  # folder for the figures

# %%
from dataclasses import replace
from functools import partial
from pathlib import Path

from IPython.display import Markdown

from wsigen.experiments.lab import Lab
from wsigen.experiments.resolution import PROFILES
from wsigen.experiments.result import as_markdown, described, saved_for
from wsigen.experiments.run import saved_or_run
from wsigen.plots.quality import resolution_scores, sheets
from wsigen.plots.shown import show

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## This run
#
# A column is one scale, or a mixture. "uniform" draws the scale uniformly, as the paper trains. "log" draws as many
# patches from each octave, as we do.

# %%
config = PROFILES[profile]
config = replace(config, num_steps=num_steps or config.num_steps)
lab = Lab(cohort, seed=seed)
live = saved_or_run("resolution", profile, lab, config=config, out=Path(out))
columns = ("scale", "precision", "real_precision", "recall", "real_recall", "apart", "patients")
Markdown(as_markdown(live.rows, columns))

# %%
drawn = [row for row in live.rows if row["samples"]]
names = [f"scale_{row['scale']}" for row in drawn]
save(
    sheets([live.image(name) for name in names], [str(row["scale"]) for row in drawn]),
    "patches",
    "Generated patches of this run, a block for each scale: large nuclei at the finest, then "
    "many small ones, edges of tissue and glass.",
)

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
    resolution_scores(kept.rows),
    "scores_classroom",
    "Precision and recall at each scale with intervals: the paper's generated patches, ours, "
    "and other real patches. Our recall lies far below that of the real ones.",
)

# %%
table = (
    "scale",
    "precision",
    "real_precision",
    "paper_precision",
    "recall",
    "real_recall",
    "paper_recall",
)
Markdown(as_markdown(kept.rows, table))

# %%
drawn = [row for row in kept.rows if row["samples"]]
names = [f"scale_{row['scale']}" for row in drawn]
save(
    sheets([kept.image(name) for name in names], [str(row["scale"]) for row in drawn]),
    "patches_classroom",
    "Generated patches of the saved run, a block for each scale, from large nuclei to pieces "
    "of whole sections.",
)

# %%
Markdown(as_markdown(kept.rows, ("scale", "samples", "apart", "patients")))

# %% [markdown]
# ## What we saw, beside what the paper says
#
# The paper's row is nearly flat: precision 0.81 to 0.86, recall 0.32 to 0.38. That is the claim that can be compared.
# The values cannot, since our patches are 64 px wide, there are about a hundred for each scale and not 50 000, and
# another network compares them. So look at the row of other real patches, which is what a perfect generator would reach
# with the same samples.
#
# Our precision is near that row at most scales, and not even over them. Recall is far below it everywhere. The small
# model draws patches that could be real, but only some of the kinds there are. At coarse scales the patches come from
# few slides and overlap, so that other real patches look more alike than new slides would.
