# %% [markdown]
# # A whole slide, stage by stage, and its nearest neighbours
#
# **Question.** What does each stage of the coarse-to-fine scheme add? And are the patches of the finished slide new, or
# copies of what the model was trained on?
#
# ```{figure} ../figures/zoom.jpg
# :alt: Ten pictures of one place of a generated slide, from the whole of it on its glass down to single nuclei, each frame the next picture.
#
# One place of a generated slide, stage by stage.
# ```
#
# **Predict before you run.** The distance from a generated patch to its nearest training patch is compared with that
# from other real patches of the same slides. Which will be smaller? And where would you look for copies first: at
# coarse magnifications, of which there are few training slides, or at fine ones, of which there are many?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how large the slides are, and how many
cohort: str = "sample"  # where the nearest patches are looked for: sample, phantom, or a cohort.csv
seed: int = 0  # names the draws of real patches; each slide has a seed of its own
show_neighbours: bool = True  # show the nearest patches; never those of a cohort of yours
out: str = "out/whole_slide"  # folder for the figures

# %%
from functools import partial
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from wsigen.experiments import whole_slide, zoom_neighbours
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import (
    as_markdown,
    described,
    results_folder,
    saved_for,
    saved_result,
)
from wsigen.experiments.run import saved_or_run
from wsigen.plots.shown import show
from wsigen.plots.whole_slide import film_strip, magnifications, nearest_distances
from wsigen.zoom.pages import write_frames

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## The stages
#
# Stage 0 draws the whole slide in one patch. Each further stage doubles the pixels and halves the micrometres that a
# pixel spans. Every picture shows the same piece of glass.

# %%
config, lab = whole_slide.PROFILES[profile], Lab(cohort, seed=seed)
path = whole_slide.path(config, lab)
labels = [f"{stage.width} px, {stage.mpp:g} µm/px" for stage in path]
save(
    film_strip(whole_slide.film(config.slides[0], config, lab), labels),
    "stages",
    f"One generated slide in {len(path)} stages: tissue keeps its outline and colours, and gets "
    "finer.",
)

# %% [markdown]
# ## Patches at each magnification, and their nearest training patches (Fig. 6)
#
# A slide of the paper's size need not be made for this. A few places of it are made at every scale (`wsigen.zoom.path`)
# and cut into patches. The number above a patch is the distance to the nearest training patch of its magnification, in
# the features of EfficientNet-Lite0. Neighbours from the sample that ships, or from phantoms, are shown below the
# patches. Those from a cohort of your own are not: numbers are enough to tell a copy.

# %%
zooms = zoom_neighbours.PROFILES[profile]
shown = show_neighbours and cohort in ("phantom", "sample")
rows = []
for factor in zooms.factors:
    made, nearest, distances = zoom_neighbours.neighbours(factor, zooms, lab)
    rows.append(
        {
            "mpp": zooms.mpp * factor,
            "patches": made,
            "distances": distances,
            "neighbours": nearest if shown else None,
        }
    )
save(
    magnifications(rows),
    "neighbours",
    "Squares of the slide, a row for each scale, with a distance above each"
    + (" and the nearest patch of the cohort below it." if shown else "."),
)

# %% [markdown]
# The sample that ships has five patients, and the model was trained on others. This shows how the search works; the
# saved run below says what it found. Where a whole slide fits into one patch there is only one to draw, so the other
# real patches are copies, at distance 0. `slides` says how many slides show a scale.

# %%
saved = (results_folder() / "classroom" / "zoom_neighbours.json").is_file()
live = saved_or_run("zoom_neighbours", profile, lab, out=None if saved else Path(out))
columns = ("mpp", "patches", "nearest", "nearest_least", "nearest_real", "nearest_real_least")
Markdown(as_markdown(live.rows, (columns[0], "slides", *columns[1:])))

# %% [markdown]
# ## The saved run on the real cohort
#
# Places of a slide of 65 536 px at 0.7 µm per pixel, with the model's training patches as neighbours, or the run above
# where nobody has saved one.

# %%
zoomed_in = saved_for(live)
Markdown(described(zoomed_in))


# %%
def squares(result, name, row):
    """The kept patches of a row, as the figure wants them."""
    picture = result.image(name)
    patches = np.split(picture, picture.shape[1] // picture.shape[0], axis=1)
    return {"mpp": row["mpp"], "patches": patches, "distances": row["shown"], "neighbours": None}


save(
    magnifications(
        [
            squares(zoomed_in, f"patches_{row['factor']}", row)
            for row in zoomed_in.rows
            if row["patches"]
        ]
    ),
    "patches_zoomed",
    "Squares of places of a slide of 65 536 px, a row for each scale from cells to whole "
    "pieces of tissue, with the distance to the nearest training patch above each.",
)

# %%
Markdown(as_markdown(zoomed_in.rows, (columns[0], "slides", *columns[1:])))

# %%
save(
    nearest_distances(zoomed_in.rows),
    "distances_zoomed",
    "Distance to the nearest training patch at each scale of a slide of 65 536 px, medians with "
    "lines down to the least: dots for other real patches, triangles for generated ones.",
)

# %% [markdown]
# ## Small slides whole
#
# The experiment `whole_slide` looks at more patches of fewer scales. It makes small slides whole, and cuts the finished
# slide, averaged to each magnification.

# %%
saved = (results_folder() / "classroom" / "whole_slide.json").is_file()
live_whole = saved_or_run(
    "whole_slide", profile, lab, config=config, out=None if saved else Path(out)
)
Markdown(as_markdown(live_whole.rows, ("slide", *columns)))

# %%
kept = saved_for(live_whole)
Markdown(described(kept))


# %%
def strip(seed):
    """The kept stages of a slide side by side."""
    labels = kept.rows[0]["stages"]
    return film_strip([kept.image(f"stage_{seed}_{i}") for i in range(len(labels))], labels)


seeds = sorted({row["slide"] for row in kept.rows})
save(
    strip(seeds[0]),
    "stages_classroom_first",
    "The stages of the first saved slide side by side: the same tissue and glass in each, finer and finer.",
)

# %%
save(
    strip(seeds[-1]),
    "stages_classroom_last",
    "The stages of the last saved slide: its outline is there from the first on, nuclei only in the last.",
)

# %%
save(
    magnifications(
        [
            squares(kept, f"patches_{row['slide']}_{row['factor']}", row)
            for row in kept.rows
            if row["slide"] == seeds[-1]
        ]
    ),
    "patches_classroom",
    "Squares of a slide of the saved run, a row for each scale from lacy tissue to whole edges, "
    "with the distance to the nearest training patch above each.",
)

# %%
Markdown(as_markdown(kept.rows, ("slide", *columns)))

# %%
save(
    nearest_distances(kept.rows),
    "distances_classroom",
    "Distance to the nearest training patch at each scale, medians with lines down to the "
    "least: dots for other real patches, triangles for generated ones.",
)

# %% [markdown]
# ## A strip of all stages
#
# The paper's seven stages begin at 80 to 150 µm per pixel. Ours begin where the whole slide fits into one patch, so
# there are more of them. Here is one place of a slide of that size, by the experiment `zoom_path`. Each picture spans
# half the millimetres of the one before.

# %%
zoomed = saved_result("zoom_path") or saved_or_run("zoom_path", profile, lab)
row = next(row for row in zoomed.rows if row["boxes"])
views = {
    f"stage {i}, {mpp:g} µm/px" if i else f"overview, {mpp:g} µm/px": zoomed.image(
        f"{row['size']}_{i:02d}"
    )
    for i, mpp in enumerate(row["mpps"])
}
_ = write_frames(f"{out}/seven", views)

# %% [markdown]
# ```{frames} book/executed/whole_slide/seven
# :alt: One place of a generated slide,
# :strip:
# One place of a generated slide of 65 536 px a side: the overview, and all stages after it.
# ```

# %% [markdown]
# ## What we saw, beside what the paper says
#
# *The stages.* The outline of the tissue is there in the first stage and stays, and fields of colour keep their places.
# What the paper's 512 px patches have and these lack is anatomy: at 64 px the overview knows edges and colours, and
# later stages fill each colour with its texture. At the edge of the canvas, where the guide ends in glass, tissue
# frays.
#
# *The neighbours.* No generated patch of either saved run is a copy (a copy is at 0). That is what Fig. 6 of the paper
# shows by eye. At the coarse end this is an easy test: few slides show those scales, and other real patches overlap the
# training patches there, down to a distance near 0.
#
# The medians show likeness, not newness. Texture without rare things is near to what is common, and what looks like no
# tissue at all is far from every slide. So a small distance is no sign of copying by itself, and a large one no sign of
# newness.
#
# These are few patches, and the other real ones come from the same slides as the training patches. So this is a look
# for copies, and no test of privacy. Patients that the model has not seen are in chapter 12.
