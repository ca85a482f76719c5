# %% [markdown]
# # A reader study, with readers of known skill
#
# **Question.** If pathologists rate real and synthetic slides, does the report find how well each can tell them apart?
# With real readers nobody knows the truth. So here readers of a given skill sit a whole study, and the report is
# compared with what was put in.
#
# ```{figure} ../figures/two_hands.jpg
# :alt: Four slides, A to D: violet tissue cut straight at its right; pink tissue with fat, twice; fields of pink, red and violet.
#
# Two of these were drawn by the model, two by a program without one. Which?
# ```
#
# **Predict before you run.** A reader with a true AUC of 0.6 rates 20 real and 20 synthetic slides. How wide is the 95
# % interval that the report finds: about 0.1, about 0.2, or more than 0.3? Does it hold 0.5?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how many slides, and how large
cohort: str = "phantom"  # not used: drawn phantoms stand for the real class
seed: int = 0  # names the slides, the study and the readers
shared: float = 0.3  # part of an impression that all readers share, from 0 to 1
out: str = "out/reader_study"  # folder for the figures

# %%
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from wsigen.experiments.lab import Lab
from wsigen.experiments.reader_study import PROFILES, hold, overview, write_slides
from wsigen.experiments.result import load_result
from wsigen.plots import reader_ratings
from wsigen.plots.reader_study import power_curves, recovered_skill
from wsigen.plots.shown import show
from wsigen.plots.whole_slide import film_strip
from wsigen.study.analysis import auc, auc_interval, power, smallest_significant_auc
from wsigen.study.report import analyse, describe
from wsigen.study.simulate import simulate_ratings

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## The slides
#
# The real class are phantoms, drawn by a program. The other class are slides from `small-3`. Nobody would take one for
# the other. That does not matter here, since these readers look at no slide.

# %%
config = replace(PROFILES[profile], seed=seed, shared=shared)
folder = Path(tempfile.mkdtemp())
write_slides(folder, config, Lab(seed=seed))
files = [folder / name / f"{i:03d}.tiff" for name in ("real", "synthetic") for i in range(2)]
save(
    film_strip([overview(file) for file in files], ["real (phantom)"] * 2 + ["synthetic"] * 2),
    "slides",
    "Two drawn slides, pink tissue with white holes on grey glass, beside two generated ones, "
    "pieces of tissue on white glass.",
)

# %% [markdown]
# ## The study
#
# `hold` does what a department would do. `wsigen study create` writes all slides anew under random names, and keeps the
# labels in a key. Each reader is invited and goes through an order of their own. Each movement of the slider and each
# submission is a row in the store. The final ratings are exported and joined with the key.
#
# A simulated reader of skill $a$ feels $\mathcal N(0, 1)$ about a real slide and $\mathcal N(\sqrt 2\,\Phi^{-1}(a), 1)$
# about a synthetic one, and rates $100\,\Phi(\text{feeling})$. Then the true AUC is exactly $a$.

# %%
ratings = hold(folder, config)
report = analyse(ratings)
Markdown(describe(report).removeprefix("# "))

# %%
save(
    reader_ratings(ratings.values, ratings.synthetic, ratings.readers),
    "figure_8",
    "Box plots of the ratings, from 0 for real to 100 for synthetic, of five readers of "
    "growing skill: for each the real slides beside the synthetic ones.",
)

# %% [markdown]
# ## Twenty against twenty
#
# The paper's study had 20 slides of each class. This is the saved run at that size.

# %%
kept = load_result("reader_study", "classroom")
row = kept.rows[0]
found = np.array(row["ratings"], float)
save(
    reader_ratings(found, np.array(row["synthetic"]), row["names"]),
    "figure_8_classroom",
    "Box plots of the ratings of five readers in the saved study, real slides beside synthetic "
    "ones. The boxes of the reader with skill 0.9 lie apart, those of the others overlap.",
)

# %%
Markdown(
    f"The report finds the skill of {row['recovered']} of {row['readers']} readers within their 95 % intervals."
)

# %%
pictures = [kept.image(f"{name}_{i}") for name in ("real", "synthetic") for i in range(2)]
save(
    film_strip(pictures, ["real (phantom)"] * 2 + ["synthetic"] * 2),
    "slides_classroom",
    "Four slides of the saved study: two drawn ones, pink with white holes on grey glass, and "
    "two generated ones, dense violet tissue.",
)

# %%
save(
    recovered_skill(row),
    "recovered",
    "The AUC in the report over the true AUC of each reader, with 95 % intervals, "
    f"{row['recovered']} of {row['readers']} of which hold the line of equality; a dashed line "
    "shows what differs from chance.",
)

# %% [markdown]
# ## How often is the skill found?
#
# One study is one throw. Here each reader sits 200 studies of 20 against 20. The intervals should hold the truth in 95
# % of them.

# %%
labels = np.repeat([False, True], 20)


def holds(skill, number):
    """Whether the interval of one simulated study holds the reader's true AUC."""
    area = float(auc(simulate_ratings([skill], labels, seed=number), labels)[0])
    interval = auc_interval(area, 20, 20)
    return interval.lower <= skill <= interval.upper


lines = [
    f"| {skill:g} | {np.mean([holds(skill, i) for i in range(200)]):.1%} |"
    for skill in config.skills
]
Markdown("\n".join(["| true AUC | intervals that hold it |", "|---|---|", *lines]))

# %% [markdown]
# ## What 20 against 20 can show
#
# At chance the AUC of one reader has the variance of the Mann-Whitney test, $(m + n + 1) / (12\,m\,n)$. It has to leave
# 0.5 by 1.96 standard deviations before the reader can be said to differ from chance.

# %%
limit = smallest_significant_auc(20, 20)
Markdown(
    f"**With 20 against 20 slides, one reader's AUC must exceed {limit:.2f} to differ from chance.**"
)

# %%
areas = np.linspace(0.5, 0.99, 99)
curves = {f"{n} + {n} slides": np.array([power(a, n, n) for a in areas]) for n in (10, 20, 50, 100)}
save(
    power_curves(areas, curves),
    "power",
    "Power over the true AUC for 10 to 100 slides of each class: four curves from near zero to "
    "one, which rise earlier the more slides there are.",
)

# %% [markdown]
# ## What we saw, beside what the paper says
#
# The report finds the skill that was put in, and its intervals are wide: even a reader who is right seven times in ten
# may not be told from one who guesses. The paper asked three pathologists. A study of that size can show a large
# difference. That it shows none is no proof that there is none: that takes the report's equivalence test, and more
# slides or readers.
#
# These readers are simulated. Nothing on this page says whether slides of this model would pass for real ones.
