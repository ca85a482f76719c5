# %% [markdown]
# # Fewer evaluations for the same picture
#
# **Question.** The paper spends 79 evaluations of the network on every patch of every stage. How few will do? And what
# should be saved: steps, the second evaluation of each step, the noisiest levels, or the empty glass?
#
# ```{figure} ../figures/plans.jpg
# :alt: Three patches of violet tissue in seven columns: the guide, the student at 1, 2 and 4 evaluations, other plans at 6, 10 and 79.
#
# Three patches at 1 to 79 evaluations, from the same guides and the same noise.
# ```
#
# **Predict before you run.** Heun pays for its second order with a second evaluation per step. 2M takes the estimate of
# the step before instead. Order Euler, Heun and 2M by quality at ten evaluations. And what happens to a stage that
# starts at noise level 0.7 instead of 80, with the coarser stage in place of the noise it never saw?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how many plans, slides and real patches
cohort: str = "sample"  # where the real patches come from: sample, phantom, or a cohort.csv
seed: int = 0  # names overviews, noise and shifts: all plans share them
guided_sigma: float = 1.9  # the guide is in force at this noise level and above
out: str = "out/fewer_evaluations"  # folder for the figures

# %%
from dataclasses import replace
from functools import partial
from pathlib import Path

from IPython.display import Markdown

from wsigen.experiments import fewer_evaluations
from wsigen.experiments.lab import Lab
from wsigen.experiments.one_patch import BY_COST, magnified
from wsigen.experiments.result import as_markdown, saved_for, sheet
from wsigen.experiments.run import saved_or_run
from wsigen.guidance import AveragePool
from wsigen.pixels import to_images, to_pixels
from wsigen.plots.fewer_evaluations import pareto, switches, zoom_cost
from wsigen.plots.quality import sheets
from wsigen.plots.shown import show
from wsigen.plots.whole_slide import film_strip
from wsigen.plots.zoom import zoom_path as zoom_figure

Path(out).mkdir(parents=True, exist_ok=True)
lab = Lab(cohort, seed=seed)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it


def badge(result):
    """What a table comes from."""
    return f"Profile **{result.profile}**, cohort **{result.parameters['cohort']}**."


# %% [markdown]
# ## Quality over evaluations
#
# Every plan makes the same small slides from the same overviews, noise and shifts of the grid. At the smoke size there
# are two plans and a handful of crops. They show how it is measured, and nothing else.

# %%
config = replace(fewer_evaluations.PROFILES[profile], guided_sigma=guided_sigma)
live = saved_or_run("fewer_evaluations", profile, lab, config=config, out=Path(out))
columns = ("solver", "num_steps", "sigma_start", "switch", "evaluations", "kid", "precision", "recall", "seam_effect", "seam_chance", "difference")  # fmt: skip
Markdown(as_markdown([row for row in live.rows if row["solver"] not in ("skip", "patch")], columns))  # fmt: skip

# %%
kept = saved_for(live)
Markdown(badge(kept))

# %%
plans = [row for row in kept.rows if row["solver"] not in ("skip", "patch")]
Markdown(as_markdown(plans, columns))

# %%
save(
    pareto(plans),
    "pareto",
    "Four plots over the evaluations per patch, with a mark for each solver: KID, precision, "
    "recall and the seam effect. A dotted line shows what other real patches reach.",
)

# %% [markdown]
# One switch at a time, beside the plan in which it is switched (2M, 8 steps from noise level 3, dotted). In brackets
# are the evaluations per patch.

# %%
switched = [row for row in plans if row["switch"]]
base = next(row for row in plans if row["solver"] == "2m" and not row["switch"])
save(
    switches(switched or [base | {"switch": "itself"}], base),
    "switches",
    "Five plots side by side with a row for each switch: KID, precision, recall, seam effect and difference to the "
    "plan with most evaluations, as points with intervals; the plan without the switch is a dotted line with a band.",
)

# %% [markdown]
# The same slide by each plan:

# %%
shown = [row for row in plans if row["solver"] != "real"][:5]
names = [f"{row['solver']}_{row['num_steps']}_{row['sigma_start']:g}" for row in shown]
save(
    film_strip([kept.image(name) for name in names], names),
    "slides",
    f"The same generated slide by {len(shown)} plans, side by side: {', '.join(names)}.",
)

# %% [markdown]
# ## One patch at 1, 2, 4, 10 and 79 evaluations
#
# Three real patches, averaged to half their size and magnified again from the same noise. The student takes one, two
# and four evaluations, the model that is told its guide six, the plan `fast` ten and the paper's 79. On the right the
# patches as they are.

# %%
patches = lab.real_patches(3, config.mpp)
guides = AveragePool()(to_images(patches))
by_cost = {
    f"{name.split()[0]}, {plan.evaluations}": sheet(magnified(guides, plan, config.mpp, lab), 1)
    for name, plan in BY_COST
}
pictures = [sheet(to_pixels(AveragePool().pinv(guides)), 1), *by_cost.values(), sheet(patches, 1)]
labels = ["the guide", *by_cost, "real"]
save(
    sheets(pictures, labels, across=len(pictures)),
    "one_patch",
    f"Three patches, one below the other, in {len(labels)} columns: {', '.join(labels)}. One evaluation gives tissue with "
    "every nucleus in its place, two and four give it more contrast; fast drifts away from the guide.",
)

# %% [markdown]
# ## Skipping empty glass
#
# Where the guide shows nothing but background, the network is not asked: the guide's tone is the answer. The margin is
# the number of patches all round that have to be background as well; `None` asks always. The columns on glass say what
# the network would have drawn there: how far from the background's grey, and with what spread.

# %%
skips = [row for row in kept.rows if row["solver"] == "skip"]
skip_columns = ("margin", "skipped", "evaluations", "difference", "glass", "glass_offset", "glass_spread", "glass_difference")  # fmt: skip
Markdown(as_markdown(skips, skip_columns))

# %% [markdown]
# ## One place at every scale (Fig. 2)
#
# To see one place from overview to cell, most patches of a slide are not needed. Going back through the steps, the area
# that is needed grows by half a patch a side and step. At the start of a stage, half of it (in pixels) is asked of the
# stage before. So every stage costs the same, however large the slide.

# %%
path = saved_or_run("zoom_path", profile, lab, out=Path(out))
zoomed = saved_for(path)
Markdown(badge(zoomed))

# %%
row = next(row for row in zoomed.rows if row["boxes"])
views = [zoomed.image(f"{row['size']}_{stage:02d}") for stage in range(row["stages"])]
save(
    zoom_figure(views, row["mpps"], row["boxes"]),
    "zoom",
    f"One generated place at {row['stages']} scales, from tissue many millimetres wide down to "
    "single nuclei. A box in each picture marks the next.",
)

# %%
Markdown(
    as_markdown(zoomed.rows, ("size", "stages", "evaluations", "evaluations_of_whole", "share"))
)

# %%
save(
    zoom_cost(zoomed.rows),
    "zoom_cost",
    "Evaluations over the side of the slide, on logarithmic axes. The line of the whole slide "
    "climbs steeply, that of one place hardly at all.",
)

# %% [markdown]
# ## What we saw, beside what the paper says
#
# The paper shows its Fig. 2 from a slide that was made whole. The cost of one place grows with the logarithm of the
# slide's side, the cost of the slide with its area.
#
# The paper takes 40 Heun steps from noise level 80 in every stage. A guided stage need not start there: above a level
# of a few units the estimate is little more than the guide. But steps also hide the borders of patches, since each
# mends what the grids before it left. Compare `seam_effect` with `seam_chance`, the same number at grids that no step
# used. Where they differ, borders remain. The student's two steps leave little, since in the last its patches fade into
# each other.
