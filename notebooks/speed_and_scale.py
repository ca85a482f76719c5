# %% [markdown]
# # Speed and scale
#
# **Question.** What does a slide of 65 536 x 65 536 px take in patches, evaluations and operations? How does the cost
# grow with the size? And how can a machine make a slide larger than its memory?
#
# ```{figure} ../figures/cost.png
# :alt: Left, bars for the patches of stages 1 to 7, the last with three quarters of all. Right, evaluations of a slide by plan, from 1.73 million down to 0.22.
#
# Where the patches of a slide are, and how many evaluations other plans take.
# ```
#
# **Predict before you run.** Double the side of a slide. By how much does the work grow? By how much the memory, if the
# canvas lies in a file? Which of the seven stages holds most of the patches, and what share?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how large the slides that are made
cohort: str = "phantom"  # no slide is read here; named as in the other notebooks
seed: int = 0  # names the noise and the shifts of the grids
num_steps: int = 0  # N, steps of each guided stage of the slides counted and made; 0: the profile's
out: str = "out/speed_and_scale"  # folder for the figures

# %%
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from IPython.display import Markdown

from wsigen.coarse_to_fine import drain, generate
from wsigen.experiments import scaling
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import as_markdown, results_folder, saved_result
from wsigen.experiments.run import saved_or_run
from wsigen.plan import stages
from wsigen.plots.scaling import cost_by_size, patches_per_stage
from wsigen.plots.shown import show
from wsigen.runs.storage import Storage, bytes_on_disk
from wsigen.training.checkpoint import load_denoiser

Path(out).mkdir(parents=True, exist_ok=True)
lab = Lab(seed=seed)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# ## The ledger of the paper's slide
#
# Stages, patches and evaluations are counted by the functions that make slides. Wrapped grids have exactly $n^2$
# patches. Padded ones, which are shifted over the edge, have $(n + 1)^2$.

# %%
config = scaling.PROFILES[profile]
if num_steps:
    config = replace(config, plan=replace(lab.plan(config.plan), num_steps=num_steps))
live = saved_or_run("scaling", profile, lab, config=config, out=Path(out))
paper = live.rows[0]
columns = ("stages", "patches", "patches_padded", "evaluations_each", "evaluations", "evaluations_per_second")  # fmt: skip
Markdown(as_markdown([paper], columns))

# %%
save(
    patches_per_stage(paper),
    "stages",
    "Bars on a logarithmic axis: the patches of stages 1 to 7. Each stage has four times as "
    "many as the one before it; the last has three quarters of all.",
)

# %% [markdown]
# The last column is what 40 minutes ask for: so many evaluations a second, at 512 x 512 px. With our preset `paper`, of
# about the paper's size, one evaluation costs:

# %%
print(
    f"{paper['flops_per_patch'] / 1e9:.0f} billion a patch, {paper['flops'] / 1e15:.0f} 10^15 a slide"
)

# %% [markdown]
# ## The cost goes with the area
#
# The same counts for slides of `small-3`. `made` are those made just now; `evaluations_spent` were counted on the way.

# %%
own = ("what", "size", "stages", "patches", "evaluations", "evaluations_spent", "flops")
Markdown(as_markdown(live.rows[1:], own))

# %% [markdown]
# ## More slide than memory
#
# The canvas of a stage lies in two memory-mapped files. A step reads one and writes the other, window by window, so
# that memory holds a batch of patches whatever the size. Half precision halves the files. Values are kept in units of
# $\sqrt{1 + \sigma^2}$, so that a half's eleven bits serve the image at every noise level.
#
# What does that change? Here is a small slide in grey levels of 255, beside the change from half precision (bfloat16)
# in the network:


# %%
def make(half_canvas, half_network):
    """A small slide by the plan that suits the model."""
    denoiser = load_denoiser(lab.model, half=half_network)
    path = stages(128, 128, 0.7, patch_px=denoiser.info.patch_px, mpp_max=denoiser.info.mpp_max)
    run = generate(
        denoiser.painter(lab.plan(None), seed=seed), path, storage=Storage(half=half_canvas)
    )
    return drain(run).float()


plain = make(half_canvas=False, half_network=False)
for name, slide in (("canvas", make(True, False)), ("network", make(False, True))):
    difference = (slide - plain).abs() * 127.5
    print(
        f"{name} in half: mean {difference.mean():.2f}, largest {difference.max():.1f} grey levels"
    )

# %%
sizes = (16_384, 32_768, 65_536)
paths = {n: stages(n, n, 0.7, patch_px=64, mpp_max=lab.denoiser.info.mpp_max) for n in sizes}
room = [{"size": n, "GB on disk": bytes_on_disk(path, True) / 1e9} for n, path in paths.items()]
Markdown(as_markdown(room, ("size", "GB on disk")))

# %% [markdown]
# What whole slides took, measured by `benchmarks/scaling.py`, each size in a process of its own. *tiny* is a small
# network with random weights. *nearly free* is a denoiser that costs next to nothing, and shows the cost of the scheme
# itself:

# %%
benchmark = json.loads((results_folder().parent / "benchmarks/results/scaling.json").read_text())
measured = ("denoiser", "size", "num_steps", "cpu_seconds", "cpu_seconds_to_write", "peak_mib")
Markdown(as_markdown(benchmark["rows"], measured))

# %%
save(
    cost_by_size(benchmark["rows"]),
    "cost",
    "Left, processor seconds over the side of the slide, rising on logarithmic axes. Right, "
    "peak memory, which hardly rises while the size of one canvas shoots up.",
)

# %% [markdown]
# And with `small-3`, from the saved classroom run if there is one:

# %%
saved = saved_result("scaling")
shown = ("size", "evaluations_spent", "patches_per_cpu_second", "cpu_seconds") if saved else own
Markdown(as_markdown([row for row in (saved or live).rows if row["what"] == "made"], shown))

# %% [markdown]
# ## What we saw, beside what the paper says
#
# The counts are the paper's: 21 844 patches, 79 evaluations each, 1.73 million in all. They leave out the padding of
# shifted grids, 2.4 % more. Its 40 minutes ask for 719 evaluations of 512 px patches a second. No such GPU was at hand,
# and we neither confirm nor refute them.
